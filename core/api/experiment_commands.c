/* SPDX-License-Identifier: Apache-2.0 */
/* What users tell an experiment to do (start, stop, promote, rollback), and what it tells them
 * (events, KPIs).
 */
#include <stdlib.h>

#include "core/api/experiment_doc.h"
#include "core/api/handlers.h"
#include "core/api/scheduler.h"
#include "core/api/api.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

/* ---- commands: the next step of the experiment carries them out, then it is read and shown */

static void on_command_done(void *arg, const struct err *err)
{
    struct request *rq = arg;
    if (err) reply_error(rq, err);
    else on_experiment_get(rq);
}

static void command(struct request *rq, enum input input)
{
    struct api *api = request_api(rq);
    const char *reason = json_get_str(request_json(rq), "reason", NULL);
    scheduler_command(api->scheduler, request_param(rq, "id"), input, "user", reason, on_command_done, rq);
}

void on_experiment_start(struct request *rq)
{
    command(rq, INPUT_START);
}

void on_experiment_stop(struct request *rq)
{
    command(rq, INPUT_STOP);
}

void on_experiment_promote(struct request *rq)
{
    command(rq, INPUT_PROMOTE);
}

void on_experiment_rollback(struct request *rq)
{
    command(rq, INPUT_ROLLBACK);
}

/* ---- events; with wait=, an answer without any is held until there is one
 *
 * A parked request gives up its arena and may go away at any time, so a listener lives on the heap:
 * until its answer, or until the request is gone and no query of its own is in flight. */

#define RELOOK_NS (8 * NS_PER_S)

struct listener {
    struct request *rq;        /* NULL: the client has gone */
    struct api *api;
    struct event_watch *watch; /* NULL: not waiting */
    struct timer *timer;
    bool querying, parked;
    bool woken;                /* something happened since the watch was set */
    char id[UUID_LEN + 1], after[UUID_LEN + 1];
    int64_t wait_ns;           /* that is left when the timer is over */
    uint64_t limit;
    struct buf events;         /* JSON array of what was read last */
    size_t n_events;
};

static void read_events(struct listener *l);

static void listener_free(struct listener *l)
{
    if (l->watch) scheduler_unwatch(l->watch);
    timer_free(l->timer);
    buf_done(&l->events);
    free(l);
}

static void go_on(struct listener *l)
{
    l->wait_ns = 0;
    timer_clear(l->timer);
    read_events(l);
}

static void on_event(void *arg)
{
    struct listener *l = arg;
    l->watch = NULL; /* it was removed before this call */
    l->woken = l->querying; /* what is being read may lack it: it is read once more */
    l->wait_ns = 0;
    if (!l->querying) go_on(l);
}

static void on_wait_over(void *arg)
{
    struct listener *l = arg;
    if (l->wait_ns > 0) {
        read_events(l);
        return;
    }
    if (l->watch) scheduler_unwatch(l->watch);
    l->watch = NULL;
    go_on(l);
}

static void on_gone(void *arg)
{
    struct listener *l = arg;
    l->rq = NULL;
    if (!l->querying) listener_free(l);
}

/* Set before the first read, so that nothing can happen between the read and the wait. */
static void watch_events(struct listener *l)
{
    if (l->wait_ns > 0 && l->api->scheduler && !l->api->draining)
        l->watch = scheduler_watch(l->api->scheduler, l->id, on_event, l);
    else
        l->wait_ns = 0;
}

/* On a shared store the event may be another process's, and its signal may be lost: so now and then the
 * store is read although nothing was heard. */
static void wait_for_event(struct listener *l)
{
    bool in_parts = store_is_shared(l->api->store) && l->wait_ns > RELOOK_NS;
    int64_t part = in_parts ? RELOOK_NS : l->wait_ns;
    l->wait_ns -= part;
    timer_set(l->timer, part);
    if (!l->parked) request_park(l->rq, on_gone, l);
    l->parked = true;
}

/* True: go on. Otherwise the listener has ended. */
static bool answered(struct listener *l, const struct result *res)
{
    struct err err = res->err;
    l->querying = false;
    if (l->rq && res->rc == 0) return true;
    if (res->rc == ERR_NOTFOUND) err_set(&err, ERR_NOTFOUND, "there is no experiment \"%s\"", l->id);
    if (l->rq) reply_error(l->rq, &err);
    listener_free(l);
    return false;
}

/* Events are read before the phase: it may be newer than they are, never older, so nobody who sees an
 * event can miss the phase that it tells of. */
