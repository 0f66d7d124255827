/* SPDX-License-Identifier: Apache-2.0 */
/** @file backoff.h
 * How long to wait before the next try: doubles from `first_ns` up to `cap_ns`, with jitter, so that
 * a fleet that lost its API does not come back as one. Pure.
 */
#ifndef PHOENIX_AGENT_BACKOFF_H
#define PHOENIX_AGENT_BACKOFF_H
#include <stdint.h>

enum { BACKOFF_ASKED_MAX_S = 600 };
struct backoff {
    int64_t first_ns, cap_ns; /**< both above 0 */
    unsigned tries;           /**< failures in a row */
};
/** Count a failure. The wait lies between half and all of the doubled time; @p random decides. */
int64_t backoff_next(struct backoff *b, uint64_t random);
/** The same, when the other side may have said when to come again (Retry-After; 0: it did not): not before
 *  that, spread by up to a quarter. What it says is believed up to BACKOFF_ASKED_MAX_S. */
int64_t backoff_asked(struct backoff *b, int64_t asked_ns, uint64_t random);
void backoff_reset(struct backoff *b);
#endif
