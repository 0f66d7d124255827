/* SPDX-License-Identifier: Apache-2.0 */
/* Points are numbers: `taken` is the first that nothing was done about yet. A request is written when
 * a batch is due, or when its oldest point has waited long enough; pump() does that, after a step and
 * after each answer.
 *
 * Quota: what is under way and what was delivered but not reported yet never exceed what the host has
 * granted, so that a report always fits into the quota of the step that makes it. */
#include "plugins/otlpgen/gen.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "phoenix/helpers.h"
#include "plugins/otlpgen/answer.h"
#include "plugins/otlpgen/encode.h"
#include "plugins/otlpgen/sender.h"

static const double LATE_S = 1, PAUSE_S = 0.1, RETRY_AFTER_S = 1, RETRY_AFTER_MAX_S = 60;
static const double FACTOR_MAX = 1000;
static const size_t BODY_MAX = 8 << 20; /* a collector takes 20 MiB */
static const double LEAST_WAIT_S = 0.0005; /* at the highest rates, a request of several of these */
enum { SETTLE_MS = 500, STEP_NS = 50000000 };

struct phx_self {
    const phx_host *host;
    struct gen_conf conf;
    /* while it runs */
    struct schedule schedule;
    struct encoder *encoder;
    struct sender *sender;
    const phx_loop *loop;
    phx_timer *timer; /* pump() comes again */
    phx_mono zero; /* when the schedule began */
    bool is_stopping;
    unsigned last_posts; /* what may still be posted when it is stopping */
    double pause_until_s;
    uint64_t taken, under_way, granted;
    uint64_t unreported; /* delivered since the last report */
    uint64_t rejected, failed, late;
    char reason[200]; /* of the last point that was not delivered */
};

static double now_s(const phx_self *self)
{
    return (double)(self->host->mono(self->host) - self->zero) * 1e-9;
}

static void explain(phx_self *self, const char *why)
{
    (void)snprintf(self->reason, sizeof self->reason, "%s", why);
}

/* ---- out */

static void post_points(phx_self *self, struct post *p, uint64_t n)
{
    p->body = encode(self->encoder, &self->schedule, self->taken, n, p->room, p->cap);
    p->n_body = (size_t)(p->room + p->cap - p->body);
    p->points = n;
    p->since_s = self->schedule.now_s;
    self->taken += n;
    self->under_way += n;
    if (self->is_stopping) self->last_posts--;
    sender_post(p);
}

/* How many points go into a request now; 0: it is not the time. */
static uint64_t ripe(const phx_self *self)
{
    double now = self->schedule.now_s;
    uint64_t due = schedule_due(&self->schedule, now) - self->taken;
    uint64_t busy = self->under_way + self->unreported;
    uint64_t quota = self->granted > busy ? self->granted - busy : 0;
    uint64_t n = due < self->conf.batch ? due : self->conf.batch;
    bool may_wait = n && n < self->conf.batch && !self->is_stopping;
    if (may_wait && now < schedule_time(&self->schedule, self->taken) + self->conf.flush_s)
        return 0;
    return n < quota ? n : quota;
}

static void let_go(phx_self *self)
{
    double latest = self->schedule.now_s - self->conf.flush_s - LATE_S;
    uint64_t too_late = schedule_due(&self->schedule, latest);
    if (too_late <= self->taken) return;
    self->late += too_late - self->taken;
    self->taken = too_late;
    if (self->under_way >= self->granted) explain(self, "the host's limit of the rate was reached");
    else if (!self->reason[0]) explain(self, "not sent within a second: that side or this host is slow");
}

static void send_ripe(phx_self *self)
{
    if (self->schedule.now_s < self->pause_until_s) return;
    for (unsigned i = 0; i < self->conf.connections; i++) {
        struct post *p = sender_post_at(self->sender, i);
        if (sender_is_busy(p) || (self->is_stopping && !self->last_posts)) continue;
        uint64_t n = p->waits ? 0 : ripe(self);
        if (p->waits) sender_post(p);
        else if (n) post_points(self, p, n);
        p->waits = false;
    }
}

