/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/load.h"
#include <math.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "tools/swarm/agent.h"

/** A connection's worth of operator: one request at a time. */
struct order {
    struct post post;
    struct swarm *swarm;
    struct order *next; /* free */
    uint32_t number;
    uint8_t target;
};
struct load {
    struct alarm due;
    struct swarm *swarm;
    struct order *all, *free;
    uint32_t next, total, out; /* number that is due next; how many in all; on their way */
};

int64_t load_due(const struct swarm *s, uint32_t number)
{
    double of_all = (double)number * (double)s->o->processes + s->process;
    return s->measured_ns + (int64_t)(of_all * (double)NS_PER_S / s->rate);
}

uint32_t load_host(const struct swarm *s, uint32_t number)
{
    return number % s->n_sound;
}

bool load_fails(const struct swarm *s, uint32_t number)
{
    bool is_odd = number * 2654435761u >> 31;
    return s->o->outcome == TASKS_FAIL || (s->o->outcome == TASKS_MIXED && is_odd);
}

/* ---- one enqueue */

static const char *order_write(struct post *p, struct buf *path, struct buf *body)
{
    const struct order *o = CONTAINER_OF(p, struct order, post);
    char host[HOST_NAME_MAX_BYTES];
    buf_adds(path, "/loadsimulations");
    buf_addf(body, "{\"profile\":\"steady\",\"target_hosts\":[\"%s\"],\"duration\":\"1m\",\"seed\":%lld}",
             agent_host(o->swarm, load_host(o->swarm, o->number), host),
             (long long)ledger_seed(&o->swarm->ledger, o->number));
    return "";
}

static void send_due(struct load *l);

static void order_done(struct post *p, const struct reply *reply)
{
    struct order *o = CONTAINER_OF(p, struct order, post);
    struct swarm *s = o->swarm;
    ledger_enqueued(&s->ledger, o->number, reply->outcome);
    if (reply->outcome == OUTCOME_2XX)
        swarm_time(s, &s->tally->times[TIME_enqueue], p->due_ns);
    if (reply->answer.status == 0)
        o->target = (uint8_t)((o->target + 1) % s->n_targets);
    o->next = s->load->free;
    s->load->free = o;
    s->load->out--;
    send_due(s->load);
}

static const struct post_ops ORDER = { order_write, order_done };

/* ---- the clock */

/* Its operator's URL, or with --cross the one after the URL that the host polls now. */
static uint8_t target_of(const struct order *o)
{
    const struct swarm *s = o->swarm;
    if (!s->o->cross)
        return o->target;
    return (uint8_t)((s->agents[load_host(s, o->number)].target + 1U) % s->n_targets);
}

static void send_due(struct load *l)
{
    struct swarm *s = l->swarm;
    while (l->free && l->next < l->total && load_due(s, l->next) <= s->engine.now_ns) {
        struct order *o = l->free;
        l->free = o->next;
        l->out++;
        o->number = l->next++;
        o->post.due_ns = load_due(s, o->number);
        o->post.target = target_of(o);
        post_send(&s->targets[o->post.target].orders, &o->post);
    }
    if (l->free && l->next < l->total)
        alarm_set(&s->engine, &l->due, load_due(s, l->next));
}

static void on_due(struct alarm *alarm)
{
    send_due(CONTAINER_OF(alarm, struct load, due));
}

void load_init(struct swarm *s)
{
    struct load *l = mem_alloc(sizeof *l);
    double of_all = s->rate * (double)s->o->duration / (double)NS_PER_S;
    double total = (floor(of_all) - s->process + (double)(s->o->processes - 1)) / (double)s->o->processes;
    *l = (struct load){ .due.fn = on_due, .swarm = s,
                        .all = mem_calloc(s->o->operators, sizeof *l->all),
                        .total = (uint32_t)(total < LEDGER_MAX ? total : LEDGER_MAX) };
    for (unsigned i = 0; i < s->o->operators; i++) {
        struct order *o = &l->all[i];
        *o = (struct order){ .post = { .ops = &ORDER, .kind = KIND_ENQUEUE }, .swarm = s, .next = l->free,
                             .target = (uint8_t)(i % s->n_targets) };
        l->free = o;
    }
    s->load = l;
    ledger_init(&s->ledger, l->total, (uint32_t)random_u64(), s->tally);
}

void load_start(struct swarm *s)
{
    send_due(s->load);
}

uint32_t load_count_due(const struct swarm *s)
{
    uint32_t n = s->load->next;
    while (n < s->load->total && load_due(s, n) <= s->engine.now_ns)
        n++;
    return n;
}

bool load_is_over(const struct swarm *s)
{
    return s->load->next == s->load->total && s->load->out == 0;
}

void load_done(struct swarm *s)
{
    ledger_done(&s->ledger);
    free(s->load->all);
    free(s->load);
}
