/* SPDX-License-Identifier: Apache-2.0 */
/* store_bench PLUGIN_DIR DRIVER CONFIG LABEL
 *
 * What a store does per second, through core/store: the life of a task (enqueue, claim, complete; batches
 * of 100, four under way at once), heartbeats (each an operation of its own), measured values (rows of all
 * measures, 500 at once), and the latency of one operation at a time. CONFIG is the driver's, as JSON. Prints
 * `store_..._LABEL value unit`. */
#include <stdio.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/store/store.h"

enum { BATCH = 100, STREAMS = 4, HOSTS = 100, LIVES = 40000, SINGLES = 2000 };
enum { BEATS = 100000, BEATING = 2000, BEATS_AT_ONCE = 1000, ROWS = 500, PUTS = 100, PUTS_AT_ONCE = 3 };

static struct loop *loop;
static struct store *store;
static struct str hosts[HOSTS];
static struct json *config;
static unsigned enqueued, completed;

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "store_bench: %s: %s (%s)\n", what, err->msg, err->detail);
    exit(1);
}

static void must(const struct result *res)
{
    if (res->rc)
        die("query", &res->err);
}

/* ---- the life of a task: each stream enqueues a batch, claims as many, completes what it claimed */

struct stream {
    unsigned id;
};

static void enqueue(struct stream *s);
static void claim(struct stream *s);

static void on_enqueued(void *arg, const struct result *res)
{
    must(res);
    claim(arg);
}

static void enqueue(struct stream *s)
{
    if (enqueued >= LIVES)
        return;
    struct query *b = q_batch(store);
    int64_t now = clock_wall();
    for (int i = 0; i < BATCH; i++, enqueued++) {
        struct query *q = q_insert(store, C_TASKS);
        char id[UUID_LEN + 1];
        uuid7_new(id);
        q_text(q, F_TASKS_ID, id);
        q_str(q, F_TASKS_HOST_ID, hosts[enqueued % HOSTS]);
        q_text(q, F_TASKS_EXPERIMENT_ID, "0191f0c4-7a3b-7000-8000-000000000001");
        q_text(q, F_TASKS_TYPE, "collector");
        q_text(q, F_TASKS_ACTION, "start");
        q_json(q, F_TASKS_CONFIG, config);
        q_int(q, F_TASKS_PRIORITY, 1);
        q_text(q, F_TASKS_STATUS, "pending");
        q_time(q, F_TASKS_RUN_AT, now);
        q_int(q, F_TASKS_EPOCH, 0);
        q_int(q, F_TASKS_RETRY_COUNT, 0);
        q_int(q, F_TASKS_MAX_ATTEMPTS, 4);
        q_time(q, F_TASKS_CREATED_AT, now);
        q_time(q, F_TASKS_UPDATED_AT, now);
        q_add(b, q);
    }
    store_run(b, on_enqueued, s);
}

static void on_completed(void *arg, const struct result *res)
{
    must(res);
    completed += (unsigned)res->n;
    if (completed >= LIVES)
        loop_stop(loop);
    else
        enqueue(arg);
}

static void on_claimed(void *arg, const struct result *res)
{
    must(res);
    struct query *b = q_batch(store);
    int64_t now = clock_wall();
    for (size_t i = 0; i < res->n_rows; i++) {
        struct query *q = q_update(store, C_TASKS);
        q_where_text(q, F_TASKS_ID, PHX_EQ, row_text(&res->rows[i], F_TASKS_ID));
        q_where_int(q, F_TASKS_EPOCH, PHX_EQ, row_int(&res->rows[i], F_TASKS_EPOCH));
        q_set_text(q, F_TASKS_STATUS, "completed");
        q_set_time(q, F_TASKS_COMPLETED_AT, now);
        q_set_time(q, F_TASKS_UPDATED_AT, now);
        q_set_null(q, F_TASKS_LEASE_UNTIL);
        q_add(b, q);
    }
    store_run(b, on_completed, arg);
}

