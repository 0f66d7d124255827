/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule of births in virtual time; the brood is made up. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "plugins/loadsim/population.h"
#include "tests/unit/unit.h"

enum { MAX_BIRTHS = 200000 };
#define S INT64_C(1000000000)
static struct {
    struct brood_plan plan;
    int64_t at_ns;
} births[MAX_BIRTHS];
static unsigned n_births;
static int64_t now_ns;
static bool refuses;

bool brood_spawn(struct brood *b, const struct brood_plan *plan)
{
    if (refuses) return false;
    ck_assert_uint_lt(n_births, MAX_BIRTHS);
    births[n_births].plan = *plan;
    births[n_births++].at_ns = now_ns;
    return true;
}

void brood_reap(struct brood *b)
{
}

void brood_end(struct brood *b)
{
}

static struct population population;

static void start(double count, double life_s, uint64_t seed)
{
    n_births = 0;
    now_ns = 0;
    refuses = false;
    population = (struct population){
        .n_cohorts = 2,
        .cohorts = { { .stem = "phx-critical-", .count = 3 },
                     { .stem = "phx-churn-", .count = count, .life_s = life_s, .follows_phases = true } },
    };
    population_start(&population, seed);
}

static uint64_t step_to(int64_t t_ns, uint64_t quota)
{
    uint64_t done = 0, next_ns = 0;
    now_ns = t_ns;
    population_step(&population, t_ns, quota, &done, &next_ns);
    ck_assert_uint_le(done, quota);
    return done;
}

static unsigned alive_at(int64_t t_ns)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < n_births; i++)
        alive += births[i].at_ns <= t_ns &&
                 (!births[i].plan.life_ns || births[i].at_ns + births[i].plan.life_ns > t_ns);
    return alive;
}

START_TEST(the_number_alive_is_poisson_from_the_first_moment)
{
    double sum = 0, squares = 0;
    enum { RUNS = 400 };
    for (unsigned run = 0; run < RUNS; run++) {
        start(30, 0.2, run);
        for (int64_t t = 0; t <= S; t += S / 100) (void)step_to(t, UINT64_MAX);
        double alive = alive_at(run % 2 ? 0 : S) - 3;
        sum += alive;
        squares += alive * alive;
    }
    double mean = sum / RUNS, variance = squares / RUNS - mean * mean;
    ck_assert_double_eq_tol(mean, 30, 1.1);    /* four standard errors */
    ck_assert_double_eq_tol(variance, 30, 8.5); /* the same of a variance */
}
END_TEST

START_TEST(same_seed_same_births_however_often_it_is_stepped)
{
    static struct brood_plan first[MAX_BIRTHS];
    start(30, 0.2, 42);
    for (int64_t t = 0; t <= 10 * S; t += S / 1000) (void)step_to(t, UINT64_MAX);
    unsigned n = n_births;
    ck_assert_uint_gt(n, 1200);
    for (unsigned i = 0; i < n; i++) first[i] = births[i].plan;
    start(30, 0.2, 42);
    for (int64_t t = 0; t <= 10 * S; t += S / 2) (void)step_to(t, UINT64_MAX);
    ck_assert_uint_eq(n_births, n);
    for (unsigned i = 0; i < n; i++) {
        ck_assert_str_eq(births[i].plan.name, first[i].name);
        ck_assert_int_eq(births[i].plan.life_ns, first[i].life_ns);
    }
    start(30, 0.2, 43);
    (void)step_to(0, UINT64_MAX);
    ck_assert_int_ne(births[4].plan.life_ns, first[4].life_ns);
}
END_TEST

START_TEST(births_above_the_quota_are_offered_and_not_made_up_for)
{
    start(100, 1, 7);
    uint64_t done = 0;
    for (int64_t t = 0; t <= 10 * S; t += S / 10) done += step_to(t, 2);
    ck_assert_uint_eq(done, n_births);
    ck_assert_uint_le(done, 2 * 101);
    ck_assert_uint_gt(population_due(&population), 900);
    uint64_t due = population_due(&population);
    start(100, 1, 7);
    for (int64_t t = 0; t <= 10 * S; t += S / 10) (void)step_to(t, UINT64_MAX);
    ck_assert_uint_eq(population_due(&population), due);
}
END_TEST

