/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix-store: copy a store into another, compare two, look at one. `phoenix store` runs it. */
#include "config.h"
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/log.h"
#include "tools/store/report.h"

enum { DIRS_MAX = 16, EXIT_USAGE = 2 };

struct options {
    const char *verb, *from, *to; /* to: NULL for info */
    char dir_text[4096];
    const char *dirs[DIRS_MAX + 1];
    bool force, json, progress, help, version;
};
static const char USAGE[] =
    "usage: phoenix-store copy FROM TO [--force] [OPTION...]\n"
    "       phoenix-store verify FROM TO [OPTION...]\n"
    "       phoenix-store info STORE [OPTION...]\n"
    "  copy    every row of FROM into TO, which must be empty; then both are read and compared\n"
    "  verify  read both and compare: rows and SHA-256 of each collection; exit status 1 if they differ\n"
    "  info    rows and SHA-256 of each collection\n"
    "A store: sqlite:PATH, pg:CONNINFO, pg:@FILE (its line is the conninfo), postgresql://...,\n"
    "or NAME:{\"json\":\"config\"}\n"
    "  --force                delete all rows of TO first\n"
    "  --plugin-dir DIR[,DIR] folders of plugins; default: where they were installed\n"
    "  --json                 print one JSON document instead of a table\n"
    "  --progress             say how far it is also when stderr is no terminal, or with --json\n"
    "  --help, --version\n";

static bool set_dirs(struct options *o, const char *text)
{
    unsigned n = 0;
    if (!str_copy(o->dir_text, sizeof o->dir_text, str_of(text)))
        return false;
    for (char *p = o->dir_text, *next; p; p = next) {
        next = strchr(p, ',');
        if (next)
            *next++ = '\0';
        if (n == DIRS_MAX)
            return false;
        o->dirs[n++] = p;
    }
    o->dirs[n] = NULL;
    return true;
}

static bool words_parse(struct options *o, int n, char **words)
{
    o->verb = n > 0 ? words[0] : "";
    bool one = strcmp(o->verb, "info") == 0;
    bool two = strcmp(o->verb, "copy") == 0 || strcmp(o->verb, "verify") == 0;
    if (!(one && n == 2) && !(two && n == 3))
        return false;
    o->from = words[1];
    o->to = two ? words[2] : NULL;
    return !o->force || strcmp(o->verb, "copy") == 0;
}

