/* SPDX-License-Identifier: Apache-2.0 */
/* Load profiles: they stay inside what the host grants, and stop. Time is virtual: each step is told
 * how much has elapsed. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include "core/base/clock.h"
#include "tools/plugin_check/check.h"

#define STEPS 300
#define GRACE_NS (5 * NS_PER_S)

static struct {
    uint64_t points, digest;
    phx_status answer; /* what points() says to the plugin */
} got;

static void digest(const void *p, size_t n)
{
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++) {
        got.digest = (got.digest ^ b[i]) * UINT64_C(0x100000001b3);
    }
}

static phx_status on_points(const phx_load_out *out, const phx_point *p, size_t n)
{
    if (got.answer != PHX_OK) {
        return got.answer;
    }
    for (size_t i = 0; i < n; i++) {
        digest(p[i].name.p, p[i].name.n);
        for (size_t k = 0; k < p[i].n_labels; k++) {
            digest(p[i].labels[k].k.p, p[i].labels[k].k.n);
            digest(p[i].labels[k].v.p, p[i].labels[k].v.n);
        }
        digest(&p[i].v, sizeof p[i].v);
    }
    got.points += n;
    return PHX_OK;
}

static const phx_load_out out = { .size = sizeof out, .points = on_points };

static const phx_load_ops *ops_of(struct trial *t)
{
    return t->component->abi->ops;
}

static void start(struct trial *t, struct instance *i, uint64_t seed)
{
    phx_load_budget budget = {
        .size = sizeof budget,
        .max_rate = 200,
        .max_total = 1000000,
        .max_bytes = 64 << 20,
        .max_mem = 64 << 20,
        .cpu_milli = 500,
        .seed = seed,
        .deadline = (phx_mono)(clock_mono() + 60 * NS_PER_S),
    };
    struct err err = { 0 };
    got.points = 0;
    got.digest = UINT64_C(0xcbf29ce484222325);
    if (instance_result(i, ops_of(t)->start(instance_self(i), &budget), &err) != 0) {
        trial_fail("start: %s", err.msg);
    }
}

/* One step; ends the trial when more was made than granted. */
static phx_status step(struct trial *t, struct instance *i, uint64_t elapsed_ns, uint64_t quota)
{
    uint64_t done = 0, next_ns = 0, before = got.points;
    phx_status s = ops_of(t)->step(instance_self(i), elapsed_ns, quota, &out, &done, &next_ns);
    if (done > quota || got.points - before > quota) {
        trial_fail("a quota of %llu, and %llu done with %llu points", (unsigned long long)quota,
                   (unsigned long long)done, (unsigned long long)(got.points - before));
    }
    return s;
}

static void stays_below_quota(struct trial *t)
{
    struct instance *i = trial_instance(t);
    start(t, i, t->options->seed);
    for (uint64_t k = 0; k < STEPS; k++) {
        phx_status s = step(t, i, k * 50 * NS_PER_MS, k % 7);
        struct err err = { 0 };
        if (instance_result(i, s, &err) != 0) {
            trial_fail("step %llu: %s", (unsigned long long)k, err.msg);
        }
    }
    ops_of(t)->stop(instance_self(i));
    instance_free(i);
}

static void no_quota_no_work(struct trial *t)
{
    struct instance *i = trial_instance(t);
    start(t, i, 1);
    for (uint64_t k = 0; k < 20; k++) {
        step(t, i, k * NS_PER_S, 0);
    }
    ops_of(t)->stop(instance_self(i));
    instance_free(i);
}

