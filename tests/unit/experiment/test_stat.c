/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix/stat.h against published figures (R, NIST StRD, the papers' own examples). */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "phoenix/stat.h"

#define close_to(got, want) ck_assert_double_le(fabs((got) - (want)), 1e-10 * fabs(want) + 1e-300)
#define near(got, want, rel) ck_assert_double_le(fabs((got) - (want)), (rel)*fabs(want))

/* Student's sleep data. */
static const double sleep_x[10] = { 0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0 };
static const double sleep_y[10] = { 1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4 };

START_TEST(paired_t_of_the_sleep_data_is_as_in_r)
{
    double d[10];
    for (int i = 0; i < 10; i++) d[i] = sleep_x[i] - sleep_y[i];
    double mean = phx_mean(d, 10), se = sqrt(phx_var(d, 10) / 10);
    close_to(mean / se, -4.06212768338204);
    close_to(2 * phx_t_sf(4.06212768338204, 9), 0.00283289019738427);
    close_to(mean - phx_t_isf(0.025, 9) * se, -2.45988576327698);
    close_to(mean + phx_t_isf(0.025, 9) * se, -0.70011423672302);
}
END_TEST

START_TEST(welch_t_of_the_sleep_data_is_as_in_r)
{
    phx_moments x = { 0, 0, 0 }, y = { 0, 0, 0 };
    double t, df;
    for (int i = 0; i < 10; i++) {
        phx_moments_add(&x, sleep_x[i]);
        phx_moments_add(&y, sleep_y[i]);
    }
    close_to(phx_welch(&x, &y, &t, &df), 0.0793941401873582);
    close_to(t, -1.86081346748685);
    close_to(df, 17.7764735161785);
}
END_TEST

START_TEST(confidence_sequence_is_as_published)
{
    double d[10];
    for (int i = 0; i < 10; i++) d[i] = sleep_x[i] - sleep_y[i];
    double mean = phx_mean(d, 10), s = sqrt(phx_var(d, 10));
    close_to(phx_tmix_half(10, s, 1, 0.05), 1.50518731186610);
    close_to(phx_tmix_ln_e(10, mean, s, 0, 1), 3.23770299063084);
    static const struct {
        double m, g, times;
    } known[] = {
        { 5, 1, 8.4531871875 },       { 8, 1, 4.2508934888 },       { 10, 1, 3.8697867394 },
        { 20, 1, 3.4247807411 },      { 50, 1, 3.3197156932 },      { 100, 1, 3.3467780988 },
        { 8, 3.1136, 5.8230440745 },  { 10, 3.1136, 4.4499737604 }, { 20, 3.1136, 3.4186862074 },
        { 50, 3.1136, 3.1896574924 },
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        near(phx_tmix_half(known[i].m, 1, known[i].g, 0.05) * sqrt(known[i].m), known[i].times, 1e-9);
    ck_assert(isinf(phx_tmix_half(4, 1, 1, 0.05)));
    ck_assert(isinf(phx_tmix_half(5, 1, 3.1136, 0.05)));
}
END_TEST

START_TEST(interval_is_where_the_e_value_stays_below_its_limit)
{
    double half = phx_tmix_half(12, 0.7, 1, 0.05);
    close_to(phx_tmix_ln_e(12, 3 + half, 0.7, 3, 1), log(20));
    close_to(phx_tmix_ln_e(12, 3 - half, 0.7, 3, 1), log(20));
    ck_assert_double_lt(phx_tmix_ln_e(12, 3, 0, 4, 1), 1e4); /* no spread: the limit, not infinity */
}
END_TEST

START_TEST(proportions_are_as_in_r)
{
    double lo, hi;
    phx_clopper_pearson(682, 925, 0.05, &lo, &hi);
    close_to(lo, 0.707668264079038);
    close_to(hi, 0.765406558241525);
    phx_clopper_pearson(20, 20, 0.1, &lo, &hi);
    close_to(lo, pow(0.05, 1.0 / 20));
    ck_assert_double_eq(hi, 1);
    phx_clopper_pearson(0, 20, 0.1, &lo, &hi);
    ck_assert_double_eq(lo, 0);
    close_to(phx_binom_upper(3, 5, 0.5), 0.5);
    close_to(phx_binom_lower(1, 4, 0.5), 5.0 / 16);
}
END_TEST

START_TEST(event_e_values_are_as_worked_out)
{
    close_to(phx_sign_ln_e(18, 20), 4.1020570272618);
    close_to(phx_sign_ln_e(9, 10), 1.37696303369101);
    near(phx_binom_ln_e(60, 60, 0.95, 1), 2.3839385186, 1e-9);
    near(phx_binom_ln_e(74, 74, 0.95, 1), 3.0047773234, 1e-9);
    near(phx_binom_ln_e(198, 200, 0.95, 1), 3.9910275654, 1e-9);
    near(phx_binom_ln_e(80, 100, 0.95, -1), 11.6010313508, 1e-9);
}
END_TEST

START_TEST(thirty_six_trials_without_a_loss_prove_nine_tenths)
{
    static const struct {
        double share;
        int need;
    } known[] = { { 0.90, 36 }, { 0.95, 74 }, { 0.99, 377 } };
    for (int i = 0; i < 3; i++) {
        ck_assert_double_ge(phx_binom_ln_e(known[i].need, known[i].need, known[i].share, 1), log(20));
        ck_assert_double_lt(phx_binom_ln_e(known[i].need - 1, known[i].need - 1, known[i].share, 1), log(20));
    }
}
END_TEST

START_TEST(sums_keep_what_plain_addition_loses)
{
    phx_sum s = { 0, 0 };
    double terms[] = { 1e100, 1, -1e100, 1 };
    for (int i = 0; i < 4; i++) phx_sum_add(&s, terms[i]);
    ck_assert_double_eq(phx_sum_value(&s), 2);
}
END_TEST

/* NIST StRD NumAcc4: a mean of ten million and a standard deviation of a tenth. */
START_TEST(variance_survives_a_huge_mean)
{
    double x[1001];
    phx_moments m = { 0, 0, 0 };
    x[0] = 10000000.2;
    for (int i = 1; i < 1001; i++) x[i] = i % 2 ? 10000000.1 : 10000000.3;
    for (int i = 0; i < 1001; i++) phx_moments_add(&m, x[i]);
    near(phx_mean(x, 1001), 10000000.2, 1e-15);
    near(sqrt(phx_var(x, 1001)), 0.1, 1e-8);
    near(sqrt(phx_moments_var(&m)), 0.1, 1e-7);
    near(phx_autocorr(x, 1001, 1), -0.999, 1e-8);
}
END_TEST

START_TEST(autocorrelation_of_the_lh_series_is_as_in_r)
{
    static const double lh[48] = { 2.4, 2.4, 2.4, 2.2, 2.1, 1.5, 2.3, 2.3, 2.5, 2.0, 1.9, 1.7,
                                   2.2, 1.8, 3.2, 3.2, 2.7, 2.2, 2.2, 1.9, 1.9, 1.8, 2.7, 3.0,
                                   2.3, 2.0, 2.0, 2.9, 2.9, 2.7, 2.7, 2.3, 2.6, 2.4, 1.8, 1.7,
                                   1.5, 1.4, 2.1, 3.3, 3.5, 3.5, 3.1, 2.6, 2.1, 3.4, 3.0, 2.9 };
    static const double acf[] = { 0.575524, 0.181818, -0.144755, -0.174825, -0.149650 };
    for (size_t k = 0; k < 5; k++) ck_assert_double_le(fabs(phx_autocorr(lh, 48, k + 1) - acf[k]), 5e-7);
    close_to(phx_tau(lh, 48), 2.22517482517483);
}
END_TEST

START_TEST(quantiles_undo_distributions)
{
    for (double p = 1e-12; p < 0.5; p *= 3) {
        near(phx_norm_cdf(phx_norm_q(p)), p, 1e-12);
        near(phx_t_sf(phx_t_isf(p, 4), 4), p, 1e-11);
        near(phx_beta_inc(3, 0.5, phx_beta_inv(p, 3, 0.5)), p, 1e-11);
    }
    close_to(phx_norm_q(0.975), 1.959963984540054);
    close_to(phx_t_isf(0.025, 11), 2.200985160082949);
    close_to(phx_t_isf(0.3, 3), 0.584389727439816);
}
END_TEST

START_TEST(gamma_agrees_with_factorials)
{
    close_to(phx_lngamma(0.5), 0.5723649429247001);
    close_to(phx_lngamma(11), log(3628800.0));
    close_to(phx_lngamma(171), 706.5730622457874);
}
END_TEST

START_TEST(not_a_number_stays_not_a_number)
{
    double x[] = { 1, NAN, 2 };
    ck_assert(isnan(phx_mean(x, 3)) && isnan(phx_mean(x, 0)) && isnan(phx_var(x, 1)));
    ck_assert(isnan(phx_beta_inc(-1, 2, 0.5)) && isnan(phx_norm_q(NAN)) && isnan(phx_t_isf(0.1, NAN)));
    ck_assert(isnan(phx_tmix_half(10, NAN, 1, 0.05)) && isnan(phx_binom_upper(NAN, 3, 0.5)));
    ck_assert(isnan(phx_tau(x, 3)) && isnan(phx_lngamma(-1)));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stat");
    TCase *c = tcase_create("vectors");
    tcase_add_test(c, paired_t_of_the_sleep_data_is_as_in_r);
    tcase_add_test(c, welch_t_of_the_sleep_data_is_as_in_r);
    tcase_add_test(c, confidence_sequence_is_as_published);
    tcase_add_test(c, interval_is_where_the_e_value_stays_below_its_limit);
    tcase_add_test(c, proportions_are_as_in_r);
    tcase_add_test(c, event_e_values_are_as_worked_out);
    tcase_add_test(c, thirty_six_trials_without_a_loss_prove_nine_tenths);
    tcase_add_test(c, sums_keep_what_plain_addition_loses);
    tcase_add_test(c, variance_survives_a_huge_mean);
    tcase_add_test(c, autocorrelation_of_the_lh_series_is_as_in_r);
    tcase_add_test(c, quantiles_undo_distributions);
    tcase_add_test(c, gamma_agrees_with_factorials);
    tcase_add_test(c, not_a_number_stays_not_a_number);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
