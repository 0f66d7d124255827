/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/ledger.h"
#include <stdlib.h>
#include "core/base/mem.h"

enum { TAKEN = 1, UNKNOWN = 2, SEEN = 4, EXECUTED = 8, ENDED = 16 };
struct entry {
    uint32_t id; /* digest of the task's id */
    uint8_t state;
};

void ledger_init(struct ledger *l, uint32_t n, uint32_t run, struct tally *tally)
{
    *l = (struct ledger){ .entries = mem_calloc((size_t)n + 1, sizeof *l->entries),
                          .n = n,
                          .run = run & INT32_MAX,
                          .tally = tally };
}

void ledger_done(struct ledger *l)
{
    free(l->entries);
}

int64_t ledger_seed(const struct ledger *l, uint32_t number)
{
    return (int64_t)l->run << 32 | number;
}

void ledger_enqueued(struct ledger *l, uint32_t number, enum outcome outcome)
{
    struct entry *e = &l->entries[number];
    bool is_sure = outcome < OUTCOME_RESET || outcome == OUTCOME_REFUSED;
    if (outcome == OUTCOME_2XX) {
        e->state |= TAKEN;
        l->tally->count.enqueued++;
        l->open += !(e->state & ENDED);
    } else if (is_sure) {
        l->tally->count.rejected++;
    } else {
        e->state |= UNKNOWN;
        l->tally->count.unknown++;
    }
}

/* FNV-1a */
static uint32_t digest(struct str s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}

enum delivery ledger_delivered(struct ledger *l, int64_t seed, struct str task_id, bool is_right_host,
                               uint32_t *ret_number)
{
    *ret_number = (uint32_t)seed;
    if (seed < 0 || (uint32_t)(seed >> 32) != l->run || *ret_number >= l->n) {
        l->tally->count.foreign++;
        return DELIVERY_FOREIGN;
    }
    struct entry *e = &l->entries[*ret_number];
    bool is_first = !(e->state & SEEN);
    if (!is_right_host || (!is_first && e->id != digest(task_id)))
        l->tally->count.twice++;
    e->state |= SEEN;
    if (is_first) {
        e->id = digest(task_id);
        l->tally->count.received++;
        return DELIVERY_NEW;
    }
    l->tally->count.repeated++;
    if (!(e->state & ENDED))
        return DELIVERY_AGAIN;
    l->tally->count.reopened++;
    return DELIVERY_DONE;
}

void ledger_executed(struct ledger *l, uint32_t number)
{
    l->entries[number].state |= EXECUTED;
    l->tally->count.executed++;
}

bool ledger_is_executed(const struct ledger *l, uint32_t number)
{
    return l->entries[number].state & EXECUTED;
}

void ledger_ended(struct ledger *l, uint32_t number, bool is_failed)
{
    struct entry *e = &l->entries[number];
    if (e->state & ENDED)
        return;
    e->state |= ENDED;
    l->open -= e->state & TAKEN ? 1 : 0;
    if (is_failed)
        l->tally->count.failed++;
    else
        l->tally->count.completed++;
}
