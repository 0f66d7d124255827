/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One timer for all leases of the process: at each tick one UPDATE renews what is held, and one SCAN reads
 * the rest. Statements are answered by name, so a lease may be freed while one is on its way.
 */
#include "core/api/lease.h"
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"

struct lease {
    struct lease *prev, *next;
    struct leases *room;
    loop_fn *gained, *lost;
    void *arg;
    bool held;
    bool is_asked;       /* it is in the renewal or in the look that is on its way */
    bool is_taking;      /* a statement that takes it is on its way */
    int64_t epoch, beat; /* as the row was last seen; held: our epoch */
    int64_t since_ns;    /* held: when the last renewal that succeeded was sent; otherwise when the row was
                            first seen as it is; 0: never */
    char name[];
};
struct leases {
    struct api *api;
    struct lease *all;
    struct timer *timer;
    int64_t ttl_ns, look_ns, hold_ns, retry_ns;
    bool is_shared, is_posted, is_over, is_failing;
    bool is_renewing, is_looking; /* a statement is on its way */
    int64_t renewed_ns;           /* when it was sent */
    char owner[128];
};
/** A statement that takes a lease. */
struct attempt {
    struct leases *room;
    int64_t sent_ns, epoch;
    char name[];
};

static struct lease *lease_find(struct leases *room, const char *name)
{
    struct lease *l;
    DL_FOREACH(room->all, l) {
        if (strcmp(l->name, name) == 0) {
            break;
        }
    }
    return l;
}

static bool is_late(const struct lease *l, int64_t now)
{
    return l->held && l->room->is_shared && (l->since_ns == 0 || now - l->since_ns >= l->room->hold_ns);
}

/* ---- gained, lost. After either the list may be another. */

static void lease_gain(struct lease *l, int64_t epoch, int64_t since_ns)
{
    l->held = true;
    l->is_asked = false;
    l->epoch = epoch;
    l->since_ns = since_ns;
    if (l->room->is_shared) {
        log_event(EV_LEASE_GAINED, NULL, "lease=%s epoch=%lld", l->name, (long long)epoch);
    }
    if (l->gained) {
        l->gained(l->arg);
    }
}

static void lease_lose(struct lease *l)
{
    l->held = l->is_asked = false;
    l->since_ns = 0;
    if (l->room->is_shared && !l->room->is_over) {
        log_event(EV_LEASE_LOST, NULL, "lease=%s epoch=%lld", l->name, (long long)l->epoch);
    }
    if (l->lost) {
        l->lost(l->arg);
    }
}

static void lose_late(struct leases *room)
{
    int64_t now = clock_mono();
    for (struct lease *l = room->all; l;) {
        if (is_late(l, now)) {
            lease_lose(l);
            l = room->all;
        } else {
            l = l->next;
        }
    }
}

/* ---- giving up */

static void on_given_up(void *arg, const struct result *res)
{
    /* if it went wrong, others take it a ttl later */
}

static void give_up(struct leases *room, const char *name, int64_t epoch)
{
    struct query *q = q_update(room->api->store, C_LEASES);
    q_where_text(q, F_LEASES_NAME, PHX_EQ, name);
    q_where_text(q, F_LEASES_OWNER, PHX_EQ, room->owner);
    q_where_int(q, F_LEASES_EPOCH, PHX_EQ, epoch);
    q_set_text(q, F_LEASES_OWNER, "");
    q_inc(q, F_LEASES_BEAT, 1);
    q_set_time(q, F_LEASES_UPDATED_AT, loop_wall(room->api->loop));
    q_flags(q, PHX_NO_ROWS);
    store_run(q, on_given_up, NULL);
}

/* ---- taking */

static void on_taken(void *arg, const struct result *res)
{
    struct attempt *a = arg;
    struct leases *room = a->room;
    struct lease *l = lease_find(room, a->name);
    bool took = res->rc == 0 && res->n == 1;
    if (l) {
        l->is_taking = false;
    }
    if (took && (!l || room->is_over)) {
        give_up(room, a->name, a->epoch);
    } else if (took && clock_mono() - a->sent_ns < room->hold_ns) {
        lease_gain(l, a->epoch, a->sent_ns);
    } /* else the next look tells; an answer that took too long finds the row to be ours, and takes it anew */
    free(a);
}

static void run_attempt(struct lease *l, struct query *q, int64_t epoch)
{
    size_t n = strlen(l->name) + 1;
    struct attempt *a = mem_alloc(sizeof *a + n);
    *a = (struct attempt){ .room = l->room, .sent_ns = clock_mono(), .epoch = epoch };
    memcpy(a->name, l->name, n);
    l->is_taking = true;
    q_deadline(q, l->room->hold_ns);
    store_run(q, on_taken, a);
}

