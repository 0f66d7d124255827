/* SPDX-License-Identifier: Apache-2.0 */
/* Load simulations that live are kept in memory and written behind: what tasks and heartbeats say of
 * one is gathered for a moment and stored in one write. The rest is only in the store.
 *
 * After a start the live ones are read back; what is heard before that is kept, and told afterwards. Of
 * several processes each keeps all that live, because a host may report to any: a save is signalled, and
 * the look of peers.c finds what was not heard. The one that leads gives up hosts that say nothing. */
#include <stdlib.h>
#include <string.h>
#include "core/api/loads_priv.h"
#include "core/api/peers.h"
#include "core/api/taskq.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

/* ---- the live ones */

struct live *loads__find(struct api *api, const char *id)
{
    struct live *v = NULL;
    if (api->loads) {
        HASH_FIND_STR(api->loads->by_id, id, v);
    }
    return v;
}

void loads__drop(struct live *v)
{
    HASH_DEL(v->api->loads->by_id, v);
    places__leave(v);
    timer_free(v->save);
    timer_free(v->patience);
    load_news_free(v->unsaved);
    load_news_free(v->saving);
    load_done(&v->load);
    free(v);
}

void loads__patience(struct live *v)
{
    int64_t at = load_next_deadline(&v->load);
    if (at == INT64_MAX || !peers_lead(v->api)) {
        timer_clear(v->patience);
    } else {
        int64_t wait = at - loop_wall(v->api->loop);
        timer_set(v->patience, wait > 0 ? wait : 0);
    }
}

void loads__tell(struct live *v, struct load_news *n)
{
    if (!load_news_apply(&v->load, n, loop_wall(v->api->loop))) {
        load_news_free(n);
        return;
    }
    LL_APPEND(v->unsaved, n);
    loads__patience(v);
    save__soon(v);
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
    if (!peers_lead(v->api)) {
        return; /* it stood still, and another process leads */
    }
    int64_t now = loop_wall(v->api->loop);
    const struct json *hosts = json_get(v->load.spec, "target_hosts");
    struct str *tasks = mem_calloc(json_len(hosts) + 1, sizeof *tasks);
    size_t n = 0;
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
        loads__tell(v, load_news_status(host, v->load.id, LOAD_FAILED, why));
    }
    if (n) {
        struct query *batch = q_batch(v->api->store);
        q_add(batch, taskq_cancel(v->api, tasks, n));
        store_run(batch, on_cancelled, NULL);
    }
    free(tasks);
    loads__patience(v);
}

struct live *loads__add(struct api *api, struct load *l)
{
    struct live *v = mem_alloc(sizeof *v);
    v->api = api;
    v->load = *l;
    v->look = api->loads->look;
    l->spec = NULL;
    save__start(v);
    v->patience = timer_new(api->loop, on_patience, v);
    HASH_ADD_STR(api->loads->by_id, load.id, v);
    places__take(v);
    loads__patience(v);
    return v;
}

void loads_lead(struct api *api)
{
    struct live *v, *next;
    HASH_ITER(hh, api->loads->by_id, v, next) {
        loads__patience(v);
    }
}

/* ---- news from hosts */

/* Loads that another process made a moment ago may be missing here. */
static void fetch_unknown(struct api *api, const struct load_news *n)
{
    if (!store_is_shared(api->store)) {
        return;
    }
    if (!n->report && uuid_valid(str_of(n->load_id)) && !loads__find(api, n->load_id)) {
        save__fetch(api, n->load_id, load_news_copy(n), NULL, NULL);
    }
    for (size_t i = 0; i < json_len(n->report); i++) {
        const char *id = json_get_str(json_at(n->report, i), "id", "");
        if (uuid_valid(str_of(id)) && !loads__find(api, id)) {
            save__fetch(api, id, load_news_copy(n), NULL, NULL);
        }
    }
}

static void apply(struct api *api, const struct load_news *n)
{
    struct place *p;
    fetch_unknown(api, n);
    DL_FOREACH(places__of(api, n->host), p) {
        if (n->report || strcmp(n->load_id, p->live->load.id) == 0) {
            loads__tell(p->live, load_news_copy(n));
        }
    }
}

/* Takes n. */
static void hear(struct api *api, struct load_news *n)
{
    if (api->loads->is_loaded) {
        apply(api, n);
        load_news_free(n);
    } else {
        LL_APPEND(api->loads->early, n);
    }
}

void loads_reported(struct api *api, const char *host_id, const struct json *loads)
{
    hear(api, load_news_report(host_id, loads, loop_wall(api->loop)));
}

