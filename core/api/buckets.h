/* SPDX-License-Identifier: Apache-2.0 */
/** @file buckets.h
 * Token buckets by name: so many a second each, and a burst. A name that was not heard of for as long as
 * its bucket takes to fill is forgotten: it would have a full one. So idle names cost nothing, and the
 * number of those that are kept is bounded. Pure, but for its memory.
 */
#ifndef PHOENIX_API_BUCKETS_H
#define PHOENIX_API_BUCKETS_H
#include <stddef.h>
#include <stdint.h>

struct buckets;
/** @p per_s 1 to a million; a bucket holds @p burst tokens, at least 1. Over @p max names the one that was
 *  heard of longest ago is forgotten. */
struct buckets *buckets_new(unsigned per_s, unsigned burst, size_t max);
void buckets_free(struct buckets *b); /**< NULL allowed */
/** Take a token of @p name. 0: taken; else there is none, and this is the time until there is one, ns. */
int64_t buckets_take(struct buckets *b, const char *name, int64_t now_ns);
size_t buckets_count(const struct buckets *b);
#endif