/* When something is to be done again, unless an answer comes before. */
static double next_s(const phx_self *self)
{
    const struct schedule *s = &self->schedule;
    if (self->pause_until_s > s->now_s) return self->pause_until_s;
    bool is_free = false;
    for (unsigned i = 0; i < self->conf.connections && !is_free; i++)
        is_free = !sender_is_busy(sender_post_at(self->sender, i));
    if (!is_free) return s->now_s + LATE_S;
    double full = schedule_time(s, self->taken + self->conf.batch - 1);
    double flush = schedule_time(s, self->taken) + self->conf.flush_s;
    return fmax(fmin(fmin(full, flush), s->now_s + LATE_S), s->now_s + LEAST_WAIT_S);
}

static void on_time(void *arg);

/* Do what is due now, and come again when more is. */
static void pump(phx_self *self)
{
    let_go(self);
    send_ripe(self);
    if (self->is_stopping) return;
    uint64_t wait_ns = (uint64_t)((next_s(self) - self->schedule.now_s) * 1e9);
    self->loop->untimer(self->timer);
    self->timer = self->loop->timer(self->host, wait_ns, 0, on_time, self);
}

static void on_time(void *arg)
{
    phx_self *self = arg;
    schedule_advance(&self->schedule, now_s(self));
    pump(self);
}

/* ---- in */

static void lose(phx_self *self, struct post *p, uint64_t *counter, const char *why)
{
    *counter += p->points;
    self->under_way -= p->points;
    explain(self, why);
}

static void pause_for(phx_self *self, double seconds)
{
    double until = self->schedule.now_s + fmin(seconds, RETRY_AFTER_MAX_S);
    if (until > self->pause_until_s) self->pause_until_s = until;
}

static void on_answer(phx_self *self, struct post *p, const struct outcome *how)
{
    struct answer a = answer_read(how->status, how->body, how->n_body, p->points);
    double wait = how->retry_after_s > 0 ? how->retry_after_s : RETRY_AFTER_S;
    if (a.verdict == ANSWER_LATER) {
        pause_for(self, wait);
        p->waits = self->pause_until_s - p->since_s <= self->conf.retry_s;
        if (!p->waits) lose(self, p, &self->failed, a.why);
    } else if (a.verdict == ANSWER_REFUSED) lose(self, p, &self->rejected, a.why);
    else {
        self->under_way -= p->points;
        self->unreported += p->points - a.rejected;
        self->rejected += a.rejected;
        if (a.rejected)
            (void)snprintf(self->reason, sizeof self->reason, "it rejected points: %s", a.why);
    }
}

static void on_done(void *arg, struct post *p, const struct outcome *how)
{
    phx_self *self = arg;
    if (!self->is_stopping) schedule_advance(&self->schedule, now_s(self));
    if (how->failure) {
        pause_for(self, PAUSE_S);
        lose(self, p, &self->failed, how->failure);
    } else on_answer(self, p, how);
    pump(self);
}

/* ---- the host's calls */

static void end(phx_self *self)
{
    if (self->timer) self->loop->untimer(self->timer);
    self->timer = NULL;
    sender_free(self->sender);
    encoder_free(self->encoder);
    self->sender = NULL;
    self->encoder = NULL;
}

static phx_status gen_start(phx_self *self, const phx_load_budget *budget)
{
    uint64_t seed = PHX_HAS(budget, phx_load_budget, seed) ? budget->seed : 0;
    end(self);
    self->loop = self->host->iface(self->host, PHX_LOOP);
    self->zero = self->host->mono(self->host);
    self->is_stopping = false;
    self->pause_until_s = 0;
    self->taken = self->under_way = self->granted = self->unreported = 0;
    self->rejected = self->failed = self->late = 0;
    self->reason[0] = 0;
    schedule_start(&self->schedule, &self->conf.plan);
    self->encoder = encoder_new(&self->conf.plan, seed, self->host->wall(self->host));
    if (!self->encoder) return PHX_E_NOMEM;
    size_t room = encoder_bound(self->encoder, self->conf.batch);
    if (room > BODY_MAX)
        return phx_failf(self->host, PHX_E_CONFIG,
                         "a request of %llu points may take %zu MiB, and may take 8: lower batch",
                         (unsigned long long)self->conf.batch, room >> 20);
    self->sender = sender_new(&(struct sender_conf){ .host = self->host,
                                                     .endpoint = &self->conf.endpoint,
                                                     .posts = self->conf.connections,
                                                     .room_bytes = room,
                                                     .timeout_ms = self->conf.timeout_ms,
                                                     .done = on_done,
                                                     .arg = self });
    return self->sender ? PHX_OK : PHX_E_NOMEM;
}

