/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Polls, timeouts, and who waits. A poll of a host that is known to be empty parks; any other joins the
 * claim that goes at the end of the loop's turn (taskq_claim.c). A newer poll of a host supersedes the
 * older one, which gets []. Timeouts hang in a wheel of 100 ms buckets: one timer for all, set only
 * while there are slots. A slot outlives its poll by a minute, so that the next poll of an idle host
 * costs no statement; then it is forgotten, and the first poll after that claims.
 */
#include "core/api/waiters_priv.h"
#include "core/api/admission.h"
#include "core/api/handlers.h"
#include "core/api/taskq.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

#define TICK_NS (100 * NS_PER_MS)
#define DRAIN_TICK_NS (20 * NS_PER_MS)
enum {
    FORGET_TICKS = 600,    /* a minute: twice the usual wait */
    DRAIN_BATCH_MIN = 20,  /* 1,000 a second */
    OVERDUE_TICKS = 50,    /* patience with a claim that does not come back */
    IDLE_SLOTS_MAX = 50000 /* about 8 MB; more hosts are forgotten at once */
};

/* ---- the wheel */

static void wheel_remove(struct waiters *ws, struct waiter *w)
{
    struct waiter **head = &ws->wheel[w->due_tick % WHEEL_SLOTS];
    if (w->prev) {
        w->prev->next = w->next;
    } else if (*head == w) {
        *head = w->next;
    }
    if (w->next) {
        w->next->prev = w->prev;
    }
    w->prev = w->next = NULL;
}

static void wheel_insert(struct waiters *ws, struct waiter *w, uint32_t in_ticks)
{
    if (in_ticks >= WHEEL_SLOTS) {
        in_ticks = WHEEL_SLOTS - 1;
    }
    w->due_tick = ws->tick + in_ticks;
    struct waiter **head = &ws->wheel[w->due_tick % WHEEL_SLOTS];
    w->prev = NULL;
    w->next = *head;
    if (w->next) {
        w->next->prev = w;
    }
    *head = w;
    if (!timer_is_set(ws->ticker)) {
        timer_every(ws->ticker, TICK_NS, TICK_NS);
    }
}

static void wheel_move(struct waiters *ws, struct waiter *w, uint32_t in_ticks)
{
    wheel_remove(ws, w);
    wheel_insert(ws, w, in_ticks);
}

/* ---- slots */

struct waiter *waiter__find(struct waiters *ws, const char *host)
{
    struct waiter *w;
    HASH_FIND(hh, ws->by_host, host, strlen(host), w);
    return w;
}

static struct waiter *waiter_new(struct waiters *ws, const char *host)
{
    size_t n = strlen(host);
    struct waiter *w = mem_alloc(sizeof *w + n + 1);
    memcpy(w->host, host, n + 1);
    w->room = ws;
    HASH_ADD_KEYPTR(hh, ws->by_host, w->host, n, w);
    ws->idle++;
    wheel_insert(ws, w, FORGET_TICKS);
    return w;
}

static void waiter_free(struct waiters *ws, struct waiter *w)
{
    wheel_remove(ws, w);
    HASH_DEL(ws->by_host, w);
    ws->idle--;
    free(w);
}

static void set_state(struct waiters *ws, struct waiter *w, enum waiter_state state)
{
    ws->idle += (state == WAITER_NONE) - (w->state == WAITER_NONE);
    w->state = (uint8_t)state;
}

/* What a poll with nothing more to wait for leaves behind. */
static void waiter_rest(struct waiters *ws, struct waiter *w)
{
    set_state(ws, w, WAITER_NONE);
    wheel_move(ws, w, FORGET_TICKS);
    if (ws->idle > IDLE_SLOTS_MAX) {
        waiter_free(ws, w);
    }
}

void waiter__park(struct waiters *ws, struct waiter *w)
{
    if (!w->rq) {
        waiter_rest(ws, w);
    } else if (w->overdue) {
        waiter__answer(ws, w, NULL);
        waiter_rest(ws, w);
    } else {
        set_state(ws, w, WAITER_PARKED);
        if (ws->api->draining && !timer_is_set(ws->drain)) {
            timer_set(ws->drain, DRAIN_TICK_NS);
        }
    }
}

