/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one collector.
 *
 *   REST -> VERIFY -> PROBE -> UP
 *            |         |       |      the process ends: WAIT (back-off), then PROBE again
 *            +---------+-------+--->  STOP, then what `then` says: removed, failed, replaced, at rest
 *
 * The validator runs once for a config; each start asks for a port again, since another program may
 * have taken it. A collector that was never healthy gets STARTS_MAX tries within its ready time and is
 * then a failed task; one that was healthy before is restarted with back-off until the limit. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/collector.h"
#include "core/agent/files.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { STARTS_MAX = 3 };
#define VERIFY_NS (20 * NS_PER_S)
#define HEALTHY_NS (600 * NS_PER_S) /* after so long a failure counts as the first */
#define RESTART_CAP_NS (300 * NS_PER_S)
#define PROBE_FIRST_NS (20 * NS_PER_MS)
#define PROBE_CAP_NS NS_PER_S

static void on_timer(void *arg);
static void on_exit_of_collector(void *arg, const struct child_exit *how);
static void collector_start_process(struct collector *c);

static struct loop *loop_of(const struct collector *c)
{
    return supervisor__conf(c->sup)->loop;
}

static struct log_ctx ctx_of(const struct collector *c)
{
    return (struct log_ctx){ .exp = c->spec.experiment_id[0] ? c->spec.experiment_id : NULL,
                             .task = c->spec.task_id[0] ? c->spec.task_id : NULL };
}

struct collector *collector_new(struct supervisor *s, const struct json *doc, struct err *err)
{
    const struct supervisor_conf *conf = supervisor__conf(s);
    struct collector *c = mem_alloc(sizeof *c);
    c->sup = s;
    c->timer = timer_new(conf->loop, on_timer, c);
    c->backoff = (struct backoff){ .first_ns = conf->restart_ns, .cap_ns = RESTART_CAP_NS };
    c->stop_signal = SIGTERM;
    c->status = COLLECTOR_STARTING;
    c->since_ns = clock_wall();
    size_t size = strlen(conf->dir) + sizeof c->spec.id + 2;
    c->dir = mem_alloc(size);
    if (spec_parse(&c->spec, doc, err) != 0) {
        collector_free(c);
        return NULL;
    }
    snprintf(c->dir, size, "%s/%s", conf->dir, c->spec.id);
    if (folder_make(c->dir, err) != 0 || spec_store(c->dir, doc, err) != 0) {
        collector_free(c);
        return NULL;
    }
    return c;
}

void collector_free(struct collector *c)
{
    if (!c)
        return;
    if (c->probe)
        fetch_cancel(c->probe);
    retell_end(c);
    timer_free(c->timer);
    child_free(c->child);
    child_free(c->verifier);
    plan_free(c->plan);
    json_free(c->replacement);
    spec_done(&c->spec);
    free(c->ready_url);
    free(c->metrics_url);
    free(c->otlp_url);
    free(c->self_url);
    free(c->rank);
    free(c->names);
    free(c->reason);
    free(c->dir);
    free(c);
}

void collector_renew(struct collector *c, const struct json *doc)
{
    struct spec renewed;
    struct err err = { 0 };
    if (spec_parse(&renewed, doc, &err) != 0)
        return; /* it was checked before: then the old one stays */
    spec_done(&c->spec);
    c->spec = renewed;
    if (spec_store(c->dir, doc, &err) != 0)
        log_error(EV_STATE_FAILED, NULL, &err, "collector %s", c->spec.id);
}

static void set_status(struct collector *c, enum collector_status status, const char *reason)
{
    if (c->status != status)
        c->since_ns = clock_wall();
    c->status = status;
    free(c->reason);
    c->reason = mem_strdup(reason);
    supervisor__changed(c->sup);
}

/** The request that waits for this start, if any, ends here. */
static void answer_start(struct collector *c, const struct err *err)
{
    supervisor_done_fn *done = c->started;
    c->started = NULL;
    if (done)
        done(c->started_arg, c, err);
}

