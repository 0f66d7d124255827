/* SPDX-License-Identifier: Apache-2.0 */
/* Where settings come from. The flags are read first, into a list, because they name the file; then
 * values are assigned in rising order of precedence: default, file, environment, flag. */
#include "config.h"

#include <stdio.h>

#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/settings_priv.h"
#include "core/base/yaml.h"

enum special { RUN, HELP, SHOW_VERSION, PRINT_CONFIG, DUMP };

struct load {
    enum program program;
    struct settings *s;
    struct err *err;
    const char *config, *dump;
    enum special special;
    /* flags in their order; values borrowed from argv */
    struct flag {
        int row;
        bool is_file; /* the value names a file that holds it */
        const char *spelled;
        struct str value;
    } *flags;
    int n_flags;
};

/* ---- secrets in files of their own */

/* One line, whose end does not count. Messages name the file, never what it holds. */
static int assign_file(struct load *l, int row, struct str path, enum setting_source source)
{
    struct buf text CLEANUP_BUF;
    const char *name = arena_strndup(l->s->state->arena, path);
    if (file_read(name, LIMIT_YAML_BYTES, &text, l->err) != 0)
        return ERR_CONFIG;
    struct str line = buf_str(&text);
    if (line.n && line.p[line.n - 1] == '\n')
        line.n--;
    int rc = setting__assign(l->s, row, line, source, l->err);
    if (rc != 0)
        err_prefix(l->err, "what \"%s\" holds ", name);
    return rc;
}

static int assign(struct load *l, int row, struct str text, bool is_file, enum setting_source source)
{
    return is_file ? assign_file(l, row, text, source) : setting__assign(l->s, row, text, source, l->err);
}

/* ---- file */

static int file_error(struct load *l, const struct json *at, const char *key)
{
    err_prefix(l->err, "%s:%u: %s: ", l->config, json_line(at) ? json_line(at) : 1, key);
    if (l->err)
        l->err->code = ERR_CONFIG;
    return ERR_CONFIG;
}

static int unknown_key(struct load *l, const struct json *at, const char *key)
{
    const char *close = setting__suggest(str_of(key), l->program);
    err_set(l->err, ERR_CONFIG, "unknown setting");
    if (close)
        err_remedy(l->err, "did you mean \"%s\"?", close);
    return file_error(l, at, key);
}

/* The text of a scalar, or of a list's elements with commas between. */
static bool value_text(const struct json *v, bool list, struct buf *out)
{
    if (json_is(v, JSON_STRING)) {
        buf_add_str(out, json_text(v));
        return true;
    }
    if (list && json_is(v, JSON_ARRAY)) {
        for (size_t i = 0; i < json_len(v); i++) {
            struct str item = json_text(json_at(v, i));
            if (!item.p || (item.n && memchr(item.p, ',', item.n)))
                return false;
            buf_adds(out, i ? "," : "");
            buf_add_str(out, item);
        }
        return true;
    }
    if (json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT) || json_is(v, JSON_NULL))
        return false;
    json_write(v, out);
    return true;
}

static int read_value(struct load *l, int row, bool is_file, const char *key, const struct json *v)
{
    const struct setting *r = setting__at((unsigned)row);
    struct buf text CLEANUP_BUF;
    buf_init(&text, LIMIT_YAML_BYTES);
    if (!value_text(v, r->type == ST_LIST, &text)) {
        err_set(l->err, ERR_CONFIG, "must be %s", r->type == ST_LIST ? "a list of texts" : "one value");
        return file_error(l, v, key);
    }
    if (l->s->state->source[row] == FROM_FILE) {
        err_set(l->err, ERR_CONFIG, "%s is given twice", r->key);
        return file_error(l, v, key);
    }
    if (assign(l, row, buf_str(&text), is_file, FROM_FILE) != 0)
        return file_error(l, v, key);
    return 0;
}