static phx_status gen_step(phx_self *self, uint64_t elapsed_ns, uint64_t quota, const phx_load_out *out,
                           uint64_t *done, uint64_t *next_ns)
{
    self->zero = self->host->mono(self->host) - elapsed_ns;
    schedule_advance(&self->schedule, (double)elapsed_ns * 1e-9);
    *done = self->unreported < quota ? self->unreported : quota;
    self->unreported -= *done;
    self->granted = quota - *done;
    pump(self);
    *next_ns = STEP_NS; /* for more quota: the rest does itself */
    return PHX_OK;
}

static uint64_t gen_due(phx_self *self)
{
    return schedule_due(&self->schedule, self->schedule.now_s);
}

/* What is due at this moment is still sent, if it is no more than fits into a request a connection, and
 * answers are waited for; but not for long. */
static void gen_stop(phx_self *self)
{
    schedule_advance(&self->schedule, now_s(self));
    self->is_stopping = true;
    self->last_posts = self->conf.connections;
    pump(self);
    sender_settle(self->sender, SETTLE_MS);
    self->failed += self->under_way;
    self->late += gen_due(self) - self->taken;
    end(self);
}

static phx_status gen_adjust(phx_self *self, uint64_t elapsed_ns, const phx_load_change *change)
{
    double factor = change->factor, rate = PHX_HAS(change, phx_load_change, rate) ? change->rate : 0;
    if (!(rate >= 0 && rate <= PLAN_RATE_MAX) || !(factor >= 0 && factor <= FACTOR_MAX))
        return phx_failf(self->host, PHX_E_INVAL,
                         "a rate up to %.0f points a second, or a factor up to %.0f, is wanted",
                         PLAN_RATE_MAX, FACTOR_MAX);
    schedule_advance(&self->schedule, (double)elapsed_ns * 1e-9);
    schedule_adjust(&self->schedule, factor, rate);
    return PHX_OK;
}

static void put_number(const phx_sink *to, const char *word, double value)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.17g", value);
    (void)to->put(to, word, (phx_str){ "", 0 }, (phx_str){ text, (size_t)n });
}

static void gen_tell(phx_self *self, const phx_sink *to)
{
    put_number(to, "rejected", (double)self->rejected);
    put_number(to, "failed", (double)self->failed);
    put_number(to, "late", (double)self->late);
    put_number(to, "rate", schedule_rate(&self->schedule));
    if (self->reason[0])
        (void)to->put(to, "reason", (phx_str){ "", 0 }, (phx_str){ self->reason, strlen(self->reason) });
}

static uint64_t gen_rest(phx_self *self)
{
    uint64_t rest = self->unreported;
    self->unreported = 0;
    return rest;
}

const phx_load_ops GEN_OPS = {
    .size = sizeof GEN_OPS,
    .start = gen_start,
    .step = gen_step,
    .stop = gen_stop,
    .due = gen_due,
    .adjust = gen_adjust,
    .tell = gen_tell,
    .rest = gen_rest,
};

phx_status gen_new(const phx_host *host, struct gen_conf *conf, phx_self **ret)
{
    phx_self *self = calloc(1, sizeof *self);
    if (!self) {
        plan_done(&conf->plan);
        return PHX_E_NOMEM;
    }
    self->host = host;
    self->conf = *conf;
    *ret = self;
    return PHX_OK;
}

void gen_free(phx_self *self)
{
    end(self);
    plan_done(&self->conf.plan);
    free(self);
}
