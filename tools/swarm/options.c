/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/options.h"
#include <stddef.h>
#include <string.h>
#include "core/base/str.h"

enum kind { LIST, DURATION, COUNT, RATE, PERCENT, TEXT, WORD, FLAG };
struct row {
    const char *name, *dflt, *arg, *help;
    enum kind kind;
    size_t offset;
    int64_t min, max;
};
static const struct row rows[] = {
#define OPTION(member, name, kind, dflt, arg, min, max, help) \
    { name, dflt, arg, help, kind, offsetof(struct options, member), min, max },
#include "tools/swarm/options.def"
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static const char USAGE[] =
    "Usage: phoenix-swarm [OPTION...]\n"
    "Simulate agents, and operators who start tasks, against one or several phoenix-api, and measure.\n\n";

/* ---- reading */

static bool set_real(const struct row *row, struct str text, double *ret)
{
    if (row->kind == PERCENT && text.n > 1 && text.p[text.n - 1] == '%')
        text.n--;
    return parse_real(text, ret) && *ret >= (double)row->min && *ret <= (double)row->max;
}

static bool set_word(const char *text, enum task_outcome *ret)
{
    static const char *const words[] = { "complete", "fail", "mixed" };
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = (enum task_outcome)i;
            return true;
        }
    }
    return false;
}

static bool list_add(struct option_list *list, const char *text)
{
    if (list->n == OPTION_LIST_MAX || !*text)
        return false;
    list->item[list->n++] = text;
    return true;
}

static bool set(struct options *o, const struct row *row, const char *text)
{
    void *place = (char *)o + row->offset;
    struct str s = str_of(text);
    switch (row->kind) {
    case LIST: return list_add(place, text);
    case DURATION: {
        int64_t *ns = place;
        return parse_duration(s, ns) && *ns >= row->min && *ns <= row->max;
    }
    case COUNT: {
        uint64_t *n = place;
        return parse_uint(s, n) && *n >= (uint64_t)row->min && *n <= (uint64_t)row->max;
    }
    case RATE:
    case PERCENT: return set_real(row, s, place);
    case TEXT:
        *(const char **)place = text;
        return s.n >= (size_t)row->min && s.n <= (size_t)row->max;
    case WORD: return set_word(text, place);
    case FLAG: *(bool *)place = true; return true;
    }
    return false;
}

static const struct row *find(struct str name)
{
    for (unsigned i = 0; i < N_ROWS; i++)
        if (str_eqz(name, rows[i].name))
            return &rows[i];
    return NULL;
}

static void set_defaults(struct options *o)
{
    *o = (struct options){ 0 };
    for (unsigned i = 0; i < N_ROWS; i++) {
        if (rows[i].kind == DURATION)
            *(int64_t *)(void *)((char *)o + rows[i].offset) = -1;
        if (rows[i].dflt && rows[i].kind != LIST)
            (void)set(o, &rows[i], rows[i].dflt);
    }
}

static bool is_info(struct options *o, char *const *args)
{
    o->help |= strcmp(args[0], "--help") == 0;
    o->version |= strcmp(args[0], "--version") == 0;
    o->man |= strcmp(args[0], "--dump") == 0 && args[1] && strcmp(args[1], "man") == 0;
    return o->help || o->version || o->man;
}

/* What options say together. */
static int check(struct options *o, struct err *err)
{
    if (o->url.n == 0)
        o->url.item[o->url.n++] = "http://127.0.0.1:8080";
    if (o->storm)
        o->ramp = 0;
    if (!name_valid(str_of(o->name), true))
        return err_set(err, ERR_USAGE, "--name: \"%s\" is no start of a host's name", o->name);
    if (o->broken + o->slow > 100)
        return err_set(err, ERR_USAGE, "--broken and --slow are more than all agents");
    if (o->cross && o->url.n < 2)
        return err_set(err, ERR_USAGE, "--cross: at least two --url are wanted, of different replicas");
    if (o->processes > o->agents)
        return err_set(err, ERR_USAGE, "--processes: there are more of them than agents");
    return 0;
}

int options_parse(struct options *o, char **argv, struct err *err)
{
    set_defaults(o);
    for (int i = 1; argv[i]; i++) {
        const char *arg = argv[i], *equals = strchr(arg, '=');
        if (is_info(o, &argv[i]))
            return 0;
        struct str name = { arg, equals ? (size_t)(equals - arg) : strlen(arg) };
        const struct row *row = str_starts(name, "--") ? find((struct str){ name.p + 2, name.n - 2 }) : NULL;
        if (!row)
            return err_set(err, ERR_USAGE, "\"%.*s\" is no option", (int)name.n, name.p);
        const char *value = equals ? equals + 1 : row->kind == FLAG ? "" : argv[i + 1] ? argv[++i] : NULL;
        if (!value || (row->kind == FLAG && equals) || !set(o, row, value))
            return err_set(err, ERR_USAGE, "--%s: %s is wanted%s%s%s", row->name,
                           row->kind == FLAG ? "no value" : row->arg, value ? ", not \"" : "",
                           value ? value : "", value ? "\"" : "");
    }
    return check(o, err);
}

/* ---- saying */

void options_help(FILE *to)
{
    fputs(USAGE, to);
    for (unsigned i = 0; i < N_ROWS; i++) {
        fprintf(to, "  --%s%s%s\n        %s", rows[i].name, rows[i].arg ? " " : "",
                rows[i].arg ? rows[i].arg : "", rows[i].help);
        fprintf(to, rows[i].dflt ? " (%s)\n" : "\n", rows[i].dflt);
    }
    fputs("  --help, --version\n\nExit status: 0 done, 1 an expectation does not hold, 2 usage, or could not "
          "begin.\n", to);
}

/* Hyphens are minus signs. No text begins with a dot or a quote. */
static void roff(FILE *to, const char *text)
{
    for (; *text; text++)
        fprintf(to, *text == '-' || *text == '\\' ? "\\%c" : "%c", *text);
}

void options_man(FILE *to)
{
    for (unsigned i = 0; i < N_ROWS; i++) {
        fputs(".TP\n.B ", to);
        roff(to, "--");
        roff(to, rows[i].name);
        if (rows[i].arg) {
            fputs(" \\fI", to);
            roff(to, rows[i].arg);
            fputs("\\fR", to);
        }
        fputc('\n', to);
        roff(to, rows[i].help);
        if (rows[i].dflt) {
            fputs(" (", to);
            roff(to, rows[i].dflt);
            fputc(')', to);
        }
        fputc('\n', to);
    }
}
