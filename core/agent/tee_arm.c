/* SPDX-License-Identifier: Apache-2.0 */
/* The first of the queue is sent again and again until the collector takes it, refuses it for good, or has
 * put it off for OTLP_PATIENCE: which is which is the table of OTLP/HTTP. Retry-After is honoured also by
 * what stands behind. An answer that is lost makes a request come twice, as with any sender of OTLP. */
#include "core/agent/tee_arm.h"
#include <stdio.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

enum { URL_BYTES = 600, WHY_BYTES = 200 };
#define TIMEOUT_NS (10 * NS_PER_S) /* what senders of OTLP wait, too */
#define CONNECT_NS NS_PER_S        /* it is on this host */
#define RETRY_FIRST_NS (100 * NS_PER_MS)
#define RETRY_CAP_NS (5 * NS_PER_S)
#define LOG_INTERVAL_NS (60 * NS_PER_S)

static void send_first(struct tee_arm *a);

static void on_again(void *arg)
{
    send_first(arg);
}

struct tee_arm *tee_arm_new(struct loop *l, struct fetcher *f, const char *id, const char *experiment_id,
                            size_t max_bytes)
{
    struct tee_arm *a = mem_alloc(sizeof *a);
    a->loop = l;
    a->fetcher = f;
    str_copy(a->id, sizeof a->id, str_of(id));
    str_copy(a->experiment_id, sizeof a->experiment_id, str_of(experiment_id));
    tee_queue_init(&a->queue, max_bytes);
    a->again = timer_new(l, on_again, a);
    a->backoff = (struct backoff){ .first_ns = RETRY_FIRST_NS, .cap_ns = RETRY_CAP_NS };
    a->dropped_log.interval_ns = a->rejected_log.interval_ns = LOG_INTERVAL_NS;
    return a;
}

static struct log_ctx ctx_of(const struct tee_arm *a)
{
    return (struct log_ctx){ .exp = a->experiment_id[0] ? a->experiment_id : NULL };
}

static void log_end(const struct tee_arm *a)
{
    const struct tee_stats *s = &a->queue.stats;
    struct log_ctx ctx = ctx_of(a);
    log_event(EV_OTLP_ARM, &ctx,
              "%s gets no more: offered %llu requests, %llu bytes; delivered %llu, %llu; dropped %llu, %llu; "
              "rejected %llu, %llu",
              a->id, (unsigned long long)s->offered.requests, (unsigned long long)s->offered.bytes,
              (unsigned long long)s->delivered.requests, (unsigned long long)s->delivered.bytes,
              (unsigned long long)s->dropped.requests, (unsigned long long)s->dropped.bytes,
              (unsigned long long)s->rejected.requests, (unsigned long long)s->rejected.bytes);
}

void tee_arm_free(struct tee_arm *a)
{
    if (a->call)
        fetch_cancel(a->call);
    tee_queue_done(&a->queue);
    log_end(a);
    timer_free(a->again);
    free(a->url);
    free(a);
}

/* ------------------------------------------------------------------------------------ answers */

static void log_dropped(struct tee_arm *a, const char *why)
{
    struct log_ctx ctx = ctx_of(a);
    unsigned held = 0;
    if (log_limit_ok(&a->dropped_log, &held))
        log_event(EV_OTLP_DROPPED, &ctx, "%s: %s; %llu requests, %llu bytes in all", a->id, why,
                  (unsigned long long)a->queue.stats.dropped.requests,
                  (unsigned long long)a->queue.stats.dropped.bytes);
}

static const char *const paths[TEE_SIGNALS] = { "/v1/metrics", "/v1/traces", "/v1/logs" };

static void first_is_settled(struct tee_arm *a, struct tee_count *as)
{
    tee_queue_settle(&a->queue, as);
    a->tried_mono = 0;
}

