/* SPDX-License-Identifier: Apache-2.0 */
/* How many series there are, to the one; which labels go together; what churn replaces and when. */
#include <math.h>
#include <stdio.h>
#include "plugins/otlpgen/series.h"
#include "tests/unit/otlpgen/fixture.h"

static struct got got;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Different identities among the points of `got`. */
static unsigned distinct(void)
{
    char **all = calloc(got.n, sizeof *all);
    unsigned n = 0;
    for (unsigned i = 0; i < got.n; i++) {
        char text[600];
        identity_of(&got.at[i], text, sizeof text);
        all[i] = strdup(text);
    }
    qsort(all, got.n, sizeof *all, by_text);
    for (unsigned i = 0; i < got.n; i++) n += !i || strcmp(all[i], all[i - 1]);
    for (unsigned i = 0; i < got.n; i++) free(all[i]);
    free(all);
    return n;
}

START_TEST(labels_that_span_multiply_and_the_others_add_none)
{
    struct plan p = plan_of("phases: [{duration: 1h, rate: 1000}]\n"
                            "metrics:\n"
                            "  - {name: a, type: gauge, labels: {pod: {count: 50, prefix: pod-},"
                            " route: [/a, /b, /c], zone: x, node: {count: 7, depends_on: pod},"
                            " tenant: {count: 1000, distribution: zipf, exponent: 1.2},"
                            " shade: {values: [red, blue], distribution: uniform}}}\n"
                            "  - {name: b, type: sum, labels: {pod: {count: 20}}}\n");
    ck_assert_uint_eq(p.metrics[0].series, 150);
    ck_assert_uint_eq(p.series, 170);
    points_of(&p, SEED, 60, 0, 170, &got);
    ck_assert_uint_eq(distinct(), 170);
    points_of(&p, SEED, 60, 85, 170 * 5, &got);
    ck_assert_uint_eq(distinct(), 170); /* later rounds are the same series */
    points_of(&p, SEED, 60, 0, 150, &got);
    for (unsigned i = 0; i < 150; i++)
        for (unsigned k = 0; k < i; k++)
            if (!strcmp(label_of(&got.at[i], "pod"), label_of(&got.at[k], "pod")))
                ck_assert_str_eq(label_of(&got.at[i], "node"), label_of(&got.at[k], "node"));
    plan_done(&p);
}
END_TEST

START_TEST(a_label_by_chance_has_the_distribution_that_was_asked_for)
{
    struct plan p = plan_of("phases: [{duration: 1h, rate: 1000}]\n"
                            "metrics:\n"
                            "  - {name: a, type: gauge, labels: {s: {count: 20000},"
                            " z: {count: 100, distribution: zipf},"
                            " u: {count: 10, distribution: uniform}}}\n");
    double zipf[100] = { 0 }, uniform[10] = { 0 }, harmonic = 0;
    for (uint64_t slot = 0; slot < 20000; slot++) {
        struct series s;
        series_at(&p.metrics[0], 7, slot, 1, &s);
        zipf[s.number[1]]++;
        uniform[s.number[2]]++;
    }
    for (unsigned k = 0; k < 100; k++) harmonic += 1.0 / (k + 1);
    for (unsigned k = 0; k < 100; k++) {
        double expected = 20000 / harmonic / (k + 1);
        ck_assert_msg(fabs(zipf[k] - expected) < 5 * sqrt(expected), "%u: %g, not %g", k, zipf[k], expected);
    }
    for (unsigned k = 0; k < 10; k++) ck_assert(fabs(uniform[k] - 2000) < 5 * sqrt(2000));
    plan_done(&p);
}
END_TEST

START_TEST(zipf_fits_other_exponents_and_sizes)
{
    static const double exponents[] = { 0.5, 0.999999999, 1, 1.5, 3 };
    for (unsigned i = 0; i < 5; i++) {
        struct zipf z = zipf_make(1000, exponents[i]);
        double n[1000] = { 0 }, all = 0;
        for (uint64_t k = 0; k < 100000; k++) {
            uint64_t state = k;
            n[zipf_draw(&z, random_next(&state))]++;
        }
        for (unsigned k = 0; k < 1000; k++) all += pow(k + 1, -exponents[i]);
        for (unsigned k = 0; k < 1000; k++) {
            double expected = 100000 * pow(k + 1, -exponents[i]) / all;
            NEED(fabs(n[k] - expected) < 6 * sqrt(expected) + 3);
        }
    }
    struct zipf one = zipf_make(1, 1), many = zipf_make(PLAN_COUNT_MAX, 0.1);
    ck_assert_uint_eq(zipf_draw(&one, 5), 0);
    ck_assert_uint_lt(zipf_draw(&many, 5), PLAN_COUNT_MAX);
}
END_TEST

