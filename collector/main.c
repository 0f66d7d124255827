/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix-collector: read the config, listen, serve until SIGTERM. */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collector/collect.h"
#include "collector/serve.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/yaml.h"

struct options {
    const char *config, *listen, *root;
    bool validate, help, version;
};
static const char USAGE[] =
    "usage: phoenix-collector [--config FILE] [--listen ADDRESS:PORT] [--root DIR] [--validate]\n"
    "  --config FILE          pipeline; without one, everything is exported\n"
    "  --listen ADDRESS:PORT  where /metrics and /healthz are served (127.0.0.1:42000; port 0: any)\n"
    "  --root DIR             read DIR in place of /proc\n"
    "  --validate             check the config, print its faults as FILE:LINE:COLUMN: text, and end\n";

/* --name VALUE and --name=VALUE */
static bool take_value(const char *name, char **argv, int *io_i, const char **ret)
{
    size_t n = strlen(name);
    if (strncmp(argv[*io_i], name, n)) return false;
    if (argv[*io_i][n] == '=') *ret = argv[*io_i] + n + 1;
    else if (!argv[*io_i][n] && argv[*io_i + 1]) *ret = argv[++*io_i];
    else return false;
    return true;
}

static bool options_parse(struct options *o, char **argv)
{
    *o = (struct options){ .listen = "127.0.0.1:42000", .root = "/proc" };
    for (int i = 1; argv[i]; i++) {
        if (take_value("--config", argv, &i, &o->config) || take_value("--listen", argv, &i, &o->listen) ||
            take_value("--root", argv, &i, &o->root))
            continue;
        if (!strcmp(argv[i], "--validate")) o->validate = true;
        else if (!strcmp(argv[i], "--help")) o->help = true;
        else if (!strcmp(argv[i], "--version")) o->version = true;
        else {
            fprintf(stderr, "phoenix-collector: unknown argument \"%s\"\n%s", argv[i], USAGE);
            return false;
        }
    }
    return true;
}

static void print_fault(void *arg, unsigned line, unsigned column, const char *text)
{
    fprintf(stderr, "%s:%u:%u: %s\n", (const char *)arg, line, column, text);
}

/* Read and check the config; what is wrong goes to stderr, where the agent looks for reasons. */
static bool config_load(const char *path, struct pipeline *ret)
{
    struct doc_faults faults = { print_fault, (void *)(uintptr_t)path, 0 };
    if (!path) return pipeline_parse(ret, "{}", 2, &faults);
    CLEANUP_BUF struct buf text;
    struct err err = { 0 };
    if (file_read(path, DOC_MAX_BYTES, &text, &err)) {
        fprintf(stderr, "phoenix-collector: %s\n", err.msg);
        return false;
    }
    return pipeline_parse(ret, buf_cstr(&text), text.len, &faults);
}

static struct str on_metrics(void *arg, int64_t now_ns)
{
    return collect_text(arg, now_ns);
}

static int run(struct collector *c, const struct options *o, struct err *err)
{
    int rc = collect_init(c, o->root, err);
    if (rc) return rc;
    struct serve *s = serve_new(str_of(o->listen), on_metrics, c, err);
    if (!s) return err->code;
    log_event(EV_STARTED, NULL, "port=%u pipeline=%s", serve_port(s), c->pipeline.name);
    rc = serve_run(s, err);
    if (!rc) log_event(EV_STOPPED, NULL, "after %llu scans", (unsigned long long)c->totals.scans);
    serve_free(s);
    return rc;
}

int main(int argc, char **argv)
{
    struct options o;
    if (!options_parse(&o, argv)) return 2;
    if (o.help) return fputs(USAGE, stdout) < 0;
    if (o.version) return printf("phoenix-collector %s\n", PACKAGE_VERSION) < 0;
    log_init("phoenix-collector", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    struct collector *c = mem_alloc(sizeof *c);
    c->fs.dir = -1;
    struct err err = { 0 };
    int rc = 1;
    if (config_load(o.config, &c->pipeline)) rc = o.validate ? 0 : run(c, &o, &err) != 0;
    if (err.code) log_error(EV_START_FAILED, NULL, &err, "cannot go on");
    collect_done(c);
    free(c);
    return rc;
}
