/* SPDX-License-Identifier: Apache-2.0 */
/** @file tee.h
 * Takes the OTLP of the host's applications and hands the same bytes to every collector that takes OTLP, so
 * that the arms of an experiment see the same input and no application has to know. [loop]
 *
 * Path of a request: on_export (here) -> tee_arm_offer, once for each collector -> the answer; then, for each
 * collector by itself, send_first ... on_delivered (tee_arm.c). doc/otlp.md says what a 200 promises.
 */
#ifndef PHOENIX_AGENT_TEE_H
#define PHOENIX_AGENT_TEE_H
#include "core/agent/supervisor.h"
#include "core/agent/tee_queue.h"

struct tee_conf {
    struct loop *loop;
    struct supervisor *supervisor;
    const char *listen;  /**< "127.0.0.1:4318" */
    size_t buffer;       /**< bytes, for each collector; and for bodies on their way in */
    size_t max_body;     /**< bytes */
    int64_t request_timeout_ns;
};
struct tee;
/** Listens if it can; if the port is taken it tries again. Errors: CONFIG */
struct tee *tee_new(const struct tee_conf *conf, struct err *err);
/** What waits is dropped, and that is logged. NULL allowed. */
void tee_free(struct tee *t);
/** Where applications of this host reach it: "http://127.0.0.1:4318". */
const char *tee_url(const struct tee *t);
/** Collectors came, went or changed. */
void tee_changed(struct tee *t);
/** Of the collector @p id, since it first was healthy; NULL: it takes no OTLP. Borrowed, for this turn. */
const struct tee_stats *tee_stats(const struct tee *t, const char *id);
/** Take no more, deliver what waits, a few seconds at most, then call done(arg). */
void tee_shutdown(struct tee *t, loop_fn *done, void *arg);
#endif
