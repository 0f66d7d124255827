/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports: POST /api/v1/agent/tasks/{id}/status. A report is one conditional update, fenced by the epoch
 * of the delivery and by the stored state not being final. When it changes nothing, the row is read to
 * say why: the same report again is 204, everything else 404 or 409. A failure that may be retried is
 * read first, because the number of attempts decides. Reports that arrive together are committed
 * together by the driver.
 */
#include "core/api/taskq_priv.h"
#include "core/api/handlers.h"
#include "core/base/log.h"

/** In the request's arena. */
struct report {
    struct taskq *tq;
    struct request *rq;
    const char *id, *host, *status, *why;
    int64_t epoch;
    const struct json *result;
    bool retryable;
    bool looked;       /* the row has been read */
    int64_t run_at;    /* of the retry that is being stored; 0: none */
};

static void report_look(struct report *rp);

static void report_answer(struct report *rp, const struct err *err)
{
    rp->tq->reports_in_flight--;
    if (err) {
        rp->tq->stats.stale_total += err->code == ERR_CONFLICT;
        reply_error(rp->rq, err);
    } else {
        reply_empty(rp->rq, 204);
    }
}

/* ---- after the change */

static void report_took(struct report *rp, const struct row *task)
{
    struct taskq *tq = rp->tq;
    const char *status = row_text(task, F_TASKS_STATUS);
    tq->changes++;
    if (strcmp(status, TASK_RUNNING) == 0) {
        taskq__due(tq, row_time(task, F_TASKS_LEASE_UNTIL));
    } else if (strcmp(status, TASK_PENDING) == 0) {
        tq->stats.retried_total++;
        taskq__delay(tq, rp->host, rp->run_at);
    } else if (strcmp(status, TASK_COMPLETED) == 0) {
        tq->stats.completed_total++;
    } else if (strcmp(status, TASK_FAILED) == 0) {
        tq->stats.failed_total++;
        log_event(EV_TASK_FAILED, &(struct log_ctx){ .task = rp->id, .host = rp->host }, "%s %s: %s",
                  row_text(task, F_TASKS_TYPE), row_text(task, F_TASKS_ACTION),
                  rp->why ? rp->why : "no reason given");
    }
    if (strcmp(status, TASK_RUNNING) != 0) {
        taskq__changed(tq, task);
    }
    report_answer(rp, NULL);
}

static void on_changed(void *arg, const struct result *res)
{
    struct report *rp = arg;
    if (res->rc) {
        report_answer(rp, &res->err);
    } else if (res->n_rows) {
        report_took(rp, &res->rows[0]);
    } else if (!rp->looked) {
        report_look(rp);
    } else {
        struct err err = { 0 };
        err_set(&err, ERR_CONFLICT, "task \"%s\" was changed by somebody else meanwhile", rp->id);
        report_answer(rp, &err);
    }
}

/* ---- the conditional update */

static struct query *report_query(struct report *rp)
{
    struct query *q = q_update(rp->tq->api->store, C_TASKS);
    q_lane(q, LANE_URGENT);
    q_where_text(q, F_TASKS_ID, PHX_EQ, rp->id);
    q_where_text(q, F_TASKS_HOST_ID, PHX_EQ, rp->host);
    q_where_int(q, F_TASKS_EPOCH, PHX_EQ, rp->epoch);
    q_set_time(q, F_TASKS_UPDATED_AT, loop_wall(rp->tq->api->loop));
    return q;
}

static void report_running(struct report *rp)
{
    int64_t now = loop_wall(rp->tq->api->loop);
    struct query *q = report_query(rp);
    q_where_text(q, F_TASKS_STATUS, PHX_EQ, TASK_ASSIGNED);
    q_set_text(q, F_TASKS_STATUS, TASK_RUNNING);
    q_set_time(q, F_TASKS_STARTED_AT, now);
    q_set_time(q, F_TASKS_LEASE_UNTIL, now + rp->tq->api->settings->task_lease);
    store_run(q, on_changed, rp);
}

/* Also from pending: the lease ended, but the task did not go out again (its epoch is this one), and the
 * work is done. */
static void where_open(struct query *q)
{
    q_where_in(q, F_TASKS_STATUS, (struct str[]){ STR(TASK_PENDING), STR(TASK_ASSIGNED), STR(TASK_RUNNING) },
               3);
}

static void report_end(struct report *rp)
{
    struct query *q = report_query(rp);
    where_open(q);
    q_set_text(q, F_TASKS_STATUS, rp->status);
    q_set_time(q, F_TASKS_COMPLETED_AT, loop_wall(rp->tq->api->loop));
    q_set_null(q, F_TASKS_LEASE_UNTIL);
    q_set_json(q, F_TASKS_RESULT, rp->result);
    q_set_text(q, F_TASKS_ERROR_MESSAGE, rp->why);
    store_run(q, on_changed, rp);
}