static void forget_process(struct collector *c)
{
    if (c->probe)
        fetch_cancel(c->probe);
    c->probe = NULL;
    timer_clear(c->timer);
    retell_end(c);
    child_free(c->child);
    c->child = NULL;
    c->pid = 0;
}

/** It is over: no process runs, and none will be started without a new task. */
static void collector_fail(struct collector *c, const struct err *err, const char *reason)
{
    struct log_ctx ctx = ctx_of(c);
    struct err copy = *err; /* may live in c, which an answer may change */
    c->step = STEP_REST;
    plan_free(c->plan);
    c->plan = NULL;
    set_status(c, COLLECTOR_FAILED, reason ? reason : copy.msg);
    log_event(EV_COLLECTOR_DOWN, &ctx, "collector %s is given up: %s", c->spec.id, c->reason);
    answer_start(c, &copy);
}

static void wait_for_restart(struct collector *c, const char *reason)
{
    struct log_ctx ctx = ctx_of(c);
    int64_t wait = backoff_next(&c->backoff, random_u64());
    c->step = STEP_WAIT;
    set_status(c, c->was_up ? COLLECTOR_RESTARTING : COLLECTOR_STARTING, reason);
    log_event(EV_COLLECTOR_DOWN, &ctx, "collector %s comes back in %lld ms: %s", c->spec.id,
              (long long)(wait / NS_PER_MS), reason);
    timer_set(c->timer, wait);
}

/** The process has ended by itself, or could not be started. */
static void collector_died(struct collector *c, const char *reason)
{
    struct err err = { 0 };
    int64_t now = clock_mono();
    if (c->was_up && c->up_mono > 0 && now - c->up_mono >= HEALTHY_NS)
        backoff_reset(&c->backoff);
    c->up_mono = 0;
    bool is_last = c->was_up ? c->backoff.tries >= supervisor__conf(c->sup)->restart_limit
                             : c->starts >= STARTS_MAX || now >= c->deadline_mono;
    if (!is_last) {
        wait_for_restart(c, reason);
        return;
    }
    if (c->was_up)
        err_set(&err, ERR_CHILD, "collector %s failed %u times in a row", c->spec.id, c->backoff.tries + 1);
    else
        err_set(&err, ERR_CHILD, "collector %s ended %u times before it was healthy", c->spec.id,
                c->starts);
    collector_fail(c, &err, reason);
}

static void collector_healthy(struct collector *c)
{
    struct log_ctx ctx = ctx_of(c);
    c->step = STEP_UP;
    c->was_up = true;
    c->up_mono = clock_mono();
    timer_clear(c->timer);
    retell_begin(c);
    set_status(c, COLLECTOR_RUNNING, NULL);
    log_event(EV_COLLECTOR_UP, &ctx, "collector %s, pid %d, port %u", c->spec.id, (int)c->pid, c->ports[0]);
    answer_start(c, NULL);
}

/** It runs, but did not become healthy in time. */
static void probe_is_over(struct collector *c)
{
    char took[32];
    err_set(&c->fault, ERR_TIMEOUT, "collector %s was not healthy within %s (%s)", c->spec.id,
            format_duration(c->spec.ready_ns, took), c->probe_said);
    collector_stop(c, c->was_up && c->backoff.tries < supervisor__conf(c->sup)->restart_limit ? THEN_WAIT
                                                                                              : THEN_FAIL);
}

static void on_probed(void *arg, const struct fetch_reply *reply)
{
    struct collector *c = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* c may be gone */
    c->probe = NULL;
    if (c->step != STEP_PROBE)
        return;
    if (reply->rc == 0 && reply->status == 200) {
        collector_healthy(c);
        return;
    }
    if (reply->rc == 0)
        snprintf(c->probe_said, sizeof c->probe_said, "it answers %d", reply->status);
    else
        snprintf(c->probe_said, sizeof c->probe_said, "%s", reply->why ? reply->why : "no answer");
    if (clock_mono() >= c->deadline_mono) {
        probe_is_over(c);
        return;
    }
    timer_set(c->timer, c->probe_wait_ns);
    c->probe_wait_ns = c->probe_wait_ns * 2 > PROBE_CAP_NS ? PROBE_CAP_NS : c->probe_wait_ns * 2;
}

