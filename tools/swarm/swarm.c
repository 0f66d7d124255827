/* SPDX-License-Identifier: Apache-2.0 */
/* A run: the agents connect (joining) until all are parked, then it is measured, then the tasks that are
 * under way come to their ends (draining). */
#include "tools/swarm/swarm.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tools/swarm/agent.h"
#include "tools/swarm/load.h"

#define TICK_NS (10 * NS_PER_MS)

static volatile sig_atomic_t was_told_to_end;

/* ---- what others use */

/* splitmix64 */
uint64_t swarm_random(struct swarm *s)
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void swarm_time(struct swarm *s, struct hist *h, int64_t due_ns)
{
    if (s->measured_ns && due_ns >= s->measured_ns && due_ns < s->measured_ns + s->o->duration)
        hist_add(h, s->engine.now_ns - due_ns);
}

void swarm_answered(struct swarm *s, enum kind kind, unsigned target, enum outcome o)
{
    s->tally->answers[kind][o]++;
    s->tally->target_answers[target][o]++;
}

/* ---- phases */

static void on_phase(struct alarm *a);

static void measure(struct swarm *s)
{
    s->tally->phase = PHASE_MEASURING;
    s->measured_ns = s->engine.now_ns;
    alarm_set(&s->engine, &s->next_phase, s->measured_ns + s->o->duration);
    if (s->o->restart >= 0)
        alarm_set(&s->engine, &s->restart, s->measured_ns + s->o->restart);
    load_start(s);
}

static void end(struct swarm *s)
{
    s->tally->phase = PHASE_OVER;
    s->tally->count.lost = s->ledger.open;
    s->tally->count.due = s->measured_ns ? load_count_due(s) : 0;
    engine_stop(&s->engine);
}

static void on_phase(struct alarm *a)
{
    struct swarm *s = CONTAINER_OF(a, struct swarm, next_phase);
    switch (s->tally->phase) {
    case PHASE_JOINING: measure(s); break;
    case PHASE_MEASURING:
        s->tally->phase = PHASE_DRAINING;
        alarm_set(&s->engine, &s->next_phase, s->engine.now_ns + s->o->drain);
        break;
    case PHASE_DRAINING:
    case PHASE_OVER: end(s); break;
    }
}

void swarm_parked(struct swarm *s, int change)
{
    s->tally->parked += (uint64_t)(int64_t)change;
    if (s->tally->parked < s->n_sound)
        return;
    if (!s->tally->join_ns) {
        s->tally->join_ns = s->engine.now_ns - s->started_ns;
        alarm_set(&s->engine, &s->next_phase, s->engine.now_ns);
    } else if (s->restarted_ns && !s->tally->restart_ns) {
        s->tally->restart_ns = s->engine.now_ns - s->restarted_ns;
    }
}

static void on_restart(struct alarm *alarm)
{
    struct swarm *s = CONTAINER_OF(alarm, struct swarm, restart);
    s->restarted_ns = s->engine.now_ns;
    for (unsigned i = 0; i < s->n_targets; i++)
        senders_drop(&s->targets[i].posts);
    for (uint32_t i = 0; i < s->n_sound; i++)
        agent_restart(&s->agents[i]);
}

/* ---- the clock of the swarm itself */

struct ticker {
    struct alarm alarm;
    struct swarm *swarm;
};

static void on_tick(struct alarm *alarm)
{
    struct ticker *t = CONTAINER_OF(alarm, struct ticker, alarm);
    struct swarm *s = t->swarm;
    swarm_time(s, &s->tally->times[TIME_lag], alarm->at_ns);
    bool is_drained = s->tally->phase == PHASE_DRAINING && s->ledger.open == 0 && load_is_over(s);
    if (was_told_to_end || is_drained)
        end(s);
    alarm_set(&s->engine, alarm, s->engine.now_ns + TICK_NS);
}

/* ---- start and end */

struct starter {
    struct alarm alarm;
    struct swarm *swarm;
    uint32_t next;
};

static int64_t start_of(const struct swarm *s, uint32_t i)
{
    return s->started_ns + (int64_t)((double)s->o->ramp * i / s->n);
}

enum { STARTS_A_TURN = 256 };

