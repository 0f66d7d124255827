/* SPDX-License-Identifier: Apache-2.0 */
/** @file taskq_priv.h
 * What the files of the task queue share: taskq.c (rows, enqueue, cancel), taskq_count.c (depth),
 * taskq_claim.c (deliver), taskq_report.c (acknowledge, complete, retry), taskq_sweep.c (leases and delays
 * that end).
 */
#ifndef PHOENIX_API_TASKQ_PRIV_H
#define PHOENIX_API_TASKQ_PRIV_H
#include "core/api/hearing.h"
#include "core/api/taskq.h"
#include "core/base/clock.h"

struct taskq {
    struct api *api;
    struct taskq_stats stats;
    uint64_t changes, counted; /**< changes of the queue here; those that `depth` knows */
    int64_t counted_at;        /**< mono; 0: never */
    struct taskq_depth depth;
    unsigned reports_in_flight;
    /* sweep: set only while something is leased or delayed */
    struct timer *sweep;
    int64_t sweep_at; /**< wall; 0: not set */
    bool sweep_in_flight;
    struct hearing hearing;
    struct delayed *delayed; /**< retries that wait for their time, soonest first */
    size_t n_delayed;
    /* leases that heartbeats extend, collected for one statement */
    struct extension *extensions;
    size_t n_extensions, cap_extensions;
    struct timer *extend;
};
enum { REPORTS_MAX = 10000, EXTENSIONS_MAX = 100000, DELAYED_MAX = 100000 };

/** Something of the queue is due at this wall time: a lease ends, a delay is over. */
void taskq__due(struct taskq *tq, int64_t wall_ns);
/** A task of this host becomes due at this time; wake the host then. */
void taskq__delay(struct taskq *tq, const char *host_id, int64_t run_at);
/** Assignments of an UPDATE for an attempt that failed: pending again, or @p final when it was the
 *  last one. Returns the time of the next attempt, 0: none. */
int64_t taskq__set_failed(struct taskq *tq, struct query *q, const struct row *task, const char *final,
                          const char *why);
/** A task failed, or came to its end: tell those who wait for it. */
void taskq__changed(struct taskq *tq, const struct row *task);

int sweep__start(struct taskq *tq);
void sweep__stop(struct taskq *tq);
#endif
