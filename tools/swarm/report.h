/* SPDX-License-Identifier: Apache-2.0 */
/** @file report.h
 * The figures of a run: for conditions, as a table, as JSON. One list feeds all three.
 */
#ifndef PHOENIX_SWARM_REPORT_H
#define PHOENIX_SWARM_REPORT_H
#include <stdio.h>
#include "core/base/buf.h"
#include "tools/swarm/expect.h"
#include "tools/swarm/run.h"

void figures_make(struct figures *f, const struct options *o, const struct run *r);
void figures_done(struct figures *f);
void report_table(const struct figures *f, const struct options *o, FILE *to);
/** {"urls": [...], "agents": 100, "dispatch": {"count": 1, "p50_ms": 1.5, ...}, ...}; times in
 *  milliseconds, names as figures have them, null for what is not known. */
void report_json(const struct figures *f, const struct options *o, struct buf *out);
#endif