static void probe(struct collector *c)
{
    struct err err = { 0 };
    struct fetch_req req = {
        .method = "GET", .url = c->ready_url, .timeout_ns = 2 * NS_PER_S, .max_reply = 64 << 10
    };
    c->probe = fetch_start(supervisor__conf(c->sup)->fetcher, &req, on_probed, c, &err);
    if (c->probe)
        return;
    snprintf(c->probe_said, sizeof c->probe_said, "%.90s", err.msg);
    if (clock_mono() >= c->deadline_mono)
        probe_is_over(c);
    else
        timer_set(c->timer, PROBE_CAP_NS);
}

static void collector_spawn(struct collector *c)
{
    struct err err = { 0 };
    c->starts++;
    c->bytes_read = 0;
    c->restarts += c->was_up;
    int rc = launch_collector(c, on_exit_of_collector, &err);
    plan_free(c->plan);
    c->plan = NULL;
    if (rc != 0) {
        collector_died(c, err.msg);
        return;
    }
    c->pid = child_pid(c->child);
    c->step = STEP_PROBE;
    c->probe_wait_ns = PROBE_FIRST_NS;
    str_copy(c->probe_said, sizeof c->probe_said, STR("no answer"));
    if (c->was_up)
        c->deadline_mono = clock_mono() + c->spec.ready_ns;
    state_save(supervisor__conf(c->sup)->state); /* an agent that dies now must find it again */
    supervisor__changed(c->sup);
    timer_set(c->timer, PROBE_FIRST_NS);
}

static void on_verified(void *arg, const struct child_exit *how)
{
    struct collector *c = arg;
    struct err err = { 0 };
    child_free(c->verifier);
    c->verifier = NULL;
    if (c->step == STEP_STOP) {
        on_exit_of_collector(c, how);
        return;
    }
    timer_clear(c->timer);
    if (how->code == 0 && how->signo == 0) {
        collector_spawn(c);
        return;
    }
    CLEANUP_BUF struct buf why;
    buf_init(&why, 2 * LIMIT_STDERR_TAIL);
    err_set(&err, ERR_CONFIG, "the collector's own validator refuses the config");
    buf_addf(&why, "%s: ", err.msg);
    launch_obituary(c, how, &why);
    collector_fail(c, &err, buf_cstr(&why));
}

static void collector_verify(struct collector *c)
{
    struct err err = { 0 };
    c->step = STEP_VERIFY;
    if (launch_validator(c, on_verified, &err) != 0) {
        collector_fail(c, &err, NULL);
        return;
    }
    timer_set(c->timer, VERIFY_NS);
}

static void collector_start_process(struct collector *c)
{
    struct err err = { 0 };
    if (launch_prepare(c, &err) != 0) {
        if (c->was_up)
            collector_died(c, err.msg);
        else
            collector_fail(c, &err, NULL);
        return;
    }
    if (c->starts == 0 && c->plan->n_verify > 0)
        collector_verify(c);
    else
        collector_spawn(c);
}

void collector_begin(struct collector *c)
{
    c->starts = 0;
    backoff_reset(&c->backoff);
    c->deadline_mono = clock_mono() + c->spec.ready_ns;
    set_status(c, c->was_up ? COLLECTOR_RESTARTING : COLLECTOR_STARTING, NULL);
    collector_start_process(c);
}

