/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>
#include "core/agent/collector.h"
#include "core/agent/files.h"
#include "core/agent/orphans.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { COLLECTORS_MAX = 64, BACKENDS_MAX = 8 };
struct supervisor {
    struct supervisor_conf conf;
    struct ports ports;
    struct collector *collectors;
    unsigned n;
    struct instance *backends[BACKENDS_MAX];
    unsigned n_backends;
    unsigned n_stopping; /* shutdown waits for so many */
    loop_fn *shut_down;
    void *shut_down_arg;
};

static void save_section(void *arg, struct jw *w)
{
    struct supervisor *s = arg;
    struct collector *c;
    jw_key(w, "collectors");
    jw_open(w, '[');
    DL_FOREACH(s->collectors, c)
        collector_save(c, w);
    jw_close(w, ']');
}

struct supervisor *supervisor_new(const struct supervisor_conf *conf, struct err *err)
{
    struct ports ports;
    if (ports_parse(&ports, str_of(conf->ports), err) != 0 || folder_make(conf->dir, err) != 0)
        return NULL;
    struct supervisor *s = mem_alloc(sizeof *s);
    s->conf = *conf;
    s->ports = ports;
    state_section(conf->state, save_section, s);
    return s;
}

void supervisor_free(struct supervisor *s)
{
    struct collector *c, *next;
    if (!s)
        return;
    DL_FOREACH_SAFE(s->collectors, c, next)
        collector_free(c);
    for (unsigned i = 0; i < s->n_backends; i++)
        instance_free(s->backends[i]);
    free(s);
}

const struct supervisor_conf *supervisor__conf(const struct supervisor *s)
{
    return &s->conf;
}

void supervisor__changed(struct supervisor *s)
{
    state_changed(s->conf.state);
    s->conf.changed(s->conf.changed_arg);
}

/* ------------------------------------------------------------------ what collectors ask for */

static bool is_allowed(const struct supervisor *s, const char *backend)
{
    struct str rest = str_of(s->conf.allowed), name;
    while (str_split(&rest, ',', &name))
        if (str_eqz(str_trim(name), backend))
            return true;
    return false;
}

struct instance *supervisor__backend(struct supervisor *s, const char *name, struct err *err)
{
    for (unsigned i = 0; i < s->n_backends; i++)
        if (str_eqz(str_of(instance_component(s->backends[i])->name), name))
            return s->backends[i];
    const struct component *component = registry_find(s->conf.registry, PHX_COLLECTOR, name, err);
    if (!component)
        return NULL;
    if (s->n_backends == BACKENDS_MAX) {
        err_set(err, ERR_LIMIT, "more than %d collector backends are in use", BACKENDS_MAX);
        return NULL;
    }
    struct instance *made = instance_new(s->conf.registry, component, json_get(s->conf.plugins, name),
                                         INSTANCE_PURE, err);
    if (made)
        s->backends[s->n_backends++] = made;
    return made;
}

struct port_question {
    const struct supervisor *s;
    const struct collector *asking;
    unsigned n; /* of its ports are chosen */
};

static bool has_port(const struct collector *c, uint16_t port, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (c->ports[i] == port)
            return true;
    return false;
}

static bool is_used(void *arg, uint16_t port)
{
    const struct port_question *q = arg;
    const struct collector *c;
    DL_FOREACH(q->s->collectors, c) {
        if (c == q->asking ? has_port(c, port, q->n)
                           : c->status != COLLECTOR_FAILED && has_port(c, port, SPEC_PORTS))
            return true;
    }
    return has_port(q->asking, port, q->n); /* it is in no list before its first start */
}

static bool may_stay(const struct supervisor *s, const struct collector *c)
{
    struct port_question q = { s, c, 0 };
    for (unsigned i = 0; i < SPEC_PORTS; i++)
        if (c->ports[i] < s->ports.low || c->ports[i] > s->ports.high || is_used(&q, c->ports[i]) ||
            !port_is_free(s->conf.address, c->ports[i]))
            return false;
    return true;
}

int supervisor__ports(struct supervisor *s, struct collector *c, struct err *err)
{
    struct port_question q = { s, c, 0 };
    if (may_stay(s, c))
        return 0; /* whoever scrapes it need not look for it again */
    for (; q.n < SPEC_PORTS; q.n++) {
        c->ports[q.n] = ports_pick(&s->ports, s->conf.address, is_used, &q, err);
        if (c->ports[q.n] == 0)
            return err->code;
    }
    return 0;
}

