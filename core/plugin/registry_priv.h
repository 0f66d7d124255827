/* SPDX-License-Identifier: Apache-2.0 */
/** @file registry_priv.h  The registry's body, for instance.c. */
#ifndef PHOENIX_PLUGIN_REGISTRY_PRIV_H
#define PHOENIX_PLUGIN_REGISTRY_PRIV_H
#include "core/base/arena.h"
#include "core/plugin/plugin.h"

struct registry {
    struct arena *arena; /**< all texts and copies */
    const char *program, *version;
    struct loop *loop; /**< borrowed; NULL: none is lent */
    struct component **components;
    size_t n;
    struct refused **refused;
    size_t n_refused;
};
#endif
