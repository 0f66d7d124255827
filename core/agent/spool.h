/* SPDX-License-Identifier: Apache-2.0 */
/** @file spool.h
 * A queue of records on disk: appended at one end, taken at the other, bounded.
 *
 * Records live in segment files of about 1 MiB, each with length and checksum. An append reaches the
 * kernel before it returns, so it survives the death of the agent; the disk has it when a segment is
 * full and at spool_sync(): a power failure may cost the newest segment. A torn tail is cut off when
 * the spool is opened. How far the queue has been taken is noted without sync: after a crash a few
 * records may come again, never too few. [loop]
 */
#ifndef PHOENIX_AGENT_SPOOL_H
#define PHOENIX_AGENT_SPOOL_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/buf.h"
#include "core/base/err.h"

enum { SPOOL_RECORD_MAX = 1 << 20 };
struct spool_stats {
    uint64_t records, bytes; /**< waiting; bytes as they stand on disk */
    uint64_t dropped;        /**< records lost since the start: full, damaged or refused */
};
struct spool;
/** Open or make the folder @p dir. @p max_bytes bounds what is on disk. */
struct spool *spool_open(const char *dir, uint64_t max_bytes, struct err *err);
void spool_close(struct spool *sp); /**< NULL allowed; does not sync */
/** Append one record, at most SPOOL_RECORD_MAX bytes. When the spool is full the oldest segment goes
 *  first. Errors: LIMIT, IO (the record is counted as dropped). */
int spool_append(struct spool *sp, struct str record, struct err *err) MUST_CHECK;
/** Copy the oldest record to @p out (emptied first). False when there is none. A damaged rest of a
 *  segment is skipped and counted. */
bool spool_peek(struct spool *sp, struct buf *out);
void spool_ack(struct spool *sp); /**< the record that spool_peek() showed is done */
void spool_sync(struct spool *sp);
void spool_stats(const struct spool *sp, struct spool_stats *ret);
#endif
