/* SPDX-License-Identifier: Apache-2.0 */
/** @file sender.h
 * Requests on a few connections that stay open, on the host's loop. libcurl has the protocol: a request
 * carries thousands of points, so what it costs does not show. [loop]
 */
#ifndef PHOENIX_OTLPGEN_SENDER_H
#define PHOENIX_OTLPGEN_SENDER_H
#include "phoenix/plugin.h"
#include "plugins/otlpgen/endpoint.h"

enum { SENDER_POSTS = 8 };
/** A request: its room is used again for the next one. */
struct post {
    uint8_t *room;
    size_t cap;
    const uint8_t *body; /**< in `room`; kept until it is posted anew */
    size_t n_body;
    /* the owner's */
    uint64_t points;
    double since_s;
    bool waits; /**< to be posted again */
};
/** What came of it. Lent for the call. */
struct outcome {
    const char *failure; /**< no answer: why; NULL: there is one */
    long status;
    double retry_after_s; /**< 0: not said */
    const uint8_t *body;
    size_t n_body;
};
struct sender;
struct sender_conf {
    const phx_host *host;
    const struct endpoint *endpoint; /**< copied */
    unsigned posts;                  /**< 1 to SENDER_POSTS: so many connections at most */
    size_t room_bytes;               /**< of each */
    long timeout_ms;
    /** A request has ended; the post may be used again, also from within. */
    void (*done)(void *arg, struct post *p, const struct outcome *how);
    void *arg;
};
/** NULL: out of memory, or the host lends no loop. */
struct sender *sender_new(const struct sender_conf *conf);
void sender_free(struct sender *s); /**< NULL allowed; what is under way is dropped, and done() not called */
/** Number @p i (below conf.posts). */
struct post *sender_post_at(struct sender *s, unsigned i);
bool sender_is_busy(const struct post *p);
/** Post p->body; done() comes later, never from within. */
void sender_post(struct post *p);
/** Wait until nothing is under way, at most so long. Blocks: for the end of a load only. */
void sender_settle(struct sender *s, int max_ms);
#endif
