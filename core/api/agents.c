/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The liveness map: one entry for each host that was ever heard of. Heartbeats change memory; every half
 * second what changed is written, with others, relaxed. Nothing is written while nobody speaks.
 */
#include <stdlib.h>
#include "core/api/admission.h"
#include "core/api/agents_priv.h"
#include "core/api/peers.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { FLUSH_ROWS = 500, DEGRADED_AFTER = 2, LOST_AFTER = 4 /* heartbeat intervals */ };
#define FLUSH_NS (500 * NS_PER_MS)

/* ---- the map */

struct agent *agent__find(struct agents *as, const char *host_id)
{
    struct agent *a;
    HASH_FIND(hh, as->by_host, host_id, strlen(host_id), a);
    return a;
}

struct agent *agent__get(struct agents *as, const char *host_id)
{
    struct agent *a = agent__find(as, host_id);
    if (a || HASH_COUNT(as->by_host) >= AGENTS_MAX) {
        return a;
    }
    size_t n = strlen(host_id);
    a = mem_alloc(sizeof *a + n + 1);
    memcpy(a->host, host_id, n + 1);
    a->usage = (struct host_usage){ -1, -1, -1, -1, -1 };
    HASH_ADD_KEYPTR(hh, as->by_host, a->host, n, a);
    return a;
}

const char *agents_status(struct api *api, int64_t last_seen_ns, const char *reported)
{
    int64_t missed = (loop_wall(api->loop) - last_seen_ns) / admission_patience(api);
    if (missed >= LOST_AFTER) {
        return "lost";
    }
    bool is_well = missed < DEGRADED_AFTER && strcmp(reported, agent_mood_names[AGENT_HEALTHY]) == 0;
    return is_well ? "healthy" : "degraded";
}

void agents_stats(struct api *api, struct agents_stats *ret)
{
    struct agents *as = api->agents;
    *ret = as->stats;
    if (!peers_lead(api)) {
        return;
    }
    for (struct agent *a = as->by_host; a; a = a->hh.next) {
        const char *status = agents_status(api, a->last_seen, agent_mood_names[a->mood]);
        ret->healthy += *status == 'h';
        ret->degraded += *status == 'd';
        ret->lost += *status == 'l';
    }
}

/* ---- writing behind */

struct json *agent__active_json(const struct agent *a)
{
    struct json *list = json_array();
    for (size_t i = 0; i < a->n_active; i++) {
        struct json *t = json_object();
        json_set_str(t, "id", a->active[i].id);
        json_set_int(t, "epoch", a->active[i].epoch);
        json_add(list, t);
    }
    return list;
}

static int by_host(const void *a, const void *b)
{
    const struct agent *const *x = a, *const *y = b;
    return strcmp((*x)->host, (*y)->host);
}

static struct query *liveness_query(struct agents *as, const struct agent *a)
{
    CLEANUP_JSON struct json *active = agent__active_json(a);
    CLEANUP_JSON struct json *usage = host_usage_json(&a->usage);
    struct query *q = q_update(as->api->store, C_AGENTS);
    q_where_text(q, F_AGENTS_HOST_ID, PHX_EQ, a->host);
    q_set_text(q, F_AGENTS_AGENT_VERSION, a->version);
    q_set_text(q, F_AGENTS_STATUS, agent_mood_names[a->mood]);
    q_set_json(q, F_AGENTS_ACTIVE_TASKS, active);
    q_set_json(q, F_AGENTS_RESOURCE_USAGE, usage);
    q_set_time(q, F_AGENTS_LAST_HEARTBEAT, a->last_seen);
    if (store_is_shared(as->api->store)) {
        q_where_int(q, F_AGENTS_LAST_HEARTBEAT, PHX_LT, a->last_seen); /* it may speak to another by now */
    }
    q_flags(q, PHX_NO_ROWS);
    return q;
}

/* Ordered by host, so that processes that write the same rows do not wait for each other in a circle. */
static struct query *flush_query(struct agents *as, size_t max)
{
    struct agent **dirty = mem_calloc(max, sizeof *dirty);
    struct query *batch = q_batch(as->api->store);
    size_t n = 0;
    for (; as->dirty && n < max; n++) {
        dirty[n] = as->dirty;
        as->dirty = as->dirty->dirty_next;
        dirty[n]->dirty = false;
    }
    if (store_is_shared(as->api->store)) {
        qsort(dirty, n, sizeof *dirty, by_host);
    }
    for (size_t i = 0; i < n; i++) {
        q_add(batch, liveness_query(as, dirty[i]));
    }
    as->stats.flushed_total += n;
    q_flags(batch, PHX_RELAXED);
    free(dirty);
    return batch;
}

static void on_flushed(void *arg, const struct result *res)
{
    struct agents *as = arg;
    as->flush_in_flight = false;
    if (res->rc) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "heartbeats were not written; later ones will be");
    }
    if (as->dirty) {
        timer_set(as->flush, FLUSH_NS);
    }
}

static void on_flush(void *arg)
{
    struct agents *as = arg;
    if (as->flush_in_flight || !as->dirty) {
        return;
    }
    as->flush_in_flight = true;
    store_run(flush_query(as, FLUSH_ROWS), on_flushed, as);
}

void agent__dirty(struct agents *as, struct agent *a)
{
    if (a->dirty) {
        return;
    }
    a->dirty = true;
    a->dirty_next = as->dirty;
    as->dirty = a;
    if (!as->flush_in_flight && !timer_is_set(as->flush)) {
        timer_set(as->flush, FLUSH_NS);
    }
}

static void on_last_flush(void *arg, const struct result *res)
{
    if (res->rc) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "the last heartbeats were not written");
    }
}

void agents_flush(struct api *api)
{
    struct agents *as = api->agents;
    timer_clear(as->flush);
    timer_clear(as->watch);
    while (as->dirty) {
        store_run(flush_query(as, FLUSH_ROWS), on_last_flush, as);
    }
}

/* ---- start and end */

static void on_loaded(void *arg, const struct result *res)
{
    struct agents *as = arg;
    if (res->rc) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "agents were not read back");
    }
    for (size_t i = 0; i < res->n_rows; i++) {
        agent__learn(as, &res->rows[i]);
    }
    as->loaded(as->loaded_arg);
}

void agents_load(struct api *api, loop_fn *loaded, void *arg)
{
    struct agents *as = mem_alloc(sizeof *as);
    as->api = api;
    as->flush = timer_new(api->loop, on_flush, as);
    as->watch = timer_new(api->loop, agent__watch, as);
    as->loaded = loaded;
    as->loaded_arg = arg;
    api->agents = as;
    struct query *q = agent__scan(as);
    q_limit(q, AGENTS_MAX);
    store_run(q, on_loaded, as);
}

int agents_start(struct api *api, struct err *err)
{
    int64_t interval = api->settings->heartbeat_interval;
    int64_t every = store_is_shared(api->store) ? 4 * interval : interval; /* it reads them all */
    timer_every(api->agents->watch, every, every);
    return 0;
}

void agents_stop(struct api *api)
{
    struct agents *as = api->agents;
    struct agent *a, *tmp;
    HASH_ITER(hh, as->by_host, a, tmp) {
        HASH_DEL(as->by_host, a);
        free(a->active);
        free(a->version);
        free(a);
    }
    timer_free(as->flush);
    timer_free(as->watch);
    free(as);
    api->agents = NULL;
}