static bool has_children(void)
{
    return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

static void stops(struct trial *t)
{
    struct instance *i = trial_instance(t);
    for (int round = 0; round < 3; round++) {
        start(t, i, (uint64_t)round);
        for (uint64_t k = 0; k < 10; k++) {
            step(t, i, k * 100 * NS_PER_MS, 5);
        }
        int64_t begin = clock_mono();
        ops_of(t)->stop(instance_self(i));
        while (has_children() && clock_mono() - begin < GRACE_NS) {
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
        if (clock_mono() - begin >= GRACE_NS) {
            trial_fail("stop took longer than the grace time, or left children");
        }
    }
    instance_free(i);
    if (has_children()) {
        trial_fail("children are left after destroy");
    }
}

static void same_seed_same_stream(struct trial *t)
{
    uint64_t digests[2], points[2];
    for (int round = 0; round < 2; round++) {
        struct instance *i = trial_instance(t);
        start(t, i, 42);
        for (uint64_t k = 0; k < STEPS; k++) {
            step(t, i, k * 50 * NS_PER_MS, 10);
        }
        ops_of(t)->stop(instance_self(i));
        instance_free(i);
        digests[round] = got.digest;
        points[round] = got.points;
    }
    if (points[0] == 0 && points[1] == 0) {
        trial_skip("it makes no points");
    }
    if (digests[0] != digests[1] || points[0] != points[1]) {
        trial_fail("the same seed gave another stream (%llu and %llu points)", (unsigned long long)points[0],
                   (unsigned long long)points[1]);
    }
}

static void limit_ends_it(struct trial *t)
{
    struct instance *i = trial_instance(t);
    start(t, i, 1);
    got.answer = PHX_E_LIMIT;
    for (uint64_t k = 0; k < 20; k++) {
        step(t, i, k * NS_PER_S, 10);
    }
    got.answer = PHX_OK;
    ops_of(t)->stop(instance_self(i));
    instance_free(i);
}

/* The change is lent at the end of a page that cannot be written, and is gone after the call. */
static phx_status adjust(struct trial *t, struct instance *i, uint64_t elapsed_ns, double factor, double rate)
{
    phx_load_change change = { .size = sizeof change, .factor = factor, .rate = rate };
    struct fence lent;
    fence_make(&lent, &change, sizeof change);
    const phx_load_change *wanted = (const phx_load_change *)(void *)lent.data;
    phx_status s = ops_of(t)->adjust(instance_self(i), elapsed_ns, wanted);
    fence_burn(&lent);
    return s;
}

static void changes_are_done_or_refused(struct trial *t)
{
    if (!PHX_HAS(ops_of(t), phx_load_ops, adjust)) {
        trial_skip("it cannot be changed");
    }
    struct instance *i = trial_instance(t);
    start(t, i, t->options->seed);
    for (uint64_t k = 0; k < STEPS; k++) {
        uint64_t elapsed_ns = k * 50 * NS_PER_MS;
        step(t, i, elapsed_ns, k % 7);
        phx_status s = adjust(t, i, elapsed_ns, (double)(k % 5), k % 3 ? 0 : 10);
        if (s != PHX_OK && s != PHX_E_UNSUPPORTED && s != PHX_E_INVAL) {
            trial_fail("a change was answered %d; done, unsupported or invalid is wanted", (int)s);
        }
        if (adjust(t, i, elapsed_ns, -1, 0) == PHX_OK || adjust(t, i, elapsed_ns, NAN, 0) == PHX_OK) {
            trial_fail("a factor that is no share of anything was taken");
        }
    }
    ops_of(t)->stop(instance_self(i));
    instance_free(i);
}

static phx_status on_told(const phx_sink *sink, const char *what, phx_str key, phx_str value)
{
    static const char *const numbers[] = { "rejected", "failed", "late", "rate" };
    double number;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        bool is_it = strcmp(what, numbers[i]) == 0;
        if (is_it && (!parse_real((struct str){ value.p, value.n }, &number) || number < 0)) {
            trial_fail("it tells \"%.*s\" for %s", (int)value.n, value.p, what);
        }
        if (is_it) {
            return PHX_OK;
        }
    }
    return strcmp(what, "reason") == 0 ? PHX_OK : PHX_E_UNSUPPORTED;
}

static void tells_numbers(struct trial *t)
{
    static const phx_sink sink = { .size = sizeof sink, .put = on_told };
    if (!PHX_HAS(ops_of(t), phx_load_ops, tell)) {
        trial_skip("it tells nothing");
    }
    struct instance *i = trial_instance(t);
    start(t, i, 1);
    for (uint64_t k = 0; k < 20; k++) {
        step(t, i, k * NS_PER_S, k);
        ops_of(t)->tell(instance_self(i), &sink);
    }
    ops_of(t)->stop(instance_self(i));
    ops_of(t)->tell(instance_self(i), &sink);
    instance_free(i);
}

const struct trial_case load_cases[] = {
    { "no step makes more than its quota", stays_below_quota },
    { "a quota of nothing is nothing", no_quota_no_work },
    { "stop ends it, children too, and it can start again", stops },
    { "the same seed gives the same points", same_seed_same_stream },
    { "a spent budget is survived", limit_ends_it },
    { "a change while it runs is done, or refused", changes_are_done_or_refused },
    { "what it tells are numbers, also after the stop", tells_numbers },
    { 0 },
};
