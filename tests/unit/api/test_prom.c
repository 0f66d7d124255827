/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to Prometheus, and its answers: prom_query.h and prom_rows.h. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "core/api/prom_query.h"
#include "core/api/prom_rows.h"
#include "core/base/clock.h"

static struct buf out;
static struct prom_rows *rows;
static const char *hosts[] = { "a", "b" };
static struct err err;

static void before(void)
{
    buf_init(&out, 1 << 16);
    rows = prom_rows_new(hosts, 2);
    err = (struct err){ 0 };
}

static void after(void)
{
    buf_done(&out);
    prom_rows_free(rows);
}

/* ---- questions */

START_TEST(a_value_is_quoted_so_that_it_ends_where_it_ends)
{
    promql_quote(STR("a\"} or {x=\\\"\n{}'`"), &out);
    ck_assert_str_eq(buf_cstr(&out), "\"a\\\"} or {x=\\\\\\\"\\n{}'`\"");
}
END_TEST

START_TEST(a_form_carries_any_byte)
{
    form_add("a", STR("x y&b=1+%\xff\n~"), &out);
    form_add("c", STR(""), &out);
    ck_assert_str_eq(buf_cstr(&out), "a=x%20y%26b%3D1%2B%25%FF%0A%7E&c=");
}
END_TEST

START_TEST(the_arms_of_an_experiment_are_asked_for_as_raw_samples_of_a_span)
{
    prom_query_arms("0190", 1000 * NS_PER_S, 1001 * NS_PER_S + 5 * NS_PER_MS, &out);
    ck_assert_str_eq(buf_cstr(&out),
                     "query=%7Bexperiment%3D%220190%22%2C__name__%3D%7E%22phoenix_arm_.%2B%22%7D%5B1005ms%5D"
                     "&time=1001.005");
}
END_TEST

/* ---- answers */

#define ANSWER(series) \
    "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" series "]}}"
#define SERIES(name, host, arm, values) \
    "{\"metric\":{\"__name__\":\"phoenix_arm_" name "\",\"instance\":\"" host "\"," \
    "\"variant\":\"" arm "\",\"job\":\"phoenix\"},\"values\":[" values "]}"

static const struct sample *samples_of(const char *answer, size_t n)
{
    size_t got;
    int rc = prom_rows_add(rows, str_of(answer), &err);
    ck_assert_msg(rc == 0, "%s", err.msg);
    const struct sample *s = prom_rows_samples(rows, &got);
    ck_assert_uint_eq(got, n);
    return s;
}

START_TEST(a_row_has_the_time_of_its_tick_and_repeats_are_dropped)
{
    static const char answer[] =
        ANSWER(SERIES("series", "b", "candidate", "[11,\"7\"],[12,\"7\"],[13.5,\"8\"],[14,\"8\"]") ","
               SERIES("tick_seconds", "b", "candidate",
                      "[11,\"10.25\"],[12,\"10.25\"],[13.5,\"12.5\"],[14,\"12.5\"]"));
    const struct sample *s = samples_of(answer, 2);
    ck_assert_str_eq(s[0].host_id, "b");
    ck_assert_int_eq(s[0].arm, ARM_CANDIDATE);
    ck_assert_int_eq(s[0].ts_ns, 10250 * NS_PER_MS);
    ck_assert_int_eq(s[1].ts_ns, 12500 * NS_PER_MS);
    ck_assert(s[0].v[MEASURE_SERIES] == 7 && s[1].v[MEASURE_SERIES] == 8);
    ck_assert(isnan(s[0].v[MEASURE_CPU]));
}
END_TEST

START_TEST(a_measure_that_is_missing_or_no_number_is_not_measured)
{
    static const char answer[] =
        ANSWER(SERIES("tick_seconds", "a", "baseline", "[1,\"1\"],[2,\"2\"],[3,\"3\"],[4,\"4\"]") ","
               SERIES("series", "a", "baseline", "[1,\"NaN\"],[3,\"+Inf\"],[4,\"1e3\"],[9,\"5\"]"));
    const struct sample *s = samples_of(answer, 4);
    for (int i = 0; i < 3; i++) ck_assert(isnan(s[i].v[MEASURE_SERIES]));
    ck_assert(s[3].v[MEASURE_SERIES] == 1000);
}
END_TEST

