/* SPDX-License-Identifier: Apache-2.0 */
/* Load simulations as a resource. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/api/agents.h"
#include "core/api/handlers.h"
#include "core/api/idempotency.h"
#include "core/api/loads_priv.h"
#include "core/api/page.h"
#include "core/api/taskq.h"

static void reply_load(struct request *rq, const struct load *l)
{
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, 64 << 20);
    jw_init(&w, &out);
    load_write(l, &w);
    reply_json(rq, request_route(rq)->status, &out);
}

/* ---- get */

static void on_found(void *arg, const struct result *res)
{
    struct request *rq = arg;
    struct load l;
    struct err err = res->err;
    if (res->rc == ERR_NOTFOUND) {
        err_set(&err, ERR_NOTFOUND, "there is no load simulation \"%s\"", request_param(rq, "id"));
        err_remedy(&err, "phoenix load list shows those there are");
    }
    if (res->rc != 0 || load_read(&res->rows[0], &l, &err) != 0) {
        reply_error(rq, &err);
        return;
    }
    reply_load(rq, &l);
    load_done(&l);
}

void loads__reply(struct request *rq, const char *id)
{
    const struct live *v = loads__find(request_api(rq), id);
    if (v) {
        reply_load(rq, &v->load);
        return;
    }
    struct query *q = q_get(request_api(rq)->store, C_LOADS);
    q_text(q, F_LOADS_ID, id);
    store_run(q, on_found, rq);
}

void on_load_get(struct request *rq)
{
    loads__reply(rq, request_param(rq, "id"));
}

/* ---- start */

struct creation {
    struct request *rq;
    const struct json *hosts; /* borrowed from the body or from `experiment` */
    struct json *experiment;  /* its spec, NULL: not asked for */
    struct load load;
};

static void creation_done(void *arg)
{
    struct creation *c = arg;
    json_free(c->experiment);
    load_done(&c->load);
}

static void on_checked(struct request *rq, const char *object_id);

static void on_created(void *arg, const struct result *res)
{
    struct creation *c = arg;
    struct api *api = request_api(c->rq);
    if (res->rc == ERR_CONFLICT && idempotency_is(c->rq)) {
        idempotency_begin(c->rq, on_checked);
        return;
    }
    if (res->rc != 0) {
        reply_error(c->rq, &res->err);
        return;
    }
    const struct live *v = loads__add(api, &c->load);
    store_signal(api->store, TOPIC_LOADS, v->load.id);
    const struct json *hosts = json_get(v->load.spec, "target_hosts");
    for (size_t i = 0; i < json_len(hosts); i++) {
        taskq_wake(api, json_str(json_at(hosts, i), ""));
    }
    reply_load(c->rq, &v->load);
}

static struct json *parameters_of(struct api *api, const struct json *body, const char *profile)
{
    const struct json *given = json_get(body, "parameters");
    const struct schema *schema = load_profile_schema(api, profile);
    struct json *values = given ? json_copy(given) : json_object();
    if (schema) {
        schema_defaults(schema, values);
    }
    return values;
}

/* The start of one host; its state is added to `hosts`. */
static struct query *start_on(struct api *api, const struct load *l, const char *host, struct json *hosts)
{
    static const char *const copied[] = { "parameters", "duration", "seed" };
    CLEANUP_JSON struct json *config = json_object();
    char task[UUID_LEN + 1];
    json_set_str(config, "id", l->id);
    json_set_str(config, "profile", l->profile);
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        json_set(config, copied[i], json_copy(json_get(l->spec, copied[i])));
    }
    struct query *q = taskq_insert(
        api, &(struct new_task){ .host_id = host, .action = TASK_LOAD_START, .config = config }, task);
    struct json *state = json_object();
    json_set_str(state, "status", load_status_name(LOAD_STARTING));
    json_set_int(state, "since", l->created_ns);
    json_set_str(state, "task", task);
    json_set(hosts, host, state);
    return q;
}

