/* SPDX-License-Identifier: Apache-2.0 */
/* The table of tasks. A task comes in, is acknowledged, waits until no other one of its key runs,
 * runs, and stays as a record with its result, so that a repeat of the delivery gets the same answer.
 * A stop does not wait for a start of its key: it ends it.
 *
 * What must not be lost is in the state file before the API hears of it: the acknowledged task with
 * its config, and the result. */
#include <stdlib.h>
#include <utlist.h>
#include "core/agent/task.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { RECORDS_MAX = 512, OPEN_MAX = 200 };
#define RECORD_AGE_NS (24 * 3600 * NS_PER_S)
struct executor {
    struct executor_conf conf;
    struct task *tasks; /* in the order they came */
    unsigned n;
    struct timer *turn; /* something ended: look what may run now */
    bool is_stopped;
};

static void save_section(void *arg, struct jw *w)
{
    struct executor *e = arg;
    const struct task *t;
    jw_key(w, "tasks");
    jw_open(w, '[');
    DL_FOREACH(e->tasks, t)
        task_save(t, w);
    jw_close(w, ']');
}

static void on_turn(void *arg);

struct executor *executor_new(const struct executor_conf *conf)
{
    struct executor *e = mem_alloc(sizeof *e);
    e->conf = *conf;
    e->turn = timer_new(conf->loop, on_turn, e);
    state_section(conf->state, save_section, e);
    return e;
}

void executor_free(struct executor *e)
{
    struct task *t, *next;
    if (!e)
        return;
    DL_FOREACH_SAFE(e->tasks, t, next)
        task_free(t);
    timer_free(e->turn);
    free(e);
}

const struct executor_conf *executor__conf(const struct executor *e)
{
    return &e->conf;
}

bool executor__is_stopped(const struct executor *e)
{
    return e->is_stopped;
}

static void free_later(void *arg)
{
    task_free(arg);
}

void executor__drop(struct task *t)
{
    struct executor *e = t->executor;
    t->word = WORD_NONE;
    DL_DELETE(e->tasks, t);
    e->n--;
    state_changed(e->conf.state);
    loop_defer(e->conf.loop, free_later, t);
}

/** Keep the newest records, for a day; what is open or not reported stays. */
static void forget_old(struct executor *e)
{
    struct task *t, *next;
    int64_t oldest = clock_wall() - RECORD_AGE_NS;
    DL_FOREACH_SAFE(e->tasks, t, next) {
        bool is_over = t->phase == PHASE_DONE && t->word == WORD_NONE && !t->call;
        if (is_over && (e->n > RECORDS_MAX || t->ended_ns < oldest))
            executor__drop(t);
    }
}

static bool may_run(const struct executor *e, const struct task *t)
{
    const struct task *other;
    DL_FOREACH(e->tasks, other) {
        if (other == t)
            return true; /* only those before it count */
        if (other->phase == PHASE_DONE || !str_eqz(str_of(other->key), t->key))
            continue;
        if (!task_is_stop(t) || task_is_stop(other))
            return false;
        if (other->phase == PHASE_WAITING)
            return false;
    }
    return true;
}

/** Run what is acknowledged and free to run. Starting one may end others, so begin again each time. */
static void run_ready(struct executor *e)
{
    struct task *t;
    bool ran = !e->is_stopped;
    while (ran) {
        ran = false;
        DL_FOREACH(e->tasks, t) {
            if (t->phase == PHASE_WAITING && t->acked && may_run(e, t)) {
                task_run(t);
                ran = true;
                break;
            }
        }
    }
}

void executor__acked(struct task *t)
{
    state_save(t->executor->conf.state);
    run_ready(t->executor);
}

static void on_turn(void *arg)
{
    struct executor *e = arg;
    forget_old(e);
    run_ready(e);
}

void executor__done(struct task *t)
{
    struct executor *e = t->executor;
    state_save(e->conf.state);
    task_tell(t);
    timer_set(e->turn, 0);
}

static struct task *find(struct executor *e, const char *id)
{
    struct task *t;
    DL_FOREACH(e->tasks, t) {
        if (str_eqz(str_of(id), t->id))
            return t;
    }
    return NULL;
}

static unsigned count_open(const struct executor *e)
{
    const struct task *t;
    unsigned n = 0;
    DL_FOREACH(e->tasks, t)
        n += t->phase != PHASE_DONE;
    return n;
}

/** A delivery of a task that is known: the newest epoch is the one that counts. */
static bool take_again(struct task *t, int64_t epoch)
{
    if (epoch < t->epoch || (epoch == t->epoch && t->word != WORD_NONE))
        return false;
    bool is_newer = epoch > t->epoch;
    t->epoch = epoch;
    t->word = t->phase == PHASE_DONE ? WORD_REPORT : WORD_ACK;
    timer_clear(t->retry);
    task_tell(t);
    return is_newer;
}

bool executor_take(struct executor *e, const struct json *doc)
{
    struct err err = { 0 };
    if (e->is_stopped)
        return false;
    struct task *known = find(e, json_get_str(doc, "id", ""));
    if (known)
        return take_again(known, json_get_int(doc, "epoch", 0));
    struct task *t = count_open(e) < OPEN_MAX ? task_parse(e, doc, false, &err) : NULL;
    if (!t) {
        log_event(EV_TASK_REFUSED, NULL, "%s", err.code ? err.msg : "too many open tasks");
        return false;
    }
    DL_APPEND(e->tasks, t);
    e->n++;
    task_tell(t);
    return true;
}

void executor_load(struct executor *e, const struct json *state)
{
    const struct json *records = json_get(state, "tasks");
    for (size_t i = 0; i < json_len(records) && e->n < RECORDS_MAX; i++) {
        struct err err = { 0 };
        const struct json *record = json_at(records, i);
        if (find(e, json_get_str(record, "id", "")))
            continue;
        struct task *t = task_parse(e, record, true, &err);
        if (!t)
            continue;
        DL_APPEND(e->tasks, t);
        e->n++;
        task_tell(t);
    }
    timer_set(e->turn, 0);
}

void executor_stop(struct executor *e)
{
    e->is_stopped = true;
}

bool executor_has_news(const struct executor *e)
{
    const struct task *t;
    DL_FOREACH(e->tasks, t) {
        if (t->word != WORD_NONE)
            return true;
    }
    return false;
}

void executor_write_active(const struct executor *e, struct jw *w)
{
    const struct task *t;
    jw_open(w, '[');
    DL_FOREACH(e->tasks, t) {
        if (!t->acked || (t->phase == PHASE_DONE && t->word == WORD_NONE))
            continue;
        jw_open(w, '{');
        jw_kstr(w, "id", t->id);
        jw_kint(w, "epoch", t->epoch);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}
