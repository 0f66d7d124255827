/* SPDX-License-Identifier: Apache-2.0 */
/* A query on its way: pending, in flight, finished, answered. The driver answers from any thread, even
 * inside submit; its answers are queued and the loop takes them, all that have come in one turn. Every
 * query has a deadline here too: if the driver is late, the caller is answered TIMEOUT, and the query's
 * memory stays until the driver lets go of it, because it may still read it. */
#include <utlist.h>
#include "core/base/clock.h"
#include "core/store/store_priv.h"

enum {
    GRACE_NS = 50 * 1000 * 1000,        /* the driver keeps the deadline itself; its answer says more */
};

/* ---- [any] what the driver calls */

static char *copy_bytes(struct query *q, phx_str s)
{
    return arena_strndup(q->arena, (struct str){ s.p, s.n });
}

static phx_status on_row(phx_op *op, const phx_cell *cells, uint32_t n, uint64_t rev)
{
    struct query *q = (struct query *)op;
    if (atomic_load(&q->given_up))
        return PHX_E_CANCELLED;
    if (q->n_rows == q->cap_rows) {
        size_t cap = q->cap_rows ? q->cap_rows * 2 : 8;
        struct row *rows = arena_calloc(q->arena, cap, sizeof(*rows));
        if (q->n_rows)
            memcpy(rows, q->rows, q->n_rows * sizeof(*rows));
        q->rows = rows;
        q->cap_rows = cap;
    }
    phx_cell *copy = arena_calloc(q->arena, n ? n : 1, sizeof(*copy));
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = cells[i];
        if (cells[i].type == PHX_TEXT || cells[i].type == PHX_JSON || cells[i].type == PHX_BYTES)
            copy[i].s.p = copy_bytes(q, cells[i].s);
    }
    q->rows[q->n_rows++] = (struct row){ copy, n, rev };
    return PHX_OK;
}

static void on_finished(void *arg);

static void on_done(phx_op *op, phx_status status, uint64_t n, phx_str why)
{
    struct query *q = (struct query *)op;
    struct store *st = q->st;
    q->status = status;
    q->n = n;
    if (status)
        q->why = (struct str){ copy_bytes(q, why), why.n };
    pthread_mutex_lock(&st->mutex);
    *st->finished_tail = q;
    st->finished_tail = &q->next_finished;
    bool post = !st->posted;
    st->posted = true;
    pthread_mutex_unlock(&st->mutex);
    if (post)
        loop_post(st->loop, on_finished, st);
}

static const phx_reply reply = { .size = sizeof(reply), .row = on_row, .done = on_done };

/* ---- answering, on the loop */

static const char *const verbs[] = {
    [PHX_ENSURE] = "prepare", [PHX_GET] = "read", [PHX_PUT] = "write", [PHX_DELETE] = "delete from",
    [PHX_SCAN] = "read",      [PHX_UPDATE] = "update",
};

static int result_error(const struct query *q, phx_status status, struct str why, struct err *err)
{
    const phx_collection *c = q->req.collection;
    enum err_code code = err_from_abi(status);
    if (q->req.code == PHX_PING || q->req.code == 0)
        err_set(err, code, "the store does not answer");
    else if (q->req.code == PHX_BATCH)
        err_set(err, code, "the store could not do a batch of %u changes", q->req.n_batch);
    else
        err_set(err, code, "the store could not %s \"%s\"", verbs[q->req.code], c->name);
    err_detail(err, "%.*s", (int)why.n, why.p ? why.p : "");
    return code;
}

/** Is the store to blame, rather than the request? */
static bool is_outage(phx_status status)
{
    return status == PHX_E_UNAVAILABLE || status == PHX_E_INTERNAL || status == PHX_E_NOMEM ||
           status == PHX_E_TIMEOUT || status == PHX_E_BUSY;
}

static void account(const struct query *q, phx_status status, const struct result *res)
{
    struct store *st = q->st;
    unsigned held;
    st->stats.queries_total++;
    st->stats.rows_total += res->n_rows;
    if (status == PHX_OK)
        st->ok = true;
    if (!is_outage(status) || q->is_shed || st->closing)
        return;
    st->ok = false;
    st->stats.failed_total++;
    if (log_limit_ok(&st->complaints, &held))
        log_error(EV_STORE_FAILED, NULL, &res->err,
                  "store (%u failures since the last line were not logged)", held);
}

/** The one place that calls a caller back. */
static void query_answer(struct query *q, phx_status status, struct str why)
{
    query_done_fn *done = q->done;
    struct result res = { .failed = -1 };
    if (status) {
        res.rc = result_error(q, status, why, &res.err);
        res.failed = q->req.code == PHX_BATCH && q->state == QUERY_FINISHED ? (int)q->n : -1;
    } else {
        res.rows = q->rows;
        res.n_rows = q->n_rows;
        res.n = q->n;
    }
    account(q, status, &res);
    q->done = NULL;
    if (done)
        done(q->arg, &res);
}

