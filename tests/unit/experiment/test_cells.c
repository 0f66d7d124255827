/* SPDX-License-Identifier: Apache-2.0 */
/* From samples to cells: what counts, what is dropped, and that what is dropped is counted. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "core/experiment/analysis_priv.h"
#include "tests/unit/experiment/lab.h"

static struct lab lab;
static struct analysis_spec spec;
static struct kpi_def kpi;
static struct cells cells;
static struct drops drops;

static void setup(void)
{
    lab_init(&lab, 4000);
    spec = (struct analysis_spec){ .bucket_ns = 4 * LAB_S, .min_batches = 10 };
    cells = (struct cells){ 0 };
}

static void teardown(void)
{
    cells__done(&cells);
    lab_done(&lab);
}

/* The cells of one KPI that passes one measure through, over @p seconds. */
static void make(enum measure m, uint32_t reduce, int seconds, bool ended)
{
    kpi = (struct kpi_def){ .name = "k", .ops = lab_kpi(m, reduce, PHX_TOTAL) };
    struct analysis_input in = { .spec = &spec,
                                 .kpis = &kpi,
                                 .n_kpis = 1,
                                 .samples = lab.samples,
                                 .n_samples = lab.n,
                                 .from_ns = LAB_T0,
                                 .to_ns = LAB_T0 + seconds * LAB_S,
                                 .sample_interval_ns = LAB_S,
                                 .n_hosts = 1,
                                 .now_ns = LAB_T0 + seconds * LAB_S,
                                 .ended = ended };
    struct err err = { 0 };
    cells__done(&cells);
    ck_assert_msg(cells__make(&in, &cells, &err) == 0, "%s", err.msg);
    series__drops(&cells, &cells.series[0], &drops);
}

static double cell(int arm, size_t bucket)
{
    return cells.series[0].value[arm][bucket];
}

static void both(int64_t at_ns, enum measure m, double baseline, double candidate)
{
    lab_add(&lab, "a", ARM_BASELINE, LAB_T0 + at_ns)[m] = baseline;
    lab_add(&lab, "a", ARM_CANDIDATE, LAB_T0 + at_ns)[m] = candidate;
}

START_TEST(mean_of_a_gauge_is_weighted_by_time)
{
    for (int i = 0; i < 4; i++)
        both(i * LAB_S + (i == 3 ? LAB_S / 2 : 0), MEASURE_SERIES, i == 3 ? 100 : 20, 8);
    make(MEASURE_SERIES, PHX_MEAN, 4, true);
    ck_assert_double_eq(cell(ARM_BASELINE, 0), (3.5 * 20 + 0.5 * 100) / 4);
    ck_assert_double_eq(cell(ARM_CANDIDATE, 0), 8);
    make(MEASURE_SERIES, PHX_MAX, 4, true);
    ck_assert_double_eq(cell(ARM_BASELINE, 0), 100);
    make(MEASURE_SERIES, PHX_LAST, 4, true);
    ck_assert_double_eq(cell(ARM_BASELINE, 0), 100);
}
END_TEST

START_TEST(increase_is_shared_between_buckets_by_time)
{
    for (int i = -1; i < 10; i++) both(i * LAB_S + LAB_S / 4, MEASURE_POINTS, 1000 + i * 8, 1000 + i * 16);
    make(MEASURE_POINTS, PHX_INCREASE, 8, true);
    ck_assert_double_eq_tol(cell(ARM_BASELINE, 0), 32, 1e-9);
    ck_assert_double_eq_tol(cell(ARM_BASELINE, 1), 32, 1e-9);
    ck_assert_double_eq_tol(cell(ARM_CANDIDATE, 1), 64, 1e-9);
}
END_TEST

START_TEST(counter_that_fell_started_again_from_zero)
{
    static const double x[] = { 90, 100, 6, 12, 18 };
    const struct sample *run[5];
    double out[1];
    struct bucket_grid g = { .first_ns = LAB_T0, .width_ns = 4 * LAB_S, .n = 1, .expected = 4 };
    for (int i = 0; i < 5; i++) lab_add(&lab, "a", 0, LAB_T0 + i * LAB_S)[MEASURE_POINTS] = x[i];
    for (int i = 0; i < 5; i++) run[i] = &lab.samples[i];
    run__reduce(run, 5, MEASURE_POINTS, PHX_INCREASE, &g, out);
    ck_assert_double_eq_tol(out[0], 10 + 6 + 6 + 6, 1e-9);
}
END_TEST