static void take_new(struct lease *l)
{
    struct query *q = q_insert(l->room->api->store, C_LEASES);
    q_text(q, F_LEASES_NAME, l->name);
    q_text(q, F_LEASES_OWNER, l->room->owner);
    q_int(q, F_LEASES_EPOCH, 1);
    q_int(q, F_LEASES_BEAT, 1);
    q_time(q, F_LEASES_UPDATED_AT, loop_wall(l->room->api->loop));
    run_attempt(l, q, 1);
}

/* On condition that nobody has moved it since it was seen. */
static void take(struct lease *l)
{
    struct query *q = q_update(l->room->api->store, C_LEASES);
    q_where_text(q, F_LEASES_NAME, PHX_EQ, l->name);
    q_where_int(q, F_LEASES_EPOCH, PHX_EQ, l->epoch);
    q_where_int(q, F_LEASES_BEAT, PHX_EQ, l->beat);
    q_set_text(q, F_LEASES_OWNER, l->room->owner);
    q_inc(q, F_LEASES_EPOCH, 1);
    q_inc(q, F_LEASES_BEAT, 1);
    q_set_time(q, F_LEASES_UPDATED_AT, loop_wall(l->room->api->loop));
    q_flags(q, PHX_NO_ROWS);
    run_attempt(l, q, l->epoch + 1);
}

static const struct row *row_of(const struct result *res, const char *name)
{
    for (size_t i = 0; i < res->n_rows; i++) {
        if (strcmp(row_text(&res->rows[i], F_LEASES_NAME), name) == 0) {
            return &res->rows[i];
        }
    }
    return NULL;
}

static void lease_seen(struct lease *l, const struct row *row)
{
    struct leases *room = l->room;
    int64_t now = clock_mono();
    if (!row) {
        take_new(l);
        return;
    }
    int64_t epoch = row_int(row, F_LEASES_EPOCH), beat = row_int(row, F_LEASES_BEAT);
    const char *owner = row_text(row, F_LEASES_OWNER);
    if (l->since_ns == 0 || l->epoch != epoch || l->beat != beat) {
        l->epoch = epoch;
        l->beat = beat;
        l->since_ns = now;
    }
    /* Ours: this process knows that it does not hold it any more, so nobody does. */
    if (!owner[0] || strcmp(owner, room->owner) == 0 || now - l->since_ns >= room->ttl_ns) {
        take(l);
    }
}

/* ---- ticks */

static void leases_schedule(struct leases *room)
{
    int64_t now = clock_mono();
    int64_t in = room->is_failing ? room->retry_ns : room->look_ns;
    struct lease *l;
    DL_FOREACH(room->all, l) {
        int64_t left = l->since_ns + (l->held ? room->hold_ns : room->ttl_ns) - now;
        if (l->since_ns != 0 && left < in) {
            in = left;
        }
    }
    timer_set(room->timer, in > room->retry_ns / 2 ? in : room->retry_ns / 2);
}

/* What failed is tried again soon. */
static void leases_answered(struct leases *room, const struct result *res)
{
    room->is_failing = res->rc != 0;
    if (room->is_failing && !room->is_over) {
        leases_schedule(room);
    }
}

static void on_renewed(void *arg, const struct result *res)
{
    struct leases *room = arg;
    struct lease *l;
    room->is_renewing = false;
    leases_answered(room, res);
    DL_FOREACH(room->all, l) {
        if (!l->held || !l->is_asked) {
            continue;
        }
        l->is_asked = false;
        if (res->rc == 0) {
            const struct row *row = row_of(res, l->name);
            bool is_ours = row && row_int(row, F_LEASES_EPOCH) == l->epoch;
            l->since_ns = is_ours ? room->renewed_ns : 0;
        }
    }
    lose_late(room);
}

static void on_looked(void *arg, const struct result *res)
{
    struct leases *room = arg;
    struct lease *l;
    room->is_looking = false;
    leases_answered(room, res);
    DL_FOREACH(room->all, l) {
        if (l->held || !l->is_asked) {
            continue;
        }
        l->is_asked = false;
        if (res->rc == 0 && !l->is_taking && !room->is_over) {
            lease_seen(l, row_of(res, l->name));
        }
    }
}

