/* SPDX-License-Identifier: Apache-2.0 */
/* What is due when: phases, ramps, repeats, changes. */
#include <math.h>
#include <stdio.h>
#include "plugins/otlpgen/schedule.h"
#include "tests/unit/otlpgen/fixture.h"

static const char METRIC[] = "metrics: [{name: a, type: gauge}]\n";
static struct plan plan;
static struct schedule s;

static void start(const char *phases)
{
    char text[600];
    snprintf(text, sizeof text, "%s%s", phases, METRIC);
    plan = plan_of(text);
    schedule_start(&s, &plan);
}

static uint64_t due_at(double t)
{
    schedule_advance(&s, t);
    return schedule_due(&s, t);
}

START_TEST(a_constant_rate_is_due_evenly)
{
    start("phases: [{duration: 1h, rate: 250}]\n");
    ck_assert_uint_eq(due_at(0), 0);
    ck_assert_uint_eq(due_at(0.0039), 0);
    ck_assert_uint_eq(due_at(0.004), 1);
    ck_assert_uint_eq(due_at(1), 250);
    ck_assert_uint_eq(due_at(3599), 250 * 3599);
    ck_assert_double_eq_tol(schedule_time(&s, 0 + 250 * 3000), 3000.004, 1e-9);
    plan_done(&plan);
}
END_TEST

START_TEST(phases_follow_each_other_and_start_over)
{
    start("phases:\n  - {duration: 30s, rate: 10}\n  - {duration: 10s, rate: 1000}\n"
          "  - {duration: 20s, rate: 10}\n");
    ck_assert_uint_eq(due_at(30), 300);
    ck_assert_double_eq(schedule_rate(&s), 1000);
    ck_assert_uint_eq(due_at(40), 10300);
    ck_assert_uint_eq(due_at(60), 10500);
    ck_assert_uint_eq(due_at(90), 10800);
    ck_assert_uint_eq(due_at(6000), 1050000); /* after a long sleep too */
    ck_assert_uint_eq(schedule_due(&s, 5999), 1050000 - 10); /* looking back into a phase before */
    plan_done(&plan);
}
END_TEST

START_TEST(without_repeat_nothing_comes_after_the_last_phase)
{
    start("repeat: false\nphases: [{duration: 2s, rate: 100}]\n");
    ck_assert_uint_eq(due_at(2), 200);
    ck_assert_uint_eq(due_at(1000), 200);
    ck_assert_double_eq(schedule_rate(&s), 0);
    ck_assert(isinf(schedule_time(&s, 200)));
    plan_done(&plan);
}
END_TEST

START_TEST(a_ramp_goes_in_a_straight_line_up_and_down)
{
    start("phases:\n  - {duration: 10s, rate: {from: 0, to: 100}}\n"
          "  - {duration: 10s, rate: {from: 100, to: 0}}\n");
    ck_assert_uint_eq(due_at(5), 125);
    ck_assert_double_eq_tol(schedule_rate(&s), 50, 1e-9);
    ck_assert_uint_eq(due_at(10), 500);
    ck_assert_uint_eq(due_at(15), 875);
    ck_assert_uint_eq(due_at(20), 1000);
    plan_done(&plan);
}
END_TEST

/* Time and number are each other's inverse, in every kind of phase. */
START_TEST(a_point_is_due_at_its_time)
{
    start("phases:\n  - {duration: 3s, rate: 100}\n  - {duration: 3s, rate: {from: 100, to: 900}}\n"
          "  - {duration: 3s, rate: {from: 900, to: 0}}\n  - {duration: 1s, rate: 0}\n");
    double before = 0;
    uint64_t k = 0;
    for (double t = 0.01; t < 35; t += 0.01) {
        schedule_advance(&s, t);
        for (; k < schedule_due(&s, t); k++) {
            double at = schedule_time(&s, k);
            ck_assert(at >= before && at <= t + 1e-6);
            ck_assert_uint_eq(schedule_due(&s, at + 1e-6), k + 1);
            before = at;
        }
    }
    ck_assert_uint_eq(k, 3 * (300 + 1500 + 1350) + schedule_due(&s, 35) - 3 * 3150);
    ck_assert_uint_ge(k, 9450);
    plan_done(&plan);
}
END_TEST

