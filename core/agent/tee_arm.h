/* SPDX-License-Identifier: Apache-2.0 */
/** @file tee_arm.h
 * One collector that the tee feeds: its queue, and how that is delivered, in the order in which it came and
 * one request at a time, so that all collectors see the same. [loop]
 */
#ifndef PHOENIX_AGENT_TEE_ARM_H
#define PHOENIX_AGENT_TEE_ARM_H
#include "core/agent/backoff.h"
#include "core/agent/tee_queue.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/loop/fetch.h"

struct tee_arm {
    struct tee_arm *prev, *next;
    struct loop *loop;
    struct fetcher *fetcher;
    char id[101], experiment_id[UUID_LEN + 1];
    char *url;     /**< of its receiver, without the path */
    bool is_up;    /**< else its queue waits */
    bool is_wanted;
    unsigned lacks; /**< signals that it has no receiver for, by bit */
    struct tee_queue queue;
    struct fetch *call;
    struct timer *again;
    struct backoff backoff;
    int64_t tried_mono; /**< when the first of the queue was sent for the first time; 0: not yet */
    struct log_limit dropped_log, rejected_log;
};
struct tee_arm *tee_arm_new(struct loop *l, struct fetcher *f, const char *id, const char *experiment_id,
                            size_t max_bytes);
/** What waits is dropped. The fetcher may be gone already. */
void tee_arm_free(struct tee_arm *a);
/** It is healthy and takes OTLP at @p url; called again when that is said again. */
void tee_arm_up(struct tee_arm *a, const char *url);
void tee_arm_down(struct tee_arm *a); /**< it is on its way back: the queue waits */
bool tee_arm_takes(const struct tee_arm *a, enum tee_signal signal);
/** Deliver it soon, or count it as dropped. */
void tee_arm_offer(struct tee_arm *a, struct tee_body *b);
/** Nothing is owed to it that it could take now. */
bool tee_arm_is_idle(const struct tee_arm *a);
#endif
