/* SPDX-License-Identifier: Apache-2.0 */
/** @file sums.h
 * Processes that are exported together: those of one name, and the rest as "_other". A sum is a process
 * without a pid, so that it is exported like one.
 *
 * What only grows, never falls in a sum either: it takes what its processes used from scan to scan, and
 * keeps it when they end or leave. What a process used in the interval in which it left the rest for series
 * of its own goes to the rest still, because a new series counts from its first value on: rates over all
 * series stay whole. A sum without processes is not exported; its totals are kept while there is room
 * for them. Memory grows with the number of names and is then reused. One thread.
 */
#ifndef PHOENIX_COLLECTOR_SUMS_H
#define PHOENIX_COLLECTOR_SUMS_H
#include "collector/table.h"

struct sum {
    struct proc total; /**< pid 0 */
    uint64_t key;      /**< hash of its labels */
    uint32_t members;  /**< of this scan */
    uint32_t scan;     /**< the last one that met it */
};
struct sums {
    struct sum *sums;
    uint32_t *slots;   /**< index into sums + 1; 0: empty */
    uint32_t n, cap, scan;
};
void sums_done(struct sums *s);
/** A scan begins: no sum has processes yet. */
void sums_begin(struct sums *s);
/** Take a process in, as its `merged` says; one that is exported by itself or dropped only settles what it
 *  left behind. For every process of every scan, with its details read. */
void sums_take(struct sums *s, struct proc *p);
#endif