static void claim(struct stream *s)
{
    int64_t now = clock_wall();
    struct query *q = q_update(store, C_TASKS);
    q_where_in(q, F_TASKS_HOST_ID, hosts, HOSTS);
    q_where_text(q, F_TASKS_STATUS, PHX_EQ, "pending");
    q_where_int(q, F_TASKS_RUN_AT, PHX_LE, now);
    q_set_text(q, F_TASKS_STATUS, "assigned");
    q_set_time(q, F_TASKS_ASSIGNED_AT, now);
    q_set_time(q, F_TASKS_LEASE_UNTIL, now + 10 * NS_PER_S);
    q_set_time(q, F_TASKS_UPDATED_AT, now);
    q_inc(q, F_TASKS_EPOCH, 1);
    q_order_desc(q, F_TASKS_PRIORITY);
    q_order(q, F_TASKS_ID);
    q_per_key(q, 4);
    q_limit(q, BATCH);
    store_run(q, on_claimed, s);
}

static void bench_lives(const char *mode)
{
    struct stream streams[STREAMS];
    int64_t start = clock_mono();
    for (unsigned i = 0; i < STREAMS; i++)
        enqueue(&streams[i]);
    if (loop_run(loop, NULL))
        exit(1);
    double seconds = (double)(clock_mono() - start) / 1e9;
    printf("store_task_lives_%s %.0f 1/s\n", mode, completed / seconds);
}

/* ---- heartbeats: all in flight at once are different hosts */

static unsigned beats, beats_done;

static void beat(void);

static void on_beat(void *arg, const struct result *res)
{
    must(res);
    if (++beats_done == BEATS)
        loop_stop(loop);
    else if (beats < BEATS)
        beat();
}

static void beat(void)
{
    char name[16];
    struct query *q = q_put(store, C_AGENTS);
    int64_t now = clock_wall();
    snprintf(name, sizeof(name), "host-%05u", beats++ % BEATING);
    q_text(q, F_AGENTS_HOST_ID, name);
    q_text(q, F_AGENTS_HOSTNAME, name);
    q_text(q, F_AGENTS_AGENT_VERSION, "0.1.0");
    q_text(q, F_AGENTS_STATUS, "healthy");
    q_json(q, F_AGENTS_RESOURCE_USAGE, config);
    q_time(q, F_AGENTS_LAST_HEARTBEAT, now);
    q_time(q, F_AGENTS_CREATED_AT, now);
    q_flags(q, PHX_RELAXED);
    store_run(q, on_beat, NULL);
}

static void bench_beats(const char *label)
{
    int64_t start = clock_mono();
    for (int i = 0; i < BEATS_AT_ONCE; i++)
        beat();
    if (loop_run(loop, NULL))
        exit(1);
    printf("store_heartbeats_%s %.0f 1/s\n", label, BEATS / ((double)(clock_mono() - start) / 1e9));
}

/* ---- measured values */

enum { MEASURES = F_SAMPLES_COUNT - F_SAMPLES_VARIANT - 1 };
static unsigned sent, stored;

static void put_rows(void);

static void on_rows(void *arg, const struct result *res)
{
    must(res);
    if (++stored == PUTS)
        loop_stop(loop);
    else if (sent < PUTS)
        put_rows();
}

static void put_rows(void)
{
    struct query *q = q_put(store, C_SAMPLES);
    int64_t now = clock_wall() / 1000 * 1000 - (int64_t)sent++ * 1000;
    for (int row = 0; row < ROWS; row++) {
        if (row > 0)
            q_next_row(q);
        q_text(q, F_SAMPLES_EXPERIMENT_ID, "0191f0c4-7a3b-7000-8000-000000000001");
        q_time(q, F_SAMPLES_TS, now - (int64_t)(row / HOSTS) * NS_PER_S);
        q_str(q, F_SAMPLES_HOST_ID, hosts[row % HOSTS]);
        q_text(q, F_SAMPLES_VARIANT, "candidate");
        for (int m = F_SAMPLES_VARIANT + 1; m < F_SAMPLES_COUNT; m++)
            q_real(q, m, row * 1.5 + m);
    }
    q_flags(q, PHX_RELAXED);
    store_run(q, on_rows, NULL);
}

