/* SPDX-License-Identifier: Apache-2.0 */
/* What a pipeline would save, from data: a preview is a short experiment that keeps nothing at its end,
 * or the result of the last one that compared the same two configs. Nothing is estimated.
 */
#include "core/api/experiment_new.h"
#include "core/api/handlers.h"
#include "core/api/scheduler.h"
#include "core/api/templates.h"
#include "core/api/types.h"
#include "core/base/arena.h"

/* Marks an experiment as a preview's, in its metadata. */
#define MARK "phoenix.preview"
/* Experiments that are looked at for one with the same configs, newest first. */
enum { LOOK_BACK = 200 };
#define ANSWER_MAX (16 << 20)

static void free_tree(void *j)
{
    json_free(j);
}

/* ---- the answer: the experiment, and its result if there is one */

struct answer {
    struct request *rq;
    struct exp_doc doc;
    bool found_before; /* from the last samples */
};

static const char *state_of(const struct exp_doc *doc, bool has_result)
{
    bool is_over = doc->phase == PHASE_COMPLETED || doc->phase == PHASE_STOPPING;
    is_over |= doc->phase != PHASE_CREATED && !phase_is_live(doc->phase);
    if (!is_over) return "running";
    return has_result ? "completed" : "failed";
}

/* A preview that was stopped on the way failed too. */
static const char *reason_of(const struct exp_doc *doc, const char *state)
{
    if (strcmp(state, "failed") != 0) return NULL;
    return json_get_str(doc->state, "error", "it was stopped before anything was measured");
}

static void reply_preview(struct answer *a, struct str result)
{
    const struct json *st = a->doc.state;
    const char *state = state_of(&a->doc, result.n > 0);
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, ANSWER_MAX);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_kstr(&w, "id", a->doc.id);
    jw_kstr(&w, "source", a->found_before ? "last_samples" : "shadow_run");
    jw_kstr(&w, "state", state);
    jw_kstr(&w, "phase", phase_name(a->doc.phase));
    jw_kstr(&w, "reason", reason_of(&a->doc, state));
    jw_key(&w, "config");
    jw_tree(&w, json_get(a->doc.spec, "config"));
    jw_ktime(&w, "measured_from", json_get_int(st, "running_since", 0));
    jw_ktime(&w, "measured_to", json_get_int(st, "ended", 0));
    jw_key(&w, "reductions");
    if (json_get(st, "kpis")) jw_tree(&w, json_get(st, "kpis"));
    else jw_raw(&w, STR("{}"));
    jw_key(&w, "kpis");
    if (result.n > 0) jw_raw(&w, result);
    else jw_null(&w);
    jw_close(&w, '}');
    reply_json(a->rq, strcmp(state, "running") == 0 ? request_route(a->rq)->status : 200, &out);
}

static void on_result(void *arg, const struct result *res)
{
    struct answer *a = arg;
    if (res->rc != 0 && res->rc != ERR_NOTFOUND) reply_error(a->rq, &res->err);
    else reply_preview(a, res->rc == 0 ? row_str(&res->rows[0], F_RESULTS_RESULT) : (struct str){ 0 });
}

static void read_result(struct answer *a)
{
    struct query *q = q_get(request_api(a->rq)->store, C_RESULTS);
    q_text(q, F_RESULTS_EXPERIMENT_ID, a->doc.id);
    store_run(q, on_result, a);
}

/* ---- get */

static void on_found(void *arg, const struct result *res)
{
    struct answer *a = arg;
    struct err err = res->err;
    int rc = res->rc == 0 ? exp_doc_read(&res->rows[0], request_arena(a->rq), &a->doc, &err) : res->rc;
    bool is_preview = rc == 0 && json_get(json_get(a->doc.spec, "metadata"), MARK);
    if (rc == ERR_NOTFOUND || (rc == 0 && !is_preview))
        err_set(&err, ERR_NOTFOUND, "there is no preview \"%s\"", request_param(a->rq, "id"));
    if (err.code) reply_error(a->rq, &err);
    else read_result(a);
}

void on_preview_get(struct request *rq)
{
    struct answer *a = arena_alloc(request_arena(rq), sizeof *a);
    *a = (struct answer){ .rq = rq };
    struct query *q = q_get(request_api(rq)->store, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, request_param(rq, "id"));
    store_run(q, on_found, a);
}

/* ---- a shadow run */

static void on_started(void *arg, const struct err *err)
{
    struct answer *a = arg;
    if (err) reply_error(a->rq, err);
    else reply_preview(a, (struct str){ 0 });
}

static void on_stored(void *arg, const struct result *res)
{
    struct answer *a = arg;
    struct api *api = request_api(a->rq);
    if (res->rc != 0)
        reply_error(a->rq, &res->err);
    else
        scheduler_command(api->scheduler, a->doc.id, INPUT_START, "user", "a preview", on_started, a);
}

