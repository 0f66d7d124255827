/* SPDX-License-Identifier: Apache-2.0 */
/* What is shown of agents: stored rows, with what memory knows better. */
#include "core/api/agents_priv.h"
#include "core/api/handlers.h"
#include "core/api/page.h"
#include "core/api/selector.h"
#include "core/base/limits.h"

enum { SCAN_ROWS = 500 };

static void write_tree(struct jw *w, const char *key, const struct row *r, int field)
{
    jw_key(w, key);
    if (row_is_null(r, field)) {
        jw_null(w);
    } else {
        jw_raw(w, row_str(r, field));
    }
}

static void write_take(struct jw *w, const char *key, struct json *j)
{
    jw_key(w, key);
    jw_tree(w, j);
    json_free(j);
}

/* What memory knows, if that is newer than the row. */
static const struct agent *newer(struct api *api, const struct row *r)
{
    const struct agent *a = agent__find(api->agents, row_text(r, F_AGENTS_HOST_ID));
    return a && a->last_seen > row_time(r, F_AGENTS_LAST_HEARTBEAT) ? a : NULL;
}

static const char *row_status(struct api *api, const struct row *r, const struct agent *a)
{
    return agents_status(api, a ? a->last_seen : row_time(r, F_AGENTS_LAST_HEARTBEAT),
                         a && a->version ? agent_mood_names[a->mood] : row_text(r, F_AGENTS_STATUS));
}

/* The members of an agent; the caller closes the object. */
static void write_agent(struct jw *w, struct api *api, const struct row *r)
{
    const struct agent *a = newer(api, r);
    jw_open(w, '{');
    jw_kstr(w, "host_id", row_text(r, F_AGENTS_HOST_ID));
    jw_kstr(w, "hostname", row_is_null(r, F_AGENTS_HOSTNAME) ? NULL : row_text(r, F_AGENTS_HOSTNAME));
    jw_kstr(w, "agent_version",
            row_is_null(r, F_AGENTS_AGENT_VERSION) ? NULL : row_text(r, F_AGENTS_AGENT_VERSION));
    jw_kstr(w, "status", row_status(api, r, a));
    jw_ktime(w, "last_heartbeat", a ? a->last_seen : row_time(r, F_AGENTS_LAST_HEARTBEAT));
    jw_ktime(w, "created_at", row_time(r, F_AGENTS_CREATED_AT));
    write_tree(w, "labels", r, F_AGENTS_LABELS);
    write_tree(w, "capabilities", r, F_AGENTS_CAPABILITIES);
    if (a) {
        write_take(w, "active_tasks", agent__active_json(a));
        write_take(w, "resource_usage", host_usage_json(&a->usage));
    } else {
        write_tree(w, "active_tasks", r, F_AGENTS_ACTIVE_TASKS);
        write_tree(w, "resource_usage", r, F_AGENTS_RESOURCE_USAGE);
    }
}

/* ---- the list */

/** In the request's arena. */
struct listing {
    struct request *rq;
    struct page page;
    const char *status;          /* NULL: any */
    struct selector *selector;   /* NULL: any */
    char cursor[PAGE_KEY_MAX];   /* last row seen */
    unsigned n;
    char last[PAGE_KEY_MAX];     /* last row shown */
    struct buf body;
    struct jw w;
};

static void on_rows(void *arg, const struct result *res);

static void next_rows(struct listing *l)
{
    struct query *q = q_scan(request_api(l->rq)->store, C_AGENTS);
    if (l->cursor[0]) {
        q_where_text(q, F_AGENTS_HOST_ID, PHX_GT, l->cursor);
    }
    q_order(q, F_AGENTS_HOST_ID);
    q_limit(q, SCAN_ROWS);
    store_run(q, on_rows, l);
}

static bool wanted(const struct listing *l, const struct row *r)
{
    struct api *api = request_api(l->rq);
    if (l->status) {
        if (strcmp(row_status(api, r, newer(api, r)), l->status) != 0) {
            return false;
        }
    }
    if (!l->selector) {
        return true;
    }
    CLEANUP_JSON struct json *labels = row_json(r, F_AGENTS_LABELS);
    return selector_match(l->selector, labels);
}

/* The body leaves the arena before the answer ends it. */
static void listing_answer(struct listing *l)
{
    struct buf body = l->body;
    buf_init(&l->body, 0);
    reply_json(l->rq, 200, &body);
    buf_done(&body);
}

static void list_finish(struct listing *l, bool more)
{
    char token[PAGE_KEY_MAX * 2];
    jw_close(&l->w, ']');
    page_token_make(str_of(l->last), token, sizeof token);
    jw_kstr(&l->w, "next_page_token", more ? token : NULL);
    jw_close(&l->w, '}');
    listing_answer(l);
}