START_TEST(arms_of_nobody_are_left_out_and_counted)
{
    samples_of(ANSWER(SERIES("tick_seconds", "gateway:9091", "baseline", "[1,\"1\"]") ","
                      SERIES("tick_seconds", "a", "third", "[1,\"1\"]") ","
                      SERIES("series", "z", "baseline", "[1,\"1\"]")), 0);
    ck_assert_uint_eq(prom_rows_foreign(rows), 2);
}
END_TEST

START_TEST(an_arm_that_is_there_twice_counts_once)
{
    static const char answer[] = ANSWER(SERIES("tick_seconds", "a", "baseline", "[1,\"1\"]") ","
                                        SERIES("tick_seconds", "a", "baseline", "[1.2,\"1\"],[2,\"2\"]") ","
                                        SERIES("series", "a", "baseline", "[1,\"5\"]") ","
                                        SERIES("series", "a", "baseline", "[1,\"6\"]"));
    const struct sample *s = samples_of(answer, 1);
    ck_assert(s[0].v[MEASURE_SERIES] == 5);
}
END_TEST

START_TEST(answers_add_up)
{
    samples_of(ANSWER(SERIES("tick_seconds", "a", "baseline", "[1,\"1\"]")), 1);
    samples_of(ANSWER(SERIES("tick_seconds", "a", "baseline", "[2,\"2\"]")), 2);
    samples_of(ANSWER(""), 2);
}
END_TEST

START_TEST(ticks_that_are_no_times_make_no_rows)
{
    samples_of(ANSWER(SERIES("tick_seconds", "a", "baseline",
                             "[1,\"NaN\"],[2,\"-1\"],[3,\"1e-9\"],[4,\"1e300\"],[5,\"x\"],"
                             "[6,\"6\"],[6,\"7\"]")),
               1);
}
END_TEST

START_TEST(labels_from_hell_are_other_labels)
{
    samples_of(ANSWER("{\"metric\":{\"__name__\":\"phoenix_arm_tick_seconds\",\"instance\":\"\\u0061\","
                      "\"variant\":\"baseline\",\"x\":\"\\\"}]\\u0001\\ud83d\\ude00\"},"
                      "\"values\":[[1,\"1\"]]}"),
               1);
}
END_TEST

START_TEST(what_is_no_answer_is_refused)
{
    static const char *const bad[] = {
        "", "null", "[]", "{}", "{\"data\":{}}", "{\"data\":null}", "{\"data\":{\"result\":{}}}",
        "{\"data\":{\"result\":[1]}}", ANSWER("{\"metric\":[]}"), ANSWER("{\"metric\":{\"a\":1}}"),
        ANSWER(SERIES("tick_seconds", "a", "baseline", "1")),
        ANSWER(SERIES("tick_seconds", "a", "baseline", "[1]")),
        ANSWER(SERIES("tick_seconds", "a", "baseline", "[\"1\",\"1\"]")),
        ANSWER(SERIES("tick_seconds", "a", "baseline", "[-1,\"1\"]")),
        ANSWER(SERIES("tick_seconds", "a", "baseline", "[1,1]")),
        ANSWER(SERIES("tick_seconds", "a", "baseline", "[1,\"1\",2]")),
        ANSWER("") "x", "<html>", "{\"data\":{\"result\":[",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(prom_rows_add(rows, str_of(bad[i]), &err) == ERR_INVALID, "%s", bad[i]);
    ck_assert_msg(strstr(err.msg, "Prometheus"), "%s", err.msg);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("prom");
    TCase *c = tcase_create("prom");
    tcase_add_checked_fixture(c, before, after);
    tcase_add_test(c, a_value_is_quoted_so_that_it_ends_where_it_ends);
    tcase_add_test(c, a_form_carries_any_byte);
    tcase_add_test(c, the_arms_of_an_experiment_are_asked_for_as_raw_samples_of_a_span);
    tcase_add_test(c, a_row_has_the_time_of_its_tick_and_repeats_are_dropped);
    tcase_add_test(c, a_measure_that_is_missing_or_no_number_is_not_measured);
    tcase_add_test(c, arms_of_nobody_are_left_out_and_counted);
    tcase_add_test(c, an_arm_that_is_there_twice_counts_once);
    tcase_add_test(c, answers_add_up);
    tcase_add_test(c, ticks_that_are_no_times_make_no_rows);
    tcase_add_test(c, labels_from_hell_are_other_labels);
    tcase_add_test(c, what_is_no_answer_is_refused);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
