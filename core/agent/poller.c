/* SPDX-License-Identifier: Apache-2.0 */
/* One poll is always open. After tasks the next one goes out at once; an answer without tasks that
 * came too early (another poll of this host, a proxy) is followed by a pause, as is every failure. */
#include <malloc.h>
#include <stdlib.h>
#include "core/agent/backoff.h"
#include "core/agent/poller.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { REPLY_MAX = 12 << 20 };
#define POLL_PATH "/api/v1/agent/tasks?wait="
#define POLL_TIMEOUT_NS (45 * NS_PER_S)
#define EARLY_NS (NS_PER_S)
struct poller {
    struct poller_conf conf;
    struct fetch *call;
    struct timer *timer;
    struct backoff backoff;
    bool was_heard; /* the first poll does not wait: its answer brings the interval of heartbeats */
};

static void poll_now(void *arg);

struct poller *poller_new(const struct poller_conf *conf)
{
    struct poller *p = mem_alloc(sizeof *p);
    p->conf = *conf;
    p->timer = timer_new(conf->loop, poll_now, p);
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

static void poll_later(struct poller *p, int64_t at_least_ns)
{
    int64_t wait = backoff_next(&p->backoff, random_u64());
    timer_set(p->timer, wait > at_least_ns ? wait : at_least_ns);
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

static void take_interval(struct poller *p, struct str header)
{
    int64_t interval;
    if (header.n > 0 && parse_duration(header, &interval) && interval >= 50 * NS_PER_MS &&
        interval <= 3600 * NS_PER_S)
        p->conf.on_interval(p->conf.arg, interval);
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
    take_interval(p, reply->header);
    int n_new = take_tasks(p, reply->body);
    bool is_in_time = reply->took_ns >= EARLY_NS || !p->was_heard;
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
    struct uplink_call call = { .method = "GET",
                                .path = p->was_heard ? POLL_PATH "30s" : POLL_PATH "0s",
                                .timeout_ns = POLL_TIMEOUT_NS,
                                .max_reply = REPLY_MAX,
                                .want_header = "X-Phoenix-Heartbeat-Interval" };
    p->call = uplink_start(p->conf.uplink, &call, on_answer, p, &err);
    if (!p->call)
        poll_later(p, 0);
}

void poller_start(struct poller *p)
{
    poll_now(p);
}
