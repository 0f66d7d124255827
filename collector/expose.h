/* SPDX-License-Identifier: Apache-2.0 */
/** @file expose.h
 * The Prometheus text format (version 0.0.4). Names and labels are OpenTelemetry's, translated by its
 * rules: dots to underscores, the unit behind the name, `_total` behind counters. doc/rooms/collector.md
 * lists them. Numbers are written as integers and fixed point: no floating-point formatting.
 */
#ifndef PHOENIX_COLLECTOR_EXPOSE_H
#define PHOENIX_COLLECTOR_EXPOSE_H
#include "collector/collect.h"

/** The labels of a process, escaped; bytes that are not UTF-8 become U+FFFD. Returns the length, at
 *  most LABELS_MAX; no NUL. */
size_t expose_labels(char out[LABELS_MAX], uint32_t pid, struct str name);
size_t expose_name(char out[LABELS_MAX], struct str name); /**< only the name: of a sum */
/** How many series expose_pipeline() writes for a process that is kept, and for the host. */
uint64_t expose_process_points(const struct proc *p);
uint64_t expose_host_points(const struct collector *c);
/** Host totals, the kept processes, the sums. */
void expose_pipeline(const struct collector *c, struct buf *out);
/** The collector's own metrics; no series of the pipeline. */
void expose_own(const struct collector *c, struct buf *out);
#endif
