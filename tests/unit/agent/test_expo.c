/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/expo.h"
#include "core/base/buf.h"

static const char *const critical[] = { "nginx*", "postgres" };
static struct names *names;

static void before(void)
{
    names = names_new(critical, 2);
}

static void after(void)
{
    names_free(names);
}

static struct expo scan(const char *text)
{
    struct expo e;
    expo_scan(str_of(text), names, &e);
    return e;
}

START_TEST(samples_are_counted_and_comments_are_not)
{
    struct expo e = scan(
        "# HELP a b\n# TYPE a gauge\na 1\na{x=\"1\"} 2 1700000000\n\n  b{} +Inf\nc{x=\"1\",} NaN\n");
    ck_assert_uint_eq(e.series, 4);
    ck_assert(!e.malformed);
    ck_assert(isnan(e.points));
}
END_TEST

START_TEST(own_metrics_are_taken_and_not_counted)
{
    struct expo e = scan("phoenix_collector_points_total 10\nphoenix_collector_points_in_total 2e1\n"
                         "phoenix_collector_dropped_total 3\nphoenix_collector_bytes_total 4096\n"
                         "phoenix_collector_other{a=\"b\"} 1\nprocess_cpu_seconds_total 1.5\n"
                         "process_threads{process_pid=\"1\"} 2\nprocess_x{} 1\n");
    ck_assert_uint_eq(e.series, 1);
    ck_assert_double_eq(e.points, 10);
    ck_assert_double_eq(e.points_in, 20);
    ck_assert_double_eq(e.dropped, 3);
    ck_assert_double_eq(e.bytes, 4096);
}
END_TEST

START_TEST(a_labelled_line_cannot_forge_an_own_counter)
{
    struct expo e = scan("phoenix_collector_points_total 10\nphoenix_collector_points_total{a=\"b\"} 99\n");
    ck_assert_double_eq(e.points, 10);
}
END_TEST

START_TEST(names_of_processes_cannot_forge_lines_or_labels)
{
    struct expo e = scan("a{process_executable_name=\"x\\\"} 1\\nphoenix_collector_points_total 5\"} 1\n"
                         "a{process_executable_name=\"},process_executable_name=\\\"postgres\"} 1\n"
                         "a{other=\"process_executable_name=\\\"postgres\\\"\"} 1\n");
    ck_assert_uint_eq(e.series, 3);
    ck_assert(isnan(e.points));
    ck_assert_uint_eq(names_count(names), 0);
}
END_TEST

START_TEST(lines_that_are_none_are_not_counted)
{
    static const char *const bad[] = { "1a 2\n",       "a\n",
                                       "a{\n",         "a{x} 1\n",
                                       "a{x=1} 1\n",   "a{x=\"1\" 1\n",
                                       "a{x=\"1\\\n",  "a{x=\"1\"y=\"2\"} 1\n",
                                       "a{x=\"1\"}\n", "{} 1\n" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct expo e = scan(bad[i]);
        ck_assert_msg(e.series == 0 && e.malformed, "%s", bad[i]);
    }
}
END_TEST

START_TEST(critical_processes_are_counted_once_by_name)
{
    scan(
        "a{process_pid=\"1\",process_executable_name=\"nginx\"} 1\na{process_executable_name=\"nginx-2\"} 1\n"
        "b{process_executable_name=\"nginx\",process_pid=\"1\"} 1\na{process_executable_name=\"bash\"} 1\n"
        "a{process_executable_name=\"postgres2\"} 1\n");
    ck_assert_uint_eq(names_count(names), 2);
}
END_TEST

START_TEST(the_union_counts_what_either_shows)
{
    struct names *other = names_new(critical, 2);
    scan("a{process_executable_name=\"nginx\"} 1\na{process_executable_name=\"bash\"} 1\n");
    names_see(other, STR("nginx"));
    names_see(other, STR("postgres"));
    names_see(other, STR("bash"));
    ck_assert_uint_eq(names_union(names, other), 2);
    ck_assert_uint_eq(names_union(NULL, other), 2);
    ck_assert_uint_eq(names_union(names, NULL), 1);
    ck_assert_uint_eq(names_union(NULL, NULL), 0);
    names_free(other);
}
END_TEST

START_TEST(escapes_are_undone_before_a_name_is_judged)
{
    static const char *const quoted[] = { "a\"b", "c\\d" };
    struct names *s = names_new(quoted, 2);
    names_see(s, STR("a\\\"b"));
    names_see(s, STR("c\\\\d"));
    ck_assert_uint_eq(names_count(s), 2);
    names_free(s);
}
END_TEST

START_TEST(a_flood_of_names_is_bounded)
{
    struct names *s = names_new((const char *const[]){ "*" }, 1);
    for (unsigned i = 0; i < 10000; i++) {
        char name[32];
        int n = snprintf(name, sizeof name, "process-%u", i);
        names_see(s, (struct str){ name, (size_t)n });
        names_see(s, (struct str){ name, (size_t)n });
    }
    ck_assert_uint_eq(names_count(s), 4096);
    names_free(s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("expo");
    TCase *c = tcase_create("expo");
    tcase_add_checked_fixture(c, before, after);
    tcase_add_test(c, samples_are_counted_and_comments_are_not);
    tcase_add_test(c, own_metrics_are_taken_and_not_counted);
    tcase_add_test(c, a_labelled_line_cannot_forge_an_own_counter);
    tcase_add_test(c, names_of_processes_cannot_forge_lines_or_labels);
    tcase_add_test(c, lines_that_are_none_are_not_counted);
    tcase_add_test(c, critical_processes_are_counted_once_by_name);
    tcase_add_test(c, the_union_counts_what_either_shows);
    tcase_add_test(c, escapes_are_undone_before_a_name_is_judged);
    tcase_add_test(c, a_flood_of_names_is_bounded);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