/* ------------------------------------------------------------------------------- start, stop */

struct collector *supervisor_find(struct supervisor *s, const char *id)
{
    struct collector *c;
    DL_FOREACH(s->collectors, c) {
        if (str_eqz(str_of(id), c->spec.id))
            return c;
    }
    return NULL;
}

static void free_later(void *arg)
{
    collector_free(arg);
}

static void collector_remove(struct collector *c)
{
    struct supervisor *s = c->sup;
    struct err err = { 0 };
    DL_DELETE(s->collectors, c);
    s->n--;
    if (folder_remove(c->dir, &err) != 0)
        log_error(EV_STATE_FAILED, NULL, &err, "collector %s", c->spec.id);
    supervisor__changed(s);
    loop_defer(s->conf.loop, free_later, c);
}

static void wait_for_start(struct collector *c, supervisor_done_fn *done, void *arg)
{
    struct err err = { 0 };
    supervisor_done_fn *before = c->started;
    void *before_arg = c->started_arg;
    c->started = done;
    c->started_arg = arg;
    err_set(&err, ERR_CANCELLED, "another task started collector %s", c->spec.id);
    if (before)
        before(before_arg, c, &err);
}

static void start_again(struct collector *c, const struct json *doc, const struct spec *wanted, bool keep,
                        supervisor_done_fn *done, void *arg)
{
    bool is_same = str_eqz(str_of(wanted->config_hash), c->spec.config_hash) &&
                   str_eqz(str_of(wanted->backend), c->spec.backend) && c->step != STEP_STOP &&
                   c->step != STEP_REST;
    bool was_kept = c->kept;
    c->kept = keep;
    wait_for_start(c, done, arg);
    if (!is_same) {
        collector_replace(c, doc);
        return;
    }
    collector_renew(c, doc);
    if (was_kept != keep)
        supervisor__changed(c->sup);
    if (c->step == STEP_UP) {
        c->started = NULL;
        done(arg, c, NULL);
    }
}

static void start_new(struct supervisor *s, const struct json *doc, bool keep, supervisor_done_fn *done,
                      void *arg)
{
    struct err err = { 0 };
    struct collector *c = NULL;
    if (s->n >= COLLECTORS_MAX)
        err_set(&err, ERR_LIMIT, "this host runs %d collectors already", COLLECTORS_MAX);
    else
        c = collector_new(s, doc, &err);
    if (!c) {
        done(arg, NULL, &err);
        return;
    }
    c->kept = keep;
    c->started = done;
    c->started_arg = arg;
    DL_APPEND(s->collectors, c);
    s->n++;
    collector_begin(c);
}

void supervisor_start(struct supervisor *s, const struct json *doc, bool keep, supervisor_done_fn *done,
                      void *arg)
{
    struct spec wanted;
    struct err err = { 0 };
    if (spec_parse(&wanted, doc, &err) != 0) {
        done(arg, NULL, &err);
        return;
    }
    struct collector *c = supervisor_find(s, wanted.id);
    if (!is_allowed(s, wanted.backend)) {
        err_set(&err, ERR_FORBIDDEN, "collector backend \"%s\" is not allowed on this host",
                wanted.backend);
        err_remedy(&err, "add it to agent.allow.collectors");
        done(arg, NULL, &err);
    } else if (c) {
        start_again(c, doc, &wanted, keep, done, arg);
    } else {
        start_new(s, doc, keep, done, arg);
    }
    spec_done(&wanted);
}

void supervisor_stop(struct supervisor *s, const char *id, supervisor_done_fn *done, void *arg)
{
    struct collector *c = supervisor_find(s, id);
    if (!c) {
        done(arg, NULL, NULL);
        return;
    }
    if (c->stopped)
        c->stopped(c->stopped_arg, c, NULL); /* the newer request waits for the same end */
    c->stopped = done;
    c->stopped_arg = arg;
    collector_stop(c, THEN_REMOVE);
}

