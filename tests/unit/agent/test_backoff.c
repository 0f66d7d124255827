/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include "core/agent/backoff.h"
#include "core/base/clock.h"

START_TEST(waits_double_up_to_the_cap)
{
    struct backoff b = { .first_ns = 1000, .cap_ns = 8000 };
    static const int64_t full[] = { 1000, 2000, 4000, 8000, 8000, 8000 };
    for (unsigned i = 0; i < 6; i++) {
        int64_t half = full[i] / 2;
        /* the largest jitter: random is one below a multiple of the width */
        ck_assert_int_eq(backoff_next(&b, (uint64_t)half), full[i]);
    }
    ck_assert_uint_eq(b.tries, 6);
}
END_TEST

START_TEST(jitter_stays_between_half_and_all)
{
    for (uint64_t random = 0; random < 5000; random++) {
        struct backoff b = { .first_ns = 1000, .cap_ns = 8000, .tries = 1 };
        int64_t wait = backoff_next(&b, random * UINT64_C(0x9e3779b97f4a7c15));
        ck_assert_int_ge(wait, 1000);
        ck_assert_int_le(wait, 2000);
    }
}
END_TEST

START_TEST(many_failures_do_not_overflow)
{
    struct backoff b = { .first_ns = 1, .cap_ns = INT64_MAX, .tries = UINT32_MAX - 1 };
    int64_t wait = backoff_next(&b, UINT64_MAX);
    ck_assert_int_ge(wait, INT64_MAX / 2);
}
END_TEST

START_TEST(a_reset_begins_again)
{
    struct backoff b = { .first_ns = 1000, .cap_ns = 8000, .tries = 5 };
    backoff_reset(&b);
    ck_assert_int_le(backoff_next(&b, UINT64_MAX), 1000);
}
END_TEST

START_TEST(what_the_other_side_asks_for_is_kept_and_spread)
{
    bool spread = false;
    for (uint64_t random = 0; random < 1000; random++) {
        struct backoff b = { .first_ns = 1000, .cap_ns = 8000 };
        int64_t wait = backoff_asked(&b, 1000000, random * UINT64_C(0x9e3779b97f4a7c15));
        ck_assert_int_ge(wait, 1000000);
        ck_assert_int_le(wait, 1250000);
        spread |= wait > 1200000;
        ck_assert_uint_eq(b.tries, 1);
    }
    ck_assert(spread);
}
END_TEST

START_TEST(nobody_can_ask_for_days)
{
    struct backoff b = { .first_ns = 1000, .cap_ns = 8000 };
    ck_assert_int_le(backoff_asked(&b, INT64_MAX, UINT64_MAX), BACKOFF_ASKED_MAX_S * NS_PER_S / 4 * 5);
    ck_assert_int_ge(backoff_asked(&b, INT64_MAX, 0), BACKOFF_ASKED_MAX_S * NS_PER_S);
}
END_TEST

START_TEST(without_a_wish_it_is_the_usual_wait)
{
    for (uint64_t random = 0; random < 100; random++) {
        struct backoff a = { .first_ns = 1000, .cap_ns = 8000, .tries = 2 }, b = a;
        ck_assert_int_eq(backoff_asked(&a, 0, random), backoff_next(&b, random));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("backoff");
    TCase *c = tcase_create("backoff");
    tcase_add_test(c, waits_double_up_to_the_cap);
    tcase_add_test(c, jitter_stays_between_half_and_all);
    tcase_add_test(c, many_failures_do_not_overflow);
    tcase_add_test(c, a_reset_begins_again);
    tcase_add_test(c, what_the_other_side_asks_for_is_kept_and_spread);
    tcase_add_test(c, nobody_can_ask_for_days);
    tcase_add_test(c, without_a_wish_it_is_the_usual_wait);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
