/* SPDX-License-Identifier: Apache-2.0 */
/** @file brood.h
 * Real child processes, as load: forked without exec, named, each sleeping and burning for its time.
 * They die with their parent. One thread; the process must have no other children.
 */
#ifndef PHOENIX_LOADSIM_BROOD_H
#define PHOENIX_LOADSIM_BROOD_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { BROOD_MAX = 4096, BROOD_NAME_BYTES = 16 };
struct brood {
    unsigned n; /**< alive, or ended and not reaped yet */
    pid_t pids[BROOD_MAX];
};
struct brood_plan {
    char name[BROOD_NAME_BYTES]; /**< what /proc will call it */
    int64_t life_ns;             /**< 0: until brood_end() */
    double cpu_percent;          /**< of one CPU */
    uint64_t memory_bytes;       /**< resident, beside what a fork has */
};
/** False: BROOD_MAX are alive, or the kernel refused. */
bool brood_spawn(struct brood *b, const struct brood_plan *plan);
void brood_reap(struct brood *b); /**< collect those that ended; does not wait */
void brood_end(struct brood *b);  /**< kill and collect all */
#endif
