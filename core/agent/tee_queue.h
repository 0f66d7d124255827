/* SPDX-License-Identifier: Apache-2.0 */
/** @file tee_queue.h
 * What the tee holds: bodies that are in memory once, however many collectors wait for them, and the
 * bounded queue of one collector, which counts what became of everything that it was offered. Pure.
 */
#ifndef PHOENIX_AGENT_TEE_QUEUE_H
#define PHOENIX_AGENT_TEE_QUEUE_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"

enum tee_signal { TEE_METRICS, TEE_TRACES, TEE_LOGS, TEE_SIGNALS };

/** A request as it came. Whoever keeps it has a reference. */
struct tee_body {
    unsigned n_refs;
    enum tee_signal signal;
    const char *headers[3]; /**< "Content-Type: ...", perhaps "Content-Encoding: ...", NULL */
    char *bytes;
    size_t n;
    size_t cost; /**< bytes of memory, all told */
};
/** One reference; the caller fills in its @p n bytes. @p encoding NULL: none. */
struct tee_body *tee_body_new(enum tee_signal signal, const char *type, const char *encoding, size_t n);
struct tee_body *tee_body_ref(struct tee_body *b);
void tee_body_unref(struct tee_body *b);

struct tee_count {
    uint64_t requests, bytes;
};
/** offered = delivered + dropped + rejected + what waits. */
struct tee_stats {
    struct tee_count offered;
    struct tee_count delivered; /**< the collector has taken it */
    struct tee_count dropped;   /**< it never saw it: the queue was full, or it took too long */
    struct tee_count rejected;  /**< it saw it and does not want it */
    struct tee_count waiting;
};
struct tee_item;
struct tee_queue {
    struct tee_item *first;
    size_t held, max_bytes; /**< memory of all that waits, and its bound */
    struct tee_stats stats;
};
void tee_queue_init(struct tee_queue *q, size_t max_bytes);
/** Whether so large a body can be taken now. */
bool tee_queue_has_room(const struct tee_queue *q, const struct tee_body *b);
/** Take a reference of @p b, or count it as dropped: false. */
bool tee_queue_offer(struct tee_queue *q, struct tee_body *b);
struct tee_body *tee_queue_first(const struct tee_queue *q); /**< borrowed; NULL: empty */
/** What became of the first one: one of q->stats. It leaves the queue. */
void tee_queue_settle(struct tee_queue *q, struct tee_count *as);
void tee_queue_done(struct tee_queue *q); /**< what waits counts as dropped */
#endif
