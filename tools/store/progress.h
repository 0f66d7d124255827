/* SPDX-License-Identifier: Apache-2.0 */
/** @file progress.h
 * How far a phase is, on stderr: a bar that is drawn again and again on a terminal, else a line now and
 * then.
 */
#ifndef PHOENIX_TOOLS_STORE_PROGRESS_H
#define PHOENIX_TOOLS_STORE_PROGRESS_H
#include <stdio.h>
#include "core/base/buf.h"

enum progress_kind { PROGRESS_NONE, PROGRESS_LINES, PROGRESS_BAR };
struct progress {
    enum progress_kind kind;
    FILE *out;
    const char *phase, *collection; /**< NULL: none */
    uint64_t done, total;           /**< rows of the phase; total 0: not known */
    uint64_t part_done, part_total; /**< of the collection */
    int64_t started_ns, drawn_ns;
};
/** A new phase. @p phase is a literal. */
void progress_begin(struct progress *p, const char *phase, uint64_t total);
/** The phase has come to this collection. */
void progress_part(struct progress *p, const char *collection, uint64_t total);
void progress_add(struct progress *p, uint64_t rows);
/** The phase is over: its last state stays. */
void progress_end(struct progress *p);
/** "copy    [#####---------------]  25 %  250 of 1000 rows, 100/s, 8s left; agent_logs 20 %" */
void progress_text(const struct progress *p, int64_t elapsed_ns, struct buf *out);
#endif
