/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery. One statement claims for every host that is queued, and only one is in flight: what arrives
 * meanwhile joins the next one, so that batches grow under load and nothing waits without it. The rows
 * are `assigned`, with a new epoch and the short delivery lease; a task whose poll has gone is given
 * back at once. Answers are written from the rows, without a tree.
 *
 * A claim is relaxed: its answer does not wait for the disk. A power failure may undo it, and the next
 * claim of that task then gives out the same epoch again. That is safe: the row is bound to one host, and
 * the first report that is accepted for an epoch (`running`) writes the row durably; so an epoch comes
 * again only while nothing that was said under it was accepted, and only to the host that had it, whose
 * agent executes an id once.
 */
#include "core/api/taskq_priv.h"
#include "core/api/waiters_priv.h"
#include "core/base/ids.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define NO_ROW UINT32_MAX
#define RETRY_NS (500 * NS_PER_MS) /* and as much again at random, after a claim that the store refused */

struct claim {
    struct waiters *ws;
    int64_t at;   /* assigned_at of its rows, which names them */
    int64_t mono; /* the same by the other clock */
};

/* ---- giving back */

struct release {
    struct api *api;
    size_t n;
    char hosts[][UUID_LEN * 2]; /* name_valid() is shorter */
};

static void on_released(void *arg, const struct result *res)
{
    struct release *rel = arg;
    if (res->rc) {
        log_error(EV_STORE_FAILED, NULL, &res->err,
                  "tasks were not given back; they go out again when their lease ends");
    }
    for (size_t i = 0; !res->rc && i < rel->n; i++) {
        taskq_wake(rel->api, rel->hosts[i]); /* it may poll elsewhere by now */
    }
    free(rel);
}

/* The rows whose waiter has gone: pending again, the delivery not counted. */
static void claim_release(struct claim *c, const struct result *res, const uint32_t *rows, size_t n)
{
    struct api *api = c->ws->api;
    struct release *rel = mem_alloc(sizeof *rel + n * sizeof rel->hosts[0]);
    struct query *q = q_update(api->store, C_TASKS);
    struct str *ids = arena_calloc(q_arena(q), n, sizeof *ids);
    rel->api = api;
    rel->n = n;
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &res->rows[rows[i]];
        ids[i] = arena_str(q_arena(q), row_str(r, F_TASKS_ID));
        str_copy(rel->hosts[i], sizeof rel->hosts[i], row_str(r, F_TASKS_HOST_ID));
    }
    q_where_in(q, F_TASKS_ID, ids, n);
    q_where_text(q, F_TASKS_STATUS, PHX_EQ, TASK_ASSIGNED);
    q_where_int(q, F_TASKS_ASSIGNED_AT, PHX_EQ, c->at);
    q_set_text(q, F_TASKS_STATUS, TASK_PENDING);
    q_set_null(q, F_TASKS_LEASE_UNTIL);
    q_set_null(q, F_TASKS_ASSIGNED_AT);
    q_flags(q, PHX_NO_ROWS);
    q_lane(q, LANE_URGENT);
    api->taskq->stats.released_total += n;
    store_run(q, on_released, rel);
}

/* ---- answering */

static void waiter_deliver(struct claim *c, struct waiter *w, const struct result *res,
                           const uint32_t *next_row)
{
    struct taskq *tq = c->ws->api->taskq;
    struct buf body;
    struct jw jw;
    buf_init(&body, LIMIT_JSON_BYTES);
    jw_init(&jw, &body);
    jw_open(&jw, '[');
    for (uint32_t i = w->first_row; i != NO_ROW; i = next_row[i]) {
        task_write(&jw, &res->rows[i]);
        tq->stats.delivered_total++;
        tq->stats.redelivered_total += row_int(&res->rows[i], F_TASKS_EPOCH) > 1;
    }
    jw_close(&jw, ']');
    waiter__answer(c->ws, w, body.failed ? NULL : &body);
    buf_done(&body);
}

/* Chain the rows of each host, in their order. Rows for which nobody waits go to @p ret_lost. */
static size_t rows_by_waiter(struct waiters *ws, const struct result *res, uint32_t *next_row,
                             uint32_t *ret_lost)
{
    size_t n_lost = 0;
    for (size_t at = res->n_rows; at-- > 0;) {
        uint32_t i = (uint32_t)at;
        struct waiter *w = waiter__find(ws, row_text(&res->rows[i], F_TASKS_HOST_ID));
        if (!w || w->state != WAITER_CLAIMING || !w->rq) {
            ret_lost[n_lost++] = i;
            continue;
        }
        next_row[i] = w->first_row;
        w->first_row = i;
        w->n_rows++;
    }
    return n_lost;
}

static void waiter_claimed(struct claim *c, struct waiter *w, const struct result *res,
                           const uint32_t *next_row)
{
    struct waiters *ws = c->ws;
    bool delivered = w->n_rows > 0;
    if (delivered) {
        waiter_deliver(c, w, res, next_row);
    }
    w->known_empty = !w->again && w->n_rows < CLAIM_PER_HOST;
    if (w->again && w->rq && !w->overdue) {
        w->again = false;
        waiter__queue(ws, w);
        return;
    }
    w->again = false;
    waiter__park(ws, w);
}

