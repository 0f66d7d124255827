/* SPDX-License-Identifier: Apache-2.0 */
/** @file task.h
 * One task as the agent keeps it: for executor.c, task.c, report.c and actions.c only.
 */
#ifndef PHOENIX_AGENT_TASK_H
#define PHOENIX_AGENT_TASK_H
#include "core/agent/backoff.h"
#include "core/agent/executor.h"
#include "core/base/ids.h"

enum task_kind {
#define TASK(id, type, action, priority, timeout, needs, what) TASK_##id,
#include "core/tables/tasks.def"
    TASK_UNKNOWN
};
enum task_phase { PHASE_WAITING, PHASE_RUNNING, PHASE_DONE };
/** What the API must be told next. */
enum task_word { WORD_NONE, WORD_ACK, WORD_REPORT };

struct task {
    struct executor *executor;
    struct task *prev, *next;
    char id[UUID_LEN + 1], experiment_id[UUID_LEN + 1];
    char type[24], action[24];
    char key[104]; /* what it is about: tasks of one key run one after the other */
    enum task_kind kind;
    enum task_phase phase;
    enum task_word word;
    bool acked; /* some delivery of it was acknowledged */
    int64_t epoch;
    int64_t ended_ns;    /* wall; 0: not done */
    struct json *config; /* until it is done */
    struct json *result; /* may be NULL */
    char *error;         /* NULL: completed */
    bool retryable;
    size_t n_replaced; /* deploy: how many of config.replaces are stopped */
    /* the call that is on its way */
    struct fetch *call;
    enum task_word said;
    int64_t said_epoch;
    struct buf body;
    struct backoff backoff;
    struct timer *retry;
};

/* ---- task.c: the record */
/** From the API's document (from_state false) or our own record. NULL and INVALID if it is none. */
struct task *task_parse(struct executor *e, const struct json *doc, bool from_state, struct err *err);
void task_free(struct task *t); /**< NULL allowed; cancels its call */
void task_save(const struct task *t, struct jw *w);
bool task_is_stop(const struct task *t); /**< goes before others of its key */
/** The document for supervisor and loads: { "task_id", "experiment_id", "config" }. Caller frees. */
struct json *task_document(const struct task *t);
/** It is over: with @p err NULL well. @p result (taken) and @p reason (more to say about the error)
 *  may be NULL. */
void task_end(struct task *t, struct json *result, const struct err *err, const char *reason);

/* ---- report.c: what the API is told */
void task_tell(struct task *t); /**< send t->word, unless something is on its way or waits */

/* ---- actions.c */
void task_run(struct task *t);

/* ---- executor.c */
const struct executor_conf *executor__conf(const struct executor *e);
bool executor__is_stopped(const struct executor *e);
void executor__acked(struct task *t); /**< it may run now */
void executor__drop(struct task *t);  /**< forget it; freed after this turn */
void executor__done(struct task *t);  /**< its phase is DONE */
#endif