/* Members of @p table, whose keys stand below @p prefix: "api: { url: x }" is "api.url: x". */
static int read_table(struct load *l, const char *prefix, const struct json *table)
{
    const struct json *value;
    const char *name;
    for (size_t i = 0; json_member(table, &i, &name, &value);) {
        char *key CLEANUP_FREE = NULL;
        struct buf text;
        buf_init(&text, LIMIT_YAML_BYTES * 2);
        buf_addf(&text, "%s%s%s", prefix, *prefix ? "." : "", name);
        key = buf_take(&text, NULL);
        int row = setting__find(str_of(key), false), secret = setting__find_file(str_of(key), false), rc = 0;
        if ((row >= 0 || secret >= 0) && !json_is(value, JSON_OBJECT))
            rc = read_value(l, row >= 0 ? row : secret, row < 0, key, value);
        else if (strcmp(key, "plugins") == 0 && json_is(value, JSON_OBJECT))
            l->s->plugins = value;
        else if (json_is(value, JSON_OBJECT))
            rc = read_table(l, key, value);
        else
            rc = unknown_key(l, value, key);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_file(struct load *l)
{
    struct buf text CLEANUP_BUF;
    if (file_read(l->config, LIMIT_YAML_BYTES, &text, l->err) != 0) {
        err_prefix(l->err, "configuration file: ");
        goto fail;
    }
    l->s->state->file = yaml_parse(buf_str(&text), NULL, l->err);
    if (!l->s->state->file) {
        err_prefix(l->err, "%s: ", l->config);
        goto fail;
    }
    if (json_is(l->s->state->file, JSON_OBJECT))
        return read_table(l, "", l->s->state->file);
    err_set(l->err, ERR_CONFIG, "%s:1: must be a table of settings", l->config);
fail:
    if (l->err)
        l->err->code = ERR_CONFIG;
    return ERR_CONFIG;
}

/* ---- environment */

static const char *env_get(char **env, const char *name)
{
    size_t n = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

static int env_error(struct load *l, const char *name, const struct setting *row)
{
    err_prefix(l->err, "environment variable %s (%s): ", name, row->key);
    if (l->err)
        l->err->code = ERR_CONFIG;
    return ERR_CONFIG;
}

/* PHOENIX_PG_CONNINFO_FILE, if @p name is PHOENIX_PG_CONNINFO. */
static int read_env_file(struct load *l, char **env, int i, const char *name)
{
    const struct setting *row = setting__at((unsigned)i);
    char file[64 + 6];
    snprintf(file, sizeof file, "%s_FILE", name);
    const char *path = row->flags & SF_SECRET ? env_get(env, file) : NULL;
    if (!path)
        return 0;
    if (l->s->state->source[i] == FROM_ENV) {
        err_set(l->err, ERR_CONFIG, "%s is given too", name);
        return env_error(l, file, row);
    }
    return assign_file(l, i, str_of(path), FROM_ENV) == 0 ? 0 : env_error(l, file, row);
}

static int read_env(struct load *l, char **env)
{
    const struct setting *row;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && (row = setting__at(i)) != NULL; i++) {
        char name[64];
        setting__env_name(row, name);
        const char *value = env_get(env, name), *used = name;
        if (!value && row->env_alias) {
            used = row->env_alias;
            value = env_get(env, used);
        }
        if (!(row->programs & l->program))
            continue;
        if (value && setting__assign(l->s, (int)i, str_of(value), FROM_ENV, l->err) != 0)
            return env_error(l, used, row);
        rc = read_env_file(l, env, (int)i, name);
    }
    return rc;
}

/* ---- flags */

static int usage(struct load *l, const char *arg, const char *why)
{
    int rc = err_set(l->err, ERR_USAGE, "%s: %s", arg, why);
    err_remedy(l->err, "%s --help lists the flags", program__name(l->program));
    return rc;
}

static int unknown_flag(struct load *l, const char *arg, struct str name)
{
    const char *close = setting__suggest(name, l->program);
    char dashed[64] = "";
    int rc = usage(l, arg, "unknown flag");
    str_copy(dashed, sizeof dashed, str_of(close));
    for (char *p = dashed; *p; p++)
        if (*p == '.' || *p == '_')
            *p = '-';
    if (close)
        err_remedy(l->err, "did you mean --%s?", dashed);
    return rc;
}

/* --help, --version, --print-config take no value; the others do. */
static bool special_flag(struct load *l, struct str name, bool *ret_wants_value)
{
    *ret_wants_value = str_eqz(name, "config") || str_eqz(name, "dump");
    if (str_eqz(name, "help") || str_eqz(name, "h"))
        l->special = HELP;
    else if (str_eqz(name, "version"))
        l->special = SHOW_VERSION;
    else if (str_eqz(name, "print-config"))
        l->special = PRINT_CONFIG;
    else
        return *ret_wants_value;
    return true;
}

/* The row of a flag for @p program; a boolean may have "no-" before its name, a secret "-file" after it. */
static int flag_row(struct load *l, struct str name, bool *ret_no, bool *ret_is_file)
{
    int row = setting__find(name, true);
    *ret_no = false;
    *ret_is_file = row < 0 && (row = setting__find_file(name, true)) >= 0;
    if (row < 0 && str_starts(name, "no-")) {
        row = setting__find((struct str){ name.p + 3, name.n - 3 }, true);
        *ret_no = row >= 0 && setting__at((unsigned)row)->type == ST_BOOL;
        row = *ret_no ? row : -1;
    }
    return row >= 0 && (setting__at((unsigned)row)->programs & l->program) ? row : -1;
}

/* argv[*io_i] starts with a dash. Moves on when the value is the next argument. */
static int read_flag(struct load *l, int argc, char **argv, int *io_i)
{
    char *arg = argv[*io_i];
    struct str name, rest = str_of(arg + (arg[1] == '-' ? 2 : 1));
    bool wants_value = false, no = false, is_file = false;
    bool equals = memchr(rest.p, '=', rest.n) != NULL;
    str_split(&rest, '=', &name);
    bool special = special_flag(l, name, &wants_value);
    int row = special ? -1 : flag_row(l, name, &no, &is_file);
    if (!special && row < 0)
        return unknown_flag(l, arg, name);
    bool is_bool = row >= 0 && setting__at((unsigned)row)->type == ST_BOOL;
    if (row >= 0)
        wants_value = !is_bool;
    if (equals && (no || (special && !wants_value)))
        return usage(l, arg, "takes no value");
    if (!equals && wants_value) {
        if (*io_i + 1 >= argc)
            return usage(l, arg, "wants a value");
        rest = str_of(argv[++*io_i]);
    } else if (!equals) {
        rest = no ? STR("false") : STR("true");
    }
    if (row >= 0)
        l->flags[l->n_flags++] = (struct flag){ row, is_file, arg, rest };
    else if (str_eqz(name, "config"))
        l->config = rest.p; /* to the end of its argument: NUL-terminated */
    else if (str_eqz(name, "dump")) {
        l->dump = rest.p;
        l->special = DUMP;
    }
    return 0;
}

static int read_args(struct load *l, int argc, char **argv)
{
    l->flags = arena_calloc(l->s->state->arena, (size_t)argc + 1, sizeof *l->flags);
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0')
            return usage(l, argv[i], "is no flag, and nothing else is taken");
        int rc = read_flag(l, argc, argv, &i);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int assign_flags(struct load *l)
{
    for (int i = 0; i < l->n_flags; i++) {
        const struct flag *f = &l->flags[i];
        if (assign(l, f->row, f->value, f->is_file, FROM_FLAG) == 0)
            continue;
        err_prefix(l->err, "%.*s: ", (int)strcspn(f->spelled, "="), f->spelled);
        if (l->err)
            l->err->code = ERR_USAGE;
        return ERR_USAGE;
    }
    return 0;
}

/* ---- together */

static struct settings *settings_new(enum program program)
{
    struct settings *s = mem_alloc(sizeof *s);
    struct arena *arena = arena_new();
    s->state = arena_alloc(arena, sizeof *s->state);
    s->state->arena = arena;
    s->state->program = program;
    return s;
}

static int assign_defaults(struct load *l)
{
    const struct setting *row;
    for (unsigned i = 0; (row = setting__at(i)) != NULL; i++) {
        if (setting__assign(l->s, (int)i, str_of(row->dflt), FROM_DEFAULT, l->err) != 0) {
            err_prefix(l->err, "default of %s: ", row->key); /* a fault of settings.def */
            return ERR_CONFIG;
        }
    }
    return 0;
}

/* What needs no values. True: the program ends. */
static bool print_special(struct load *l)
{
    switch (l->special) {
    case HELP: settings__help(l->program, stdout); return true;
    case SHOW_VERSION: printf("%s %s\n", program__name(l->program), PACKAGE_VERSION); return true;
    default: return false;
    }
}

static int load_all(struct load *l, char **env)
{
    int rc = assign_defaults(l);
    if (!l->config)
        l->config = env_get(env, "PHOENIX_CONFIG");
    if (rc == 0 && l->config && *l->config)
        rc = read_file(l);
    if (rc == 0)
        rc = read_env(l, env);
    return rc == 0 ? assign_flags(l) : rc;
}

int settings_load(enum program program, int argc, char **argv, char **env, struct settings **ret,
                  enum settings_action *ret_action, struct err *err)
{
    struct load l = { .program = program, .s = settings_new(program), .err = err };
    *ret = NULL;
    *ret_action = SETTINGS_EXIT;
    int rc = read_args(&l, argc, argv);
    if (rc != 0 || print_special(&l))
        goto out;
    if (l.special == DUMP) {
        if (!tables_dump(program, l.dump, stdout))
            rc = usage(&l, l.dump, "is none of settings, errors, events, limits, man");
        goto out;
    }
    rc = load_all(&l, env);
    if (rc != 0)
        goto out;
    if (l.special == PRINT_CONFIG) {
        settings_print(l.s, stdout);
        goto out;
    }
    *ret = l.s;
    *ret_action = SETTINGS_RUN;
    return 0;
out:
    settings_free(l.s);
    return rc;
}
