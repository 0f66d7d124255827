/* SPDX-License-Identifier: Apache-2.0 */
/** @file taskq.h
 * The task queue: what enqueues, what cancels, and what a task looks like. All [loop].
 *
 * pending -> assigned -> running -> completed | failed | cancelled | expired. The store holds the
 * truth; every change is a conditional update, so a final state is never overwritten, by anybody.
 *
 *   struct query *b = q_batch(api->store);
 *   q_add(b, taskq_cancel_of(api, experiment_id));          before the inserts: it takes all there are
 *   q_add(b, taskq_insert(api, &(struct new_task){ .host_id = host, .experiment_id = id,
 *                                                  .action = TASK_COLLECTOR_STOP, .config = cfg }, task_id));
 *   store_run(b, on_stored, ...);      and in on_stored, when rc is 0:  taskq_wake(api, host);
 */
#ifndef PHOENIX_API_TASKQ_H
#define PHOENIX_API_TASKQ_H
#include "core/api/api.h"
#include "core/base/ids.h"

/** What an agent can be told to do: TASK_COLLECTOR_START ... */
enum task_action {
#define TASK(id, type, action, priority, timeout_ns, needs, what) TASK_##id,
#include "core/tables/tasks.def"
    TASK_ACTION_COUNT
};
struct task_info { /**< a row of tasks.def */
    const char *type, *action;
    int priority;
    int64_t timeout_ns;
    const char *needs; /**< members that config must have, separated by spaces */
    const char *what;
};
const struct task_info *task_info(enum task_action action);
/** -1: the table has no such task. */
int task_action_of(const char *type, const char *action);

/** States, as stored and as sent. */
#define TASK_PENDING "pending"
#define TASK_ASSIGNED "assigned"
#define TASK_RUNNING "running"
#define TASK_COMPLETED "completed"
#define TASK_FAILED "failed"
#define TASK_CANCELLED "cancelled"
#define TASK_EXPIRED "expired"
bool task_status_final(struct str status);

struct new_task {
    const char *host_id;
    const char *experiment_id;  /**< NULL: none */
    enum task_action action;
    const struct json *config;  /**< borrowed until return */
    int raise;                  /**< added to the priority of the row; 0 as a rule */
    int max_attempts;           /**< 0: the setting task.max_attempts */
};
/** The query that stores a task, for a BATCH of the caller. @p ret_id: the task's id. After the
 *  commit call taskq_wake() for its host. */
struct query *taskq_insert(struct api *api, const struct new_task *t, char ret_id[UUID_LEN + 1]);
/** Tasks of this host were committed: answer its poll, if one is parked, here or in another process. Cheap;
 *  call it for each. */
void taskq_wake(struct api *api, const char *host_id);
/** The query that cancels every task of the experiment that is not final, also running ones (their
 *  late reports get 409). For a BATCH. */
struct query *taskq_cancel_of(struct api *api, const char *experiment_id);
/** The same for given tasks. */
struct query *taskq_cancel(struct api *api, const struct str *ids, size_t n);

/** A heartbeat lists this task: its lease is extended soon, with others, if the epoch is current. */
void taskq_extend(struct api *api, const char *host_id, struct str task_id, int64_t epoch);
/** How far the clocks of processes on one store may be apart, so that a task of one is still due at once
 *  for another. 0: one process. */
int64_t taskq_clocks_apart(const struct api *api);
/** Counters since the start. */
struct taskq_stats {
    uint64_t enqueued_total, delivered_total, redelivered_total, released_total, retried_total,
        expired_total, completed_total, failed_total, stale_total;
};
void taskq_stats(const struct api *api, struct taskq_stats *ret);

/** Tasks that are not finished, as counted last. */
struct taskq_depth {
    uint64_t pending, assigned, running;
};
void taskq_depth(const struct api *api, struct taskq_depth *ret);
/** Count them, if the queue has changed since, or on a shared store if the count is older than a second;
 *  then call done(arg), now or later. */
void taskq_count(struct api *api, loop_fn *done, void *arg);

/** Other processes give out tasks, too: look for leases that end, as the one that leads. */
void taskq_look(struct api *api);
/** The store has answered the look of peers.c. */
void taskq_heard(struct api *api);
/** Since when agents could speak to this process without a gap, by the wall clock as it is now, ns. */
int64_t taskq_heard_since(struct api *api);
/** Write which leases heartbeats extended; before the store closes. */
void taskq_flush(struct api *api);

/** The Task document of a row, as the protocol and the public lists show it. */
void task_write(struct jw *w, const struct row *task);

int taskq_start(struct api *api, struct err *err);
void taskq_stop(struct api *api);
#endif
