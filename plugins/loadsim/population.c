/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/loadsim/population.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double NS = 1e9, NEVER_NS = 1e18; /* 30 years */
static const int64_t LATE_NS = 1000000000; /* a stall is no reason for a burst */

/* splitmix64 (Steele, Lea, Flood 2014): 64 bits of state are plenty here, and every seed is good. */
static uint64_t draw_u64(struct population *p)
{
    uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* In (0, 1]. */
static double draw_unit(struct population *p)
{
    return ((double)(draw_u64(p) >> 11) + 1) * 0x1p-53;
}

static double draw_exponential(struct population *p, double mean)
{
    return -log(draw_unit(p)) * mean;
}

/* Poisson: how many steps of an exponential walk fit below the mean. */
static uint64_t draw_poisson(struct population *p, double mean)
{
    uint64_t n = 0;
    for (double sum = draw_exponential(p, 1); sum < mean; sum += draw_exponential(p, 1)) n++;
    return n;
}

static double factor_of(const struct population *p, const struct cohort *c)
{
    return p->factor * (p->n_phases && c->follows_phases ? p->phases[p->phase].factor : 1);
}

static void plan_birth(struct population *p, unsigned i, int64_t from_ns)
{
    const struct cohort *c = &p->cohorts[i];
    double rate = c->life_s > 0 ? c->count / c->life_s * factor_of(p, c) : 0;
    double wait_ns = rate > 0 ? draw_exponential(p, 1 / rate) * NS : INFINITY;
    p->next_ns[i] = wait_ns < NEVER_NS ? from_ns + (int64_t)wait_ns : INT64_MAX;
}

static int64_t phase_ns(const struct population *p)
{
    return (int64_t)(p->phases[p->phase].seconds * NS);
}

void population_start(struct population *p, uint64_t seed)
{
    p->random = seed;
    p->factor = 1;
    p->due = 0;
    p->phase = 0;
    p->phase_end_ns = p->n_phases ? phase_ns(p) : INT64_MAX;
    for (unsigned i = 0; i < p->n_cohorts; i++) {
        const struct cohort *c = &p->cohorts[i];
        p->born[i] = 0;
        /* as if the births had always gone on: exponential lives have no age */
        p->first[i] =
            c->life_s > 0 ? draw_poisson(p, c->count * factor_of(p, c)) : (uint64_t)(c->count + 0.5);
        plan_birth(p, i, 0);
    }
}

static void name_of(struct population *p, const struct cohort *c, uint64_t number, char out[BROOD_NAME_BYTES])
{
    size_t n = 0;
    while (c->names && c->names[n]) n++;
    if (c->naming == NAME_DRAWN) (void)snprintf(out, BROOD_NAME_BYTES, "%s", c->names[draw_u64(p) % n]);
    else if (c->naming == NAME_FRESH)
        (void)snprintf(out, BROOD_NAME_BYTES, "%.8s%06x", c->stem, (unsigned)(number & 0xffffff));
    else (void)snprintf(out, BROOD_NAME_BYTES, "%.13s%02u", c->stem, (unsigned)(number % 100));
}

/* All draws of a birth are made whether or not it happens: the stream must not depend on the host. */
static bool bear(struct population *p, unsigned i, bool allowed)
{
    const struct cohort *c = &p->cohorts[i];
    struct brood_plan plan = { .cpu_percent = c->cpu_percent };
    name_of(p, c, p->born[i]++, plan.name);
    plan.memory_bytes = (uint64_t)(c->memory_mib * (0.5 + draw_unit(p)) * 1048576);
    if (c->life_s > 0) plan.life_ns = 1 + (int64_t)(draw_exponential(p, c->life_s) * NS);
    p->due++;
    return allowed && brood_spawn(&p->brood, &plan);
}

/* The cohort whose birth comes next. */
static unsigned earliest(const struct population *p)
{
    unsigned best = 0;
    for (unsigned i = 1; i < p->n_cohorts; i++)
        if (p->next_ns[i] < p->next_ns[best]) best = i;
    return best;
}

static void next_phase(struct population *p)
{
    int64_t now_ns = p->phase_end_ns;
    p->phase = (p->phase + 1) % p->n_phases;
    p->phase_end_ns = now_ns + phase_ns(p);
    for (unsigned i = 0; i < p->n_cohorts; i++)
        if (p->cohorts[i].follows_phases) plan_birth(p, i, now_ns); /* memoryless: the wait may start anew */
}

void population_step(struct population *p, int64_t elapsed_ns, uint64_t quota, uint64_t *ret_done,
                     uint64_t *ret_next_ns)
{
    uint64_t done = 0;
    brood_reap(&p->brood);
    for (unsigned i = 0; i < p->n_cohorts; i++)
        for (; p->first[i]; p->first[i]--) done += bear(p, i, done < quota);
    unsigned i = earliest(p);
    while (p->next_ns[i] <= elapsed_ns || p->phase_end_ns <= elapsed_ns) {
        if (p->phase_end_ns <= p->next_ns[i]) next_phase(p);
        else {
            int64_t at_ns = p->next_ns[i];
            done += bear(p, i, done < quota && elapsed_ns - at_ns < LATE_NS);
            plan_birth(p, i, at_ns);
        }
        i = earliest(p);
    }
    int64_t next_ns = p->next_ns[i] < p->phase_end_ns ? p->next_ns[i] : p->phase_end_ns;
    *ret_done = done;
    *ret_next_ns = next_ns == INT64_MAX ? UINT64_MAX : (uint64_t)(next_ns - elapsed_ns);
}

bool population_adjust(struct population *p, int64_t elapsed_ns, double factor)
{
    bool is_born = false;
    for (unsigned i = 0; i < p->n_cohorts; i++) is_born |= p->cohorts[i].life_s > 0;
    if (!is_born) return false;
    p->factor = factor;
    for (unsigned i = 0; i < p->n_cohorts; i++) plan_birth(p, i, elapsed_ns); /* memoryless */
    return true;
}

uint64_t population_due(const struct population *p)
{
    return p->due;
}

void population_stop(struct population *p)
{
    brood_end(&p->brood);
}
