/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/hist.h"
#include <math.h>

/* Below HIST_STEPS a bucket for each value, above HIST_STEPS buckets for each power of two. */
static unsigned bucket_of(uint64_t v)
{
    if (v < HIST_STEPS)
        return (unsigned)v;
    unsigned top = 63U - (unsigned)__builtin_clzll(v), shift = top - HIST_STEP_BITS;
    return shift * HIST_STEPS + (unsigned)(v >> shift);
}

/* The largest value of a bucket. */
static int64_t bucket_end(unsigned i)
{
    if (i < HIST_STEPS)
        return i;
    unsigned shift = i / HIST_STEPS - 1;
    uint64_t first = (uint64_t)(i - shift * HIST_STEPS) << shift;
    return (int64_t)(first + (UINT64_C(1) << shift) - 1);
}

void hist_add(struct hist *h, int64_t ns)
{
    uint64_t v = ns < 0 ? 0 : (uint64_t)ns, most = (UINT64_C(1) << HIST_MAX_BITS) - 1;
    h->bucket[bucket_of(v > most ? most : v)]++;
    h->n++;
    if ((int64_t)v > h->max)
        h->max = (int64_t)v;
}

void hist_merge(struct hist *h, const struct hist *other)
{
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        h->bucket[i] += other->bucket[i];
    h->n += other->n;
    if (other->max > h->max)
        h->max = other->max;
}

int64_t hist_quantile(const struct hist *h, double q)
{
    uint64_t rank = (uint64_t)ceil(q * (double)h->n), seen = 0;
    if (rank >= h->n)
        return h->max; /* exact, also when it is above all buckets */
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= rank && seen > 0)
            return bucket_end(i) < h->max ? bucket_end(i) : h->max;
    }
    return h->max;
}
