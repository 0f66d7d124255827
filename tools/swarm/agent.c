/* SPDX-License-Identifier: Apache-2.0 */
/* As core/agent: one poll is always open, the first one does not wait; heartbeats and batches go out by
 * the clock. Here that clock does not stop for slow answers: what was due meanwhile goes out late, and
 * its time counts from when it was due. */
#include "tools/swarm/agent.h"
#include "config.h"
#include <netinet/in.h>
#include <stdio.h>
#include "core/agent/backoff.h"
#include "core/base/clock.h"

enum { POLL_ANSWER_MAX = 4 << 20, PER_SOURCE = 2000 };
#define EARLY_NS NS_PER_S
#define POLL_PATIENCE_NS (15 * NS_PER_S)
#define RETRY_NS (500 * NS_PER_MS)

/* ---- what the parts share */

const char *agent_host(const struct swarm *s, uint32_t index, char out[HOST_NAME_MAX_BYTES])
{
    snprintf(out, HOST_NAME_MAX_BYTES, "%s-%05u", s->o->name, s->first + index);
    return out;
}

enum verdict agent_judge(const struct reply *reply)
{
    int status = reply->answer.status;
    if (status == 0 || status >= 500 || status == 408 || status == 429 || status == 401 || status == 403)
        return VERDICT_AWAY;
    return status < 300 ? VERDICT_OK : VERDICT_REFUSED;
}

void agent_moves_on(struct agent *a, unsigned target, const struct reply *reply)
{
    if (reply->answer.status == 0 && a->target == target)
        a->target = (uint8_t)((target + 1) % a->swarm->n_targets);
}

int64_t agent_retry_at(struct swarm *s, uint8_t *io_tries, int64_t first_ns, int64_t cap_ns,
                       const struct reply *reply)
{
    struct backoff b = { .first_ns = first_ns, .cap_ns = cap_ns, .tries = *io_tries };
    int64_t wait = backoff_next(&b, swarm_random(s));
    if (*io_tries < UINT8_MAX)
        ++*io_tries;
    return s->engine.now_ns + (wait > reply->answer.retry_after_ns ? wait : reply->answer.retry_after_ns);
}

/* The kernel's search for a free port slows down after some thousands from one address. */
struct route agent_route(const struct agent *a)
{
    const struct target *t = &a->swarm->targets[a->target];
    struct route r = t->route;
    if (t->is_loopback)
        r.source = 0x7f010001u + (a->swarm->process << 8) + a->index / PER_SOURCE;
    return r;
}

static void post(struct agent *a, struct post *p, int64_t due_ns)
{
    p->due_ns = due_ns;
    p->target = a->target;
    post_send(&a->swarm->targets[a->target].posts, p);
}

/* ---- the poll */

void agent_poll_text(const struct agent *a, bool waits, struct buf *out)
{
    char host[HOST_NAME_MAX_BYTES], wait[32];
    buf_addf(out,
             "GET /api/v1/agent/tasks?wait=%s HTTP/1.1\r\nHost: %s\r\n"
              "User-Agent: phoenix-swarm/" PACKAGE_VERSION
             "\r\nAccept: */*\r\nX-Agent-Host-ID: %s\r\n\r\n",
             format_duration(waits ? a->swarm->o->wait : 0, wait), a->swarm->targets[a->target].authority,
             agent_host(a->swarm, a->index, host));
}

static void set_parked(struct agent *a, bool is_parked)
{
    if (a->is_parked != is_parked)
        swarm_parked(a->swarm, is_parked ? 1 : -1);
    a->is_parked = is_parked;
}

static void poll_now(struct agent *a)
{
    static struct buf text;
    struct swarm *s = a->swarm;
    struct route route = agent_route(a);
    if (!text.max)
        buf_init(&text, 4096);
    buf_reset(&text);
    agent_poll_text(a, a->was_heard, &text);
    s->tally->count.connections += !conn_is_open(&a->poll);
    a->asked_ns = s->engine.now_ns;
    conn_ask(&a->poll, &route, buf_str(&text), s->o->wait + POLL_PATIENCE_NS);
    set_parked(a, a->was_heard);
}

