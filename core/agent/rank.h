/* SPDX-License-Identifier: Apache-2.0 */
/** @file rank.h
 * Which processes of a host use most, by name: for collectors that read only those that they are told.
 * No thread of its own; one thread at a time.
 */
#ifndef PHOENIX_AGENT_RANK_H
#define PHOENIX_AGENT_RANK_H
#include "core/base/json.h"

enum { RANK_PROCESSES_MAX = 100000 }; /**< more are not looked at */
struct rank;
/** @p text is {"k":20,"by":["cpu","memory"],"critical":["sshd","kube*"],"every":"10s"}; what is left out has
 *  these values, but no name is critical. Errors: INVAL. */
struct rank *rank_new(struct str text, struct err *err);
void rank_free(struct rank *r); /**< NULL allowed */
int64_t rank_every(const struct rank *r); /**< ns between two looks */
/** Look at the processes below @p proc ("/proc"). Adds to @p out a JSON array of their names, each once,
 *  sorted: of the k that used most CPU time since the last look (the first time: over their lives), of the k
 *  with most resident memory, and of those that are critical. A process that uses nothing ranks nowhere; one
 *  that cannot be read is left out. Errors: IO. */
int rank_look(struct rank *r, const char *proc, struct buf *out, struct err *err) MUST_CHECK;
#endif
