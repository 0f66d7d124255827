/* SPDX-License-Identifier: Apache-2.0 */
/** @file confine.h
 * What a load may not do to its host, set on this process before the profile is loaded and inherited by
 * what the profile starts.
 */
#ifndef PHOENIX_LOADHOST_CONFINE_H
#define PHOENIX_LOADHOST_CONFINE_H
#include <stdint.h>

struct confine_conf {
    uint64_t max_memory; /**< RLIMIT_AS of each process, bytes; 0: none */
    int64_t max_cpu_s;   /**< RLIMIT_CPU of each process */
};
/** Lowest but one priority, first to go when memory runs out, no new privileges, no core files, few
 *  descriptors, SIGTERM when the agent dies, orphans come to us. What the system does not grant is left. */
void confine_self(const struct confine_conf *conf);
/** Kill and collect all processes below this one. */
void confine_end_descendants(void);
#endif
