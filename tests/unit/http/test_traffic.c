/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>
#include "core/http/http.h"

START_TEST(retry_after_stays_in_its_bounds_and_reaches_both)
{
    for (int t = 0; t < TRAFFIC_COUNT; t++) {
        const struct traffic_info *i = traffic_info((enum traffic)t);
        bool low = false, high = false;
        for (uint64_t random = 0; random < 100; random++) {
            unsigned s = traffic_retry_s((enum traffic)t, random);
            ck_assert_uint_ge(s, i->retry_min_s);
            ck_assert_uint_le(s, i->retry_max_s);
            low |= s == i->retry_min_s;
            high |= s == i->retry_max_s;
        }
        ck_assert(low && high);
        ck_assert_uint_le(traffic_retry_s((enum traffic)t, UINT64_MAX), i->retry_max_s);
    }
}
END_TEST

START_TEST(who_sends_bulk_is_sent_away_for_longer)
{
    ck_assert_uint_ge(traffic_info(TRAFFIC_METRICS)->retry_min_s, traffic_info(TRAFFIC_REPORT)->retry_max_s);
    ck_assert_uint_ge(traffic_info(TRAFFIC_LOGS)->retry_min_s, traffic_info(TRAFFIC_REPORT)->retry_max_s);
}
END_TEST

START_TEST(heartbeats_and_polls_have_no_limit_of_their_own)
{
    ck_assert_uint_eq(traffic_info(TRAFFIC_HEARTBEAT)->max, 0);
    ck_assert_uint_eq(traffic_info(TRAFFIC_POLL)->max, 0);
    ck_assert_uint_eq(traffic_info(TRAFFIC_SYSTEM)->max, 0);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("traffic");
    tcase_add_test(tc, retry_after_stays_in_its_bounds_and_reaches_both);
    tcase_add_test(tc, who_sends_bulk_is_sent_away_for_longer);
    tcase_add_test(tc, heartbeats_and_polls_have_no_limit_of_their_own);
    Suite *s = suite_create("traffic");
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
