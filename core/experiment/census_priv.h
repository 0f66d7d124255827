/* SPDX-License-Identifier: Apache-2.0 */
/** @file census_priv.h
 * The sum of censuses, as its files see it.
 */
#ifndef PHOENIX_EXPERIMENT_CENSUS_PRIV_H
#define PHOENIX_EXPERIMENT_CENSUS_PRIV_H
#include <uthash.h>
#include "core/base/arena.h"
#include "core/base/sketch.h"
#include "core/experiment/census.h"

/** What hosts told of a name in one arm. */
struct tally {
    int64_t series;
    int64_t bounded; /**< of the list's rest: what is not missing here, since the host told this name */
    unsigned told;         /**< hosts */
    unsigned told_partial; /**< of those, hosts that did not tell all names */
    double bytes_per_s, points_per_s;
    struct sketch values;
};
struct list;
/** A metric with its labels, a label with its values; a value. */
struct entry {
    UT_hash_handle hh;
    const char *name;
    struct tally arm[ARM_COUNT];
    struct list *below; /**< NULL: none */
};
struct list {
    struct entry *entries; /**< uthash, by name */
    unsigned most, p;      /**< entries; precision of their sketches */
    int64_t rest[ARM_COUNT];     /**< series of a name that no host told, at most */
    unsigned partial[ARM_COUNT]; /**< hosts that did not tell all names */
};
struct arm_sum {
    unsigned hosts;
    int64_t series;
    double points_per_s, bytes_per_s, cpu_cores, rss_bytes;
    struct sketch names; /**< of metrics */
};
struct census_sum {
    struct arena *arena; /**< entries, lists, names */
    struct arm_sum arm[ARM_COUNT];
    struct list metrics, labels;
    unsigned sketches_left; /**< of labels of single metrics */
    int64_t oldest_ns, newest_ns;
};

/** How many series a name has at most; tally.series is the least. */
int64_t tally__most(const struct list *l, const struct entry *e, int arm);
/** Did every host that has this name tell it? */
bool tally__is_whole(const struct list *l, const struct entry *e, int arm);
/** All entries, sorted, in the arena; NULL if there are none. */
typedef int entry_order(const void *a, const void *b);
struct entry **list__sorted(struct arena *arena, const struct list *l, entry_order *order, size_t *ret_n);
/** Most series in either arm first, then by name. */
entry_order entry__by_series;
#endif