static bool options_parse(struct options *o, int argc, char **argv)
{
    static const struct option table[] = { { "force", no_argument, NULL, 'f' },
                                           { "json", no_argument, NULL, 'j' },
                                           { "progress", no_argument, NULL, 'p' },
                                           { "plugin-dir", required_argument, NULL, 'd' },
                                           { "help", no_argument, NULL, 'h' },
                                           { "version", no_argument, NULL, 'v' },
                                           { 0 } };
    *o = (struct options){ .dirs = { PHX_PLUGINDIR } };
    for (int opt; (opt = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
        switch (opt) {
        case 'f': o->force = true; break;
        case 'j': o->json = true; break;
        case 'p': o->progress = true; break;
        case 'd':
            if (!set_dirs(o, optarg))
                return false;
            break;
        case 'h': o->help = true; return true;
        case 'v': o->version = true; return true;
        default: return false;
        }
    }
    return words_parse(o, argc - optind, argv + optind);
}

/* ---- the commands */

static int open_side(struct side *s, bool may_make, struct err *err)
{
    int rc = side_open(s, may_make, err);
    if (rc)
        err_prefix(err, "%s (%s): ", s->name, s->address.shown);
    return rc;
}

static int different(struct err *err)
{
    return err_set(err, ERR_CONFLICT, "FROM and TO do not hold the same");
}

/** TO is empty, or made so. */
static int make_room(const struct options *o, struct side *from, struct side *to, struct err *err)
{
    enum collection used;
    int rc = side_used(to, &used, err);
    if (rc || used == C_COUNT)
        return rc;
    if (!o->force) {
        err_set(err, ERR_CONFLICT, "TO (%s) is not empty: \"%s\" has rows", to->address.shown,
                collection_of(used)->name);
        err_remedy(err, "give another store, or --force to delete all that TO holds");
        return ERR_CONFLICT;
    }
    if (side_rows(from) == 0)
        return err_set(err, ERR_CONFLICT, "FROM holds nothing, so TO (%s) is not emptied", to->address.shown);
    return side_clear(to, err);
}

/** What was copied is what FROM holds still, and what TO holds now. */
static int check_copy(struct side *from, struct side *to, struct err *err)
{
    struct digest copied[C_COUNT];
    memcpy(copied, from->digests, sizeof copied);
    int rc = digest_rows(from, to, 2 * side_rows(from), err);
    for (unsigned c = 0; rc == 0 && c < C_COUNT; c++) {
        const char *name = collection_of((enum collection)c)->name;
        if (!digest_equal(&copied[c], &from->digests[c])) {
            rc = err_set(err, ERR_CONFLICT, "FROM changed while it was copied: \"%s\"", name);
            err_remedy(err, "stop all that writes to it, and copy again with --force");
        } else if (!digest_equal(&copied[c], &to->digests[c])) {
            rc = err_set(err, ERR_CONFLICT, "TO does not hold in \"%s\" what was copied", name);
            err_remedy(err, "copy again with --force while nothing else writes to TO");
        }
    }
    return rc;
}

static int fill(struct side *from, struct side *to, struct err *err)
{
    int rc = copy_rows(from, to, err);
    if (rc)
        err_remedy(err, "TO holds a part only: copy again with --force");
    return rc ? rc : check_copy(from, to, err);
}

static int do_copy(const struct options *o, struct side *from, struct side *to, struct err *err)
{
    int rc = side_idle(from, err);
    if (rc == 0)
        rc = side_idle(to, err);
    if (rc == 0)
        rc = count_rows(from, err);
    if (rc == 0)
        rc = make_room(o, from, to, err);
    return rc ? rc : fill(from, to, err);
}

static int run_verb(const struct options *o, struct side *from, struct side *to, struct err *err)
{
    bool is_copy = strcmp(o->verb, "copy") == 0;
    int64_t start = clock_mono();
    int rc = open_side(from, false, err);
    if (rc == 0 && to)
        rc = open_side(to, is_copy, err);
    if (rc == 0)
        rc = is_copy ? do_copy(o, from, to, err) : digest_rows(from, to, 0, err);
    if (rc)
        return rc;
    int64_t elapsed = clock_mono() - start;
    bool equal = !to || sides_equal(from, to);
    if (o->json)
        report_json(from, to, elapsed);
    else
        report_table(from, to);
    if (!o->json && equal)
        printf("%s%llu rows in %.1f s%s\n", is_copy ? "copied " : "", (unsigned long long)side_rows(from),
               (double)elapsed / (double)NS_PER_S, to ? "; both stores hold the same" : "");
    return equal ? 0 : different(err);
}

/* ---- around them */

static void on_signal(void *arg)
{
    struct tool *t = arg;
    struct err err;
    t->interrupted = true;
    (void)!loop_on_signal(t->loop, SIGINT, NULL, NULL, &err); /* the second one ends it at once */
    (void)!loop_on_signal(t->loop, SIGTERM, NULL, NULL, &err);
}

static int tool_open(struct tool *t, const struct options *o, struct err *err)
{
    bool terminal = isatty(STDERR_FILENO);
    t->progress.out = stderr;
    if (terminal && (!o->json || o->progress))
        t->progress.kind = PROGRESS_BAR;
    else if (o->progress)
        t->progress.kind = PROGRESS_LINES;
    t->loop = loop_new(err);
    if (!t->loop)
        return err->code;
    int rc = loop_on_signal(t->loop, SIGINT, on_signal, t, err);
    if (rc == 0)
        rc = loop_on_signal(t->loop, SIGTERM, on_signal, t, err);
    struct registry_conf conf = {
        .program = "phoenix-store", .version = PACKAGE_VERSION, .dirs = o->dirs, .loop = t->loop
    };
    t->registry = rc ? NULL : registry_new(&conf, err);
    return t->registry ? 0 : err->code;
}

static void tool_close(struct tool *t)
{
    if (t->loop)
        loop_free(t->loop);
    registry_free(t->registry);
}

static bool is_same(const struct side *a, const struct side *b)
{
    const struct address *x = &a->address, *y = &b->address;
    return strcmp(x->driver, y->driver) == 0 && json_equal(x->config, y->config);
}

static int work(const struct options *o, struct side *from, struct side *to, struct err *err)
{
    int rc = address_parse(o->from, &from->address, err);
    if (rc == 0 && to)
        rc = address_parse(o->to, &to->address, err);
    if (rc == 0 && to && is_same(from, to))
        rc = err_set(err, ERR_USAGE, "FROM and TO are the same store");
    if (rc == 0)
        rc = tool_open(from->tool, o, err);
    if (rc == 0)
        rc = run_verb(o, from, to, err);
    return rc;
}

static void print_error(const struct err *err)
{
    fprintf(stderr, "phoenix-store: %s\n", err->msg);
    if (err->detail[0] && !strstr(err->msg, err->detail))
        fprintf(stderr, "  %s\n", err->detail);
    if (err->remedy[0])
        fprintf(stderr, "  %s\n", err->remedy);
}

int main(int argc, char **argv)
{
    struct options o;
    struct tool tool = { 0 };
    struct side from = { .tool = &tool, .name = "FROM" }, to = { .tool = &tool, .name = "TO" };
    struct err err = { 0 };
    log_init("phoenix-store", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    if (!options_parse(&o, argc, argv)) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    if (o.help || o.version)
        return fputs(o.help ? USAGE : "phoenix-store " PACKAGE_VERSION "\n", stdout) < 0;
    int rc = work(&o, &from, o.to ? &to : NULL, &err);
    side_close(&from);
    side_close(&to);
    address_done(&from.address);
    address_done(&to.address);
    tool_close(&tool);
    if (rc)
        print_error(&err);
    if (fflush(stdout) != 0)
        return EXIT_FAILURE;
    return rc == 0 ? EXIT_SUCCESS : rc == ERR_USAGE ? EXIT_USAGE : EXIT_FAILURE;
}
