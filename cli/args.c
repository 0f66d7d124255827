/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing the command line. Words come until they name a command; what follows are its arguments.
 * Flags may stand anywhere, but those of a command only after its name. */
#include "cli/args.h"

#include <string.h>

#include "cli/ctx.h"
#include "core/base/str.h"

#define COMMAND(id, path, args, least, most, summary) static const struct flag flags_##id[] = {
#define FLAG(name, letter, kind, value, dflt, help) { name, letter, kind, value, dflt, help },
#define END_COMMAND(id) { .name = NULL } };
#include "cli/commands.def"

#define COMMAND(id, path_, args_, least_, most_, summary_)                                            \
    { .path = path_, .args = args_, .summary = summary_, .least = least_, .most = most_,              \
      .flags = flags_##id, .run = cmd_##id },
#define FLAG(name, letter, kind, value, dflt, help)
#define END_COMMAND(id)
static const struct command commands[] = {
#include "cli/commands.def"
};
#define COMMANDS (sizeof commands / sizeof commands[0])

const struct command *command_at(unsigned i)
{
    return i < COMMANDS ? &commands[i] : NULL;
}

/* ---- commands */

/* The command whose path is @p path; *ret_group: some path starts with it and a space. */
static const struct command *command_find(const char *path, bool *ret_group)
{
    size_t n = strlen(path);
    *ret_group = false;
    for (unsigned i = 1; i < COMMANDS; i++) {
        if (strcmp(commands[i].path, path) == 0)
            return &commands[i];
        *ret_group |= strncmp(commands[i].path, path, n) == 0 && commands[i].path[n] == ' ';
    }
    return NULL;
}

static int unknown_command(const char *path, struct err *err)
{
    int rc = err_set(err, ERR_USAGE, "unknown command \"%s\"", path);
    err_remedy(err, "phoenix --help lists the commands");
    for (unsigned i = 1; i < COMMANDS; i++) {
        struct str known = str_of(commands[i].path);
        struct str group = { known.p, strcspn(known.p, " ") };
        if (str_close(str_of(path), known)) {
            err_remedy(err, "did you mean \"%s\"?", known.p);
            break;
        }
        if (!strchr(path, ' ') && str_close(str_of(path), group))
            err_remedy(err, "did you mean \"%.*s\"?", (int)group.n, group.p);
    }
    return rc;
}

/* One more word of the path: *path becomes longer, or a command. */
static int path_word(struct args *a, char *path, size_t cap, const char *word, struct err *err)
{
    size_t n = strlen(path);
    bool group;
    snprintf(path + n, cap - n, "%s%s", n ? " " : "", word);
    a->cmd = command_find(path, &group);
    if (!a->cmd && !group)
        return unknown_command(path, err);
    return 0;
}

/* ---- flags */

static const struct flag *flag_find(const struct flag *list, struct str name)
{
    for (; list->name; list++)
        if (str_eqz(name, list->name) || (name.n == 1 && name.p[0] == list->letter))
            return list;
    return NULL;
}

static int unknown_flag(const struct args *a, const char *arg, struct str name, struct err *err)
{
    int rc = err_set(err, ERR_USAGE, "unknown flag %.*s", (int)strcspn(arg, "="), arg);
    const struct flag *lists[] = { commands[0].flags, a->cmd ? a->cmd->flags : commands[0].flags };
    err_remedy(err, "phoenix %s%s--help lists the flags", a->cmd ? a->cmd->path : "", a->cmd ? " " : "");
    for (unsigned l = 0; l < 2; l++)
        for (const struct flag *f = lists[l]; f->name; f++)
            if (str_close(name, str_of(f->name)))
                err_remedy(err, "did you mean --%s?", f->name);
    return rc;
}

static int check_value(const struct flag *f, const char *value, struct err *err)
{
    int64_t v;
    if (f->kind == FLAG_INT && (!parse_int(str_of(value), &v) || v < 1))
        return err_set(err, ERR_USAGE, "--%s wants a number from 1, not \"%s\"", f->name, value);
    if (f->kind == FLAG_DURATION && !parse_duration(str_of(value), &v))
        return err_set(err, ERR_USAGE, "--%s wants a duration such as 90s or 1h30m, not \"%s\"", f->name,
                       value);
    return 0;
}

/* argv[*io_i] starts with a dash. */
static int read_flag(struct args *a, int argc, char **argv, int *io_i, struct err *err)
{
    const char *arg = argv[*io_i], *value = strchr(arg, '=');
    struct str name = str_of(arg + (arg[1] == '-' ? 2 : 1));
    if (value)
        name.n = (size_t)(value++ - name.p);
    const struct flag *f = a->cmd ? flag_find(a->cmd->flags, name) : NULL;
    if (!f)
        f = flag_find(commands[0].flags, name);
    if (!f)
        return unknown_flag(a, arg, name, err);
    if (f->kind == FLAG_BOOL && value)
        return err_set(err, ERR_USAGE, "--%s takes no value", f->name);
    if (f->kind == FLAG_BOOL)
        value = "true";
    else if (!value && *io_i + 1 >= argc)
        return err_set(err, ERR_USAGE, "--%s wants a value: %s", f->name, f->value);
    else if (!value)
        value = argv[++*io_i];
    if (a->n_given == FLAGS_GIVEN_MAX)
        return err_set(err, ERR_USAGE, "more than %d flags", FLAGS_GIVEN_MAX);
    a->given[a->n_given].flag = f;
    a->given[a->n_given++].value = value;
    return check_value(f, value, err);
}

static int check_words(struct args *a, const char *path, struct err *err)
{
    if (args_has(a, "help") || (!a->cmd && (args_has(a, "version") || args_has(a, "dump")))) {
        str_copy(a->group, sizeof a->group, str_of(path));
        return 0;
    }
    if (!a->cmd && !*path)
        return err_set(err, ERR_USAGE, "which command?");
    if (!a->cmd)
        return err_set(err, ERR_USAGE, "\"%s\" wants a command", path);
    if (a->n_words < a->cmd->least || a->n_words > a->cmd->most)
        return err_set(err, ERR_USAGE, "%s takes %s%s", a->cmd->path, a->cmd->most ? "" : "no arguments",
                       a->cmd->args);
    return 0;
}

int args_parse(int argc, char **argv, struct args *ret, struct err *err)
{
    bool flags_ended = false;
    char path[64] = "";
    int rc = 0;
    memset(ret, 0, sizeof *ret);
    for (int i = 1; i < argc && rc == 0; i++) {
        if (!flags_ended && strcmp(argv[i], "--") == 0)
            flags_ended = true;
        else if (!flags_ended && argv[i][0] == '-' && argv[i][1])
            rc = read_flag(ret, argc, argv, &i, err);
        else if (!ret->cmd)
            rc = path_word(ret, path, sizeof path, argv[i], err);
        else if (ret->n_words < ARGS_MAX)
            ret->words[ret->n_words++] = argv[i];
        else
            rc = err_set(err, ERR_USAGE, "more than %d arguments", ARGS_MAX);
    }
    if (rc == 0)
        rc = check_words(ret, path, err);
    if (rc != 0 && err && !err->remedy[0])
        err_remedy(err, "phoenix %s%s--help explains it", ret->cmd ? ret->cmd->path : path,
                   ret->cmd || *path ? " " : "");
    return rc;
}

const char *args_get(const struct args *a, const char *name)
{
    for (int i = a->n_given - 1; i >= 0; i--)
        if (strcmp(a->given[i].flag->name, name) == 0)
            return a->given[i].value;
    const struct flag *f = a->cmd ? flag_find(a->cmd->flags, str_of(name)) : NULL;
    if (!f)
        f = flag_find(commands[0].flags, str_of(name));
    return f ? f->dflt : NULL;
}

bool args_has(const struct args *a, const char *name)
{
    return args_nth(a, name, 0) != NULL;
}

const char *args_nth(const struct args *a, const char *name, int i)
{
    for (int g = 0; g < a->n_given; g++)
        if (strcmp(a->given[g].flag->name, name) == 0 && i-- == 0)
            return a->given[g].value;
    return NULL;
}
