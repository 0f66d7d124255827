/* SPDX-License-Identifier: Apache-2.0 */
/** @file population.h
 * Cohorts of processes that are born and die by chance: births form a Poisson process, lives are
 * exponential, so the number alive at a scrape is Poisson too and soon forgets the scrape before.
 * Everything is decided along the schedule's own time: same seed, same births, however often and
 * however late population_step() is called. One thread.
 */
#ifndef PHOENIX_LOADSIM_POPULATION_H
#define PHOENIX_LOADSIM_POPULATION_H
#include "plugins/loadsim/brood.h"

enum { POPULATION_COHORTS = 3, POPULATION_PHASES = 3 };
enum naming {
    NAME_ROUND, /**< stem and two digits, counting round: "phx-churn-07" */
    NAME_FRESH, /**< stem and a number that never comes again */
    NAME_DRAWN  /**< one of `names` */
};
struct cohort {
    enum naming naming;
    const char *stem;         /**< at most 13 bytes for NAME_ROUND, 8 for NAME_FRESH */
    const char *const *names; /**< NULL-terminated */
    double count;             /**< alive on average */
    double life_s;            /**< mean; 0: all are born at the start and live on */
    double cpu_percent;
    double memory_mib;        /**< mean, drawn between half and one and a half of it */
    bool follows_phases;      /**< births come `factor` times as often */
};
/** A stretch of the schedule; after the last one the first comes again. */
struct phase {
    double seconds, factor;
};
struct population {
    unsigned n_cohorts, n_phases; /**< no phase: factor 1 */
    struct cohort cohorts[POPULATION_COHORTS];
    struct phase phases[POPULATION_PHASES];
    /* below: private */
    uint64_t random, born[POPULATION_COHORTS], due;
    double factor; /* on all births */
    int64_t next_ns[POPULATION_COHORTS]; /* next birth; INT64_MAX: none */
    int64_t phase_end_ns;
    unsigned phase;
    uint64_t first[POPULATION_COHORTS]; /* still to be born at the start */
    struct brood brood;
};
void population_start(struct population *p, uint64_t seed);
/** Bear what is due at @p elapsed_ns, at most @p quota; what is above it, or more than a second late, is
 *  not made up for. *ret_done: born now; *ret_next_ns: from now until the next birth. */
void population_step(struct population *p, int64_t elapsed_ns, uint64_t quota, uint64_t *ret_done,
                     uint64_t *ret_next_ns);
/** Births that the schedule called for until the last step. */
uint64_t population_due(const struct population *p);
/** From the last step on births come @p factor times as often as the cohorts say. False: none of them comes
 *  after the start. */
bool population_adjust(struct population *p, int64_t elapsed_ns, double factor);
void population_stop(struct population *p);
#endif
