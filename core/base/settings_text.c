/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as people read them: --help, --print-config, and the tables of the manual. */
#include "core/base/limits.h"
#include "core/base/settings_priv.h"
#include "core/base/yaml.h"

/* Groups of --help, in its order: settings whose key starts with one of these words. */
static const struct group {
    const char *words, *title;
} groups[] = {
    { "", "General" },        { "api", "The API" },       { "agent", "This host" }, { "plugin", "Plugins" },
    { "store,sqlite,pg", "Storage" }, { "task", "Tasks" },        { "heartbeat", "Heartbeats" },
    { "spool", "The spool" }, { "listen", "The listener" }, { "log", "The log" },
    { "feature", "Migration from the Kubernetes operators" },
};
#define GROUPS (sizeof groups / sizeof groups[0])

/* A key of a group without a title of its own belongs to the first one. */
static unsigned group_of(const char *key)
{
    struct str start = { key, strcspn(key, ".") }, word;
    for (unsigned g = 1; g < GROUPS; g++)
        for (struct str rest = str_of(groups[g].words); str_split(&rest, ',', &word);)
            if (str_eq(word, start))
                return g;
    return 0;
}

/* What the row is for; of a secret also how it can come from a file. */
static const char *meaning(const struct setting *row, char ret[640])
{
    bool is_secret = row->flags & SF_SECRET;
    snprintf(ret, 640, "%s%s%s%s", row->help, is_secret ? "; " : "", is_secret ? row->key : "",
             is_secret ? "_file names a file that holds it" : "");
    return ret;
}

static const char *const purposes[] = {
    [PROGRAM_API] = "The control plane of Phoenix: serves the HTTP API and steps the experiments.",
    [PROGRAM_AGENT] = "The agent of Phoenix on one host: runs collectors and load, and measures them.",
    [PROGRAM_COLLECTOR] = "The native collector of Phoenix.",
    [PROGRAM_CLI] = "The command line of Phoenix.",
};

static const char *placeholder(const struct setting *row)
{
    switch (row->type) {
    case ST_INT: return "N";
    case ST_DURATION: return "DURATION";
    case ST_SIZE: return "SIZE";
    case ST_LIST: return row->flags & SF_DIR ? "DIR,..." : "A,B,...";
    case ST_ENUM: return row->values;
    case ST_BOOL: return NULL;
    default: return row->flags & SF_DIR ? "DIR" : "TEXT";
    }
}

/* Text with line breaks before @p width, each further line after @p indent spaces. */
static void print_wrapped(FILE *out, const char *text, unsigned indent, unsigned width)
{
    struct str rest = str_of(text), word;
    unsigned at = indent;
    bool first = true;
    while (str_split(&rest, ' ', &word)) {
        if (!first && at + 1 + word.n > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", (int)word.n, word.p);
        at += (unsigned)word.n + !first;
        first = false;
    }
    fputc('\n', out);
}

/* The flag without what it takes, "--[no-]listen-insecure". */
static int flag_name(const struct setting *row, char ret[64])
{
    int n = snprintf(ret, 64, "--%s%s", row->type == ST_BOOL ? "[no-]" : "", row->key);
    for (char *p = ret; *p; p++)
        if (*p == '.' || *p == '_')
            *p = '-';
    return n;
}

/* Names of environment variables, with @p quote around each. */
static void env_names(const struct setting *row, const char *quote, char ret[160])
{
    char env[64];
    setting__env_name(row, env);
    int n = snprintf(ret, 160, "%s%s%s", quote, env, quote);
    if (row->env_alias && strcmp(row->env_alias, env) != 0)
        snprintf(ret + n, 160 - (size_t)n, ", %s%s%s", quote, row->env_alias, quote);
}

static void help_row(const struct setting *row, FILE *out)
{
    char flag[128] = "  ", env[160], help[640], text[768];
    const char *value = placeholder(row);
    int n = 2 + flag_name(row, flag + 2);
    if (value)
        snprintf(flag + n, sizeof flag - (size_t)n, " %s", value);
    env_names(row, "", env);
    snprintf(text, sizeof text, "%s (%s%s)", meaning(row, help), *row->dflt ? "default " : "no default",
             row->dflt);
    fprintf(out, "%-34s ", flag);
    if (strlen(flag) > 34)
        fprintf(out, "\n%35s", "");
    print_wrapped(out, text, 35, 100);
    fprintf(out, "%35s%s\n", "", env);
}

static void help_group(enum program program, unsigned g, FILE *out)
{
    const struct setting *row;
    bool titled = false;
    for (unsigned i = 0; (row = setting__at(i)) != NULL; i++) {
        if (!(row->programs & program) || group_of(row->key) != g)
            continue;
        if (!titled)
            fprintf(out, "\n%s\n", groups[g].title);
        titled = true;
        help_row(row, out);
    }
}

void settings__help(enum program program, FILE *out)
{
    fprintf(out, "usage: %s [flags]\n\n%s\n", program__name(program), purposes[program]);
    fputs("\nA flag wins over its environment variable, which wins over the file, which wins over the\n"
          "default. Durations: 90s, 10m, 1h30m. Sizes: 64KiB, 1MiB.\n", out);
    for (unsigned g = 0; g < GROUPS; g++)
        help_group(program, g, out);
    fputs(
        "\nOther flags\n"
        "  --config FILE                      read settings from a YAML file, by the keys of --print-config\n"
        "                                   PHOENIX_CONFIG\n"
        "  --print-config                     print every setting, its value and where that came from\n"
        "  --dump settings|errors|events|limits|man\n"
        "                                   print a table of the manual\n"
        "  --version, --help\n",
        out);
}

void setting__show(const struct setting *row, const char *text, enum setting_source source, struct buf *out)
{
    static const char *const sources[] = { "default", "file", "environment", "flag" };
    char help[640];
    buf_addf(out, "# %s (%s)\n", meaning(row, help), sources[source]);
    if (row->flags & SF_SECRET) {
        buf_addf(out, "# %s: %s\n", row->key, *text ? "********" : "(not set)");
        return;
    }
    if (row->type == ST_INT || row->type == ST_BOOL) {
        buf_addf(out, "%s: %s\n", row->key, text);
        return;
    }
    struct json *pair CLEANUP_JSON = json_object();
    json_set_str(pair, row->key, text);
    yaml_write(pair, out);
}

void settings_print(const struct settings *s, FILE *out)
{
    const struct setting *row;
    struct buf text CLEANUP_BUF;
    buf_init(&text, LIMIT_YAML_BYTES * 4);
    for (unsigned i = 0; (row = setting__at(i)) != NULL; i++)
        if (row->programs & s->state->program)
            setting__show(row, s->state->text[i], s->state->source[i], &text);
    fputs(buf_cstr(&text), out);
}

/* ---- tables of the manual */

/* A cell of a Markdown table: '|' would end it. */
static void cell(FILE *out, const char *text)
{
    fputs("| ", out);
    for (; *text; text++)
        fprintf(out, *text == '|' ? "\\%c" : "%c", *text);
    fputc(' ', out);
}

void settings_dump(enum program program, FILE *out)
{
    const struct setting *row;
    fputs("| setting | default | environment | meaning |\n|---|---|---|---|\n", out);
    for (unsigned i = 0; (row = setting__at(i)) != NULL; i++) {
        char names[160], help[640], text[768];
        if (!(row->programs & program))
            continue;
        env_names(row, "`", names);
        snprintf(text, sizeof text, "%s%s%s", meaning(row, help), row->values ? "; one of " : "",
                 row->values ? row->values : "");
        cell(out, row->key);
        cell(out, *row->dflt ? row->dflt : "(empty)");
        cell(out, names);
        cell(out, text);
        fputs("|\n", out);
    }
}

static void dump_errors(FILE *out)
{
    const struct err_info *row;
    fputs("| name | HTTP | type | retry | exit | when |\n|---|---|---|---|---|---|\n", out);
    for (unsigned i = 0; (row = err_info_at(i)) != NULL; i++)
        fprintf(out, "| %s | %d | %s | %s | %d | %s |\n", row->name, row->http_status, row->type,
                row->retryable ? "yes" : "no", row->exit_code, row->when);
}

static void dump_events(FILE *out)
{
    static const char *const rows[][4] = {
#define EV(name, level, meaning, todo) { #name, #level, meaning, todo },
#include "core/tables/events.def"
    };
    fputs("| event | level | meaning | what to do |\n|---|---|---|---|\n", out);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned c = 0; c < 4; c++)
            cell(out, rows[i][c]);
        fputs("|\n", out);
    }
}