/* The request, which has the names of an experiment's config, becomes one. In the request's arena. */
static struct json *config_of(struct request *rq)
{
    struct json *config = json_copy(request_json(rq));
    arena_on_free(request_arena(rq), free_tree, config);
    json_set_str(config, "hold", "1s");
    json_set_str(config, "deploy_timeout", "1m");
    json_set_str(config, "host_lost_after", "30s"); /* somebody waits */
    json_set_str(config, "rollback_to", "nothing");
    schema_defaults(&type_experiment_config, config);
    return config;
}

static void shadow_run(struct request *rq)
{
    struct answer *a = arena_alloc(request_arena(rq), sizeof *a);
    struct faults faults = { 0 };
    CLEANUP_JSON struct json *metadata = json_object();
    json_set_str(metadata, MARK, "shadow run");
    const struct json *candidate = json_get(request_json(rq), "candidate_template");
    const char *name = json_str(candidate, json_get_str(candidate, "name", ""));
    struct experiment_ask ask = { .name = arena_printf(request_arena(rq), "preview of %s", name),
                                  .description = "a short run that keeps nothing",
                                  .config = config_of(rq),
                                  .pointer = "",
                                  .metadata = metadata };
    *a = (struct answer){ .rq = rq };
    if (experiment_new(request_api(rq), &ask, request_arena(rq), &a->doc, &faults))
        store_run(experiment_new_batch(request_api(rq), &a->doc), on_stored, a);
    else
        reply_faults(rq, &faults);
}

/* ---- the last samples of the same two configs */

struct search {
    struct answer answer; /* first: on_result() takes it */
    char hash[ARM_COUNT][sizeof "sha256:" + SHA256_HEX_LEN];
};

static bool hash_of(struct request *rq, enum arm arm, char out[static sizeof "sha256:" + SHA256_HEX_LEN])
{
    const struct json *body = request_json(rq), *critical = json_get(body, "critical_processes");
    const char *pointer = arm == ARM_BASELINE ? "/baseline_template" : "/candidate_template";
    const struct json *ref = json_get(body, pointer + 1);
    CLEANUP_JSON struct json *extra = json_object();
    if (critical) json_set(extra, "critical", json_copy(critical));
    struct render_ask ask = { .collector = json_get_str(body, "collector", "native"),
                              .name = json_str(ref, json_get_str(ref, "name", "")),
                              .parameters = json_get(ref, "parameters"),
                              .extra = extra,
                              .pointer = pointer };
    struct rendered rendered;
    struct faults faults;
    struct err err = { 0 };
    int rc = template_render(request_api(rq), &ask, &rendered, &faults, &err);
    if (rc == ERR_INVALID) reply_faults(rq, &faults);
    else if (rc != 0) reply_error(rq, &err);
    else memcpy(out, rendered.config_hash, sizeof rendered.config_hash);
    rendered_done(&rendered);
    return rc == 0;
}

static bool compares_the_same(const struct search *s, const struct exp_doc *doc)
{
    const struct json *arms = json_get(doc->state, "arms");
    for (int a = 0; a < ARM_COUNT; a++)
        if (strcmp(json_get_str(json_get(arms, arm_name((enum arm)a)), "config_hash", ""), s->hash[a]) != 0)
            return false;
    return json_get(doc->state, "verdict") != NULL;
}

static void on_experiments(void *arg, const struct result *res)
{
    struct search *s = arg;
    struct err err = res->err;
    for (size_t i = 0; res->rc == 0 && i < res->n_rows; i++) {
        struct exp_doc doc;
        if (exp_doc_read(&res->rows[i], request_arena(s->answer.rq), &doc, NULL) != 0 ||
            !compares_the_same(s, &doc))
            continue;
        s->answer.doc = doc;
        read_result(&s->answer);
        return;
    }
    if (res->rc == 0) {
        err_set(&err, ERR_NOTFOUND, "no experiment has measured these two configs yet");
        err_remedy(&err, "name target_hosts: both run there for a short time");
    }
    reply_error(s->answer.rq, &err);
}

static void last_samples(struct request *rq)
{
    struct search *s = arena_alloc(request_arena(rq), sizeof *s);
    *s = (struct search){ .answer = { .rq = rq, .found_before = true } };
    for (int a = 0; a < ARM_COUNT; a++)
        if (!hash_of(rq, (enum arm)a, s->hash[a])) return;
    struct query *q = q_scan(request_api(rq)->store, C_EXPERIMENTS);
    q_order_desc(q, F_EXPERIMENTS_ID);
    q_limit(q, LOOK_BACK);
    store_run(q, on_experiments, s);
}

void on_preview_create(struct request *rq)
{
    if (json_len(json_get(request_json(rq), "target_hosts")) > 0) shadow_run(rq);
    else last_samples(rq);
}
