/* SPDX-License-Identifier: Apache-2.0 */
/* Which connection serves an operation: durable writes, claims, relaxed bulk and reads each have their own,
 * so that a slow read or a mass of samples never stands before a claim. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pg_ops.h"

static const uint64_t LOOK_NS = 100000000;

static enum lane_id lane_of(const phx_req *r)
{
    if (r->code == PHX_GET || r->code == PHX_SCAN)
        return LANE_READ;
    if (!(r->flags & PHX_RELAXED) || r->code == PHX_PING)
        return LANE_WRITE;
    return r->code == PHX_UPDATE ? LANE_CLAIM : LANE_BULK;
}

void job_done(struct job *j)
{
    say(j->op, j->status, j->n, j->status == PHX_OK ? "" : j->why);
    free(j);
}

/** As long as something is under way somebody looks at the clock. */
static void on_look(void *arg)
{
    phx_self *self = arg;
    phx_mono now = self->host->mono(self->host);
    bool idle = true;
    for (int i = 0; i < N_LANES; i++) {
        lane_look(self->lanes[i], now);
        idle = idle && lane_is_idle(self->lanes[i]);
    }
    if (idle) {
        self->loop->untimer(self->look);
        self->look = NULL;
    }
}

static size_t cells_bytes(const phx_cell *c, uint32_t n)
{
    size_t bytes = 16 * (size_t)n;
    for (uint32_t i = 0; i < n; i++)
        bytes += c[i].s.n; /* 0 unless it is a text */
    return bytes;
}

static size_t request_bytes(const phx_req *r)
{
    size_t bytes = 64 + cells_bytes(r->cells, r->n_cells);
    for (uint32_t i = 0; i < r->n_conds; i++)
        if (r->conds[i].op <= PHX_IN)
            bytes += cells_bytes(r->conds[i].cell, r->conds[i].op == PHX_IN ? r->conds[i].n_cells : 1);
    for (uint32_t i = 0; i < r->n_sets; i++)
        bytes += cells_bytes(&r->sets[i].cell, 1);
    return bytes;
}

/** What is asked for is declared, and not too much. */
static phx_status request_ok(const phx_self *self, struct job *j, const phx_req *r)
{
    if (r->code != PHX_PING && !decl_find(self, r->collection)) {
        snprintf(j->why, WHY_MAX, "collection \"%s\" was not declared, or otherwise", r->collection->name);
        return PHX_E_INVAL;
    }
    j->bytes += request_bytes(r);
    if (j->bytes <= PARAMS_BYTES / 2)
        return PHX_OK;
    snprintf(j->why, WHY_MAX, "the operation has more than %d MiB of values", PARAMS_BYTES / 2 >> 20);
    return PHX_E_LIMIT;
}

static phx_status job_ok(const phx_self *self, struct job *j)
{
    const phx_req *r = j->req;
    if (r->code != PHX_BATCH)
        return request_ok(self, j, r);
    for (uint32_t i = 0; i < r->n_batch; i++) {
        phx_status rc = request_ok(self, j, r->batch[i]);
        j->n = rc ? i : 0;
        /* Likely to roll back, and its neighbours with it; a new record's key is rarely there already. */
        j->alone = j->alone || (r->batch[i]->if_rev && r->batch[i]->if_rev != PHX_REV_NEW);
        if (rc)
            return rc;
    }
    return PHX_OK;
}

static void queue(phx_self *self, struct job *j)
{
    lane_submit(self->lanes[lane_of(j->req)], j);
    if (!self->look)
        self->look = self->loop->timer(self->host, LOOK_NS, LOOK_NS, on_look, self);
}

/* ---- retention: whole partitions go first */

struct expiry {
    phx_self *self;
    struct job *job;
};

static void on_dropped(void *arg, phx_status status, uint64_t n, const char *why)
{
    struct expiry *e = arg;
    struct job *j = e->job;
    j->n = n;
    j->status = status;
    snprintf(j->why, WHY_MAX, "%s", why);
    if (status == PHX_OK)
        queue(e->self, j);
    else
        job_done(j);
    free(e);
}

static bool drop_first(phx_self *self, struct job *j)
{
    const phx_req *r = j->req;
    struct decl *d = r->code == PHX_DELETE ? decl_find(self, r->collection) : NULL;
    struct expiry *e = d && partition_expires(d, r) ? malloc(sizeof(*e)) : NULL;
    if (!e)
        return false;
    *e = (struct expiry){ self, j };
    partition_drop(self, d, r->conds[0].cell->i, on_dropped, e);
    return true;
}

void route_submit(phx_self *self, phx_op *op, const phx_req *req)
{
    const char *why;
    uint64_t member;
    phx_status rc = phx_req_check(req, &member, &why);
    if (rc) {
        say(op, rc, member, why);
        return;
    }
    if (req->code == PHX_ENSURE) {
        schema_ensure(self, op, req);
        return;
    }
    struct job *j = calloc(1, sizeof(*j));
    if (!j) {
        say(op, PHX_E_NOMEM, 0, "out of memory");
        return;
    }
    j->op = op;
    j->req = req;
    j->status = job_ok(self, j);
    if (j->status)
        job_done(j);
    else if (req->code == PHX_BATCH && req->n_batch == 0)
        job_done(j);
    else if (!drop_first(self, j))
        queue(self, j);
}

void route_cancel(phx_self *self, phx_op *op)
{
    for (int i = 0; i < N_LANES; i++)
        if (lane_cancel(self->lanes[i], op))
            return;
}
