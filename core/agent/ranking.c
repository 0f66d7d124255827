/* SPDX-License-Identifier: Apache-2.0 */
/* A look at 50,000 processes takes half a second, so it is made on a lane; the lane is opened by the first
 * one. While a look is under way rank and names are the lane's; who frees the ranking meanwhile leaves it to
 * the end of the look. */
#include <stdlib.h>
#include "core/agent/rank.h"
#include "core/agent/ranking.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/lane.h"

#define NAMES_BYTES (8 << 20)

struct ranking {
    struct loop *loop;
    struct rank *rank;
    struct lane *lane;
    struct timer *timer;
    struct buf names;
    struct err err; /* of the look */
    ranking_fn *looked;
    void *arg;
    bool is_busy, is_abandoned;
};

static void on_timer(void *arg);

struct ranking *ranking_new(struct loop *l, const char *text, ranking_fn *looked, void *arg, struct err *err)
{
    struct rank *rank = rank_new(str_of(text), err);
    if (!rank)
        return NULL;
    struct ranking *r = mem_alloc(sizeof *r);
    *r = (struct ranking){ .loop = l, .rank = rank, .looked = looked, .arg = arg };
    r->timer = timer_new(l, on_timer, r);
    buf_init(&r->names, NAMES_BYTES);
    return r;
}

static void ranking_end(void *arg)
{
    struct ranking *r = arg;
    rank_free(r->rank);
    buf_done(&r->names);
    free(r);
}

void ranking_free(struct ranking *r)
{
    if (!r)
        return;
    timer_free(r->timer);
    r->is_abandoned = true;
    if (r->lane)
        lane_close(r->lane, ranking_end, r); /* after a look that is under way */
    else
        ranking_end(r);
}

static void look(void *arg)
{
    struct ranking *r = arg;
    buf_reset(&r->names);
    r->err = (struct err){ 0 };
    if (rank_look(r->rank, "/proc", &r->names, &r->err) == 0 && r->names.failed)
        err_set(&r->err, ERR_LIMIT, "the names of the ranked processes take more than %d bytes", NAMES_BYTES);
}

char *ranking_now(struct ranking *r, struct err *err)
{
    look(r);
    if (r->err.code != 0)
        *err = r->err;
    return r->err.code == 0 ? mem_strdup(buf_cstr(&r->names)) : NULL;
}

static void on_looked(void *job, int32_t status)
{
    struct ranking *r = job;
    r->is_busy = false;
    if (r->is_abandoned)
        return;
    if (r->err.code != 0)
        log_error(EV_COLLECTOR_NAMES, NULL, &r->err, "the processes of this host could not be ranked");
    else
        r->looked(r->arg, buf_str(&r->names));
}

static void on_timer(void *arg)
{
    struct ranking *r = arg;
    struct err err = { 0 };
    if (!r->lane)
        r->lane = lane_open(r->loop, "rank", &err);
    if (!r->lane || r->is_busy)
        return; /* the next tick tries again */
    r->is_busy = true;
    lane_run(r->lane, look, on_looked, r);
}

void ranking_start(struct ranking *r)
{
    timer_every(r->timer, rank_every(r->rank), rank_every(r->rank));
}
