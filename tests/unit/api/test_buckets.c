/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include "core/api/buckets.h"
#include "core/base/clock.h"

enum { PER_S = 10, BURST = 5 };
#define TOKEN_NS (NS_PER_S / PER_S)
#define START (1000 * NS_PER_S)

static unsigned take_all(struct buckets *b, const char *name, int64_t now)
{
    unsigned n = 0;
    while (buckets_take(b, name, now) == 0)
        n++;
    return n;
}

START_TEST(a_full_bucket_gives_its_burst_and_then_says_when)
{
    struct buckets *b = buckets_new(PER_S, BURST, 100);
    ck_assert_uint_eq(take_all(b, "h1", START), BURST);
    ck_assert_int_eq(buckets_take(b, "h1", START), TOKEN_NS);
    ck_assert_int_eq(buckets_take(b, "h1", START + TOKEN_NS / 4), TOKEN_NS - TOKEN_NS / 4);
    ck_assert_int_eq(buckets_take(b, "h1", START + TOKEN_NS), 0);
    ck_assert_int_gt(buckets_take(b, "h1", START + TOKEN_NS), 0);
    buckets_free(b);
}
END_TEST

START_TEST(over_time_it_gives_the_rate_and_no_more)
{
    struct buckets *b = buckets_new(PER_S, BURST, 100);
    unsigned n = 0;
    for (int64_t now = START; now < START + 60 * NS_PER_S; now += TOKEN_NS / 7)
        n += buckets_take(b, "h1", now) == 0;
    ck_assert_uint_ge(n, 60 * PER_S);
    ck_assert_uint_le(n, 60 * PER_S + BURST);
    buckets_free(b);
}
END_TEST

START_TEST(one_host_does_not_touch_another)
{
    struct buckets *b = buckets_new(PER_S, BURST, 100);
    take_all(b, "h1", START);
    ck_assert_uint_eq(take_all(b, "h2", START), BURST);
    buckets_free(b);
}
END_TEST

START_TEST(a_host_that_rests_is_forgotten)
{
    struct buckets *b = buckets_new(PER_S, BURST, 100);
    char name[16];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "h%d", i);
        take_all(b, name, START);
    }
    ck_assert_uint_eq(buckets_count(b), 50);
    int64_t later = START + BURST * TOKEN_NS;
    for (int i = 0; i < 50; i++)
        buckets_take(b, "other", later + i * TOKEN_NS);
    ck_assert_uint_le(buckets_count(b), 1);
    ck_assert_uint_eq(take_all(b, "h1", later + 100 * NS_PER_S), BURST);
    buckets_free(b);
}
END_TEST

START_TEST(there_are_never_more_than_so_many)
{
    struct buckets *b = buckets_new(PER_S, BURST, 10);
    char name[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "h%d", i);
        ck_assert_int_eq(buckets_take(b, name, START), 0);
        ck_assert_uint_le(buckets_count(b), 10);
    }
    buckets_free(b);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("buckets");
    tcase_add_test(tc, a_full_bucket_gives_its_burst_and_then_says_when);
    tcase_add_test(tc, over_time_it_gives_the_rate_and_no_more);
    tcase_add_test(tc, one_host_does_not_touch_another);
    tcase_add_test(tc, a_host_that_rests_is_forgotten);
    tcase_add_test(tc, there_are_never_more_than_so_many);
    Suite *s = suite_create("buckets");
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
