/* SPDX-License-Identifier: Apache-2.0 */
/** @file lab.h
 * Made-up experiments for the tests of the analysis: a generator of noise, samples that grow, KPI
 * calculators that read one measure, and the shipped calculators from their shared objects.
 */
#ifndef PHOENIX_TESTS_EXPERIMENT_LAB_H
#define PHOENIX_TESTS_EXPERIMENT_LAB_H
#include <stdint.h>
#include "core/experiment/analysis.h"

#define LAB_T0 (INT64_C(1780000000) * 1000000000) /* a whole second, minute and hour after the epoch */
#define LAB_S INT64_C(1000000000)

/* ---- noise: xorshift64*, the same on every machine */
struct noise {
    uint64_t state;
};
double noise_uniform(struct noise *n); /* in (0, 1) */
double noise_normal(struct noise *n);
double noise_poisson(struct noise *n, double mean);

/* ---- samples */
struct lab {
    struct sample *samples;
    double (*values)[MEASURE_COUNT];
    size_t n, cap;
};
void lab_init(struct lab *l, size_t cap);
void lab_done(struct lab *l);
/** A sample whose measures are all "not measured"; the caller fills in what it has. */
double *lab_add(struct lab *l, const char *host, int arm, int64_t ts_ns);

/* ---- calculators */
/** Reads one measure by one reduction, divided by the seconds of the bucket when @p per_s. */
const phx_kpi_ops *lab_kpi(enum measure m, uint32_t reduce, uint32_t estimand);
/** kpi_NAME.so of this build; NULL: there is none. Lives as long as the program. */
const phx_component *lab_plugin(const char *name);
/** All shipped calculators but cost, as the API would have them. Returns how many. */
size_t lab_plugins(struct kpi_def *ret, size_t max);

/** A spec from JSON text; fails the test on a fault. */
struct analysis_spec lab_spec(const char *json, const struct spec_facts *facts);
/** Member by dotted path with numbers for positions: "kpis.0.theta". Borrowed. */
const struct json *lab_path(const struct json *j, const char *path);
double lab_real(const struct json *j, const char *path);
const char *lab_str(const struct json *j, const char *path);
#endif
