/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin: what all profiles share, and the list of them. */
#include "plugins/loadsim/profile.h"
#include <stdlib.h>

phx_self *profile_new(const phx_host *host, const phx_cfg *cfg)
{
    phx_self *self = calloc(1, sizeof *self);
    if (!self) return NULL;
    profile_add(self, (struct cohort){ .naming = NAME_ROUND,
                                       .stem = "phx-critical-",
                                       .count = (double)host->cfg_int(cfg, "critical", 0),
                                       .cpu_percent = 0.1,
                                       .memory_mib = 1 });
    return self;
}

void profile_add(phx_self *self, struct cohort cohort)
{
    self->population.cohorts[self->population.n_cohorts++] = cohort;
}

void profile_free(phx_self *self)
{
    free(self);
}

static phx_status profile_start(phx_self *self, const phx_load_budget *budget)
{
    population_start(&self->population, PHX_HAS(budget, phx_load_budget, seed) ? budget->seed : 0);
    return PHX_OK;
}

static phx_status profile_step(phx_self *self, uint64_t elapsed_ns, uint64_t quota, const phx_load_out *out,
                               uint64_t *done, uint64_t *next_ns)
{
    population_step(&self->population, (int64_t)elapsed_ns, quota, done, next_ns);
    return PHX_OK;
}

static void profile_stop(phx_self *self)
{
    population_stop(&self->population);
}

static uint64_t profile_due(phx_self *self)
{
    return population_due(&self->population);
}

/* A rate of births says little to people; a factor does. */
static phx_status profile_adjust(phx_self *self, uint64_t elapsed_ns, const phx_load_change *change)
{
    static const double most = 100;
    if (PHX_HAS(change, phx_load_change, rate)) return PHX_E_UNSUPPORTED;
    if (!(change->factor >= 0 && change->factor <= most)) return PHX_E_INVAL;
    return population_adjust(&self->population, (int64_t)elapsed_ns, change->factor) ? PHX_OK
                                                                                      : PHX_E_UNSUPPORTED;
}

const phx_load_ops PROFILE_OPS = {
    .size = sizeof PROFILE_OPS,
    .flags = PHX_LOAD_SPAWNS,
    .start = profile_start,
    .step = profile_step,
    .stop = profile_stop,
    .due = profile_due,
    .adjust = profile_adjust,
};

static const phx_component *const COMPONENTS[] = {
    &PROFILE_CHURN,     &PROFILE_STEADY,    &PROFILE_SPIKE,  &PROFILE_HIGH_CARDINALITY,
    &PROFILE_HIGH_CARD, &PROFILE_REALISTIC, &PROFILE_NORMAL, NULL,
};

PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.loadsim",
    .version = "0.1.0",
    .summary = "load made of real processes",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = COMPONENTS,
};
