/* SPDX-License-Identifier: Apache-2.0 */
/** @file progress.h
 * The live line of a watch. Pure.
 */
#ifndef PHOENIX_CLI_PROGRESS_H
#define PHOENIX_CLI_PROGRESS_H
#include <stdint.h>

#include "core/base/buf.h"

/** "warmup  [########------------]  40 %, 12s of 30s"; without a total "deploying  12s". Escaped. */
void progress_text(struct buf *out, const char *phase, int64_t elapsed_ns, int64_t total_ns);
#endif