static void report_retry(struct report *rp, const struct row *task)
{
    struct query *q = report_query(rp);
    q_where_in(q, F_TASKS_STATUS, (struct str[]){ STR(TASK_ASSIGNED), STR(TASK_RUNNING) }, 2);
    q_set_json(q, F_TASKS_RESULT, rp->result);
    rp->run_at = taskq__set_failed(rp->tq, q, task, TASK_FAILED, rp->why);
    store_run(q, on_changed, rp);
}

/* ---- reading the row */

/* The report changes nothing. 0: it is the same one again. */
static int report_refuse(struct report *rp, const struct row *task, struct err *err)
{
    const char *status = row_text(task, F_TASKS_STATUS);
    int64_t epoch = row_int(task, F_TASKS_EPOCH);
    if (epoch != rp->epoch) {
        return err_set(err, ERR_CONFLICT,
                       "task \"%s\" is %s and was delivered again: its epoch is %lld, not %lld", rp->id,
                       status, (long long)epoch, (long long)rp->epoch);
    }
    if (strcmp(status, rp->status) == 0 || (rp->retryable && strcmp(status, TASK_PENDING) == 0)) {
        return 0;
    }
    return err_set(err, ERR_CONFLICT, "task \"%s\" is %s, it cannot become %s", rp->id, status, rp->status);
}

static bool task_open(const struct row *task)
{
    const char *status = row_text(task, F_TASKS_STATUS);
    return strcmp(status, TASK_ASSIGNED) == 0 || strcmp(status, TASK_RUNNING) == 0;
}

static void on_looked(void *arg, const struct result *res)
{
    struct report *rp = arg;
    struct err err = { 0 };
    const struct row *task = res->n_rows ? &res->rows[0] : NULL;
    if (res->rc && res->rc != ERR_NOTFOUND) {
        report_answer(rp, &res->err);
    } else if (!task || strcmp(row_text(task, F_TASKS_HOST_ID), rp->host) != 0) {
        err_set(&err, ERR_NOTFOUND, "host \"%s\" has no task \"%s\"", rp->host, rp->id);
        report_answer(rp, &err);
    } else if (rp->retryable && task_open(task) && row_int(task, F_TASKS_EPOCH) == rp->epoch) {
        report_retry(rp, task);
    } else {
        report_answer(rp, report_refuse(rp, task, &err) ? &err : NULL);
    }
}

static void report_look(struct report *rp)
{
    static const int fields[] = { F_TASKS_HOST_ID, F_TASKS_STATUS, F_TASKS_EPOCH, F_TASKS_RETRY_COUNT,
                                  F_TASKS_MAX_ATTEMPTS };
    struct query *q = q_get(rp->tq->api->store, C_TASKS);
    q_lane(q, LANE_URGENT);
    q_text(q, F_TASKS_ID, rp->id);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        q_only(q, fields[i]);
    }
    rp->looked = true;
    store_run(q, on_looked, rp);
}

/* ---- the request */

static bool report_read(struct request *rq, struct report *rp, struct err *err)
{
    const struct json *body = request_json(rq);
    rp->rq = rq;
    rp->tq = request_api(rq)->taskq;
    rp->id = request_param(rq, "id");
    rp->host = request_host_id(rq);
    rp->status = json_get_str(body, "status", "");
    rp->epoch = json_get_int(body, "epoch", 0);
    rp->why = json_get_str(body, "error_message", NULL);
    rp->result = json_get(body, "result");
    rp->retryable = json_get_bool(body, "retryable", false) && strcmp(rp->status, TASK_FAILED) == 0;
    if (!uuid_valid(str_of(rp->id))) {
        err_set(err, ERR_NOTFOUND, "host \"%s\" has no task \"%.64s\"", rp->host, rp->id);
        return false;
    }
    if (rp->tq->reports_in_flight >= REPORTS_MAX) {
        err_set(err, ERR_BUSY, "%u reports wait to be stored", rp->tq->reports_in_flight);
        return false;
    }
    return true;
}

void on_agent_task_status(struct request *rq)
{
    struct report *rp = arena_alloc(request_arena(rq), sizeof *rp);
    struct err err = { 0 };
    if (!report_read(rq, rp, &err)) {
        reply_error(rq, &err);
        return;
    }
    rp->tq->reports_in_flight++;
    if (strcmp(rp->status, TASK_RUNNING) == 0) {
        report_running(rp);
    } else if (rp->retryable) {
        report_look(rp);
    } else {
        report_end(rp);
    }
}
