/* SPDX-License-Identifier: Apache-2.0 */
/* Whole experiments, made up, through the shipped calculators to a verdict. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/buf.h"
#include "tests/unit/experiment/lab.h"

/* What happens on every host: means of the two arms, and what goes wrong. */
struct plan {
    int hosts, seconds;
    double series[2], cpu[2], rss[2], in[2];
    double otlp[2];                   /* bytes that reached it, of otlp_offered; below 0: it takes none */
    double otlp_offered;              /* 0: there is no tee */
    double tick;                      /* CPU time is read in steps of so much */
    int crit_lost_from, crit_lost_to; /* seconds in which the candidate shows one process less */
    int gap_from, gap_to;             /* seconds without samples of the candidate */
    bool no_cpu, stopped_early;
};
static const struct plan good = { .hosts = 1,
                                  .seconds = 75,
                                  .series = { 300, 60 },
                                  .cpu = { 0.01, 0.006 },
                                  .rss = { 1.0e7, 0.98e7 },
                                  .in = { 600, 600 } };
static struct kpi_def kpis[8];
static size_t n_kpis;
static struct json *result;
static struct verdict verdict;

static void setup(void)
{
    n_kpis = lab_plugins(kpis, 8);
}

static void teardown(void)
{
    json_free(result);
    result = NULL;
}

static void measure(struct lab *l, const struct plan *p, struct noise *z)
{
    static char names[64][16];
    for (int h = 0; h < p->hosts; h++) {
        double cpu[2] = { 1, 1 }, pts[2] = { 0, 0 }, in[2] = { 0, 0 }, otlp[2] = { 0, 0 }, series[2];
        snprintf(names[h], sizeof names[h], "host-%d", h);
        for (int k = -4; k <= p->seconds * 4 + 4; k++) {
            int64_t ts = LAB_T0 + k * LAB_S / 4;
            for (int arm = 0; arm < ARM_COUNT; arm++) {
                if ((k & 3) == 0) series[arm] = noise_poisson(z, p->series[arm]);
                pts[arm] += series[arm];
                in[arm] += p->in[arm];
                otlp[arm] += p->otlp[arm];
                cpu[arm] += p->cpu[arm] / 4 * (0.7 + 0.6 * noise_uniform(z));
                if (arm && p->gap_to && k >= 4 * p->gap_from && k < 4 * p->gap_to) continue;
                double *v = lab_add(l, names[h], arm, ts);
                v[MEASURE_SERIES] = series[arm];
                v[MEASURE_POINTS] = pts[arm];
                v[MEASURE_POINTS_IN] = in[arm];
                if (p->otlp_offered > 0 && p->otlp[arm] >= 0) {
                    v[MEASURE_OTLP_OFFERED] = p->otlp_offered * (k + 5);
                    v[MEASURE_OTLP_DELIVERED] = otlp[arm];
                }
                if (!p->no_cpu) v[MEASURE_CPU] = p->tick > 0 ? floor(cpu[arm] / p->tick) * p->tick : cpu[arm];
                v[MEASURE_RSS] = p->rss[arm];
                v[MEASURE_CRITICAL_ALIVE] = 2;
                v[MEASURE_CRITICAL] = arm && k >= 4 * p->crit_lost_from && k < 4 * p->crit_lost_to ? 1 : 2;
                v[MEASURE_RESTARTS] = 0;
            }
        }
    }
}

