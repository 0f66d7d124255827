/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that a server should survive. Each connects, does its worst a moment later, stays for 5 to 15
 * seconds, goes, and begins again. What the API says to it is not in the other figures. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include "core/base/clock.h"
#include "tools/swarm/agent.h"

enum manner { VANISHES, HALF_CLOSES, SENDS_GARBAGE, READS_NOTHING, IS_SLOW };
enum { UNREAD_REQUESTS = 8, MANNERS_OF_BROKEN = IS_SLOW };
enum { STEP_ACT = UINT8_MAX - 1, STEP_LEAVE }; /* below these: bytes that a slow one has sent */

#define FIRST_NS (200 * NS_PER_MS)
#define STAY_NS (5 * NS_PER_S)
#define STAY_SPREAD_NS (10 * NS_PER_S)
#define BYTE_NS NS_PER_S

static void on_alarm(struct alarm *alarm);

static enum manner manner_of(const struct agent *a)
{
    const struct swarm *s = a->swarm;
    uint32_t n_odd = s->n - s->n_sound, i = a->index - s->n_sound;
    double share = s->o->slow / (s->o->slow + s->o->broken);
    return i < (uint32_t)(share * n_odd + 0.5) ? IS_SLOW : (enum manner)(i % MANNERS_OF_BROKEN);
}

static void next_in(struct agent *a, int64_t ns)
{
    alarm_set(&a->swarm->engine, &a->next_poll, a->swarm->engine.now_ns + ns);
}

static int64_t stay(struct agent *a)
{
    return STAY_NS + (int64_t)(swarm_random(a->swarm) % STAY_SPREAD_NS);
}

/* The API answered, or hung up. */
static void on_reply(struct conn *c, const struct reply *reply)
{
    struct agent *a = CONTAINER_OF(c, struct agent, poll);
    a->swarm->tally->count.broken_ended += reply->outcome != OUTCOME_REFUSED;
    conn_close(c);
    a->step = 0;
    next_in(a, FIRST_NS + (int64_t)(swarm_random(a->swarm) % NS_PER_S));
}

static void on_nothing(struct watched *w, uint32_t events)
{
}

static void begin(struct agent *a)
{
    enum manner manner = manner_of(a);
    struct route route = agent_route(a);
    conn_init(&a->poll, &a->swarm->engine, WIRE_HEAD_MAX, on_reply);
    if (manner == VANISHES || manner == READS_NOTHING)
        a->poll.watched.fn = on_nothing;
    if (!conn_expect(&a->poll, &route, STAY_NS + STAY_SPREAD_NS + 600 * NS_PER_S))
        return;
    if (manner == READS_NOTHING)
        (void)setsockopt(a->poll.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int));
    a->step = manner == IS_SLOW ? 1 : STEP_ACT;
    next_in(a, FIRST_NS);
}

/* Whether the kernel took it does not matter: they are broken. */
static void say(struct agent *a, const char *p, size_t n)
{
    (void)!send(a->poll.fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void act(struct agent *a)
{
    struct tally *t = a->swarm->tally;
    CLEANUP_BUF struct buf text = { .max = 4096 };
    agent_poll_text(a, true, &text);
    switch (manner_of(a)) {
    case VANISHES:
        t->count.vanished++;
        say(a, text.data, text.len);
        break;
    case HALF_CLOSES:
        t->count.half_closed++;
        say(a, text.data, text.len);
        (void)shutdown(a->poll.fd, SHUT_WR);
        break;
    case SENDS_GARBAGE: {
        uint64_t noise[16];
        t->count.garbage++;
        for (unsigned i = 0; i < sizeof noise / sizeof noise[0]; i++)
            noise[i] = swarm_random(a->swarm);
        say(a, (const char *)noise, sizeof noise);
        say(a, "\r\n\r\n", 4);
        break;
    }
    case READS_NOTHING:
        t->count.deaf++;
        for (unsigned i = 0; i < UNREAD_REQUESTS; i++)
            say(a, "GET /api/v1/openapi.json HTTP/1.1\r\nHost: swarm\r\n\r\n", 50);
        break;
    case IS_SLOW: break;
    }
    a->step = STEP_LEAVE;
    next_in(a, stay(a));
}

/* As if the power had failed: without a word where the kernel lets us, else by a reset. */
static void leave(struct agent *a)
{
    if (manner_of(a) == VANISHES &&
        setsockopt(a->poll.fd, IPPROTO_TCP, TCP_REPAIR, &(int){ 1 }, sizeof(int)) != 0)
        (void)setsockopt(a->poll.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    conn_close(&a->poll);
    a->step = 0;
    next_in(a, FIRST_NS);
}

static void send_byte(struct agent *a)
{
    CLEANUP_BUF struct buf text = { .max = 4096 };
    agent_poll_text(a, true, &text);
    a->swarm->tally->count.slow += a->step == 1;
    if (a->step <= text.len)
        say(a, &text.data[a->step - 1], 1);
    if (a->step < STEP_ACT - 1)
        a->step++;
    next_in(a, BYTE_NS);
}

static void on_alarm(struct alarm *alarm)
{
    struct agent *a = CONTAINER_OF(alarm, struct agent, next_poll);
    if (a->step == 0)
        begin(a);
    else if (a->step == STEP_ACT)
        act(a);
    else if (a->step == STEP_LEAVE)
        leave(a);
    else
        send_byte(a);
}

void odd_start(struct agent *a)
{
    a->next_poll.fn = on_alarm;
    begin(a);
}
