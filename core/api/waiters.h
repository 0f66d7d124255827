/* SPDX-License-Identifier: Apache-2.0 */
/** @file waiters.h
 * The waiting room: one slot for each host that polls, or polled a moment ago.
 *
 * A slot knows the parked request, whether its host is known to have no task, and whether it takes
 * part in a claim. An idle fleet therefore costs no statement: a host that was found empty parks
 * until somebody enqueues for it. That memory is sound because everybody who enqueues says so: in this
 * process by waiters_wake(), in others that share the store by a signal; and what was not heard, the look
 * of peers.c finds within seconds.
 */
#ifndef PHOENIX_API_WAITERS_H
#define PHOENIX_API_WAITERS_H
#include "core/api/api.h"

int waiters_start(struct api *api, struct err *err);
void waiters_stop(struct api *api);
/** Answer every parked poll with [], a few at a time, so that they do not all come to another process in the
 *  same moment: done within half of drain.time. Polls that come from here on are
 *  among them. */
void waiters_drain(struct api *api);
/** The host may have tasks: claim for it as soon as it polls, at once if it is parked. */
void waiters_wake(struct api *api, const char *host_id);

struct waiters_stats {
    uint64_t slots, parked, polls_total, timeouts_total, superseded_total, gone_total;
};
void waiters_stats(const struct api *api, struct waiters_stats *ret);
#endif
