/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/hist.h"
#include <string.h>
#include "tests/unit/unit.h"

#define MOST ((INT64_C(1) << HIST_MAX_BITS) - 1)
static struct hist h, other;

static void clear(void)
{
    memset(&h, 0, sizeof h);
    memset(&other, 0, sizeof other);
}

/* What the histogram takes @p ns for: its median, with a larger value beside it. */
static int64_t seen_as(int64_t ns)
{
    clear();
    hist_add(&h, ns);
    hist_add(&h, INT64_MAX);
    return hist_quantile(&h, 0.5);
}

START_TEST(a_value_is_taken_for_one_that_is_at_most_a_64th_larger)
{
    for (unsigned bits = 0; bits < HIST_MAX_BITS; bits++) {
        int64_t base = INT64_C(1) << bits;
        for (unsigned i = 0; i < 200; i++) {
            int64_t ns = base + (int64_t)((double)base * i / 200);
            int64_t seen = seen_as(ns);
            ck_assert_int_ge(seen, ns);
            ck_assert_msg(seen - ns <= ns / HIST_STEPS, "%lld is taken for %lld", (long long)ns,
                          (long long)seen);
        }
    }
}
END_TEST

START_TEST(values_on_both_sides_of_each_power_of_two_stay_apart)
{
    for (unsigned bits = 1; bits < HIST_MAX_BITS; bits++) {
        int64_t at = INT64_C(1) << bits;
        ck_assert_int_eq(seen_as(at - 1), at - 1);
        ck_assert_int_gt(seen_as(at), at - 1);
    }
}
END_TEST

START_TEST(the_largest_value_is_exact)
{
    static const int64_t values[] = { 0, 1, 63, 64, 1000003, 123456789123, MOST, MOST + 1, INT64_MAX };
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        clear();
        hist_add(&h, values[i]);
        hist_add(&h, 0);
        ck_assert_int_eq(h.max, values[i]);
        ck_assert_int_eq(hist_quantile(&h, 1), values[i]);
    }
}
END_TEST

START_TEST(no_quantile_is_above_the_largest_value)
{
    clear();
    for (unsigned i = 0; i < 10; i++)
        hist_add(&h, 1000003);
    ck_assert_int_eq(hist_quantile(&h, 0.5), 1000003);
}
END_TEST

START_TEST(negative_times_count_as_none)
{
    ck_assert_int_eq(seen_as(-1), 0);
    ck_assert_int_eq(seen_as(INT64_MIN), 0);
}
END_TEST

START_TEST(a_quantile_is_the_value_that_so_many_do_not_exceed)
{
    clear();
    for (int64_t ns = 1; ns <= 50; ns++)
        hist_add(&h, ns);
    ck_assert_int_eq(hist_quantile(&h, 0), 1);
    ck_assert_int_eq(hist_quantile(&h, 0.02), 1);
    ck_assert_int_eq(hist_quantile(&h, 0.021), 2);
    ck_assert_int_eq(hist_quantile(&h, 0.5), 25);
    ck_assert_int_eq(hist_quantile(&h, 0.98), 49);
    ck_assert_int_eq(hist_quantile(&h, 0.99), 50);
}
END_TEST

START_TEST(nothing_has_quantiles_of_zero)
{
    clear();
    ck_assert_int_eq(hist_quantile(&h, 0), 0);
    ck_assert_int_eq(hist_quantile(&h, 0.5), 0);
    ck_assert_int_eq(hist_quantile(&h, 1), 0);
}
END_TEST

START_TEST(two_merged_are_as_one_that_got_all)
{
    static struct hist whole;
    clear();
    memset(&whole, 0, sizeof whole);
    for (int64_t i = 0; i < 5000; i++) {
        int64_t ns = i * i * 7919;
        hist_add(i % 3 ? &h : &other, ns);
        hist_add(&whole, ns);
    }
    hist_merge(&h, &other);
    ck_assert_mem_eq(&h, &whole, sizeof h);
    memset(&other, 0, sizeof other);
    hist_merge(&h, &other);
    ck_assert_mem_eq(&h, &whole, sizeof h);
}
END_TEST

UNIT_MAIN("swarm/hist", a_value_is_taken_for_one_that_is_at_most_a_64th_larger,
          values_on_both_sides_of_each_power_of_two_stay_apart, the_largest_value_is_exact,
          no_quantile_is_above_the_largest_value, negative_times_count_as_none,
          a_quantile_is_the_value_that_so_many_do_not_exceed, nothing_has_quantiles_of_zero,
          two_merged_are_as_one_that_got_all)