static void dump_limits(FILE *out)
{
    static const struct { const char *name; long long value; const char *unit, *why; } rows[] = {
#define LIMIT(name_, value_, unit_, why_) { #name_, value_, unit_, why_ },
#include "core/tables/limits.def"
    };
    fputs("| limit | value | unit | why |\n|---|---|---|---|\n", out);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(out, "| %s | %lld | %s | %s |\n", rows[i].name, rows[i].value, rows[i].unit, rows[i].why);
}

void roff_write(const char *text, FILE *out)
{
    for (const char *p = text; *p; p++) {
        if (*p == '-' || *p == '\\')
            fprintf(out, *p == '-' ? "\\-" : "\\e");
        else if ((*p == '.' || *p == '\'') && p == text)
            fprintf(out, "\\&%c", *p);
        else
            fputc(*p, out);
    }
}

static void man_row(const struct setting *row, FILE *out)
{
    char flag[64], env[160], help[640];
    const char *value = placeholder(row);
    flag_name(row, flag);
    env_names(row, "", env);
    fputs(".TP\n.B ", out);
    roff_write(flag, out);
    if (value) {
        fputs(" \\fI", out);
        roff_write(value, out);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    roff_write(meaning(row, help), out);
    fputs(*row->dflt ? " (default " : " (no default", out);
    roff_write(row->dflt, out);
    fputs(").\n.br\n", out);
    roff_write(env, out);
    fputc('\n', out);
}

/* Flags as a part of a manual page, in the groups of --help. */
static void dump_man(enum program program, FILE *out)
{
    const struct setting *row;
    for (unsigned g = 0; g < GROUPS; g++) {
        bool titled = false;
        for (unsigned i = 0; (row = setting__at(i)) != NULL; i++) {
            if (!(row->programs & program) || group_of(row->key) != g)
                continue;
            if (!titled)
                fprintf(out, ".SS %s\n", groups[g].title);
            titled = true;
            man_row(row, out);
        }
    }
}

bool tables_dump(enum program program, const char *what, FILE *out)
{
    if (strcmp(what, "settings") == 0)
        settings_dump(program, out);
    else if (strcmp(what, "errors") == 0)
        dump_errors(out);
    else if (strcmp(what, "events") == 0)
        dump_events(out);
    else if (strcmp(what, "limits") == 0)
        dump_limits(out);
    else if (strcmp(what, "man") == 0)
        dump_man(program, out);
    else
        return false;
    return true;
}