START_TEST(bucket_of_a_restart_is_dropped_and_counted)
{
    for (int i = -1; i < 13; i++) both(i * LAB_S, MEASURE_POINTS, 100 + i, i < 6 ? 100 + i : i);
    make(MEASURE_POINTS, PHX_INCREASE, 12, true);
    ck_assert_uint_eq(drops.valid, 2);
    ck_assert_uint_eq(drops.n[CELL_RESTART][ARM_CANDIDATE], 1);
    ck_assert(isnan(cell(ARM_CANDIDATE, 1)) && cell(ARM_BASELINE, 1) > 0);
}
END_TEST

START_TEST(announced_restart_is_a_restart_although_no_counter_fell)
{
    for (int i = 0; i < 8; i++) {
        both(i * LAB_S, MEASURE_SERIES, 5, 5);
        lab.values[lab.n - 1][MEASURE_RESTARTS] = i < 5 ? 0 : 1;
    }
    make(MEASURE_SERIES, PHX_MEAN, 8, true);
    ck_assert_uint_eq(drops.n[CELL_RESTART][ARM_CANDIDATE], 1);
}
END_TEST

START_TEST(thin_and_missing_buckets_are_counted_by_arm)
{
    for (int i = 0; i < 12; i++) {
        lab_add(&lab, "a", ARM_BASELINE, LAB_T0 + i * LAB_S)[MEASURE_SERIES] = 7;
        if (i < 6) lab_add(&lab, "a", ARM_CANDIDATE, LAB_T0 + i * LAB_S)[MEASURE_SERIES] = 7;
    }
    make(MEASURE_SERIES, PHX_MEAN, 12, true);
    ck_assert_uint_eq(drops.valid, 1);
    ck_assert_uint_eq(drops.n[CELL_THIN][ARM_CANDIDATE], 1);
    ck_assert_uint_eq(drops.n[CELL_MISSING][ARM_CANDIDATE], 1);
    ck_assert_uint_eq(drops.possible, 3);
}
END_TEST

START_TEST(collector_that_does_not_answer_is_missing_not_zero)
{
    for (int i = 0; i < 8; i++) {
        both(i * LAB_S, MEASURE_SERIES, 9, 0);
        if (i >= 4) lab.values[lab.n - 1][MEASURE_UP] = 0;
    }
    make(MEASURE_SERIES, PHX_MEAN, 8, true);
    ck_assert_double_eq(cell(ARM_CANDIDATE, 0), 0);
    ck_assert(isnan(cell(ARM_CANDIDATE, 1)));
    ck_assert_uint_eq(drops.n[CELL_MISSING][ARM_CANDIDATE], 1);
}
END_TEST

START_TEST(host_that_never_reported_counts_as_missing)
{
    for (int i = 0; i < 4; i++) both(i * LAB_S, MEASURE_SERIES, 9, 9);
    struct analysis_input in = { .spec = &spec,
                                 .samples = lab.samples,
                                 .n_samples = lab.n,
                                 .from_ns = LAB_T0,
                                 .to_ns = LAB_T0 + 4 * LAB_S,
                                 .sample_interval_ns = LAB_S,
                                 .n_hosts = 3,
                                 .now_ns = LAB_T0 + 4 * LAB_S,
                                 .ended = true };
    struct err err = { 0 };
    ck_assert(cells__make(&in, &cells, &err) == 0);
    series__drops(&cells, &cells.series[0], &drops);
    ck_assert_uint_eq(drops.possible, 3);
    ck_assert_uint_eq(drops.n[CELL_MISSING][ARM_COUNT], 2);
}
END_TEST

START_TEST(repeated_samples_count_once_in_any_order)
{
    for (int i = 7; i >= 0; i--) both(i * LAB_S, MEASURE_SERIES, i < 4 ? 10 : 30, 5);
    for (int i = 0; i < 8; i++) both(i * LAB_S, MEASURE_SERIES, 999, 999);
    make(MEASURE_SERIES, PHX_MEAN, 8, true);
    ck_assert_double_eq(cell(ARM_BASELINE, 0), 10);
    ck_assert_double_eq(cell(ARM_BASELINE, 1), 30);
    ck_assert_double_eq(cell(ARM_CANDIDATE, 1), 5);
}
END_TEST

