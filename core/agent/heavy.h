/* SPDX-License-Identifier: Apache-2.0 */
/** @file heavy.h
 * Which texts come most often, in memory for a fixed number of them (Misra and Gries, 1982). While there are
 * no more different texts than that, all counts are exact and `slack` is 0. Beyond, a count may be too low
 * by `slack`, and a text that is not there came at most `slack` times; slack is at most all / (most + 1).
 * Pure.
 */
#ifndef PHOENIX_AGENT_HEAVY_H
#define PHOENIX_AGENT_HEAVY_H
#include <stdint.h>
#include "core/base/str.h"

struct heavy_item {
    uint64_t hash;
    struct str text; /**< borrowed */
    uint64_t n;      /**< how often it came */
    uint64_t bytes;  /**< as the callers said, for those that were counted */
};
struct heavy {
    struct heavy_item *items; /**< owned */
    uint32_t n, most;
    uint64_t slack;
    uint32_t *index; /**< hash table of positions + 1, 0: free */
    uint32_t n_index; /**< a power of two */
};
void heavy_init(struct heavy *h, uint32_t most);
void heavy_done(struct heavy *h);
/** @p hash is sketch_hash() of @p text, which must outlive @p h. */
void heavy_add(struct heavy *h, uint64_t hash, struct str text, size_t bytes);
/** NULL: it is not there. Positions stay until the next heavy_add() or heavy_sort(). */
struct heavy_item *heavy_find(const struct heavy *h, uint64_t hash, struct str text);
/** Most frequent first, then by text; after it nothing can be added. */
void heavy_sort(struct heavy *h);
/** After heavy_sort(): a text that is not among the first @p shown came so often at most. */
uint64_t heavy_rest(const struct heavy *h, uint32_t shown);
#endif
