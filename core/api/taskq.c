/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the queue: what enqueues and cancels, and the document of a task. */
#include <stdlib.h>
#include "core/api/taskq_priv.h"
#include "core/api/loads.h"
#include "core/api/scheduler.h"
#include "core/api/waiters.h"
#include "core/base/mem.h"

static const struct task_info infos[] = {
#define TASK(id, type_, action_, priority_, timeout, needs_, what_)                                         \
    { .type = type_,                                                                                        \
      .action = action_,                                                                                    \
      .priority = priority_,                                                                                \
      .timeout_ns = timeout,                                                                                \
      .needs = needs_,                                                                                      \
      .what = what_ },
#include "core/tables/tasks.def"
};

const struct task_info *task_info(enum task_action action)
{
    return &infos[action];
}

int task_action_of(const char *type, const char *action)
{
    for (int i = 0; i < TASK_ACTION_COUNT; i++) {
        if (strcmp(infos[i].type, type) == 0 && strcmp(infos[i].action, action) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *const statuses[] = { TASK_PENDING, TASK_ASSIGNED, TASK_RUNNING,
                                        TASK_COMPLETED, TASK_FAILED, TASK_CANCELLED, TASK_EXPIRED };
enum { N_STATUSES = sizeof statuses / sizeof statuses[0], N_OPEN = 3 };

static int status_index(struct str status)
{
    for (int i = 0; i < N_STATUSES; i++) {
        if (str_eqz(status, statuses[i])) {
            return i;
        }
    }
    return -1;
}

bool task_status_final(struct str status)
{
    return status_index(status) >= N_OPEN;
}

struct query *taskq_insert(struct api *api, const struct new_task *t, char ret_id[UUID_LEN + 1])
{
    const struct task_info *info = task_info(t->action);
    int64_t now = loop_wall(api->loop);
    struct query *q = q_insert(api->store, C_TASKS);
    uuid7_new(ret_id);
    q_text(q, F_TASKS_ID, ret_id);
    q_text(q, F_TASKS_HOST_ID, t->host_id);
    q_text(q, F_TASKS_EXPERIMENT_ID, t->experiment_id);
    q_text(q, F_TASKS_TYPE, info->type);
    q_text(q, F_TASKS_ACTION, info->action);
    q_json(q, F_TASKS_CONFIG, t->config);
    q_text(q, F_TASKS_VARIANT, json_get_str(t->config, "variant", NULL));
    q_int(q, F_TASKS_PRIORITY, info->priority + t->raise);
    q_text(q, F_TASKS_STATUS, TASK_PENDING);
    q_time(q, F_TASKS_RUN_AT, now);
    q_int(q, F_TASKS_EPOCH, 0);
    q_int(q, F_TASKS_RETRY_COUNT, 0);
    q_int(q, F_TASKS_MAX_ATTEMPTS, t->max_attempts ? t->max_attempts : api->settings->task_max_attempts);
    q_time(q, F_TASKS_CREATED_AT, now);
    q_time(q, F_TASKS_UPDATED_AT, now);
    api->taskq->stats.enqueued_total++;
    api->taskq->changes++;
    return q;
}

int64_t taskq_clocks_apart(const struct api *api)
{
    return store_is_shared(api->store) ? NS_PER_S / 2 : 0;
}

void taskq_wake(struct api *api, const char *host_id)
{
    api->taskq->changes++;
    waiters_wake(api, host_id);
    store_signal(api->store, TOPIC_TASKS, host_id);
}

static struct query *cancel_query(struct api *api)
{
    struct str open[N_OPEN];
    for (int i = 0; i < N_OPEN; i++) {
        open[i] = str_of(statuses[i]);
    }
    struct query *q = q_update(api->store, C_TASKS);
    q_where_in(q, F_TASKS_STATUS, open, N_OPEN);
    q_set_text(q, F_TASKS_STATUS, TASK_CANCELLED);
    q_set_time(q, F_TASKS_COMPLETED_AT, loop_wall(api->loop));
    q_set_time(q, F_TASKS_UPDATED_AT, loop_wall(api->loop));
    q_set_null(q, F_TASKS_LEASE_UNTIL);
    q_flags(q, PHX_NO_ROWS);
    api->taskq->changes++;
    return q;
}

struct query *taskq_cancel_of(struct api *api, const char *experiment_id)
{
    struct query *q = cancel_query(api);
    q_where_text(q, F_TASKS_EXPERIMENT_ID, PHX_EQ, experiment_id);
    return q;
}

struct query *taskq_cancel(struct api *api, const struct str *ids, size_t n)
{
    struct query *q = cancel_query(api);
    q_where_in(q, F_TASKS_ID, ids, n);
    return q;
}

void taskq__changed(struct taskq *tq, const struct row *task)
{
    if (strcmp(row_text(task, F_TASKS_TYPE), "loadsim") == 0) {
        loads_task_changed(tq->api, task);
    }
    if (!row_is_null(task, F_TASKS_EXPERIMENT_ID)) {
        scheduler_task_changed(tq->api, row_text(task, F_TASKS_EXPERIMENT_ID));
    }
}

static void write_text(struct jw *w, const char *key, const struct row *r, int field)
{
    jw_kstr(w, key, row_is_null(r, field) ? NULL : row_text(r, field));
}

static void write_json(struct jw *w, const char *key, const struct row *r, int field)
{
    jw_key(w, key);
    if (row_is_null(r, field)) {
        jw_null(w);
    } else {
        jw_raw(w, row_str(r, field));
    }
}

void task_write(struct jw *w, const struct row *task)
{
    jw_open(w, '{');
    write_text(w, "id", task, F_TASKS_ID);
    write_text(w, "host_id", task, F_TASKS_HOST_ID);
    write_text(w, "experiment_id", task, F_TASKS_EXPERIMENT_ID);
    write_text(w, "type", task, F_TASKS_TYPE);
    write_text(w, "action", task, F_TASKS_ACTION);
    write_json(w, "config", task, F_TASKS_CONFIG);
    jw_kint(w, "priority", row_int(task, F_TASKS_PRIORITY));
    write_text(w, "status", task, F_TASKS_STATUS);
    jw_kint(w, "epoch", row_int(task, F_TASKS_EPOCH));
    jw_kint(w, "retry_count", row_int(task, F_TASKS_RETRY_COUNT));
    jw_kint(w, "max_attempts", row_int(task, F_TASKS_MAX_ATTEMPTS));
    jw_ktime(w, "assigned_at", row_time(task, F_TASKS_ASSIGNED_AT));
    jw_ktime(w, "started_at", row_time(task, F_TASKS_STARTED_AT));
    jw_ktime(w, "completed_at", row_time(task, F_TASKS_COMPLETED_AT));
    write_json(w, "result", task, F_TASKS_RESULT);
    write_text(w, "error_message", task, F_TASKS_ERROR_MESSAGE);
    jw_ktime(w, "created_at", row_time(task, F_TASKS_CREATED_AT));
    jw_ktime(w, "updated_at", row_time(task, F_TASKS_UPDATED_AT));
    jw_close(w, '}');
}

void taskq_stats(const struct api *api, struct taskq_stats *ret)
{
    *ret = api->taskq->stats;
}

int taskq_start(struct api *api, struct err *err)
{
    struct taskq *tq = mem_alloc(sizeof *tq);
    tq->api = api;
    api->taskq = tq;
    return sweep__start(tq);
}

void taskq_stop(struct api *api)
{
    sweep__stop(api->taskq);
    free(api->taskq);
    api->taskq = NULL;
}
