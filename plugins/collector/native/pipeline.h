/* SPDX-License-Identifier: Apache-2.0 */
/** @file pipeline.h
 * The native pipeline: one definition for the plugin, which renders and checks it, and for
 * phoenix-collector, which runs it. native.md describes the document. Pure; libyaml only.
 */
#ifndef PHOENIX_NATIVE_PIPELINE_H
#define PHOENIX_NATIVE_PIPELINE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "plugins/collector/common/doc.h"

enum {
    PIPELINE_MAX_STEPS = 8,
    PIPELINE_MAX_CRITICAL = 256, /**< each is matched against every process that is new */
    PIPELINE_NAME_BYTES = 64     /**< with NUL */
};
enum step_kind { STEP_TOPK, STEP_ADAPTIVE };
/** A processor: says which processes go on. Members of the other kind are zero. */
struct step {
    enum step_kind kind;
    /* topk: the union of the k first by each rank */
    uint64_t k;
    bool by_cpu, by_memory;
    /* adaptive: above one of the thresholds, or an anomaly; 0 turns a rule off */
    double cpu_percent;    /**< of one CPU */
    double memory_mib;     /**< resident */
    uint64_t threads;
    double anomaly_factor; /**< CPU or memory above factor times the process's recent mean */
    double release;        /**< let go below release times the threshold ... */
    double hold_s;         /**< ... for so long */
};
struct pipeline {
    char name[PIPELINE_NAME_BYTES];
    uint64_t min_interval_ms; /**< a scrape within it gets the text of the one before */
    size_t n_steps, n_critical;
    struct step steps[PIPELINE_MAX_STEPS];
    char critical[PIPELINE_MAX_CRITICAL][PIPELINE_NAME_BYTES]; /**< globs on the executable's name */
};

/** Fill in defaults and check. False: the faults say what is wrong, @p ret is not to be used. */
bool pipeline_parse(struct pipeline *ret, const char *text, size_t n, struct doc_faults *faults);
/** Write every member in a fixed order: same pipeline, same bytes. malloc'd; NULL: out of memory. */
char *pipeline_write(const struct pipeline *p, size_t *ret_len);
#endif
