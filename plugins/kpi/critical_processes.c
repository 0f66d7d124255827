/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the processes that must not get lost an arm still shows. A trial is one process on one host
 * that either arm shows: the other arm is the witness that it is alive. */
#include <phoenix/plugin.h>

static const phx_kpi_input seen = {
    .size = sizeof seen, .reduce = PHX_LAST, .name = "critical_seen", .unit = "1"
};
static const phx_kpi_input alive = {
    .size = sizeof alive, .reduce = PHX_LAST, .name = "critical_alive", .unit = "1"
};
static const phx_kpi_input *const inputs[] = { &seen, &alive, NULL };

static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    (void)self;
    for (uint64_t i = 0; i < w->n; i++) {
        double shown = w->in[0][i], there = w->in[1][i];
        if (there <= 0) continue; /* nothing to be seen is no information, neither good nor bad */
        phx_status st = out->cell(out, i, shown < there ? shown : there, there);
        if (st != PHX_OK) return st;
    }
    return PHX_OK;
}

static const phx_kpi_ops ops = {
    .size = sizeof ops,
    .estimand = PHX_EVENT,
    .better = PHX_HIGHER_IS_BETTER,
    .unit = "1",
    .inputs = inputs,
    .cells = cells,
};

static const phx_component component = {
    .size = sizeof component,
    .kind = PHX_KPI,
    .name = "critical-processes",
    .summary = "share of the critical processes that the candidate still shows",
    .ops = &ops,
};
static const phx_component *const all[] = { &component, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.kpi-critical-processes",
    .version = "0.1.0",
    .summary = "share of the critical processes that the candidate still shows",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = all,
};
