/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix-plugin-check FILE: see check.h for what it does. */
#include "config.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "tools/plugin_check/check.h"

#define PIPELINES_MAX 32
enum mode { MODE_ALL, MODE_DESCRIBE, MODE_STATIC };

static void usage(FILE *to)
{
    fputs("Usage: phoenix-plugin-check [--describe | --static] [OPTION...] FILE\n"
          "Check whether a plugin is fit to be loaded by Phoenix. Without a mode: everything.\n\n"
          "  --describe       load it in a child process, print what it says about itself as JSON\n"
          "  --static         read the file only, run nothing of it\n"
          "  --only TEXT      run the dynamic tests whose name contains TEXT\n"
          "  --config FILE    configs of components, JSON or YAML: { \"name\": { ... } }\n"
          "  --pipeline FILE  a pipeline document to try collector backends on; may be repeated\n"
          "  --timeout TIME   of each dynamic test (45s)\n"
          "  --seed N         of all that is random (1)\n"
          "  --help, --version\n\n"
          "Prints TAP. Exit status: 0 passed, 1 failed, 2 usage, 77 nothing was tested.\n",
          to);
}

static struct registry *load_file(const struct options *o)
{
    const char *const files[] = { o->file, NULL };
    struct registry_conf conf = { .program = "phoenix-plugin-check", .version = PACKAGE_VERSION,
                                  .files = files, .trusts_files = true };
    return registry_new(&conf, NULL);
}

static int describe(const struct options *o)
{
    struct registry *r = load_file(o);
    struct buf out;
    struct jw w;
    buf_init(&out, 1 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_kstr(&w, "file", o->file);
    registry_write(r, "components", &w);
    jw_close(&w, '}');
    puts(buf_cstr(&out));
    int rc = registry_count(r) ? 0 : 1;
    buf_done(&out);
    registry_free(r);
    return rc;
}

static const struct trial_case *cases_of(const char *kind)
{
    static const struct {
        const char *kind;
        const struct trial_case *cases;
    } table[] = { { PHX_KPI, kpi_cases }, { PHX_LOAD, load_cases }, { PHX_COLLECTOR, collector_cases } };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].kind, kind) == 0) {
            return table[i].cases;
        }
    }
    return NULL; /* storage drivers have a kit of their own: tests/conformance */
}

static void check_dynamic_all(const struct options *o, struct tap *t)
{
    struct registry *r = load_file(o);
    char why[600] = "";
    if (registry_refused_count(r)) {
        const struct refused *x = registry_refused_at(r, 0);
        snprintf(why, sizeof why, "wanted %s; found: %s; remedy: %s", x->wanted, x->found, x->remedy);
    }
    tap_result(t, why[0] ? OUTCOME_FAIL : OUTCOME_PASS, "it describes itself, and is accepted", why);
    for (size_t i = 0; i < registry_count(r); i++) {
        const struct component *c = registry_at(r, i);
        run_cases(o, c, life_cases, t);
        if (cases_of(c->kind)) {
            run_cases(o, c, cases_of(c->kind), t);
        }
    }
    registry_free(r);
}

enum {
    OPT_DESCRIBE = 256,
    OPT_STATIC,
    OPT_ONLY,
    OPT_CONFIG,
    OPT_PIPELINE,
    OPT_TIMEOUT,
    OPT_SEED,
    OPT_VERSION
};
static const struct option long_options[] = {
    { "describe", no_argument, NULL, OPT_DESCRIBE },
    { "static", no_argument, NULL, OPT_STATIC },
    { "only", required_argument, NULL, OPT_ONLY },
    { "config", required_argument, NULL, OPT_CONFIG },
    { "pipeline", required_argument, NULL, OPT_PIPELINE },
    { "timeout", required_argument, NULL, OPT_TIMEOUT },
    { "seed", required_argument, NULL, OPT_SEED },
    { "version", no_argument, NULL, OPT_VERSION },
    { "help", no_argument, NULL, 'h' },
    { 0 },
};

/* Whether the command line is one; `*ret_mode` says for what. */
static bool parse(int argc, char **argv, struct options *o, const char **pipelines, enum mode *ret_mode)
{
    size_t n_pipelines = 0;
    for (int opt; (opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        bool ok = true;
        switch (opt) {
        case OPT_DESCRIBE: *ret_mode = MODE_DESCRIBE; break;
        case OPT_STATIC: *ret_mode = MODE_STATIC; break;
        case OPT_ONLY: o->only = optarg; break;
        case OPT_CONFIG: o->config = optarg; break;
        case OPT_PIPELINE:
            ok = n_pipelines + 1 < PIPELINES_MAX;
            pipelines[ok ? n_pipelines++ : n_pipelines] = ok ? optarg : NULL;
            break;
        case OPT_TIMEOUT: ok = parse_duration(str_of(optarg), &o->timeout_ns); break;
        case OPT_SEED: ok = parse_uint(str_of(optarg), &o->seed); break;
        case OPT_VERSION: puts("phoenix-plugin-check " PACKAGE_VERSION); exit(0);
        case 'h': usage(stdout); exit(0);
        default: ok = false;
        }
        if (!ok) {
            return false;
        }
    }
    return optind + 1 == argc;
}

int main(int argc, char **argv)
{
    const char *pipelines[PIPELINES_MAX] = { NULL };
    struct options o = { .pipelines = pipelines, .timeout_ns = 45 * NS_PER_S, .seed = 1 };
    enum mode mode = MODE_ALL;
    if (!parse(argc, argv, &o, pipelines, &mode)) {
        usage(stderr);
        return 2;
    }
    CLEANUP_FREE char *file = realpath(argv[optind], NULL);
    if (!file) {
        perror(argv[optind]);
        return 2;
    }
    o.file = file;
    log_init("phoenix-plugin-check", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    if (mode == MODE_DESCRIBE) {
        return describe(&o);
    }
    struct tap tap = { 0 };
    check_static(&o, &tap);
    if (mode == MODE_ALL && tap.failed == 0) {
        check_dynamic_all(&o, &tap);
    } else if (mode == MODE_ALL) {
        tap_note("the file is not fit to be run; dynamic tests were left out");
    }
    return tap_end(&tap);
}
