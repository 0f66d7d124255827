/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/tally.h"

const char *const kind_names[KIND_COUNT] = { "poll", "heartbeat", "samples", "logs",
                                             "ack",  "report",    "enqueue" };

static void add(uint64_t *to, const uint64_t *from, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof *to; i++)
        to[i] += from[i];
}

static void merge_hists(struct hist *to, const struct hist *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hist_merge(&to[i], &from[i]);
}

static int64_t slowest(int64_t a, int64_t b)
{
    return a == 0 || b == 0 ? 0 : a > b ? a : b;
}

void tally_merge(struct tally *t, const struct tally *other)
{
    bool is_first = t->agents == 0;
    add((uint64_t *)&t->count, (const uint64_t *)&other->count, sizeof t->count);
    add(&t->answers[0][0], &other->answers[0][0], sizeof t->answers);
    add(&t->target_answers[0][0], &other->target_answers[0][0], sizeof t->target_answers);
    merge_hists(t->times, other->times, TIME_COUNT);
    merge_hists(t->target_dispatch, other->target_dispatch, TARGETS_MAX);
    merge_hists(t->target_heartbeat, other->target_heartbeat, TARGETS_MAX);
    t->parked += other->parked;
    t->agents += other->agents;
    t->join_ns = is_first ? other->join_ns : slowest(t->join_ns, other->join_ns);
    t->restart_ns = is_first ? other->restart_ns : slowest(t->restart_ns, other->restart_ns);
    if (is_first || other->phase < t->phase)
        t->phase = other->phase;
}

uint64_t tally_outcomes(const struct tally *t, enum outcome o)
{
    uint64_t n = 0;
    for (unsigned k = 0; k < KIND_COUNT; k++)
        n += t->answers[k][o];
    return n;
}

uint64_t tally_kind(const struct tally *t, enum kind k)
{
    uint64_t n = 0;
    for (unsigned o = 0; o < OUTCOME_COUNT; o++)
        n += t->answers[k][o];
    return n;
}
