/* SPDX-License-Identifier: Apache-2.0 */
/** @file bad.h
 * A KPI plugin that is fine unless a macro says otherwise. Each bad_*.c defines what is wrong with it
 * and includes this.
 */
#include <phoenix/plugin.h>

#ifndef BAD_NAME
#define BAD_NAME "bad"
#endif
#ifndef BAD_ID
#define BAD_ID "org.example.bad"
#endif
#ifndef BAD_KIND
#define BAD_KIND PHX_KPI
#endif
#ifndef BAD_LICENSE
#define BAD_LICENSE "MIT"
#endif
#ifndef BAD_SCHEMA
#define BAD_SCHEMA NULL
#endif
#ifndef BAD_SIZE
#define BAD_SIZE sizeof(phx_plugin)
#endif
#ifndef BAD_MINOR
#define BAD_MINOR 0
#endif

static const phx_kpi_input input = {
    .size = sizeof input, .reduce = PHX_MEAN, .name = "series", .unit = "1"
};
static const phx_kpi_input *const inputs[] = { &input, NULL };
static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
#ifdef BAD_CELLS
    BAD_CELLS
#endif
    return PHX_OK;
}
static const phx_kpi_ops ops = { .size = sizeof ops,
                                 .estimand = PHX_DIFF,
                                 .better = PHX_LOWER_IS_BETTER,
                                 .unit = "1",
                                 .inputs = inputs,
                                 .cells = cells };
static const phx_component component = {
    .size = sizeof component, .kind = BAD_KIND, .name = BAD_NAME, .schema = BAD_SCHEMA, .ops = &ops
};
static const phx_component *const components[] = { &component, NULL };
PHX_PLUGIN = {
    .size = BAD_SIZE, .minor_needed = BAD_MINOR, .id = BAD_ID, .version = "1", .license = BAD_LICENSE,
    .components = components,
};
