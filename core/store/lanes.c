/* SPDX-License-Identifier: Apache-2.0 */
/* Who goes to the driver next. Each lane has a queue of its own, a bound on what waits in it, and a share
 * of what the driver may have at a time. The lanes take turns: as long as all have something to send,
 * URGENT sends 16 queries, NORMAL 4 and BULK 1, in this order, again and again. So none starves, and
 * nothing stands behind bulk for long: a driver may do all it has in one go (one transaction, one round
 * trip), hence bulk is also bounded by the rows that it writes. */
#include <utlist.h>
#include "core/base/clock.h"
#include "core/store/store_priv.h"

/** `share`: percent of max_inflight. `max_rows`: written by queries in flight; one is let through whatever
 *  its size. 0: any. */
static const struct rule {
    unsigned max_pending, share, turns, max_rows;
} rules[LANE_COUNT] = {
    [LANE_URGENT] = { 20000, 100, 16, 0 },
    [LANE_NORMAL] = { 20000, 75, 4, 0 },
    [LANE_BULK] = { 5000, 25, 1, 2048 }, /* about 15 ms of the embedded store */
};

static uint64_t rows_of(const phx_req *r)
{
    uint64_t n = r->code == PHX_PUT ? r->n_cells / r->collection->n_fields : 1;
    for (uint32_t i = 0; i < r->n_batch; i++)
        n += rows_of(r->batch[i]);
    return n;
}

static bool has_room(const struct store *st, enum store_lane lane)
{
    const struct lane_queue *l = &st->lanes[lane];
    const struct rule *rule = &rules[lane];
    if (l->n_inflight == 0)
        return true;
    if (rule->max_rows > 0 && l->rows_inflight + rows_of(&l->pending->req) > rule->max_rows)
        return false;
    return (uint64_t)l->n_inflight * 100 < (uint64_t)st->max_inflight * rule->share;
}

bool lanes__add(struct store *st, struct query *q)
{
    struct lane_queue *l = &st->lanes[q->lane];
    if (l->n_pending >= rules[q->lane].max_pending) {
        l->refused_total++;
        return false;
    }
    q->queued_ns = clock_mono();
    DL_APPEND(l->pending, q);
    l->n_pending++;
    st->n_pending++;
    return true;
}

void lanes__remove(struct query *q)
{
    struct lane_queue *l = &q->st->lanes[q->lane];
    DL_DELETE(l->pending, q);
    l->n_pending--;
    q->st->n_pending--;
}

static struct query *take_turn(struct store *st)
{
    for (int i = 0; i < LANE_COUNT; i++) {
        struct lane_queue *l = &st->lanes[i];
        if (l->turns == 0 || !l->pending || !has_room(st, (enum store_lane)i))
            continue;
        l->turns--;
        return l->pending;
    }
    return NULL;
}

struct query *lanes__next(struct store *st)
{
    if (st->n_pending == 0 || st->n_inflight >= st->max_inflight)
        return NULL;
    struct query *q = take_turn(st);
    if (!q) { /* a new round; also nobody may have room */
        for (int i = 0; i < LANE_COUNT; i++)
            st->lanes[i].turns = rules[i].turns;
        q = take_turn(st);
    }
    if (q)
        lanes__remove(q);
    return q;
}

void lanes__launched(struct query *q)
{
    struct lane_queue *l = &q->st->lanes[q->lane];
    q->n_req_rows = rows_of(&q->req);
    l->rows_inflight += q->n_req_rows;
    l->n_inflight++;
    q->st->n_inflight++;
}

void lanes__landed(struct query *q)
{
    struct lane_queue *l = &q->st->lanes[q->lane];
    l->rows_inflight -= q->n_req_rows;
    l->n_inflight--;
    q->st->n_inflight--;
}

void store_lane_stats(const struct store *st, enum store_lane lane, struct store_lane_stats *ret)
{
    const struct lane_queue *l = &st->lanes[lane];
    *ret = (struct store_lane_stats){ .pending = l->n_pending,
                                      .inflight = l->n_inflight,
                                      .refused_total = l->refused_total,
                                      .oldest_ns = l->pending ? clock_mono() - l->pending->queued_ns : 0 };
}
