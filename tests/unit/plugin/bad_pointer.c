/* SPDX-License-Identifier: Apache-2.0 */
/* Says that its components are where nothing is. */
#include <phoenix/plugin.h>
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD, .id = "org.example.pointer", .version = "1", .license = "MIT",
    .components = (const phx_component *const *)8,
};
