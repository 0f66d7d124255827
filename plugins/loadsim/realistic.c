/* SPDX-License-Identifier: Apache-2.0 */
/* A server as people run them: services that stay, and jobs that come and go. */
#include "plugins/loadsim/profile.h"

static const char *const SERVICES[] = {
    "nginx",     "postgres", "redis-server",  "java",  "node",    "python3",    "mysqld", "haproxy",
    "memcached", "rabbitmq", "elasticsearch", "envoy", "dockerd", "containerd", NULL
};
static const char *const JOBS[] = { "cron",     "logrotate", "sh",  "curl", "php-fpm",
                                    "gunicorn", "sidekiq",   "git", NULL };

static phx_status realistic_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    *ret = profile_new(host, cfg);
    if (!*ret) return PHX_E_NOMEM;
    double count = (double)host->cfg_int(cfg, "process_count", 100);
    double stay = host->cfg_num(cfg, "long_lived", 0.7), churn = host->cfg_num(cfg, "churn", 0.1);
    double cpu = host->cfg_num(cfg, "cpu_percent", 0.1);
    profile_add(*ret, (struct cohort){ .naming = NAME_DRAWN,
                                       .names = SERVICES,
                                       .count = count * stay,
                                       .cpu_percent = cpu,
                                       .memory_mib = host->cfg_num(cfg, "memory_mib", 2) });
    /* births a second = churn * count; what is alive of them = births * life */
    profile_add(*ret, (struct cohort){ .naming = NAME_DRAWN, .names = JOBS, .count = count * (1 - stay),
                                       .life_s = (1 - stay) / churn, .cpu_percent = cpu });
    return PHX_OK;
}

#define REALISTIC(id, text)                                                                              \
    PROFILE_COMPONENT(id, text,                                                                          \
                      PROFILE_INT("process_count", "100", "1", "1000", "processes alive on average")     \
                      PROFILE_NUM("long_lived", "0.7", "0", "0.95", "share of services that stay")       \
                      PROFILE_NUM("churn", "0.1", "0.01", "1",                                           \
                                  "share of all processes that is replaced each second")                 \
                      PROFILE_NUM("cpu_percent", "0.1", "0", "100",                                      \
                                  "CPU of each process, in percent of one CPU")                          \
                      PROFILE_NUM("memory_mib", "2", "0", "64", "mean memory of a service, in MiB"),     \
                      realistic_create)
const phx_component PROFILE_REALISTIC =
    REALISTIC("realistic", "services that stay and jobs that come and go");
const phx_component PROFILE_NORMAL = REALISTIC("normal", "another name of realistic");
