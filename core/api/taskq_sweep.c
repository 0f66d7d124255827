/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time does to the queue. One timer, set only while something is leased or delayed, so that an idle
 * queue costs nothing:
 *  - a delivery lease that ended: pending again, no attempt counted;
 *  - an execution lease that ended: an attempt that failed: pending after a delay, or `expired`;
 *  - a delay that is over: the host is woken, its claim does the rest.
 * Leases of what heartbeats list are extended in one statement for all that came within half a second.
 *
 * Leases are ended by the process that leads (peers.h), which may not be the one that gave them out; so it
 * looks every few seconds, too, on a shared store. None ends before agents could speak for all its time
 * (hearing.h): nobody loses a task because the API was away.
 */
#include <stdlib.h>
#include <utlist.h>
#include "core/api/backoff.h"
#include "core/api/peers.h"
#include "core/api/taskq_priv.h"
#include "core/api/waiters.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum {
    SWEEP_ROWS = 256,     /* of one look; a full one is followed by another at once */
    EXTEND_IDS = 500      /* of one statement */
};
#define SWEEP_MIN_NS (50 * NS_PER_MS)
#define SWEEP_AGAIN_NS NS_PER_S /* after the store refused */
#define EXTEND_NS (500 * NS_PER_MS)
#define MAX_GAP_NS (15 * NS_PER_S) /* between two looks of peers.c */

struct delayed {
    struct delayed *prev, *next;
    int64_t run_at;
    char host[];
};
struct extension {
    int64_t epoch;
    char id[UUID_LEN + 1];
    char host[64];
};

void taskq__due(struct taskq *tq, int64_t wall_ns)
{
    if (tq->sweep_at && tq->sweep_at <= wall_ns) {
        return;
    }
    int64_t in = wall_ns - loop_wall(tq->api->loop);
    tq->sweep_at = wall_ns;
    timer_set(tq->sweep, in > SWEEP_MIN_NS ? in : SWEEP_MIN_NS);
}

/* ---- delays */

int64_t taskq__set_failed(struct taskq *tq, struct query *q, const struct row *task, const char *final,
                          const char *why)
{
    int64_t now = loop_wall(tq->api->loop);
    int64_t failures = row_int(task, F_TASKS_RETRY_COUNT) + 1;
    bool is_last = failures >= row_int(task, F_TASKS_MAX_ATTEMPTS);
    int64_t run_at = is_last ? 0 : now + backoff_ns(failures - 1, random_u64());
    q_set_int(q, F_TASKS_RETRY_COUNT, failures);
    q_set_text(q, F_TASKS_ERROR_MESSAGE, why);
    q_set_null(q, F_TASKS_LEASE_UNTIL);
    q_set_text(q, F_TASKS_STATUS, is_last ? final : TASK_PENDING);
    if (is_last) {
        q_set_time(q, F_TASKS_COMPLETED_AT, now);
    } else {
        q_set_time(q, F_TASKS_RUN_AT, run_at);
    }
    return run_at;
}

static int by_time(const struct delayed *a, const struct delayed *b)
{
    return (a->run_at > b->run_at) - (a->run_at < b->run_at);
}

void taskq__delay(struct taskq *tq, const char *host_id, int64_t run_at)
{
    if (tq->n_delayed < DELAYED_MAX) {
        size_t n = strlen(host_id);
        struct delayed *d = mem_alloc(sizeof *d + n + 1);
        d->run_at = run_at;
        memcpy(d->host, host_id, n + 1);
        DL_INSERT_INORDER(tq->delayed, d, by_time);
        tq->n_delayed++;
    }
    taskq__due(tq, run_at);
}

static void wake_delayed(struct taskq *tq, int64_t now)
{
    while (tq->delayed && tq->delayed->run_at <= now) {
        struct delayed *d = tq->delayed;
        DL_DELETE(tq->delayed, d);
        tq->n_delayed--;
        taskq_wake(tq->api, d->host);
        free(d);
    }
    if (tq->delayed) {
        taskq__due(tq, tq->delayed->run_at);
    }
}

/* ---- leases that ended */

/** Of one task whose lease ended. */
struct lapse {
    struct taskq *tq;
    int64_t run_at; /* 0: not delayed */
    bool failed;    /* it was running: an attempt that failed */
};

static void on_lapsed(void *arg, const struct result *res)
{
    struct lapse *lapse = arg;
    struct taskq *tq = lapse->tq;
    tq->changes++;
    if (res->rc) {
        taskq__due(tq, loop_wall(tq->api->loop) + SWEEP_AGAIN_NS);
    } else if (res->n_rows) {
        const struct row *task = &res->rows[0];
        const char *host = row_text(task, F_TASKS_HOST_ID);
        struct log_ctx ctx = { .task = row_text(task, F_TASKS_ID), .host = host };
        log_event(EV_TASK_EXPIRED, &ctx, "%s %s is %s now", row_text(task, F_TASKS_TYPE),
                  row_text(task, F_TASKS_ACTION), row_text(task, F_TASKS_STATUS));
        if (lapse->run_at) {
            taskq__delay(tq, host, lapse->run_at);
        } else {
            taskq_wake(tq->api, host);
        }
        if (lapse->failed) {
            taskq__changed(tq, task);
        }
    }
    free(lapse);
}