static void first_is_rejected(struct tee_arm *a, const struct fetch_reply *reply)
{
    enum tee_signal signal = tee_queue_first(&a->queue)->signal;
    struct log_ctx ctx = ctx_of(a);
    unsigned held = 0;
    struct str why = reply->rc == 0 ? reply->body : str_of(reply->why);
    if (reply->rc == 0 && reply->status == 404)
        a->lacks |= 1U << signal;
    if (log_limit_ok(&a->rejected_log, &held))
        log_event(EV_OTLP_REJECTED, &ctx, "%s answers %s with %d: %.*s", a->id, paths[signal], reply->status,
                  (int)(why.n < WHY_BYTES ? why.n : WHY_BYTES), why.n ? why.p : "");
    first_is_settled(a, &a->queue.stats.rejected);
}

/** As the OTLP specification has it: these come again, all other failures are for good. */
static bool is_retryable(const struct fetch_reply *reply)
{
    if (reply->rc != 0)
        return reply->rc != ERR_LIMIT;
    return reply->status == 429 || reply->status == 502 || reply->status == 503 || reply->status == 504;
}

static void first_is_put_off(struct tee_arm *a, const struct fetch_reply *reply)
{
    if (clock_mono() - a->tried_mono >= LIMIT_OTLP_PATIENCE_S * NS_PER_S) {
        first_is_settled(a, &a->queue.stats.dropped);
        log_dropped(a, "it put one off for too long");
    }
    timer_set(a->again, backoff_asked(&a->backoff, reply->retry_after_ns, random_u64()));
}

static void on_delivered(void *arg, const struct fetch_reply *reply)
{
    struct tee_arm *a = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* a may be gone */
    a->call = NULL;
    if (is_retryable(reply)) {
        first_is_put_off(a, reply);
        return;
    }
    backoff_reset(&a->backoff);
    if (reply->rc == 0 && reply->status >= 200 && reply->status < 300)
        first_is_settled(a, &a->queue.stats.delivered);
    else
        first_is_rejected(a, reply);
    send_first(a);
}

/* ------------------------------------------------------------------------------------- sending */

static void send_first(struct tee_arm *a)
{
    const struct tee_body *b = tee_queue_first(&a->queue);
    char url[URL_BYTES];
    struct err err = { 0 };
    if (!b || !a->is_up || a->call || timer_is_set(a->again))
        return;
    snprintf(url, sizeof url, "%s%s", a->url, paths[b->signal]);
    struct fetch_req req = { .method = "POST",
                             .url = url,
                             .headers = b->headers,
                             .body = { b->bytes, b->n },
                             .timeout_ns = TIMEOUT_NS,
                             .connect_ns = CONNECT_NS,
                             .max_reply = LIMIT_OTLP_ANSWER_BYTES };
    if (a->tried_mono == 0)
        a->tried_mono = clock_mono();
    a->call = fetch_start(a->fetcher, &req, on_delivered, a, &err);
    if (!a->call)
        first_is_put_off(a, &(struct fetch_reply){ .rc = err.code, .why = err.msg });
}

void tee_arm_up(struct tee_arm *a, const char *url)
{
    if (a->is_up && strcmp(a->url, url) == 0)
        return;
    free(a->url);
    a->url = mem_strdup(url);
    a->is_up = true;
    a->lacks = 0;
    a->tried_mono = 0; /* what it was asked to take before it ended does not count */
    timer_clear(a->again);
    backoff_reset(&a->backoff);
    send_first(a);
}

void tee_arm_down(struct tee_arm *a)
{
    if (a->call)
        fetch_cancel(a->call);
    a->call = NULL;
    a->is_up = false;
    timer_clear(a->again);
}

bool tee_arm_takes(const struct tee_arm *a, enum tee_signal signal)
{
    return !(a->lacks & 1U << signal);
}

void tee_arm_offer(struct tee_arm *a, struct tee_body *b)
{
    if (tee_queue_offer(&a->queue, b))
        send_first(a);
    else
        log_dropped(a, "its buffer is full");
}

bool tee_arm_is_idle(const struct tee_arm *a)
{
    return !a->is_up || !tee_queue_first(&a->queue);
}
