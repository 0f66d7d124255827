/* SPDX-License-Identifier: Apache-2.0 */
/* Does "5 %" mean 5 %? Many made-up A/A runs, each looked at again and again; how many ever claim an
 * effect. Seeded, so it passes or fails for good; a few seconds. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "core/base/mem.h"
#include "core/experiment/analysis_priv.h"
#include "phoenix/stat.h"
#include "tests/unit/experiment/lab.h"

/* Independent values, a look at each from the fifth on. */
START_TEST(confidence_sequence_holds_at_every_look)
{
    int runs = 2000, wrong = 0;
    struct noise z = { 20261124 };
    for (int r = 0; r < runs; r++) {
        phx_moments m = { 0, 0, 0 };
        bool claimed = false;
        for (int n = 1; n <= 300; n++) {
            phx_moments_add(&m, noise_normal(&z));
            if (n >= 5 && fabs(m.mean) > phx_tmix_half(n, sqrt(phx_moments_var(&m)), 1, 0.05)) claimed = true;
        }
        wrong += claimed;
    }
    ck_assert_msg(wrong <= (0.05 + 3 * sqrt(0.05 * 0.95 / runs)) * runs, "%d of %d", wrong, runs);
    ck_assert_int_gt(wrong, 0); /* not by being endless */
}
END_TEST

/* Noise with a memory, through the whole of infer.c: batches, their length, the rule of the range. */
static int false_alarms(double phi, int runs, int buckets, size_t step, uint64_t seed)
{
    struct noise z = { seed };
    struct band_facts f = { .scope = SCOPE_SAMPLE, .min_batches = 10 };
    double *b = mem_calloc((size_t)buckets, sizeof *b), *c = mem_calloc((size_t)buckets, sizeof *c);
    const char *host = "a";
    int wrong = 0;
    for (int r = 0; r < runs; r++) {
        double x = noise_normal(&z) / sqrt(1 - phi * phi);
        for (int i = 0; i < buckets; i++) {
            b[i] = 100;
            c[i] = 100 * exp(0.05 * x);
            x = phi * x + noise_normal(&z);
        }
        bool claimed = false;
        for (size_t n = 40; n <= (size_t)buckets && !claimed; n += step) {
            struct cells cells = { .index = { .hosts = &host }, .grid = { .n = n }, .n_hosts = 1 };
            struct series s = { .value = { b, c } };
            struct effect e;
            effect__compute(&cells, &s, PHX_LOG_RATIO, f.min_batches, &e);
            struct band band = effect__band(&e, &f, 0.025);
            claimed = fabs(e.theta) > fmin(band.below, band.above);
        }
        wrong += claimed;
    }
    free(b);
    free(c);
    return wrong;
}

static const double memories[] = { 0, 0.5, 0.8, 0.9, 0.97 };

START_TEST(noise_with_a_memory_raises_no_false_alarms)
{
    int runs = 400, wrong = false_alarms(memories[_i], runs, 480, 16, 4242);
    ck_assert_msg(wrong <= (0.05 + 3 * sqrt(0.05 * 0.95 / runs)) * runs, "phi %.2f: %d of %d", memories[_i],
                  wrong, runs);
}
END_TEST

/* A fleet of five hosts that differ: the interval over "hosts like these" holds. */
START_TEST(fleet_interval_covers_hosts_that_were_not_watched)
{
    enum { HOSTS = 5, BUCKETS = 80, RUNS = 300 };
    struct noise z = { 777 };
    struct band_facts f = { .scope = SCOPE_FLEET, .min_batches = 10 };
    static double b[HOSTS * BUCKETS], c[HOSTS * BUCKETS];
    const char *hosts[HOSTS] = { "a", "b", "c", "d", "e" };
    int wrong = 0;
    for (int r = 0; r < RUNS; r++) {
        for (int h = 0; h < HOSTS; h++) {
            double own = 0.1 * noise_normal(&z);
            for (int i = 0; i < BUCKETS; i++) {
                b[h * BUCKETS + i] = 50 + 10 * h;
                c[h * BUCKETS + i] = b[h * BUCKETS + i] * exp(own + 0.1 * noise_normal(&z));
            }
        }
        struct cells cells = { .index = { .hosts = hosts }, .grid = { .n = BUCKETS }, .n_hosts = HOSTS };
        struct series s = { .value = { b, c } };
        struct effect e;
        effect__compute(&cells, &s, PHX_LOG_RATIO, f.min_batches, &e);
        struct band band = effect__band(&e, &f, 0.025);
        wrong += fabs(e.theta) > fmin(band.below, band.above);
    }
    ck_assert_msg(wrong <= (0.05 + 3 * sqrt(0.05 * 0.95 / RUNS)) * RUNS, "%d of %d", wrong, RUNS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("calibration");
    TCase *c = tcase_create("calibration");
    tcase_set_timeout(c, 120);
    tcase_add_test(c, confidence_sequence_holds_at_every_look);
    tcase_add_loop_test(c, noise_with_a_memory_raises_no_false_alarms, 0, 5);
    tcase_add_test(c, fleet_interval_covers_hosts_that_were_not_watched);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