/* The end of a change, which says nothing of the load's status. */
static struct load_news *read_change(const struct row *task, const char *load_id)
{
    const char *status = row_text(task, F_TASKS_STATUS), *host = row_text(task, F_TASKS_HOST_ID);
    const char *id = row_text(task, F_TASKS_ID), *why = row_text(task, F_TASKS_ERROR_MESSAGE);
    if (strcmp(status, TASK_COMPLETED) == 0) {
        return load_news_adjust(host, load_id, id, "done", NULL, NULL);
    }
    bool is_over = strcmp(status, TASK_FAILED) == 0 || strcmp(status, TASK_EXPIRED) == 0;
    return is_over ? load_news_adjust(host, load_id, id, "failed", why, NULL) : NULL;
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

/* The load of a task; of the whole config no more is wanted here. */
static void read_load_id(const struct row *task, char ret[UUID_LEN + 1])
{
    struct js js;
    ret[0] = '\0';
    js_init(&js, row_str(task, F_TASKS_CONFIG), JSON_MAX_DEPTH);
    if (js_next(&js) != JS_OBJECT) {
        return;
    }
    while (js_next(&js) == JS_KEY) {
        if (!str_eqz(js.text, "id")) {
            js_skip(&js);
        } else if (js_next(&js) == JS_STRING) {
            str_copy(ret, UUID_LEN + 1, js.text);
            return;
        }
    }
}

void loads_task_changed(struct api *api, const struct row *task)
{
    enum load_status status;
    char id[UUID_LEN + 1];
    read_load_id(task, id);
    if (strcmp(row_text(task, F_TASKS_ACTION), "adjust") == 0) {
        struct load_news *news = read_change(task, id);
        if (news) {
            hear(api, news);
        }
    } else if (read_task(task, &status)) {
        const char *why = status == LOAD_FAILED ? row_text(task, F_TASKS_ERROR_MESSAGE) : NULL;
        hear(api, load_news_status(row_text(task, F_TASKS_HOST_ID), id, status, why));
    }
}

/* ---- other processes */

static struct query *scan_live(struct api *api)
{
    static const struct str live[] = { { "starting", 8 }, { "running", 7 }, { "stopping", 8 } };
    struct query *q = q_scan(api->store, C_LOADS);
    q_where_in(q, F_LOADS_STATUS, live, sizeof live / sizeof live[0]);
    return q;
}

void loads_peer_wrote(struct api *api, const char *id)
{
    struct live *v = loads__find(api, id);
    if (v) {
        save__read(v);
    } else if (uuid_valid(str_of(id))) {
        save__fetch(api, id, NULL, NULL, NULL);
    }
}

static void on_looked(void *arg, const struct result *res)
{
    struct api *api = arg;
    struct live *v, *next;
    if (!api->loads) {
        return;
    }
    api->loads->is_looking = false;
    if (res->rc != 0) {
        return;
    }
    for (size_t i = 0; i < res->n_rows; i++) {
        const char *id = row_text(&res->rows[i], F_LOADS_ID);
        v = loads__find(api, id);
        if (v) {
            v->look = api->loads->look;
        }
        if (!v || v->load.rev < res->rows[i].rev) {
            loads_peer_wrote(api, id);
        }
    }
    HASH_ITER(hh, api->loads->by_id, v, next) {
        if (v->look != api->loads->look) {
            save__read(v); /* it has come to its end, or is gone */
        }
    }
}

void loads_look(struct api *api)
{
    if (api->loads->is_looking) {
        return;
    }
    api->loads->is_looking = true;
    api->loads->look++;
    struct query *q = scan_live(api);
    q_only(q, F_LOADS_ID);
    store_run(q, on_looked, api);
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
    for (const struct load_news *n = api->loads->early; n; n = n->next) {
        apply(api, n);
    }
    load_news_free(api->loads->early);
    api->loads->early = NULL;
}

int loads_start(struct api *api, struct err *err)
{
    (void)err;
    api->loads = mem_alloc(sizeof *api->loads);
    store_run(scan_live(api), on_read_back, api);
    return 0;
}

void loads_flush(struct api *api)
{
    struct live *v, *next;
    HASH_ITER(hh, api->loads->by_id, v, next) {
        save__now(v);
    }
}

size_t loads_unsaved(const struct api *api)
{
    size_t n = 0;
    for (const struct live *v = api->loads->by_id; v; v = v->hh.next) {
        n += v->unsaved || v->saving;
    }
    return n;
}

void loads_stop(struct api *api)
{
    struct live *v, *next;
    HASH_ITER(hh, api->loads->by_id, v, next) {
        loads__drop(v);
    }
    load_news_free(api->loads->early);
    free(api->loads);
    api->loads = NULL;
}
