/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks on an agent, as core/agent/executor.c and report.c treat them: acknowledged before they are done,
 * done once, and whatever comes again gets the same result under its new epoch. Nothing is kept of those
 * that have ended: how each one ends follows from its number. */
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "tools/swarm/agent.h"
#include "tools/swarm/load.h"

enum word { WORD_NONE, WORD_ACK, WORD_REPORT };
enum job_phase {
    JOB_WAITING,
    JOB_RUNNING,
    JOB_DONE,
    JOB_ENDED /* its load is to be told of by a heartbeat */
};
enum { ACTIVE_MAX = 200, DEPTH_MAX = 32 };

struct job {
    struct job *prev, *next;
    struct agent *agent;
    struct post post;
    struct alarm retry, end;
    char id[UUID_LEN + 1], load[UUID_LEN + 1];
    int64_t epoch, said_epoch;
    uint32_t number; /* in the ledger, unless foreign */
    enum job_phase phase;
    enum word word, said;
    uint8_t tries;
    bool is_foreign, is_acked, is_listed;
};
/* What a poll says of one task. */
struct delivered {
    struct str id, load;
    int64_t epoch, seed;
};

static void tell(struct job *j);

static bool fails(const struct job *j)
{
    return j->is_foreign || load_fails(j->agent->swarm, j->number);
}

static void job_drop(struct job *j)
{
    struct engine *e = &j->agent->swarm->engine;
    alarm_clear(e, &j->retry);
    alarm_clear(e, &j->end);
    DL_DELETE(j->agent->jobs, j);
    free(j);
}

/* ---- doing it */

static void job_finish(struct job *j)
{
    j->phase = JOB_DONE;
    j->word = WORD_REPORT;
    if (!j->is_foreign)
        ledger_executed(&j->agent->swarm->ledger, j->number);
    tell(j);
}

static void on_end(struct alarm *alarm)
{
    job_finish(CONTAINER_OF(alarm, struct job, end));
}

static void job_run(struct job *j)
{
    struct swarm *s = j->agent->swarm;
    j->phase = JOB_RUNNING;
    if (s->o->task_time > 0)
        alarm_set(&s->engine, &j->end, s->engine.now_ns + s->o->task_time);
    else
        job_finish(j);
}

/* ---- telling of it */

static const char *report_write(struct post *p, struct buf *path, struct buf *body)
{
    static char host[HOST_NAME_MAX_BYTES];
    const struct job *j = CONTAINER_OF(p, struct job, post);
    const char *word = j->said == WORD_ACK ? "running" : fails(j) ? "failed" : "completed";
    buf_addf(path, "/agent/tasks/%s/status", j->id);
    buf_addf(body, "{\"status\":\"%s\",\"epoch\":%lld", word, (long long)j->said_epoch);
    if (j->said == WORD_REPORT)
        buf_adds(body, !fails(j)       ? ",\"result\":{\"pid\":4711}}"
                       : j->is_foreign
                            ? ",\"error_message\":\"not a task of this swarm\",\"retryable\":false}"
                                       : ",\"error_message\":\"as told\",\"retryable\":false}");
    else
        buf_addc(body, '}');
    return agent_host(j->agent->swarm, j->agent->index, host);
}

static void on_end_taken(struct job *j)
{
    struct swarm *s = j->agent->swarm;
    if (!j->is_foreign) {
        ledger_ended(&s->ledger, j->number, fails(j));
        swarm_time(s, &s->tally->times[TIME_done], load_due(s, j->number));
    }
    if (fails(j) || !uuid_valid(str_of(j->load))) {
        job_drop(j);
        return;
    }
    j->phase = JOB_ENDED;
    agent_changed(j->agent);
}

static void on_heard(struct job *j)
{
    struct swarm *s = j->agent->swarm;
    swarm_time(s, &s->tally->times[TIME_report], j->post.due_ns);
    j->tries = 0;
    if (j->said_epoch == j->epoch && j->said == j->word)
        j->word = WORD_NONE;
    if (j->said == WORD_REPORT && j->word == WORD_NONE) {
        on_end_taken(j);
        return;
    }
    j->is_acked = true;
    if (j->phase == JOB_WAITING)
        job_run(j);
    else
        tell(j);
}

static void report_done(struct post *p, const struct reply *reply)
{
    struct job *j = CONTAINER_OF(p, struct job, post);
    struct agent *a = j->agent;
    switch (agent_judge(reply)) {
    case VERDICT_OK: on_heard(j); break;
    case VERDICT_REFUSED:
        a->swarm->tally->count.stale++;
        if (j->said_epoch != j->epoch)
            tell(j); /* a newer delivery has come in the meantime */
        else
            job_drop(j);
        break;
    case VERDICT_AWAY:
        agent_moves_on(a, p->target, reply);
        alarm_set(&a->swarm->engine, &j->retry,
                  agent_retry_at(a->swarm, &j->tries, 250 * NS_PER_MS, 15 * NS_PER_S, reply));
        break;
    }
}

static const struct post_ops REPORT = { report_write, report_done };

static void tell(struct job *j)
{
    struct agent *a = j->agent;
    if (j->word == WORD_NONE || j->post.is_out || alarm_is_set(&j->retry))
        return;
    j->said = j->word;
    j->said_epoch = j->epoch;
    j->post.kind = j->said == WORD_ACK ? KIND_ACK : KIND_REPORT;
    j->post.due_ns = a->swarm->engine.now_ns;
    j->post.target = a->target;
    post_send(&a->swarm->targets[a->target].posts, &j->post);
}

static void on_retry(struct alarm *alarm)
{
    tell(CONTAINER_OF(alarm, struct job, retry));
}

