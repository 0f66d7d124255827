/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket is one time: when it will be full again. Taking a token moves that by the time that a token
 * takes to come; it may lie a burst ahead of now, not more. A bucket whose time has passed is as good as
 * none, and those that were used longest ago stand first: each call looks at a few of them. */
#include "core/api/buckets.h"
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/mem.h"

enum { LOOKED_AT = 2 }; /* more than a call adds, so what is over goes faster than it comes */

struct bucket {
    UT_hash_handle hh;
    struct bucket *prev, *next; /* least recently used first */
    int64_t full_at;
    char name[];
};
struct buckets {
    struct bucket *by_name, *used;
    int64_t token_ns, burst_ns;
    size_t max;
};

struct buckets *buckets_new(unsigned per_s, unsigned burst, size_t max)
{
    struct buckets *b = mem_alloc(sizeof *b);
    b->token_ns = NS_PER_S / per_s;
    b->burst_ns = b->token_ns * burst;
    b->max = max;
    return b;
}

static void forget(struct buckets *b, struct bucket *at)
{
    HASH_DEL(b->by_name, at);
    DL_DELETE(b->used, at);
    free(at);
}

void buckets_free(struct buckets *b)
{
    while (b && b->used)
        forget(b, b->used);
    free(b);
}

static struct bucket *bucket_of(struct buckets *b, const char *name, int64_t now_ns)
{
    size_t n = strlen(name);
    struct bucket *at;
    HASH_FIND(hh, b->by_name, name, n, at);
    if (at) {
        DL_DELETE(b->used, at);
    } else {
        if (HASH_COUNT(b->by_name) >= b->max)
            forget(b, b->used);
        at = mem_alloc(sizeof *at + n + 1);
        memcpy(at->name, name, n + 1);
        at->full_at = now_ns;
        HASH_ADD_KEYPTR(hh, b->by_name, at->name, n, at);
    }
    DL_APPEND(b->used, at);
    return at;
}

int64_t buckets_take(struct buckets *b, const char *name, int64_t now_ns)
{
    for (int i = 0; i < LOOKED_AT && b->used && b->used->full_at <= now_ns; i++)
        forget(b, b->used);
    struct bucket *at = bucket_of(b, name, now_ns);
    int64_t full_at = (at->full_at > now_ns ? at->full_at : now_ns) + b->token_ns;
    if (full_at - now_ns > b->burst_ns)
        return full_at - now_ns - b->burst_ns;
    at->full_at = full_at;
    return 0;
}

size_t buckets_count(const struct buckets *b)
{
    return HASH_COUNT(b->by_name);
}