START_TEST(after_a_stall_old_births_are_left_out)
{
    start(100, 1, 7);
    (void)step_to(0, UINT64_MAX);
    unsigned before = n_births;
    (void)step_to(60 * S, UINT64_MAX);
    ck_assert_uint_gt(population_due(&population), 5000);
    ck_assert_uint_lt(n_births - before, 200); /* those of the last second */
}
END_TEST

START_TEST(births_that_the_kernel_refuses_are_not_delivered)
{
    start(30, 1, 7);
    refuses = true;
    ck_assert_uint_eq(step_to(5 * S, UINT64_MAX), 0);
    ck_assert_uint_gt(population_due(&population), 100);
}
END_TEST

START_TEST(phases_change_the_rate_and_start_over)
{
    start(2, 0.5, 11);
    population.n_phases = 3;
    population.phases[0] = (struct phase){ 30, 1 };
    population.phases[1] = (struct phase){ 10, 100 };
    population.phases[2] = (struct phase){ 20, 1 };
    population_start(&population, 11);
    unsigned counts[12] = { 0 };
    for (int64_t t = 0; t < 120 * S; t += S / 50) (void)step_to(t, UINT64_MAX);
    for (unsigned i = 0; i < n_births; i++)
        if (births[i].at_ns) counts[births[i].at_ns / (10 * S)]++;
    for (unsigned i = 0; i < 12; i++) {
        if (i % 6 == 3) ck_assert_uint_gt(counts[i], 3500); /* 4000 */
        else ck_assert_uint_lt(counts[i], 80);              /* 40 */
    }
}
END_TEST

START_TEST(a_factor_changes_how_often_births_come_from_then_on)
{
    unsigned counts[3] = { 0 };
    start(20, 1, 5);
    for (int64_t t = 0; t < 300 * S; t += S / 50) {
        (void)step_to(t, UINT64_MAX);
        if (t == 100 * S) ck_assert(population_adjust(&population, t, 5));
        if (t == 200 * S) ck_assert(population_adjust(&population, t, 0));
    }
    for (unsigned i = 0; i < n_births; i++)
        if (births[i].at_ns) counts[births[i].at_ns / (100 * S)]++;
    ck_assert(counts[0] > 1800 && counts[0] < 2200);
    ck_assert(counts[1] > 9500 && counts[1] < 10500);
    ck_assert_uint_le(counts[2], 5);
    start(20, 1, 5);
    (void)step_to(0, UINT64_MAX);
    n_births = 0;
    ck_assert(population_adjust(&population, 0, 1e-12)); /* one in 1,600 years */
    (void)step_to(3600 * S, UINT64_MAX);
    ck_assert_uint_eq(n_births, 0);
    start(20, 0, 5); /* all are born at the start */
    ck_assert(!population_adjust(&population, S, 2));
}
END_TEST

START_TEST(names_and_sizes_are_as_the_cohort_says)
{
    static const char *const names[] = { "a", "b", NULL };
    population = (struct population){
        .n_cohorts = 3,
        .cohorts = { { .naming = NAME_ROUND, .stem = "phx-critical-", .count = 101 },
                     { .naming = NAME_FRESH, .stem = "phx-job-", .count = 300, .memory_mib = 4 },
                     { .naming = NAME_DRAWN, .names = names, .count = 50 } },
    };
    n_births = 0;
    population_start(&population, 1);
    ck_assert_uint_eq(step_to(0, UINT64_MAX), 451);
    ck_assert_str_eq(births[7].plan.name, "phx-critical-07");
    ck_assert_str_eq(births[100].plan.name, "phx-critical-00");
    ck_assert_str_eq(births[101 + 299].plan.name, "phx-job-00012b");
    for (unsigned i = 101; i < 401; i++) {
        ck_assert_uint_ge(births[i].plan.memory_bytes, 2 << 20);
        ck_assert_uint_le(births[i].plan.memory_bytes, 6 << 20);
    }
    for (unsigned i = 401; i < 451; i++) ck_assert(strchr("ab", births[i].plan.name[0]) != NULL);
}
END_TEST

UNIT_MAIN("loadhost/population", the_number_alive_is_poisson_from_the_first_moment,
          same_seed_same_births_however_often_it_is_stepped,
          births_above_the_quota_are_offered_and_not_made_up_for, after_a_stall_old_births_are_left_out,
          births_that_the_kernel_refuses_are_not_delivered, phases_change_the_rate_and_start_over,
          a_factor_changes_how_often_births_come_from_then_on, names_and_sizes_are_as_the_cohort_says)
