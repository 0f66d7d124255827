/* SPDX-License-Identifier: Apache-2.0 */
/** @file admission.h
 * Who gets in when there is not room for all. Each request is judged once, before its body is looked at:
 * 503 when the API is short (of the store, or of room for batches), 429 when a host sends faster than it
 * may. Also whether the API is short at all; then agents are asked to speak less often.
 *
 * The order of service is that of classes.def: polls, heartbeats and what operators look at to see what
 * is wrong are never refused here; reports only while the store is away; logs are refused first.
 */
#ifndef PHOENIX_API_ADMISSION_H
#define PHOENIX_API_ADMISSION_H
#include "core/api/api.h"

int admission_start(struct api *api, struct err *err);
void admission_stop(struct api *api);
/** For http_conf.admit. */
bool admission_admit(struct request *rq);
/** The store failed or stalled, and a ping that was sent because of that failed too. */
bool admission_store_away(const struct api *api);
/** How often agents are asked to send heartbeats now: heartbeat.interval, twice that while the API is
 *  short; never so seldom that leases end. */
int64_t admission_heartbeat_interval(const struct api *api);
/** The shortest time between two batches of a host that it is asked to keep; 0: any. */
int64_t admission_batch_interval(const struct api *api);
/** By what interval agents are to be judged: the longest that they may have been told lately. */
int64_t admission_patience(const struct api *api);

struct admission_stats {
    bool is_short, is_store_away;
    int64_t lag_ns;   /**< how late the loop was with a timer, the worst of the last half second */
    uint64_t buckets; /**< hosts that sent batches in the last seconds */
};
void admission_stats(const struct api *api, struct admission_stats *ret);
#endif
