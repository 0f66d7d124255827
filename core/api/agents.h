/* SPDX-License-Identifier: Apache-2.0 */
/** @file agents.h
 * Who lives. The last heartbeat of every host that speaks to this process is in memory, and in the store
 * within a second; what runs on a host (active_pipelines) is committed before the heartbeat that says it
 * is answered.
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

/** When each of these hosts was heard of last, by any process: wall time, ns; 0: never. Then done(arg, NULL
 *  or why that is not known), later or before this returns. The arrays are borrowed until then. */
typedef void agents_seen_fn(void *arg, const struct err *err);
void agents_seen(struct api *api, const char *const *hosts, size_t n, int64_t *ret, agents_seen_fn *done,
                 void *arg);
/** Has this process ever heard of the host, or read of it? */
bool agents_know(struct api *api, const char *host);
/** "healthy", "degraded" (two intervals missed, or it says so itself) or "lost" (four missed). */
const char *agents_status(struct api *api, int64_t last_seen_ns, const char *reported);

struct agents_stats {
    uint64_t heartbeats_total, full_total, flushed_total, healthy, degraded, lost;
};
/** Counts the agents, too: for /metrics, not for hot paths. Of several processes only the one that leads
 *  knows them all; the others count none, so that a sum over processes is right. */
void agents_stats(struct api *api, struct agents_stats *ret);
#endif
