/* SPDX-License-Identifier: Apache-2.0 */
/** @file collect.h
 * One scan of the host and its exposition. The path of a scrape:
 * collect_text -> scan (procfs, proctext, table) -> select_run -> details of what is exported -> sums
 * -> expose_*.
 * Once the table and the text have their size, a scan allocates nothing. One thread.
 */
#ifndef PHOENIX_COLLECTOR_COLLECT_H
#define PHOENIX_COLLECTOR_COLLECT_H
#include "collector/procfs.h"
#include "collector/select.h"
#include "collector/sums.h"
#include "collector/table.h"
#include "core/base/buf.h"

enum { COLLECT_TEXT_BYTES = 256 << 20 }; /**< TABLE_MAX processes need about 170 MB */

/** Host totals; a part that could not be read is left out of the exposition. */
struct host {
    bool has_cpu, has_memory, has_load, has_uptime;
    struct host_cpu cpu;
    struct host_memory memory;
    uint64_t load[3];  /**< hundredths */
    uint64_t uptime;   /**< hundredths of a second */
    uint32_t states[26]; /**< processes by the letter of their state, from 'A', case ignored */
};
/** The collector's own metrics; `_total` ones count from its start. */
struct totals {
    uint64_t scans, points_in, points, bytes, unreadable, skipped;
    uint64_t series, processes, kept, critical_seen; /**< of the last scan */
    int64_t took_ns;
};
struct collector {
    struct procfs fs;
    struct table table;
    struct sums sums;
    struct host host;
    struct pipeline pipeline;
    struct totals totals;
    struct buf text;
    int64_t scanned_ns;  /**< monotonic; 0: never */
    int64_t started_wall_ns;
    uint64_t hz;         /**< clock ticks a second */
    uint64_t page_bytes;
    double cpus;
    char host_name[65];  /**< "" if the kernel does not say */
};
/** @p root is "/proc" or a tree like it. Errors: IO. The object is large: allocate it. */
int collect_init(struct collector *c, const char *root, struct err *err) MUST_CHECK;
void collect_done(struct collector *c);
/** The exposition at @p now_ns (monotonic): a new scan, or the text of the last one if that is younger
 *  than the pipeline's min_interval. Borrowed until the next call; { NULL, 0 } when it passed
 *  COLLECT_TEXT_BYTES. */
struct str collect_text(struct collector *c, int64_t now_ns);
#endif
