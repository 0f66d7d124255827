/* SPDX-License-Identifier: Apache-2.0 */
/** @file spec.h
 * What an experiment is to do: its `config` document, decoded. Pure.
 */
#ifndef PHOENIX_EXPERIMENT_SPEC_H
#define PHOENIX_EXPERIMENT_SPEC_H
#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/schema.h"

enum arm { ARM_BASELINE, ARM_CANDIDATE, ARM_COUNT };
/** "baseline", "candidate". */
const char *arm_name(enum arm arm);
/** False: no such arm. */
bool arm_parse(const char *name, enum arm *ret);

/** A template or a load profile by name, with parameters that are checked where they are used. */
struct spec_ref {
    const char *name;           /**< NULL: none */
    const struct json *params;  /**< NULL: none */
};
/** Borrowed from the document and the arena. Durations in ns. */
struct spec {
    const char **hosts;
    size_t n_hosts;
    size_t min_hosts;           /**< fewer than these: the experiment has failed */
    const char *collector;      /**< backend */
    struct spec_ref template[ARM_COUNT];
    struct spec_ref load;
    const struct json *critical; /**< array of names or globs; NULL: none */
    const struct json *analysis; /**< see analysis.h; NULL: defaults */
    bool keeps_nothing;         /**< rolling back leaves nothing, not the baseline */
    int64_t duration_ns, warmup_ns, deploy_timeout_ns, hold_ns, host_lost_ns, sample_interval_ns;
};
/**
 * Decode a `config` that has passed its schema, and check what a field table cannot say (hosts
 * twice, a warm-up longer than the run ...). Faults are added with pointers below @p at ("/config").
 * @return true if there is no fault.
 */
bool spec_decode(const struct json *config, const char *at, struct arena *arena, struct spec *ret,
                 struct faults *faults);
#endif
