/* SPDX-License-Identifier: Apache-2.0 */
/** @file agents.h
 * Who lives. The last heartbeat of every host is in memory, and in the store within a second; what
 * runs on a host (active_pipelines) is committed before the heartbeat that says it is answered.
 */
#ifndef PHOENIX_API_AGENTS_H
#define PHOENIX_API_AGENTS_H
#include "core/api/api.h"

/** Read the stored times back, then call loaded(arg): before the parts start. */
void agents_load(struct api *api, loop_fn *loaded, void *arg);
int agents_start(struct api *api, struct err *err);
void agents_stop(struct api *api);
/** Write what is in memory only; before the store closes. */
void agents_flush(struct api *api);

/** Wall time, ns, of the last heartbeat; 0: never heard of. */
int64_t agents_last_seen(struct api *api, const char *host_id);
/** "healthy", "degraded" (two intervals missed, or it says so itself) or "lost" (four missed). */
const char *agents_status(struct api *api, int64_t last_seen_ns, const char *reported);

struct agents_stats {
    uint64_t heartbeats_total, full_total, flushed_total, healthy, degraded, lost;
};
/** Counts the agents, too: for /metrics, not for hot paths. */
void agents_stats(struct api *api, struct agents_stats *ret);
#endif
