/* SPDX-License-Identifier: Apache-2.0 */
/* A group is an experiment with a timer. At a tick every arm is asked at once; when the last answer is
 * in, rows are written with the time of the tick. A tick that comes while one is still open is left
 * out. Arms that do not run give a row that says up = 0: a gap would look like a missing agent. Kept
 * collectors belong to no experiment any more and are not read. */
#include <math.h>
#include <stdlib.h>
#include <utlist.h>
#include "core/agent/census_round.h"
#include "core/agent/expo.h"
#include "core/agent/procfs.h"
#include "core/agent/sampler.h"
#include "core/agent/telemetry.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/measures.h"
#include "core/base/mem.h"

enum { ARMS_MAX = CENSUS_ARMS_MAX };
#define SCRAPE_TIMEOUT_NS (5 * NS_PER_S)

const char *const sampler_measures[] = {
#define MEASURE(id, name, unit, help) name,
#include "core/tables/measures.def"
    NULL
};

struct group;
struct reading {
    struct group *group;
    char id[101], variant[64];
    double values[MEASURE_COUNT]; /* NAN: not measured */
    struct names *names;
    struct buf census; /* its members; empty: none is due, or it did not answer */
    struct fetch *call, *self_call; /* its exposition; its own telemetry, if that is elsewhere */
};
struct group {
    struct sampler *sampler;
    struct group *prev, *next;
    char experiment_id[UUID_LEN + 1];
    int64_t interval_ns, tick_ns;
    struct timer *timer;
    struct reading arms[ARMS_MAX];
    unsigned n_arms, n_open;
    struct census_round round;
    bool is_wanted; /* by some collector, at the last look */
};
struct sampler {
    struct sampler_conf conf;
    struct group *groups;
};

static void on_tick(void *arg);

struct sampler *sampler_new(const struct sampler_conf *conf)
{
    struct sampler *s = mem_alloc(sizeof *s);
    s->conf = *conf;
    return s;
}

static void arms_clear(struct group *g)
{
    for (unsigned i = 0; i < g->n_arms; i++) {
        if (g->arms[i].call)
            fetch_cancel(g->arms[i].call);
        if (g->arms[i].self_call)
            fetch_cancel(g->arms[i].self_call);
        names_free(g->arms[i].names);
        buf_done(&g->arms[i].census);
    }
    g->n_arms = g->n_open = 0;
}

static void group_free(struct group *g)
{
    arms_clear(g);
    timer_free(g->timer);
    free(g);
}

void sampler_free(struct sampler *s)
{
    struct group *g, *next;
    if (!s)
        return;
    DL_FOREACH_SAFE(s->groups, g, next)
        group_free(g);
    free(s);
}

/* ------------------------------------------------------------------------------------- rows */

static void write_row(struct sampler *s, const struct group *g, const struct reading *r)
{
    struct jw *w = outbox_row(s->conf.out);
    jw_open(w, '{');
    jw_kstr(w, "experiment_id", g->experiment_id);
    jw_kstr(w, "variant", r->variant);
    jw_kint(w, "ts", g->tick_ns);
    jw_key(w, "values");
    jw_open(w, '[');
    for (unsigned i = 0; i < MEASURE_COUNT; i++)
        jw_real(w, r->values[i]); /* NAN writes null */
    jw_close(w, ']');
    jw_close(w, '}');
    outbox_row_end(s->conf.out);
}

/** At the end of the tick, when points are known that are told elsewhere than in the exposition. */
static void write_census(struct sampler *s, struct group *g, const struct reading *r)
{
    struct census_row row = { .experiment_id = g->experiment_id,
                              .variant = r->variant,
                              .id = r->id,
                              .tick_ns = g->tick_ns,
                              .values = r->values,
                              .members = buf_str(&r->census) };
    if (row.members.n > 0)
        census_round_write(&g->round, &row, s->conf.census);
}

