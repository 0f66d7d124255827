/* SPDX-License-Identifier: Apache-2.0 */
/* Names that never come again: each process is a label value nobody has seen. */
#include "plugins/loadsim/profile.h"

static phx_status high_cardinality_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    *ret = profile_new(host, cfg);
    if (!*ret) return PHX_E_NOMEM;
    profile_add(*ret, (struct cohort){ .naming = NAME_FRESH,
                                       .stem = "phx-job-",
                                       .count = (double)host->cfg_int(cfg, "process_count", 200),
                                       .life_s = (double)host->cfg_int(cfg, "lifetime_ms", 4000) / 1000,
                                       .cpu_percent = host->cfg_num(cfg, "cpu_percent", 0) });
    return PHX_OK;
}

#define HIGH_CARDINALITY(id, text)                                                                       \
    PROFILE_COMPONENT(id, text,                                                                          \
                      PROFILE_INT("process_count", "200", "1", "1000", "processes alive on average")     \
                      PROFILE_INT("lifetime_ms", "4000", "50", "600000", "mean life of a process in ms") \
                      PROFILE_NUM("cpu_percent", "0", "0", "100",                                        \
                                  "CPU of each process, in percent of one CPU"),                         \
                      high_cardinality_create)
const phx_component PROFILE_HIGH_CARDINALITY =
    HIGH_CARDINALITY("high-cardinality", "many processes, each with a name of its own");
const phx_component PROFILE_HIGH_CARD = HIGH_CARDINALITY("high-card", "another name of high-cardinality");
