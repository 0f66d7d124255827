/* SPDX-License-Identifier: Apache-2.0 */
/** @file agents.h
 * Who lives. The last heartbeat of every host is in memory, and in the store within a second; what
 * runs on a host (active_pipelines) is committed before the heartbeat that says it is answered.
 */
#ifndef PHOENIX_API_AGENTS_H
#define PHOENIX_API_AGENTS_H
#include "core/api/api.h"

int agents_start(struct api *api, struct err *err);
void agents_stop(struct api *api);

/** Wall time, ns, of the last heartbeat; 0: never heard of. Also right after a restart: the stored
 *  times are read back before the server listens. */
int64_t agents_last_seen(struct api *api, const char *host_id);
/** "healthy", "degraded" (two intervals missed, or it says so itself) or "lost" (four missed). */
const char *agents_status(struct api *api, int64_t last_seen_ns, const char *reported);
#endif
