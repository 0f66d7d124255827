/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store is away when it failed, or has not answered for a second, and a ping that was sent because of
 * that failed too. Until a ping succeeds nothing that needs it is let in: requests that would only wait for
 * their deadlines are refused at once, and those who wait for tasks stay parked. A ping writes; when it
 * failed, a look tells whether people may go on reading, as they may when it is the disk that is full.
 *
 * The API is short when the loop is late, the store is away, or something waits for the store longer than
 * it should. That is looked at twice a second and holds for a while, so that agents are not told one thing
 * and then another.
 */
#include "core/api/admission.h"
#include <stdlib.h>
#include "core/api/buckets.h"
#include "core/api/ingest.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/pages.h"
#include "core/base/mem.h"

enum { HOSTS_MAX = 100000, BURST_S = 2, SHORT_FACTOR = 4 /* of the time between batches */ };
#define TICK_NS (500 * NS_PER_MS)
#define PING_NS (2 * NS_PER_S)
#define PING_AGAIN_NS (500 * NS_PER_MS) /* and as much again at random */
#define STALLED_NS NS_PER_S              /* of the oldest query that the driver has */
#define LATE_NS (200 * NS_PER_MS)       /* of the loop */
#define WAITS_MAX_NS NS_PER_S           /* of the oldest query of a lane */
#define HOLDS_NS (10 * NS_PER_S)        /* how long "short" lasts after its cause */

struct admission {
    struct api *api;
    struct buckets *metrics, *logs; /* NULL: hosts are not limited */
    struct timer *tick, *ping;
    bool ping_in_flight, store_away, reads_away;
    int64_t tick_due, lag_ns;       /* mono */
    int64_t short_until;            /* mono; 0: not short */
    int64_t patient_until;          /* mono: agents may still keep the longer interval */
    uint64_t bulk_refused;          /* as the last tick saw it */
};

/* ---- is the store there? */

static void on_look(void *arg, const struct result *res)
{
    struct admission *ad = arg;
    ad->ping_in_flight = false;
    ad->store_away = true;
    ad->reads_away = res->rc != 0 && res->rc != ERR_NOTFOUND;
    if (!ad->api->draining)
        timer_set(ad->ping, PING_AGAIN_NS + (int64_t)(random_u64() % PING_AGAIN_NS));
}

static void on_pong(void *arg, const struct result *res)
{
    struct admission *ad = arg;
    if (res->rc != 0) {
        struct query *q = q_get(ad->api->store, C_LEASES);
        q_text(q, F_LEASES_NAME, "any");
        q_deadline(q, PING_NS);
        store_run(q, on_look, ad);
        return;
    }
    ad->ping_in_flight = ad->store_away = ad->reads_away = false;
}

static void on_ping(void *arg)
{
    struct admission *ad = arg;
    struct query *q = q_ping(ad->api->store);
    q_deadline(q, PING_NS);
    ad->ping_in_flight = true;
    store_run(q, on_pong, ad);
}

static bool is_store_away(struct admission *ad)
{
    if (!store_ok(ad->api->store) && !ad->ping_in_flight && !timer_is_set(ad->ping))
        on_ping(ad);
    return ad->store_away;
}

/* A driver may wait for a server that is gone, hoping for the next one, and fail nothing for a while. */
static void look_for_stall(struct admission *ad)
{
    struct store_stats stats;
    store_stats(ad->api->store, &stats);
    if (stats.oldest_ns > STALLED_NS && !ad->ping_in_flight && !timer_is_set(ad->ping))
        on_ping(ad);
}

bool admission_store_away(const struct api *api)
{
    return is_store_away(api->admission);
}

/* ---- is the API short? */

static int64_t oldest(const struct admission *ad, enum store_lane lane)
{
    struct store_lane_stats stats;
    store_lane_stats(ad->api->store, lane, &stats);
    return stats.oldest_ns;
}

static const char *why_short(struct admission *ad)
{
    uint64_t bulk_refused = ingest_stats(ad->api)->refused_total;
    bool sheds = bulk_refused != ad->bulk_refused;
    ad->bulk_refused = bulk_refused;
    return is_store_away(ad)                              ? "the store is away"
           : oldest(ad, LANE_URGENT) > WAITS_MAX_NS ||
                     oldest(ad, LANE_NORMAL) > WAITS_MAX_NS ? "queries wait too long for the store"
           : ad->lag_ns > LATE_NS                         ? "the loop is late"
           : sheds                                        ? "batches come faster than they are stored"
                                                          : NULL;
}

