/* SPDX-License-Identifier: Apache-2.0 */
/* CPU of the collector itself, in cores: what the pipeline costs the host. Typical host, not the sum. */
#include <phoenix/plugin.h>

static const phx_kpi_input cpu = {
    .size = sizeof cpu, .reduce = PHX_INCREASE, .name = "cpu_seconds_total", .unit = "s"
};
static const phx_kpi_input *const inputs[] = { &cpu, NULL };

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
    .estimand = PHX_LOG_RATIO,
    .better = PHX_LOWER_IS_BETTER,
    .unit = "{cores}",
    .inputs = inputs,
    .cells = cells,
};

static const phx_component component = {
    .size = sizeof component,
    .kind = PHX_KPI,
    .name = "collector-cpu",
    .summary = "CPU time of the collector, in cores",
    .ops = &ops,
};
static const phx_component *const all[] = { &component, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.kpi-collector-cpu",
    .version = "0.1.0",
    .summary = "CPU time of the collector, in cores",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = all,
};
