/* SPDX-License-Identifier: Apache-2.0 */
/** @file expect.h
 * Figures of a report by name, and conditions on them: `p99<25ms,5xx=0,lost=0`. Pure.
 *
 *   conditions = condition *( "," condition )
 *   condition  = name ( "<" | "<=" | ">" | ">=" | "=" | "!=" ) value
 *
 * The value has the figure's unit: a duration ("25ms", "0s") for times, else a number. p50 and the like
 * without a group are those of dispatch.
 */
#ifndef PHOENIX_SWARM_EXPECT_H
#define PHOENIX_SWARM_EXPECT_H
#include <stdbool.h>
#include <stddef.h>
#include "core/base/err.h"
#include "core/base/str.h"

/** One number of a report; its name is "group.name", or "name" where there is no group. */
struct figure {
    const char *group; /**< NULL: none */
    char name[24];
    double value;      /**< ns for times */
    bool is_time, is_known; /**< not known: never came about, so no condition on it holds */
    const char *meaning;    /**< for people; NULL: plain from the name */
};
struct figures {
    struct figure *all;
    size_t n;
};
/** NULL: there is none. */
const struct figure *figure_find(const struct figures *f, struct str name);
/** "group.name" into @p out, which holds 64 bytes. */
const char *figure_name(const struct figure *f, char out[64]);

struct condition {
    const struct figure *figure;
    char op[3];
    double value;
};
/** Cut the first condition off @p rest. 0, or USAGE. */
int condition_next(struct str *rest, const struct figures *f, struct condition *ret, struct err *err);
bool condition_holds(const struct condition *c);
#endif
