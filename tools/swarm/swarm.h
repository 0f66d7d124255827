/* SPDX-License-Identifier: Apache-2.0 */
/** @file swarm.h
 * One process full of agents. The files: swarm.c is the run from the first connect to the end; agent.c
 * what one agent does by the clock, job.c what it does with tasks; post.c the connections that agents
 * share; load.c the operators; broken.c the agents that misbehave; ledger.c what became of each task.
 */
#ifndef PHOENIX_SWARM_SWARM_H
#define PHOENIX_SWARM_SWARM_H
#include "tools/swarm/conn.h"
#include "tools/swarm/engine.h"
#include "tools/swarm/ledger.h"
#include "tools/swarm/options.h"
#include "tools/swarm/post.h"
#include "tools/swarm/tally.h"

struct agent;
/** A phoenix-api. */
struct target {
    struct route route;
    char authority[256]; /**< for the Host header */
    bool is_loopback;
    struct senders posts, orders;
};
struct swarm {
    const struct options *o;
    struct engine engine;
    struct tally *tally;
    struct ledger ledger;
    struct target targets[TARGETS_MAX];
    unsigned n_targets;
    unsigned process;          /**< which of --processes this is */
    uint32_t first, n, n_sound; /**< number of the first agent; how many; those before the odd ones */
    double rate;               /**< of tasks, of all processes together; 0: none are for these agents */
    struct agent *agents;
    struct load *load;
    uint64_t random;           /**< state of swarm_random() */
    int64_t started_ns, measured_ns, restarted_ns; /**< 0: not yet */
    struct alarm next_phase, restart;
};
/** Read "http://host[:port]" and look its address up. 0, or an error. */
int target_init(struct target *t, const char *url, struct err *err);

/** Run agents number first to first + n - 1 until the end, or until SIGTERM. 0, or an error before anything
 *  was connected. */
int swarm_run(struct swarm *s, struct err *err);

/* For the other files. */
uint64_t swarm_random(struct swarm *s); /**< repeatable, by --seed */
/** A time is recorded if it was due while it is measured. */
void swarm_time(struct swarm *s, struct hist *h, int64_t due_ns);
void swarm_answered(struct swarm *s, enum kind kind, unsigned target, enum outcome o);
/** An agent's long poll is out, or ended without another one. */
void swarm_parked(struct swarm *s, int change);
static inline int64_t swarm_wait_for(int64_t a, int64_t b) { return a > b ? a : b; }
#endif
