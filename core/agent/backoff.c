/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/backoff.h"
#include "core/base/clock.h"

int64_t backoff_next(struct backoff *b, uint64_t random)
{
    int64_t wait = b->first_ns;
    for (unsigned i = 0; i < b->tries && wait < b->cap_ns; i++)
        wait = wait > b->cap_ns / 2 ? b->cap_ns : wait * 2;
    if (wait > b->cap_ns)
        wait = b->cap_ns;
    b->tries++;
    int64_t half = wait / 2;
    return half + (int64_t)(random % (uint64_t)(wait - half + 1));
}

int64_t backoff_asked(struct backoff *b, int64_t asked_ns, uint64_t random)
{
    int64_t wait = backoff_next(b, random);
    if (asked_ns > BACKOFF_ASKED_MAX_S * NS_PER_S)
        asked_ns = BACKOFF_ASKED_MAX_S * NS_PER_S;
    if (asked_ns <= wait)
        return wait;
    return asked_ns + (int64_t)(random % ((uint64_t)asked_ns / 4 + 1));
}

void backoff_reset(struct backoff *b)
{
    b->tries = 0;
}