void supervisor__stopped(struct collector *c)
{
    struct supervisor *s = c->sup;
    supervisor_done_fn *done = c->stopped;
    bool is_last = s->shut_down && --s->n_stopping == 0;
    c->stopped = NULL;
    if (c->then == THEN_REMOVE)
        collector_remove(c);
    else
        supervisor__changed(s);
    if (done)
        done(c->stopped_arg, c, NULL);
    if (is_last)
        s->shut_down(s->shut_down_arg);
}

void supervisor_shutdown(struct supervisor *s, loop_fn *done, void *arg)
{
    struct collector *c, *next;
    s->shut_down = done;
    s->shut_down_arg = arg;
    s->n_stopping = 1; /* held until all were asked */
    DL_FOREACH_SAFE(s->collectors, c, next) {
        s->n_stopping++;
        collector_stop(c, THEN_REST);
    }
    if (--s->n_stopping == 0)
        done(arg);
}

/* --------------------------------------------------------------------------------- adoption */

static void adopt(struct collector *c, const struct json *record)
{
    int64_t pid = json_get_int(record, "pid", 0), ticks = json_get_int(record, "start_ticks", 0);
    bool same_boot = str_eqz(str_of(json_get_str(record, "boot_id", "")), boot_id());
    if (same_boot && pid > 1 && pid <= INT32_MAX && ticks > 0 &&
        collector_adopt(c, (pid_t)pid, (uint64_t)ticks))
        return;
    pid_t found = orphan_find(c->dir);
    if (found > 0 && !collector_adopt(c, found, orphan_start_ticks(found)))
        kill(-found, SIGKILL); /* it is not followed, so it must not run */
}

/** What runs is adopted first, so that nothing we start now is taken for an orphan. */
static void take_up(struct supervisor *s)
{
    struct collector *c, *next;
    orphans_kill(s->conf.dir, s);
    DL_FOREACH_SAFE(s->collectors, c, next) {
        bool given_up = c->status == COLLECTOR_FAILED; /* a task may start it again */
        if (!c->child && !given_up)
            collector_begin(c);
    }
}

void supervisor_load(struct supervisor *s, const struct json *state)
{
    const struct json *records = json_get(state, "collectors");
    for (size_t i = 0; i < json_len(records) && s->n < COLLECTORS_MAX; i++) {
        const struct json *record = json_at(records, i);
        struct err err = { 0 };
        if (supervisor_find(s, json_get_str(record, "id", "")))
            continue;
        struct collector *c = collector_restore(s, record, &err);
        if (!c) {
            log_error(EV_STATE_FAILED, NULL, &err, "a collector could not be taken up");
            continue;
        }
        DL_APPEND(s->collectors, c);
        s->n++;
        if (c->status != COLLECTOR_FAILED)
            adopt(c, record);
    }
    take_up(s);
}

/* ---------------------------------------------------------------------------------- reading */

struct collector *supervisor_first(struct supervisor *s)
{
    return s->collectors;
}

struct collector *collector_next(const struct collector *c)
{
    return c->next;
}

const struct spec *collector_spec(const struct collector *c)
{
    return &c->spec;
}

enum collector_status collector_status(const struct collector *c)
{
    return c->status;
}

const char *collector_reason(const struct collector *c)
{
    return c->reason;
}

bool collector_is_kept(const struct collector *c)
{
    return c->kept;
}

unsigned collector_restarts(const struct collector *c)
{
    return c->restarts;
}

pid_t collector_pid(const struct collector *c)
{
    return c->pid;
}

uint16_t collector_port(const struct collector *c)
{
    return c->ports[0];
}

const char *collector_metrics_url(const struct collector *c)
{
    return c->metrics_url;
}

const char *collector_otlp_url(const struct collector *c)
{
    return c->otlp_url;
}

const char *collector_self_url(const struct collector *c)
{
    return c->self_url;
}

bool collector_is_ranked(const struct collector *c)
{
    return c->rank;
}

uint64_t collector_bytes_read(struct collector *c, size_t n)
{
    c->bytes_read += n;
    return c->bytes_read;
}

void collector_log_path(const struct collector *c, char *out, size_t cap)
{
    snprintf(out, cap, "%s/output.log", c->dir);
}

bool supervisor_is_degraded(struct supervisor *s)
{
    struct collector *c;
    DL_FOREACH(s->collectors, c) {
        if (c->status == COLLECTOR_RESTARTING || c->status == COLLECTOR_FAILED)
            return true;
    }
    return false;
}
