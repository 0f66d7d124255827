/* SPDX-License-Identifier: Apache-2.0 */
/** @file census.h
 * Censuses of many hosts put together: what the series of each arm are made of. Pure; any thread.
 *
 * A census is a document of type census of types.def; core/agent/census.h says what it counts. Series of
 * different hosts are different, so their numbers add up; different values of a label over hosts are the
 * union of what each host saw, so sketches are merged. A host tells its largest metrics, labels and values
 * only, and of those it does not tell how large they are at most ("rest"): so each sum is known to lie
 * between two numbers, and is exact when they are the same.
 *
 * Memory is bounded whatever the number of hosts; names beyond the bounds count as not told.
 */
#ifndef PHOENIX_EXPERIMENT_CENSUS_H
#define PHOENIX_EXPERIMENT_CENSUS_H
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/experiment/spec.h"
#include "phoenix/plugin.h"

/** Rules that types.def cannot say, of a document that has passed its schema: the arm is one, sketches can be
 *  read. Faults are added with pointers below @p at. */
bool census_check(const struct json *census, const char *at, struct faults *faults) MUST_CHECK;
struct census_sum;
struct census_sum *census_sum_new(void);
void census_sum_free(struct census_sum *s); /**< NULL allowed */
/** Add the census of one host and arm, which has passed its schema and census_check(). */
void census_sum_add(struct census_sum *s, enum arm arm, const struct json *census);
/** Members of an open object: measured_from, measured_to. */
void census_sum_times(const struct census_sum *s, struct jw *w);

struct census_view {
    bool has_arm[ARM_COUNT]; /**< the other is null in the answer */
    unsigned limit;          /**< metrics, and labels */
    const char *metric;      /**< only this one; NULL: all */
};
/** Members of an open object: series, metric_names, metrics, labels. */
void census_write_series(const struct census_sum *s, const struct census_view *view, struct jw *w);

/** Who knows what things cost: the KPI "cost". */
struct census_pricer {
    const phx_kpi_ops *ops;
    phx_self *self;
};
/** Bits of the flows that cost something by these prices; a flow that costs nothing need not be known. */
unsigned census_flows_priced(const struct census_pricer *pricer);
/** Does the census tell all of these flows? */
bool census_has_flows(const struct json *census, unsigned flows);
/** Members of an open object: per_month, per_minute, collector, other_metrics, metrics. All censuses that
 *  were added have the flows that are priced.
 *  @errors CONFIG (there are no prices), UNSUPPORTED, or what the calculator answers: nothing was written */
int census_write_cost(const struct census_sum *s, const struct census_pricer *pricer, unsigned limit,
                      struct jw *w, struct err *err) MUST_CHECK;
#endif
