/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/hearing.h"
#include <stdbool.h>
#include <stdlib.h>
#include "core/base/clock.h"

#define JUMP_NS NS_PER_S
enum { SLEW = 1000 }; /* a clock that is being corrected runs wrong by up to one part in so many */

void hearing_start(struct hearing *h, int64_t mono, int64_t wall, int64_t max_gap)
{
    *h = (struct hearing){ .since = mono, .ok_at = mono, .offset = wall - mono, .max_gap = max_gap };
}

/* Anew, if there was a gap or a jump since the last good look. */
static bool interrupted(struct hearing *h, int64_t mono, int64_t wall)
{
    int64_t gap = mono - h->ok_at, jump = llabs(wall - mono - h->offset);
    if ((h->max_gap == 0 || gap <= h->max_gap) && jump <= JUMP_NS + gap / SLEW) {
        return false;
    }
    hearing_start(h, mono, wall, h->max_gap);
    return true;
}

void hearing_ok(struct hearing *h, int64_t mono, int64_t wall)
{
    if (!interrupted(h, mono, wall)) {
        h->ok_at = mono;
        h->offset = wall - mono;
    }
}

int64_t hearing_since(struct hearing *h, int64_t mono, int64_t wall)
{
    interrupted(h, mono, wall);
    return wall - (mono - h->since);
}

int64_t hearing_left(struct hearing *h, int64_t mono, int64_t wall, int64_t lease_ns)
{
    interrupted(h, mono, wall);
    int64_t left = h->since + lease_ns - mono;
    return left > 0 ? left : 0;
}
