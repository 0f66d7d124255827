/* SPDX-License-Identifier: Apache-2.0 */
/** @file select.h
 * The pipeline's processors: which processes go into the exposition. Works on what /proc/PID/stat
 * said, so that the details of dropped processes need not be read. Pure but for the table's marks;
 * time is an argument; nothing is allocated.
 */
#ifndef PHOENIX_COLLECTOR_SELECT_H
#define PHOENIX_COLLECTOR_SELECT_H
#include "collector/table.h"
#include "plugins/collector/native/pipeline.h"

/** Does the pipeline's critical list name it? */
bool select_is_critical(const struct pipeline *p, const struct proc_stat *stat);
/** Set `kept` of every process of the table. */
void select_run(const struct pipeline *p, struct table *t, int64_t now_ns);
#endif
