/* SPDX-License-Identifier: Apache-2.0 */
/** @file plan.h
 * What a load shall be: rates over time, and metrics whose labels say how many series there are. Made by
 * describe.h from text, read by everything else. All of it is limited, and nothing of it grows with the
 * number of series.
 */
#ifndef PHOENIX_OTLPGEN_PLAN_H
#define PHOENIX_OTLPGEN_PLAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "plugins/otlpgen/zipf.h"

enum {
    PLAN_TEXT_BYTES = 64 << 10, /* of a description */
    PLAN_PHASES = 64,
    PLAN_METRICS = 64,
    PLAN_LABELS = 16,    /* of a metric, and of the resource */
    PLAN_VALUES = 256,   /* listed by a label */
    PLAN_BOUNDS = 64,    /* of a histogram */
    PLAN_NAME_BYTES = 128, /* of a name, a label's key, a value, a prefix */
};
#define PLAN_COUNT_MAX UINT64_C(10000000)    /* generated values of a label */
#define PLAN_SERIES_MAX UINT64_C(1000000000) /* of all metrics */
#define PLAN_RATE_MAX 5e6                    /* points a second */

/** A stretch of time: the rate goes in a straight line. */
struct plan_phase {
    double seconds, from, to; /**< points a second */
};
enum label_role {
    LABEL_SPANS,  /**< each value meets each value of the others: the counts multiply */
    LABEL_DRAWN,  /**< a series has one of the values by chance: adds no series */
    LABEL_DEPENDS /**< follows from the value of another label: adds no series */
};
struct plan_label {
    char *key;
    char **values;  /**< `count` of them; NULL: `prefix` and a number */
    char *prefix;
    uint64_t count;
    unsigned digits; /**< of that number, with zeros in front */
    enum label_role role;
    unsigned of;      /**< LABEL_DEPENDS: an earlier label of the metric */
    struct zipf zipf; /**< of what is by chance; zipf.n is 0: all values alike */
};
enum metric_kind { METRIC_GAUGE, METRIC_SUM, METRIC_HISTOGRAM };
struct plan_metric {
    char *name, *unit;
    enum metric_kind kind;
    unsigned n_labels, n_bounds;
    struct plan_label labels[PLAN_LABELS];
    double bounds[PLAN_BOUNDS];
    double weights[PLAN_BOUNDS + 1]; /**< share of each bucket; they sum to 1 */
    double least, most;              /**< of a gauge */
    double per_second;               /**< mean growth of a sum, or observations of a histogram */
    double churn;                    /**< series replaced a minute */
    int churned;                     /**< the label whose values are new then; -1: no churn */
    uint64_t series;                 /**< at any time */
};
struct plan {
    unsigned n_phases, n_metrics, n_resource;
    bool repeats; /**< after the last phase the first comes again; else nothing */
    struct plan_phase phases[PLAN_PHASES];
    struct plan_metric *metrics; /**< PLAN_METRICS of them */
    char *resource[PLAN_LABELS][2]; /**< key, value */
    uint64_t series;
};
void plan_done(struct plan *p); /**< frees what it holds */
#endif
