/* SPDX-License-Identifier: Apache-2.0 */
/* What the API is told of a task: `running`, then how it ended. One call at a time for each task; it
 * is tried until the API has taken it, or has said that this delivery is not ours any more. */
#include <stdio.h>
#include "core/agent/task.h"
#include "core/base/clock.h"
#include "core/base/log.h"

static void body_write(struct task *t)
{
    struct jw w;
    buf_reset(&t->body);
    jw_init(&w, &t->body);
    jw_open(&w, '{');
    jw_kstr(&w, "status", t->said == WORD_ACK ? "running" : t->error ? "failed" : "completed");
    jw_kint(&w, "epoch", t->said_epoch);
    if (t->said == WORD_REPORT && t->result) {
        jw_key(&w, "result");
        jw_tree(&w, t->result);
    }
    if (t->said == WORD_REPORT && t->error) {
        jw_kstr(&w, "error_message", t->error);
        jw_kbool(&w, "retryable", t->retryable);
    }
    jw_close(&w, '}');
}

/** The API has heard what was said. */
static void on_heard(struct task *t)
{
    backoff_reset(&t->backoff);
    if (t->said_epoch == t->epoch && t->said == t->word)
        t->word = WORD_NONE;
    if (t->said == WORD_ACK) {
        t->acked = true;
        if (t->phase == PHASE_WAITING)
            executor__acked(t);
        return;
    }
    if (t->error && t->retryable) {
        executor__drop(t); /* it may come again, and is then to be done again */
        return;
    }
    state_changed(executor__conf(t->executor)->state);
}

/** The API will not have it: the delivery is not ours, or the task is gone. */
static void on_refused(struct task *t, int status)
{
    struct log_ctx ctx = { .task = t->id };
    if (t->said_epoch != t->epoch)
        return; /* a newer delivery has come in the meantime */
    log_event(EV_TASK_REFUSED, &ctx, "epoch %lld: the API answers %d", (long long)t->epoch, status);
    t->word = WORD_NONE;
    if (t->phase == PHASE_WAITING)
        executor__drop(t);
    else
        state_changed(executor__conf(t->executor)->state);
}

static void on_told(void *arg, const struct fetch_reply *reply)
{
    struct task *t = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* t may be gone */
    t->call = NULL;
    buf_done(&t->body);
    switch (uplink_judge(executor__conf(t->executor)->uplink, reply)) {
    case UPLINK_OK: on_heard(t); break;
    case UPLINK_REFUSED: on_refused(t, reply->status); break;
    case UPLINK_AWAY:
        if (t->word != WORD_NONE)
            timer_set(t->retry, backoff_asked(&t->backoff, reply->retry_after_ns, random_u64()));
        return;
    }
    task_tell(t); /* what came up in the meantime */
}

void task_tell(struct task *t)
{
    char path[128];
    struct err err = { 0 };
    if (t->word == WORD_NONE || t->call || timer_is_set(t->retry) || executor__is_stopped(t->executor))
        return;
    t->said = t->word;
    t->said_epoch = t->epoch;
    body_write(t);
    snprintf(path, sizeof path, "/api/v1/agent/tasks/%s/status", t->id);
    struct uplink_call call = { .method = "POST", .path = path, .body = buf_str(&t->body) };
    t->call = uplink_start(executor__conf(t->executor)->uplink, &call, on_told, t, &err);
    if (!t->call)
        timer_set(t->retry, backoff_next(&t->backoff, random_u64()));
}
