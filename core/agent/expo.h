/* SPDX-License-Identifier: Apache-2.0 */
/** @file expo.h
 * Reads a collector's Prometheus text exposition: counts series, takes the collector's own counters,
 * and notes which processes of the critical list it shows. One pass, no allocation per line; the text
 * is not trusted. Pure.
 */
#ifndef PHOENIX_AGENT_EXPO_H
#define PHOENIX_AGENT_EXPO_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"

/** Names of processes that match the critical list. */
struct names;
/** @p patterns (@p n globs) are borrowed and must outlive the set. */
struct names *names_new(const char *const *patterns, size_t n);
void names_free(struct names *s); /**< NULL allowed */
/** Look at a name, escaped as in the exposition; kept if it matches. Names above the limit of 4096
 *  different ones are not kept. */
void names_see(struct names *s, struct str escaped);
size_t names_count(const struct names *s); /**< names that matched */
/** How many different names matched in either set; NULL is the empty set. */
size_t names_union(const struct names *a, const struct names *b);

struct expo {
    uint64_t series;
    bool malformed; /**< some line was none of the format; it was not counted */
    /** The collector's own counters; NAN: not shown. */
    double points, points_in, dropped, bytes;
};
/** Whether a sample is the collector's own and no series of the pipeline. */
bool expo_is_own(struct str name, bool has_labels);
/** @p critical may be NULL. */
void expo_scan(struct str text, struct names *critical, struct expo *ret);
#endif
