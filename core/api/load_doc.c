/* SPDX-License-Identifier: Apache-2.0 */
/* A load simulation has a state on each host, and one on the whole that follows from these. The hosts
 * say how they are, by tasks and by heartbeats; a host that says nothing is given up in time. */
#include "core/api/load_doc.h"
#include <stdio.h>
#include <string.h>
#include "core/base/clock.h"

/* A task to start goes out again until this is over, an end may be reported so late. */
#define START_PATIENCE_NS (5 * 60 * NS_PER_S)
#define END_PATIENCE_NS (60 * NS_PER_S)

/* What a host reports of a load while it runs. */
static const char *const figures[] = { "offered", "delivered", "rejected", "failed", "late", "rate" };
static const char *const names[] = { "starting", "running", "stopping", "completed", "failed", "stopped" };

const char *load_status_name(enum load_status s)
{
    return names[s];
}

bool load_status_parse(const char *name, enum load_status *ret)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret = (enum load_status)i;
            return true;
        }
    }
    return false;
}

bool load_status_final(enum load_status s)
{
    return s >= LOAD_COMPLETED;
}

int load_read(const struct row *r, struct load *ret, struct err *err)
{
    *ret = (struct load){ .created_ns = row_time(r, F_LOADS_CREATED_AT),
                          .updated_ns = row_time(r, F_LOADS_UPDATED_AT),
                          .rev = r->rev };
    str_copy(ret->id, sizeof ret->id, row_str(r, F_LOADS_ID));
    str_copy(ret->experiment_id, sizeof ret->experiment_id, row_str(r, F_LOADS_EXPERIMENT_ID));
    str_copy(ret->profile, sizeof ret->profile, row_str(r, F_LOADS_PROFILE));
    ret->spec = row_json(r, F_LOADS_SPEC);
    return ret->spec ? 0
                     : err_set(err, ERR_INTERNAL, "load simulation %s is stored without its spec", ret->id);
}

void load_done(struct load *l)
{
    json_free(l->spec);
    l->spec = NULL;
}

struct query *load_insert(struct store *st, const struct load *l)
{
    struct query *q = q_insert(st, C_LOADS);
    q_text(q, F_LOADS_ID, l->id);
    q_text(q, F_LOADS_EXPERIMENT_ID, l->experiment_id[0] ? l->experiment_id : NULL);
    q_text(q, F_LOADS_PROFILE, l->profile);
    q_json(q, F_LOADS_SPEC, l->spec);
    q_text(q, F_LOADS_STATUS, load_status_name(load_status(l)));
    q_time(q, F_LOADS_CREATED_AT, l->created_ns);
    q_time(q, F_LOADS_UPDATED_AT, l->updated_ns);
    return q;
}

struct query *load_save(struct store *st, const struct load *l)
{
    struct query *q = q_update(st, C_LOADS);
    q_where_text(q, F_LOADS_ID, PHX_EQ, l->id);
    q_set_json(q, F_LOADS_SPEC, l->spec);
    q_set_text(q, F_LOADS_STATUS, load_status_name(load_status(l)));
    q_set_time(q, F_LOADS_UPDATED_AT, l->updated_ns);
    if (l->rev) {
        q_rev(q, l->rev);
    } else {
        q_where_int(q, F_LOADS_UPDATED_AT, PHX_EQ, l->created_ns);
    }
    q_only(q, F_LOADS_ID);
    return q;
}

static void write_copy(struct jw *w, const struct json *from, const char *key)
{
    jw_key(w, key);
    jw_tree(w, json_get(from, key));
}

static void write_hosts(const struct json *hosts, struct jw *w)
{
    static const char *const shown[] = { "adjust", "adjust_error", "reason" };
    const char *host;
    const struct json *state;
    jw_open(w, '{');
    for (size_t i = 0; json_member(hosts, &i, &host, &state);) {
        jw_key(w, host);
        jw_open(w, '{');
        jw_kstr(w, "status", json_get_str(state, "status", ""));
        for (size_t k = 0; k < sizeof figures / sizeof figures[0]; k++) {
            write_copy(w, state, figures[k]);
        }
        for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++) {
            write_copy(w, state, shown[k]);
        }
        jw_close(w, '}');
    }
    jw_close(w, '}');
}