static void on_next_poll(struct alarm *alarm)
{
    poll_now(CONTAINER_OF(alarm, struct agent, next_poll));
}

static void poll_later(struct agent *a, const struct reply *reply)
{
    int64_t at = agent_retry_at(a->swarm, &a->poll_tries, RETRY_NS, 30 * NS_PER_S, reply);
    set_parked(a, false);
    alarm_set(&a->swarm->engine, &a->next_poll, at);
}

static void on_polled(struct conn *c, const struct reply *reply)
{
    struct agent *a = CONTAINER_OF(c, struct agent, poll);
    struct swarm *s = a->swarm;
    unsigned target = a->target;
    if (reply->outcome == OUTCOME_STALE) {
        poll_now(a);
        return;
    }
    swarm_answered(s, KIND_POLL, target, reply->outcome);
    if (agent_judge(reply) != VERDICT_OK) {
        agent_moves_on(a, target, reply);
        poll_later(a, reply);
        return;
    }
    if (reply->answer.interval_ns && s->o->heartbeat < 0)
        a->interval_ns = reply->answer.interval_ns;
    int n_new = jobs_take(a, reply->answer.body);
    int64_t early = s->o->wait < 2 * EARLY_NS ? s->o->wait / 2 : EARLY_NS;
    bool is_in_time = s->engine.now_ns - a->asked_ns >= early || !a->was_heard;
    a->was_heard = true;
    if (n_new > 0 || (n_new == 0 && is_in_time)) {
        a->poll_tries = 0;
        poll_now(a);
    } else {
        poll_later(a, reply);
    }
}

/* ---- heartbeats */

static void on_next_beat(struct alarm *alarm)
{
    struct agent *a = CONTAINER_OF(alarm, struct agent, next_beat);
    post(a, &a->beat, alarm->at_ns);
}

static const char *beat_write(struct post *p, struct buf *path, struct buf *body)
{
    static char host[HOST_NAME_MAX_BYTES];
    struct agent *a = CONTAINER_OF(p, struct agent, beat);
    buf_adds(path, "/agent/heartbeat");
    heartbeat_write(a, a->is_changed, body);
    a->is_changed = false;
    return agent_host(a->swarm, a->index, host);
}

static void beat_done(struct post *p, const struct reply *reply)
{
    struct agent *a = CONTAINER_OF(p, struct agent, beat);
    struct swarm *s = a->swarm;
    bool is_heard = agent_judge(reply) == VERDICT_OK;
    jobs_told(a, is_heard);
    if (!is_heard) {
        a->is_changed = true; /* after a failure everything is said again */
        agent_moves_on(a, p->target, reply);
        alarm_set(&s->engine, &a->next_beat,
                  agent_retry_at(s, &a->beat_tries, RETRY_NS, 15 * NS_PER_S, reply));
        return;
    }
    swarm_time(s, &s->tally->times[TIME_heartbeat], p->due_ns);
    swarm_time(s, &s->tally->target_heartbeat[p->target], p->due_ns);
    a->beat_tries = 0;
    alarm_set(&s->engine, &a->next_beat, a->is_changed ? s->engine.now_ns : p->due_ns + a->interval_ns);
}

static const struct post_ops BEAT = { beat_write, beat_done };

void agent_changed(struct agent *a)
{
    a->is_changed = true;
    if (!a->beat.is_out && a->beat_tries == 0)
        alarm_set(&a->swarm->engine, &a->next_beat, a->swarm->engine.now_ns);
}

/* ---- batches */