static void lapse(struct taskq *tq, const struct row *task, int64_t now)
{
    struct lapse *l = mem_alloc(sizeof *l);
    struct query *q = q_update(tq->api->store, C_TASKS);
    l->tq = tq;
    l->failed = strcmp(row_text(task, F_TASKS_STATUS), TASK_RUNNING) == 0;
    q_where_text(q, F_TASKS_ID, PHX_EQ, row_text(task, F_TASKS_ID));
    q_where_int(q, F_TASKS_EPOCH, PHX_EQ, row_int(task, F_TASKS_EPOCH));
    q_where_text(q, F_TASKS_STATUS, PHX_EQ, row_text(task, F_TASKS_STATUS));
    q_where_int(q, F_TASKS_LEASE_UNTIL, PHX_LE, now);
    q_set_time(q, F_TASKS_UPDATED_AT, now);
    if (l->failed) {
        char text[64], dur[32];
        snprintf(text, sizeof text, "no heartbeat listed it for %s",
                 format_duration(tq->api->settings->task_lease, dur));
        l->run_at = taskq__set_failed(tq, q, task, TASK_EXPIRED, text);
        tq->stats.expired_total += l->run_at == 0;
        tq->stats.retried_total += l->run_at != 0;
    } else {
        q_set_text(q, F_TASKS_STATUS, TASK_PENDING);
        q_set_null(q, F_TASKS_LEASE_UNTIL);
    }
    q_lane(q, LANE_URGENT);
    store_run(q, on_lapsed, l);
}

static void on_leases(void *arg, const struct result *res)
{
    struct taskq *tq = arg;
    int64_t now = loop_wall(tq->api->loop);
    tq->sweep_in_flight = false;
    if (res->rc) {
        taskq__due(tq, now + SWEEP_AGAIN_NS);
        return;
    }
    int64_t since = tq->hearing.since;
    hearing_ok(&tq->hearing, clock_mono(), clock_wall());
    if (tq->hearing.since != since) {
        taskq__due(tq, now); /* by which clock was that asked? */
        return;
    }
    for (size_t i = 0; i < res->n_rows; i++) {
        int64_t until = row_time(&res->rows[i], F_TASKS_LEASE_UNTIL);
        if (until > now) {
            taskq__due(tq, until); /* in order: the rest ends later */
            return;
        }
        lapse(tq, &res->rows[i], now);
    }
    if (res->n_rows == SWEEP_ROWS) {
        taskq__due(tq, now);
    }
}

/* May leases of this length end? Otherwise they are looked at when they may. */
static bool may_end(struct taskq *tq, int64_t lease_ns)
{
    int64_t left = hearing_left(&tq->hearing, clock_mono(), clock_wall(), lease_ns);
    if (left > 0) {
        taskq__due(tq, loop_wall(tq->api->loop) + left);
    }
    return left == 0;
}

static void look_leases(struct taskq *tq)
{
    static const int fields[] = { F_TASKS_ID,          F_TASKS_STATUS,       F_TASKS_EPOCH,
                                  F_TASKS_RETRY_COUNT, F_TASKS_MAX_ATTEMPTS, F_TASKS_LEASE_UNTIL };
    struct str statuses[2];
    size_t n = 0;
    if (may_end(tq, tq->api->settings->task_delivery_lease)) {
        statuses[n++] = STR(TASK_ASSIGNED);
    }
    if (may_end(tq, tq->api->settings->task_lease)) {
        statuses[n++] = STR(TASK_RUNNING);
    }
    if (n == 0) {
        return;
    }
    struct query *q = q_scan(tq->api->store, C_TASKS);
    q_where_in(q, F_TASKS_STATUS, statuses, n);
    q_order(q, F_TASKS_LEASE_UNTIL);
    q_limit(q, SWEEP_ROWS);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        q_only(q, fields[i]);
    }
    tq->sweep_in_flight = true;
    q_lane(q, LANE_URGENT);
    store_run(q, on_leases, tq);
}

static void on_sweep(void *arg)
{
    struct taskq *tq = arg;
    tq->sweep_at = 0;
    if (tq->api->draining) {
        return;
    }
    wake_delayed(tq, loop_wall(tq->api->loop));
    if (!peers_lead(tq->api)) {
        return;
    }
    if (tq->sweep_in_flight) {
        taskq__due(tq, loop_wall(tq->api->loop) + SWEEP_MIN_NS);
        return;
    }
    look_leases(tq);
}

void taskq_look(struct api *api)
{
    taskq__due(api->taskq, loop_wall(api->loop));
}

void taskq_heard(struct api *api)
{
    hearing_ok(&api->taskq->hearing, clock_mono(), clock_wall());
}

int64_t taskq_heard_since(struct api *api)
{
    return hearing_since(&api->taskq->hearing, clock_mono(), clock_wall());
}

