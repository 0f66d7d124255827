/* SPDX-License-Identifier: Apache-2.0 */
/* Points exported a second, summed over the fleet: what a backend that bills by samples sees. */
#include <phoenix/plugin.h>

static const phx_kpi_input points = {
    .size = sizeof points, .reduce = PHX_INCREASE, .name = "points_total", .unit = "1"
};
static const phx_kpi_input *const inputs[] = { &points, NULL };

static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    (void)self;
    double seconds = (double)w->bucket_ns / 1e9;
    for (uint64_t i = 0; i < w->n; i++) {
        phx_status st = out->cell(out, i, w->in[0][i] / seconds, 1);
        if (st != PHX_OK) return st;
    }
    return PHX_OK;
}

static const phx_kpi_ops ops = {
    .size = sizeof ops,
    .estimand = PHX_TOTAL,
    .better = PHX_LOWER_IS_BETTER,
    .unit = "{points}/s",
    .inputs = inputs,
    .cells = cells,
};

static const phx_component component = {
    .size = sizeof component,
    .kind = PHX_KPI,
    .name = "ingest-rate",
    .summary = "points exported a second",
    .ops = &ops,
};
static const phx_component *const all[] = { &component, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.kpi-ingest-rate",
    .version = "0.1.0",
    .summary = "points exported a second",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = all,
};