static void on_next_batch(struct alarm *alarm)
{
    struct stream *x = CONTAINER_OF(alarm, struct stream, next);
    if (x->tries == 0)
        x->ts_ns = clock_wall() - (x->agent->swarm->engine.now_ns - x->due_ns);
    post(x->agent, &x->post, x->due_ns);
}

static const char *batch_write(struct post *p, struct buf *path, struct buf *body)
{
    static char host[HOST_NAME_MAX_BYTES];
    struct stream *x = CONTAINER_OF(p, struct stream, post);
    bool is_samples = p->kind == KIND_SAMPLES;
    buf_adds(path, is_samples ? "/agent/metrics" : "/agent/logs");
    (is_samples ? samples_write : logs_write)(x->agent, body);
    return agent_host(x->agent->swarm, x->agent->index, host);
}

/* The same number with the same content until the API has it, or will never take it. */
static void batch_done(struct post *p, const struct reply *reply)
{
    struct stream *x = CONTAINER_OF(p, struct stream, post);
    struct swarm *s = x->agent->swarm;
    bool is_samples = p->kind == KIND_SAMPLES;
    enum verdict verdict = agent_judge(reply);
    if (verdict == VERDICT_AWAY) {
        agent_moves_on(x->agent, p->target, reply);
        alarm_set(&s->engine, &x->next, agent_retry_at(s, &x->tries, RETRY_NS, 30 * NS_PER_S, reply));
        return;
    }
    if (verdict == VERDICT_OK)
        swarm_time(s, &s->tally->times[is_samples ? TIME_samples : TIME_logs], p->due_ns);
    x->seq++;
    x->tries = 0;
    x->due_ns += is_samples ? s->o->metrics : s->o->logs;
    alarm_set(&s->engine, &x->next, x->due_ns);
}

static const struct post_ops BATCH = { batch_write, batch_done };

static void stream_init(struct stream *x, struct agent *a, enum kind kind)
{
    *x = (struct stream){ .next.fn = on_next_batch, .agent = a, .seq = 1,
                          .post = { .ops = &BATCH, .kind = (uint8_t)kind } };
}

static void stream_start(struct stream *x, int64_t interval_ns)
{
    struct swarm *s = x->agent->swarm;
    if (interval_ns < 0)
        return;
    x->due_ns = s->engine.now_ns + (int64_t)(swarm_random(s) % (uint64_t)interval_ns);
    alarm_set(&s->engine, &x->next, x->due_ns);
}

/* ---- life */

void agent_init(struct agent *a, struct swarm *s, uint32_t index)
{
    *a = (struct agent){ .swarm = s, .index = index, .target = (uint8_t)(index % s->n_targets),
                         .next_poll.fn = on_next_poll, .next_beat.fn = on_next_beat,
                         .beat = { .ops = &BEAT, .kind = KIND_HEARTBEAT },
                         .interval_ns = s->o->heartbeat > 0 ? s->o->heartbeat : 15 * NS_PER_S,
                         .is_changed = true };
    conn_init(&a->poll, &s->engine, POLL_ANSWER_MAX, on_polled);
    stream_init(&a->samples, a, KIND_SAMPLES);
    stream_init(&a->logs, a, KIND_LOGS);
}

void agent_start(struct agent *a)
{
    poll_now(a);
    alarm_set(&a->swarm->engine, &a->next_beat, a->swarm->engine.now_ns);
    stream_start(&a->samples, a->swarm->o->metrics);
    stream_start(&a->logs, a->swarm->o->logs);
}

void agent_restart(struct agent *a)
{
    struct swarm *s = a->swarm;
    conn_close(&a->poll);
    a->was_heard = false;
    a->poll_tries = 0;
    poll_later(a, &(struct reply){ 0 });
    a->is_changed = true;
    if (!a->beat.is_out)
        alarm_set(&s->engine, &a->next_beat, a->next_poll.at_ns);
}

void agent_done(struct agent *a)
{
    conn_close(&a->poll);
    jobs_done(a);
}
