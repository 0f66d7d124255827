/* SPDX-License-Identifier: Apache-2.0 */
/* The last few stretches are kept: points that are due and could not be sent yet have their times in them.
 * Phases last 100 ms at least, so that is more than a point may wait for others and be late. */
#include "plugins/otlpgen/schedule.h"
#include <math.h>

static const double ROUNDING = 1e-6; /* points: whole ones are not to be missed by it */

static const struct stretch *newest(const struct schedule *s)
{
    return &s->past[(s->n - 1) % SCHEDULE_PAST];
}

static double points_at(const struct stretch *x, double at_s)
{
    double t = fmin(at_s, x->to_s) - x->from_s;
    return t > 0 ? x->points + (x->rate + x->slope * t / 2) * t : x->points;
}

/* Begin a stretch at @p from_s: the rest of the phase, or what overrides it. */
static void begin(struct schedule *s, double from_s)
{
    const struct plan *p = s->plan;
    struct stretch x = { .from_s = from_s, .to_s = INFINITY };
    if (s->n) x.points = points_at(newest(s), from_s);
    if (s->phase < p->n_phases) {
        const struct plan_phase *phase = &p->phases[s->phase];
        x.to_s = s->phase_from_s + phase->seconds;
        x.slope = s->factor * (phase->to - phase->from) / phase->seconds;
        x.rate = s->factor * phase->from + x.slope * (from_s - s->phase_from_s);
    }
    if (s->fixed > 0) {
        x.rate = s->fixed;
        x.slope = 0;
    }
    s->past[s->n++ % SCHEDULE_PAST] = x;
}

void schedule_start(struct schedule *s, const struct plan *plan)
{
    *s = (struct schedule){ .plan = plan, .factor = 1 };
    begin(s, 0);
}

void schedule_advance(struct schedule *s, double now_s)
{
    if (now_s > s->now_s) s->now_s = now_s;
    while (newest(s)->to_s <= s->now_s) {
        s->phase_from_s = newest(s)->to_s;
        s->phase++;
        if (s->phase == s->plan->n_phases && s->plan->repeats) s->phase = 0;
        begin(s, s->phase_from_s);
    }
}

void schedule_adjust(struct schedule *s, double factor, double rate)
{
    s->factor = factor;
    s->fixed = rate;
    begin(s, s->now_s);
}

/* The first of those kept, whose time has come or which is the oldest, from the newest back. */
static const struct stretch *back_to(const struct schedule *s, bool (*has)(const struct stretch *, double),
                                     double at)
{
    uint64_t oldest = s->n > SCHEDULE_PAST ? s->n - SCHEDULE_PAST : 0;
    for (uint64_t i = s->n - 1; i > oldest; i--)
        if (has(&s->past[i % SCHEDULE_PAST], at)) return &s->past[i % SCHEDULE_PAST];
    return &s->past[oldest % SCHEDULE_PAST];
}

static bool has_begun(const struct stretch *x, double at_s)
{
    return x->from_s <= at_s;
}

static bool has_point(const struct stretch *x, double ordinal)
{
    return x->points < ordinal;
}

uint64_t schedule_due(const struct schedule *s, double at_s)
{
    double points = points_at(back_to(s, has_begun, at_s), fmin(at_s, s->now_s));
    return (uint64_t)(points + ROUNDING);
}

double schedule_time(const struct schedule *s, uint64_t k)
{
    double ordinal = (double)k + 1;
    const struct stretch *x = back_to(s, has_point, ordinal - ROUNDING);
    double left = ordinal - x->points, t;
    if (left <= 0) return x->from_s;
    if (x->slope == 0) t = x->rate > 0 ? left / x->rate : INFINITY;
    else {
        double root = x->rate * x->rate + 2 * x->slope * left;
        /* this form of the solution does not cancel, whatever the sign of the slope */
        t = root >= 0 ? 2 * left / (x->rate + sqrt(root)) : INFINITY;
    }
    return fmin(x->from_s + t, x->to_s);
}

double schedule_rate(const struct schedule *s)
{
    const struct stretch *x = newest(s);
    return fmax(x->rate + x->slope * (s->now_s - x->from_s), 0);
}
