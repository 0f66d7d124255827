/* SPDX-License-Identifier: Apache-2.0 */
/* A lane: a connection and the operations for it. One group is on the wire at a time; what comes meanwhile
 * is the next one. If a group of several fails, nothing of it was done: the operations of the step
 * that failed are sent again one by one, the others once more together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pg_ops.h"

static const uint64_t GRACE_NS = 300000000;     /* for an answer beyond the operation's time */
static const uint64_t PATIENCE_NS = 1000000000; /* of an operation, also when the server is gone for long */

struct lane {
    phx_self *self;
    struct conn conn;
    struct job *queue, **tail;
    struct job *group;      /**< on the wire, or mended */
    struct steps steps;     /**< of the group */
    struct wire wire;
    bool busy;              /**< there is a group */
    bool is_mending;        /**< it is not on the wire: a partition is being made for it */
    bool reads, posted, was_up;
    uint32_t mended;        /**< parts whose partitions are there */
    phx_mono overdue_at;    /**< then the connection is given up */
    phx_mono down_since;    /**< 0: it is up, or was never tried */
    char why[WHY_MAX];      /**< why it is down */
};

static phx_mono now(const struct lane *l)
{
    return l->self->host->mono(l->self->host);
}

static void finish(struct job *j, phx_status status, const char *why)
{
    j->status = status;
    snprintf(j->why, WHY_MAX, "%s", why);
    job_done(j);
}

/* ---- queue */

static void append(struct lane *l, struct job *j)
{
    j->next = NULL;
    *l->tail = j;
    l->tail = &j->next;
}

/** Take out of the queue what @p pick picks, and answer it with its status. */
typedef bool pick_fn(const struct lane *l, struct job *j, const void *arg);

static bool pick_and_answer(struct lane *l, pick_fn *pick, const void *arg)
{
    struct job *j = l->queue, *next;
    bool any = false;
    l->tail = &l->queue;
    l->queue = NULL;
    for (; j; j = next) {
        next = j->next;
        if (pick(l, j, arg)) {
            any = true;
            job_done(j);
        } else {
            append(l, j);
        }
    }
    return any;
}

static bool is_late(const struct lane *l, struct job *j, const void *arg)
{
    const phx_mono *at = arg;
    if (!j->req->deadline || j->req->deadline > *at)
        return false;
    j->status = PHX_E_TIMEOUT;
    snprintf(j->why, WHY_MAX, "its time was over before it could be sent%s%s", l->down_since ? ": " : "",
             l->down_since ? l->why : "");
    return true;
}

static bool is_hopeless(const struct lane *l, struct job *j, const void *arg)
{
    const phx_mono *at = arg;
    if (*at < l->down_since + l->self->wait_ns || *at < j->since + PATIENCE_NS)
        return false;
    j->status = PHX_E_UNAVAILABLE;
    snprintf(j->why, WHY_MAX, "%s", l->why);
    return true;
}

static bool is_op(const struct lane *l, struct job *j, const void *arg)
{
    if (j->op != arg)
        return false;
    j->status = PHX_E_CANCELLED;
    return true;
}

/** Put the group back before what waits; those that go alone behind the others. */
static void requeue(struct lane *l)
{
    struct job *rest = l->queue, *alone = NULL, **alone_tail = &alone;
    l->queue = NULL;
    l->tail = &l->queue;
    for (struct job *j = l->group, *next; j; j = next) {
        next = j->next;
        j->status = PHX_OK;
        if (!j->alone) {
            append(l, j);
            continue;
        }
        j->next = NULL;
        *alone_tail = j;
        alone_tail = &j->next;
    }
    *l->tail = alone;
    l->tail = alone ? alone_tail : l->tail;
    *l->tail = rest;
    while (*l->tail)
        l->tail = &(*l->tail)->next;
    l->group = NULL;
}

/* ---- sending */

static void group_end(struct lane *l)
{
    steps_free(&l->steps);
    wire_reset(&l->wire, false);
    l->group = NULL;
    l->busy = l->is_mending = false;
}

static void take_group(struct lane *l)
{
    struct job **tail = &l->group;
    size_t bytes = 0;
    for (uint32_t n = 0; l->queue && n < GROUP_JOBS && bytes < GROUP_BYTES; n++) {
        struct job *j = l->queue;
        if (j->alone && n > 0)
            break;
        l->queue = j->next;
        j->next = NULL;
        *tail = j;
        tail = &j->next;
        bytes += j->bytes;
        steps_add(&l->steps, l->self, j);
        if (j->alone)
            break;
    }
    if (!l->queue)
        l->tail = &l->queue;
    steps_finish(&l->steps);
}