static void on_start(struct alarm *alarm)
{
    struct starter *x = CONTAINER_OF(alarm, struct starter, alarm);
    struct swarm *s = x->swarm;
    for (unsigned i = 0; i < STARTS_A_TURN && x->next < s->n &&
                         start_of(s, x->next) <= s->engine.now_ns; i++) {
        struct agent *a = &s->agents[x->next++];
        (a->index < s->n_sound ? agent_start : odd_start)(a);
    }
    if (x->next < s->n)
        alarm_set(&s->engine, alarm, start_of(s, x->next));
}

static void on_signal(int number)
{
    was_told_to_end = 1;
}

static void prepare(struct swarm *s)
{
    uint32_t n_odd = (uint32_t)((s->o->broken + s->o->slow) / 100 * s->n + 0.5);
    s->n_sound = s->n - (n_odd < s->n ? n_odd : s->n);
    s->rate = s->n_sound ? s->rate : 0;
    s->random = s->o->seed << 8 | s->process;
    s->tally->agents = s->n_sound;
    s->agents = mem_calloc(s->n, sizeof *s->agents);
    s->next_phase.fn = on_phase;
    s->restart.fn = on_restart;
    for (unsigned i = 0; i < s->n_targets; i++) {
        senders_init(&s->targets[i].posts, s, i, (unsigned)s->o->senders);
        senders_init(&s->targets[i].orders, s, i, (unsigned)s->o->operators);
    }
    for (uint32_t i = 0; i < s->n; i++)
        agent_init(&s->agents[i], s, i);
    load_init(s);
}

static void clean_up(struct swarm *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        agent_done(&s->agents[i]);
    for (unsigned i = 0; i < s->n_targets; i++) {
        senders_done(&s->targets[i].posts);
        senders_done(&s->targets[i].orders);
    }
    load_done(s);
    free(s->agents);
    engine_done(&s->engine);
}

int swarm_run(struct swarm *s, struct err *err)
{
    struct ticker ticker = { .alarm.fn = on_tick, .swarm = s };
    struct starter starter = { .alarm.fn = on_start, .swarm = s };
    if (engine_init(&s->engine) != 0)
        return err_errno(err, ERR_IO, errno, "cannot make an epoll descriptor");
    prepare(s);
    (void)sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
    (void)signal(SIGINT, SIG_IGN); /* the reporter hears it, and sends SIGTERM */
    s->started_ns = s->engine.now_ns;
    alarm_set(&s->engine, &ticker.alarm, s->started_ns);
    alarm_set(&s->engine, &starter.alarm, s->started_ns);
    alarm_set(&s->engine, &s->next_phase, s->started_ns + s->o->ramp + s->o->join);
    if (s->n_sound == 0)
        alarm_set(&s->engine, &s->next_phase, s->started_ns + s->o->ramp);
    engine_run(&s->engine);
    clean_up(s);
    return 0;
}

/* ---- targets */

int target_init(struct target *t, const char *url, struct err *err)
{
    struct str rest = str_of(url);
    char host[256], port[8] = "80";
    if (!str_starts(rest, "http://"))
        return err_set(err, ERR_USAGE, "--url: \"%s\" does not start with http://", url);
    rest = (struct str){ rest.p + 7, rest.n - 7 };
    while (rest.n > 0 && rest.p[rest.n - 1] == '/')
        rest.n--;
    const char *colon = memrchr(rest.p, ':', rest.n);
    bool is_v6 = rest.n > 2 && rest.p[0] == '[';
    if (is_v6 && colon && memchr(colon, ']', rest.n - (size_t)(colon - rest.p)))
        colon = NULL;
    struct str name = { rest.p, colon ? (size_t)(colon - rest.p) : rest.n };
    if (is_v6 && name.p[name.n - 1] == ']')
        name = (struct str){ name.p + 1, name.n - 2 };
    struct str number = { colon ? colon + 1 : "80", colon ? rest.n - (size_t)(colon + 1 - rest.p) : 2 };
    if (name.n == 0 || !str_copy(host, sizeof host, name) || !str_copy(port, sizeof port, number) ||
        !str_copy(t->authority, sizeof t->authority, rest) || memchr(rest.p, '/', rest.n))
        return err_set(err, ERR_USAGE, "--url: \"%s\" is no http://HOST[:PORT]", url);
    struct addrinfo *found, hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0)
        return err_set(err, ERR_USAGE, "--url: \"%s\": %s", url, gai_strerror(rc));
    memcpy(&t->route.to, found->ai_addr, found->ai_addrlen);
    t->route.to_len = found->ai_addrlen;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&t->route.to;
    t->is_loopback = v4->sin_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    freeaddrinfo(found);
    return 0;
}