START_TEST(last_bucket_waits_for_late_samples_while_measuring)
{
    for (int i = 0; i < 12; i++) both(i * LAB_S, MEASURE_SERIES, 9, 9);
    make(MEASURE_SERIES, PHX_MEAN, 12, false);
    ck_assert_uint_eq(cells.grid.n, 2);
    make(MEASURE_SERIES, PHX_MEAN, 12, true);
    ck_assert_uint_eq(cells.grid.n, 3);
}
END_TEST

START_TEST(input_that_nobody_measured_is_named)
{
    for (int i = 0; i < 4; i++) both(i * LAB_S, MEASURE_SERIES, 9, 9);
    make(MEASURE_RSS, PHX_MEAN, 4, true);
    ck_assert_ptr_nonnull(strstr(cells.series[0].why, "rss_bytes"));
    ck_assert_uint_eq(drops.n[CELL_NO_VALUE][ARM_COUNT], 1);
}
END_TEST

static phx_status report_nan(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    (void)self;
    for (uint64_t i = 0; i < w->n; i++)
        if (isnan(w->in[0][i])) return PHX_E_INTERNAL; /* the host promises not to */
    return out->cell(out, 0, NAN, 1);
}

START_TEST(calculator_cannot_report_what_is_no_number)
{
    phx_kpi_ops ops = *lab_kpi(MEASURE_SERIES, PHX_MEAN, PHX_TOTAL);
    ops.cells = report_nan;
    kpi = (struct kpi_def){ .name = "bad", .ops = &ops };
    for (int i = 0; i < 4; i++) both(i * LAB_S, MEASURE_SERIES, 9, 9);
    struct analysis_input in = { .spec = &spec,
                                 .kpis = &kpi,
                                 .n_kpis = 1,
                                 .samples = lab.samples,
                                 .n_samples = lab.n,
                                 .from_ns = LAB_T0,
                                 .to_ns = LAB_T0 + 4 * LAB_S,
                                 .sample_interval_ns = LAB_S,
                                 .n_hosts = 1,
                                 .now_ns = LAB_T0,
                                 .ended = true };
    struct err err = { 0 };
    ck_assert(cells__make(&in, &cells, &err) == 0);
    ck_assert_ptr_nonnull(strstr(cells.series[0].why, "calculator failed"));
    ck_assert(isnan(cell(ARM_BASELINE, 0)));
}
END_TEST

START_TEST(too_many_cells_are_refused)
{
    struct analysis_input in = { .spec = &spec,
                                 .from_ns = LAB_T0,
                                 .to_ns = LAB_T0 + 1000000000 * LAB_S,
                                 .sample_interval_ns = LAB_S,
                                 .now_ns = LAB_T0,
                                 .ended = true };
    struct err err = { 0 };
    ck_assert_int_eq(cells__make(&in, &cells, &err), ERR_LIMIT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cells");
    TCase *c = tcase_create("cells");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, mean_of_a_gauge_is_weighted_by_time);
    tcase_add_test(c, increase_is_shared_between_buckets_by_time);
    tcase_add_test(c, counter_that_fell_started_again_from_zero);
    tcase_add_test(c, bucket_of_a_restart_is_dropped_and_counted);
    tcase_add_test(c, announced_restart_is_a_restart_although_no_counter_fell);
    tcase_add_test(c, thin_and_missing_buckets_are_counted_by_arm);
    tcase_add_test(c, collector_that_does_not_answer_is_missing_not_zero);
    tcase_add_test(c, host_that_never_reported_counts_as_missing);
    tcase_add_test(c, repeated_samples_count_once_in_any_order);
    tcase_add_test(c, last_bucket_waits_for_late_samples_while_measuring);
    tcase_add_test(c, input_that_nobody_measured_is_named);
    tcase_add_test(c, calculator_cannot_report_what_is_no_number);
    tcase_add_test(c, too_many_cells_are_refused);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