/** When nobody waits for the answer any more. */
static phx_mono overdue(const struct lane *l, phx_mono at)
{
    phx_mono last = 0;
    for (const struct job *j = l->group; j; j = j->next) {
        phx_mono d = j->req->deadline ? j->req->deadline : at + l->self->statement_ns * 2;
        last = d > last ? d : last;
    }
    return last + GRACE_NS;
}

static void pump(struct lane *l)
{
    phx_mono at = now(l);
    if (l->busy || l->conn.state != CONN_UP || !l->queue)
        return;
    pick_and_answer(l, is_late, &at);
    if (!l->queue)
        return;
    l->busy = true;
    take_group(l);
    l->overdue_at = overdue(l, at);
    if (l->steps.failed || !wire_send(&l->wire, l->conn.pg, &l->steps))
        conn_lose(&l->conn, "out of memory, or the connection broke");
    else
        conn_flush(&l->conn);
}

static void on_turn(void *arg)
{
    struct lane *l = arg;
    l->posted = false;
    pump(l);
}

/** At the end of this turn of the loop, so that what is submitted in it travels together. */
static void pump_soon(struct lane *l)
{
    if (!l->posted && !l->busy && l->conn.state == CONN_UP)
        l->posted = l->self->loop->post(l->self->host, on_turn, l) == PHX_OK;
}

/* ---- a group is back */

static void answer_all(struct lane *l)
{
    for (struct job *j = l->group; j; j = j->next)
        if (j->cancelled && l->reads)
            j->status = PHX_E_CANCELLED;
    for (const struct step *s = l->steps.first; s; s = s->next)
        answer_step(s);
    for (struct job *j = l->group, *next; j; j = next) {
        next = j->next;
        job_done(j);
    }
    group_end(l);
}

static void requeue_and_go(struct lane *l)
{
    requeue(l);
    group_end(l);
    pump(l);
}

static bool has_state(const PGresult *r, const char *state)
{
    const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return s && strcmp(s, state) == 0;
}

static void several_failed(struct lane *l)
{
    const struct step *s = l->wire.failed;
    for (uint32_t i = 0; s && i < s->n; i++)
        s->parts[i].job->alone = true;
    for (struct job *j = l->group; j; j = j->next)
        j->alone = j->alone || !s || ++j->rollbacks >= 2;
    requeue_and_go(l);
}

static void on_mended(void *arg, phx_status status, const char *why);

/** Make the partitions for one part of the failed step after the other, then send the group again. */
static void mend_next(struct lane *l)
{
    struct step *s = l->wire.failed;
    if (l->mended == s->n) {
        requeue_and_go(l);
        return;
    }
    const phx_req *r = s->parts[l->mended++].r;
    partition_make(l->self, s->d, r->cells, r->n_cells, on_mended, l);
}

static void on_mended(void *arg, phx_status status, const char *why)
{
    struct lane *l = arg;
    if (status == PHX_OK) {
        mend_next(l);
        return;
    }
    if (l->group->next) {
        several_failed(l);
        return;
    }
    l->group->n = l->group->req->code == PHX_BATCH ? l->wire.failed->parts[l->mended - 1].member : 0;
    finish(l->group, status, why);
    group_end(l);
    pump(l);
}

static bool can_mend(struct lane *l)
{
    bool can = l->wire.failed && partition_missing(l->wire.error);
    for (struct job *j = l->group; j; j = j->next)
        can = can && j->tries++ < RETRIES;
    return can;
}

/** Rows that were taken for new are there already: mark who brought them, for the next try. */
static bool rows_repeat(struct lane *l)
{
    struct step *s = l->wire.failed;
    bool again = false;
    if (!s || s->verb != VERB_APPEND || !has_state(l->wire.error, "23505"))
        return false;
    for (uint32_t i = 0; i < s->n; i++) {
        again = again || !s->parts[i].job->repeats;
        s->parts[i].job->repeats = true;
    }
    return again;
}

/** The only operation of its group failed. */
static void one_failed(struct lane *l)
{
    struct job *j = l->group;
    const struct step *s = l->wire.failed;
    const PGresult *error = l->wire.error;
    bool again = (has_state(error, "40001") || has_state(error, "40P01")) && j->tries++ < RETRIES;
    if (s && s->n > 1 && !j->exact)
        again = j->exact = true; /* a batch: which member was it? */
    if (again) {
        requeue_and_go(l);
        return;
    }
    j->status = pg_status(error, j->why);
    j->n = s && j->req->code == PHX_BATCH ? s->parts[0].member : 0;
    bool standby = has_state(error, "25006");
    job_done(j);
    group_end(l);
    if (standby)
        conn_lose(&l->conn, "the server takes no writes");
    else
        pump(l);
}

