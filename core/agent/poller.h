/* SPDX-License-Identifier: Apache-2.0 */
/** @file poller.h
 * The long poll: asks the API for tasks, again and again, politely when it is away. [loop]
 */
#ifndef PHOENIX_AGENT_POLLER_H
#define PHOENIX_AGENT_POLLER_H
#include "core/agent/executor.h"

struct poller_conf {
    struct loop *loop;
    struct uplink *uplink;
    struct executor *executor;
    void (*on_interval)(void *arg, int64_t heartbeat_ns); /**< the API said how often */
    void *arg;
};
struct poller;
struct poller *poller_new(const struct poller_conf *conf);
void poller_start(struct poller *p);
void poller_free(struct poller *p); /**< NULL allowed; the fetcher goes before or a poll is cancelled */
#endif
