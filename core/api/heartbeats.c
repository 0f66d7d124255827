/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v1/agent/heartbeat. The short form is scanned, changes memory, and is answered in the same turn:
 * heard. The full form (something changed, or the first one after a start) is parsed, checked, and answered
 * when it is committed: the agent's row, and the rows of active_pipelines replaced by what it lists. Loads
 * alone are no change of the host: their figures move all the time, and loads.c saves them when it will.
 */
#include <stdlib.h>
#include "core/api/admission.h"
#include "core/api/agents_priv.h"
#include "core/api/handlers.h"
#include "core/api/loads.h"
#include "core/api/scheduler.h"
#include "core/api/taskq.h"
#include "core/api/types.h"
#include "core/base/log.h"
#include "core/base/mem.h"

static void free_doc(void *doc)
{
    json_free(doc);
}

/* ---- memory */

static void keep_active(struct agent *a, const struct heartbeat *h)
{
    if (a->n_active != h->n_tasks) {
        free(a->active);
        a->active = h->n_tasks ? mem_calloc(h->n_tasks, sizeof *a->active) : NULL;
        a->n_active = (uint16_t)h->n_tasks;
    }
    for (size_t i = 0; i < h->n_tasks; i++) {
        str_copy(a->active[i].id, sizeof a->active[i].id, h->tasks[i].id);
        a->active[i].epoch = h->tasks[i].epoch;
    }
}

static void keep_version(struct agent *a, struct str version)
{
    if (version.n == 0 || (a->version && str_eqz(version, a->version))) {
        return;
    }
    free(a->version);
    a->version = mem_strndup(version);
}

static void log_seen(const struct agent *a)
{
    struct log_ctx ctx = { .host = a->host };
    log_event(EV_AGENT_SEEN, &ctx, "version %s", a->version ? a->version : "unknown");
}

/* On a shared store it may have spoken to others until now: then whoever leads knows who was lost. */
static bool is_news_of(struct agents *as, const struct agent *a)
{
    if (store_is_shared(as->api->store)) {
        return a->lost;
    }
    return a->last_seen == 0 || strcmp(agents_status(as->api, a->last_seen, ""), "lost") == 0;
}

static void hear(struct agents *as, struct agent *a, const struct heartbeat *h)
{
    int64_t now = loop_wall(as->api->loop);
    bool is_news = is_news_of(as, a);
    as->stats.heartbeats_total++;
    a->created_at = a->created_at ? a->created_at : now;
    a->last_seen = now;
    a->lost = false;
    a->mood = (uint8_t)h->mood;
    a->usage = h->usage;
    keep_version(a, h->agent_version);
    keep_active(a, h);
    for (size_t i = 0; i < h->n_tasks; i++) {
        taskq_extend(as->api, a->host, h->tasks[i].id, h->tasks[i].epoch);
    }
    if (is_news) {
        log_seen(a);
        scheduler_host_changed(as->api, a->host);
    }
}

/* ---- the store */

/** In the request's arena. */
struct full {
    struct request *rq;
    struct agents *as;
    const char *host;
    const struct json *doc; /* NULL: a short form of a host that has no row yet */
    bool is_first;          /* the row was not known to be there */
};

static void commit(struct full *f, struct agent *a);

static void on_committed(void *arg, const struct result *res)
{
    struct full *f = arg;
    struct api *api = f->as->api;
    struct agent *a = agent__find(f->as, f->host);
    if (res->rc == ERR_CONFLICT && f->is_first) {
        a->stored = true; /* it spoke to another process before */
        commit(f, a);
        return;
    }
    if (res->rc) {
        reply_error(f->rq, &res->err);
        return;
    }
    if (f->is_first && store_is_shared(api->store)) {
        log_seen(a);
    }
    a->stored = true;
    if (json_get(f->doc, "loads")) {
        loads_reported(api, f->host, json_get(f->doc, "loads"));
    }
    if (json_get(f->doc, "pipelines")) {
        scheduler_host_changed(api, f->host);
    }
    reply_empty(f->rq, 204);
}

