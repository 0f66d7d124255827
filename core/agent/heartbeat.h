/* SPDX-License-Identifier: Apache-2.0 */
/** @file heartbeat.h
 * Says that the agent lives, at the interval the API asks for, and everything that runs here whenever
 * that has changed. [loop]
 */
#ifndef PHOENIX_AGENT_HEARTBEAT_H
#define PHOENIX_AGENT_HEARTBEAT_H
#include "core/agent/executor.h"
#include "core/agent/outbox.h"

struct heartbeat_conf {
    struct loop *loop;
    struct uplink *uplink;
    struct executor *executor;
    struct supervisor *supervisor;
    struct loads *loads;
    const struct outbox *outboxes[3]; /**< whose spools it tells of, together */
    struct registry *registry;
    const char *host_id, *labels, *allowed, *state_dir;
    bool loads_allowed;
};
struct heartbeat;
struct heartbeat *heartbeat_new(void);
/** The first heartbeat goes out at once. */
void heartbeat_start(struct heartbeat *h, const struct heartbeat_conf *conf);
void heartbeat_free(struct heartbeat *h); /**< NULL allowed */
void heartbeat_interval(void *heartbeat, int64_t interval_ns);
/** What runs here has changed: tell it after this turn of the loop. Harmless before the start. */
void heartbeat_changed(void *heartbeat);
#endif