/* ---- extensions */

static int by_epoch(const void *a, const void *b)
{
    const struct extension *x = a, *y = b;
    return (x->epoch > y->epoch) - (x->epoch < y->epoch);
}

static void on_extended(void *arg, const struct result *res)
{
    if (res->rc) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "leases were not extended; the next heartbeats do it");
    }
}

/* One statement for up to EXTEND_IDS deliveries that have the same epoch; answers how many it took. */
static size_t extend_some(struct taskq *tq, const struct extension *e, size_t n)
{
    struct query *q = q_update(tq->api->store, C_TASKS);
    struct str *ids = arena_calloc(q_arena(q), EXTEND_IDS, sizeof *ids);
    struct str *hosts = arena_calloc(q_arena(q), EXTEND_IDS, sizeof *hosts);
    int64_t now = loop_wall(tq->api->loop);
    size_t took = 0;
    for (; took < n && took < EXTEND_IDS && e[took].epoch == e->epoch; took++) {
        ids[took] = str_of(e[took].id);
        hosts[took] = str_of(e[took].host);
    }
    q_where_in(q, F_TASKS_ID, ids, took);
    q_where_in(q, F_TASKS_HOST_ID, hosts, took);
    q_where_int(q, F_TASKS_EPOCH, PHX_EQ, e->epoch);
    q_where_in(q, F_TASKS_STATUS, (struct str[]){ STR(TASK_ASSIGNED), STR(TASK_RUNNING) }, 2);
    q_set_time(q, F_TASKS_LEASE_UNTIL, now + tq->api->settings->task_lease);
    q_flags(q, PHX_NO_ROWS);
    q_lane(q, LANE_URGENT);
    store_run(q, on_extended, tq);
    return took;
}

static void on_extend(void *arg)
{
    struct taskq *tq = arg;
    if (tq->n_extensions > 0) {
        qsort(tq->extensions, tq->n_extensions, sizeof *tq->extensions, by_epoch);
    }
    for (size_t i = 0; i < tq->n_extensions;) {
        i += extend_some(tq, tq->extensions + i, tq->n_extensions - i);
    }
    tq->n_extensions = 0;
}

void taskq_extend(struct api *api, const char *host_id, struct str task_id, int64_t epoch)
{
    struct taskq *tq = api->taskq;
    if (tq->n_extensions == EXTENSIONS_MAX || task_id.n != UUID_LEN) {
        return;
    }
    if (tq->n_extensions == tq->cap_extensions) {
        tq->cap_extensions = tq->cap_extensions ? tq->cap_extensions * 2 : 64;
        tq->extensions = mem_realloc(tq->extensions, tq->cap_extensions, sizeof *tq->extensions);
    }
    struct extension *e = &tq->extensions[tq->n_extensions++];
    e->epoch = epoch;
    str_copy(e->id, sizeof e->id, task_id);
    str_copy(e->host, sizeof e->host, str_of(host_id));
    if (!timer_is_set(tq->extend)) {
        timer_set(tq->extend, EXTEND_NS);
    }
}

void taskq_flush(struct api *api)
{
    timer_clear(api->taskq->extend);
    on_extend(api->taskq);
}

/* ---- start and end */

static void on_delays(void *arg, const struct result *res)
{
    struct taskq *tq = arg;
    if (res->rc) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "delayed tasks were not read at the start");
    }
    for (size_t i = 0; !res->rc && i < res->n_rows; i++) {
        taskq__delay(tq, row_text(&res->rows[i], F_TASKS_HOST_ID), row_time(&res->rows[i], F_TASKS_RUN_AT));
    }
}

/* On a shared store the look of peers.c wakes the hosts. */
static void read_delays(struct taskq *tq)
{
    struct query *q = q_scan(tq->api->store, C_TASKS);
    q_where_text(q, F_TASKS_STATUS, PHX_EQ, TASK_PENDING);
    q_where_int(q, F_TASKS_RUN_AT, PHX_GT, clock_wall());
    q_limit(q, DELAYED_MAX);
    q_only(q, F_TASKS_HOST_ID);
    q_only(q, F_TASKS_RUN_AT);
    store_run(q, on_delays, tq);
}

int sweep__start(struct taskq *tq)
{
    struct api *api = tq->api;
    bool is_shared = store_is_shared(api->store);
    tq->changes = 1; /* what the store held before is to be counted, too */
    tq->sweep = timer_new(api->loop, on_sweep, tq);
    tq->extend = timer_new(api->loop, on_extend, tq);
    hearing_start(&tq->hearing, clock_mono(), clock_wall(), is_shared ? MAX_GAP_NS : 0);
    taskq__due(tq, clock_wall() + api->settings->task_delivery_lease);
    if (!is_shared) {
        read_delays(tq);
    }
    return 0;
}

void sweep__stop(struct taskq *tq)
{
    struct delayed *d, *tmp;
    DL_FOREACH_SAFE(tq->delayed, d, tmp) {
        free(d);
    }
    timer_free(tq->sweep);
    timer_free(tq->extend);
    free(tq->extensions);
}