static enum decision run_as(const struct plan *p, const char *text, int n_critical, bool ended, uint64_t seed)
{
    struct spec_facts facts = { .pointer = "/config/analysis",
                                .kpis = kpis,
                                .n_kpis = n_kpis,
                                .sample_interval_ns = LAB_S / 4,
                                .duration_ns = p->seconds * LAB_S,
                                .n_hosts = (size_t)p->hosts,
                                .n_critical = (size_t)n_critical };
    struct analysis_spec spec = lab_spec(text, &facts);
    struct noise z = { seed };
    struct lab l;
    lab_init(&l, (size_t)(p->hosts * (p->seconds * 8 + 24)));
    measure(&l, p, &z);
    struct analysis_input in = { .experiment_id = "e",
                                 .spec = &spec,
                                 .kpis = kpis,
                                 .n_kpis = n_kpis,
                                 .samples = l.samples,
                                 .n_samples = l.n,
                                 .from_ns = LAB_T0,
                                 .to_ns = LAB_T0 + p->seconds * LAB_S / (p->stopped_early ? 2 : 1),
                                 .sample_interval_ns = LAB_S / 4,
                                 .n_hosts = (size_t)p->hosts,
                                 .now_ns = LAB_T0 + p->seconds * LAB_S,
                                 .ended = ended };
    struct err err = { 0 };
    json_free(result);
    ck_assert_msg(analysis_run(&in, &result, &verdict, &err) == 0, "%s", err.msg);
    ck_assert_str_eq(lab_str(result, "verdict.decision"), decision_name(verdict.decision));
    ck_assert_str_eq(lab_str(result, "verdict.reason"), verdict.text);
    lab_done(&l);
    return verdict.decision;
}

static enum decision run(const struct plan *p, const char *text)
{
    return run_as(p, text, 2, true, 12345);
}

/* State of the criterion on a KPI. */
static const char *state(const char *kpi)
{
    const struct json *list = lab_path(result, "criteria");
    for (size_t i = 0; i < json_len(list); i++)
        if (strcmp(json_get_str(json_at(list, i), "kpi", ""), kpi) == 0)
            return json_get_str(json_at(list, i), "state", "");
    return "";
}

static bool has_flag(int kpi, const char *flag)
{
    char path[32];
    snprintf(path, sizeof path, "kpis.%d.flags", kpi);
    const struct json *list = lab_path(result, path);
    for (size_t i = 0; i < json_len(list); i++)
        if (strcmp(json_str(json_at(list, i), ""), flag) == 0) return true;
    return false;
}

START_TEST(saving_with_quiet_guardrails_promotes)
{
    ck_assert_int_eq(run(&good, "{}"), DECISION_PROMOTE);
    ck_assert(!verdict.certain && !verdict.breached);
    ck_assert_str_eq(verdict.evidence, "within-host, partial-cycle");
    ck_assert_double_eq_tol(lab_real(result, "kpis.0.reduction"), 0.8, 0.02);
    ck_assert_double_gt(lab_real(result, "kpis.0.reduction_low"), 0.75);
    ck_assert_str_eq(state("critical-processes"), "passed");
}
END_TEST

START_TEST(nearly_every_demo_ends_in_a_promote)
{
    int promoted[2] = { 0, 0 };
    struct plan ticks = good;
    ticks.tick = 0.01;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        promoted[0] += run_as(&good, "{}", 2, true, seed * 7919) == DECISION_PROMOTE;
        promoted[1] += run_as(&ticks, "{}", 2, true, seed * 104729) == DECISION_PROMOTE;
    }
    ck_assert_int_ge(promoted[0], 143);
    ck_assert_int_ge(promoted[1], 143);
}
END_TEST

START_TEST(no_data_is_invalid_and_no_figure_is_made_up)
{
    struct plan p = good;
    p.hosts = 0;
    ck_assert_int_eq(run(&p, "{\"guardrails\":[]}"), DECISION_INVALID);
    const struct json *list = lab_path(result, "kpis");
    ck_assert_uint_eq(json_len(list), n_kpis);
    for (size_t i = 0; i < json_len(list); i++) {
        ck_assert_str_eq(json_get_str(json_at(list, i), "status", ""), "unknown");
        ck_assert_ptr_nonnull(json_get(json_at(list, i), "reason"));
        ck_assert_ptr_null(json_get(json_at(list, i), "reduction"));
        ck_assert_ptr_null(json_get(json_at(list, i), "candidate"));
    }
}
END_TEST

START_TEST(no_saving_is_rejected)
{
    struct plan p = good;
    p.series[1] = 300;
    int rejected = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        rejected += run_as(&p, "{}", 2, true, seed * 7919) == DECISION_REJECT;
    ck_assert_int_ge(rejected, 38);
    run_as(&p, "{}", 2, true, 7919);
    ck_assert_str_eq(state("cardinality"), "refuted");
    ck_assert(!verdict.breached);
}
END_TEST