void load_write(const struct load *l, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "id", l->id);
    jw_kstr(w, "experiment_id", l->experiment_id[0] ? l->experiment_id : NULL);
    jw_kstr(w, "profile", l->profile);
    write_copy(w, l->spec, "parameters");
    write_copy(w, l->spec, "target_hosts");
    write_copy(w, l->spec, "duration");
    write_copy(w, l->spec, "seed");
    write_copy(w, l->spec, "adjusted");
    jw_kstr(w, "status", load_status_name(load_status(l)));
    jw_key(w, "hosts");
    write_hosts(json_get(l->spec, "hosts"), w);
    jw_ktime(w, "started_at", json_get_int(l->spec, "started_at", 0));
    jw_ktime(w, "completed_at", json_get_int(l->spec, "completed_at", 0));
    jw_ktime(w, "created_at", l->created_ns);
    jw_ktime(w, "updated_at", l->updated_ns);
    jw_close(w, '}');
}

/* ---- states */

/* The state of a host, to be changed: the tree is ours. NULL: not one of its hosts. */
static struct json *host_state(const struct load *l, const char *host)
{
    return (struct json *)(uintptr_t)json_get(json_get(l->spec, "hosts"), host);
}

static enum load_status status_of(const struct json *state)
{
    enum load_status s = LOAD_STARTING;
    load_status_parse(json_get_str(state, "status", ""), &s);
    return s;
}

enum load_status load_status(const struct load *l)
{
    unsigned n[sizeof names / sizeof names[0]] = { 0 };
    const char *host;
    const struct json *state;
    for (size_t i = 0; json_member(json_get(l->spec, "hosts"), &i, &host, &state);) {
        n[status_of(state)]++;
    }
    static const enum load_status order[] = { LOAD_STOPPING, LOAD_RUNNING, LOAD_STARTING, LOAD_FAILED,
                                              LOAD_STOPPED };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (n[order[i]]) {
            return order[i];
        }
    }
    return LOAD_COMPLETED;
}

bool load_host_status(const struct load *l, const char *host, enum load_status *ret)
{
    const struct json *state = host_state(l, host);
    if (state) {
        *ret = status_of(state);
    }
    return state != NULL;
}

bool load_host_set(struct load *l, const char *host, enum load_status s, const char *reason, int64_t now_ns)
{
    struct json *state = host_state(l, host);
    if (!state || load_status_final(status_of(state)) || status_of(state) == s) {
        return false;
    }
    json_set_str(state, "status", load_status_name(s));
    json_set_int(state, "since", now_ns);
    if (reason) {
        json_set_str(state, "reason", reason);
    }
    l->updated_ns = now_ns;
    if (s == LOAD_RUNNING && !json_get(l->spec, "started_at")) {
        json_set_int(l->spec, "started_at", now_ns);
    }
    if (load_status_final(load_status(l))) {
        json_set_int(l->spec, "completed_at", now_ns);
    }
    return true;
}

static bool copy_figure(struct json *state, const struct json *entry, const char *key)
{
    const struct json *new = json_get(entry, key);
    if (!new || json_equal(new, json_get(state, key))) {
        return false;
    }
    json_set(state, key, json_copy(new));
    return true;
}

/* A load that a heartbeat showed before, and this one does not show, has ended without our hearing
 * how. One that none has shown yet may just have been started. */
static bool host_missing(struct load *l, const char *host, struct json *state, int64_t heard_ns)
{
    int64_t seen = json_get_int(state, "seen_at", 0);
    if (status_of(state) != LOAD_RUNNING || seen == 0 || heard_ns < seen) {
        return false; /* what another process heard before may be told after */
    }
    int64_t since = json_get_int(state, "since", 0), duration = json_get_duration(l->spec, "duration", 0);
    if (heard_ns >= since + duration) {
        return load_host_set(l, host, LOAD_COMPLETED, NULL, heard_ns);
    }
    return load_host_set(l, host, LOAD_FAILED, "it does not run on the host any more", heard_ns);
}