static void bench_values(const char *label)
{
    int64_t start = clock_mono();
    for (int i = 0; i < PUTS_AT_ONCE; i++)
        put_rows();
    if (loop_run(loop, NULL))
        exit(1);
    printf("store_values_%s %.0f 1/s\n", label,
           (double)PUTS * ROWS * MEASURES / ((double)(clock_mono() - start) / 1e9));
}

/* ---- one at a time */

static int64_t latencies[SINGLES], started;
static unsigned singles;

static void single(void);

static void on_single(void *arg, const struct result *res)
{
    must(res);
    latencies[singles++] = clock_mono() - started;
    if (singles == SINGLES)
        loop_stop(loop);
    else
        single();
}

static void single(void)
{
    struct query *q = q_put(store, C_DEPLOYMENTS);
    q_str(q, F_DEPLOYMENTS_HOST_ID, hosts[singles % HOSTS]);
    q_text(q, F_DEPLOYMENTS_EXPERIMENT_ID, "0191f0c4-7a3b-7000-8000-000000000001");
    q_text(q, F_DEPLOYMENTS_VARIANT, "candidate");
    q_text(q, F_DEPLOYMENTS_PIPELINE, "topk");
    q_text(q, F_DEPLOYMENTS_CONFIG_HASH, "sha256:0");
    q_text(q, F_DEPLOYMENTS_STATUS, "running");
    q_time(q, F_DEPLOYMENTS_CREATED_AT, 1);
    started = clock_mono();
    store_run(q, on_single, NULL);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void bench_latency(const char *mode)
{
    single();
    if (loop_run(loop, NULL))
        exit(1);
    qsort(latencies, SINGLES, sizeof(*latencies), by_value);
    printf("store_put_p50_%s %.0f us\n", mode, (double)latencies[SINGLES / 2] / 1e3);
    printf("store_put_p99_%s %.0f us\n", mode, (double)latencies[SINGLES * 99 / 100] / 1e3);
}

/* ---- */

static void on_open(void *arg, const struct err *err)
{
    if (err)
        die("open", err);
    loop_stop(loop);
}

static void on_closed(void *arg)
{
    loop_stop(loop);
}

static void set_up(const char *plugins, const char *driver, const char *driver_config)
{
    struct err err = { 0 };
    const char *dirs[] = { plugins, NULL };
    static char names[HOSTS][16];
    log_init("store_bench", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    for (int i = 0; i < HOSTS; i++) {
        snprintf(names[i], sizeof(names[i]), "host-%03d", i);
        hosts[i] = str_of(names[i]);
    }
    config = json_object();
    json_set_str(config, "pipeline", "topk");
    json_set_str(config, "config_url",
                 "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    loop = loop_new(&err);
    struct registry_conf conf = { .program = "store_bench", .version = "1", .dirs = dirs, .loop = loop };
    struct registry *r = registry_new(&conf, &err);
    if (!r)
        die("plugins", &err);
    struct json *settings = json_parse(str_of(driver_config), NULL, &err);
    if (!settings)
        die("CONFIG", &err);
    store = store_open(r, driver, settings, loop, on_open, NULL, &err);
    json_free(settings);
    if (!store)
        die("store", &err);
    if (loop_run(loop, NULL))
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: store_bench PLUGIN_DIR DRIVER CONFIG LABEL\n", stderr);
        return 2;
    }
    set_up(argv[1], argv[2], argv[3]);
    bench_lives(argv[4]);
    bench_latency(argv[4]);
    bench_beats(argv[4]);
    bench_values(argv[4]);
    store_close(store, on_closed, NULL);
    return loop_run(loop, NULL) ? 1 : 0;
}
