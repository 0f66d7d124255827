/* SPDX-License-Identifier: Apache-2.0 */
/* Series in the exposition, summed over the fleet: what a backend that bills by series sees. */
#include <phoenix/plugin.h>

static const phx_kpi_input series = {
    .size = sizeof series, .reduce = PHX_MEAN, .name = "series", .unit = "1"
};
static const phx_kpi_input *const inputs[] = { &series, NULL };

static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    (void)self;
    for (uint64_t i = 0; i < w->n; i++) {
        phx_status st = out->cell(out, i, w->in[0][i], 1);
        if (st != PHX_OK) return st;
    }
    return PHX_OK;
}

static const phx_kpi_ops ops = {
    .size = sizeof ops,
    .estimand = PHX_TOTAL,
    .better = PHX_LOWER_IS_BETTER,
    .unit = "{series}",
    .inputs = inputs,
    .cells = cells,
};

static const phx_component component = {
    .size = sizeof component,
    .kind = PHX_KPI,
    .name = "cardinality",
    .summary = "active series",
    .ops = &ops,
};
static const phx_component *const all[] = { &component, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.kpi-cardinality",
    .version = "0.1.0",
    .summary = "active series",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = all,
};
