/* SPDX-License-Identifier: Apache-2.0 */
/* Rows in bulk: heartbeats that are written behind, samples, a KPI's window of them, and their end. */
#include <string.h>
#include "tests/bench/bench_store.h"

enum {
    FLUSH = 500,         /* heartbeats in a batch, as agents.c writes them */
    ROWS = 1000,         /* samples in one PUT */
    AT_ONCE = 4,
    TICK_S = 15,
    HOSTS = 10,          /* of one experiment */
    WINDOW_TICKS = 3600 / TICK_S,
    READS = 200
};
#define DAY_NS (INT64_C(86400) * NS_PER_S)

/* ---- several writes under way, until there are enough */

struct flow {
    struct bench *b;
    struct query *(*next)(struct flow *f); /* NULL: no more */
    unsigned made, wanted, running;
    uint64_t rows;
};

static void flow_on(struct flow *f);

static void on_written(void *arg, const struct result *res)
{
    struct flow *f = arg;
    bench_must(res);
    f->rows += res->n;
    flow_on(f);
}

static void flow_on(struct flow *f)
{
    if (f->made < f->wanted) {
        store_run(f->next(f), on_written, f);
        f->made++;
    } else if (--f->running == 0) {
        loop_stop(f->b->loop);
    }
}

/* Rows a second. */
static double flow_run(struct flow *f)
{
    int64_t start = clock_mono();
    f->running = AT_ONCE;
    for (unsigned i = 0; i < AT_ONCE; i++)
        flow_on(f);
    bench_wait(f->b);
    return (double)f->rows / bench_seconds(start);
}

/* ---- heartbeats */

static struct query *agents_insert(struct flow *f)
{
    struct query *batch = q_batch(f->b->store);
    for (unsigned i = 0; i < FLUSH; i++) {
        struct query *q = q_put(f->b->store, C_AGENTS);
        q_str(q, F_AGENTS_HOST_ID, bench_host(f->made * FLUSH + i));
        q_text(q, F_AGENTS_AGENT_VERSION, "0.1.0");
        q_text(q, F_AGENTS_STATUS, "healthy");
        q_json(q, F_AGENTS_RESOURCE_USAGE, f->b->config);
        q_time(q, F_AGENTS_LAST_HEARTBEAT, clock_wall());
        q_time(q, F_AGENTS_CREATED_AT, clock_wall());
        q_add(batch, q);
    }
    return batch;
}

static struct query *agents_beat(struct flow *f)
{
    struct query *batch = q_batch(f->b->store);
    int64_t now = clock_wall();
    for (unsigned i = 0; i < FLUSH; i++) {
        struct query *q = q_update(f->b->store, C_AGENTS);
        q_where_text(q, F_AGENTS_HOST_ID, PHX_EQ, bench_host(f->made * FLUSH + i).p);
        q_set_text(q, F_AGENTS_AGENT_VERSION, "0.1.0");
        q_set_text(q, F_AGENTS_STATUS, "healthy");
        q_set_json(q, F_AGENTS_RESOURCE_USAGE, f->b->config);
        q_set_time(q, F_AGENTS_LAST_HEARTBEAT, now);
        q_flags(q, PHX_NO_ROWS);
        q_add(batch, q);
    }
    q_flags(batch, PHX_RELAXED);
    return batch;
}

void bench_heartbeats(struct bench *b, const char *arg)
{
    struct flow fill = { .b = b, .next = agents_insert, .wanted = BENCH_HOSTS_MAX / FLUSH };
    struct flow beat = { .b = b, .next = agents_beat, .wanted = 1000 };
    (void)arg;
    flow_run(&fill);
    bench_print(b, "heartbeat_rows", flow_run(&beat), "1/s");
    if (beat.rows != (uint64_t)beat.wanted * FLUSH) {
        fprintf(stderr, "store_bench: %llu heartbeats were written\n", (unsigned long long)beat.rows);
        exit(1);
    }
}

/* ---- samples: experiments one after the other, each an hour of ten hosts with two arms, all of yesterday */

static int64_t day_start(void)
{
    return clock_wall() / DAY_NS * DAY_NS - DAY_NS;
}

