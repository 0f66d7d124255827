/* SPDX-License-Identifier: Apache-2.0 */
/* A load profile that makes more than it may, and leaves a child behind. */
#include <phoenix/plugin.h>
#include <unistd.h>

static phx_status start(phx_self *self, const phx_load_budget *budget)
{
    if (fork() == 0) {
        alarm(30);
        pause();
    }
    return PHX_OK;
}
static phx_status step(phx_self *self, uint64_t elapsed_ns, uint64_t quota, const phx_load_out *out,
                       uint64_t *done, uint64_t *next_ns)
{
    *done = quota + 1;
    return PHX_OK;
}
static void stop(phx_self *self)
{
}
static const phx_load_ops ops = {
    .size = sizeof ops, .flags = PHX_LOAD_SPAWNS, .start = start, .step = step, .stop = stop
};
static const phx_component component = {
    .size = sizeof component, .kind = PHX_LOAD, .name = "bad", .ops = &ops
};
static const phx_component *const components[] = { &component, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD, .id = "org.example.bad-load", .version = "1", .license = "MIT", .components = components,
};
