/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of tasks: list, one, and statistics of the queue. */
#include "core/api/handlers.h"
#include "core/api/page.h"
#include "core/api/taskq.h"
#include "core/base/clock.h"
#include "core/base/limits.h"

static const struct str open_statuses[] = { { TASK_PENDING, sizeof TASK_PENDING - 1 },
                                            { TASK_ASSIGNED, sizeof TASK_ASSIGNED - 1 },
                                            { TASK_RUNNING, sizeof TASK_RUNNING - 1 } };
enum { N_OPEN = 3 };

/* ---- list */

/** In the request's arena. */
struct task_list {
    struct request *rq;
    struct page page;
};

static void on_listed(void *arg, const struct result *res)
{
    struct task_list *l = arg;
    struct buf body;
    struct jw w;
    if (res->rc) {
        reply_error(l->rq, &res->err);
        return;
    }
    buf_init(&body, LIMIT_JSON_BYTES);
    jw_init(&w, &body);
    jw_open(&w, '{');
    jw_key(&w, "tasks");
    jw_open(&w, '[');
    for (size_t i = 0; i < page_rows(&l->page, res); i++) {
        task_write(&w, &res->rows[i]);
    }
    jw_close(&w, ']');
    page_write_next(&l->page, res, F_TASKS_ID, &w);
    jw_close(&w, '}');
    reply_json(l->rq, 200, &body);
    buf_done(&body);
}

void on_task_list(struct request *rq)
{
    struct task_list *l = arena_alloc(request_arena(rq), sizeof *l);
    const char *status = request_query(rq, "status"), *host = request_query(rq, "host_id");
    const char *experiment = request_query(rq, "experiment_id");
    l->rq = rq;
    if (!page_read(rq, &l->page)) {
        return;
    }
    struct query *q = q_scan(request_api(rq)->store, C_TASKS);
    if (status && strcmp(status, "active") == 0) {
        q_where_in(q, F_TASKS_STATUS, open_statuses, N_OPEN);
    } else if (status) {
        q_where_text(q, F_TASKS_STATUS, PHX_EQ, status);
    }
    if (host) {
        q_where_text(q, F_TASKS_HOST_ID, PHX_EQ, host);
    }
    if (experiment) {
        q_where_text(q, F_TASKS_EXPERIMENT_ID, PHX_EQ, experiment);
    }
    page_apply(&l->page, q, F_TASKS_ID, true);
    store_run(q, on_listed, l);
}

/* ---- one */

static void on_got(void *arg, const struct result *res)
{
    struct request *rq = arg;
    struct buf body;
    struct jw w;
    if (res->rc == ERR_NOTFOUND || (!res->rc && !res->n_rows)) {
        struct err err = { 0 };
        err_set(&err, ERR_NOTFOUND, "no task \"%.64s\"", request_param(rq, "id"));
        reply_error(rq, &err);
        return;
    }
    if (res->rc) {
        reply_error(rq, &res->err);
        return;
    }
    buf_init(&body, LIMIT_JSON_BYTES);
    jw_init(&w, &body);
    task_write(&w, &res->rows[0]);
    reply_json(rq, 200, &body);
    buf_done(&body);
}

void on_task_get(struct request *rq)
{
    struct query *q = q_get(request_api(rq)->store, C_TASKS);
    q_text(q, F_TASKS_ID, request_param(rq, "id"));
    store_run(q, on_got, rq);
}

/* ---- the queue */

enum { WINDOW_HOURS = 24 };
enum { Q_PENDING, Q_ASSIGNED, Q_RUNNING, Q_COMPLETED, Q_FAILED, Q_CANCELLED, Q_EXPIRED, Q_STATUSES };
static const char *const queue_names[Q_STATUSES] = { TASK_PENDING,   TASK_ASSIGNED, TASK_RUNNING,
                                                     TASK_COMPLETED, TASK_FAILED,   TASK_CANCELLED,
                                                     TASK_EXPIRED };

/** In the request's arena. */
struct queue_look {
    struct request *rq;
    int64_t n[Q_STATUSES];
    int64_t oldest_pending; /* wall; 0: none */
    double wait_s, execution_s;
    int64_t n_waits, n_executions;
};