static void on_rows(void *arg, const struct result *res)
{
    struct listing *l = arg;
    if (res->rc) {
        reply_error(l->rq, &res->err);
        return;
    }
    for (size_t i = 0; i < res->n_rows; i++) {
        const struct row *r = &res->rows[i];
        str_copy(l->cursor, sizeof l->cursor, row_str(r, F_AGENTS_HOST_ID));
        if (!wanted(l, r)) {
            continue;
        }
        if (l->n++ == l->page.limit) {
            list_finish(l, true);
            return;
        }
        write_agent(&l->w, request_api(l->rq), r);
        jw_close(&l->w, '}');
        str_copy(l->last, sizeof l->last, row_str(r, F_AGENTS_HOST_ID));
    }
    if (res->n_rows == SCAN_ROWS) {
        next_rows(l);
    } else {
        list_finish(l, false);
    }
}

static void free_body(void *body)
{
    buf_done(body);
}

void on_agent_list(struct request *rq)
{
    struct listing *l = arena_alloc(request_arena(rq), sizeof *l);
    const char *selector = request_query(rq, "selector");
    struct err err = { 0 };
    l->rq = rq;
    l->status = request_query(rq, "status");
    if (!page_read(rq, &l->page)) {
        return;
    }
    if (selector && !(l->selector = selector_parse(request_arena(rq), str_of(selector), &err))) {
        struct faults faults = { 0 };
        fault_add(&faults, "/selector", "%s", err.msg);
        reply_faults(rq, &faults);
        return;
    }
    str_copy(l->cursor, sizeof l->cursor, str_of(l->page.after));
    buf_init(&l->body, LIMIT_JSON_BYTES);
    arena_on_free(request_arena(rq), free_body, &l->body);
    jw_init(&l->w, &l->body);
    jw_open(&l->w, '{');
    jw_key(&l->w, "agents");
    jw_open(&l->w, '[');
    next_rows(l);
}

/* ---- one agent */

static void write_pipeline(struct jw *w, const struct row *r)
{
    CLEANUP_JSON struct json *info = row_json(r, F_PIPELINES_PROCESS_INFO);
    const char *key;
    const struct json *value;
    jw_open(w, '{');
    jw_kstr(w, "id", row_text(r, F_PIPELINES_ID));
    jw_kstr(w, "experiment_id",
            row_is_null(r, F_PIPELINES_EXPERIMENT_ID) ? NULL : row_text(r, F_PIPELINES_EXPERIMENT_ID));
    jw_kstr(w, "variant", row_text(r, F_PIPELINES_VARIANT));
    jw_kstr(w, "status", row_text(r, F_PIPELINES_STATUS));
    jw_kstr(w, "config_hash",
            row_is_null(r, F_PIPELINES_CONFIG_URL) ? NULL : row_text(r, F_PIPELINES_CONFIG_URL));
    for (size_t i = 0; json_member(info, &i, &key, &value);) {
        jw_key(w, key);
        jw_tree(w, value);
    }
    jw_close(w, '}');
}

static void on_pipelines(void *arg, const struct result *res)
{
    struct listing *l = arg;
    if (res->rc) {
        reply_error(l->rq, &res->err);
        return;
    }
    jw_key(&l->w, "pipelines");
    jw_open(&l->w, '[');
    for (size_t i = 0; i < res->n_rows; i++) {
        write_pipeline(&l->w, &res->rows[i]);
    }
    jw_close(&l->w, ']');
    jw_close(&l->w, '}');
    listing_answer(l);
}

static void on_agent(void *arg, const struct result *res)
{
    struct listing *l = arg;
    const char *host = request_param(l->rq, "id");
    if (res->rc == ERR_NOTFOUND || (!res->rc && !res->n_rows)) {
        struct err err = { 0 };
        err_set(&err, ERR_NOTFOUND, "no agent \"%.64s\" was ever heard of", host);
        reply_error(l->rq, &err);
        return;
    }
    if (res->rc) {
        reply_error(l->rq, &res->err);
        return;
    }
    write_agent(&l->w, request_api(l->rq), &res->rows[0]);
    struct query *q = q_scan(request_api(l->rq)->store, C_PIPELINES);
    q_where_text(q, F_PIPELINES_HOST_ID, PHX_EQ, host);
    q_order(q, F_PIPELINES_ID);
    store_run(q, on_pipelines, l);
}

void on_agent_get(struct request *rq)
{
    struct listing *l = arena_alloc(request_arena(rq), sizeof *l);
    l->rq = rq;
    buf_init(&l->body, LIMIT_JSON_BYTES);
    arena_on_free(request_arena(rq), free_body, &l->body);
    jw_init(&l->w, &l->body);
    struct query *q = q_get(request_api(rq)->store, C_AGENTS);
    q_text(q, F_AGENTS_HOST_ID, request_param(rq, "id"));
    store_run(q, on_agent, l);
}
