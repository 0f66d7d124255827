/* SPDX-License-Identifier: Apache-2.0 */
/* KPIs: pure, total, and careful with what is lent. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/clock.h"
#include "tools/plugin_check/check.h"

#define BUCKETS 240
#define BUCKET_NS UINT64_C(10000000000)
#define T0 INT64_C(1700000000000000000)

/* What a call reported. There is one call at a time in a trial, so this may be static. */
static struct report {
    uint64_t n_window, n;
    struct {
        uint64_t i;
        double value, weight;
    } cell[2 * BUCKETS];
    phx_status answer; /* what cell() says to the plugin */
} report;

static phx_status on_cell(const phx_kpi_out *out, uint64_t i, double value, double weight)
{
    if (report.answer != PHX_OK) {
        return report.answer;
    }
    if (i >= report.n_window) {
        trial_fail("reported cell %llu of a window of %llu", (unsigned long long)i,
                   (unsigned long long)report.n_window);
    }
    if (!isfinite(value) || !isfinite(weight) || weight < 0) {
        trial_fail("reported value %g with weight %g in cell %llu", value, weight, (unsigned long long)i);
    }
    if (report.n == sizeof report.cell / sizeof report.cell[0]) {
        trial_fail("reported more cells than there are");
    }
    report.cell[report.n].i = i;
    report.cell[report.n].value = value;
    report.cell[report.n++].weight = weight;
    return PHX_OK;
}

static const phx_kpi_out out = { .size = sizeof out, .cell = on_cell };

/* A window in fenced memory: times, one row an input, the rows' addresses, and the struct itself. */
struct window {
    struct fence t, rows, body, row[64];
    uint32_t n_inputs;
};

typedef double value_fn(uint32_t input, uint64_t bucket, uint64_t seed);

static void window_make(struct window *w, const phx_kpi_ops *ops, uint64_t n, value_fn *value, uint64_t seed)
{
    const double *rows[64];
    double values[BUCKETS];
    phx_wall t[BUCKETS];
    for (uint64_t b = 0; b < n; b++) {
        t[b] = T0 + (phx_wall)(b * BUCKET_NS);
    }
    fence_make(&w->t, t, n * sizeof t[0]);
    for (w->n_inputs = 0; ops->inputs[w->n_inputs]; w->n_inputs++) {
        for (uint64_t b = 0; b < n; b++) {
            values[b] = value(w->n_inputs, b, seed);
        }
        fence_make(&w->row[w->n_inputs], values, n * sizeof values[0]);
        rows[w->n_inputs] = (const double *)(const void *)w->row[w->n_inputs].data;
    }
    fence_make(&w->rows, rows, w->n_inputs * sizeof rows[0]);
    phx_kpi_window body = {
        .size = sizeof body,
        .n_inputs = w->n_inputs,
        .n = n,
        .bucket_ns = BUCKET_NS,
        .t = (const phx_wall *)(const void *)w->t.data,
        .in = (const double *const *)(const void *)w->rows.data,
    };
    fence_make(&w->body, &body, sizeof body);
    report.n_window = n;
}

static void window_each(struct window *w, void (*fn)(struct fence *))
{
    fn(&w->t);
    fn(&w->rows);
    fn(&w->body);
    for (uint32_t i = 0; i < w->n_inputs; i++) {
        fn(&w->row[i]);
    }
}

static phx_status call(struct instance *i, struct window *w)
{
    const phx_kpi_ops *ops = instance_component(i)->abi->ops;
    report.n = 0;
    return ops->cells(instance_self(i), (const phx_kpi_window *)(const void *)w->body.data, &out);
}

/* Positive, moving, and the same for the same seed. */
static double usual(uint32_t input, uint64_t bucket, uint64_t seed)
{
    uint64_t x = seed + 0x9e3779b97f4a7c15u * (bucket + 1) + input;
    x ^= x >> 31;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
    return 100 + (double)(x % 1000) / 10;
}

/* A KPI may be of no use without a config, as one of prices is; then it must say so. */
static void must_work(struct instance *i, struct window *w, const char *what)
{
    struct err err = { 0 };
    int rc = instance_result(i, call(i, w), &err);
    if (rc == ERR_CONFIG) {
        trial_skip("%s; give it a config with --config", err.msg);
    }
    if (rc != 0) {
        trial_fail("%s: %s", what, err.msg);
    }
}

