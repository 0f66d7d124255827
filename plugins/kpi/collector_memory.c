/* SPDX-License-Identifier: Apache-2.0 */
/* Resident memory of the collector itself: what the pipeline costs the host. Typical host, not the sum. */
#include <phoenix/plugin.h>

static const phx_kpi_input rss = {
    .size = sizeof rss, .reduce = PHX_MEAN, .name = "rss_bytes", .unit = "By"
};
static const phx_kpi_input *const inputs[] = { &rss, NULL };

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
    .estimand = PHX_LOG_RATIO,
    .better = PHX_LOWER_IS_BETTER,
    .unit = "By",
    .inputs = inputs,
    .cells = cells,
};

static const phx_component component = {
    .size = sizeof component,
    .kind = PHX_KPI,
    .name = "collector-memory",
    .summary = "resident memory of the collector",
    .ops = &ops,
};
static const phx_component *const all[] = { &component, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.kpi-collector-memory",
    .version = "0.1.0",
    .summary = "resident memory of the collector",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = all,
};