static void on_input(void *arg)
{
    struct lane *l = arg;
    if (!l->busy || l->is_mending) {
        PQisBusy(l->conn.pg); /* what the server says unasked becomes a notice */
        return;
    }
    if (!wire_take(&l->wire, l->conn.pg))
        return;
    if (!l->wire.error) {
        answer_all(l);
        pump(l);
    } else if (rows_repeat(l)) {
        requeue_and_go(l);
    } else if (can_mend(l)) {
        l->is_mending = true;
        l->mended = 0;
        mend_next(l);
    } else if (!l->group->next) {
        one_failed(l);
    } else {
        several_failed(l);
    }
}

/* ---- the connection */

static void on_up(void *arg)
{
    struct lane *l = arg;
    if (l->down_since)
        note(l->self, PHX_INFO, "connected again (%s)", l->conn.role);
    l->down_since = 0;
    if (!l->was_up)
        open_step(l->self, PHX_OK, "");
    else
        all_hurry(l->self);
    l->was_up = true;
    pump(l);
}

/** What was on the wire may have been done or not; reads are asked once more. */
static void group_lost(struct lane *l)
{
    struct job *j = l->group, **tail = &l->group;
    l->group = NULL;
    for (struct job *next; j; j = next) {
        next = j->next;
        j->next = NULL;
        if (l->reads && !j->resent && !j->cancelled) {
            j->resent = true;
            *tail = j;
            tail = &j->next;
        } else {
            bool late = j->req->deadline && j->req->deadline <= now(l);
            finish(j, late ? PHX_E_TIMEOUT : PHX_E_UNAVAILABLE, l->why);
        }
    }
    requeue(l);
    group_end(l);
}

static void on_down(void *arg, const char *why)
{
    struct lane *l = arg;
    snprintf(l->why, WHY_MAX, "%s", why);
    if (l->was_up && !l->down_since) {
        note(l->self, PHX_WARN, "%s (%s); trying again", why, l->conn.role);
        l->down_since = now(l);
    }
    if (l->is_mending) {
        prepared_drop_all(&l->wire.prepared);
    } else {
        if (l->busy)
            group_lost(l);
        wire_reset(&l->wire, true);
    }
    if (!l->was_up)
        open_step(l->self, PHX_E_UNAVAILABLE, l->why);
}

static const struct conn_uses uses = { .up = on_up, .input = on_input, .down = on_down };

/* ---- from outside */

static const struct {
    const char *role;
    bool relaxed;
} kinds[N_LANES] = {
    [LANE_WRITE] = { "write", false },
    [LANE_CLAIM] = { "claim", true },
    [LANE_BULK] = { "bulk", true },
    [LANE_READ] = { "read", true },
};

struct lane *lane_new(phx_self *self, enum lane_id id)
{
    struct lane *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->self = self;
    l->tail = &l->queue;
    l->reads = id == LANE_READ;
    l->conn = (struct conn){
        .self = self,
        .role = kinds[id].role,
        .settings = kinds[id].relaxed ? self->relaxed_settings : self->settings,
        .pipeline = true,
        .keeps = true,
        .uses = &uses,
        .arg = l,
    };
    steps_init(&l->steps);
    return l;
}

void lane_free(struct lane *l)
{
    if (!l)
        return;
    conn_stop(&l->conn);
    steps_free(&l->steps);
    wire_free(&l->wire);
    free(l);
}

void lane_start(struct lane *l)
{
    l->was_up = false;
    l->down_since = 0;
    conn_start(&l->conn);
}

void lane_hurry(struct lane *l)
{
    conn_hurry(&l->conn);
}

void lane_stop(struct lane *l)
{
    conn_stop(&l->conn);
    wire_reset(&l->wire, true);
}

void lane_submit(struct lane *l, struct job *j)
{
    j->since = now(l);
    append(l, j);
    pump_soon(l);
}

bool lane_cancel(struct lane *l, phx_op *op)
{
    for (struct job *j = l->group; j; j = j->next) {
        if (j->op == op) {
            j->cancelled = true;
            return true;
        }
    }
    return pick_and_answer(l, is_op, op);
}

void lane_look(struct lane *l, phx_mono at)
{
    pick_and_answer(l, is_late, &at);
    if (l->down_since)
        pick_and_answer(l, is_hopeless, &at);
    if (l->busy && !l->is_mending && at > l->overdue_at)
        conn_lose(&l->conn, "PostgreSQL did not answer in time; the connection is made again");
}

bool lane_is_idle(const struct lane *l)
{
    return !l->queue && !l->busy;
}
