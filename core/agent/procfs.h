/* SPDX-License-Identifier: Apache-2.0 */
/** @file procfs.h
 * What the agent reads of /proc itself: its collectors and the host as a whole.
 */
#ifndef PHOENIX_AGENT_PROCFS_H
#define PHOENIX_AGENT_PROCFS_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_usage {
    double cpu_s; /**< user and system time of all its threads, without children; ns resolution */
    double rss_bytes;
};
/** False if the process is gone. */
bool process_usage_read(pid_t pid, struct process_usage *ret);

struct host_cpu { /**< to be kept between two readings */
    uint64_t busy, total;
};
struct host_usage {
    double cpu_percent; /**< since the last reading; negative: not known yet */
    double memory_percent, disk_percent;
    uint64_t memory_bytes, memory_total, disk_bytes;
};
/** @p dir: its file system is the disk that is reported. What cannot be read stays 0. */
void host_usage_read(const char *dir, struct host_cpu *io_last, struct host_usage *ret);
#endif
