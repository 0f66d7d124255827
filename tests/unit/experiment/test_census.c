/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/experiment/census.h"
#include "tests/unit/unit.h"

/* "x", p and no hashes: nothing was seen. */
#define NONE "\"xM\""
#define NONE_DEEP "\"xK\""

static struct json *parse(const char *text)
{
    struct err err = { 0 };
    struct json *doc = json_parse(str_of(text), NULL, &err);
    ck_assert_msg(doc != NULL, "%s", err.msg);
    return doc;
}

/** A census with one list of metrics and flows; @p top: its items. */
static struct json *census(const char *variant, int series, int slack, int rest, const char *top)
{
    char text[8192];
    snprintf(text, sizeof text,
             "{\"variant\":\"%s\",\"ts\":1700000000000000000,\"series\":%d,\"bytes\":%d,\"points_per_s\":%d,"
             "\"bytes_per_s\":10,\"cpu_cores\":0.5,\"rss_bytes\":1024,"
             "\"metrics\":{\"names\":" NONE ",\"slack\":%d,\"rest\":%d,\"top\":[%s]},"
             "\"labels\":{\"slack\":0,\"rest\":0,\"top\":[]}}",
             variant, series, series * 10, series, slack, rest, top);
    return parse(text);
}

static struct census_sum *sum;
static struct json *answer;

static void before(void)
{
    sum = census_sum_new();
    answer = NULL;
}

static void after(void)
{
    census_sum_free(sum);
    json_free(answer);
}

static void add(enum arm arm, struct json *doc)
{
    struct faults faults = { 0 };
    ck_assert(census_check(doc, "", &faults));
    census_sum_add(sum, arm, doc);
    json_free(doc);
}

static const struct json *take_answer(struct buf *out, struct jw *w)
{
    jw_close(w, '}');
    json_free(answer);
    answer = parse(buf_cstr(out));
    buf_done(out);
    return answer;
}

