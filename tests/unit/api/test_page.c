/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include "core/api/backoff.h"
#include "core/api/page.h"
#include "core/base/clock.h"

static const struct {
    const char *key, *token;
} rows[] = {
    { "f", "Zg" },
    { "fo", "Zm8" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg" }, /* RFC 4648, section 10 */
    { "host-1.example.org", NULL },
    { "\xc3\xbf\xc3\xbe", NULL },
    { "0190c9a0-0000-7000-8000-000000000000", NULL },
};

START_TEST(a_token_is_base64url_and_reads_back)
{
    char token[400], key[PAGE_KEY_MAX];
    page_token_make(str_of(rows[_i].key), token, sizeof token);
    if (rows[_i].token) {
        ck_assert_str_eq(token, rows[_i].token);
    }
    ck_assert(page_token_read(str_of(token), key, sizeof key));
    ck_assert_str_eq(key, rows[_i].key);
}
END_TEST

static const char *const bad[] = { "", "Z", "Zh", "Zg==", "Zg+/", "Zg a", "AA", "_____w", "Zg.\n", "w4" };

START_TEST(a_token_that_nobody_made_is_refused)
{
    char key[PAGE_KEY_MAX];
    ck_assert(!page_token_read(str_of(bad[_i]), key, sizeof key));
}
END_TEST

START_TEST(a_token_longer_than_any_key_is_refused)
{
    char token[1001], key[PAGE_KEY_MAX];
    memset(token, 'A' + 25, 1000);
    token[1000] = '\0';
    ck_assert(!page_token_read(str_of(token), key, sizeof key));
}
END_TEST

START_TEST(the_delay_doubles_up_to_a_minute_and_is_at_most_a_quarter_less)
{
    for (int64_t failures = 0; failures < 80; failures++) {
        int64_t full = failures < 6 ? NS_PER_S << failures : 60 * NS_PER_S;
        full = full < 60 * NS_PER_S ? full : 60 * NS_PER_S;
        ck_assert_int_eq(backoff_ns(failures, 0), full);
        for (uint64_t r = 1; r; r <<= 1) {
            ck_assert_int_le(backoff_ns(failures, r), full);
            ck_assert_int_ge(backoff_ns(failures, r - 1), full - full / 4);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("page");
    TCase *t = tcase_create("page");
    tcase_add_loop_test(t, a_token_is_base64url_and_reads_back, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(t, a_token_that_nobody_made_is_refused, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(t, a_token_longer_than_any_key_is_refused);
    tcase_add_test(t, the_delay_doubles_up_to_a_minute_and_is_at_most_a_quarter_less);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
