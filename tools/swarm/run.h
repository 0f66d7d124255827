/* SPDX-License-Identifier: Apache-2.0 */
/** @file run.h
 * Swarms in processes of their own, watched by this one: progress, the tallies added up, and what they
 * and the servers took of the machine.
 */
#ifndef PHOENIX_SWARM_RUN_H
#define PHOENIX_SWARM_RUN_H
#include <sys/types.h>
#include "tools/swarm/options.h"
#include "tools/swarm/tally.h"

/** A process, from the start to the end of measuring. */
struct process {
    pid_t pid;
    int64_t cpu_ns;    /**< used meanwhile */
    int64_t rss_bytes; /**< at the end */
    int64_t grown_bytes; /**< since before the first agent came */
};
struct run {
    struct tally tally;
    int64_t measured_ns;
    uint64_t requests;    /**< answered while it was measured */
    struct process swarm; /**< all of ours together; pid 0 */
    struct process watched[OPTION_LIST_MAX];
    unsigned n_watched;
};
/** 0, or an error before anything was connected. SIGINT and SIGTERM end it early, in order. */
int run_swarms(const struct options *o, struct run *ret, struct err *err);
#endif