START_TEST(a_change_holds_from_then_on_and_is_absolute)
{
    start("phases: [{duration: 10s, rate: 100}, {duration: 10s, rate: 1000}]\n");
    ck_assert_uint_eq(due_at(5), 500);
    schedule_adjust(&s, 3, 0);
    ck_assert_double_eq(schedule_rate(&s), 300);
    ck_assert_uint_eq(due_at(6), 800);
    schedule_adjust(&s, 2, 0); /* of the phases, not of what was */
    ck_assert_uint_eq(due_at(10), 800 + 800);
    ck_assert_uint_eq(due_at(11), 1600 + 2000); /* the next phase is changed too */
    schedule_adjust(&s, 1, 50);
    ck_assert_uint_eq(due_at(31), 3600 + 1000); /* whatever the phases say */
    schedule_adjust(&s, 0, 0);
    ck_assert_uint_eq(due_at(35), 4600); /* a pause */
    schedule_adjust(&s, 1, 0);
    ck_assert_uint_eq(due_at(36), 4600 + 1000); /* the phases have gone on meanwhile */
    plan_done(&plan);
}
END_TEST

START_TEST(a_fixed_rate_has_no_ramp_and_a_factor_keeps_it)
{
    start("phases: [{duration: 10s, rate: {from: 0, to: 100}}]\n");
    ck_assert_uint_eq(due_at(5), 125);
    schedule_adjust(&s, 1, 10);
    ck_assert_uint_eq(due_at(9), 165);
    schedule_adjust(&s, 2, 0);
    ck_assert_double_eq_tol(schedule_rate(&s), 180, 1e-9);
    ck_assert_uint_eq(due_at(10), 165 + 190);
    plan_done(&plan);
}
END_TEST

/* A phase has whole points, but for rounding: the last one belongs to it, and not to the pause after. */
START_TEST(no_point_of_a_phase_waits_for_the_end_of_a_pause)
{
    start("phases: [{duration: 700ms, rate: 10}, {duration: 10s, rate: 0}]\n");
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t due = due_at(i * 10.7 + 5);
        ck_assert_uint_eq(due, 7 * (i + 1));
        ck_assert_double_le(schedule_time(&s, due - 1), i * 10.7 + 0.7 + 1e-6);
    }
    plan_done(&plan);
}
END_TEST

START_TEST(points_before_a_change_keep_their_times)
{
    start("phases: [{duration: 1h, rate: 100}]\n");
    schedule_advance(&s, 10);
    double at = schedule_time(&s, 950);
    schedule_adjust(&s, 100, 0);
    schedule_advance(&s, 10.5);
    ck_assert_double_eq_tol(schedule_time(&s, 950), at, 1e-9);
    ck_assert_uint_eq(schedule_due(&s, 9.51), 951);
    for (unsigned i = 0; i < 2 * SCHEDULE_PAST; i++) schedule_adjust(&s, 1 + i, 0); /* more than are kept */
    ck_assert_uint_eq(schedule_due(&s, 10.5), 6000);
    ck_assert_double_le(schedule_time(&s, 950), 10.5);
    plan_done(&plan);
}
END_TEST

UNIT_MAIN("otlpgen/schedule", a_constant_rate_is_due_evenly, phases_follow_each_other_and_start_over,
          without_repeat_nothing_comes_after_the_last_phase, a_ramp_goes_in_a_straight_line_up_and_down,
          a_point_is_due_at_its_time, a_change_holds_from_then_on_and_is_absolute,
          a_fixed_rate_has_no_ramp_and_a_factor_keeps_it, no_point_of_a_phase_waits_for_the_end_of_a_pause,
          points_before_a_change_keep_their_times)
