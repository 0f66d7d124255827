/* SPDX-License-Identifier: Apache-2.0 */
/** @file uplink.h
 * The way to the API: address, identity and the judgement of answers, said once. [loop]
 */
#ifndef PHOENIX_AGENT_UPLINK_H
#define PHOENIX_AGENT_UPLINK_H
#include "core/loop/fetch.h"

struct uplink;
/** @p url: "http://127.0.0.1:8080", with or without a slash at its end. Errors: CONFIG. */
struct uplink *uplink_new(struct fetcher *f, const char *url, const char *host_id, struct err *err);
void uplink_free(struct uplink *u); /**< NULL allowed; the fetcher goes before */
struct uplink_call {
    const char *method, *path;
    struct str body;    /**< JSON; borrowed until done */
    int64_t timeout_ns; /**< 0: 10 s */
    size_t max_reply;   /**< 0: 64 KiB */
    const char *const *want_headers; /**< as fetch_req has them: static */
};
/** As fetch_start(): NULL and an error, or done() exactly once, later. */
struct fetch *uplink_start(struct uplink *u, const struct uplink_call *call, fetch_done_fn *done, void *arg,
                           struct err *err);

enum uplink_verdict {
    UPLINK_OK,      /**< 2xx */
    UPLINK_REFUSED, /**< the API will not have this: another try is of no use */
    UPLINK_AWAY     /**< no answer, or one that says: later */
};
/** Judge an answer. Logs once when the API goes away and once when it is back. */
enum uplink_verdict uplink_judge(struct uplink *u, const struct fetch_reply *reply);
#endif
