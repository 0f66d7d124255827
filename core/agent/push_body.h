/* SPDX-License-Identifier: Apache-2.0 */
/** @file push_body.h
 * What goes to a Pushgateway: the path of a group, and the body of a push. Pure.
 *
 * A Pushgateway refuses a whole push for one line that it does not understand, and one push for a TYPE
 * that another group gave the same name. So a series goes out as nothing but name, labels and value, in the
 * narrowest grammar, and without TYPE; whatever one arm exposes, the other's push is not refused for it.
 */
#ifndef PHOENIX_AGENT_PUSH_BODY_H
#define PHOENIX_AGENT_PUSH_BODY_H
#include <stdint.h>
#include "core/base/buf.h"

/** Labels of the group: a body cannot have them, a Pushgateway would overwrite them. */
#define PUSH_JOB "phoenix"

/** "/metrics/job/phoenix/experiment/…": values that a path cannot carry go as base64. */
void push_path(const char *experiment, const char *variant, const char *instance, struct buf *out);

/**
 * The series of an exposition. Left out: comments, timestamps, the collector's own metrics (expo_is_own()),
 * and, counted in the answer, what is no valid sample line or takes a name that is ours. The labels job,
 * experiment, variant and instance become exported_job and so on, as Prometheus does it. @p out fails when
 * its limit is too small.
 */
size_t push_series(struct str exposition, struct buf *out);

/** What the agent adds: `values` has MEASURE_COUNT, NAN: not measured. */
struct push_facts {
    const double *values;
    int64_t tick_ns;       /**< wall */
    size_t left_out;       /**< as push_series() answered */
    uint64_t failed_total; /**< pushes of this group that did not arrive */
};
/** phoenix_arm_MEASURE for each, phoenix_arm_tick_seconds, phoenix_push_…; with TYPE: the names are ours. */
void push_facts(const struct push_facts *facts, struct buf *out);
#endif