static const struct json *view(unsigned limit)
{
    struct census_view v = { .has_arm = { true, true }, .limit = limit };
    struct buf out;
    struct jw w;
    buf_init(&out, 4 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    census_write_series(sum, &v, &w);
    return json_get(take_answer(&out, &w), "metrics");
}

/** The baseline's figure of metric @p i: value, or -1; *ret_error: -1 is null. */
static int64_t figure(const struct json *metrics, size_t i, double *ret_error)
{
    const struct json *f = json_path(json_at(metrics, i), "series.baseline");
    *ret_error = json_get_real(f, "relative_error", -1);
    ck_assert(json_get_bool(f, "exact", false) == (*ret_error == 0));
    return json_get_int(f, "value", -1);
}

/* Host 1 tells a, b; host 2 tells a only, and its others have 4 at most, counts being up to 1 too low. */
START_TEST(a_sum_lies_between_what_was_told_and_what_may_be_missing)
{
    double error;
    add(ARM_BASELINE,
        census("baseline", 30, 0, 0, "{\"name\":\"b\",\"series\":20},{\"name\":\"a\",\"series\":10}"));
    add(ARM_BASELINE, census("baseline", 20, 1, 4, "{\"name\":\"a\",\"series\":10}"));
    const struct json *metrics = view(10);
    ck_assert_str_eq(json_get_str(json_at(metrics, 0), "name", ""), "a"); /* as many as b; by name */
    ck_assert_int_eq(figure(metrics, 0, &error), 20);
    ck_assert_double_eq_tol(error, 1.0 / 20, 1e-12);
    ck_assert_int_eq(figure(metrics, 1, &error), 20);
    ck_assert_double_eq_tol(error, 4.0 / 20, 1e-12);
    const struct json *candidate = json_path(json_at(metrics, 1), "series.candidate");
    ck_assert(json_get_int(candidate, "value", -1) == 0 && json_get_bool(candidate, "exact", false));
}
END_TEST

/* 5,000 names is the bound; a larger metric that comes later is not shown, but no bound is passed over. */
START_TEST(names_beyond_the_bound_are_not_told)
{
    double error;
    for (int host = 0; host < 60; host++) {
        CLEANUP_BUF struct buf top;
        char text[64];
        buf_init(&top, 8192);
        for (int i = 0; i < 100; i++) {
            snprintf(text, sizeof text, "%s{\"name\":\"m%d\",\"series\":1}", i ? "," : "", host * 100 + i);
            buf_adds(&top, text);
        }
        add(ARM_BASELINE, census("baseline", 100, 0, 0, buf_cstr(&top)));
    }
    const struct json *metrics = view(100000);
    ck_assert_uint_eq(json_len(metrics), 5000);
    ck_assert_int_eq(figure(metrics, 0, &error), 1);
    ck_assert_double_eq(error, 10); /* 10 hosts told names for which there was no room */
}
END_TEST

/* What no agent says: a name twice, a rest below the slack, a top that is no list. Nothing goes below 0. */
START_TEST(contradictions_do_no_harm)
{
    double error;
    add(ARM_BASELINE,
        census("baseline", 5, 9, 1, "{\"name\":\"a\",\"series\":3},{\"name\":\"a\",\"series\":2}"));
    ck_assert_int_eq(figure(view(10), 0, &error), 5);
    ck_assert_double_ge(error, 0);
    add(ARM_BASELINE,
        census("baseline", 5, 0, 50, "{\"name\":\"a\",\"series\":3},{\"name\":\"a\",\"series\":2}"));
    ck_assert_int_eq(figure(view(10), 0, &error), 10);
    ck_assert_double_ge(error, 0);
}
END_TEST

static void add_labels(const char *labels)
{
    struct json *doc = census("baseline", 30, 0, 0, "");
    json_set(doc, "labels", parse(labels));
    add(ARM_BASELINE, doc);
}

/* Host 1 tells the label and all its values; host 2 tells others, and may have 6 series with it. */
START_TEST(a_value_of_a_label_that_a_host_did_not_tell_may_have_more_series)
{
    double error;
    add_labels("{\"slack\":0,\"rest\":0,\"top\":[{\"name\":\"l\",\"series\":20,\"values\":" NONE ","
               "\"by_value\":{\"slack\":0,\"rest\":0,\"top\":[{\"name\":\"v\",\"series\":12}]}}]}");
    view(10);
    ck_assert_int_eq(figure(json_path(json_at(json_get(answer, "labels"), 0), "by_value"), 0, &error), 12);
    ck_assert_double_eq(error, 0);
    add_labels("{\"slack\":0,\"rest\":6,\"top\":[]}");
    view(10);
    ck_assert_int_eq(figure(json_path(json_at(json_get(answer, "labels"), 0), "by_value"), 0, &error), 12);
    ck_assert_double_eq_tol(error, 6.0 / 12, 1e-12);
}
END_TEST

/* -------------------------------------------------------------------------------------------- cost */

static const phx_kpi_input series_input = {
    .size = sizeof series_input, .reduce = PHX_MEAN, .name = "series"
};
static const phx_kpi_input points_input = {
    .size = sizeof points_input, .reduce = PHX_INCREASE, .name = "points_total"
};
static const phx_kpi_input restarts_input = {
    .size = sizeof restarts_input, .reduce = PHX_INCREASE, .name = "restarts_total"
};
static const phx_kpi_input *const known[] = { &series_input, &points_input, NULL };
static const phx_kpi_input *const not_known[] = { &restarts_input, NULL };
static phx_status fails;

/** 2 a series, and 1 for each point of a second. */
static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    (void)self;
    for (uint64_t i = 0; i < w->n; i++) {
        ck_assert(i == 0 || w->t[i] > w->t[i - 1]);
        double per_s = w->in[1][i] * 1e9 / (double)w->bucket_ns;
        if (out->cell(out, i, 2 * w->in[0][i] + per_s, 1) != PHX_OK)
            return PHX_E_INTERNAL;
    }
    return fails;
}

