/* SPDX-License-Identifier: Apache-2.0 */
/** @file measures.h  What agents measure of each arm, from measures.def: MEASURE_SERIES and so on. */
#ifndef PHOENIX_BASE_MEASURES_H
#define PHOENIX_BASE_MEASURES_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum measure {
#define MEASURE(id, name, unit, meaning) MEASURE_##id,
#include "core/tables/measures.def"
    MEASURE_COUNT
};

/** "points_total"; NULL when @p i is no measure. */
static inline const char *measure_name(unsigned i)
{
    static const char *const names[] = {
#define MEASURE(id, name, unit, meaning) name,
#include "core/tables/measures.def"
    };
    return i < MEASURE_COUNT ? names[i] : NULL;
}

/** Position of a measure, or MEASURE_COUNT when there is none of that name. */
static inline unsigned measure_find(const char *name)
{
    unsigned i = 0;
    while (i < MEASURE_COUNT && strcmp(measure_name(i), name) != 0) i++;
    return i;
}

/** Counters are those whose name ends in "_total". */
static inline bool measure_is_counter(unsigned i)
{
    size_t n = i < MEASURE_COUNT ? strlen(measure_name(i)) : 0;
    return n > 6 && strcmp(measure_name(i) + n - 6, "_total") == 0;
}
#endif