/* Nobody gets anything of this claim: all who still wait go into the next one. */
static void claim_again(struct claim *c, struct waiter *list)
{
    struct waiters *ws = c->ws;
    for (struct waiter *w = list, *next; w; w = next) {
        next = w->claim_next;
        if (w->rq && !w->overdue && !ws->api->draining) {
            waiter__queue(ws, w);
        } else {
            waiter__park(ws, w);
        }
    }
}

static void claim_failed(struct claim *c, const struct result *res, struct waiter *list)
{
    struct waiters *ws = c->ws;
    unsigned held;
    if (log_limit_ok(&ws->complaints, &held)) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "tasks could not be claimed, held_back=%u", held);
    }
    timer_set(ws->retry, RETRY_NS + (int64_t)(random_u64() % RETRY_NS));
    claim_again(c, list);
}

/* This process stood still for longer than the rows are ours: others may have given them out again. */
static void claim_late(struct claim *c, const struct result *res, struct waiter *list)
{
    uint32_t *all = mem_calloc(res->n_rows + 1, sizeof *all);
    for (size_t i = 0; i < res->n_rows; i++) {
        all[i] = (uint32_t)i;
    }
    if (res->n_rows) {
        claim_release(c, res, all, res->n_rows);
    }
    free(all);
    claim_again(c, list);
}

static void on_claimed(void *arg, const struct result *res)
{
    struct claim *c = arg;
    struct waiters *ws = c->ws;
    struct waiter *list = ws->claiming;
    bool is_late = clock_mono() - c->mono > ws->api->settings->task_delivery_lease;
    ws->claiming = NULL;
    ws->claim_in_flight = false;
    if (res->rc || is_late) {
        (res->rc ? claim_failed : claim_late)(c, res, list);
        free(c);
        return;
    }
    uint32_t *next_row = mem_calloc(res->n_rows + 1, sizeof *next_row);
    uint32_t *lost = mem_calloc(res->n_rows + 1, sizeof *lost);
    size_t n_lost = rows_by_waiter(ws, res, next_row, lost);
    for (struct waiter *w = list, *next; w; w = next) {
        next = w->claim_next; /* the waiter may join the next claim's list */
        waiter_claimed(c, w, res, next_row);
    }
    if (res->n_rows) {
        ws->api->taskq->changes++;
        taskq__due(ws->api->taskq, c->at + ws->api->settings->task_delivery_lease);
    }
    if (n_lost) {
        claim_release(c, res, lost, n_lost);
    }
    free(next_row);
    free(lost);
    free(c);
    claim__flush(ws);
}

/* ---- claiming */

/* Of the next claim. */
static size_t count_queued(const struct waiters *ws)
{
    size_t n = 0;
    for (const struct waiter *w = ws->queued; w && n < CLAIM_HOSTS_MAX; w = w->claim_next) {
        n++;
    }
    return n;
}

/* Move up to @p max waiters whose poll still waits into the claim. */
static size_t take_queued(struct waiters *ws, struct str *ret_hosts, size_t max)
{
    size_t n = 0;
    while (ws->queued && n < max) {
        struct waiter *w = ws->queued;
        ws->queued = w->claim_next;
        if (!w->rq) {
            waiter__park(ws, w);
            continue;
        }
        w->state = WAITER_CLAIMING;
        w->again = false;
        w->first_row = NO_ROW;
        w->n_rows = 0;
        w->claim_next = ws->claiming;
        ws->claiming = w;
        ret_hosts[n++] = str_of(w->host);
    }
    if (!ws->queued) {
        ws->queued_end = &ws->queued;
    }
    return n;
}

void claim__flush(struct waiters *ws)
{
    if (ws->claim_in_flight || !ws->queued || timer_is_set(ws->retry)) {
        return;
    }
    struct api *api = ws->api;
    struct query *q = q_update(api->store, C_TASKS);
    size_t max = count_queued(ws);
    struct str *hosts = arena_calloc(q_arena(q), max, sizeof *hosts);
    size_t n = take_queued(ws, hosts, max);
    if (n == 0) {
        q_free(q);
        return;
    }
    struct claim *c = mem_alloc(sizeof *c);
    c->ws = ws;
    c->at = loop_wall(api->loop);
    c->mono = clock_mono();
    q_where_text(q, F_TASKS_STATUS, PHX_EQ, TASK_PENDING);
    q_where_in(q, F_TASKS_HOST_ID, hosts, n);
    q_where_int(q, F_TASKS_RUN_AT, PHX_LE, c->at + taskq_clocks_apart(api));
    q_per_key(q, CLAIM_PER_HOST);
    q_order_desc(q, F_TASKS_PRIORITY);
    q_order(q, F_TASKS_ID);
    q_set_text(q, F_TASKS_STATUS, TASK_ASSIGNED);
    q_inc(q, F_TASKS_EPOCH, 1);
    q_set_time(q, F_TASKS_ASSIGNED_AT, c->at);
    q_set_time(q, F_TASKS_LEASE_UNTIL, c->at + api->settings->task_delivery_lease);
    q_set_time(q, F_TASKS_UPDATED_AT, c->at);
    q_flags(q, PHX_RELAXED);
    q_lane(q, LANE_URGENT);
    ws->claim_in_flight = true;
    store_run(q, on_claimed, c);
}
