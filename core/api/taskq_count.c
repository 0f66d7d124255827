/* SPDX-License-Identifier: Apache-2.0 */
/* The depth of the queue: counted in the store, but only after something has changed, or may have. */
#include <stdlib.h>
#include "core/api/taskq_priv.h"
#include "core/base/mem.h"

#define COUNT_NS (2 * NS_PER_S) /* /metrics does not wait longer: it has the last count */
#define FRESH_NS NS_PER_S

struct count {
    struct taskq *tq;
    uint64_t changes; /* when it was asked */
    loop_fn *done;
    void *arg;
};

static void on_counted(void *arg, const struct result *res)
{
    struct count *c = arg;
    struct taskq_depth d = { 0 };
    for (size_t i = 0; i < res->n_rows; i++) {
        struct str status = row_str(&res->rows[i], F_TASKS_STATUS);
        d.pending += str_eqz(status, TASK_PENDING);
        d.assigned += str_eqz(status, TASK_ASSIGNED);
        d.running += str_eqz(status, TASK_RUNNING);
    }
    if (res->rc == 0) {
        c->tq->depth = d;
        c->tq->counted = c->changes;
        c->tq->counted_at = clock_mono();
    }
    c->done(c->arg);
    free(c);
}

/* Is the last count good enough? Other processes change the queue unheard. */
static bool is_fresh(const struct taskq *tq)
{
    if (store_is_shared(tq->api->store)) {
        return tq->counted_at && clock_mono() - tq->counted_at < FRESH_NS;
    }
    return tq->counted == tq->changes;
}

void taskq_count(struct api *api, loop_fn *done, void *arg)
{
    struct taskq *tq = api->taskq;
    if (is_fresh(tq)) {
        done(arg);
        return;
    }
    struct count *c = mem_alloc(sizeof *c);
    *c = (struct count){ .tq = tq, .changes = tq->changes, .done = done, .arg = arg };
    struct query *q = q_scan(api->store, C_TASKS);
    q_where_in(q, F_TASKS_STATUS, (struct str[]){ STR(TASK_PENDING), STR(TASK_ASSIGNED), STR(TASK_RUNNING) },
               3);
    q_order(q, F_TASKS_STATUS);
    q_order(q, F_TASKS_ID);
    q_flags(q, PHX_DISTINCT); /* these fields only */
    q_deadline(q, COUNT_NS);
    store_run(q, on_counted, c);
}

void taskq_depth(const struct api *api, struct taskq_depth *ret)
{
    *ret = api->taskq->depth;
}
