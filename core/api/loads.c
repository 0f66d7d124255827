/* SPDX-License-Identifier: Apache-2.0 */
/* Load simulations that live are kept in memory and written behind: what tasks and heartbeats say of
 * one is gathered for a moment and stored in one write. The rest is only in the store.
 *
 * After a start the live ones are read back; what is heard before that is kept, and told afterwards. */
#include "core/api/loads_priv.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include "core/api/taskq.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define SAVE_DELAY_NS (100 * NS_PER_MS)
#define RETRY_NS NS_PER_S

/* What a host said of its loads (report), or of a task for one load. */
struct news {
    char *host;
    struct json *report; /* NULL: of a task */
    char load_id[UUID_LEN + 1];
    enum load_status status;
    char *reason;
    struct news *next;
};
struct loads {
    struct live *by_id;
    bool is_loaded;
    struct news *early; /* heard before is_loaded */
};

/* ---- the live ones */

struct live *loads__find(struct api *api, const char *id)
{
    struct live *v = NULL;
    if (api->loads) {
        HASH_FIND_STR(api->loads->by_id, id, v);
    }
    return v;
}

static void live_free(struct live *v)
{
    HASH_DEL(v->api->loads->by_id, v);
    timer_free(v->save);
    timer_free(v->patience);
    load_done(&v->load);
    free(v);
}

static void set_patience(struct live *v)
{
    int64_t at = load_next_deadline(&v->load);
    if (at == INT64_MAX) {
        timer_clear(v->patience);
    } else {
        int64_t wait = at - loop_wall(v->api->loop);
        timer_set(v->patience, wait > 0 ? wait : 0);
    }
}

void loads__changed(struct live *v)
{
    set_patience(v);
    v->is_dirty = true;
    if (!v->is_saving && !timer_is_set(v->save)) {
        timer_set(v->save, SAVE_DELAY_NS);
    }
}

/* ---- saving. The live one may be gone when the answer comes, so it is known by its id. */

struct saving {
    struct api *api;
    char id[UUID_LEN + 1];
};

static struct saving *saving_new(const struct live *v)
{
    struct saving *s = mem_alloc(sizeof *s);
    s->api = v->api;
    memcpy(s->id, v->load.id, sizeof s->id);
    return s;
}

static struct live *saving_end(struct saving *s)
{
    struct live *v = loads__find(s->api, s->id);
    free(s);
    return v;
}

static void saved(struct live *v)
{
    v->is_saving = false;
    if (v->is_dirty) {
        timer_set(v->save, SAVE_DELAY_NS);
    } else if (load_status_final(load_status(&v->load))) {
        live_free(v);
    }
}

/* Somebody else wrote it: theirs is the truth. */
static void on_read_again(void *arg, const struct result *res)
{
    struct live *v = saving_end(arg);
    struct load theirs;
    if (!v) {
        return;
    }
    if (res->rc == ERR_NOTFOUND) {
        live_free(v);
    } else if (res->rc != 0 || load_read(&res->rows[0], &theirs, NULL) != 0) {
        v->is_saving = false;
        timer_set(v->save, RETRY_NS);
    } else {
        load_done(&v->load);
        v->load = theirs;
        v->is_dirty = false;
        set_patience(v);
        saved(v);
    }
}

static void on_saved(void *arg, const struct result *res)
{
    struct live *v = saving_end(arg);
    if (!v) {
        return;
    }
    if (res->rc == 0 && res->n_rows == 0) {
        live_free(v); /* it was deleted meanwhile */
    } else if (res->rc == 0) {
        v->load.rev = res->rows[0].rev;
        saved(v);
    } else if (res->rc == ERR_CONFLICT) {
        struct query *q = q_get(v->api->store, C_LOADS);
        q_text(q, F_LOADS_ID, v->load.id);
        store_run(q, on_read_again, saving_new(v));
    } else {
        log_error(EV_STORE_FAILED, NULL, &res->err, "load simulation %s was not saved", v->load.id);
        v->is_saving = false;
        v->is_dirty = true;
        timer_set(v->save, RETRY_NS);
    }
}

static void on_save(void *arg)
{
    struct live *v = arg;
    v->is_dirty = false;
    v->is_saving = true;
    store_run(load_save(v->api->store, &v->load), on_saved, saving_new(v));
}

/* ---- hosts that say nothing */

static void on_cancelled(void *arg, const struct result *res)
{
    if (res->rc != 0) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "tasks of a load simulation were not cancelled");
    }
}

static void on_patience(void *arg)
{
    struct live *v = arg;
    int64_t now = loop_wall(v->api->loop);
    const struct json *hosts = json_get(v->load.spec, "target_hosts");
    struct str *tasks = mem_calloc(json_len(hosts) + 1, sizeof *tasks);
    size_t n = 0;
    bool is_overdue = false;
    for (size_t i = 0; i < json_len(hosts); i++) {
        const char *host = json_str(json_at(hosts, i), ""), *task;
        const char *why = load_host_overdue(&v->load, host, now, &task);
        if (!why) {
            continue;
        }
        log_event(EV_LOAD_LOST, &(struct log_ctx){ .host = host }, "load simulation %s: %s", v->load.id, why);
        if (*task) {
            tasks[n++] = str_of(task);
        }
        is_overdue |= load_host_set(&v->load, host, LOAD_FAILED, why, now);
    }
    if (n) {
        struct query *batch = q_batch(v->api->store);
        q_add(batch, taskq_cancel(v->api, tasks, n));
        store_run(batch, on_cancelled, NULL);
    }
    free(tasks);
    if (is_overdue) {
        loads__changed(v);
    } else {
        set_patience(v);
    }
}