static void create(struct creation *c)
{
    struct api *api = request_api(c->rq);
    const struct json *body = request_json(c->rq);
    struct load *l = &c->load;
    struct query *batch = q_batch(api->store), *key;
    uuid7_new(l->id);
    str_copy(l->experiment_id, sizeof l->experiment_id, str_of(json_get_str(body, "experiment_id", "")));
    str_copy(l->profile, sizeof l->profile,
             str_of(load_profile_name(api, json_get_str(body, "profile", ""))));
    l->created_ns = l->updated_ns = loop_wall(api->loop);
    l->spec = json_object();
    json_set(l->spec, "duration", json_copy(json_get(body, "duration")));
    json_set(l->spec, "seed", json_copy(json_get(body, "seed")));
    json_set(l->spec, "parameters", parameters_of(api, body, l->profile));
    json_set(l->spec, "target_hosts", json_copy(c->hosts));
    struct json *hosts = json_object();
    for (size_t i = 0; i < json_len(c->hosts); i++) {
        q_add(batch, start_on(api, l, json_str(json_at(c->hosts, i), ""), hosts));
    }
    json_set(l->spec, "hosts", hosts);
    q_add(batch, load_insert(api->store, l));
    if ((key = idempotency_insert(c->rq, l->id))) {
        q_add(batch, key);
    }
    store_run(batch, on_created, c);
}

/* Each host is one that we know, and stands there once. */
static void on_seen(void *arg, const struct err *err)
{
    struct creation *c = arg;
    struct faults faults = { 0 };
    CLEANUP_JSON struct json *seen = json_object();
    if (err) {
        reply_error(c->rq, err);
        return;
    }
    const char *at = json_get(request_json(c->rq), "target_hosts") ? "/target_hosts" : "/experiment_id";
    for (size_t i = 0; i < json_len(c->hosts); i++) {
        const char *host = json_str(json_at(c->hosts, i), "");
        char pointer[64];
        snprintf(pointer, sizeof pointer, "%s/%zu", at, i);
        if (json_get(seen, host)) {
            fault_add(&faults, pointer, "host \"%s\" stands there twice", host);
        } else if (!agents_know(request_api(c->rq), host)) {
            fault_add(&faults, pointer, "no agent of host \"%s\" was ever heard of", host);
        }
        json_set_bool(seen, host, true);
    }
    if (faults.n) {
        reply_faults(c->rq, &faults);
    } else {
        create(c);
    }
}

static void check_hosts(struct creation *c)
{
    struct arena *arena = request_arena(c->rq);
    struct api *api = request_api(c->rq);
    size_t n = json_len(c->hosts), n_known = 0;
    const char **hosts = arena_calloc(arena, n + 1, sizeof *hosts);
    for (size_t i = 0; i < n; i++) {
        hosts[i] = json_str(json_at(c->hosts, i), "");
        n_known += agents_know(api, hosts[i]);
    }
    if (n_known == n) {
        on_seen(c, NULL);
    } else {
        agents_seen(api, hosts, n, arena_calloc(arena, n, sizeof(int64_t)), on_seen, c);
    }
}

static void on_experiment(void *arg, const struct result *res)
{
    struct creation *c = arg;
    if (res->rc == ERR_NOTFOUND) {
        struct faults faults = { 0 };
        fault_add(&faults, "/experiment_id", "there is no such experiment");
        reply_faults(c->rq, &faults);
        return;
    }
    if (res->rc != 0) {
        reply_error(c->rq, &res->err);
        return;
    }
    if (!c->hosts) {
        c->experiment = row_json(&res->rows[0], F_EXPERIMENTS_SPEC);
        c->hosts = json_path(c->experiment, "config.target_hosts");
    }
    check_hosts(c);
}

static void on_checked(struct request *rq, const char *object_id)
{
    if (object_id) {
        loads__reply(rq, object_id);
        return;
    }
    const char *experiment = json_get_str(request_json(rq), "experiment_id", NULL);
    struct creation *c = arena_alloc(request_arena(rq), sizeof *c);
    arena_on_free(request_arena(rq), creation_done, c);
    c->rq = rq;
    c->hosts = json_get(request_json(rq), "target_hosts");
    if (!experiment) {
        check_hosts(c);
        return;
    }
    struct query *q = q_get(request_api(rq)->store, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, experiment);
    q_only(q, F_EXPERIMENTS_SPEC);
    store_run(q, on_experiment, c);
}

void on_load_start(struct request *rq)
{
    struct api *api = request_api(rq);
    const struct json *body = request_json(rq);
    struct faults faults = { 0 };
    struct spec_ref ref = { json_get_str(body, "profile", ""), json_get(body, "parameters") };
    load_check(api, &ref, load_profile_name(api, ref.name) ? "" : "/profile", &faults);
    if (!json_get(body, "target_hosts") && !json_get(body, "experiment_id")) {
        fault_add(&faults, "/target_hosts", "hosts are wanted, or an experiment_id that names them");
    }
    if (faults.n) {
        reply_faults(rq, &faults);
    } else {
        idempotency_begin(rq, on_checked);
    }
}

