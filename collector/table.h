/* SPDX-License-Identifier: Apache-2.0 */
/** @file table.h
 * The processes of the host as the last scan saw them, and a little of their past. Open addressing by
 * pid; a pid with another start time is another process. Mark and sweep: what a scan did not touch is
 * gone. Memory grows with the number of processes and is then reused. One thread.
 */
#ifndef PHOENIX_COLLECTOR_TABLE_H
#define PHOENIX_COLLECTOR_TABLE_H
#include <stdbool.h>
#include <stdint.h>
#include "collector/proctext.h"
#include "plugins/collector/native/pipeline.h"

enum {
    TABLE_MAX = 100000, /**< processes; more are counted as skipped */
    LABELS_MAX = 256    /**< process_pid="4194304",process_executable_name="63 bytes, each up to 3" */
};

/** What a process used since it started; these only grow. Times in clock ticks. */
struct used {
    uint64_t user, system, wait, minor_faults, major_faults, read_bytes, write_bytes;
};
/** Where a process goes that is exported, but not by itself. */
enum merged { MERGED_NOT, MERGED_BY_NAME, MERGED_REST };

struct proc {
    uint32_t pid;
    uint32_t scan;            /**< number of the scan that saw it last */
    struct proc_stat stat;
    struct proc_io io;
    int64_t fds;
    bool tried_detail;        /**< io and fds were asked for once: we know what may be read */
    bool has_io, has_fds;
    enum priority_class class; /**< by its name */
    uint32_t draw;            /**< its lot in a sample, 0 to 99; the same for its whole life */
    bool kept;                /**< has series of its own */
    enum merged merged, was_merged; /**< in a sum with others: of this scan, of the one before */
    bool was_chosen;          /**< the last scan did not drop it nor put it to the rest */
    bool chosen;              /**< for the step that runs */
    struct used counted;      /**< what sums have taken of it so far */
    uint32_t scans;           /**< that saw it */
    int64_t seen_ns;          /**< time of the last one, monotonic */
    /* rates in CPUs (1 is one CPU busy), over the last interval; before the second scan: over its life */
    double cpu, cpu_user, cpu_system;
    double cpu_mean, cpu_past; /**< recent mean, and what it was before this scan */
    double rss_mean, rss_past; /**< the same for resident memory, bytes */
    uint64_t cpu_ticks;       /**< used in the last interval */
    uint64_t rss;             /**< bytes */
    int64_t quiet_ns;         /**< adaptive: kept until then although below; 0: not held */
    uint16_t labels_len;
    char labels[LABELS_MAX];  /**< as in the exposition, without braces */
};

struct table {
    struct proc *procs;
    uint32_t *slots;          /**< index into procs + 1; 0: empty */
    uint32_t *scratch;        /**< room for n indexes, for who ranks */
    uint32_t n, cap, slot_mask;
    uint32_t scan;
};
void table_done(struct table *t);
/** A scan begins: nothing has been seen yet. */
void table_begin(struct table *t);
/** The process of that pid and start time, marked as seen. *ret_new: its past is zero. NULL: full. */
struct proc *table_touch(struct table *t, uint32_t pid, uint64_t start, bool *ret_new);
/** The scan is over: forget what it did not see. The order of those that stay does not change. */
void table_sweep(struct table *t);
#endif
