/* SPDX-License-Identifier: Apache-2.0 */
/** @file schedule.h
 * The open loop: how many points are due at a time, and when each point is. It follows the plan's phases and
 * nothing else, until somebody changes the rate. Time is that of the load, in seconds from its start, and
 * only goes on. Pure.
 */
#ifndef PHOENIX_OTLPGEN_SCHEDULE_H
#define PHOENIX_OTLPGEN_SCHEDULE_H
#include "plugins/otlpgen/plan.h"

enum { SCHEDULE_PAST = 128 };
/** A stretch over which the rate goes in a straight line. */
struct stretch {
    double from_s, to_s;   /**< the second may be infinite */
    double points;         /**< due before it */
    double rate, slope;    /**< at from_s, in points a second; a second */
};
struct schedule {
    const struct plan *plan; /**< lent */
    double now_s;
    /* below: private */
    struct stretch past[SCHEDULE_PAST]; /* a ring; the newest at n - 1 */
    uint64_t n;
    double phase_from_s, factor, fixed;
    unsigned phase; /* n_phases of the plan: all are over */
};
void schedule_start(struct schedule *s, const struct plan *plan);
/** Go on to @p now_s. */
void schedule_advance(struct schedule *s, double now_s);
/** From now on: @p rate points a second, whatever the phases say; 0: what the phases say, times @p factor.
 *  Both are absolute: they are not multiplied with those before. */
void schedule_adjust(struct schedule *s, double factor, double rate);
/** Points due until @p at_s, which lies at most 12 s before now. */
uint64_t schedule_due(const struct schedule *s, double at_s);
/** When point @p k (from 0) is due. One that is not due yet: as the present stretch goes on, at most to
 * its end; infinite, if it never comes. */
double schedule_time(const struct schedule *s, uint64_t k);
/** Points a second, now. */
double schedule_rate(const struct schedule *s);
#endif