static void on_timer(void *arg)
{
    struct collector *c = arg;
    switch (c->step) {
    case STEP_VERIFY:
        err_set(&c->fault, ERR_TIMEOUT, "collector %s: its own validator did not end in time", c->spec.id);
        collector_stop(c, THEN_FAIL);
        break;
    case STEP_PROBE: probe(c); break;
    case STEP_WAIT: collector_start_process(c); break;
    case STEP_STOP: child_signal(c->child ? c->child : c->verifier, SIGKILL); break;
    case STEP_REST:
    case STEP_UP: break;
    }
}

/** STEP_STOP is over: no process is left. */
static void collector_is_stopped(struct collector *c)
{
    CLEANUP_BUF struct buf why;
    buf_init(&why, 2 * LIMIT_STDERR_TAIL);
    c->step = STEP_REST;
    switch (c->then) {
    case THEN_REMOVE:
    case THEN_REST: supervisor__stopped(c); return;
    case THEN_WAIT: wait_for_restart(c, c->fault.msg); return;
    case THEN_FAIL:
        buf_adds(&why, c->fault.msg);
        launch_obituary(c, NULL, &why);
        collector_fail(c, &c->fault, buf_cstr(&why));
        return;
    case THEN_REPLACE:
        collector_renew(c, c->replacement);
        json_free(c->replacement);
        c->replacement = NULL;
        c->was_up = false;
        collector_begin(c);
        return;
    }
}

/** Of the collector itself, also of an adopted one, and of a validator that was stopped. */
static void on_exit_of_collector(void *arg, const struct child_exit *how)
{
    struct collector *c = arg;
    CLEANUP_BUF struct buf why;
    buf_init(&why, 2 * LIMIT_STDERR_TAIL);
    pid_t group = c->pid;
    forget_process(c);
    if (group > 1)
        kill(-group, SIGKILL); /* what it left behind in its own process group */
    if (c->step == STEP_STOP) {
        collector_is_stopped(c);
        return;
    }
    launch_obituary(c, how, &why);
    collector_died(c, buf_cstr(&why));
}

void collector_stop(struct collector *c, enum collector_then then)
{
    struct err cancelled = { 0 };
    if (c->step == STEP_STOP) {
        if (c->then != THEN_REMOVE)
            c->then = then;
    } else {
        struct child *running = c->child ? c->child : c->verifier;
        if (c->probe)
            fetch_cancel(c->probe);
        c->probe = NULL;
        c->then = then;
        c->step = STEP_STOP;
        timer_clear(c->timer);
        retell_end(c);
        if (running && child_signal(running, c->stop_signal))
            timer_set(c->timer, supervisor__conf(c->sup)->grace_ns);
    }
    if (then == THEN_REMOVE || then == THEN_REST) {
        err_set(&cancelled, ERR_CANCELLED, "collector %s was stopped before it was healthy", c->spec.id);
        answer_start(c, &cancelled);
    }
    if (!c->child && !c->verifier)
        collector_is_stopped(c);
}

void collector_replace(struct collector *c, const struct json *doc)
{
    json_free(c->replacement);
    c->replacement = json_ref(doc);
    collector_stop(c, THEN_REPLACE);
}

bool collector_adopt(struct collector *c, pid_t pid, uint64_t start_ticks)
{
    struct err err = { 0 };
    struct log_ctx ctx = ctx_of(c);
    c->child = child_adopt(loop_of(c), pid, start_ticks, on_exit_of_collector, c, &err);
    if (!c->child)
        return false;
    c->pid = pid;
    c->deadline_mono = clock_mono() + c->spec.ready_ns;
    log_event(EV_COLLECTOR_ADOPTED, &ctx, "collector %s, pid %d, port %u", c->spec.id, (int)pid, c->ports[0]);
    if (c->was_up) {
        c->step = STEP_UP;
        c->up_mono = clock_mono();
        retell_begin(c);
        set_status(c, COLLECTOR_RUNNING, NULL);
    } else {
        c->step = STEP_PROBE;
        c->starts = 1;
        c->probe_wait_ns = PROBE_FIRST_NS;
        timer_set(c->timer, 0);
    }
    return true;
}
