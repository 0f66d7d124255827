/* SPDX-License-Identifier: Apache-2.0 */
/** @file select.h
 * The pipeline's processors: which processes go into the exposition, by themselves or in a sum with
 * others. Works on what /proc/PID/stat said, so that the details of dropped processes need not be read.
 * Pure but for the table's marks; time is an argument; nothing is allocated.
 */
#ifndef PHOENIX_COLLECTOR_SELECT_H
#define PHOENIX_COLLECTOR_SELECT_H
#include "collector/table.h"
#include "core/base/str.h"

/** What follows from the name of a process: its class, and its lot in a sample by "HOST|NAME|PID".
 *  To be called when it is new and when its name changed. */
void select_name(const struct pipeline *p, struct str host, struct proc *proc);
/** Set `kept` and `merged` of every process of the table; neither: it is dropped. */
void select_run(const struct pipeline *p, struct table *t, int64_t now_ns);
#endif