bool load_host_reported(struct load *l, const char *host, const struct json *entry, int64_t heard_ns)
{
    struct json *state = host_state(l, host);
    enum load_status s;
    if (!state || load_status_final(status_of(state))) {
        return false;
    }
    if (!entry) {
        return host_missing(l, host, state, heard_ns);
    }
    int64_t seen = json_get_int(state, "seen_at", 0);
    json_set_int(state, "seen_at", heard_ns > seen ? heard_ns : seen);
    bool changed = false;
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        changed |= copy_figure(state, entry, figures[i]);
    }
    if (json_get_str(entry, "reason", NULL)) {
        changed |= copy_figure(state, entry, "reason");
    }
    bool is_known = load_status_parse(json_get_str(entry, "status", ""), &s);
    bool waits_for_end = status_of(state) == LOAD_STOPPING && s == LOAD_RUNNING;
    if (is_known && !waits_for_end) {
        changed |= load_host_set(l, host, s, json_get_str(entry, "reason", NULL), heard_ns);
    }
    if (changed) {
        l->updated_ns = heard_ns;
    }
    return changed;
}

static bool note_change(struct load *l, const struct load_news *n)
{
    if (!n->change || strcmp(n->task, json_get_str(l->spec, "adjusted_task", "")) <= 0) {
        return false;
    }
    json_set_str(l->spec, "adjusted_task", n->task);
    json_set(l->spec, "adjusted", json_copy(n->change));
    return true;
}

bool load_host_adjusted(struct load *l, const struct load_news *n, int64_t now_ns)
{
    struct json *state = host_state(l, n->host);
    if (!state || load_status_final(status_of(state))) {
        return false;
    }
    bool changed = note_change(l, n);
    int order = strcmp(n->task, json_get_str(state, "adjust_task", ""));
    bool is_end = !n->change && strcmp(n->adjust, json_get_str(state, "adjust", "")) != 0;
    if (order > 0 || (order == 0 && is_end)) {
        json_set_str(state, "adjust_task", n->task);
        json_set_str(state, "adjust", n->adjust);
        json_del(state, "adjust_error");
        if (n->reason) {
            json_set_str(state, "adjust_error", n->reason);
        }
        changed = true;
    }
    if (changed) {
        l->updated_ns = now_ns;
    }
    return changed;
}

/* ---- patience */

static int64_t deadline_of(const struct load *l, const struct json *state)
{
    int64_t since = json_get_int(state, "since", 0);
    switch (status_of(state)) {
    case LOAD_STARTING:
    case LOAD_STOPPING: return since + START_PATIENCE_NS;
    case LOAD_RUNNING: return since + json_get_duration(l->spec, "duration", 0) + END_PATIENCE_NS;
    default: return INT64_MAX;
    }
}

int64_t load_next_deadline(const struct load *l)
{
    int64_t next = INT64_MAX;
    const char *host;
    const struct json *state;
    for (size_t i = 0; json_member(json_get(l->spec, "hosts"), &i, &host, &state);) {
        int64_t at = deadline_of(l, state);
        next = at < next ? at : next;
    }
    return next;
}

const char *load_host_overdue(const struct load *l, const char *host, int64_t now_ns, const char **ret_task)
{
    const struct json *state = host_state(l, host);
    *ret_task = "";
    if (!state || now_ns < deadline_of(l, state)) {
        return NULL;
    }
    *ret_task = json_get_str(state, "task", "");
    switch (status_of(state)) {
    case LOAD_STARTING: return "the host did not start it in time";
    case LOAD_STOPPING: return "the host did not say that it stopped";
    default: return "the host did not report its end";
    }
}
