/* SPDX-License-Identifier: Apache-2.0 */
/** @file samples_scan.h
 * A batch of samples, scanned without a tree: the bulk of what the API receives. Pure.
 */
#ifndef PHOENIX_API_SAMPLES_SCAN_H
#define PHOENIX_API_SAMPLES_SCAN_H
#include "core/base/json.h"
#include "core/base/schema.h"

enum { BATCH_MEASURES_MAX = 64, BATCH_SAMPLES_MAX = 5000 };
struct sample {
    struct str experiment_id, variant; /**< borrowed from the text; valid */
    int64_t ts;
    double value[BATCH_MEASURES_MAX];  /**< in the order of the batch's measures */
    bool has[BATCH_MEASURES_MAX];
};
struct samples_batch {
    struct str stream;
    int64_t seq;
    unsigned n_measures, n_unknown;
    int measure[BATCH_MEASURES_MAX];   /**< row of measures.def; -1: unknown, to be ignored */
    size_t n_samples;
    int64_t oldest_ts, newest_ts;      /**< of the samples; both 0: there is none */
};
typedef void sample_fn(void *arg, const struct samples_batch *batch, const struct sample *sample);
/**
 * Calls @p each for every sample, in order; also for those before a fault.
 * @errors INVAL (not JSON; @p err says where), INVALID (@p faults)
 */
int samples_scan(struct str text, sample_fn *each, void *arg, struct samples_batch *ret,
                 struct faults *faults, struct err *err) MUST_CHECK;
#endif
