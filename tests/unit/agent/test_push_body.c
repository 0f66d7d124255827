/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/push_body.h"
#include "core/base/measures.h"

static struct buf out;
static size_t left_out;

static void before(void)
{
    buf_init(&out, 1 << 20);
}

static void after(void)
{
    buf_done(&out);
}

static const char *series(const char *exposition)
{
    buf_reset(&out);
    left_out = push_series(str_of(exposition), &out);
    return buf_cstr(&out);
}

static const char *path(const char *experiment, const char *variant, const char *instance)
{
    buf_reset(&out);
    push_path(experiment, variant, instance, &out);
    return buf_cstr(&out);
}

START_TEST(a_path_has_the_labels_of_the_group_in_their_order)
{
    ck_assert_str_eq(path("0190-a", "baseline", "web-1.example"),
                     "/metrics/job/phoenix/experiment/0190-a/variant/baseline/instance/web-1.example");
}
END_TEST

START_TEST(a_value_that_a_path_cannot_carry_goes_as_base64)
{
    ck_assert_str_eq(path("a/b", "..", ""),
                     "/metrics/job/phoenix/experiment@base64/YS9i/variant@base64/Li4=/instance@base64/=");
    ck_assert_str_eq(path("a", "\xff\xfe\xfb", "x y?#"),
                     "/metrics/job/phoenix/experiment/a/variant@base64/__77/instance@base64/eCB5PyM=");
}
END_TEST

START_TEST(a_series_is_its_name_labels_and_value)
{
    ck_assert_str_eq(series("# HELP a b\n# TYPE a counter\na 1\n"
                            "b{x=\"1\" , y=\"\\\\ \\\" \\n\"} 2e+09 1700000000000\r\n"
                            "  c{x=\"\xc3\xa4\"} NaN\nd{} +Inf"),
                     "a 1\nb{x=\"1\",y=\"\\\\ \\\" \\n\"} 2e+09\n"
                     "c{x=\"\xc3\xa4\"} NaN\nd +Inf\n");
    ck_assert_uint_eq(left_out, 0);
}
END_TEST

START_TEST(what_is_no_sample_is_left_out_and_counted)
{
    static const char *const bad[] = {
        "a.b 1", "a", "a{", "a{x=\"1} 2", "a{x=1} 2", "a{x=\"1\"", "a{x=\"1\"}", "a one", "a 1e999", "a +1",
        "a 0x10", "a nan", "a{__name__=\"b\"} 1", "a{x=\"1\",x=\"2\"} 1", "a{x=\"\\t\"} 1", "a{x=\"\xff\"} 1",
        "a{x:y=\"1\"} 1", "a{job=\"1\",exported_job=\"2\"} 1", "1a 1", "\xc3\xa4 1", "a{x=\"\\", "a 1_0",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_str_eq(series(bad[i]), "");
        ck_assert_msg(left_out == 1, "%s", bad[i]);
    }
}
END_TEST

START_TEST(names_that_are_ours_cannot_be_forged)
{
    ck_assert_str_eq(series("phoenix_arm_series 7\nphoenix_push_left_out 7\npush_time_seconds 7\n"
                            "push_failure_time_seconds 7\npush_notifications_total 7\n"),
                     "push_notifications_total 7\n");
    ck_assert_uint_eq(left_out, 4);
}
END_TEST

START_TEST(the_collectors_own_metrics_are_not_pushed)
{
    ck_assert_str_eq(series("phoenix_collector_points_total 7\nprocess_cpu_seconds_total 1\n"
                            "process_threads{process_pid=\"1\"} 3\n"),
                     "process_threads{process_pid=\"1\"} 3\n");
    ck_assert_uint_eq(left_out, 0);
}
END_TEST

START_TEST(labels_of_the_group_are_exported)
{
    ck_assert_str_eq(series("a{job=\"x\",variant=\"\",jobs=\"y\"} 1"),
                     "a{exported_job=\"x\",exported_variant=\"\",jobs=\"y\"} 1\n");
}
END_TEST

START_TEST(a_line_with_too_many_labels_is_left_out)
{
    struct buf many;
    buf_init(&many, 1 << 16);
    for (int n = 64; n <= 65; n++) {
        buf_reset(&many);
        for (int i = 0; i < n; i++) buf_addf(&many, "%sl%d=\"\"", i ? "," : "a{", i);
        buf_adds(&many, "} 1");
        series(buf_cstr(&many));
        ck_assert_uint_eq(left_out, n == 65);
    }
    buf_done(&many);
}
END_TEST

START_TEST(a_body_above_its_limit_fails)
{
    struct buf small;
    buf_init(&small, 8);
    push_series(STR("a 1\nb 2\nc 3\n"), &small);
    ck_assert(small.failed);
    buf_done(&small);
}
END_TEST

START_TEST(measures_have_types_and_those_not_measured_are_absent)
{
    double values[MEASURE_COUNT];
    for (int i = 0; i < MEASURE_COUNT; i++) values[i] = NAN;
    values[MEASURE_SERIES] = 1000;
    values[MEASURE_CPU] = 0.25;
    struct push_facts facts = { .values = values, .tick_ns = 1732437275123456789, .left_out = 3,
                                .failed_total = 2 };
    push_facts(&facts, &out);
    ck_assert_str_eq(buf_cstr(&out),
                     "# TYPE phoenix_arm_series gauge\nphoenix_arm_series 1000\n"
                     "# TYPE phoenix_arm_cpu_seconds_total counter\nphoenix_arm_cpu_seconds_total 0.25\n"
                     "# TYPE phoenix_arm_tick_seconds gauge\nphoenix_arm_tick_seconds 1732437275.123\n"
                     "# TYPE phoenix_push_left_out gauge\nphoenix_push_left_out 3\n"
                     "# TYPE phoenix_push_failed_total counter\nphoenix_push_failed_total 2\n");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("push_body");
    TCase *c = tcase_create("push_body");
    tcase_add_checked_fixture(c, before, after);
    tcase_add_test(c, a_path_has_the_labels_of_the_group_in_their_order);
    tcase_add_test(c, a_value_that_a_path_cannot_carry_goes_as_base64);
    tcase_add_test(c, a_series_is_its_name_labels_and_value);
    tcase_add_test(c, what_is_no_sample_is_left_out_and_counted);
    tcase_add_test(c, names_that_are_ours_cannot_be_forged);
    tcase_add_test(c, the_collectors_own_metrics_are_not_pushed);
    tcase_add_test(c, labels_of_the_group_are_exported);
    tcase_add_test(c, a_line_with_too_many_labels_is_left_out);
    tcase_add_test(c, a_body_above_its_limit_fails);
    tcase_add_test(c, measures_have_types_and_those_not_measured_are_absent);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