static void reply_events(struct listener *l, const char *phase)
{
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, 16 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_kstr(&w, "phase", phase);
    jw_key(&w, "events");
    jw_raw(&w, buf_str(&l->events));
    jw_close(&w, '}');
    reply_json(l->rq, 200, &out);
    listener_free(l);
}

static void on_phase(void *arg, const struct result *res)
{
    struct listener *l = arg;
    bool again = l->woken && l->n_events == 0;
    l->woken = false;
    if (!answered(l, res)) return;
    if (again) read_events(l);
    else if (l->n_events == 0 && l->wait_ns > 0) wait_for_event(l);
    else reply_events(l, row_text(&res->rows[0], F_EXPERIMENTS_PHASE));
}

static void on_events(void *arg, const struct result *res)
{
    struct listener *l = arg;
    struct jw w;
    if (!answered(l, res)) return;
    buf_reset(&l->events);
    jw_init(&w, &l->events);
    jw_open(&w, '[');
    for (size_t i = 0; i < res->n_rows; i++) exp_event_write(&res->rows[i], &w);
    jw_close(&w, ']');
    l->n_events = res->n_rows;
    struct query *q = q_get(l->api->store, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, l->id);
    q_only(q, F_EXPERIMENTS_PHASE);
    l->querying = true;
    store_run(q, on_phase, l);
}

static void read_events(struct listener *l)
{
    struct query *q = q_scan(l->api->store, C_EVENTS);
    q_where_text(q, F_EVENTS_EXPERIMENT_ID, PHX_EQ, l->id);
    if (*l->after) q_where_text(q, F_EVENTS_ID, PHX_GT, l->after);
    q_order(q, F_EVENTS_EXPERIMENT_ID);
    q_order(q, F_EVENTS_ID);
    q_limit(q, l->limit);
    l->querying = true;
    store_run(q, on_events, l);
}

void on_experiment_events(struct request *rq)
{
    struct listener *l = mem_alloc(sizeof *l);
    const char *wait = request_query(rq, "wait"), *after = request_query(rq, "after");
    const char *limit = request_query(rq, "limit");
    int64_t n = LIMIT_LIST_PAGE;
    l->rq = rq;
    l->api = request_api(rq);
    str_copy(l->id, sizeof l->id, str_of(request_param(rq, "id")));
    if (after) str_copy(l->after, sizeof l->after, str_of(after));
    if (wait) parse_duration(str_of(wait), &l->wait_ns);
    if (limit) parse_int(str_of(limit), &n);
    l->limit = (uint64_t)n;
    buf_init(&l->events, 15 << 20);
    l->timer = timer_new(request_loop(rq), on_wait_over, l);
    watch_events(l);
    read_events(l);
}

/* ---- KPIs: the last analysis as it was stored; reading changes nothing */

static void reply_no_kpis(struct request *rq, const char *id)
{
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, 4096);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_kstr(&w, "experiment_id", id);
    jw_kstr(&w, "calculated_at", NULL);
    jw_kstr(&w, "verdict", NULL);
    jw_key(&w, "kpis");
    jw_raw(&w, STR("[]"));
    jw_key(&w, "criteria");
    jw_raw(&w, STR("[]"));
    jw_close(&w, '}');
    reply_json(rq, 200, &out);
}

static void on_known(void *arg, const struct result *res)
{
    struct request *rq = arg;
    struct err err = res->err;
    if (res->rc == ERR_NOTFOUND)
        err_set(&err, ERR_NOTFOUND, "there is no experiment \"%s\"", request_param(rq, "id"));
    if (res->rc != 0) reply_error(rq, &err);
    else reply_no_kpis(rq, request_param(rq, "id"));
}

static void on_result(void *arg, const struct result *res)
{
    struct request *rq = arg;
    CLEANUP_BUF struct buf out = { 0 };
    if (res->rc == ERR_NOTFOUND) {
        struct query *q = q_get(request_api(rq)->store, C_EXPERIMENTS);
        q_text(q, F_EXPERIMENTS_ID, request_param(rq, "id"));
        q_only(q, F_EXPERIMENTS_ID);
        store_run(q, on_known, rq);
        return;
    }
    if (res->rc != 0) {
        reply_error(rq, &res->err);
        return;
    }
    buf_init(&out, 16 << 20);
    buf_add_str(&out, row_str(&res->rows[0], F_RESULTS_RESULT));
    reply_json(rq, 200, &out);
}

void on_experiment_kpis(struct request *rq)
{
    struct query *q = q_get(request_api(rq)->store, C_RESULTS);
    q_text(q, F_RESULTS_EXPERIMENT_ID, request_param(rq, "id"));
    store_run(q, on_result, rq);
}
