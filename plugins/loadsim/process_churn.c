/* SPDX-License-Identifier: Apache-2.0 */
/* Many short lives: nearly independent counts from one scrape to the next. */
#include "plugins/loadsim/profile.h"

static phx_status churn_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    *ret = profile_new(host, cfg);
    if (!*ret) return PHX_E_NOMEM;
    profile_add(*ret, (struct cohort){ .naming = NAME_ROUND,
                                       .stem = "phx-churn-",
                                       .count = (double)host->cfg_int(cfg, "process_count", 30),
                                       .life_s = (double)host->cfg_int(cfg, "lifetime_ms", 200) / 1000,
                                       .cpu_percent = host->cfg_num(cfg, "cpu_percent", 0.2) });
    return PHX_OK;
}

const phx_component PROFILE_CHURN = PROFILE_COMPONENT(
    "process-churn", "short-lived processes that come and go by chance",
    PROFILE_INT("process_count", "30", "1", "1000", "processes alive on average")
    PROFILE_INT("lifetime_ms", "200", "50", "60000", "mean life of a process in ms")
    PROFILE_NUM("cpu_percent", "0.2", "0", "100", "CPU of each process, in percent of one CPU"),
    churn_create);
