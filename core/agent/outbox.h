/* SPDX-License-Identifier: Apache-2.0 */
/** @file outbox.h
 * Numbered batches for one endpoint: rows are gathered for a moment, the batch goes into the spool,
 * the spool is sent in order, one batch at a time, until the API has taken each: not faster than it asks
 * for, and after what is more urgent.
 *
 * The stream is new with each start of the agent and numbers count from 1, so no number is ever used
 * for two contents; batches of earlier starts carry their own stream in their text. [loop]
 */
#ifndef PHOENIX_AGENT_OUTBOX_H
#define PHOENIX_AGENT_OUTBOX_H
#include "core/agent/spool.h"
#include "core/agent/uplink.h"
#include "core/base/json.h"

struct outbox;
struct outbox_conf {
    struct loop *loop;
    struct uplink *uplink;
    const char *dir; /**< of its spool */
    uint64_t max_bytes;
    const char *path;            /**< of the endpoint, static */
    const char *rows;            /**< name of the array, static: "samples" */
    /** Is there something to be sent before this? Asked before each batch; then the batch waits, but not for
     *  ever. NULL: there never is. */
    bool (*yields)(void *arg);
    void *yields_arg;
    const char *const *measures; /**< stands before the rows as "measures", NULL-terminated; NULL: none */
};
struct outbox *outbox_new(const struct outbox_conf *conf, struct err *err);
/** What was gathered goes to disk; sending ends. The fetcher must be gone before. NULL allowed. */
void outbox_free(struct outbox *o);
/** Begin a row: write exactly one JSON object, then outbox_row_end(). */
struct jw *outbox_row(struct outbox *o);
void outbox_row_end(struct outbox *o);
/** Put what was gathered into the spool now. */
void outbox_flush(struct outbox *o);
void outbox_stats(const struct outbox *o, struct spool_stats *ret);
#endif
