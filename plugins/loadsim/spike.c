/* SPDX-License-Identifier: Apache-2.0 */
/* Calm, a burst of births, calm again; over and over until the end. */
#include "plugins/loadsim/profile.h"

static phx_status spike_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    *ret = profile_new(host, cfg);
    if (!*ret) return PHX_E_NOMEM;
    profile_add(*ret, (struct cohort){ .naming = NAME_ROUND,
                                       .stem = "phx-spike-",
                                       .count = (double)host->cfg_int(cfg, "process_count", 2),
                                       .life_s = (double)host->cfg_int(cfg, "lifetime_ms", 1000) / 1000,
                                       .cpu_percent = host->cfg_num(cfg, "cpu_percent", 0.1),
                                       .follows_phases = true });
    struct population *p = &(*ret)->population;
    p->n_phases = 3;
    p->phases[0] = (struct phase){ host->cfg_num(cfg, "before_s", 30), 1 };
    p->phases[1] = (struct phase){ host->cfg_num(cfg, "during_s", 10), host->cfg_num(cfg, "factor", 100) };
    p->phases[2] = (struct phase){ host->cfg_num(cfg, "after_s", 20), 1 };
    return PHX_OK;
}

const phx_component PROFILE_SPIKE = PROFILE_COMPONENT(
    "spike", "a calm population that is a hundred times as large for a while",
    PROFILE_INT("process_count", "2", "1", "100", "processes alive on average when it is calm")
    PROFILE_INT("lifetime_ms", "1000", "50", "60000", "mean life of a process in ms")
    PROFILE_NUM("cpu_percent", "0.1", "0", "100", "CPU of each process, in percent of one CPU")
    PROFILE_NUM("factor", "100", "1", "1000", "how many times as many in the spike")
    PROFILE_NUM("before_s", "30", "0.1", "3600", "seconds of calm before")
    PROFILE_NUM("during_s", "10", "0.1", "3600", "seconds of spike")
    PROFILE_NUM("after_s", "20", "0.1", "3600", "seconds of calm after; then it starts over"),
    spike_create);
