/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include "core/api/selector.h"

static struct arena *arena;

static void setup(void)
{
    arena = arena_new();
}

static void teardown(void)
{
    arena_free(arena);
}

static bool matches(const char *selector, const char *labels)
{
    struct err err = { 0 };
    CLEANUP_JSON struct json *j = json_parse(str_of(labels), NULL, NULL);
    struct selector *s = selector_parse(arena, str_of(selector), &err);
    ck_assert_msg(s != NULL, "%s: %s", selector, err.msg);
    return selector_match(s, j);
}

static const struct {
    const char *selector;
    bool prod_web, test_db, no_labels;
} rows[] = {
    { "", true, true, true },
    { "env=prod", true, false, false },
    { "env==prod", true, false, false },
    { "env!=prod", false, true, true },
    { "role in (web,api)", true, false, false },
    { "role in ( web , api ),env=prod", true, false, false },
    { "role notin (db)", true, false, true },
    { "gpu", false, true, false },
    { "!gpu", true, false, true },
    { "env=prod,role in (db)", false, false, false },
    { " env = prod ", true, false, false },
    { "input=1", false, false, false },
    { "env=", false, false, false },
};

START_TEST(a_selector_picks_the_hosts_it_says)
{
    ck_assert_int_eq(matches(rows[_i].selector, "{\"env\":\"prod\",\"role\":\"web\"}"), rows[_i].prod_web);
    ck_assert_int_eq(matches(rows[_i].selector, "{\"env\":\"test\",\"role\":\"db\",\"gpu\":\"a100\"}"),
                     rows[_i].test_db);
    ck_assert_int_eq(matches(rows[_i].selector, "{}"), rows[_i].no_labels);
    ck_assert_int_eq(matches(rows[_i].selector, "null"), rows[_i].no_labels);
}
END_TEST

static const char *const bad[] = {
    ",",          "env=prod,",         "=prod",       "role in",      "role in (",
    "role in ()", "role in (web",      "role in web", "env prod",     "!",
    "env=prod)",  "env=prod role=web", "a in (b,)",   "env=\"prod\"", "!env=prod"
};

START_TEST(a_faulty_selector_is_refused_and_says_where)
{
    struct err err = { 0 };
    ck_assert_ptr_null(selector_parse(arena, str_of(bad[_i]), &err));
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.msg, "at character"));
}
END_TEST

START_TEST(more_requirements_than_the_limit_are_refused)
{
    char text[256] = "";
    for (int i = 0; i < 33; i++) {
        memcpy(text + 3 * i, "a=,", 4);
    }
    text[98] = '\0';
    ck_assert_ptr_null(selector_parse(arena, str_of(text), NULL));
    text[95] = '\0';
    ck_assert_ptr_nonnull(selector_parse(arena, str_of(text), NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("selector");
    TCase *t = tcase_create("selector");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_selector_picks_the_hosts_it_says, 0, sizeof rows / sizeof rows[0]);
    tcase_add_loop_test(t, a_faulty_selector_is_refused_and_says_where, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(t, more_requirements_than_the_limit_are_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
