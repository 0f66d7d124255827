/* SPDX-License-Identifier: Apache-2.0 */
/** @file hearing.h
 * Since when agents could speak to this process, and have what they said stored, without a gap. A lease of
 * a task ends only after its whole time has passed like that: an agent must not lose its task because the
 * API was away, was stopped by the kernel, had no store, or was set to another time. Pure: times are
 * arguments, mono from clock_mono(), wall from clock_wall(), ns.
 */
#ifndef PHOENIX_API_HEARING_H
#define PHOENIX_API_HEARING_H
#include <stdint.h>

struct hearing {
    int64_t since;          /**< mono */
    int64_t ok_at, offset;  /**< mono of the last good look; wall - mono then */
    int64_t max_gap;        /**< between two good looks; 0: looks come only now and then, gaps mean nothing */
};
void hearing_start(struct hearing *h, int64_t mono, int64_t wall, int64_t max_gap);
/** The store has just answered. */
void hearing_ok(struct hearing *h, int64_t mono, int64_t wall);
/** Since when there was no gap, as a wall time, ns. */
int64_t hearing_since(struct hearing *h, int64_t mono, int64_t wall);
/** How long it takes until a lease of this length may be judged to have ended; 0: now. */
int64_t hearing_left(struct hearing *h, int64_t mono, int64_t wall, int64_t lease_ns);
#endif