/** Answer without the driver: it never had the query, or is late with it. */
static void query_give_up(struct query *q, phx_status status, const char *why)
{
    atomic_store(&q->given_up, true);
    query_answer(q, status, str_of(why));
}

/* ---- the loop's side of the traffic */

static void submit(struct query *q)
{
    q->st->stats.statements_total++;
    q->st->ops->submit(q->st->self, &q->op, &q->req);
}

static void launch(struct query *q, void (*fn)(struct query *))
{
    struct store *st = q->st;
    q->op.reply = &reply;
    q->state = QUERY_INFLIGHT;
    DL_APPEND(st->inflight, q);
    lanes__launched(q);
    fn(q);
}

void run__launch(struct query *q, void (*fn)(struct query *), query_done_fn *done, void *arg)
{
    q->done = done;
    q->arg = arg;
    launch(q, fn);
}

static void submit_pending(struct store *st)
{
    for (struct query *q; (q = lanes__next(st));)
        launch(q, submit);
}

static void on_finished(void *arg)
{
    struct store *st = arg;
    pthread_mutex_lock(&st->mutex);
    struct query *q = st->finished;
    st->finished = NULL;
    st->finished_tail = &st->finished;
    st->posted = false;
    pthread_mutex_unlock(&st->mutex);
    for (struct query *next; q; q = next) {
        next = q->next_finished;
        if (q->state == QUERY_INFLIGHT) {
            DL_DELETE(st->inflight, q);
            lanes__landed(q);
        }
        q->state = QUERY_FINISHED;
        if (!atomic_load(&q->given_up))
            query_answer(q, q->status, q->why);
        q_free(q);
    }
    submit_pending(st);
    if (st->n_inflight == 0 && st->n_pending == 0) {
        timer_clear(st->deadlines);
        store__idle(st);
    }
}

static int64_t due_ns(const struct query *q)
{
    return (int64_t)q->req.deadline + GRACE_NS;
}

static void timer_arm(struct store *st, int64_t due, int64_t now)
{
    if (timer_is_set(st->deadlines) && st->next_deadline <= due)
        return;
    st->next_deadline = due;
    timer_set(st->deadlines, due > now ? due - now : 0);
}

static void give_up_pending(struct store *st, struct lane_queue *lane, int64_t now)
{
    struct query *q, *tmp;
    DL_FOREACH_SAFE(lane->pending, q, tmp) {
        if (due_ns(q) > now) {
            timer_arm(st, due_ns(q), now);
            continue;
        }
        lanes__remove(q);
        query_give_up(q, PHX_E_TIMEOUT, "the store had no room for it before its deadline");
        q_free(q);
    }
}

/** Answer what is late. Rare: the walk over all that wait is fine. */
void run__on_deadline(void *arg)
{
    struct store *st = arg;
    int64_t now = clock_mono();
    struct query *q;
    for (int i = 0; i < LANE_COUNT; i++)
        give_up_pending(st, &st->lanes[i], now);
    DL_FOREACH(st->inflight, q) {
        if (atomic_load(&q->given_up) || !q->req.deadline)
            continue;
        if (due_ns(q) > now) {
            timer_arm(st, due_ns(q), now);
            continue;
        }
        st->ops->cancel(st->self, &q->op);
        query_give_up(q, PHX_E_TIMEOUT, "the storage driver is late");
    }
}

/* Answers of this side. They take the same way as the driver's, and come in the next turn too. */

static void answer_here(struct query *q, phx_status status, const char *why)
{
    on_done(&q->op, status, 0, (phx_str){ why, strlen(why) });
}

static void refuse_closed(struct query *q)
{
    answer_here(q, PHX_E_UNAVAILABLE, q->st->closing ? "the store is closing" : "the store is not open");
}

static void refuse_full(struct query *q)
{
    q->is_shed = true;
    answer_here(q, PHX_E_BUSY, "too many queries wait for the store");
}

static void accept_empty(struct query *q)
{
    answer_here(q, PHX_OK, "");
}

void store_run(struct query *q, query_done_fn *done, void *arg)
{
    struct store *st = q->st;
    int64_t now = clock_mono();
    q->done = done;
    q->arg = arg;
    q->req.deadline = (phx_mono)(now + q->timeout_ns);
    if (st->closing || !st->open) {
        launch(q, refuse_closed);
    } else if (q->req.code == PHX_BATCH && q->req.n_batch == 0) {
        launch(q, accept_empty);
    } else if (!lanes__add(st, q)) {
        launch(q, refuse_full);
    } else {
        timer_arm(st, due_ns(q), now);
        q->state = QUERY_PENDING;
        submit_pending(st);
    }
}
