/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: delete what is older than a time, or all, in chunks, so that no other query waits long. Each
 * chunk is sent when the last one was answered; the driver's queue lets others in between. */
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/store/store_priv.h"

enum { CHUNK_ROWS = 1000 }; /* about 10 ms of SQLite */
#define DAY_NS (24 * 3600 * NS_PER_S)

struct expiry {
    struct store *st;
    enum collection c;
    bool all;
    int64_t before_ns; /**< unless all */
    uint64_t n;
    query_done_fn *done;
    void *arg;
};

static void on_chunk(void *arg, const struct result *res);

static void next_chunk(struct expiry *x)
{
    struct query *q = q_delete(x->st, x->c);
    int field = x->all ? 0 : (int)collection_of(x->c)->time_field;
    if (x->all)
        query__where(q, field, PHX_NOT_NULL, NULL); /* a part of the key: true of each row */
    else
        q_where_int(q, field, PHX_LT, x->before_ns);
    q_order(q, field);
    q_limit(q, CHUNK_ROWS);
    q_flags(q, PHX_RELAXED);
    q_lane(q, LANE_BULK);
    store_run(q, on_chunk, x);
}

static void on_chunk(void *arg, const struct result *res)
{
    struct expiry *x = arg;
    x->n += res->n;
    if (res->rc == 0 && res->n >= CHUNK_ROWS) { /* more: the driver dropped whole days at once */
        next_chunk(x);
        return;
    }
    struct result whole = *res;
    whole.n = x->n;
    query_done_fn *done = x->done;
    void *done_arg = x->arg;
    free(x);
    if (done)
        done(done_arg, &whole);
}

static void start(struct expiry plan)
{
    struct expiry *x = mem_alloc(sizeof(*x));
    *x = plan;
    next_chunk(x);
}

/** A driver may keep a collection whose time is a part of its key in days (UTC), and drop a day much cheaper
 *  than its rows. So days go as a whole, unless less than two are kept. */
static int64_t cutoff(const struct store *st, const phx_collection *c, int64_t before_ns)
{
    bool by_day = c->time_field < c->n_key && loop_wall(st->loop) - before_ns >= 2 * DAY_NS;
    return by_day && before_ns > 0 ? before_ns - before_ns % DAY_NS : before_ns;
}

void store_expire(struct store *st, enum collection c, int64_t before_wall_ns, query_done_fn *done, void *arg)
{
    int64_t before = cutoff(st, collection_of(c), before_wall_ns);
    start((struct expiry){ .st = st, .c = c, .before_ns = before, .done = done, .arg = arg });
}

void store_clear(struct store *st, enum collection c, query_done_fn *done, void *arg)
{
    start((struct expiry){ .st = st, .c = c, .all = true, .done = done, .arg = arg });
}
