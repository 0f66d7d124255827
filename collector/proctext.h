/* SPDX-License-Identifier: Apache-2.0 */
/** @file proctext.h
 * What the files below /proc say. The text is hostile: names hold any byte, files end in the middle,
 * numbers overflow. A parser answers true only when all it promises was there; on false the output
 * is unspecified. Pure; nothing is allocated.
 */
#ifndef PHOENIX_COLLECTOR_PROCTEXT_H
#define PHOENIX_COLLECTOR_PROCTEXT_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"

enum { PROC_NAME_MAX = 63 }; /**< 15 for processes; kernel workers show more */

/** /proc/PID/stat. Times in clock ticks. */
struct proc_stat {
    char name[PROC_NAME_MAX + 1]; /**< raw bytes, cut at PROC_NAME_MAX */
    uint8_t name_len;
    char state;                   /**< 'R', 'S' ... */
    uint32_t threads;
    uint64_t minor_faults, major_faults, user, system, start, virtual_bytes, resident_pages;
    uint64_t wait; /**< for block devices; 0 if the kernel does not account for it */
};
bool proctext_stat(struct str text, struct proc_stat *ret);

/** /proc/PID/io: rchar and wchar, as OpenTelemetry's process.disk.io on Linux. */
struct proc_io {
    uint64_t read_bytes, write_bytes;
};
bool proctext_io(struct str text, struct proc_io *ret);

/** Order of the states of system.cpu.time: as in the line "cpu" of /proc/stat. */
enum {
    CPU_USER, CPU_NICE, CPU_SYSTEM, CPU_IDLE, CPU_WAIT, CPU_INTERRUPT, CPU_SOFTIRQ, CPU_STEAL,
    CPU_STATES
};
struct host_cpu {
    uint64_t ticks[CPU_STATES];
    uint64_t processes_created;
};
bool proctext_host_cpu(struct str text, struct host_cpu *ret);

/** /proc/meminfo, in bytes. */
struct host_memory {
    uint64_t total, free, available, buffered, cached, slab_reclaimable, slab_unreclaimable;
};
bool proctext_host_memory(struct str text, struct host_memory *ret);

/** Load averages of 1, 5 and 15 minutes, in hundredths. */
bool proctext_load(struct str text, uint64_t ret[3]);
/** Time since boot in hundredths of a second. */
bool proctext_uptime(struct str text, uint64_t *ret);
#endif