/* ---- stop */

static void on_stop_stored(void *arg, const struct result *res)
{
    struct request *rq = arg;
    struct api *api = request_api(rq);
    const char *id = request_param(rq, "id");
    struct live *v = loads__find(api, id);
    if (res->rc != 0) {
        reply_error(rq, &res->err);
        return;
    }
    const struct json *hosts = v ? json_get(v->load.spec, "target_hosts") : NULL;
    for (size_t i = 0; i < json_len(hosts); i++) {
        const char *host = json_str(json_at(hosts, i), "");
        loads__tell(v, load_news_status(host, id, LOAD_STOPPING, NULL));
        taskq_wake(api, host);
    }
    loads__reply(rq, id);
}

/* A stop for each host that has not ended, instead of the start if that has not been delivered. */
static void stop(struct request *rq, const struct load *l)
{
    struct api *api = request_api(rq);
    const struct json *hosts = json_get(l->spec, "target_hosts");
    struct str *starts = arena_calloc(request_arena(rq), json_len(hosts) + 1, sizeof *starts);
    struct query *batch = q_batch(api->store);
    CLEANUP_JSON struct json *config = json_object();
    size_t n = 0;
    json_set_str(config, "id", l->id);
    for (size_t i = 0; i < json_len(hosts); i++) {
        const char *host = json_str(json_at(hosts, i), "");
        const struct json *state = json_get(json_get(l->spec, "hosts"), host);
        enum load_status s;
        char ignored[UUID_LEN + 1];
        if (!load_host_status(l, host, &s) || load_status_final(s) || s == LOAD_STOPPING) {
            continue;
        }
        starts[n++] = json_text(json_get(state, "task"));
        q_add(batch, taskq_insert(api, &(struct new_task){ .host_id = host, .action = TASK_LOAD_STOP,
                                                           .config = config }, ignored));
    }
    if (n) {
        q_add(batch, taskq_cancel(api, starts, n));
    }
    store_run(batch, on_stop_stored, rq);
}

static void stop_if_live(void *arg)
{
    struct request *rq = arg;
    const struct live *v = loads__find(request_api(rq), request_param(rq, "id"));
    if (v) {
        stop(rq, &v->load);
    } else {
        loads__reply(rq, request_param(rq, "id")); /* it has ended already, or there is none */
    }
}

void loads__learn(struct request *rq, loop_fn *then)
{
    struct api *api = request_api(rq);
    const char *id = request_param(rq, "id");
    if (!loads__find(api, id) && (store_is_shared(api->store) || !api->loads->is_loaded)) {
        save__fetch(api, id, NULL, then, rq); /* another process made it, or an earlier one */
    } else {
        then(rq);
    }
}

void on_load_stop(struct request *rq)
{
    loads__learn(rq, stop_if_live);
}

/* ---- list */

struct listing {
    struct request *rq;
    struct page page;
};

static void write_row(struct api *api, const struct row *r, struct jw *w)
{
    const struct live *v = loads__find(api, row_text(r, F_LOADS_ID));
    struct load l;
    if (v) {
        load_write(&v->load, w);
    } else if (load_read(r, &l, NULL) == 0) {
        load_write(&l, w);
        load_done(&l);
    }
}

static void on_listed(void *arg, const struct result *res)
{
    struct listing *list = arg;
    if (res->rc != 0) {
        reply_error(list->rq, &res->err);
        return;
    }
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, 64 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_key(&w, "load_simulations");
    jw_open(&w, '[');
    for (size_t i = 0; i < page_rows(&list->page, res); i++) {
        write_row(request_api(list->rq), &res->rows[i], &w);
    }
    jw_close(&w, ']');
    page_write_next(&list->page, res, F_LOADS_ID, &w);
    jw_close(&w, '}');
    reply_json(list->rq, 200, &out);
}

void on_load_list(struct request *rq)
{
    struct listing *list = arena_alloc(request_arena(rq), sizeof *list);
    const char *experiment = request_query(rq, "experiment_id"), *status = request_query(rq, "status");
    list->rq = rq;
    if (!page_read(rq, &list->page)) {
        return;
    }
    struct query *q = q_scan(request_api(rq)->store, C_LOADS);
    if (experiment) {
        q_where_text(q, F_LOADS_EXPERIMENT_ID, PHX_EQ, experiment);
    }
    if (status) {
        q_where_text(q, F_LOADS_STATUS, PHX_EQ, status);
    }
    page_apply(&list->page, q, F_LOADS_ID, true);
    store_run(q, on_listed, list);
}
