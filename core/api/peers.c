/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look at the store, every LOOK_NS, on a shared store only: hosts with tasks that are due are woken, so
 * that no lost signal delays a task for longer. Every other time the leader looks for leases of tasks that
 * end, which is as often as a delivery lasts; in between it looks for experiments to step, or loads are
 * compared with those in memory. None of it grows with the number of agents: with the leases of lease.c an
 * idle process is less than one statement a second.
 */
#include "core/api/peers.h"
#include <stdlib.h>
#include "core/api/lease.h"
#include "core/api/loads.h"
#include "core/api/scheduler.h"
#include "core/api/taskq.h"
#include "core/api/waiters.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define LOOK_NS (5 * NS_PER_S)
enum { PENDING_ROWS = 5000 }; /* of one answer; a full one is followed by another */

struct peers {
    struct api *api;
    struct lease *lease;
    struct timer *look;
    unsigned looks;
    bool is_looking, again;
    char host[UUID_LEN * 2]; /* the last one of the look so far; name_valid() is shorter */
};

bool peers_lead(const struct api *api)
{
    return api->peers && lease_held(api->peers->lease);
}

/* ---- tasks that are due */

static void on_pending(void *arg, const struct result *res);

static void next_pending(struct peers *p)
{
    struct query *q = q_scan(p->api->store, C_TASKS);
    q_where_text(q, F_TASKS_STATUS, PHX_EQ, TASK_PENDING);
    q_where_int(q, F_TASKS_RUN_AT, PHX_LE, loop_wall(p->api->loop) + taskq_clocks_apart(p->api));
    if (p->host[0]) {
        q_where_text(q, F_TASKS_HOST_ID, PHX_GT, p->host);
    }
    q_order(q, F_TASKS_HOST_ID);
    q_flags(q, PHX_DISTINCT);
    q_limit(q, PENDING_ROWS);
    store_run(q, on_pending, p);
}

/* What was committed after this read is told by a signal, so that no host that is not named here has a
 * task: what the waiting room knows of empty hosts stays true, also after signals were lost. */
static void look_pending(struct peers *p)
{
    if (p->is_looking) {
        p->again = true;
        return;
    }
    p->is_looking = true;
    p->again = false;
    p->host[0] = '\0';
    next_pending(p);
}

static void on_pending(void *arg, const struct result *res)
{
    struct peers *p = arg;
    if (!p->api->peers) {
        return;
    }
    for (size_t i = 0; i < res->n_rows; i++) {
        waiters_wake(p->api, row_text(&res->rows[i], F_TASKS_HOST_ID));
    }
    if (res->n_rows == PENDING_ROWS) {
        str_copy(p->host, sizeof p->host, row_str(&res->rows[res->n_rows - 1], F_TASKS_HOST_ID));
        next_pending(p);
        return;
    }
    p->is_looking = false;
    if (res->rc == 0) {
        taskq_heard(p->api);
    }
    if (p->again && !p->api->draining) {
        look_pending(p);
    }
}

/* ---- the look */

static void look_loads(struct peers *p)
{
    loads_look(p->api);
}

static void look_leases(struct peers *p)
{
    if (peers_lead(p->api)) {
        taskq_look(p->api);
    }
}

static void look_experiments(struct peers *p)
{
    if (peers_lead(p->api)) {
        scheduler_look(p->api);
    }
}

/* What is less urgent takes turns. */
static void on_look(void *arg)
{
    struct peers *p = arg;
    if (!p->api->draining) {
        static void (*const turns[])(struct peers *p) = { look_leases, look_loads, look_leases,
                                                          look_experiments };
        look_pending(p);
        turns[p->looks++ % 4](p);
    }
}

static void look_at_all(struct peers *p)
{
    if (!p->api->draining) {
        look_pending(p);
        look_loads(p);
        look_leases(p);
        look_experiments(p);
    }
}

/* ---- what others say */

static void on_changed(void *arg, enum topic topic, const char *key)
{
    struct api *api = arg;
    if (!api->peers) {
        return; /* the parts have not started: they read everything when they do */
    }
    switch (topic) {
    case TOPIC_TASKS: waiters_wake(api, key); break;
    case TOPIC_OUTCOMES:
        if (peers_lead(api)) {
            scheduler_task_changed(api, key);
        }
        break;
    case TOPIC_HOSTS:
        if (peers_lead(api)) {
            scheduler_host_changed(api, key);
        }
        break;
    case TOPIC_EXPERIMENTS: scheduler_peer_wrote(api, key); break;
    case TOPIC_LOADS: loads_peer_wrote(api, key); break;
    case TOPIC_COUNT: break;
    }
}

static void on_resync(void *arg)
{
    struct api *api = arg;
    if (api->peers) {
        look_at_all(api->peers);
    }
}

void peers_listen(struct api *api)
{
    struct store_listener listener = { .changed = on_changed, .resync = on_resync, .arg = api };
    store_listen(api->store, &listener);
}

/* ---- who leads */

static void on_gained(void *arg)
{
    struct peers *p = arg;
    taskq_look(p->api);
    loads_lead(p->api);
    scheduler_look(p->api);
}

static void on_lost(void *arg)
{
    struct peers *p = arg;
    loads_lead(p->api);
    scheduler_lost(p->api);
}

int peers_start(struct api *api, struct err *err)
{
    (void)err;
    struct peers *p = mem_alloc(sizeof *p);
    p->api = api;
    p->look = timer_new(api->loop, on_look, p);
    api->peers = p;
    p->lease = lease_new(api, LEASE_SINGLETONS, on_gained, on_lost, p);
    if (store_is_shared(api->store)) {
        timer_every(p->look, (int64_t)(random_u64() % (uint64_t)LOOK_NS), LOOK_NS);
    }
    return 0;
}

void peers_stop(struct api *api)
{
    timer_free(api->peers->look);
    free(api->peers); /* its lease is freed with the leases */
    api->peers = NULL;
}
