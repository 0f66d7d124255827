/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a live load to the store and back. A save is conditional on the revision that was read. When
 * another process was first, theirs is read and the news that this process has not saved are applied to it
 * again; so no news are lost, whoever heard them. News are values, and applying them twice does no harm.
 *
 * The live one may be gone when an answer comes, so it is known by its id.
 */
#include <stdlib.h>
#include "core/api/loads_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define SAVE_DELAY_NS (100 * NS_PER_MS)
#define RETRY_NS NS_PER_S

struct trip {
    struct api *api;
    char id[UUID_LEN + 1];
    struct load_news *news; /* fetch: to be told */
    loop_fn *then;
    void *arg;
};

static struct trip *trip_new(struct api *api, const char *id)
{
    struct trip *t = mem_alloc(sizeof *t);
    t->api = api;
    str_copy(t->id, sizeof t->id, str_of(id));
    return t;
}

/* NULL: it has ended meanwhile. */
static struct live *trip_end(struct trip *t)
{
    struct live *v = loads__find(t->api, t->id);
    free(t);
    return v;
}

static void read_row(struct trip *t, query_done_fn *done)
{
    struct query *q = q_get(t->api->store, C_LOADS);
    q_text(q, F_LOADS_ID, t->id);
    store_run(q, done, t);
}

/* ---- after a save or a read */

/* The save failed: what it held is to be saved, before what came since. */
static void unsave(struct live *v)
{
    LL_CONCAT(v->saving, v->unsaved);
    v->unsaved = v->saving;
    v->saving = NULL;
}

static void go_on(struct live *v)
{
    v->is_busy = false;
    if (v->is_stale) {
        save__read(v);
    } else if (v->unsaved) {
        timer_set(v->save, SAVE_DELAY_NS);
    } else if (load_status_final(load_status(&v->load))) {
        loads__drop(v);
    }
}

static void fail(struct live *v)
{
    unsave(v);
    v->is_busy = false;
    timer_set(v->save, RETRY_NS);
}

/* ---- reading */

static void adopt(struct live *v, struct load *theirs)
{
    if (theirs->rev <= v->load.rev) {
        load_done(theirs); /* read before our last save */
    } else {
        load_done(&v->load);
        v->load = *theirs;
        if (!load_news_apply(&v->load, v->unsaved, loop_wall(v->api->loop))) {
            load_news_free(v->unsaved);
            v->unsaved = NULL;
        }
        loads__patience(v);
    }
    go_on(v);
}

static void on_read(void *arg, const struct result *res)
{
    struct live *v = trip_end(arg);
    struct load theirs;
    if (!v) {
        return;
    }
    if (res->rc == ERR_NOTFOUND) {
        loads__drop(v);
    } else if (res->rc != 0 || load_read(&res->rows[0], &theirs, NULL) != 0) {
        v->is_stale = true;
        fail(v);
    } else {
        adopt(v, &theirs);
    }
}

void save__read(struct live *v)
{
    if (v->is_busy) {
        v->is_stale = true;
        return;
    }
    timer_clear(v->save);
    v->is_busy = true;
    v->is_stale = false;
    read_row(trip_new(v->api, v->load.id), on_read);
}

static void on_fetched(void *arg, const struct result *res)
{
    struct trip *t = arg;
    struct load theirs;
    if (!t->api->loads) {
        load_news_free(t->news);
        free(t);
        return;
    }
    if (res->rc == 0 && !loads__find(t->api, t->id) && load_read(&res->rows[0], &theirs, NULL) == 0) {
        if (load_status_final(load_status(&theirs))) {
            load_done(&theirs);
        } else {
            loads__add(t->api, &theirs);
        }
    }
    struct live *v = loads__find(t->api, t->id);
    if (v && t->news) {
        loads__tell(v, t->news);
    } else {
        load_news_free(t->news);
    }
    if (t->then) {
        t->then(t->arg);
    }
    free(t);
}

void save__fetch(struct api *api, const char *id, struct load_news *news, loop_fn *then, void *arg)
{
    struct trip *t = trip_new(api, id);
    t->news = news;
    t->then = then;
    t->arg = arg;
    read_row(t, on_fetched);
}

/* ---- saving */

static void on_saved(void *arg, const struct result *res)
{
    struct live *v = trip_end(arg);
    if (!v) {
        return;
    }
    if (res->rc == 0 && res->n_rows > 0) {
        v->load.rev = res->rows[0].rev;
        load_news_free(v->saving);
        v->saving = NULL;
        store_signal(v->api->store, TOPIC_LOADS, v->load.id);
        go_on(v);
    } else if (res->rc == 0 || res->rc == ERR_CONFLICT) {
        unsave(v);
        v->is_busy = false;
        save__read(v);
    } else {
        log_error(EV_STORE_FAILED, NULL, &res->err, "load simulation %s was not saved", v->load.id);
        fail(v);
    }
}

void save__now(struct live *v)
{
    timer_clear(v->save);
    if (v->is_busy || !v->unsaved) {
        return;
    }
    v->is_busy = true;
    v->saving = v->unsaved;
    v->unsaved = NULL;
    store_run(load_save(v->api->store, &v->load), on_saved, trip_new(v->api, v->load.id));
}

static void on_timer(void *arg)
{
    struct live *v = arg;
    if (v->is_stale) {
        save__read(v);
    } else {
        save__now(v);
    }
}

void save__soon(struct live *v)
{
    if (!v->is_busy && !timer_is_set(v->save)) {
        timer_set(v->save, SAVE_DELAY_NS);
    }
}

void save__start(struct live *v)
{
    v->save = timer_new(v->api->loop, on_timer, v);
}