START_TEST(hungry_candidate_breaches_a_guardrail)
{
    struct plan p = good;
    p.cpu[0] = 0.2;
    p.cpu[1] = 0.4;
    ck_assert_int_eq(run(&p, "{}"), DECISION_REJECT);
    ck_assert(verdict.breached);
    ck_assert_str_eq(state("collector-cpu"), "breached");
}
END_TEST

START_TEST(double_of_next_to_nothing_is_no_breach)
{
    struct plan p = good;
    p.cpu[0] = 0.002;
    p.cpu[1] = 0.004;
    ck_assert_int_eq(run(&p, "{}"), DECISION_PROMOTE);
    ck_assert_int_ne(run(&p, "{\"guardrails\":[{\"kpi\":\"collector-cpu\",\"ratio_at_most\":1.1}]}"),
                     DECISION_PROMOTE);
    ck_assert(verdict.breached);
}
END_TEST

START_TEST(cells_of_zero_are_compared_by_sums)
{
    struct plan p = good;
    p.tick = 0.01;
    run(&p, "{}");
    ck_assert_str_eq(lab_str(result, "kpis.2.name"), "collector-cpu");
    ck_assert_str_eq(lab_str(result, "kpis.2.estimand"), "total");
    ck_assert(has_flag(2, "zeros"));
    ck_assert_double_eq_tol(lab_real(result, "kpis.2.baseline"), 0.01, 0.001);
    ck_assert_double_eq_tol(lab_real(result, "kpis.2.reduction"), 0.4, 0.1);
}
END_TEST

START_TEST(unequal_input_makes_everything_void)
{
    struct plan p = good;
    p.in[1] = 560;
    ck_assert_int_eq(run(&p, "{}"), DECISION_INVALID);
    ck_assert_ptr_nonnull(strstr(verdict.text, "did not see the same input"));
}
END_TEST

START_TEST(otlp_that_one_arm_missed_is_said_and_voids_the_comparison)
{
    struct plan p = good;
    run(&p, "{}");
    ck_assert_ptr_null(lab_path(result, "otlp_parity"));
    p.otlp_offered = p.otlp[0] = 1000;
    p.otlp[1] = 995;
    ck_assert_int_ne(run(&p, "{}"), DECISION_INVALID);
    ck_assert_str_eq(lab_str(result, "otlp_parity"),
                     "OTLP bytes that reached the arms, candidate to baseline: 0.9950 (0.9949 to 0.9951); of "
                     "what was offered the baseline missed 0.00 %, the candidate 0.50 %");
    p.otlp[1] = 970;
    ck_assert_int_eq(run(&p, "{}"), DECISION_INVALID);
    ck_assert_ptr_nonnull(strstr(verdict.text, "same input: OTLP bytes that reached the arms, candidate to "
                                               "baseline: 0.9700"));
    p.otlp[1] = 0;
    ck_assert_int_eq(run(&p, "{}"), DECISION_INVALID);
    ck_assert_str_eq(lab_str(result, "otlp_parity"), "OTLP of applications reached the baseline only");
}
END_TEST

START_TEST(arms_without_otlp_have_no_skew_of_it)
{
    struct plan p = good;
    p.otlp_offered = 1000;
    p.otlp[0] = -1;
    ck_assert_int_ne(run(&p, "{}"), DECISION_INVALID);
    ck_assert_str_eq(lab_str(result, "otlp_parity"),
                     "only the candidate takes OTLP of applications: there is no skew of it");
    p.otlp[0] = 0;
    ck_assert_int_ne(run(&p, "{}"), DECISION_INVALID);
    ck_assert_str_eq(lab_str(result, "otlp_parity"), "no OTLP of applications reached either arm");
}
END_TEST

START_TEST(gaps_make_the_data_void)
{
    struct plan p = good;
    p.gap_from = 20;
    p.gap_to = 45;
    ck_assert_int_eq(run(&p, "{}"), DECISION_INVALID);
    ck_assert_double_gt(lab_real(result, "kpis.0.dropped.missing_candidate"), 20);
    ck_assert_double_lt(lab_real(result, "coverage.0.candidate"), 0.8);
    ck_assert_double_eq(lab_real(result, "coverage.0.baseline"), 1);
}
END_TEST

