/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines as a resource: those that run, the templates, rendering and checking on demand. */
#include "core/api/pipelines.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/api/handlers.h"
#include "core/api/page.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/yaml.h"

#define ANSWER_MAX (64 << 20)
/* No host reports more pipelines than a heartbeat may carry. */
#define PER_HOST_MAX 256

int pipelines_start(struct api *api, struct err *err)
{
    const char *data = api->settings->data_dir;
    CLEANUP_BUF struct buf dir;
    buf_init(&dir, 4096);
    buf_addf(&dir, "%s/otel-templates", data && *data ? data : PHX_DATADIR);
    api->pipelines = mem_alloc(sizeof *api->pipelines);
    backends_make(api->pipelines, api);
    templates_load(api->pipelines, buf_cstr(&dir));
    return 0;
}

void pipelines_stop(struct api *api)
{
    if (api->pipelines) {
        templates_free(api->pipelines);
        backends_free(api->pipelines);
        free(api->pipelines);
        api->pipelines = NULL;
    }
}

/* ---- templates */

void on_template_list(struct request *rq)
{
    const struct pipelines *p = request_api(rq)->pipelines;
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, ANSWER_MAX);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_key(&w, "templates");
    jw_open(&w, '[');
    for (size_t i = 0; i < p->n_templates; i++) {
        template_write(&p->templates[i], &w);
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    reply_json(rq, 200, &out);
}

void on_template_get(struct request *rq)
{
    struct err err = { 0 };
    const struct template *t = template_find(request_api(rq)->pipelines, request_query(rq, "collector"),
                                             request_param(rq, "name"), &err);
    if (!t) {
        reply_error(rq, &err);
        return;
    }
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, ANSWER_MAX);
    jw_init(&w, &out);
    template_write(t, &w);
    reply_json(rq, 200, &out);
}

/* ---- render and validate */

static void reply_rendered(struct request *rq, const struct render_ask *ask, const struct rendered *r)
{
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, ANSWER_MAX);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_kstr(&w, "template", ask->name);
    jw_kstr(&w, "collector", ask->collector);
    jw_key(&w, "files");
    jw_tree(&w, r->files);
    jw_kstr(&w, "config_hash", r->config_hash);
    jw_key(&w, "warnings");
    jw_tree(&w, r->warnings);
    jw_close(&w, '}');
    reply_json(rq, 200, &out);
}

void on_pipeline_render(struct request *rq)
{
    const struct json *body = request_json(rq), *critical = json_get(body, "critical_processes");
    CLEANUP_JSON struct json *extra = json_object();
    if (critical) {
        json_set(extra, "critical", json_copy(critical));
    }
    struct render_ask ask = { .collector = json_get_str(body, "collector", "native"),
                              .name = json_get_str(body, "template", ""),
                              .parameters = json_get(body, "parameters"),
                              .extra = extra,
                              .pointer = "" };
    struct rendered rendered;
    struct faults faults;
    struct err err = { 0 };
    int rc = template_render(request_api(rq), &ask, &rendered, &faults, &err);
    if (rc == 0) {
        reply_rendered(rq, &ask, &rendered);
    } else if (rc == ERR_INVALID) {
        reply_faults(rq, &faults);
    } else {
        reply_error(rq, &err);
    }
    rendered_done(&rendered);
}

static void reply_validation(struct request *rq, const struct words *words)
{
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, ANSWER_MAX);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_kbool(&w, "valid", json_len(words->errors) == 0);
    jw_key(&w, "errors");
    jw_tree(&w, words->errors);
    jw_key(&w, "warnings");
    jw_tree(&w, words->warnings);
    jw_close(&w, '}');
    reply_json(rq, 200, &out);
}

void on_pipeline_validate(struct request *rq)
{
    const struct json *body = request_json(rq), *config = json_get(body, "config");
    const struct json *yaml = json_get(body, "yaml");
    if (!config == !yaml) {
        struct faults faults = { 0 };
        fault_add(&faults, "/yaml", "either yaml or config is wanted");
        reply_faults(rq, &faults);
        return;
    }
    struct err err = { 0 };
    struct words words;
    CLEANUP_BUF struct buf text;
    buf_init(&text, LIMIT_RENDERED_BYTES);
    if (config) {
        yaml_write(config, &text);
    } else {
        buf_add_str(&text, json_text(yaml));
    }
    words_init(&words);
    const struct backend *b =
        backend_find(request_api(rq)->pipelines, json_get_str(body, "collector", "native"), &err);
    if (b && text.failed) {
        err_set(&err, ERR_LIMIT, "the config has more than %d bytes", LIMIT_RENDERED_BYTES);
    }
    if (err.code == 0 && backend_check(b, buf_str(&text), &words, &err) == 0) {
        reply_validation(rq, &words);
    } else {
        reply_error(rq, &err);
    }
    words_done(&words);
}

