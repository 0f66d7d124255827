/* SPDX-License-Identifier: Apache-2.0 */
/* Open and close. Opening: make the driver's instance, open it, ENSURE every collection, then one
 * callback. Closing: no new queries, those in flight are answered, then the driver closes, and the store
 * is freed when the turn of its last callback is over. An opening that fails leaves a store that only
 * store_close() ends. */
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/store/store_priv.h"

enum { COMPLAIN_EVERY_S = 10, MAX_INFLIGHT = 4096 };

static void store_free(void *arg)
{
    struct store *st = arg;
    loop_fn *closed = st->on_closed;
    void *closed_arg = st->closed_arg;
    timer_free(st->deadlines);
    instance_free(st->instance);
    pthread_mutex_destroy(&st->mutex);
    free(st);
    if (closed)
        closed(closed_arg);
}

/* ---- opening */

static void open_end(struct store *st)
{
    st->open = st->open_err.code == 0;
    st->ok = st->open;
    store_open_fn *done = st->on_open;
    st->on_open = NULL;
    if (done)
        done(st->open_arg, st->open ? NULL : &st->open_err);
}

/** What people need to see here is what the driver said. */
static void open_failed(struct store *st, const char *doing, const struct result *res)
{
    if (st->open_err.code)
        return;
    err_set(&st->open_err, res->rc, "could not %s: %s", doing, res->err.detail);
    err_detail(&st->open_err, "%s", res->err.detail);
}

static void on_ensured(void *arg, const struct result *res)
{
    struct store *st = arg;
    if (res->rc)
        open_failed(st, "prepare the store", res);
    if (--st->ensuring == 0)
        open_end(st);
}

static void submit_ensure(struct query *q)
{
    q->st->ops->submit(q->st->self, &q->op, &q->req);
}

static void on_opened(void *arg, const struct result *res)
{
    struct store *st = arg;
    if (res->rc || st->closing) {
        if (res->rc)
            open_failed(st, "open the store", res);
        else
            err_set(&st->open_err, ERR_CANCELLED, "the store was closed while it opened");
        open_end(st);
        return;
    }
    st->ensuring = C_COUNT;
    for (unsigned c = 0; c < C_COUNT; c++) {
        struct query *q = query__new(st, PHX_ENSURE);
        q->req.collection = collection_of(c);
        run__launch(q, submit_ensure, on_ensured, st);
    }
}

static void driver_open(struct query *q)
{
    q->st->ops->open(q->st->self, &q->op);
}

struct store *store_open(struct registry *r, const char *driver, const struct json *config, struct loop *l,
                         store_open_fn *done, void *arg, struct err *err)
{
    const struct component *c = registry_find(r, PHX_STORAGE, driver, err);
    struct instance *instance = c ? instance_new(r, c, config, 0, err) : NULL;
    if (!instance)
        return NULL;
    struct store *st = mem_alloc(sizeof(*st));
    st->loop = l;
    st->instance = instance;
    st->ops = c->abi->ops;
    st->self = instance_self(instance);
    st->max_inflight = st->ops->max_inflight ? st->ops->max_inflight : MAX_INFLIGHT;
    st->on_open = done;
    st->open_arg = arg;
    st->complaints.interval_ns = COMPLAIN_EVERY_S * NS_PER_S;
    st->finished_tail = &st->finished;
    pthread_mutex_init(&st->mutex, NULL);
    st->deadlines = timer_new(l, run__on_deadline, st);
    watch__start(st, c->abi);
    run__launch(query__new(st, 0), driver_open, on_opened, st);
    return st;
}

/* ---- closing */

static void on_closed(void *arg, const struct result *res)
{
    struct store *st = arg;
    st->closing = CLOSING_DRIVER_DONE;
}

static void driver_close(struct query *q)
{
    q->st->ops->close(q->st->self, &q->op);
}

void store__idle(struct store *st)
{
    if (st->closing == CLOSING_ASKED) {
        st->closing = CLOSING_DRIVER;
        run__launch(query__new(st, 0), driver_close, on_closed, st);
    } else if (st->closing == CLOSING_DRIVER_DONE) {
        st->closing = CLOSING_FREE;
        loop_defer(st->loop, store_free, st); /* this turn's caller still holds it */
    }
}

void store_close(struct store *st, loop_fn *closed, void *arg)
{
    st->closing = CLOSING_ASKED;
    st->on_closed = closed;
    st->closed_arg = arg;
    if (st->n_inflight == 0 && st->n_pending == 0)
        store__idle(st);
}

bool store_ok(const struct store *st)
{
    return st->open && st->ok;
}

void store_stats(const struct store *st, struct store_stats *ret)
{
    *ret = st->stats;
    ret->inflight = st->n_inflight + st->n_pending;
    ret->oldest_ns = st->inflight && st->inflight->queued_ns ? clock_mono() - st->inflight->queued_ns : 0;
}
