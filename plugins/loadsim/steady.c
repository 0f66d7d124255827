/* SPDX-License-Identifier: Apache-2.0 */
/* A host on a quiet day: the same processes from start to end. */
#include "plugins/loadsim/profile.h"

static phx_status steady_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    *ret = profile_new(host, cfg);
    if (!*ret) return PHX_E_NOMEM;
    profile_add(*ret, (struct cohort){ .naming = NAME_ROUND,
                                       .stem = "phx-steady-",
                                       .count = (double)host->cfg_int(cfg, "process_count", 20),
                                       .cpu_percent = host->cfg_num(cfg, "cpu_percent", 0.3),
                                       .memory_mib = host->cfg_num(cfg, "memory_mib", 2) });
    return PHX_OK;
}

const phx_component PROFILE_STEADY = PROFILE_COMPONENT(
    "steady", "long-lived processes with constant CPU and memory",
    PROFILE_INT("process_count", "20", "1", "1000", "processes")
    PROFILE_NUM("cpu_percent", "0.3", "0", "100", "CPU of each process, in percent of one CPU")
    PROFILE_NUM("memory_mib", "2", "0", "64", "mean memory of each process, in MiB"),
    steady_create);