/* ---- deliveries */

static struct job *find(const struct agent *a, struct str id)
{
    struct job *j;
    DL_FOREACH(a->jobs, j)
        if (str_eqz(id, j->id))
            return j;
    return NULL;
}

static struct job *job_new(struct agent *a, const struct delivered *d)
{
    struct job *j = mem_alloc(sizeof *j);
    j->agent = a;
    j->post.ops = &REPORT;
    j->retry.fn = on_retry;
    j->end.fn = on_end;
    str_copy(j->id, sizeof j->id, d->id);
    str_copy(j->load, sizeof j->load, d->load);
    DL_APPEND(a->jobs, j);
    return j;
}

static bool take(struct agent *a, const struct delivered *d)
{
    struct swarm *s = a->swarm;
    uint32_t number = (uint32_t)d->seed;
    enum delivery how =
        ledger_delivered(&s->ledger, d->seed, d->id, load_host(s, number) == a->index, &number);
    if (how == DELIVERY_NEW) {
        swarm_time(s, &s->tally->times[TIME_dispatch], load_due(s, number));
        swarm_time(s, &s->tally->target_dispatch[a->target], load_due(s, number));
    }
    struct job *j = find(a, d->id);
    if (j && (d->epoch < j->epoch || (d->epoch == j->epoch && j->word != WORD_NONE)))
        return false;
    bool is_newer = !j || d->epoch > j->epoch;
    if (!j) {
        j = job_new(a, d);
        j->is_foreign = how == DELIVERY_FOREIGN;
        j->number = number;
        j->phase = how >= DELIVERY_AGAIN && !j->is_foreign && ledger_is_executed(&s->ledger, number)
                       ? JOB_DONE
                       : JOB_WAITING;
    }
    j->epoch = d->epoch;
    j->word = j->phase >= JOB_DONE ? WORD_REPORT : WORD_ACK;
    alarm_clear(&s->engine, &j->retry);
    tell(j);
    return is_newer;
}

static bool scan_config(struct js *js, struct delivered *d)
{
    enum js_token t = js_next(js);
    if (t == JS_NULL)
        return true;
    if (t != JS_OBJECT)
        return false;
    while ((t = js_next(js)) == JS_KEY) {
        bool is_seed = str_eqz(js->text, "seed"), is_id = str_eqz(js->text, "id");
        if (!is_seed && !is_id) {
            if (!js_skip(js))
                return false;
            continue;
        }
        if (js_next(js) != (is_seed ? JS_INT : JS_STRING))
            return false;
        d->seed = is_seed ? js->i : d->seed;
        d->load = is_id ? js->text : d->load;
    }
    return t == JS_OBJECT_END;
}

/* After the '{' of a task. */
static bool scan_task(struct js *js, struct delivered *d)
{
    enum js_token t;
    *d = (struct delivered){ .seed = -1 };
    while ((t = js_next(js)) == JS_KEY) {
        bool ok = true;
        if (str_eqz(js->text, "id")) {
            ok = js_next(js) == JS_STRING;
            d->id = js->text;
        } else if (str_eqz(js->text, "epoch")) {
            ok = js_next(js) == JS_INT;
            d->epoch = js->i;
        } else if (str_eqz(js->text, "config")) {
            ok = scan_config(js, d);
        } else {
            ok = js_skip(js);
        }
        if (!ok)
            return false;
    }
    return t == JS_OBJECT_END && uuid_valid(d->id) && d->epoch > 0;
}

int jobs_take(struct agent *a, struct str body)
{
    struct js js;
    struct delivered d;
    enum js_token t;
    int n_new = 0;
    js_init(&js, body, DEPTH_MAX);
    bool ok = js_next(&js) == JS_ARRAY;
    while (ok && (t = js_next(&js)) != JS_ARRAY_END) {
        ok = t == JS_OBJECT && scan_task(&js, &d);
        if (ok)
            n_new += take(a, &d);
    }
    a->swarm->tally->count.bad_tasks += !ok;
    return ok ? n_new : -1;
}

/* ---- in heartbeats */

void jobs_write_active(const struct agent *a, struct jw *w)
{
    const struct job *j;
    unsigned n = 0;
    jw_open(w, '[');
    DL_FOREACH(a->jobs, j) {
        if (!j->is_acked || j->phase == JOB_ENDED || n++ >= ACTIVE_MAX)
            continue;
        jw_open(w, '{');
        jw_kstr(w, "id", j->id);
        jw_kint(w, "epoch", j->epoch);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

void jobs_write_loads(struct agent *a, struct jw *w)
{
    struct job *j;
    unsigned n = 0;
    jw_open(w, '[');
    DL_FOREACH(a->jobs, j) {
        if (j->phase != JOB_ENDED || n++ >= ACTIVE_MAX)
            continue;
        j->is_listed = true;
        jw_open(w, '{');
        jw_kstr(w, "id", j->load);
        jw_kstr(w, "profile", "steady");
        jw_kstr(w, "status", "completed");
        jw_kint(w, "offered", 1000);
        jw_kint(w, "delivered", 990);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

void jobs_told(struct agent *a, bool is_heard)
{
    struct job *j, *next;
    DL_FOREACH_SAFE(a->jobs, j, next) {
        bool was_listed = j->is_listed;
        j->is_listed = false;
        if (is_heard && was_listed && j->phase == JOB_ENDED && j->word == WORD_NONE && !j->post.is_out)
            job_drop(j);
    }
}

void jobs_done(struct agent *a)
{
    struct job *j, *next;
    DL_FOREACH_SAFE(a->jobs, j, next)
        job_drop(j);
}