/** The pair measures, which need both arms: seen by this one, alive by either. */
static void judge_critical(struct group *g)
{
    const struct names *seen[2] = { NULL, NULL };
    unsigned n = 0;
    for (unsigned i = 0; i < g->n_arms && n < 2; i++)
        if (g->arms[i].names)
            seen[n++] = g->arms[i].names;
    size_t alive = names_union(seen[0], seen[1]);
    for (unsigned i = 0; i < g->n_arms; i++) {
        struct reading *r = &g->arms[i];
        if (!r->names)
            continue;
        r->values[MEASURE_CRITICAL] = (double)names_count(r->names);
        r->values[MEASURE_CRITICAL_ALIVE] = (double)alive;
    }
}

static struct push_tick tick_of(const struct reading *r)
{
    const struct group *g = r->group;
    return (struct push_tick){ .experiment_id = g->experiment_id,
                               .variant = r->variant,
                               .tick_ns = g->tick_ns,
                               .interval_ns = g->interval_ns };
}

static void tick_done(struct group *g)
{
    struct sampler *s = g->sampler;
    judge_critical(g);
    for (unsigned i = 0; i < g->n_arms; i++) {
        struct push_tick tick = tick_of(&g->arms[i]);
        write_row(s, g, &g->arms[i]);
        write_census(s, g, &g->arms[i]);
        if (s->conf.push)
            push_measures(s->conf.push, &tick, g->arms[i].values);
    }
    arms_clear(g);
}

static void take_exposition(struct reading *r, struct collector *c, const struct fetch_reply *reply)
{
    struct expo e;
    const struct spec *spec = collector_spec(c);
    uint64_t bytes_read = collector_bytes_read(c, reply->body.n);
    if (spec->n_critical > 0)
        r->names = names_new((const char *const *)spec->critical, spec->n_critical);
    expo_scan(reply->body, r->names, &e);
    r->values[MEASURE_UP] = 1;
    r->values[MEASURE_SERIES] = (double)e.series;
    if (!collector_self_url(c)) {
        r->values[MEASURE_POINTS] = e.points;
        r->values[MEASURE_POINTS_IN] = e.points_in;
        r->values[MEASURE_DROPPED] = e.dropped;
    }
    r->values[MEASURE_BYTES] = isnan(e.bytes) ? (double)bytes_read : e.bytes;
    r->values[MEASURE_SCRAPE] = (double)reply->took_ns / (double)NS_PER_S;
    struct push_tick tick = tick_of(r);
    if (r->group->sampler->conf.push)
        push_exposition(r->group->sampler->conf.push, &tick, reply->body);
    if (r->group->round.is_due)
        census_round_take(reply->body, &r->census);
}

static void on_scraped(void *arg, const struct fetch_reply *reply)
{
    struct reading *r = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* r may be gone */
    struct group *g = r->group;
    struct collector *c = supervisor_find(g->sampler->conf.supervisor, r->id);
    r->call = NULL;
    if (c && reply->rc == 0 && reply->status == 200)
        take_exposition(r, c, reply);
    if (--g->n_open == 0)
        tick_done(g);
}

static void take_telemetry(struct reading *r, const struct collector *c, struct str text)
{
    struct telemetry t;
    telemetry_scan(text, &t);
    r->values[MEASURE_POINTS] = t.points;
    r->values[MEASURE_DROPPED] = t.dropped;
    /* what a ranking leaves out is never read: then the inputs of the arms cannot be compared */
    if (!collector_is_ranked(c))
        r->values[MEASURE_POINTS_IN] = t.points_in;
}

static void on_told(void *arg, const struct fetch_reply *reply)
{
    struct reading *r = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* r may be gone */
    struct group *g = r->group;
    struct collector *c = supervisor_find(g->sampler->conf.supervisor, r->id);
    r->self_call = NULL;
    if (c && reply->rc == 0 && reply->status == 200)
        take_telemetry(r, c, reply->body);
    if (--g->n_open == 0)
        tick_done(g);
}

/* ------------------------------------------------------------------------------------ ticks */

static bool is_sampled(const struct collector *c)
{
    const struct spec *spec = collector_spec(c);
    /* before it was healthy for the first time there is nothing to compare */
    return spec->interval_ns > 0 && spec->experiment_id[0] && !collector_is_kept(c) &&
           collector_status(c) != COLLECTOR_STARTING;
}

