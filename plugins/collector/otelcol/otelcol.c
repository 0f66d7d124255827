/* SPDX-License-Identifier: Apache-2.0 */
/* The backends of the OpenTelemetry Collector and of distributions of it, which differ in the name of the
 * program. Nothing here starts, opens or reads anything. */
#include <phoenix/helpers.h>
#include <stdlib.h>
#include "plugins/collector/common/seen.h"
#include "plugins/collector/otelcol/check.h"
#include "plugins/collector/otelcol/compose.h"
#include "plugins/collector/otelcol/deploy.h"

enum { PROGRAMS_MAX = 4 };
struct phx_self {
    const phx_host *host;
    const char *programs[PROGRAMS_MAX + 1]; /* best first; NULL ends them */
};

static phx_status create(const phx_host *host, const phx_cfg *cfg, const char *const *programs,
                         phx_self **ret)
{
    const char *path = phx_cfg_str(host, cfg, "path", NULL);
    if (path && path[0] != '/') return phx_failf(host, PHX_E_CONFIG, "path: \"%s\" is not absolute", path);
    phx_self *self = calloc(1, sizeof *self);
    if (!self) return PHX_E_NOMEM;
    self->host = host;
    self->programs[0] = path;
    for (unsigned i = 0; !path && programs[i] && i < PROGRAMS_MAX; i++) self->programs[i] = programs[i];
    *ret = self;
    return PHX_OK;
}

static phx_status otelcol_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    static const char *const programs[] = { "otelcol-contrib", "otelcol-phoenix", NULL };
    return create(host, cfg, programs, ret);
}

static phx_status nrdot_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    static const char *const programs[] = { "nrdot-collector", "nrdot-collector-host", NULL };
    return create(host, cfg, programs, ret);
}

static void destroy(phx_self *self)
{
    free(self);
}

static phx_status render(phx_self *self, phx_str pipeline, const phx_sink *out)
{
    return compose(self->host, pipeline, out);
}

static phx_status check(phx_self *self, phx_str config, const phx_sink *out)
{
    return check_config(config, out);
}

static phx_status launch(phx_self *self, phx_str deploy, const phx_sink *out)
{
    return deploy_launch(self->host, self->programs, deploy, out);
}

static phx_status reload(phx_self *self, phx_str old_deploy, phx_str deploy, const phx_sink *out)
{
    return deploy_reload(self->host, old_deploy, deploy, out);
}

static phx_status health(phx_self *self, phx_str seen, const phx_sink *out, uint32_t *state)
{
    return seen_health(self->host, seen, out, state);
}

static const phx_collector_ops OPS = {
    .size = sizeof OPS,
    .render = render,
    .check = check,
    .launch = launch,
    .reload = reload,
    .health = health,
};
#define SCHEMA(program)                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\",\"minLength\":2,"                   \
    "\"maxLength\":4000,\"description\":\"the program, absolute; without it " program " of the agent's "    \
                                                                                      "PATH\"}}}"
static const phx_component OTELCOL = {
    .size = sizeof OTELCOL,
    .kind = PHX_COLLECTOR,
    .name = "otelcol",
    .summary = "the OpenTelemetry Collector, contrib or a build with what the templates need",
    .schema = SCHEMA("otelcol-contrib or otelcol-phoenix"),
    .ops = &OPS,
    .create = otelcol_create,
    .destroy = destroy,
};
static const phx_component NRDOT = {
    .size = sizeof NRDOT,
    .kind = PHX_COLLECTOR,
    .name = "nrdot",
    .summary = "New Relic's distribution of the OpenTelemetry Collector",
    .schema = SCHEMA("nrdot-collector or nrdot-collector-host"),
    .ops = &OPS,
    .create = nrdot_create,
    .destroy = destroy,
};
static const phx_component *const COMPONENTS[] = { &OTELCOL, &NRDOT, NULL };

PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,          .id = "org.phoenix.collector-otelcol",
    .version = "0.1.0",       .summary = "collector backends for the OpenTelemetry Collector",
    .license = "Apache-2.0",  .vendor = "Phoenix",
    .components = COMPONENTS,
};