START_TEST(host_that_was_mostly_away_does_not_speak)
{
    struct plan p = good;
    p.gap_from = 20;
    p.gap_to = 70;
    ck_assert_int_eq(run(&p, "{}"), DECISION_INVALID);
    ck_assert_ptr_nonnull(strstr(lab_str(result, "kpis.0.reason"), "half of its pairs"));
}
END_TEST

START_TEST(critical_process_lost_for_long_is_a_breach)
{
    struct plan p = good;
    p.crit_lost_from = 30;
    p.crit_lost_to = 33;
    ck_assert_int_eq(run(&p, "{}"), DECISION_REJECT);
    ck_assert(verdict.breached);
    ck_assert_ptr_nonnull(strstr(verdict.text, "critical-processes"));
}
END_TEST

START_TEST(critical_process_lost_for_a_bucket_leaves_it_open)
{
    struct plan p = good;
    p.crit_lost_from = 30;
    p.crit_lost_to = 31;
    ck_assert_int_eq(run(&p, "{}"), DECISION_INCONCLUSIVE);
    ck_assert_str_eq(state("critical-processes"), "open");
}
END_TEST

START_TEST(share_of_events_is_proved_by_trials_not_by_scrapes)
{
    const char *text = "{\"guardrails\":[{\"kpi\":\"critical-processes\",\"at_least\":0.9}]}";
    struct plan p = good;
    p.seconds = 45;
    p.hosts = 18;
    ck_assert_int_eq(run(&p, text), DECISION_PROMOTE);
    ck_assert_double_eq(lab_real(result, "kpis.4.n"), 36);
    p.crit_lost_to = p.seconds + 2;
    ck_assert_int_eq(run(&p, text), DECISION_REJECT);
    ck_assert_double_eq(lab_real(result, "kpis.4.candidate"), 0.5);
}
END_TEST

START_TEST(unmeasured_kpi_is_unknown_and_blocks_the_promote)
{
    struct plan p = good;
    p.no_cpu = true;
    ck_assert_int_eq(run(&p, "{}"), DECISION_INCONCLUSIVE);
    ck_assert_str_eq(state("collector-cpu"), "unknown");
    ck_assert_str_eq(lab_str(result, "kpis.2.status"), "unknown");
    ck_assert_ptr_nonnull(strstr(lab_str(result, "kpis.2.reason"), "cpu_seconds_total"));
}
END_TEST

START_TEST(candidate_that_says_nothing_has_not_saved_everything)
{
    struct plan p = good;
    p.series[1] = 0;
    ck_assert_int_ne(run(&p, "{}"), DECISION_PROMOTE);
    ck_assert_str_eq(lab_str(result, "kpis.0.status"), "unknown");
}
END_TEST

START_TEST(early_stop_is_for_certain_verdicts_only)
{
    ck_assert_int_eq(run_as(&good, "{\"early_stop\":true,\"min_duration\":\"45s\"}", 2, false, 1),
                     DECISION_PROMOTE);
    ck_assert(verdict.certain);
    struct plan half = good;
    half.stopped_early = true;
    ck_assert_int_eq(run_as(&half, "{\"early_stop\":true}", 2, false, 1), DECISION_KEEP_RUNNING);
    ck_assert(!verdict.certain);
    ck_assert_int_eq(run_as(&half, "{\"early_stop\":true}", 2, true, 1), DECISION_INCONCLUSIVE);
}
END_TEST

START_TEST(a_few_hosts_do_not_speak_for_a_fleet)
{
    struct plan p = good;
    p.hosts = 3;
    p.seconds = 50;
    ck_assert_int_eq(run(&p, "{\"scope\":\"fleet\",\"fleet_size\":3,\"min_evidence\":\"census\"}"),
                     DECISION_PROMOTE);
    ck_assert_str_eq(verdict.evidence, "census, partial-cycle");
    run(&p, "{\"scope\":\"fleet\",\"min_evidence\":\"small-fleet\"}");
    ck_assert_str_eq(verdict.evidence, "small-fleet, partial-cycle");
    ck_assert_double_gt(lab_real(result, "kpis.0.host_part"), 0);
}
END_TEST

