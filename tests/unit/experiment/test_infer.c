/* SPDX-License-Identifier: Apache-2.0 */
/* Effects and intervals against figures that oracle.py worked out on its own. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/experiment/analysis_priv.h"
#include "phoenix/stat.h"
#include "tests/unit/experiment/lab.h"

struct oracle_case {
    const char *name;
    uint32_t estimand;
    int hosts, buckets;
    const char *scope;
    int fleet;
    const double *b, *c;
    int n_hosts, length, m;
    double tau, theta, low, high, s, sh, time, host, e;
};
#include "tests/unit/experiment/oracle_cases.h"
#define N_CASES ((int)(sizeof oracle_cases / sizeof oracle_cases[0]))

/* Four samples a bucket that all say what the cell is; none where the cell is missing. */
static struct json *run_case(const struct oracle_case *k)
{
    static char names[16][16];
    struct kpi_def kpi = { .name = "level", .ops = lab_kpi(MEASURE_SERIES, PHX_MEAN, k->estimand) };
    struct spec_facts facts = { .pointer = "", .sample_interval_ns = LAB_S, .n_hosts = (size_t)k->hosts };
    char text[160], fleet[40] = "";
    if (k->fleet) snprintf(fleet, sizeof fleet, "\"fleet_size\":%d,", k->fleet);
    snprintf(text, sizeof text,
             "{\"scope\":\"%s\",%s\"bucket\":\"4s\",\"min_batches\":8,\"min_evidence\":\"within-host\"}",
             k->scope, fleet);
    struct analysis_spec spec = lab_spec(text, &facts);
    struct lab l;
    lab_init(&l, (size_t)(k->hosts * k->buckets * 8));
    for (int h = 0; h < k->hosts; h++) {
        snprintf(names[h], sizeof names[h], "h%02d", h);
        for (int i = 0; i < k->buckets * 4; i++)
            for (int arm = 0; arm < ARM_COUNT; arm++) {
                double v = (arm ? k->c : k->b)[h * k->buckets + i / 4];
                if (!isnan(v)) lab_add(&l, names[h], arm, LAB_T0 + i * LAB_S)[MEASURE_SERIES] = v;
            }
    }
    struct analysis_input in = { .experiment_id = "e",
                                 .spec = &spec,
                                 .kpis = &kpi,
                                 .n_kpis = 1,
                                 .samples = l.samples,
                                 .n_samples = l.n,
                                 .from_ns = LAB_T0,
                                 .to_ns = LAB_T0 + 4 * k->buckets * LAB_S,
                                 .sample_interval_ns = LAB_S,
                                 .n_hosts = (size_t)k->hosts,
                                 .now_ns = LAB_T0 + 5 * k->buckets * LAB_S,
                                 .ended = true };
    struct json *result = NULL;
    struct verdict v;
    struct err err = { 0 };
    ck_assert_msg(analysis_run(&in, &result, &v, &err) == 0, "%s", err.msg);
    lab_done(&l);
    return result;
}

static void same(const struct oracle_case *k, const struct json *r, const char *what, double want)
{
    char path[64];
    snprintf(path, sizeof path, "kpis.0.%s", what);
    double got = lab_real(r, path);
    ck_assert_msg(fabs(got - want) <= 1e-8 * fabs(want), "%s: %s is %.15g, not %.15g", k->name, what, got,
                  want);
}

START_TEST(effects_are_as_worked_out_independently)
{
    const struct oracle_case *k = &oracle_cases[_i];
    struct json *r = run_case(k);
    same(k, r, "theta", k->theta);
    same(k, r, "hosts", k->n_hosts);
    same(k, r, "batch_buckets", k->length);
    same(k, r, "batches", k->m);
    same(k, r, "tau", k->tau);
    same(k, r, "sd_batches", k->s);
    if (k->n_hosts > 1) same(k, r, "sd_hosts", k->sh);
    same(k, r, "time_part", k->time);
    same(k, r, "host_part", k->host);
    same(k, r, "low", k->low);
    same(k, r, "high", k->high);
    same(k, r, "e_value", k->e);
    if (k->estimand != PHX_DIFF) same(k, r, "reduction_low", -expm1(k->high));
    json_free(r);
}
END_TEST

/* 12 of 200 hosts: theta = ln 0.58, host sd 0.06, 10 batches of sd 0.08; 42 % in [33.6 %, 49.3 %]. */
START_TEST(worked_example_gives_the_interval_of_the_manual)
{
    struct effect e = { .estimand = PHX_LOG_RATIO,
                        .theta = log(0.58),
                        .n_hosts = 12,
                        .n_batches = 10,
                        .batch_buckets = 4,
                        .s = 0.08,
                        .s_hosts = 0.06 };
    struct band_facts f = { .scope = SCOPE_FLEET, .fleet_size = 200, .min_batches = 10 };
    struct band b = effect__band(&e, &f, 0.05);
    ck_assert_double_eq_tol(b.host, 0.036961, 5e-7);
    ck_assert_double_eq_tol(b.time, 0.097899, 5e-7);
    ck_assert_double_eq_tol(e.theta - b.host - b.time, -0.679587, 5e-7);
    ck_assert_double_eq_tol(e.theta + b.host + b.time, -0.409868, 5e-7);
    ck_assert_uint_eq(effect__batches_for(&e, &f, 0.05, log(0.62) - log(0.58) - b.host), 81);
}
END_TEST

START_TEST(batches_never_get_shorter_as_the_series_grows)
{
    struct noise n = { 4711 };
    double x[600], tau, last_tau = 0;
    size_t last = 0;
    x[0] = noise_normal(&n);
    for (int i = 1; i < 600; i++) x[i] = (i < 200 ? 0.9 : 0) * x[i - 1] + noise_normal(&n);
    for (size_t i = 1; i <= 600; i++) {
        size_t length = batch__length(x, i, &tau);
        ck_assert_uint_ge(length, last);
        ck_assert_double_ge(tau, last_tau);
        last = length;
        last_tau = tau;
    }
    ck_assert_uint_gt(last, 20);
}
END_TEST

START_TEST(a_census_has_no_host_part)
{
    struct effect e = { .estimand = PHX_LOG_RATIO, .n_hosts = 12, .n_batches = 10, .s = 0.1, .s_hosts = 5 };
    struct band_facts f = { .scope = SCOPE_FLEET, .fleet_size = 12, .min_batches = 10 };
    ck_assert_double_eq(effect__band(&e, &f, 0.05).host, 0);
    f.fleet_size = 0;
    ck_assert_double_gt(effect__band(&e, &f, 0.05).host, 2);
    e.n_hosts = 1;
    ck_assert(isinf(effect__band(&e, &f, 0.05).host));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("infer");
    TCase *c = tcase_create("effects");
    tcase_add_loop_test(c, effects_are_as_worked_out_independently, 0, N_CASES);
    tcase_add_test(c, worked_example_gives_the_interval_of_the_manual);
    tcase_add_test(c, batches_never_get_shorter_as_the_series_grows);
    tcase_add_test(c, a_census_has_no_host_part);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