static void on_flush(void *arg)
{
    struct waiters *ws = arg;
    ws->flush_posted = false;
    claim__flush(ws);
}

void waiter__queue(struct waiters *ws, struct waiter *w)
{
    set_state(ws, w, WAITER_QUEUED);
    w->claim_next = NULL;
    *ws->queued_end = w;
    ws->queued_end = &w->claim_next;
    if (!ws->flush_posted && !ws->claim_in_flight && !timer_is_set(ws->retry)) {
        ws->flush_posted = true;
        loop_defer(ws->api->loop, on_flush, ws);
    }
}

/* ---- answers */

void waiter__answer(struct waiters *ws, struct waiter *w, struct buf *body)
{
    struct request *rq = w->rq;
    w->rq = NULL;
    w->overdue = false;
    ws->stats.parked--;
    char interval[32];
    reply_header(rq, "X-Phoenix-Heartbeat-Interval",
                 format_duration(admission_heartbeat_interval(ws->api), interval));
    reply_header(rq, "X-Phoenix-Poll-Wait", format_duration(ws->api->settings->poll_wait, interval));
    struct buf empty;
    buf_init(&empty, 16);
    if (!body) {
        buf_adds(&empty, "[]");
    }
    reply_json(rq, 200, body ? body : &empty);
    buf_done(&empty);
}

static void on_gone(void *arg)
{
    struct waiter *w = arg;
    struct waiters *ws = w->room;
    w->rq = NULL;
    w->overdue = false;
    ws->stats.parked--;
    ws->stats.gone_total++;
    if (w->state == WAITER_PARKED) {
        waiter_rest(ws, w);
    }
}

/* The time of @p w has come: of its poll, of our patience with a claim, or to be forgotten. */
static void waiter_expire(struct waiters *ws, struct waiter *w)
{
    bool in_claim = w->state == WAITER_QUEUED || w->state == WAITER_CLAIMING;
    if (w->state == WAITER_NONE) {
        waiter_free(ws, w);
        return;
    }
    if (w->rq && in_claim && !w->overdue) {
        w->overdue = true;
    } else if (w->rq) {
        ws->stats.timeouts_total++;
        waiter__answer(ws, w, NULL);
    }
    if (in_claim) {
        wheel_move(ws, w, OVERDUE_TICKS);
    } else {
        waiter_rest(ws, w);
    }
}

static void on_tick(void *arg)
{
    struct waiters *ws = arg;
    uint32_t due = ws->tick++;
    struct waiter *w = ws->wheel[due % WHEEL_SLOTS];
    while (w) {
        struct waiter *next = w->next;
        if (w->due_tick == due) {
            waiter_expire(ws, w);
        }
        w = next;
    }
    if (!ws->by_host) {
        timer_clear(ws->ticker);
    }
}

/* ---- what others call */

/* +-10 %, so that a fleet that started at once does not come back at once. */
static uint32_t wait_ticks(struct waiters *ws, int64_t wait_ns)
{
    ws->random ^= ws->random << 13;
    ws->random ^= ws->random >> 7;
    ws->random ^= ws->random << 17;
    int64_t max_ns = LIMIT_POLL_WAIT_MAX_S * NS_PER_S;
    int64_t jittered = wait_ns / 1000 * (900 + (int64_t)(ws->random % 201));
    return (uint32_t)((jittered < max_ns ? jittered : max_ns) / TICK_NS + 1);
}

static bool poll_wait(struct request *rq, int64_t *ret_ns)
{
    const char *text = request_query(rq, "wait");
    int64_t longest = request_api(rq)->settings->poll_wait;
    *ret_ns = longest;
    if (!text || (parse_duration(str_of(text), ret_ns) && *ret_ns <= LIMIT_POLL_WAIT_MAX_S * NS_PER_S)) {
        *ret_ns = *ret_ns < longest ? *ret_ns : longest;
        return true;
    }
    struct faults faults = { 0 };
    fault_add(&faults, "/wait", "must be a duration of at most %ds, such as 30s", LIMIT_POLL_WAIT_MAX_S);
    reply_faults(rq, &faults);
    return false;
}