static void experiment_id(unsigned i, char out[40])
{
    snprintf(out, 40, "0191f0c4-7a3b-7000-8000-%012u", i);
}

static struct query *samples_put(struct flow *f)
{
    struct query *q = q_put(f->b->store, C_SAMPLES);
    int64_t day = day_start();
    char id[40];
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned at = f->made * ROWS + i;
        unsigned tick = at / (2 * HOSTS) % WINDOW_TICKS, hour = at / (2 * HOSTS * WINDOW_TICKS);
        experiment_id(hour, id);
        q_text(q, F_SAMPLES_EXPERIMENT_ID, id);
        q_time(q, F_SAMPLES_TS, day + (int64_t)(hour % 23) * 3600 * NS_PER_S + tick * TICK_S * NS_PER_S);
        q_str(q, F_SAMPLES_HOST_ID, bench_host(at / 2 % HOSTS));
        q_text(q, F_SAMPLES_VARIANT, at % 2 ? "candidate" : "baseline");
        for (int m = F_SAMPLES_VARIANT + 1; m < F_SAMPLES_COUNT; m++)
            q_real(q, m, (double)at * m * 0.001);
        if (i + 1 < ROWS)
            q_next_row(q);
    }
    q_flags(q, PHX_RELAXED);
    return q;
}

/* "THOUSANDS of rows" */
void bench_samples(struct bench *b, const char *arg)
{
    struct flow f = { .b = b, .next = samples_put, .wanted = *arg ? (unsigned)strtoul(arg, NULL, 10) : 200 };
    double rows = flow_run(&f);
    unsigned per_row = F_SAMPLES_COUNT - F_SAMPLES_VARIANT - 1;
    bench_print(b, "sample_rows", rows, "1/s");
    bench_print(b, "metric_values", rows * per_row, "1/s");
    bench_print(b, "metric_values_kept", (double)f.rows * per_row, "1");
}

/* ---- a window of them */

struct read {
    struct bench *b;
    size_t rows;
};

static void on_read(void *arg, const struct result *res)
{
    struct read *r = arg;
    bench_must(res);
    r->rows = res->n_rows;
    loop_stop(r->b->loop);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* "EXPERIMENTS" that bench_samples stored whole */
void bench_window(struct bench *b, const char *arg)
{
    static int64_t times[READS];
    unsigned n = *arg ? (unsigned)strtoul(arg, NULL, 10) : 10;
    struct read r = { .b = b };
    for (unsigned i = 0; i < READS; i++) {
        char id[40];
        experiment_id(i * 7 % n, id);
        int64_t from = day_start() + (int64_t)(i * 7 % n % 23) * 3600 * NS_PER_S;
        struct query *q = q_scan(b->store, C_SAMPLES);
        q_where_text(q, F_SAMPLES_EXPERIMENT_ID, PHX_EQ, id);
        q_where_int(q, F_SAMPLES_TS, PHX_GE, from);
        q_where_int(q, F_SAMPLES_TS, PHX_LT, from + 3600 * NS_PER_S);
        q_only(q, F_SAMPLES_TS);
        q_only(q, F_SAMPLES_HOST_ID);
        q_only(q, F_SAMPLES_VARIANT);
        q_only(q, F_SAMPLES_SERIES);
        q_only(q, F_SAMPLES_POINTS);
        int64_t start = clock_mono();
        store_run(q, on_read, &r);
        bench_wait(b);
        times[i] = clock_mono() - start;
        if (r.rows != 2 * HOSTS * WINDOW_TICKS) {
            fprintf(stderr, "store_bench: a window of %zu rows\n", r.rows);
            exit(1);
        }
    }
    qsort(times, READS, sizeof *times, by_value);
    bench_print(b, "window_1h_p50", (double)times[READS / 2] / 1e6, "ms");
    bench_print(b, "window_1h_p99", (double)times[READS * 99 / 100] / 1e6, "ms");
}

/* ---- their end */

void bench_expire(struct bench *b, const char *arg)
{
    (void)arg;
    struct read r = { .b = b };
    int64_t start = clock_mono();
    store_expire(b->store, C_SAMPLES, day_start() + DAY_NS, on_read, &r);
    bench_wait(b);
    bench_print(b, "expire_day", bench_seconds(start), "s");
}
