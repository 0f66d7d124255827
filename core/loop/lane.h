/* SPDX-License-Identifier: Apache-2.0 */
/** @file lane.h
 * A lane is a serial queue onto one worker thread, for libraries that block.
 */
#ifndef PHOENIX_LOOP_LANE_H
#define PHOENIX_LOOP_LANE_H
#include "core/loop/loop.h"

struct lane;
typedef void lane_done_fn(void *job, int32_t status); /**< 0, or a negative code when cancelled */
/** Start a thread with all signals blocked. [loop] */
struct lane *lane_open(struct loop *l, const char *name, struct err *err);
/** [any] `work(job)` on the lane, in order; then `then(job, 0)` on the loop (NULL: nothing). */
void lane_run(struct lane *lane, loop_fn *work, lane_done_fn *then, void *job);
/** [loop] Finish what is queued, join, free, then call closed(arg) on the loop (NULL: nothing). */
void lane_close(struct lane *lane, loop_fn *closed, void *arg);
#endif
