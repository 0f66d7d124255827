/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest KPI plugin with a parameter: exported points a second. Copy it, rename it, change
 * cells(). A KPI is pure: the same window gives the same bytes, and there is no clock to look at. */
#include <phoenix/helpers.h>
#include <stdlib.h>

struct phx_self {
    double factor;
};

static const phx_kpi_input points = {
    .size = sizeof points, .reduce = PHX_INCREASE, .name = "points_total", .unit = "1"
};
static const phx_kpi_input *const inputs[] = { &points, NULL };

static phx_status create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    phx_self *self = malloc(sizeof *self);
    if (!self) {
        return phx_failf(host, PHX_E_NOMEM, "no memory");
    }
    self->factor = phx_cfg_num(host, cfg, "factor", 1);
    *ret = self;
    return PHX_OK;
}

static void destroy(phx_self *self)
{
    free(self);
}

static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    double seconds = (double)w->bucket_ns / 1e9;
    for (uint64_t i = 0; i < w->n; i++) {
        phx_status status = out->cell(out, i, self->factor * w->in[0][i] / seconds, 1);
        if (status != PHX_OK) {
            return status;
        }
    }
    return PHX_OK;
}

static const phx_kpi_ops ops = {
    .size = sizeof ops,
    .estimand = PHX_LOG_RATIO,
    .better = PHX_LOWER_IS_BETTER,
    .unit = "1/s",
    .inputs = inputs,
    .cells = cells,
};
static const phx_component component = {
    .size = sizeof component,
    .kind = PHX_KPI,
    .name = "template",
    .summary = "Exported points a second, times a factor",
    .schema = "{\"type\":\"object\",\"properties\":{\"factor\":{\"type\":\"number\",\"minimum\":0.001,"
              "\"maximum\":1000,\"default\":1,\"description\":\"multiplies the rate\"}}}",
    .ops = &ops,
    .create = create,
    .destroy = destroy,
};
static const phx_component *const components[] = { &component, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.example.phoenix-template",
    .version = "1.0",
    .summary = "A KPI to start from",
    .license = "Apache-2.0",
    .vendor = "example.org",
    .components = components,
};
