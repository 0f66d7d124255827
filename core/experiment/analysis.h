/* SPDX-License-Identifier: Apache-2.0 */
/** @file analysis.h
 * From samples to a verdict. Pure: no clock, no randomness, no globals; the same input gives the same
 * bytes. Any thread, so a big analysis may run on a lane.
 *
 *     samples --cells.c--> cells --KPI plugin--> values --infer.c--> intervals --verdict.c--> decision
 *
 * doc/statistics.md says what each number means.
 */
#ifndef PHOENIX_EXPERIMENT_ANALYSIS_H
#define PHOENIX_EXPERIMENT_ANALYSIS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/measures.h"
#include "core/base/schema.h"
#include "core/experiment/spec.h"
#include "phoenix/plugin.h"

#define ANALYSIS_ENGINE "phoenix-analysis/1" /**< stands in each result; changes when figures may */
#define ANALYSIS_CRITERIA_MAX 32             /**< success criteria and guardrails together */

/* ------------------------------------------------------------------------------------ spec */
enum scope { SCOPE_SAMPLE, SCOPE_FLEET };
/** What a result may be said to hold for, weakest first. */
enum evidence { EVIDENCE_WITHIN_HOST, EVIDENCE_SMALL_FLEET, EVIDENCE_FLEET, EVIDENCE_CENSUS };
enum rule {
    RULE_REDUCTION_AT_LEAST, /**< success: 1 - ratio >= value */
    RULE_RATIO_AT_MOST,      /**< ratio <= value, or C - B <= or_diff where that is set */
    RULE_AT_LEAST,           /**< the quantity itself (event, diff), with inference */
    RULE_AT_MOST,
    RULE_NEVER_BELOW,        /**< plain limit on the candidate's cells, no inference */
    RULE_NEVER_ABOVE
};
struct criterion {
    char kpi[64];
    enum rule rule;
    double value;
    double or_diff; /**< NAN: none */
    bool guardrail;
};
struct analysis_spec {
    double alpha, alpha_stop; /**< one-sided risks: wrong promote, wrong statistical stop */
    enum scope scope;
    int64_t fleet_size;       /**< hosts of the target fleet; 0: unknown, taken as endless */
    int64_t bucket_ns, min_duration_ns, max_duration_ns;
    int64_t min_batches;
    enum evidence min_evidence;
    double min_coverage;      /**< share of pairs that must be valid */
    bool early_stop;          /**< a certain verdict ends the measuring before its time */
    unsigned n_criteria;      /**< success criteria first */
    struct criterion criteria[ANALYSIS_CRITERIA_MAX];
};
/** What the spec is checked against. */
struct spec_facts {
    const char *pointer;              /**< where the section stands: "/config/analysis" */
    const struct kpi_def *kpis;       /**< those that are loaded */
    size_t n_kpis;
    int64_t sample_interval_ns;
    int64_t duration_ns;              /**< planned measuring time, without warm-up; 0: unknown */
    size_t n_hosts;
    size_t n_critical;                /**< names of the critical list; 0: no list */
};
/** Shape of the section, for the API's documents. */
extern const struct schema analysis_schema;
/**
 * Check the `analysis` section of an experiment and fill in what it leaves out. @p doc NULL: all
 * defaults. False: @p faults says what is wrong, with pointers; *ret is not written.
 */
bool analysis_spec_parse(const struct json *doc, const struct spec_facts *facts,
                         struct analysis_spec *ret, struct faults *faults) MUST_CHECK;
/** The whole spec as JSON, defaults included: what the experiment stores. Caller frees. */
struct json *analysis_spec_json(const struct analysis_spec *spec);

/* -------------------------------------------------------------------------------- analysis */
/** A KPI calculator and its configured instance. Borrowed. */
struct kpi_def {
    const char *name;
    const phx_kpi_ops *ops;
    phx_self *self;           /**< NULL for calculators without state */
    const struct json *about; /**< goes into the result as "config": which price table, its hash */
};
/** One tick of one arm on one host. */
struct sample {
    const char *host_id;
    int arm;         /**< enum arm */
    int64_t ts_ns;   /**< wall clock of the agent; both arms of a tick carry the same */
    const double *v; /**< MEASURE_COUNT values, NAN: not measured */
};
struct analysis_input {
    const char *experiment_id;
    const struct analysis_spec *spec;
    const struct kpi_def *kpis;
    size_t n_kpis;
    const struct sample *samples; /**< any order; a repeated (host, arm, ts) counts once */
    size_t n_samples;
    int64_t from_ns, to_ns;       /**< what counts: after warm-up, up to now or the end */
    int64_t sample_interval_ns;   /**< as agents were told */
    size_t n_hosts;               /**< hosts that the experiment runs on */
    int64_t now_ns;
    bool ended;                   /**< measuring is over: keep_running becomes inconclusive */
};
enum decision {
    DECISION_KEEP_RUNNING,
    DECISION_PROMOTE,
    DECISION_REJECT,
    DECISION_INCONCLUSIVE, /**< an honest end: the result says what was reached */
    DECISION_INVALID       /**< the data cannot carry a verdict */
};
/** What the scheduler acts on; the result document says the same and more. */
struct verdict {
    enum decision decision;
    bool certain;      /**< promote or reject that more data will not flip, and spec.early_stop */
    bool breached;     /**< a guardrail is breached: roll back */
    char evidence[64]; /**< "fleet, partial-cycle" */
    char text[256];    /**< one sentence */
};
const char *decision_name(enum decision d); /**< "keep_running" */

/**
 * Everything at once. @p ret_result is what GET /experiments/{id}/kpis answers; caller frees.
 *
 * A KPI without data or whose plugin fails is `unknown` in the result, with the reason: that is no
 * error of this function.
 * @errors INVAL (no spec, span or interval), LIMIT (more cells than LIMIT_ANALYSIS_CELLS)
 */
int analysis_run(const struct analysis_input *in, struct json **ret_result, struct verdict *ret_verdict,
                 struct err *err) MUST_CHECK;
#endif
