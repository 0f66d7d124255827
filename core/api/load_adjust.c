/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a load that runs: a task to each host that has not ended. The change is absolute, so the
 * newest one holds and none needs to be counted. */
#include <string.h>
#include "core/api/handlers.h"
#include "core/api/loads_priv.h"
#include "core/api/taskq.h"

static bool is_meant(const struct load *l, const char *host)
{
    enum load_status s;
    return load_host_status(l, host, &s) && !load_status_final(s) && s != LOAD_STOPPING;
}

/* A request, and the tasks that it made. */
struct change {
    struct request *rq;
    size_t n;
    struct change_task {
        const char *host;
        char id[UUID_LEN + 1];
    } tasks[];
};

static void on_stored(void *arg, const struct result *res)
{
    struct change *c = arg;
    struct request *rq = c->rq;
    struct api *api = request_api(rq);
    const char *id = request_param(rq, "id");
    struct live *v = loads__find(api, id);
    if (res->rc != 0) {
        reply_error(rq, &res->err);
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct change_task *t = &c->tasks[i];
        if (v) {
            loads__tell(v, load_news_adjust(t->host, id, t->id, "pending", NULL, request_json(rq)));
        }
        taskq_wake(api, t->host);
    }
    loads__reply(rq, id);
}

/* What the task says: the load, and what was asked for. */
static struct json *config_of(struct request *rq, const struct load *l)
{
    static const char *const copied[] = { "factor", "rate" };
    struct json *config = json_object();
    json_set_str(config, "id", l->id);
    for (size_t i = 0; i < sizeof copied / sizeof copied[0]; i++) {
        const struct json *value = json_get(request_json(rq), copied[i]);
        if (value) {
            json_set(config, copied[i], json_copy(value));
        }
    }
    return config;
}

/* False: there is no host left to change it on. */
static bool adjust(struct request *rq, const struct load *l)
{
    struct api *api = request_api(rq);
    struct arena *arena = request_arena(rq);
    const struct json *hosts = json_get(l->spec, "target_hosts");
    CLEANUP_JSON struct json *config = config_of(rq, l);
    struct query *batch = q_batch(api->store);
    struct change *c = arena_alloc(arena, sizeof *c + json_len(hosts) * sizeof c->tasks[0]);
    *c = (struct change){ .rq = rq };
    for (size_t i = 0; i < json_len(hosts); i++) {
        const char *host = json_str(json_at(hosts, i), "");
        if (is_meant(l, host)) {
            struct change_task *t = &c->tasks[c->n++];
            t->host = arena_strdup(arena, host); /* the load may be read anew meanwhile */
            q_add(batch, taskq_insert(api, &(struct new_task){ .host_id = host, .action = TASK_LOAD_ADJUST,
                                                               .config = config }, t->id));
        }
    }
    if (c->n) {
        store_run(batch, on_stored, c);
    } else {
        q_free(batch);
    }
    return c->n > 0;
}

static void on_found(void *arg, const struct result *res)
{
    struct request *rq = arg;
    struct err err = { 0 };
    if (res->rc != 0) {
        loads__reply(rq, request_param(rq, "id")); /* says that there is none, or what is wrong */
        return;
    }
    err_set(&err, ERR_CONFLICT, "load simulation %s has ended, or is about to", request_param(rq, "id"));
    err_remedy(&err, "phoenix load start begins a new one");
    reply_error(rq, &err);
}

static void adjust_if_live(void *arg)
{
    struct request *rq = arg;
    struct api *api = request_api(rq);
    const struct live *v = loads__find(api, request_param(rq, "id"));
    if (v && adjust(rq, &v->load)) {
        return;
    }
    struct query *q = q_get(api->store, C_LOADS);
    q_text(q, F_LOADS_ID, request_param(rq, "id"));
    store_run(q, on_found, rq);
}

void on_load_adjust(struct request *rq)
{
    const struct json *body = request_json(rq);
    struct faults faults = { 0 };
    if (!json_get(body, "factor") == !json_get(body, "rate")) {
        fault_add(&faults, "", "either factor or rate is wanted");
        reply_faults(rq, &faults);
    } else {
        loads__learn(rq, adjust_if_live);
    }
}
