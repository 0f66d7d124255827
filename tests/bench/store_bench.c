/* SPDX-License-Identifier: Apache-2.0 */
/* store_bench PLUGIN_DIR DRIVER CONFIG SUFFIX PART [ARG]...: what a store does per second, by core/store as
 * phoenix-api uses it. Parts are run in the order given; ARG is the next word, if it is no part. */
#include <string.h>
#include "core/base/log.h"
#include "tests/bench/bench_store.h"

static const struct part {
    const char *name;
    void (*run)(struct bench *b, const char *arg);
} parts[] = {
    { "lives", bench_lives },           { "single", bench_single },   { "heartbeats", bench_heartbeats },
    { "samples", bench_samples },       { "window", bench_window },   { "expire", bench_expire },
};

void bench_die(const char *what, const struct err *err)
{
    fprintf(stderr, "store_bench: %s: %s (%s)\n", what, err->msg, err->detail);
    exit(1);
}

void bench_must(const struct result *res)
{
    if (res->rc)
        bench_die("query", &res->err);
}

void bench_wait(struct bench *b)
{
    struct err err = { 0 };
    if (loop_run(b->loop, &err))
        bench_die("loop", &err);
}

double bench_seconds(int64_t since_mono_ns)
{
    return (double)(clock_mono() - since_mono_ns) / 1e9;
}

void bench_print(const struct bench *b, const char *name, double value, const char *unit)
{
    printf("%s_%s %.6g %s\n", name, b->suffix, value, unit);
    fflush(stdout);
}

struct str bench_host(unsigned i)
{
    static char names[BENCH_HOSTS_MAX][12];
    char *name = names[i % BENCH_HOSTS_MAX];
    if (!*name)
        snprintf(name, sizeof names[0], "host-%05u", i % BENCH_HOSTS_MAX);
    return str_of(name);
}

struct one {
    struct bench *b;
    uint64_t n;
};

static void on_one(void *arg, const struct result *res)
{
    struct one *one = arg;
    bench_must(res);
    one->n = res->n;
    loop_stop(one->b->loop);
}

uint64_t bench_run(struct bench *b, struct query *q)
{
    struct one one = { .b = b };
    store_run(q, on_one, &one);
    bench_wait(b);
    return one.n;
}

static void on_open(void *arg, const struct err *err)
{
    struct bench *b = arg;
    if (err)
        bench_die("open", err);
    loop_stop(b->loop);
}

static void on_closed(void *arg)
{
    struct bench *b = arg;
    loop_stop(b->loop);
}

static void bench_open(struct bench *b, const char *plugins, const char *driver, const char *config)
{
    static const char *dirs[2];
    struct err err = { 0 };
    dirs[0] = plugins;
    log_init("store_bench", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    b->config = json_object();
    json_set_str(b->config, "pipeline", "topk");
    json_set_str(b->config, "config_url",
                 "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    b->loop = loop_new(&err);
    struct registry_conf conf = { .program = "store_bench", .version = "1", .dirs = dirs, .loop = b->loop };
    struct registry *r = registry_new(&conf, &err);
    struct json *settings = json_parse(str_of(config), NULL, &err);
    if (!r || !settings)
        bench_die("start", &err);
    b->store = store_open(r, driver, settings, b->loop, on_open, b, &err);
    json_free(settings);
    if (!b->store)
        bench_die("store", &err);
    bench_wait(b);
}

static const struct part *part_find(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    return NULL;
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    if (argc < 6 || !part_find(argv[5])) {
        fputs("usage: store_bench PLUGIN_DIR DRIVER CONFIG SUFFIX PART [ARG]...\n", stderr);
        return 2;
    }
    b.suffix = argv[4];
    bench_open(&b, argv[1], argv[2], argv[3]);
    for (int i = 5; i < argc; i++) {
        const struct part *p = part_find(argv[i]);
        bool has_arg = i + 1 < argc && !part_find(argv[i + 1]);
        if (!p) {
            fprintf(stderr, "store_bench: there is no part \"%s\"\n", argv[i]);
            return 2;
        }
        p->run(&b, has_arg ? argv[++i] : "");
    }
    store_close(b.store, on_closed, &b);
    bench_wait(&b);
    return 0;
}
