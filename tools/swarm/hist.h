/* SPDX-License-Identifier: Apache-2.0 */
/** @file hist.h
 * Times in log-linear buckets: 64 steps to each doubling, so a quantile is at most 1.6 % too high. Of
 * fixed size, without pointers: may lie in shared memory, and two are merged by adding. Pure.
 */
#ifndef PHOENIX_SWARM_HIST_H
#define PHOENIX_SWARM_HIST_H
#include <stdint.h>

enum { HIST_STEP_BITS = 6, HIST_STEPS = 1 << HIST_STEP_BITS, HIST_MAX_BITS = 42 };
enum { HIST_BUCKETS = (HIST_MAX_BITS - HIST_STEP_BITS + 1) * HIST_STEPS };

struct hist {
    uint64_t n;
    int64_t max; /**< exact */
    uint64_t bucket[HIST_BUCKETS];
};
/** Negative counts as 0; from 2^42 ns (73 minutes) on only `max` tells values apart. */
void hist_add(struct hist *h, int64_t ns);
void hist_merge(struct hist *h, const struct hist *other);
/** The value that the fraction @p q (0 to 1) of all does not exceed; 0 when there is none. */
int64_t hist_quantile(const struct hist *h, double q);
#endif
