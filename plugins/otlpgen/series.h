/* SPDX-License-Identifier: Apache-2.0 */
/** @file series.h
 * Which labels and values a series has. All is a function of (plan, seed, slot, time): nothing is kept
 * for a series, so a million of them take no memory. A slot is a place for a series: with churn one
 * series after the other has it. Counters begin at 0 when their series is born, and only grow. Pure.
 */
#ifndef PHOENIX_OTLPGEN_SERIES_H
#define PHOENIX_OTLPGEN_SERIES_H
#include "plugins/otlpgen/plan.h"

struct series {
    uint64_t slot, generation;
    double born_s, age_s;
    double pace;                  /**< its own share of the metric's growth, 0.5 to 1.5 */
    double phase;                 /**< where in its curve it begins, 0 to 1 */
    uint64_t number[PLAN_LABELS]; /**< of each label: which of its values */
};
/** The series of @p slot (below m->series) at @p t_s. @p salt: seed and metric. */
void series_at(const struct plan_metric *m, uint64_t salt, uint64_t slot, double t_s, struct series *ret);
/** How many series of the metric have been replaced until then. */
uint64_t series_replaced(const struct plan_metric *m, double t_s);
double series_gauge(const struct plan_metric *m, const struct series *s, double t_s);
uint64_t series_sum(const struct plan_metric *m, const struct series *s);
/** @p ret_buckets has m->n_bounds + 1 elements, which add up to the result. *ret_sum fits them. */
uint64_t series_histogram(const struct plan_metric *m, const struct series *s, uint64_t *ret_buckets,
                          double *ret_sum);
#endif