static const char CHURNING[] = "phases: [{duration: 1h, rate: 1000}]\n"
                               "metrics:\n"
                               "  - {name: a, type: sum, churn: 600, per_second: 50, labels: {route: [x, y],"
                               " pod: {count: 50, prefix: p}, node: {count: 9, depends_on: pod}}}\n";

START_TEST(churn_replaces_as_many_series_as_it_says)
{
    struct plan p = plan_of(CHURNING); /* 100 series, 10 replaced a second, a round each 0.1 s */
    points_of(&p, SEED, 60, 0, 5000, &got);
    /* 5 s: 50 replaced, and the last of them has had no point yet */
    ck_assert_uint_eq(distinct(), 100 + 49);
    points_of(&p, SEED, 60, 0, 30000, &got);
    unsigned replaced = distinct() - 100;
    ck_assert_msg(replaced >= 298 && replaced <= 300, "%u replaced in 30 s", replaced);
    ck_assert_uint_eq(series_replaced(&p.metrics[0], 30), 300);
    plan_done(&p);
}
END_TEST

START_TEST(a_new_series_starts_at_its_birth_from_nothing)
{
    struct plan p = plan_of(CHURNING);
    enum { N = 40000 };
    points_of(&p, SEED, 60, 0, N, &got);
    unsigned born_later = 0;
    for (unsigned i = 0; i < N; i++) {
        const struct got_point *x = &got.at[i];
        double age = (double)(x->time - x->start) * 1e-9;
        NEED(x->time >= x->start);
        NEED(age <= 10.11); /* 100 series at 10 a second */
        NEED(x->number <= age * 50 * 1.5 && x->number >= floor(age * 50 * 0.5) - 1);
        born_later += x->start > (uint64_t)START_NS;
        if (i < 100) continue;
        const struct got_point *before = &got.at[i - 100]; /* the same slot */
        bool same = !strcmp(label_of(x, "pod"), label_of(before, "pod"));
        NEED(same == (x->start == before->start));
        if (same) NEED(x->number >= before->number);
        else NEED(x->start > before->time && x->number < before->number + 50);
    }
    ck_assert_uint_gt(born_later, N / 2);
    plan_done(&p);
}
END_TEST

START_TEST(no_series_starts_after_its_point)
{
    struct plan p = plan_of("phases: [{duration: 1h, rate: 1}]\n"
                            "metrics: [{name: a, type: sum, churn: 7, labels: {u: {count: 10}}}]\n");
    unsigned rounded = 0;
    for (unsigned i = 1; i < 10000; i++) {
        struct series s;
        double t = nextafter(i * 60.0 / 7, 0); /* just before the birth, but for rounding */
        series_at(&p.metrics[0], 1, (i - 1) % 10, t, &s);
        NEED(s.born_s <= t && s.age_s >= 0);
        rounded += series_replaced(&p.metrics[0], t) == i;
    }
    ck_assert_uint_gt(rounded, 0);
    plan_done(&p);
}
END_TEST

START_TEST(what_a_series_is_does_not_depend_on_the_others)
{
    struct plan p = plan_of("phases: [{duration: 1h, rate: 1}]\nmetrics: [{name: a, type: sum, labels:"
                            " {u: {count: 10000000}, v: {count: 100}}}]\n");
    ck_assert_uint_eq(p.series, 1000000000);
    struct series s;
    series_at(&p.metrics[0], 1, 987654321, 5, &s);
    ck_assert_uint_eq(s.number[0], 9876543);
    ck_assert_uint_eq(s.number[1], 21);
    plan_done(&p);
}
END_TEST

UNIT_MAIN("otlpgen/series", labels_that_span_multiply_and_the_others_add_none,
          a_label_by_chance_has_the_distribution_that_was_asked_for, zipf_fits_other_exponents_and_sizes,
          churn_replaces_as_many_series_as_it_says, a_new_series_starts_at_its_birth_from_nothing,
          no_series_starts_after_its_point,
          what_a_series_is_does_not_depend_on_the_others)