static void same_twice(struct trial *t)
{
    struct instance *a = trial_instance(t), *b = trial_instance(t);
    struct window w;
    window_make(&w, t->component->abi->ops, BUCKETS, usual, t->options->seed);
    must_work(a, &w, "an ordinary window");
    struct report first = report;
    for (int round = 0; round < 2; round++) {
        must_work(round ? b : a, &w, "the same window again");
        if (first.n != report.n || memcmp(first.cell, report.cell, first.n * sizeof first.cell[0]) != 0) {
            trial_fail("the same input gave other bytes%s", round ? " in another instance" : "");
        }
    }
    if (first.n == 0) {
        trial_fail("no cell came of an ordinary window");
    }
}

static void keeps_nothing(struct trial *t)
{
    struct instance *i = trial_instance(t);
    for (uint64_t n = 1; n <= BUCKETS; n = n * 2 + 1) {
        struct window w;
        window_make(&w, t->component->abi->ops, n, usual, n);
        must_work(i, &w, "a window in fenced, read-only memory");
        window_each(&w, fence_burn); /* a pointer that was kept bites in the next round */
    }
    instance_free(i);
}

static double zero(uint32_t input, uint64_t bucket, uint64_t seed)
{
    return 0;
}
static double huge(uint32_t input, uint64_t bucket, uint64_t seed)
{
    return bucket % 2 ? DBL_MAX : 1e300;
}
static double tiny(uint32_t input, uint64_t bucket, uint64_t seed)
{
    return bucket % 2 ? DBL_TRUE_MIN : DBL_MIN / 3;
}
static double negative(uint32_t input, uint64_t bucket, uint64_t seed)
{
    return -usual(input, bucket, seed);
}
static double mixed(uint32_t input, uint64_t bucket, uint64_t seed)
{
    return input % 2 ? 0 : usual(input, bucket, seed);
}

/* Whatever the numbers are: a status, and finite cells (on_cell looks). */
static void takes_anything(struct trial *t)
{
    static value_fn *const kinds[] = { zero, huge, tiny, negative, mixed, usual };
    struct instance *i = trial_instance(t);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (uint64_t n = 0; n <= BUCKETS; n += n < 3 ? 1 : 59) {
            struct window w;
            window_make(&w, t->component->abi->ops, n, kinds[k], k);
            struct err err = { 0 };
            if (instance_result(i, call(i, &w), &err) == ERR_INTERNAL) {
                trial_fail("internal error on legal input: %s", err.msg);
            }
            window_each(&w, fence_free);
        }
    }
    instance_free(i);
}

static void stops_when_told(struct trial *t)
{
    struct instance *i = trial_instance(t);
    struct window w;
    window_make(&w, t->component->abi->ops, BUCKETS, usual, 1);
    report.answer = PHX_E_LIMIT;
    if (call(i, &w) == PHX_OK) {
        trial_fail("cell() said LIMIT, and cells() said OK");
    }
    report.answer = PHX_OK;
    must_work(i, &w, "a window after a refused one");
    instance_free(i);
}

static void is_fast(struct trial *t)
{
    struct instance *i = trial_instance(t);
    struct window w;
    window_make(&w, t->component->abi->ops, BUCKETS, usual, 1);
    int64_t start = clock_mono();
    for (int k = 0; k < 40; k++) {
        must_work(i, &w, "an ordinary window");
    }
    int64_t ns = clock_mono() - start;
    if (ns > NS_PER_S) {
        trial_fail("%d cells took %lld ms", 40 * BUCKETS, (long long)(ns / NS_PER_MS));
    }
}

const struct trial_case kpi_cases[] = {
    { "the same input gives the same bytes", same_twice },
    { "lent memory is read inside its bounds, not written and not kept", keeps_nothing },
    { "zeros, extremes, negatives and empty windows are survived", takes_anything },
    { "a refused cell ends the call", stops_when_told },
    { "ten thousand cells take less than a second", is_fast },
    { 0 },
};