struct live *loads__add(struct api *api, struct load *l)
{
    struct live *v = mem_alloc(sizeof *v);
    v->api = api;
    v->load = *l;
    l->spec = NULL;
    v->save = timer_new(api->loop, on_save, v);
    v->patience = timer_new(api->loop, on_patience, v);
    HASH_ADD_STR(api->loads->by_id, load.id, v);
    set_patience(v);
    return v;
}

/* ---- news from hosts */

static void news_free(struct news *n)
{
    free(n->host);
    free(n->reason);
    json_free(n->report);
    free(n);
}

static const struct json *find_entry(const struct json *report, const char *id)
{
    for (size_t i = 0; i < json_len(report); i++) {
        const struct json *entry = json_at(report, i);
        if (strcmp(json_get_str(entry, "id", ""), id) == 0) {
            return entry;
        }
    }
    return NULL;
}

static void apply_report(struct api *api, const char *host, const struct json *report)
{
    struct live *v, *next;
    HASH_ITER(hh, api->loads->by_id, v, next) {
        const struct json *entry = find_entry(report, v->load.id);
        if (load_host_reported(&v->load, host, entry, loop_wall(api->loop))) {
            loads__changed(v);
        }
    }
}

static void apply(struct api *api, const struct news *n)
{
    if (n->report) {
        apply_report(api, n->host, n->report);
        return;
    }
    struct live *v = loads__find(api, n->load_id);
    if (v && load_host_set(&v->load, n->host, n->status, n->reason, loop_wall(api->loop))) {
        loads__changed(v);
    }
}

/* Takes n. */
static void tell(struct api *api, struct news *n)
{
    if (api->loads->is_loaded) {
        apply(api, n);
        news_free(n);
    } else {
        LL_APPEND(api->loads->early, n);
    }
}

void loads_reported(struct api *api, const char *host_id, const struct json *loads)
{
    struct news *n = mem_alloc(sizeof *n);
    n->host = mem_strdup(host_id);
    n->report = json_ref(loads);
    tell(api, n);
}

/* What the end of a task says of the load on its host; false: nothing. */
static bool read_task(const struct row *task, enum load_status *ret)
{
    const char *status = row_text(task, F_TASKS_STATUS);
    bool is_start = strcmp(row_text(task, F_TASKS_ACTION), "start") == 0;
    if (strcmp(status, TASK_COMPLETED) == 0) {
        *ret = is_start ? LOAD_RUNNING : LOAD_STOPPED;
        return true;
    }
    *ret = LOAD_FAILED;
    return strcmp(status, TASK_FAILED) == 0 || strcmp(status, TASK_EXPIRED) == 0;
}

void loads_task_changed(struct api *api, const struct row *task)
{
    enum load_status status;
    CLEANUP_JSON struct json *config = row_json(task, F_TASKS_CONFIG);
    if (!read_task(task, &status)) {
        return;
    }
    struct news *n = mem_alloc(sizeof *n);
    n->host = mem_strdup(row_text(task, F_TASKS_HOST_ID));
    str_copy(n->load_id, sizeof n->load_id, str_of(json_get_str(config, "id", "")));
    n->status = status;
    n->reason = status == LOAD_FAILED ? mem_strdup(row_text(task, F_TASKS_ERROR_MESSAGE)) : NULL;
    tell(api, n);
}

/* ---- start and end */

static void on_read_back(void *arg, const struct result *res)
{
    struct api *api = arg;
    if (!api->loads) {
        return; /* stopped before it began */
    }
    if (res->rc != 0) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "load simulations were not read back");
    }
    for (size_t i = 0; i < res->n_rows; i++) {
        struct load l;
        struct err err = { 0 };
        if (load_read(&res->rows[i], &l, &err) != 0) {
            log_error(EV_STORE_FAILED, NULL, &err, "a load simulation is left out");
        } else if (!loads__find(api, l.id)) {
            loads__add(api, &l);
        } else {
            load_done(&l);
        }
    }
    api->loads->is_loaded = true;
    struct news *n, *next;
    LL_FOREACH_SAFE(api->loads->early, n, next) {
        apply(api, n);
        news_free(n);
    }
    api->loads->early = NULL;
}

int loads_start(struct api *api, struct err *err)
{
    static const struct str live[] = { { "starting", 8 }, { "running", 7 }, { "stopping", 8 } };
    api->loads = mem_alloc(sizeof *api->loads);
    struct query *q = q_scan(api->store, C_LOADS);
    q_where_in(q, F_LOADS_STATUS, live, sizeof live / sizeof live[0]);
    store_run(q, on_read_back, api);
    return 0;
}

void loads_flush(struct api *api)
{
    struct live *v, *next;
    HASH_ITER(hh, api->loads->by_id, v, next) {
        if (v->is_dirty && !v->is_saving) {
            timer_clear(v->save);
            on_save(v);
        }
    }
}

void loads_stop(struct api *api)
{
    struct live *v, *next;
    struct news *n, *next_news;
    HASH_ITER(hh, api->loads->by_id, v, next) {
        live_free(v);
    }
    LL_FOREACH_SAFE(api->loads->early, n, next_news) {
        news_free(n);
    }
    free(api->loads);
    api->loads = NULL;
}