static struct fetch *ask(struct reading *r, const char *url, fetch_done_fn *done)
{
    struct err err = { 0 };
    struct fetch_req req = {
        .method = "GET", .url = url, .timeout_ns = SCRAPE_TIMEOUT_NS, .max_reply = LIMIT_EXPOSITION_BYTES
    };
    struct fetch *call = fetch_start(r->group->sampler->conf.fetcher, &req, done, r, &err);
    r->group->n_open += call != NULL;
    return call;
}

static void scrape(struct reading *r, const struct collector *c)
{
    r->call = ask(r, collector_metrics_url(c), on_scraped);
    if (r->call)
        census_round_arm(&r->group->round, r->id);
    if (collector_self_url(c))
        r->self_call = ask(r, collector_self_url(c), on_told);
}

/** What the tee did for this arm. Not measured where there is no such thing. */
static void read_tee(const struct tee *t, struct reading *r)
{
    const struct tee_stats *stats = t ? tee_stats(t, r->id) : NULL;
    if (!stats)
        return;
    r->values[MEASURE_OTLP_OFFERED] = (double)stats->offered.bytes;
    r->values[MEASURE_OTLP_DELIVERED] = (double)stats->delivered.bytes;
    r->values[MEASURE_OTLP_DROPPED] = (double)stats->dropped.bytes;
    r->values[MEASURE_OTLP_REJECTED] = (double)stats->rejected.bytes;
}

static void reading_begin(struct group *g, const struct collector *c)
{
    struct reading *r = &g->arms[g->n_arms++];
    struct process_usage usage;
    *r = (struct reading){ .group = g };
    str_copy(r->id, sizeof r->id, str_of(collector_spec(c)->id));
    str_copy(r->variant, sizeof r->variant, str_of(collector_spec(c)->variant));
    for (unsigned i = 0; i < MEASURE_COUNT; i++)
        r->values[i] = NAN;
    r->values[MEASURE_UP] = 0;
    r->values[MEASURE_RESTARTS] = collector_restarts(c);
    read_tee(g->sampler->conf.tee, r);
    if (collector_pid(c) > 0 && process_usage_read(collector_pid(c), &usage)) {
        r->values[MEASURE_CPU] = usage.cpu_s;
        r->values[MEASURE_RSS] = usage.rss_bytes;
    }
    if (collector_status(c) == COLLECTOR_RUNNING && collector_metrics_url(c))
        scrape(r, c);
}

static void on_tick(void *arg)
{
    struct group *g = arg;
    struct sampler *s = g->sampler;
    if (g->n_open > 0)
        return;
    g->tick_ns = clock_wall();
    census_round_begin(&g->round);
    for (const struct collector *c = supervisor_first(s->conf.supervisor); c && g->n_arms < ARMS_MAX;
         c = collector_next(c))
        if (is_sampled(c) && str_eqz(str_of(collector_spec(c)->experiment_id), g->experiment_id))
            reading_begin(g, c);
    if (g->n_open == 0)
        tick_done(g);
}

/* ----------------------------------------------------------------------------------- groups */

static struct group *group_of(struct sampler *s, const char *experiment_id)
{
    struct group *g;
    DL_FOREACH(s->groups, g) {
        if (str_eqz(str_of(experiment_id), g->experiment_id))
            return g;
    }
    g = mem_alloc(sizeof *g);
    g->sampler = s;
    str_copy(g->experiment_id, sizeof g->experiment_id, str_of(experiment_id));
    g->timer = timer_new(s->conf.loop, on_tick, g);
    DL_APPEND(s->groups, g);
    return g;
}

void sampler_changed(struct sampler *s)
{
    struct group *g, *next;
    DL_FOREACH(s->groups, g)
        g->is_wanted = false;
    for (const struct collector *c = supervisor_first(s->conf.supervisor); c; c = collector_next(c)) {
        if (!is_sampled(c))
            continue;
        g = group_of(s, collector_spec(c)->experiment_id);
        g->is_wanted = true;
        g->round.interval_ns = collector_spec(c)->census_ns;
        if (g->interval_ns != collector_spec(c)->interval_ns) {
            g->interval_ns = collector_spec(c)->interval_ns;
            timer_every(g->timer, 0, g->interval_ns);
        }
    }
    DL_FOREACH_SAFE(s->groups, g, next) {
        if (g->is_wanted)
            continue;
        DL_DELETE(s->groups, g);
        group_free(g);
    }
}