START_TEST(same_input_gives_the_same_bytes)
{
    struct buf a CLEANUP_BUF, b CLEANUP_BUF;
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    run(&good, "{}");
    json_write(result, &a);
    run(&good, "{}");
    json_write(result, &b);
    ck_assert_str_eq(buf_cstr(&a), buf_cstr(&b));
}
END_TEST

/* Saves 23 % first and 17 % later; the mean proves 17.2 %, but that is not where it is going. */
START_TEST(drift_towards_harm_is_not_promoted)
{
    struct kpi_def one = { .name = "level", .ops = lab_kpi(MEASURE_SERIES, PHX_MEAN, PHX_LOG_RATIO) };
    struct spec_facts facts = {
        .pointer = "", .kpis = &one, .n_kpis = 1, .sample_interval_ns = LAB_S / 4, .n_hosts = 1
    };
    struct analysis_spec spec = lab_spec("{\"bucket\":\"1s\",\"min_duration\":\"60s\",\"guardrails\":[],"
                                         "\"success\":[{\"kpi\":\"level\",\"reduction_at_least\":0.172}]}",
                                         &facts);
    struct noise z = { 44 };
    struct lab l;
    double wobble = 0;
    lab_init(&l, 1600);
    for (int k = 0; k < 800; k++)
        for (int arm = 0; arm < ARM_COUNT; arm++) {
            double theta = log(0.8) + (k < 400 ? -0.04 : 0.04);
            if (arm && (k & 3) == 0) wobble = 0.1 * noise_normal(&z);
            lab_add(&l, "a", arm, LAB_T0 + k * LAB_S / 4)[MEASURE_SERIES] =
                arm ? 1e6 * exp(theta + wobble) : 1e6;
        }
    struct analysis_input in = { .spec = &spec,
                                 .kpis = &one,
                                 .n_kpis = 1,
                                 .samples = l.samples,
                                 .n_samples = l.n,
                                 .from_ns = LAB_T0,
                                 .to_ns = LAB_T0 + 200 * LAB_S,
                                 .n_hosts = 1,
                                 .sample_interval_ns = LAB_S / 4,
                                 .now_ns = LAB_T0 + 200 * LAB_S,
                                 .ended = true };
    struct err err = { 0 };
    ck_assert(analysis_run(&in, &result, &verdict, &err) == 0);
    ck_assert_str_eq(state("level"), "proved");
    ck_assert(has_flag(0, "drift"));
    ck_assert_int_eq(verdict.decision, DECISION_INCONCLUSIVE);
    ck_assert_ptr_nonnull(strstr(verdict.text, "drifts"));
    lab_done(&l);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("verdict");
    TCase *c = tcase_create("verdict");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, saving_with_quiet_guardrails_promotes);
    tcase_add_test(c, nearly_every_demo_ends_in_a_promote);
    tcase_add_test(c, no_data_is_invalid_and_no_figure_is_made_up);
    tcase_add_test(c, no_saving_is_rejected);
    tcase_add_test(c, hungry_candidate_breaches_a_guardrail);
    tcase_add_test(c, double_of_next_to_nothing_is_no_breach);
    tcase_add_test(c, cells_of_zero_are_compared_by_sums);
    tcase_add_test(c, unequal_input_makes_everything_void);
    tcase_add_test(c, otlp_that_one_arm_missed_is_said_and_voids_the_comparison);
    tcase_add_test(c, arms_without_otlp_have_no_skew_of_it);
    tcase_add_test(c, gaps_make_the_data_void);
    tcase_add_test(c, host_that_was_mostly_away_does_not_speak);
    tcase_add_test(c, critical_process_lost_for_long_is_a_breach);
    tcase_add_test(c, critical_process_lost_for_a_bucket_leaves_it_open);
    tcase_add_test(c, share_of_events_is_proved_by_trials_not_by_scrapes);
    tcase_add_test(c, unmeasured_kpi_is_unknown_and_blocks_the_promote);
    tcase_add_test(c, candidate_that_says_nothing_has_not_saved_everything);
    tcase_add_test(c, early_stop_is_for_certain_verdicts_only);
    tcase_add_test(c, a_few_hosts_do_not_speak_for_a_fleet);
    tcase_add_test(c, same_input_gives_the_same_bytes);
    tcase_add_test(c, drift_towards_harm_is_not_promoted);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