static struct query *agent_insert(struct agents *as, const struct agent *a, const struct json *doc)
{
    CLEANUP_JSON struct json *active = agent__active_json(a);
    CLEANUP_JSON struct json *usage = host_usage_json(&a->usage);
    struct query *q = q_insert(as->api->store, C_AGENTS);
    q_text(q, F_AGENTS_HOST_ID, a->host);
    q_text(q, F_AGENTS_HOSTNAME, json_get_str(doc, "hostname", NULL));
    q_text(q, F_AGENTS_AGENT_VERSION, a->version);
    q_text(q, F_AGENTS_STATUS, agent_mood_names[a->mood]);
    q_json(q, F_AGENTS_CAPABILITIES, json_get(doc, "capabilities"));
    q_json(q, F_AGENTS_LABELS, json_get(doc, "labels"));
    q_json(q, F_AGENTS_ACTIVE_TASKS, active);
    q_json(q, F_AGENTS_RESOURCE_USAGE, usage);
    q_time(q, F_AGENTS_LAST_HEARTBEAT, a->last_seen);
    q_time(q, F_AGENTS_CREATED_AT, a->created_at);
    return q;
}

/* Only what this heartbeat says: the rest stays. */
static struct query *agent_update(struct agents *as, const struct agent *a, const struct json *doc)
{
    struct query *q = q_update(as->api->store, C_AGENTS);
    q_where_text(q, F_AGENTS_HOST_ID, PHX_EQ, a->host);
    q_set_text(q, F_AGENTS_STATUS, agent_mood_names[a->mood]);
    q_set_text(q, F_AGENTS_AGENT_VERSION, a->version);
    if (!store_is_shared(as->api->store)) {
        q_set_time(q, F_AGENTS_LAST_HEARTBEAT, a->last_seen);
    }
    if (json_get(doc, "hostname")) {
        q_set_text(q, F_AGENTS_HOSTNAME, json_get_str(doc, "hostname", NULL));
    }
    if (json_get(doc, "capabilities")) {
        q_set_json(q, F_AGENTS_CAPABILITIES, json_get(doc, "capabilities"));
    }
    if (json_get(doc, "labels")) {
        q_set_json(q, F_AGENTS_LABELS, json_get(doc, "labels"));
    }
    q_flags(q, PHX_NO_ROWS);
    return q;
}

/* Another process may have heard it later. */
static struct query *last_heartbeat_update(struct agents *as, const struct agent *a)
{
    struct query *q = q_update(as->api->store, C_AGENTS);
    q_where_text(q, F_AGENTS_HOST_ID, PHX_EQ, a->host);
    q_where_int(q, F_AGENTS_LAST_HEARTBEAT, PHX_LT, a->last_seen);
    q_set_time(q, F_AGENTS_LAST_HEARTBEAT, a->last_seen);
    q_flags(q, PHX_NO_ROWS);
    return q;
}

static struct query *pipeline_put(struct agents *as, const struct agent *a, const struct json *p)
{
    static const char *const columns[] = { "id", "experiment_id", "variant", "status", "config_hash" };
    struct query *q = q_put(as->api->store, C_PIPELINES);
    CLEANUP_JSON struct json *info = json_copy(p);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        json_del(info, columns[i]); /* the rest: pipeline, pid, port, restarts, kept, since, reason */
    }
    q_text(q, F_PIPELINES_HOST_ID, a->host);
    q_text(q, F_PIPELINES_ID, json_get_str(p, "id", NULL));
    q_text(q, F_PIPELINES_EXPERIMENT_ID, json_get_str(p, "experiment_id", NULL));
    q_text(q, F_PIPELINES_VARIANT, json_get_str(p, "variant", NULL));
    q_text(q, F_PIPELINES_CONFIG_URL, json_get_str(p, "config_hash", NULL));
    q_text(q, F_PIPELINES_STATUS, json_get_str(p, "status", NULL));
    q_json(q, F_PIPELINES_PROCESS_INFO, info);
    q_time(q, F_PIPELINES_UPDATED_AT, a->last_seen);
    return q;
}