/* ---- pipelines that run: ordered by host and id. A page token is "HOST/ID" of the last row shown;
 * the query starts at that host, and the rows up to the token are left out here. */

struct listing {
    struct request *rq;
    unsigned limit;
    char host[PAGE_KEY_MAX], id[PAGE_KEY_MAX];
};

static bool is_shown(const struct listing *l, const struct row *r)
{
    int c = strcmp(row_text(r, F_PIPELINES_HOST_ID), l->host);
    return c > 0 || (c == 0 && strcmp(row_text(r, F_PIPELINES_ID), l->id) > 0);
}

static void write_text_or_null(struct jw *w, const char *key, const struct row *r, int field)
{
    jw_kstr(w, key, row_is_null(r, field) ? NULL : row_text(r, field));
}

static void write_pipeline(struct jw *w, const struct row *r)
{
    jw_open(w, '{');
    jw_kstr(w, "host_id", row_text(r, F_PIPELINES_HOST_ID));
    jw_kstr(w, "id", row_text(r, F_PIPELINES_ID));
    write_text_or_null(w, "experiment_id", r, F_PIPELINES_EXPERIMENT_ID);
    jw_kstr(w, "variant", row_text(r, F_PIPELINES_VARIANT));
    write_text_or_null(w, "config_url", r, F_PIPELINES_CONFIG_URL);
    jw_kstr(w, "status", row_text(r, F_PIPELINES_STATUS));
    jw_key(w, "process_info");
    if (row_is_null(r, F_PIPELINES_PROCESS_INFO)) {
        jw_null(w);
    } else {
        jw_raw(w, row_str(r, F_PIPELINES_PROCESS_INFO));
    }
    jw_ktime(w, "updated_at", row_time(r, F_PIPELINES_UPDATED_AT));
    jw_close(w, '}');
}

static void write_next(struct jw *w, const struct row *last)
{
    char token[2 * PAGE_KEY_MAX];
    CLEANUP_BUF struct buf key = { 0 };
    if (!last) {
        jw_kstr(w, "next_page_token", NULL);
        return;
    }
    buf_init(&key, PAGE_KEY_MAX);
    buf_addf(&key, "%s/%s", row_text(last, F_PIPELINES_HOST_ID), row_text(last, F_PIPELINES_ID));
    page_token_make(buf_str(&key), token, sizeof token);
    jw_kstr(w, "next_page_token", token);
}

static void on_listed(void *arg, const struct result *res)
{
    struct listing *l = arg;
    if (res->rc != 0) {
        reply_error(l->rq, &res->err);
        return;
    }
    CLEANUP_BUF struct buf out;
    struct jw w;
    const struct row *last = NULL;
    size_t n = 0;
    buf_init(&out, ANSWER_MAX);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_key(&w, "pipelines");
    jw_open(&w, '[');
    for (size_t i = 0; i < res->n_rows && n <= l->limit; i++) {
        if (!is_shown(l, &res->rows[i])) {
            continue;
        }
        if (n++ < l->limit) {
            write_pipeline(&w, &res->rows[i]);
            last = &res->rows[i];
        }
    }
    jw_close(&w, ']');
    write_next(&w, n > l->limit ? last : NULL);
    jw_close(&w, '}');
    reply_json(l->rq, 200, &out);
}

/* 422 has been answered when false. */
static bool read_page(struct request *rq, struct listing *l)
{
    struct page page;
    if (!page_read(rq, &page)) {
        return false;
    }
    l->rq = rq;
    l->limit = page.limit;
    const char *slash = strchr(page.after, '/');
    if (slash) {
        str_copy(l->host, sizeof l->host, (struct str){ page.after, (size_t)(slash - page.after) });
        str_copy(l->id, sizeof l->id, str_of(slash + 1));
    }
    return true;
}

void on_pipeline_list(struct request *rq)
{
    static const struct {
        const char *name;
        int field;
    } filters[] = { { "host_id", F_PIPELINES_HOST_ID },
                    { "experiment_id", F_PIPELINES_EXPERIMENT_ID },
                    { "variant", F_PIPELINES_VARIANT },
                    { "status", F_PIPELINES_STATUS } };
    struct listing *l = arena_alloc(request_arena(rq), sizeof *l);
    if (!read_page(rq, l)) {
        return;
    }
    struct query *q = q_scan(request_api(rq)->store, C_PIPELINES);
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *value = request_query(rq, filters[i].name);
        if (value) {
            q_where_text(q, filters[i].field, PHX_EQ, value);
        }
    }
    if (l->host[0]) {
        q_where_text(q, F_PIPELINES_HOST_ID, PHX_GE, l->host);
    }
    q_order(q, F_PIPELINES_HOST_ID);
    q_order(q, F_PIPELINES_ID);
    q_limit(q, l->limit + 1 + PER_HOST_MAX);
    store_run(q, on_listed, l);
}
