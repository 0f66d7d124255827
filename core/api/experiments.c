/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments as a resource: create, list, get, delete. What moves an experiment from phase to phase
 * is in experiment_commands.c and the scheduler.
 */
#include <stdio.h>

#include "core/api/experiment_new.h"
#include "core/api/handlers.h"
#include "core/api/idempotency.h"
#include "core/api/page.h"

/* ---- create */

struct creation {
    struct request *rq;
    struct exp_doc doc;
};

static const char *etag_of(const struct exp_doc *doc, char out[32])
{
    snprintf(out, 32, "\"%llu\"", (unsigned long long)doc->rev);
    return out;
}

/* A document that was just made has no revision yet: the store gives it. */
static void reply_experiment(struct request *rq, const struct exp_doc *doc)
{
    CLEANUP_BUF struct buf out;
    struct jw w;
    char etag[32];
    buf_init(&out, 4 << 20);
    jw_init(&w, &out);
    exp_doc_write(doc, &w);
    if (doc->rev) reply_header(rq, "ETag", etag_of(doc, etag));
    reply_json(rq, request_route(rq)->status, &out);
}

static void on_found(void *arg, const struct result *res)
{
    struct request *rq = arg;
    struct exp_doc doc;
    struct err err = res->err;
    if (res->rc == ERR_NOTFOUND) {
        err_set(&err, ERR_NOTFOUND, "there is no experiment \"%s\"", request_param(rq, "id"));
        err_remedy(&err, "phoenix experiment list shows those there are");
    }
    if (res->rc != 0 || exp_doc_read(&res->rows[0], request_arena(rq), &doc, &err) != 0)
        reply_error(rq, &err);
    else reply_experiment(rq, &doc);
}

static void find(struct request *rq, const char *id, query_done_fn *done)
{
    struct query *q = q_get(request_api(rq)->store, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, id);
    store_run(q, done, rq);
}

static void on_new(struct request *rq, const char *object_id);

static void on_created(void *arg, const struct result *res)
{
    struct creation *c = arg;
    if (res->rc == 0) {
        reply_experiment(c->rq, &c->doc);
    } else if (res->rc == ERR_CONFLICT && idempotency_is(c->rq)) {
        idempotency_begin(c->rq, on_new);
    } else {
        reply_error(c->rq, &res->err);
    }
}

static void on_new(struct request *rq, const char *object_id)
{
    if (object_id) {
        find(rq, object_id, on_found);
        return;
    }
    const struct json *body = request_json(rq);
    struct creation *c = arena_alloc(request_arena(rq), sizeof *c);
    struct faults faults = { 0 };
    struct experiment_ask ask = { .name = json_get_str(body, "name", ""),
                                  .description = json_get_str(body, "description", ""),
                                  .config = json_get(body, "config"),
                                  .pointer = "/config",
                                  .metadata = json_get(body, "metadata") };
    c->rq = rq;
    if (!experiment_new(request_api(rq), &ask, request_arena(rq), &c->doc, &faults)) {
        reply_faults(rq, &faults);
        return;
    }
    struct query *batch = experiment_new_batch(request_api(rq), &c->doc);
    struct query *key = idempotency_insert(rq, c->doc.id);
    if (key) q_add(batch, key);
    store_run(batch, on_created, c);
}

void on_experiment_create(struct request *rq)
{
    idempotency_begin(rq, on_new);
}

void on_experiment_get(struct request *rq)
{
    find(rq, request_param(rq, "id"), on_found);
}

/* ---- list */

struct listing {
    struct request *rq;
    struct page page;
};

static void on_listed(void *arg, const struct result *res)
{
    struct listing *l = arg;
    CLEANUP_BUF struct buf out = { 0 };
    struct jw w;
    if (res->rc != 0) {
        reply_error(l->rq, &res->err);
        return;
    }
    buf_init(&out, 64 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_key(&w, "experiments");
    jw_open(&w, '[');
    for (size_t i = 0; i < page_rows(&l->page, res); i++) {
        struct exp_doc doc;
        if (exp_doc_read(&res->rows[i], request_arena(l->rq), &doc, NULL) == 0) exp_doc_write(&doc, &w);
    }
    jw_close(&w, ']');
    page_write_next(&l->page, res, F_EXPERIMENTS_ID, &w);
    jw_close(&w, '}');
    reply_json(l->rq, 200, &out);
}

void on_experiment_list(struct request *rq)
{
    struct listing *l = arena_alloc(request_arena(rq), sizeof *l);
    const char *phase = request_query(rq, "phase");
    l->rq = rq;
    if (!page_read(rq, &l->page)) return;
    struct query *q = q_scan(request_api(rq)->store, C_EXPERIMENTS);
    if (phase && strcmp(phase, "live") == 0) q_where_int(q, F_EXPERIMENTS_LIVE, PHX_EQ, 1);
    else if (phase) q_where_text(q, F_EXPERIMENTS_PHASE, PHX_EQ, phase);
    page_apply(&l->page, q, F_EXPERIMENTS_ID, true);
    store_run(q, on_listed, l);
}

/* ---- delete, at rest only */

static void on_deleted(void *arg, const struct result *res)
{
    struct request *rq = arg;
    if (res->rc != 0) reply_error(rq, &res->err);
    else reply_empty(rq, 204);
}

static void delete_rows(struct api *api, struct query *batch, enum collection c, int field, const char *id)
{
    struct query *q = q_delete(api->store, c);
    q_where_text(q, field, PHX_EQ, id);
    q_add(batch, q);
}

static int may_delete(struct request *rq, const struct exp_doc *doc, struct err *err)
{
    const char *wanted = request_header(rq, "If-Match");
    char etag[32];
    if (wanted && strcmp(wanted, "*") != 0 && strcmp(wanted, etag_of(doc, etag)) != 0)
        return err_set(err, ERR_PRECONDITION, "the experiment has changed since %s; it is %s now", wanted,
                       etag);
    if (!phase_is_live(doc->phase)) return 0;
    err_set(err, ERR_CONFLICT, "cannot delete an experiment that is %s", phase_name(doc->phase));
    err_remedy(err, "stop it first: phoenix experiment stop %s", doc->id);
    return err->code;
}

static void on_found_for_delete(void *arg, const struct result *res)
{
    struct request *rq = arg;
    struct api *api = request_api(rq);
    struct exp_doc doc;
    struct err err = { 0 };
    if (res->rc != 0) {
        on_found(rq, res);
        return;
    }
    if (exp_doc_read(&res->rows[0], request_arena(rq), &doc, &err) != 0 || may_delete(rq, &doc, &err) != 0) {
        reply_error(rq, &err);
        return;
    }
    struct query *batch = q_batch(api->store), *q = q_delete(api->store, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, doc.id);
    q_rev(q, doc.rev);
    q_add(batch, q);
    delete_rows(api, batch, C_EVENTS, F_EVENTS_EXPERIMENT_ID, doc.id);
    delete_rows(api, batch, C_TASKS, F_TASKS_EXPERIMENT_ID, doc.id);
    delete_rows(api, batch, C_SAMPLES, F_SAMPLES_EXPERIMENT_ID, doc.id);
    delete_rows(api, batch, C_CENSUS, F_CENSUS_EXPERIMENT_ID, doc.id);
    delete_rows(api, batch, C_RESULTS, F_RESULTS_EXPERIMENT_ID, doc.id);
    store_run(batch, on_deleted, rq);
}

void on_experiment_delete(struct request *rq)
{
    find(rq, request_param(rq, "id"), on_found_for_delete);
}