static struct query *queue_scan(struct request *rq)
{
    struct query *q = q_scan(request_api(rq)->store, C_TASKS);
    q_order(q, F_TASKS_ID);
    q_order(q, F_TASKS_STATUS);
    q_order(q, F_TASKS_CREATED_AT);
    q_order(q, F_TASKS_STARTED_AT);
    q_order(q, F_TASKS_COMPLETED_AT);
    q_flags(q, PHX_DISTINCT); /* these fields only: configs and results stay where they are */
    return q;
}

static void count_task(struct queue_look *l, const struct row *r)
{
    int64_t created = row_time(r, F_TASKS_CREATED_AT), started = row_time(r, F_TASKS_STARTED_AT);
    int64_t completed = row_time(r, F_TASKS_COMPLETED_AT);
    int s = 0;
    while (s < Q_STATUSES && !str_eqz(row_str(r, F_TASKS_STATUS), queue_names[s])) {
        s++;
    }
    if (s == Q_STATUSES) {
        return;
    }
    l->n[s]++;
    if (s == Q_PENDING && (!l->oldest_pending || created < l->oldest_pending)) {
        l->oldest_pending = created;
    }
    if (started) {
        l->wait_s += (double)(started - created) / NS_PER_S;
        l->n_waits++;
    }
    if (started && completed && s == Q_COMPLETED) {
        l->execution_s += (double)(completed - started) / NS_PER_S;
        l->n_executions++;
    }
}

static void mean(struct jw *w, const char *key, double sum, int64_t n)
{
    jw_key(w, key);
    if (n) {
        jw_real(w, sum / (double)n);
    } else {
        jw_null(w);
    }
}

static void queue_answer(struct queue_look *l)
{
    struct buf body;
    struct jw w;
    int64_t total = 0;
    buf_init(&body, LIMIT_JSON_BYTES);
    jw_init(&w, &body);
    jw_open(&w, '{');
    for (int s = 0; s < Q_STATUSES; s++) {
        jw_kint(&w, queue_names[s], l->n[s]);
        total += l->n[s];
    }
    jw_kint(&w, "total", total);
    mean(&w, "oldest_pending_seconds",
         (double)(loop_wall(request_loop(l->rq)) - l->oldest_pending) / NS_PER_S, l->oldest_pending != 0);
    mean(&w, "avg_wait_time", l->wait_s, l->n_waits);
    mean(&w, "avg_execution_time", l->execution_s, l->n_executions);
    jw_kreal(&w, "throughput_per_hour", (double)l->n[Q_COMPLETED] / WINDOW_HOURS);
    jw_close(&w, '}');
    reply_json(l->rq, 200, &body);
    buf_done(&body);
}

/* False if there are none to count, because reading failed: then that is the answer. */
static bool count_rows(struct queue_look *l, const struct result *res)
{
    if (res->rc) {
        reply_error(l->rq, &res->err);
        return false;
    }
    for (size_t i = 0; i < res->n_rows; i++) {
        count_task(l, &res->rows[i]);
    }
    return true;
}

static void on_finished_counted(void *arg, const struct result *res)
{
    struct queue_look *l = arg;
    if (!count_rows(l, res)) return;
    queue_answer(l);
}

static void on_open_counted(void *arg, const struct result *res)
{
    struct queue_look *l = arg;
    if (!count_rows(l, res)) return;
    struct query *q = queue_scan(l->rq);
    q_where_int(q, F_TASKS_COMPLETED_AT, PHX_GE,
                loop_wall(request_loop(l->rq)) - WINDOW_HOURS * 3600 * NS_PER_S);
    store_run(q, on_finished_counted, l);
}

void on_task_queue(struct request *rq)
{
    struct queue_look *l = arena_alloc(request_arena(rq), sizeof *l);
    struct query *q = queue_scan(rq);
    l->rq = rq;
    q_where_in(q, F_TASKS_STATUS, open_statuses, N_OPEN);
    store_run(q, on_open_counted, l);
}
