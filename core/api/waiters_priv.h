/* SPDX-License-Identifier: Apache-2.0 */
/** @file waiters_priv.h
 * What waiters.c (polls, timeouts) and taskq_claim.c (claims, answers) share.
 */
#ifndef PHOENIX_API_WAITERS_PRIV_H
#define PHOENIX_API_WAITERS_PRIV_H
#include <uthash.h>
#include "core/api/waiters.h"
#include "core/base/log.h"

enum waiter_state {
    WAITER_NONE,    /**< nobody waits; kept for a while for what is known about the host */
    WAITER_PARKED,  /**< a request waits, and the host is known to be empty */
    WAITER_QUEUED,  /**< a request waits, in the list of the next claim */
    WAITER_CLAIMING /**< in the claim that is on its way; the request may have gone meanwhile */
};
struct waiter {
    UT_hash_handle hh;
    struct waiters *room;
    struct request *rq;         /**< NULL: nobody waits */
    struct waiter *prev, *next; /**< in its bucket of the wheel */
    struct waiter *claim_next;  /**< QUEUED, CLAIMING: list of the claim */
    uint32_t due_tick;          /**< the poll's timeout; of an idle slot: when it is forgotten */
    uint32_t first_row, n_rows; /**< CLAIMING: rows for it, chained by next_row of the claim */
    uint8_t state;
    bool known_empty; /**< a claim found nothing, and nobody has woken the host since */
    bool again;       /**< woken while CLAIMING */
    bool overdue;     /**< timed out while QUEUED or CLAIMING: answer with whatever comes */
    char host[];
};

enum {
    WHEEL_SLOTS = 1024, /* of 100 ms: longer than the longest wait */
    CLAIM_HOSTS_MAX = 2000,
    CLAIM_PER_HOST = 10
};
struct waiters {
    struct api *api;
    struct waiter *by_host;
    struct waiter *wheel[WHEEL_SLOTS];
    uint32_t tick;        /**< the bucket that is due next */
    struct timer *ticker; /**< set while there are slots */
    struct waiter *queued, **queued_end;
    struct waiter *claiming; /**< of the claim in flight; one at a time, so that claims grow by themselves */
    bool claim_in_flight, flush_posted;
    struct timer *retry;  /**< after a claim that failed; then one claim goes for all who are queued */
    struct log_limit complaints;
    struct timer *drain;
    size_t drain_batch;   /**< polls that are answered at a tick of it */
    uint64_t random;
    size_t idle;          /**< slots in WAITER_NONE */
    struct waiters_stats stats;
};

struct waiter *waiter__find(struct waiters *ws, const char *host);
/** Into the set of the next claim, which goes at the end of this turn. */
void waiter__queue(struct waiters *ws, struct waiter *w);
void waiter__park(struct waiters *ws, struct waiter *w);
/** Answer the request of @p w (with [] when @p body is NULL) and forget it. */
void waiter__answer(struct waiters *ws, struct waiter *w, struct buf *body);
/** Claim for all who are queued, unless a claim is in flight. taskq_claim.c */
void claim__flush(struct waiters *ws);
#endif