void on_agent_tasks(struct request *rq)
{
    struct waiters *ws = request_api(rq)->waiters;
    int64_t wait_ns;
    if (!poll_wait(rq, &wait_ns)) {
        return;
    }
    const char *host = request_host_id(rq);
    struct waiter *w = waiter__find(ws, host);
    if (!w) {
        w = waiter_new(ws, host);
    }
    ws->stats.polls_total++;
    if (w->rq) {
        ws->stats.superseded_total++;
        waiter__answer(ws, w, NULL);
    }
    w->rq = rq;
    w->overdue = wait_ns == 0;
    ws->stats.parked++;
    wheel_move(ws, w, wait_ns ? wait_ticks(ws, wait_ns) : OVERDUE_TICKS);
    request_park(rq, on_gone, w);
    if (w->state == WAITER_QUEUED || w->state == WAITER_CLAIMING) {
        return; /* the claim that is coming is for this request as well */
    }
    if (w->known_empty || ws->api->draining) {
        waiter__park(ws, w);
    } else {
        waiter__queue(ws, w);
    }
}

void waiters_wake(struct api *api, const char *host_id)
{
    struct waiters *ws = api->waiters;
    struct waiter *w = waiter__find(ws, host_id);
    if (!w) {
        return; /* its first poll claims anyhow */
    }
    w->known_empty = false;
    if (w->state == WAITER_CLAIMING) {
        w->again = true;
    } else if (w->state == WAITER_PARKED) {
        waiter__queue(ws, w);
    }
}

/* The next few. Slots that nobody waits in any more go as well, so that they are looked at once more only. */
static void on_drain(void *arg)
{
    struct waiters *ws = arg;
    struct waiter *w, *tmp;
    size_t left = ws->drain_batch;
    HASH_ITER(hh, ws->by_host, w, tmp) {
        if (w->state == WAITER_NONE) {
            waiter_free(ws, w);
        } else if (w->state == WAITER_PARKED && left > 0) {
            waiter__answer(ws, w, NULL);
            waiter_rest(ws, w);
            left--;
        } else if (w->state == WAITER_PARKED) {
            timer_set(ws->drain, DRAIN_TICK_NS);
            return;
        }
    }
}

void waiters_drain(struct api *api)
{
    struct waiters *ws = api->waiters;
    size_t ticks = (size_t)(api->settings->drain_time / 2 / DRAIN_TICK_NS) + 1;
    size_t batch = ws->stats.parked / ticks + 1;
    ws->drain_batch = batch > DRAIN_BATCH_MIN ? batch : DRAIN_BATCH_MIN;
    on_drain(ws);
}

void waiters_stats(const struct api *api, struct waiters_stats *ret)
{
    *ret = api->waiters->stats;
    ret->slots = HASH_COUNT(api->waiters->by_host);
}

static void on_retry(void *arg)
{
    claim__flush(arg);
}

int waiters_start(struct api *api, struct err *err)
{
    struct waiters *ws = mem_alloc(sizeof *ws);
    ws->api = api;
    ws->queued_end = &ws->queued;
    ws->ticker = timer_new(api->loop, on_tick, ws);
    ws->retry = timer_new(api->loop, on_retry, ws);
    ws->drain = timer_new(api->loop, on_drain, ws);
    ws->random = random_u64() | 1;
    ws->complaints.interval_ns = 10 * NS_PER_S;
    api->waiters = ws;
    return 0;
}

void waiters_stop(struct api *api)
{
    struct waiters *ws = api->waiters;
    struct waiter *w, *tmp;
    HASH_ITER(hh, ws->by_host, w, tmp) {
        HASH_DEL(ws->by_host, w);
        free(w);
    }
    timer_free(ws->ticker);
    timer_free(ws->retry);
    timer_free(ws->drain);
    free(ws);
    api->waiters = NULL;
}