static int cost(const phx_kpi_input *const *inputs, unsigned limit, struct err *err)
{
    const phx_kpi_ops ops = { .size = sizeof ops, .inputs = inputs, .cells = cells };
    const struct census_pricer pricer = { .ops = &ops };
    struct buf out;
    struct jw w;
    buf_init(&out, 4 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    int rc = census_write_cost(sum, &pricer, limit, &w, err);
    if (rc == 0)
        take_answer(&out, &w);
    buf_done(&out);
    return rc;
}

static double money(const struct json *of, const char *path)
{
    return json_real(json_path(of, path), NAN);
}

START_TEST(a_metric_costs_its_series_and_its_part_of_the_flow)
{
    struct err err = { 0 };
    fails = PHX_OK;
    add(ARM_BASELINE, census("baseline", 40, 0, 10, "{\"name\":\"a\",\"series\":30,\"bytes\":300}"));
    add(ARM_CANDIDATE, census("candidate", 10, 0, 0, "{\"name\":\"b\",\"series\":10,\"bytes\":100}"));
    ck_assert_int_eq(cost(known, 10, &err), 0);
    const struct json *metrics = json_get(answer, "metrics");
    const struct json *a = json_at(metrics, 0), *b = json_at(metrics, 1);
    ck_assert_double_eq_tol(money(answer, "per_month.baseline"), 120, 1e-9);
    ck_assert_double_eq_tol(money(answer, "other_metrics.baseline"), 30, 1e-9); /* 10 series */
    ck_assert_double_eq_tol(money(a, "per_month.saving"), 90, 1e-9);
    ck_assert_double_eq_tol(money(a, "per_minute.baseline"), 90 / (30.4375 * 1440), 1e-12);
    ck_assert(!json_path(b, "per_month.baseline")); /* it may be there: up to 10 series are not told */
    ck_assert(json_get_bool(a, "exact", false) && !json_get_bool(b, "exact", true));
    ck_assert_int_eq(cost(known, 1, &err), 0);
    ck_assert_double_eq_tol(money(answer, "other_metrics.candidate"), 30, 1e-9);
}
END_TEST

START_TEST(what_cannot_be_priced_is_an_error_that_says_why)
{
    struct err err = { 0 };
    add(ARM_BASELINE, census("baseline", 1, 0, 0, "{\"name\":\"a\",\"series\":1,\"bytes\":10}"));
    fails = PHX_OK;
    ck_assert_int_eq(cost(not_known, 10, &err), ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "restarts_total"));
    fails = PHX_E_CONFIG;
    ck_assert_int_eq(cost(known, 10, &err), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.msg, "prices"));
}
END_TEST

START_TEST(a_flow_that_costs_nothing_need_not_be_known)
{
    const phx_kpi_ops ops = { .size = sizeof ops, .inputs = known, .cells = cells };
    const struct census_pricer pricer = { .ops = &ops };
    struct json *doc = census("baseline", 1, 0, 0, "");
    fails = PHX_OK;
    unsigned flows = census_flows_priced(&pricer);
    json_set(doc, "cpu_cores", NULL);
    ck_assert(census_has_flows(doc, flows));
    json_set(doc, "points_per_s", NULL);
    ck_assert(!census_has_flows(doc, flows));
    ck_assert(census_has_flows(doc, 0));
    json_free(doc);
}
END_TEST

START_TEST(sketches_of_others_are_refused)
{
    static const char *const bad[] = { NONE, "\"\"", "\"xK!\"", "\"hKAAA\"", "null" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char top[256];
        struct faults faults = { 0 };
        snprintf(top, sizeof top,
                 "{\"name\":\"a\",\"series\":1,\"labels\":[{\"name\":\"l\",\"values\":" NONE_DEEP "},"
                 "{\"name\":\"k\",\"values\":%s}]}",
                 bad[i]);
        struct json *doc = census("baseline", 1, 0, 0, top);
        ck_assert(!census_check(doc, "/c", &faults));
        ck_assert_uint_eq(faults.n, 1);
        ck_assert_str_eq(faults.at[0].pointer, "/c/metrics/top/0/labels");
        json_free(doc);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("experiment/census");
    TCase *tc = tcase_create("census");
    tcase_add_checked_fixture(tc, before, after);
    tcase_add_test(tc, a_sum_lies_between_what_was_told_and_what_may_be_missing);
    tcase_add_test(tc, names_beyond_the_bound_are_not_told);
    tcase_add_test(tc, contradictions_do_no_harm);
    tcase_add_test(tc, a_value_of_a_label_that_a_host_did_not_tell_may_have_more_series);
    tcase_add_test(tc, a_metric_costs_its_series_and_its_part_of_the_flow);
    tcase_add_test(tc, what_cannot_be_priced_is_an_error_that_says_why);
    tcase_add_test(tc, a_flow_that_costs_nothing_need_not_be_known);
    tcase_add_test(tc, sketches_of_others_are_refused);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
