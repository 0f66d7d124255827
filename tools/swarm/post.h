/* SPDX-License-Identifier: Apache-2.0 */
/** @file post.h
 * Requests over connections that many share: whoever has something to say queues a post; a connection
 * that is free takes the next one. The text is written when it is sent, so a queue costs nothing.
 */
#ifndef PHOENIX_SWARM_POST_H
#define PHOENIX_SWARM_POST_H
#include "tools/swarm/conn.h"
#include "tools/swarm/tally.h"

struct swarm;
struct post;
struct post_ops {
    /** Path without "/api/v1" and body; returns the host that speaks, "" for an operator. */
    const char *(*write)(struct post *p, struct buf *path, struct buf *body);
    /** Once for each post_send(). The post may be sent again, or be freed, from here. */
    void (*done)(struct post *p, const struct reply *reply);
};
/** Embedded in what it is about. */
struct post {
    const struct post_ops *ops;
    struct post *next;
    int64_t due_ns;
    uint8_t kind, target; /**< enum kind; which URL, set by the caller */
    bool is_out;          /**< queued or sent: not to be sent again now */
};
/** The connections to one target. */
struct senders {
    struct sender *all, *idle;
    struct post *first, **last;
    unsigned n;
};
void senders_init(struct senders *x, struct swarm *s, unsigned target, unsigned n);
void senders_drop(struct senders *x); /**< as if all connections broke: posts that are out fail */
void senders_done(struct senders *x);
void post_send(struct senders *x, struct post *p);
#endif
