/* SPDX-License-Identifier: Apache-2.0 */
/** @file backoff.h
 * How long to wait before the next try: doubles from `first_ns` up to `cap_ns`, with jitter, so that
 * a fleet that lost its API does not come back as one. Pure.
 */
#ifndef PHOENIX_AGENT_BACKOFF_H
#define PHOENIX_AGENT_BACKOFF_H
#include <stdint.h>

struct backoff {
    int64_t first_ns, cap_ns; /**< both above 0 */
    unsigned tries;           /**< failures in a row */
};
/** Count a failure. The wait lies between half and all of the doubled time; @p random decides. */
int64_t backoff_next(struct backoff *b, uint64_t random);
void backoff_reset(struct backoff *b);
#endif
