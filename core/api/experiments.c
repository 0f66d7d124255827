/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments as a resource: create, list, get, delete. What moves an experiment from phase to phase
 * is in experiment_commands.c and the scheduler.
 */
#include <stdio.h>

#include "core/api/experiment_doc.h"
#include "core/api/handlers.h"
#include "core/api/idempotency.h"
#include "core/api/loads.h"
#include "core/api/page.h"
#include "core/api/scheduler_priv.h"
#include "core/api/templates.h"
#include "core/base/clock.h"

/* ---- create: everything that can be wrong is found now, with a pointer, not at the start */

struct creation {
    struct request *rq;
    struct json *config;
    struct exp_doc doc;
};

static void free_tree(void *j)
{
    json_free(j);
}

static void check_template(struct api *api, const struct spec *spec, enum arm arm, struct faults *faults)
{
    struct rendered r = { 0 };
    struct faults own;
    struct err err = { 0 };
    char at[64];
    snprintf(at, sizeof at, "/config/%s_template", arm_name(arm));
    struct render_ask ask = { .collector = spec->collector, .name = spec->template[arm].name,
                              .parameters = spec->template[arm].params, .pointer = at };
    int rc = template_render(api, &ask, &r, &own, &err);
    rendered_done(&r);
    if (rc == ERR_INVALID)
        for (unsigned i = 0; i < own.n && i < FAULTS_MAX; i++)
            fault_add(faults, own.at[i].pointer, "%s", own.at[i].msg);
    else if (rc != 0)
        fault_add(faults, at, "%s", err.msg);
}

/* The analysis section with its defaults filled in, as it is stored; NULL: faults were added. Caller
 * frees. */
static struct json *check_analysis(struct api *api, const struct spec *spec, struct faults *faults)
{
    struct analysis_spec whole;
    struct faults own = { 0 };
    struct spec_facts facts = { .pointer = "/config/analysis",
                                .sample_interval_ns = spec->sample_interval_ns,
                                .duration_ns = spec->duration_ns,
                                .n_hosts = spec->n_hosts,
                                .n_critical = json_len(spec->critical) };
    facts.kpis = looks_kpis(api->scheduler->looks, &facts.n_kpis);
    if (analysis_spec_parse(spec->analysis, &facts, &whole, &own)) return analysis_spec_json(&whole);
    for (unsigned i = 0; i < own.n && i < FAULTS_MAX; i++)
        fault_add(faults, own.at[i].pointer, "%s", own.at[i].msg);
    return NULL;
}

/* Everything that can be wrong. What is right is kept in @p c: the config with all its defaults. */
static bool check(struct request *rq, struct creation *c, struct faults *faults)
{
    struct api *api = request_api(rq);
    struct spec spec;
    if (!spec_decode(json_get(request_json(rq), "config"), "/config", request_arena(rq), &spec, faults))
        return false;
    for (int a = 0; a < ARM_COUNT; a++) check_template(api, &spec, (enum arm)a, faults);
    if (spec.load.name) load_check(api, &spec.load, "/config/load_profile", faults);
    struct json *analysis = check_analysis(api, &spec, faults);
    c->config = json_copy(json_get(request_json(rq), "config"));
    arena_on_free(request_arena(rq), free_tree, c->config);
    json_set(c->config, "analysis", analysis);
    return faults->n == 0;
}

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
    struct api *api = request_api(rq);
    const struct json *body = request_json(rq);
    struct creation *c = arena_alloc(request_arena(rq), sizeof *c);
    struct exp_doc *doc = &c->doc;
    struct faults faults = { 0 };
    c->rq = rq;
    if (!check(rq, c, &faults)) {
        reply_faults(rq, &faults);
        return;
    }
    *doc = (struct exp_doc){ .name = json_get_str(body, "name", ""), .phase = PHASE_CREATED,
                             .spec = json_object(), .state = json_object(),
                             .created_ns = clock_wall() };
    doc->updated_ns = doc->created_ns;
    arena_on_free(request_arena(rq), free_tree, doc->spec);
    arena_on_free(request_arena(rq), free_tree, doc->state);
    uuid7_new(doc->id);
    json_set_str(doc->spec, "description", json_get_str(body, "description", ""));
    json_set(doc->spec, "config", json_ref(c->config));
    json_set(doc->spec, "metadata", json_copy(json_get(body, "metadata")));
    struct query *batch = q_batch(api->store), *key = idempotency_insert(rq, doc->id);
    q_add(batch, exp_doc_put(api->store, doc));
    q_add(batch, exp_event(api->store, doc->id, doc->created_ns, "created", NULL, phase_name(doc->phase),
                           "user", "created"));
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
    delete_rows(api, batch, C_RESULTS, F_RESULTS_EXPERIMENT_ID, doc.id);
    store_run(batch, on_deleted, rq);
}

void on_experiment_delete(struct request *rq)
{
    find(rq, request_param(rq, "id"), on_found_for_delete);
}
