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
    PIPELINE_MAX_GLOBS = 256, /**< each is matched against every process that is new */
    PIPELINE_NAME_BYTES = 64  /**< with NUL */
};
/** Names or patterns with '*' and '?', matched against the executable's name. */
struct globs {
    size_t n;
    char at[PIPELINE_MAX_GLOBS][PIPELINE_NAME_BYTES];
};
/** Classes of processes, the first one best. */
enum priority_class { CLASS_CRITICAL, CLASS_HIGH, CLASS_MEDIUM, CLASS_LOW, N_CLASSES };
/** The first kinds choose processes; from STEP_AGGREGATE on they say what becomes of the others. */
enum step_kind {
    STEP_TOPK, STEP_ADAPTIVE, STEP_HYBRID, STEP_PRIORITY, STEP_SAMPLE, STEP_AGGREGATE, STEP_ROLLUP,
    N_STEP_KINDS
};
/** A processor. Members of other kinds are zero. */
struct step {
    enum step_kind kind;
    /* topk, hybrid: the union of the k first by each rank */
    uint64_t k;
    bool by_cpu, by_memory;
    /* adaptive, hybrid: above one of the thresholds, or an anomaly; 0 turns a rule off */
    double cpu_percent;    /**< of one CPU */
    double memory_mib;     /**< resident; priority: what class medium needs, too */
    uint64_t threads;
    double anomaly_factor; /**< CPU or memory above factor times the process's recent mean */
    double release;        /**< let go below release times the threshold ... */
    double hold_s;         /**< ... for so long */
    /* priority: this class and those above it; the globs are the pipeline's */
    enum priority_class keep;
    /* sample: of 100 processes */
    uint64_t percent;
};
struct pipeline {
    char name[PIPELINE_NAME_BYTES];
    uint64_t min_interval_ms; /**< a scrape within it gets the text of the one before */
    size_t n_steps;
    struct step steps[PIPELINE_MAX_STEPS]; /**< each kind at most once */
    struct globs critical;     /**< no step drops these or merges them with others */
    struct globs high, medium; /**< of the step priority; a process belongs to the best class */
};

/** Fill in defaults and check. False: the faults say what is wrong, @p ret is not to be used. */
bool pipeline_parse(struct pipeline *ret, const char *text, size_t n, struct doc_faults *faults);
/** Write every member in a fixed order: same pipeline, same bytes. malloc'd; NULL: out of memory. */
char *pipeline_write(const struct pipeline *p, size_t *ret_len);
#endif