static void commit(struct full *f, struct agent *a)
{
    struct agents *as = f->as;
    const struct json *pipelines = json_get(f->doc, "pipelines");
    struct query *batch = q_batch(as->api->store);
    f->is_first = !a->stored;
    if (f->is_first) {
        q_add(batch, agent_insert(as, a, f->doc));
    } else {
        q_add(batch, agent_update(as, a, f->doc));
        if (store_is_shared(as->api->store)) {
            q_add(batch, last_heartbeat_update(as, a));
        }
    }
    if (pipelines) {
        struct query *all = q_delete(as->api->store, C_PIPELINES);
        q_where_text(all, F_PIPELINES_HOST_ID, PHX_EQ, a->host);
        q_add(batch, all);
    }
    for (size_t i = 0; i < json_len(pipelines); i++) {
        q_add(batch, pipeline_put(as, a, json_at(pipelines, i)));
    }
    store_run(batch, on_committed, f);
}

/* Heard all the same; what else it says the agent says again. */
static void refuse_commit(struct agents *as, struct agent *a, struct request *rq)
{
    struct err err = { 0 };
    err_set(&err, ERR_UNAVAILABLE, "the store cannot be reached");
    agent__dirty(as, a);
    reply_error(rq, &err);
}

/* ---- the request */

static bool names_its_host(struct request *rq, struct str host_id)
{
    if (str_eqz(host_id, request_host_id(rq))) {
        return true;
    }
    struct err err = { 0 };
    err_set(&err, ERR_FORBIDDEN, "host_id is \"%.*s\", but X-Agent-Host-ID is \"%s\"", (int)host_id.n,
            host_id.p, request_host_id(rq));
    reply_error(rq, &err);
    return false;
}

static bool is_full(const struct json *doc)
{
    return json_get(doc, "hostname") || json_get(doc, "capabilities") || json_get(doc, "labels") ||
           json_get(doc, "pipelines");
}

static void heard(struct request *rq, const struct heartbeat *h, const struct json *doc)
{
    struct agents *as = request_api(rq)->agents;
    if (!names_its_host(rq, h->host_id)) {
        return;
    }
    struct agent *a = agent__get(as, request_host_id(rq));
    if (!a) {
        struct err err = { 0 };
        err_set(&err, ERR_BUSY, "%d hosts are known already", AGENTS_MAX);
        reply_error(rq, &err);
        return;
    }
    hear(as, a, h);
    bool is_short = a->stored && !(doc && is_full(doc));
    if (is_short) {
        agent__dirty(as, a);
        if (json_get(doc, "loads")) {
            loads_reported(as->api, a->host, json_get(doc, "loads"));
        }
        reply_empty(rq, 204);
    } else if (admission_store_away(as->api)) {
        refuse_commit(as, a, rq);
    } else {
        struct full *f = arena_alloc(request_arena(rq), sizeof *f);
        *f = (struct full){ .rq = rq, .as = as, .host = request_host_id(rq), .doc = doc };
        as->stats.full_total++;
        commit(f, a);
    }
}

static void hear_document(struct request *rq, struct heartbeat *h)
{
    struct err err = { 0 };
    struct faults *faults = &request_api(rq)->agents->faults;
    struct json *doc = json_parse(request_body(rq), NULL, &err);
    if (!doc) {
        reply_error(rq, &err);
        return;
    }
    request_drop_body(rq); /* thousands wait for the store at once when a fleet starts */
    arena_on_free(request_arena(rq), free_doc, doc);
    if (!schema_check(&type_heartbeat, doc, faults)) {
        reply_faults(rq, faults);
        return;
    }
    heartbeat_read(doc, h);
    heard(rq, h, doc);
}

void on_agent_heartbeat(struct request *rq)
{
    struct heartbeat *h = &request_api(rq)->agents->heard;
    if (heartbeat_scan(request_body(rq), h)) {
        heard(rq, h, NULL);
    } else {
        hear_document(rq, h);
    }
}
