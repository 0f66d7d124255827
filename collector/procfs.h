/* SPDX-License-Identifier: Apache-2.0 */
/** @file procfs.h
 * Raw reads below one kept descriptor of /proc, into one reused buffer. Nothing is allocated after
 * procfs_open(). One thread.
 */
#ifndef PHOENIX_COLLECTOR_PROCFS_H
#define PHOENIX_COLLECTOR_PROCFS_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/err.h"
#include "core/base/str.h"

enum {
    PROCFS_FILE_BYTES = 64 * 1024, /**< more of a file is not read; /proc/stat of 256 CPUs has 40 kB */
    PROCFS_LIST_BYTES = 32 * 1024  /**< of directory entries at a time */
};
struct procfs {
    int dir; /**< of /proc, or of a tree that looks like it */
    char file[PROCFS_FILE_BYTES];
    _Alignas(16) char pids[PROCFS_LIST_BYTES];
    _Alignas(16) char fds[PROCFS_LIST_BYTES];
    long n_pids, next_pid; /* bytes in pids[], where the next entry starts */
};
/** Errors: IO. The object is large: not for the stack. */
int procfs_open(struct procfs *fs, const char *root, struct err *err) MUST_CHECK;
void procfs_close(struct procfs *fs);

/** Walk the numeric entries: procfs_rewind(), then procfs_next_pid() until it answers 0. */
void procfs_rewind(struct procfs *fs);
uint32_t procfs_next_pid(struct procfs *fs);

/** Text of a file of the host ("meminfo") or of a process ("stat"). Borrowed until the next read;
 *  empty if it could not be read, and errno says why. */
struct str procfs_read_host(struct procfs *fs, const char *name);
struct str procfs_read(struct procfs *fs, uint32_t pid, const char *name);
/** Open descriptors of a process; -1: not ours to see, or it is gone. */
int64_t procfs_count_fds(struct procfs *fs, uint32_t pid);
#endif
