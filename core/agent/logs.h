/* SPDX-License-Identifier: Apache-2.0 */
/** @file logs.h
 * What collectors write to stdout and stderr goes to the API, line by line, at a bounded rate. The
 * files are followed with inotify: nothing happens while nobody writes. [loop]
 */
#ifndef PHOENIX_AGENT_LOGS_H
#define PHOENIX_AGENT_LOGS_H
#include "core/agent/outbox.h"
#include "core/agent/supervisor.h"

struct logs;
struct logs *logs_new(struct loop *l, struct supervisor *s, const struct secrets *secrets,
                      struct outbox *out, struct err *err);
void logs_free(struct logs *x); /**< NULL allowed */
/** Collectors came or went: follow the files of those that are there. A file that was written before
 *  the agent started is followed from its end. */
void logs_changed(struct logs *x);

/** Lets lines through at RATE a second with a burst; counts what it held back. For tests. */
struct log_bucket {
    double tokens;
    int64_t last_ns;
    uint64_t held;
};
bool log_bucket_take(struct log_bucket *b, int64_t mono_ns);
#endif
