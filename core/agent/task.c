/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/files.h"
#include "core/agent/task.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { BODY_MAX = 64 << 10, ERROR_MAX = 12 << 10 };

static const struct {
    const char *type, *action;
} kinds[] = {
#define TASK(id, type, action, priority, timeout, needs, what) { type, action },
#include "core/tables/tasks.def"
};

static enum task_kind kind_of(const char *type, const char *action)
{
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_eqz(str_of(type), kinds[i].type) && str_eqz(str_of(action), kinds[i].action))
            return (enum task_kind)i;
    return TASK_UNKNOWN;
}

bool task_is_stop(const struct task *t)
{
    return t->kind == TASK_COLLECTOR_STOP || t->kind == TASK_DEPLOYMENT_UNDEPLOY ||
           t->kind == TASK_LOAD_STOP;
}

static void on_retry(void *arg)
{
    task_tell(arg);
}

/** Loads and collectors are different things even if their ids are the same. */
static void key_set(struct task *t)
{
    const char *id = json_get_str(t->config, "id", "");
    bool is_load = t->kind == TASK_LOAD_START || t->kind == TASK_LOAD_STOP || t->kind == TASK_LOAD_ADJUST;
    if (t->kind == TASK_UNKNOWN || !file_name_ok(str_of(id)))
        id = t->id; /* will fail, by itself */
    snprintf(t->key, sizeof t->key, "%c:%.100s", is_load ? 'l' : 'c', id);
}

static void take_progress(struct task *t, const struct json *record)
{
    bool is_done = str_eqz(str_of(json_get_str(record, "phase", "")), "done");
    t->phase = is_done ? PHASE_DONE : PHASE_WAITING; /* what was interrupted is done again */
    t->acked = json_get_bool(record, "acked", false);
    t->retryable = json_get_bool(record, "retryable", false);
    t->error = mem_strdup(json_get_str(record, "error", NULL));
    t->result = json_get(record, "result") ? json_ref(json_get(record, "result")) : NULL;
    t->ended_ns = json_get_int(record, "ended", 0);
    if (is_done)
        t->word = json_get_bool(record, "reported", false) ? WORD_NONE : WORD_REPORT;
    else
        t->word = t->acked ? WORD_NONE : WORD_ACK;
}

struct task *task_parse(struct executor *e, const struct json *doc, bool from_state, struct err *err)
{
    struct str id = json_text(json_get(doc, "id")), experiment = json_text(json_get(doc, "experiment_id"));
    int64_t epoch = json_get_int(doc, "epoch", 0);
    if (!uuid_valid(id) || epoch < 1 || (experiment.n > 0 && !uuid_valid(experiment))) {
        err_set(err, ERR_INVALID, "a task without a sound id, epoch or experiment_id");
        return NULL;
    }
    struct task *t = mem_alloc(sizeof *t);
    t->executor = e;
    str_copy(t->id, sizeof t->id, id);
    str_copy(t->experiment_id, sizeof t->experiment_id, experiment);
    str_copy(t->type, sizeof t->type, json_text(json_get(doc, "type")));
    str_copy(t->action, sizeof t->action, json_text(json_get(doc, "action")));
    t->epoch = epoch;
    t->kind = kind_of(t->type, t->action);
    t->config = json_get(doc, "config") ? json_ref(json_get(doc, "config")) : NULL;
    t->word = WORD_ACK;
    t->backoff = (struct backoff){ .first_ns = 250 * NS_PER_MS, .cap_ns = 15 * NS_PER_S };
    t->retry = timer_new(executor__conf(e)->loop, on_retry, t);
    buf_init(&t->body, BODY_MAX);
    key_set(t);
    if (from_state)
        take_progress(t, doc);
    return t;
}

void task_free(struct task *t)
{
    if (!t)
        return;
    if (t->call)
        fetch_cancel(t->call);
    timer_free(t->retry);
    json_free(t->config);
    json_free(t->result);
    buf_done(&t->body);
    free(t->error);
    free(t);
}

void task_save(const struct task *t, struct jw *w)
{
    bool is_done = t->phase == PHASE_DONE;
    jw_open(w, '{');
    jw_kstr(w, "id", t->id);
    jw_kint(w, "epoch", t->epoch);
    jw_kstr(w, "experiment_id", t->experiment_id[0] ? t->experiment_id : NULL);
    jw_kstr(w, "type", t->type);
    jw_kstr(w, "action", t->action);
    jw_kstr(w, "phase", is_done ? "done" : "open");
    jw_kbool(w, "acked", t->acked);
    jw_kbool(w, "reported", is_done && t->word != WORD_REPORT);
    jw_kint(w, "ended", t->ended_ns);
    jw_kbool(w, "retryable", t->retryable);
    jw_kstr(w, "error", t->error);
    jw_key(w, "result");
    jw_tree(w, t->result);
    jw_key(w, "config");
    jw_tree(w, is_done ? NULL : t->config);
    jw_close(w, '}');
}

struct json *task_document(const struct task *t)
{
    struct json *doc = json_object();
    json_set_str(doc, "task_id", t->id);
    json_set_str(doc, "experiment_id", t->experiment_id[0] ? t->experiment_id : NULL);
    json_set(doc, "config", json_ref(t->config));
    return doc;
}

/** Whether the same task may succeed later: nothing is wrong with it, only with the moment. */
static bool is_transient(int32_t code)
{
    return code == ERR_IO || code == ERR_NOMEM || code == ERR_BUSY || code == ERR_UNAVAILABLE;
}

static void log_end(const struct task *t)
{
    struct log_ctx ctx = { .exp = t->experiment_id[0] ? t->experiment_id : NULL, .task = t->id };
    if (t->error)
        log_event(EV_TASK_FAILED, &ctx, "%s %s: %s", t->type, t->action, t->error);
    else
        log_event(EV_TASK_DONE, &ctx, "%s %s", t->type, t->action);
}

void task_end(struct task *t, struct json *result, const struct err *err, const char *reason)
{
    if (executor__is_stopped(t->executor)) { /* the next start does it again */
        json_free(result);
        return;
    }
    t->phase = PHASE_DONE;
    t->word = WORD_REPORT;
    t->ended_ns = clock_wall();
    t->result = result;
    if (err) {
        CLEANUP_BUF struct buf text;
        buf_init(&text, ERROR_MAX);
        if (!reason || !str_starts(str_of(reason), err->msg))
            buf_addf(&text, err->remedy[0] ? "%s (%s)" : "%s", err->msg, err->remedy);
        if (reason)
            buf_addf(&text, text.len ? ": %s" : "%s", reason);
        t->error = mem_strdup(buf_cstr(&text));
        t->retryable = is_transient(err->code);
    }
    json_free(t->config);
    t->config = NULL;
    log_end(t);
    executor__done(t);
}