static void on_tick(void *arg)
{
    struct admission *ad = arg;
    int64_t now = clock_mono();
    ad->lag_ns = now > ad->tick_due ? now - ad->tick_due : 0;
    ad->tick_due = now + TICK_NS;
    timer_set(ad->tick, TICK_NS);
    look_for_stall(ad);
    pages_trim();
    const char *why = why_short(ad);
    if (why) {
        if (!ad->short_until)
            log_event(EV_SHORT, NULL, "%s", why);
        ad->short_until = now + HOLDS_NS;
        ad->patient_until = ad->short_until + 4 * ad->api->settings->heartbeat_interval;
    } else if (ad->short_until && ad->short_until <= now) {
        ad->short_until = 0;
        log_event(EV_SHORT_OVER, NULL, "there is room again");
    }
}

/* Leases are extended by heartbeats: two must fit into one, whatever the load. */
static int64_t longest_interval(const struct settings *s)
{
    int64_t twice = 2 * s->heartbeat_interval, half_lease = s->task_lease / 2;
    int64_t longest = twice < half_lease ? twice : half_lease;
    return longest > s->heartbeat_interval ? longest : s->heartbeat_interval;
}

int64_t admission_heartbeat_interval(const struct api *api)
{
    return api->admission->short_until ? longest_interval(api->settings) : api->settings->heartbeat_interval;
}

int64_t admission_batch_interval(const struct api *api)
{
    int64_t per_s = api->settings->limits_host_batches_per_s;
    int64_t interval = per_s ? NS_PER_S / per_s : 0;
    return api->admission->short_until ? interval * SHORT_FACTOR : interval;
}

int64_t admission_patience(const struct api *api)
{
    bool patient = clock_mono() < api->admission->patient_until;
    return patient ? longest_interval(api->settings) : api->settings->heartbeat_interval;
}

/* ---- the judgement */

static bool refuse(struct request *rq, enum err_code code, const char *why)
{
    struct err err = { 0 };
    err_set(&err, code, "%s", why);
    reply_error(rq, &err);
    return false;
}

static bool admit_batch(struct admission *ad, struct request *rq, enum traffic t)
{
    struct buckets *buckets = t == TRAFFIC_LOGS ? ad->logs : ad->metrics;
    int64_t patience = t == TRAFFIC_LOGS ? WAITS_MAX_NS / 2 : WAITS_MAX_NS;
    const char *why = !ingest_has_room(ad->api, t) || oldest(ad, LANE_BULK) > patience
                          ? "batches come faster than they are stored"
                      : ad->lag_ns > LATE_NS ? "the API is busy with what is more urgent"
                                             : NULL;
    if (why) {
        ingest_stats(ad->api)->refused_total++;
        return refuse(rq, ERR_BUSY, why);
    }
    if (buckets && buckets_take(buckets, request_host_id(rq), clock_mono()) > 0)
        return refuse(rq, ERR_RATE, "this host sends more batches a second than limits.host.batches_per_s");
    return true;
}

bool admission_admit(struct request *rq)
{
    struct admission *ad = request_api(rq)->admission;
    enum traffic t = request_route(rq)->traffic;
    if (t == TRAFFIC_SYSTEM || t == TRAFFIC_POLL || t == TRAFFIC_HEARTBEAT)
        return true;
    if (is_store_away(ad) && (t != TRAFFIC_READ || ad->reads_away))
        return refuse(rq, ERR_UNAVAILABLE, "the store cannot be reached");
    if ((t == TRAFFIC_READ || t == TRAFFIC_WRITE) && oldest(ad, LANE_NORMAL) > WAITS_MAX_NS)
        return refuse(rq, ERR_BUSY, "too much waits for the store");
    return (t != TRAFFIC_METRICS && t != TRAFFIC_LOGS) || admit_batch(ad, rq, t);
}

/* ---- start and end */

void admission_stats(const struct api *api, struct admission_stats *ret)
{
    const struct admission *ad = api->admission;
    *ret = (struct admission_stats){ .is_short = ad->short_until != 0,
                                     .is_store_away = ad->store_away,
                                     .lag_ns = ad->lag_ns };
    if (ad->metrics)
        ret->buckets = buckets_count(ad->metrics) + buckets_count(ad->logs);
}

int admission_start(struct api *api, struct err *err)
{
    struct admission *ad = mem_alloc(sizeof *ad);
    unsigned per_s = (unsigned)api->settings->limits_host_batches_per_s;
    ad->api = api;
    ad->tick = timer_new(api->loop, on_tick, ad);
    ad->ping = timer_new(api->loop, on_ping, ad);
    if (per_s > 0) {
        ad->metrics = buckets_new(per_s, per_s * BURST_S, HOSTS_MAX);
        ad->logs = buckets_new(per_s, per_s * BURST_S, HOSTS_MAX);
    }
    ad->tick_due = clock_mono() + TICK_NS;
    timer_set(ad->tick, TICK_NS);
    api->admission = ad;
    return 0;
}

void admission_stop(struct api *api)
{
    struct admission *ad = api->admission;
    timer_free(ad->tick);
    timer_free(ad->ping);
    buckets_free(ad->metrics);
    buckets_free(ad->logs);
    free(ad);
    api->admission = NULL;
}