/* The condition for those leases that are held, or are not. False: there is none. */
static bool ask_about(struct leases *room, struct query *q, bool held)
{
    struct lease *l;
    size_t n = 0;
    DL_COUNT(room->all, l, n);
    struct str *names = arena_calloc(q_arena(q), n + 1, sizeof *names);
    n = 0;
    DL_FOREACH(room->all, l) {
        if (l->held == held && !l->is_taking) {
            l->is_asked = true;
            names[n++] = str_of(l->name);
        }
    }
    q_where_in(q, F_LEASES_NAME, names, n);
    q_deadline(q, room->look_ns);
    q_only(q, F_LEASES_NAME);
    return n > 0;
}

static void leases_renew(struct leases *room)
{
    struct query *q = q_update(room->api->store, C_LEASES);
    bool any = ask_about(room, q, true);
    if (!any) {
        q_free(q);
        return;
    }
    q_only(q, F_LEASES_EPOCH);
    q_where_text(q, F_LEASES_OWNER, PHX_EQ, room->owner);
    q_inc(q, F_LEASES_BEAT, 1);
    q_set_time(q, F_LEASES_UPDATED_AT, loop_wall(room->api->loop));
    room->is_renewing = true;
    room->renewed_ns = clock_mono();
    store_run(q, on_renewed, room);
}

static void leases_look(struct leases *room)
{
    struct query *q = q_scan(room->api->store, C_LEASES);
    bool any = ask_about(room, q, false);
    if (!any) {
        q_free(q);
        return;
    }
    q_only(q, F_LEASES_OWNER);
    q_only(q, F_LEASES_EPOCH);
    q_only(q, F_LEASES_BEAT);
    room->is_looking = true;
    store_run(q, on_looked, room);
}

static void gain_all(struct leases *room)
{
    for (struct lease *l = room->all; l;) {
        if (!l->held) {
            lease_gain(l, 1, 0);
            l = room->all;
        } else {
            l = l->next;
        }
    }
}

static void leases_tick(void *arg)
{
    struct leases *room = arg;
    room->is_posted = false;
    if (room->is_over || !room->all) {
        return;
    }
    if (!room->is_shared) {
        gain_all(room);
        return;
    }
    lose_late(room);
    if (!room->is_renewing) {
        leases_renew(room);
    }
    if (!room->is_looking) {
        leases_look(room);
    }
    leases_schedule(room);
}

/* ---- what others call */

struct lease *lease_new(struct api *api, const char *name, loop_fn *gained, loop_fn *lost, void *arg)
{
    struct leases *room = api->leases;
    size_t n = strlen(name) + 1;
    struct lease *l = mem_alloc(sizeof *l + n);
    *l = (struct lease){ .room = room, .gained = gained, .lost = lost, .arg = arg };
    memcpy(l->name, name, n);
    DL_APPEND(room->all, l);
    if (!room->is_posted) {
        room->is_posted = true;
        loop_defer(api->loop, leases_tick, room);
    }
    return l;
}

void lease_free(struct lease *l)
{
    if (!l) {
        return;
    }
    DL_DELETE(l->room->all, l);
    if (l->held && l->room->is_shared && !l->room->is_over) {
        give_up(l->room, l->name, l->epoch);
    }
    free(l);
}

bool lease_held(const struct lease *l)
{
    return l->held && !is_late(l, clock_mono());
}

void leases_release(struct api *api)
{
    struct leases *room = api->leases;
    room->is_over = true;
    timer_clear(room->timer);
    for (struct lease *l = room->all; l;) {
        if (!l->held) {
            l = l->next;
            continue;
        }
        if (room->is_shared) {
            give_up(room, l->name, l->epoch);
        }
        lease_lose(l);
        l = room->all;
    }
}

int leases_start(struct api *api, struct err *err)
{
    char host[65], instance[UUID_LEN + 1];
    int64_t ttl_ns = api->settings->lease_ttl;
    struct leases *room = mem_alloc(sizeof *room);
    *room = (struct leases){ .api = api, .ttl_ns = ttl_ns, .look_ns = ttl_ns / 16 * 5,
                             .hold_ns = ttl_ns / 4 * 3, .retry_ns = ttl_ns / 16 };
    if (gethostname(host, sizeof host) != 0) {
        str_copy(host, sizeof host, STR("unknown"));
    }
    host[sizeof host - 1] = '\0';
    uuid7_new(instance);
    snprintf(room->owner, sizeof room->owner, "%s/%d/%s", host, (int)getpid(), instance);
    room->is_shared = store_is_shared(api->store);
    room->timer = timer_new(api->loop, leases_tick, room);
    api->leases = room;
    return 0;
}

void leases_stop(struct api *api)
{
    struct leases *room = api->leases;
    struct lease *l, *tmp;
    DL_FOREACH_SAFE(room->all, l, tmp) {
        free(l);
    }
    timer_free(room->timer);
    free(room);
    api->leases = NULL;
}
