/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who was heard of when, across processes. An agent may speak to any of those that share the store, so each
 * one's memory knows only a part; all is in the store, half a second old. What is read there is kept in the
 * map. The process that leads reads it every four heartbeat intervals, for whoever was lost or came back.
 */
#include <stdlib.h>
#include "core/api/agents_priv.h"
#include "core/api/peers.h"
#include "core/api/scheduler.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { REFRESH_ROWS = 10000 }; /* of one answer: a large fleet must not hold up the loop */

void agent__learn(struct agents *as, const struct row *r)
{
    struct agent *a = agent__get(as, row_text(r, F_AGENTS_HOST_ID));
    int64_t last_seen = row_time(r, F_AGENTS_LAST_HEARTBEAT);
    if (!a) {
        return;
    }
    a->last_seen = last_seen > a->last_seen ? last_seen : a->last_seen;
    a->created_at = row_time(r, F_AGENTS_CREATED_AT);
    a->stored = true;
}

struct query *agent__scan(struct agents *as)
{
    struct query *q = q_scan(as->api->store, C_AGENTS);
    q_order(q, F_AGENTS_HOST_ID);
    q_only(q, F_AGENTS_HOST_ID);
    q_only(q, F_AGENTS_LAST_HEARTBEAT);
    q_only(q, F_AGENTS_CREATED_AT);
    return q;
}

/* ---- some hosts */

bool agents_know(struct api *api, const char *host)
{
    const struct agent *a = agent__find(api->agents, host);
    return a && a->last_seen != 0;
}

struct seen {
    struct agents *as;
    const char *const *hosts;
    size_t n;
    int64_t *ret;
    agents_seen_fn *done;
    void *arg;
};

static void seen_fill(const struct seen *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct agent *a = agent__find(s->as, s->hosts[i]);
        s->ret[i] = a ? a->last_seen : 0;
    }
}

static void on_seen(void *arg, const struct result *res)
{
    struct seen *s = arg;
    for (size_t i = 0; i < res->n_rows; i++) {
        agent__learn(s->as, &res->rows[i]);
    }
    seen_fill(s);
    s->done(s->arg, res->rc ? &res->err : NULL);
    free(s);
}

void agents_seen(struct api *api, const char *const *hosts, size_t n, int64_t *ret, agents_seen_fn *done,
                 void *arg)
{
    struct seen s = { .as = api->agents, .hosts = hosts, .n = n, .ret = ret, .done = done, .arg = arg };
    if (!store_is_shared(api->store)) {
        seen_fill(&s);
        done(arg, NULL);
        return;
    }
    struct query *q = agent__scan(api->agents);
    struct str *names = arena_calloc(q_arena(q), n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++) {
        names[i] = str_of(hosts[i]);
    }
    q_where_in(q, F_AGENTS_HOST_ID, names, n);
    struct seen *copy = mem_alloc(sizeof *copy);
    *copy = s;
    store_run(q, on_seen, copy);
}

/* ---- who was lost, who came back */

static void look_at(struct agents *as, struct agent *a)
{
    struct log_ctx ctx = { .host = a->host };
    bool is_lost = strcmp(agents_status(as->api, a->last_seen, ""), "lost") == 0;
    if (is_lost && !a->lost) {
        char since[32];
        log_event(EV_AGENT_LOST, &ctx, "last heard of at %s", rfc3339_format(a->last_seen, since));
    } else if (!is_lost && a->lost) {
        log_event(EV_AGENT_SEEN, &ctx, "it speaks again");
        scheduler_host_changed(as->api, a->host);
    }
    a->lost = is_lost;
}

static void look_at_all(struct agents *as)
{
    for (struct agent *a = as->by_host; a; a = a->hh.next) {
        look_at(as, a);
    }
}

static void on_refreshed(void *arg, const struct result *res);

static void refresh(struct agents *as, const char *after)
{
    struct query *q = agent__scan(as);
    if (after) {
        q_where_text(q, F_AGENTS_HOST_ID, PHX_GT, after);
    }
    q_limit(q, REFRESH_ROWS);
    as->refreshing = true;
    store_run(q, on_refreshed, as);
}

static void on_refreshed(void *arg, const struct result *res)
{
    struct agents *as = arg;
    as->refreshing = false;
    if (res->rc || !peers_lead(as->api)) {
        return; /* the next interval comes */
    }
    for (size_t i = 0; i < res->n_rows; i++) {
        agent__learn(as, &res->rows[i]);
    }
    if (res->n_rows == REFRESH_ROWS) {
        refresh(as, row_text(&res->rows[res->n_rows - 1], F_AGENTS_HOST_ID));
    } else {
        look_at_all(as);
    }
}

void agent__watch(void *arg)
{
    struct agents *as = arg;
    if (!store_is_shared(as->api->store)) {
        look_at_all(as);
    } else if (!as->refreshing && peers_lead(as->api)) {
        refresh(as, NULL);
    }
}
