/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile.h
 * What the profiles share. A profile is a create() that turns its parameters into cohorts; the rest is
 * population.h.
 */
#ifndef PHOENIX_LOADSIM_PROFILE_H
#define PHOENIX_LOADSIM_PROFILE_H
#include "phoenix/plugin.h"
#include "plugins/loadsim/population.h"

struct phx_self {
    struct population population;
};
extern const phx_load_ops PROFILE_OPS;
/** An instance with the critical cohort in place (parameter "critical"); NULL: out of memory. */
phx_self *profile_new(const phx_host *host, const phx_cfg *cfg);
void profile_add(phx_self *self, struct cohort cohort);
void profile_free(phx_self *self);

/* Rows of a parameter table, as JSON Schema. */
#define PROFILE_SCHEMA(rows) "{\"type\":\"object\",\"properties\":{" rows PROFILE_CRITICAL "}}"
#define PROFILE_INT(name, dflt, min, max, help)                                                          \
    "\"" name "\":{\"type\":\"integer\",\"default\":" dflt ",\"minimum\":" min ",\"maximum\":" max      \
    ",\"description\":\"" help "\"},"
#define PROFILE_NUM(name, dflt, min, max, help)                                                          \
    "\"" name "\":{\"type\":\"number\",\"default\":" dflt ",\"minimum\":" min ",\"maximum\":" max       \
    ",\"description\":\"" help "\"},"
#define PROFILE_CRITICAL                                                                                 \
    "\"critical\":{\"type\":\"integer\",\"default\":0,\"minimum\":0,\"maximum\":100,"                    \
    "\"description\":\"processes named phx-critical-NN that live to the end\"}"
#define PROFILE_COMPONENT(id, text, rows, make)                                                          \
    {                                                                                                    \
        .size = sizeof(phx_component), .kind = PHX_LOAD, .name = id, .summary = text,                    \
        .schema = PROFILE_SCHEMA(rows), .ops = &PROFILE_OPS, .create = make, .destroy = profile_free     \
    }

extern const phx_component PROFILE_CHURN, PROFILE_STEADY, PROFILE_SPIKE, PROFILE_HIGH_CARDINALITY,
    PROFILE_HIGH_CARD, PROFILE_REALISTIC, PROFILE_NORMAL;
#endif
