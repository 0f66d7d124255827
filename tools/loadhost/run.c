/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/loadhost/run.h"
#include <stddef.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/str.h"

enum { STEP_MIN_NS = 1000000 }; /* a profile that asks for the next call at once cannot spin */

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = { "running", "completed", "stopped", "failed" };
    return names[state];
}

uint64_t run_quota(const struct run_conf *conf, int64_t elapsed_ns, uint64_t delivered)
{
    /* the bucket starts full: what a population needs at its start comes at once */
    double allowed = (double)conf->max_rate * ((double)elapsed_ns / (double)NS_PER_S + 1);
    double left = allowed - (double)delivered;
    if (left > (double)conf->max_rate) left = (double)conf->max_rate;
    uint64_t quota = left > 0 ? (uint64_t)left : 0;
    if (!conf->max_total) return quota;
    uint64_t rest = delivered < conf->max_total ? conf->max_total - delivered : 0;
    return quota < rest ? quota : rest;
}

static phx_status no_points(const phx_load_out *out, const phx_point *points, size_t n)
{
    return PHX_E_UNSUPPORTED; /* nothing here takes points yet: profiles do their own work */
}
static const phx_load_out OUT = { .size = sizeof OUT, .points = no_points };

static void fail(struct run_status *s, phx_status failure, const char *reason)
{
    s->state = RUN_FAILED;
    s->failure = failure;
    s->reason = reason;
}

/* ---- what the profile tells */

struct teller {
    phx_sink sink; /* first */
    struct run_status *into;
};

static phx_status on_told(const phx_sink *sink, const char *what, phx_str key, phx_str value)
{
    struct run_status *s = ((const struct teller *)(const void *)sink)->into;
    const struct {
        const char *word;
        double *figure;
    } figures[] = {
        { "rejected", &s->rejected }, { "failed", &s->failed }, { "late", &s->late }, { "rate", &s->rate }
    };
    struct str text = { value.p, value.n };
    if (str_eqz(str_of(what), "reason")) {
        (void)str_copy(s->told, sizeof s->told, text);
        return PHX_OK;
    }
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        double number;
        if (!str_eqz(str_of(what), figures[i].word)) continue;
        if (!parse_real(text, &number) || number < 0) return PHX_E_INVAL;
        *figures[i].figure = number;
        return PHX_OK;
    }
    return PHX_E_UNSUPPORTED;
}

static void ask(const struct run_conf *conf, struct run_status *s)
{
    struct teller teller = { .sink = { .size = sizeof teller.sink, .put = on_told }, .into = s };
    if (PHX_HAS(conf->ops, phx_load_ops, tell)) conf->ops->tell(conf->self, &teller.sink);
}

/* ---- the pace */

static uint64_t offered(const struct run_conf *conf, const struct run_status *s)
{
    return PHX_HAS(conf->ops, phx_load_ops, due) ? conf->ops->due(conf->self) : s->delivered;
}

/* One step; *ret_next: when the next one is wanted. */
static void step(const struct run_conf *conf, struct run_status *s, int64_t now_ns, int64_t *ret_next)
{
    uint64_t done = 0, next_ns = 0, quota = run_quota(conf, s->elapsed_ns, s->delivered);
    phx_status status = conf->ops->step(conf->self, (uint64_t)s->elapsed_ns, quota, &OUT, &done, &next_ns);
    if (done > quota) {
        fail(s, PHX_E_LIMIT, "the profile produced more than its quota");
        return;
    }
    s->delivered += done;
    s->offered = offered(conf, s);
    if (status == PHX_E_LIMIT || (conf->max_total && s->delivered >= conf->max_total))
        s->state = RUN_COMPLETED;
    else if (status) fail(s, status, NULL);
    if (next_ns > (uint64_t)NS_PER_S) next_ns = (uint64_t)NS_PER_S;
    *ret_next = now_ns + (next_ns < STEP_MIN_NS ? STEP_MIN_NS : (int64_t)next_ns);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What somebody wants changed; after a step, so that the profile's schedule stands where it shall change. */
static void change(const struct run_conf *conf, const struct run_env *env, const struct run_status *s)
{
    phx_load_change wanted;
    while (env->change && env->change(env->arg, &wanted)) {
        phx_status status = PHX_E_UNSUPPORTED;
        if (PHX_HAS(conf->ops, phx_load_ops, adjust))
            status = conf->ops->adjust(conf->self, (uint64_t)s->elapsed_ns, &wanted);
        env->changed(env->arg, status);
    }
}

static void run_steps(const struct run_conf *conf, const struct run_env *env, struct run_status *s)
{
    int64_t start_ns = env->now(env->arg), end_ns = start_ns + conf->duration_ns;
    int64_t next_step = start_ns, next_report = start_ns + NS_PER_S;
    while (s->state == RUN_RUNNING) {
        int64_t now_ns = env->now(env->arg);
        s->elapsed_ns = now_ns - start_ns;
        if (now_ns >= end_ns) {
            s->state = RUN_COMPLETED;
            return;
        }
        step(conf, s, now_ns, &next_step);
        if (now_ns >= next_report) {
            ask(conf, s);
            env->report(env->arg, s);
            next_report = now_ns + NS_PER_S - (now_ns - next_report) % NS_PER_S;
        }
        if (s->state == RUN_RUNNING && env->wait(env->arg, least(least(next_step, next_report), end_ns)))
            s->state = RUN_STOPPED;
        change(conf, env, s);
    }
}

struct run_status run_load(const struct run_conf *conf, const struct run_env *env)
{
    struct run_status s = { .state = RUN_RUNNING, .rejected = -1, .failed = -1, .late = -1, .rate = -1 };
    phx_load_budget budget = {
        .size = sizeof budget,
        .max_rate = conf->max_rate,
        .max_total = conf->max_total,
        .seed = conf->seed,
        .deadline = (phx_mono)(env->now(env->arg) + conf->duration_ns),
    };
    phx_status status = conf->ops->start(conf->self, &budget);
    if (status) {
        fail(&s, status, NULL);
        return s;
    }
    run_steps(conf, env, &s);
    conf->ops->stop(conf->self);
    if (PHX_HAS(conf->ops, phx_load_ops, rest)) {
        uint64_t rest = conf->ops->rest(conf->self), quota = run_quota(conf, s.elapsed_ns, s.delivered);
        s.delivered += rest < quota ? rest : quota;
    }
    s.offered = offered(conf, &s);
    ask(conf, &s);
    return s;
}
