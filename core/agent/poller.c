/* SPDX-License-Identifier: Apache-2.0 */
/* One poll is always open. After tasks the next one goes out at once; an answer without tasks that
 * came too early (another poll of this host, a proxy) is followed by a pause, as is every failure. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/backoff.h"
#include "core/agent/poller.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { REPLY_MAX = 12 << 20 };
#define POLL_GRACE_NS (15 * NS_PER_S) /* for the answer, after the wait */
#define EARLY_NS (NS_PER_S)
/* What the API may ask for: it can neither make us spin nor put us to sleep for good. */
#define HEARTBEAT_MIN_NS (50 * NS_PER_MS)
#define HEARTBEAT_MAX_NS (1200 * NS_PER_S)
#define WAIT_MIN_NS (NS_PER_S)
#define WAIT_MAX_NS (60 * NS_PER_S)
static const char *const wanted[] = { "X-Phoenix-Heartbeat-Interval", "X-Phoenix-Poll-Wait", NULL };
struct poller {
    struct poller_conf conf;
    struct fetch *call;
    struct timer *timer;
    struct backoff backoff;
    int64_t wait_ns; /* of the next poll */
    bool was_heard; /* the first poll does not wait: its answer brings the interval of heartbeats */
};

static void poll_now(void *arg);

struct poller *poller_new(const struct poller_conf *conf)
{
    struct poller *p = mem_alloc(sizeof *p);
    p->conf = *conf;
    p->timer = timer_new(conf->loop, poll_now, p);
    p->wait_ns = 30 * NS_PER_S;
    p->backoff = (struct backoff){ .first_ns = 500 * NS_PER_MS, .cap_ns = 30 * NS_PER_S };
    return p;
}

void poller_free(struct poller *p)
{
    if (!p)
        return;
    if (p->call)
        fetch_cancel(p->call);
    timer_free(p->timer);
    free(p);
}

static void poll_later(struct poller *p, int64_t asked_ns)
{
    timer_set(p->timer, backoff_asked(&p->backoff, asked_ns, random_u64()));
}

/** How many deliveries of the answer were new to us; -1: it is not what a poll answers. */
static int take_tasks(struct poller *p, struct str body)
{
    struct err err = { 0 };
    CLEANUP_JSON struct json *tasks = json_parse(body, NULL, &err);
    int n_new = 0;
    if (!tasks || json_kind(tasks) != JSON_ARRAY) {
        log_event(EV_TASK_REFUSED, NULL, "the answer to a poll is no array of tasks: %s", err.msg);
        return -1;
    }
    for (size_t i = 0; i < json_len(tasks); i++)
        n_new += executor_take(p->conf.executor, json_at(tasks, i));
    return n_new;
}

/** A duration that the API said, brought within bounds. False: it said none. */
static bool take_duration(struct str header, int64_t min_ns, int64_t max_ns, int64_t *ret)
{
    int64_t ns;
    if (header.n == 0 || !parse_duration(header, &ns))
        return false;
    *ret = ns < min_ns ? min_ns : ns > max_ns ? max_ns : ns;
    return true;
}

static void take_intervals(struct poller *p, const struct fetch_reply *reply)
{
    int64_t interval;
    if (take_duration(reply->headers[0], HEARTBEAT_MIN_NS, HEARTBEAT_MAX_NS, &interval))
        p->conf.on_interval(p->conf.arg, interval);
    take_duration(reply->headers[1], WAIT_MIN_NS, WAIT_MAX_NS, &p->wait_ns);
}

static void on_answer(void *arg, const struct fetch_reply *reply)
{
    struct poller *p = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* p may be gone */
    p->call = NULL;
    if (uplink_judge(p->conf.uplink, reply) != UPLINK_OK) {
        poll_later(p, reply->retry_after_ns);
        return;
    }
    int64_t early_ns = p->wait_ns / 2 < EARLY_NS ? p->wait_ns / 2 : EARLY_NS;
    take_intervals(p, reply);
    int n_new = take_tasks(p, reply->body);
    bool is_in_time = reply->took_ns >= early_ns || !p->was_heard;
    p->was_heard = true;
    if (n_new > 0)
        malloc_trim(64 << 10); /* configs may be large, and the next ones are far */
    if (n_new > 0 || (n_new == 0 && is_in_time)) {
        backoff_reset(&p->backoff);
        timer_set(p->timer, 0);
    } else {
        poll_later(p, 0);
    }
}

static void poll_now(void *arg)
{
    struct poller *p = arg;
    struct err err = { 0 };
    char path[64], wait[32];
    snprintf(path, sizeof path, "/api/v1/agent/tasks?wait=%s",
             p->was_heard ? format_duration(p->wait_ns, wait) : "0s");
    struct uplink_call call = { .method = "GET",
                                .path = path,
                                .timeout_ns = p->wait_ns + POLL_GRACE_NS,
                                .max_reply = REPLY_MAX,
                                .want_headers = wanted };
    p->call = uplink_start(p->conf.uplink, &call, on_answer, p, &err);
    if (!p->call)
        poll_later(p, 0);
}

void poller_start(struct poller *p)
{
    poll_now(p);
}
