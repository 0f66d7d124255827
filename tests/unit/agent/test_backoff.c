/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include "core/agent/backoff.h"

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

int main(void)
{
    Suite *s = suite_create("backoff");
    TCase *c = tcase_create("backoff");
    tcase_add_test(c, waits_double_up_to_the_cap);
    tcase_add_test(c, jitter_stays_between_half_and_all);
    tcase_add_test(c, many_failures_do_not_overflow);
    tcase_add_test(c, a_reset_begins_again);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
