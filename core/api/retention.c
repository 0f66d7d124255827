/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks count from their end, not from their creation: a task that waited long and finished just now stays.
 * Idempotency keys are kept a day, whatever the retention of the rest.
 */
#include "core/api/retention.h"
#include <stdlib.h>
#include "core/api/peers.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define FIRST_NS (60 * NS_PER_S)
#define EVERY_NS (600 * NS_PER_S)
#define KEYS_NS (24 * 3600 * NS_PER_S)
enum { TASK_CHUNK = 1000 };

struct retention {
    struct api *api;
    struct timer *timer;
    unsigned step; /* which collection; 0: idle */
};
static const enum collection steps[] = { C_SAMPLES, C_CENSUS, C_LOGS, C_BATCHES, C_IDEMPOTENCY };
enum { N_STEPS = sizeof steps / sizeof steps[0] };

static void next_step(struct retention *r);

static void on_step(void *arg, const struct result *res)
{
    struct retention *r = arg;
    if (res->rc) {
        log_error(EV_STORE_FAILED, NULL, &res->err, "old rows were not deleted; tried again later");
        r->step = 0;
        return;
    }
    bool again = r->step > N_STEPS && res->n == TASK_CHUNK;
    r->step += again ? 0 : 1;
    next_step(r);
}

static void expire_tasks(struct retention *r)
{
    struct query *q = q_delete(r->api->store, C_TASKS);
    q_where_int(q, F_TASKS_COMPLETED_AT, PHX_LT, loop_wall(r->api->loop) - r->api->settings->retention);
    q_limit(q, TASK_CHUNK);
    q_flags(q, PHX_RELAXED);
    q_lane(q, LANE_BULK);
    store_run(q, on_step, r);
}

static void next_step(struct retention *r)
{
    if (r->api->draining || r->step > N_STEPS + 1 || !peers_lead(r->api)) {
        r->step = 0;
    } else if (r->step == N_STEPS + 1) {
        expire_tasks(r);
    } else {
        enum collection c = steps[r->step - 1];
        int64_t keep = c == C_IDEMPOTENCY ? KEYS_NS : r->api->settings->retention;
        store_expire(r->api->store, c, loop_wall(r->api->loop) - keep, on_step, r);
    }
}

static void on_timer(void *arg)
{
    struct retention *r = arg;
    if (r->step == 0 && peers_lead(r->api)) {
        r->step = 1;
        next_step(r);
    }
}

int retention_start(struct api *api, struct err *err)
{
    struct retention *r = mem_alloc(sizeof *r);
    r->api = api;
    r->timer = timer_new(api->loop, on_timer, r);
    timer_every(r->timer, FIRST_NS, EVERY_NS);
    api->retention = r;
    return 0;
}

void retention_stop(struct api *api)
{
    timer_free(api->retention->timer);
    free(api->retention);
    api->retention = NULL;
}
