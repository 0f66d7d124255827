/* SPDX-License-Identifier: Apache-2.0 */
/* A collector in words: its record in state.json, there and back, and its line in the heartbeat. What
 * the task said is in the collector's own folder, and read again from there. */
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/collector.h"
#include "core/agent/files.h"
#include "core/base/mem.h"

static const char *const status_names[] = { "starting", "running", "restarting", "failed", "stopped" };
enum { REASON_MAX = 8000 }; /* the API takes 8192 */

void collector_write(const struct collector *c, struct jw *w)
{
    struct str reason = str_of(c->reason);
    jw_open(w, '{');
    jw_kstr(w, "id", c->spec.id);
    jw_kstr(w, "experiment_id", c->spec.experiment_id[0] ? c->spec.experiment_id : NULL);
    jw_kstr(w, "variant", c->spec.variant);
    jw_kstr(w, "status", status_names[c->status]);
    jw_kstr(w, "pipeline", c->spec.pipeline[0] ? c->spec.pipeline : NULL);
    jw_kstr(w, "config_hash", c->spec.config_hash);
    jw_key(w, "pid");
    if (c->pid > 0)
        jw_int(w, c->pid);
    else
        jw_null(w);
    jw_kint(w, "port", c->ports[0]);
    jw_kint(w, "restarts", c->restarts);
    jw_kbool(w, "kept", c->kept);
    jw_ktime(w, "since", c->since_ns);
    jw_key(w, "reason");
    if (!reason.p)
        jw_null(w);
    else
        jw_str(w, (struct str){ reason.p, reason.n < REASON_MAX ? reason.n : REASON_MAX });
    jw_close(w, '}');
}

void collector_save(const struct collector *c, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "id", c->spec.id);
    jw_kstr(w, "config_hash", c->spec.config_hash);
    jw_kstr(w, "status", status_names[c->status]);
    jw_kstr(w, "reason", c->reason);
    jw_kbool(w, "kept", c->kept);
    jw_kbool(w, "was_up", c->was_up);
    jw_kint(w, "restarts", c->restarts);
    jw_kint(w, "since", c->since_ns);
    jw_kint(w, "pid", c->child ? c->pid : 0);
    jw_kint(w, "start_ticks", c->child ? (int64_t)child_start_ticks(c->child) : 0);
    jw_kstr(w, "boot_id", boot_id());
    jw_key(w, "ports");
    jw_open(w, '[');
    for (unsigned i = 0; i < SPEC_PORTS; i++)
        jw_int(w, c->ports[i]);
    jw_close(w, ']');
    jw_kint(w, "log_from", (int64_t)c->log_from);
    jw_kint(w, "stop_signal", c->stop_signal);
    jw_kstr(w, "ready_url", c->ready_url);
    jw_kstr(w, "metrics_url", c->metrics_url);
    jw_kstr(w, "otlp_url", c->otlp_url);
    jw_kstr(w, "self_url", c->self_url);
    jw_kstr(w, "rank", c->rank);
    jw_close(w, '}');
}

static enum collector_status status_of(const char *name)
{
    for (unsigned i = 0; i < sizeof status_names / sizeof status_names[0]; i++)
        if (str_eqz(str_of(name), status_names[i]))
            return (enum collector_status)i;
    return COLLECTOR_STOPPED;
}

static int64_t int_within(const struct json *record, const char *key, int64_t low, int64_t high)
{
    int64_t v = json_get_int(record, key, low);
    return v < low || v > high ? low : v;
}

static char *url_dup(const struct json *record, const char *key)
{
    const char *url = json_get_str(record, key, NULL);
    return url && str_starts(str_of(url), "http://") ? mem_strdup(url) : NULL;
}

static void take_record(struct collector *c, const struct json *record)
{
    c->status = status_of(json_get_str(record, "status", ""));
    c->reason = mem_strdup(json_get_str(record, "reason", NULL));
    c->kept = json_get_bool(record, "kept", false);
    c->was_up = json_get_bool(record, "was_up", false);
    c->restarts = (unsigned)int_within(record, "restarts", 0, INT32_MAX);
    c->since_ns = int_within(record, "since", 0, INT64_MAX);
    for (unsigned i = 0; i < SPEC_PORTS; i++) {
        int64_t port = json_int(json_at(json_get(record, "ports"), i), 0);
        c->ports[i] = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
    }
    c->log_from = (uint64_t)int_within(record, "log_from", 0, INT64_MAX);
    c->stop_signal = (int)int_within(record, "stop_signal", 1, 31);
    c->ready_url = url_dup(record, "ready_url");
    c->metrics_url = url_dup(record, "metrics_url");
    c->otlp_url = url_dup(record, "otlp_url");
    c->self_url = url_dup(record, "self_url");
    c->rank = mem_strdup(json_get_str(record, "rank", NULL));
}

struct collector *collector_restore(struct supervisor *s, const struct json *record, struct err *err)
{
    char dir[4096];
    const char *id = json_get_str(record, "id", "");
    if (!file_name_ok(str_of(id))) {
        err_set(err, ERR_CONFIG, "a record of a collector has no sound id");
        return NULL;
    }
    snprintf(dir, sizeof dir, "%s/%s", supervisor__conf(s)->dir, id);
    CLEANUP_JSON struct json *doc = spec_load(dir, err);
    struct collector *c = doc ? collector_new(s, doc, err) : NULL;
    if (!c)
        return NULL;
    if (!str_eqz(str_of(c->spec.id), id) ||
        !str_eqz(str_of(json_get_str(record, "config_hash", "")), c->spec.config_hash)) {
        err_set(err, ERR_CONFIG, "collector %s: its folder and the agent's state differ", id);
        collector_free(c);
        return NULL;
    }
    take_record(c, record);
    return c;
}
