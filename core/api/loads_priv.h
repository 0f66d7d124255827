/* SPDX-License-Identifier: Apache-2.0 */
/** @file loads_priv.h  What loads.c (state) and load_handlers.c (HTTP) share. */
#ifndef PHOENIX_API_LOADS_PRIV_H
#define PHOENIX_API_LOADS_PRIV_H
#include <uthash.h>
#include "core/api/load_doc.h"
#include "core/api/loads.h"

/** A load simulation that has not come to its end. Memory is ahead of the store by a moment. */
struct live {
    struct api *api;
    struct load load;
    struct timer *save, *patience;
    bool is_saving, is_dirty;
    UT_hash_handle hh; /**< by load.id */
};
/** NULL: none that lives. Borrowed until the loop turns. */
struct live *loads__find(struct api *api, const char *id);
/** Takes @p l, which has been stored. */
struct live *loads__add(struct api *api, struct load *l);
/** Something was changed: save it soon. */
void loads__changed(struct live *v);
/** Profile schema with defaults for documents; NULL: it takes no parameters. */
const struct schema *load_profile_schema(struct api *api, const char *name);
#endif
