/* SPDX-License-Identifier: Apache-2.0 */
/* Idle, an outbox has no timer, no buffer and no open segment. A batch closes after a second, or when
 * it has ROWS_MAX rows or BATCH_BYTES. */
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/backoff.h"
#include "core/agent/outbox.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { ROWS_MAX = 500, BATCH_BYTES = 128 << 10 };
#define YIELD_NS (100 * NS_PER_MS)   /* and as much again at random, between looks at what goes first */
#define YIELD_MAX_NS (30 * NS_PER_S) /* then a batch goes all the same */
#define INTERVAL_MAX_NS (60 * NS_PER_S)
static const char *const wanted[] = { "X-Phoenix-Batch-Interval", NULL };
struct outbox {
    struct outbox_conf conf;
    struct spool *spool;
    char stream[UUID_LEN + 1];
    uint64_t seq;
    struct buf batch; /* open batch, or empty */
    struct jw w;
    unsigned n_rows;
    struct timer *close_timer, *retry_timer;
    struct backoff backoff;
    struct buf sending; /* body on its way */
    struct fetch *call; /* the batch on its way; NULL: none */
    int64_t yields_since; /* monotonic; 0: does not */
    struct log_limit complain;
};

static void outbox_send(struct outbox *o);

/** The API has taken one: the next one not before the interval that it asks for. */
static void outbox_pace(struct outbox *o, struct str header)
{
    struct spool_stats left;
    int64_t interval;
    spool_stats(o->spool, &left);
    if (left.records == 0 || !parse_duration(header, &interval) || interval <= 0)
        return;
    if (interval > INTERVAL_MAX_NS)
        interval = INTERVAL_MAX_NS;
    timer_set(o->retry_timer, interval + (int64_t)(random_u64() % ((uint64_t)interval / 4 + 1)));
}

static void on_sent(void *arg, const struct fetch_reply *reply)
{
    struct outbox *o = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* by outbox_free(): there is no outbox any more */
    enum uplink_verdict verdict = uplink_judge(o->conf.uplink, reply);
    o->call = NULL;
    buf_done(&o->sending);
    buf_init(&o->sending, SPOOL_RECORD_MAX + 1);
    if (verdict == UPLINK_AWAY) {
        timer_set(o->retry_timer, backoff_asked(&o->backoff, reply->retry_after_ns, random_u64()));
        return;
    }
    if (verdict == UPLINK_REFUSED)
        log_event(EV_BATCH_REFUSED, NULL, "%s answers %d: %.*s", o->conf.path, reply->status,
                  (int)(reply->body.n < 300 ? reply->body.n : 300), reply->body.n ? reply->body.p : "");
    backoff_reset(&o->backoff);
    spool_ack(o->spool);
    outbox_pace(o, reply->headers[0]);
    outbox_send(o);
}

/** Something goes before this: look again in a moment. */
static bool outbox_yields(struct outbox *o)
{
    int64_t now = clock_mono();
    bool yields = o->conf.yields && o->conf.yields(o->conf.yields_arg);
    if (yields && o->yields_since == 0)
        o->yields_since = now;
    if (!yields || now - o->yields_since > YIELD_MAX_NS) {
        o->yields_since = 0;
        return false;
    }
    timer_set(o->retry_timer, YIELD_NS + (int64_t)(random_u64() % YIELD_NS));
    return true;
}

static void outbox_send(struct outbox *o)
{
    struct err err = { 0 };
    struct spool_stats left;
    spool_stats(o->spool, &left);
    if (o->call || timer_is_set(o->retry_timer) || left.records == 0 || outbox_yields(o) ||
        !spool_peek(o->spool, &o->sending))
        return;
    struct uplink_call call = {
        .method = "POST", .path = o->conf.path, .body = buf_str(&o->sending), .want_headers = wanted
    };
    o->call = uplink_start(o->conf.uplink, &call, on_sent, o, &err);
    if (!o->call)
        timer_set(o->retry_timer, backoff_next(&o->backoff, random_u64()));
}

static void on_retry(void *arg)
{
    outbox_send(arg);
}

static void on_close(void *arg)
{
    outbox_flush(arg);
}

struct outbox *outbox_new(const struct outbox_conf *conf, struct err *err)
{
    struct spool *spool = spool_open(conf->dir, conf->max_bytes, err);
    if (!spool)
        return NULL;
    struct outbox *o = mem_alloc(sizeof *o);
    o->conf = *conf;
    o->spool = spool;
    uuid7_new(o->stream);
    o->seq = 1;
    buf_init(&o->batch, SPOOL_RECORD_MAX);
    buf_init(&o->sending, SPOOL_RECORD_MAX + 1);
    o->close_timer = timer_new(conf->loop, on_close, o);
    o->retry_timer = timer_new(conf->loop, on_retry, o);
    o->backoff = (struct backoff){ .first_ns = 500 * NS_PER_MS, .cap_ns = 30 * NS_PER_S };
    o->complain.interval_ns = 60 * NS_PER_S;
    timer_set(o->retry_timer, 0); /* what an earlier start left behind */
    return o;
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    if (o->call)
        fetch_cancel(o->call);
    timer_clear(o->retry_timer);
    timer_set(o->retry_timer, 3600 * NS_PER_S); /* the last flush sends nothing */
    outbox_flush(o);
    spool_sync(o->spool);
    timer_free(o->close_timer);
    timer_free(o->retry_timer);
    spool_close(o->spool);
    buf_done(&o->batch);
    buf_done(&o->sending);
    free(o);
}

static void batch_begin(struct outbox *o)
{
    jw_init(&o->w, &o->batch);
    jw_open(&o->w, '{');
    jw_kstr(&o->w, "stream", o->stream);
    jw_kint(&o->w, "seq", (int64_t)o->seq);
    if (o->conf.measures) {
        jw_key(&o->w, "measures");
        jw_open(&o->w, '[');
        for (const char *const *m = o->conf.measures; *m; m++)
            jw_strz(&o->w, *m);
        jw_close(&o->w, ']');
    }
    jw_key(&o->w, o->conf.rows);
    jw_open(&o->w, '[');
    timer_set(o->close_timer, NS_PER_S);
}

struct jw *outbox_row(struct outbox *o)
{
    if (o->n_rows == 0)
        batch_begin(o);
    return &o->w;
}

void outbox_row_end(struct outbox *o)
{
    o->n_rows++;
    if (o->n_rows >= ROWS_MAX || o->batch.len >= BATCH_BYTES)
        outbox_flush(o);
}

void outbox_flush(struct outbox *o)
{
    struct err err = { 0 };
    struct spool_stats before, after;
    unsigned held;
    timer_clear(o->close_timer);
    if (o->n_rows == 0)
        return;
    jw_close(&o->w, ']');
    jw_close(&o->w, '}');
    spool_stats(o->spool, &before);
    int rc = spool_append(o->spool, buf_str(&o->batch), &err);
    spool_stats(o->spool, &after);
    if (rc == 0)
        o->seq++;
    if (after.dropped > before.dropped && log_limit_ok(&o->complain, &held))
        log_event(EV_SPOOL_FULL, NULL, "%s: %llu batches dropped since the start%s%s", o->conf.path,
                  (unsigned long long)after.dropped, rc != 0 ? ": " : "", rc != 0 ? err.msg : "");
    o->n_rows = 0;
    buf_done(&o->batch);
    buf_init(&o->batch, SPOOL_RECORD_MAX);
    outbox_send(o);
}

void outbox_stats(const struct outbox *o, struct spool_stats *ret)
{
    spool_stats(o->spool, ret);
}
