/* SPDX-License-Identifier: Apache-2.0 */
/** @file loads_priv.h
 * What loads.c (the live ones and their news), loads_places.c (those of a host), loads_save.c (their way to
 * and from the store) and load_handlers.c (HTTP) share.
 */
#ifndef PHOENIX_API_LOADS_PRIV_H
#define PHOENIX_API_LOADS_PRIV_H
#include <uthash.h>
#include <utlist.h>
#include "core/api/load_doc.h"
#include "core/api/loads.h"
#include "core/http/http.h"

/** A live load on one of its hosts. */
struct place {
    struct live *live;
    struct load_host *host;
    struct place *prev, *next; /**< of the same host */
};

/** A load simulation that has not come to its end: as it is stored, and the news since. */
struct live {
    struct api *api;
    struct load load;
    struct timer *save, *patience;
    struct load_news *unsaved, *saving; /**< what `load` holds beyond the store; in the save on its way */
    bool is_busy;  /**< it is being saved or read */
    bool is_stale; /**< written by another process while it was busy: to be read again */
    unsigned look; /**< the last look that found it in the store */
    struct place *places; /**< one for each of its hosts */
    size_t n_places;
    UT_hash_handle hh; /**< by load.id */
};
struct loads {
    struct live *by_id;
    struct load_host *by_host; /**< hosts that have a live one */
    bool is_loaded;
    struct load_news *early; /**< heard before is_loaded */
    unsigned look;           /**< how many there were; several processes only */
    bool is_looking;
};

/** NULL: none that lives, as far as this process knows. Borrowed until the loop turns. */
struct live *loads__find(struct api *api, const char *id);
/** Takes @p l, which has been stored. */
struct live *loads__add(struct api *api, struct load *l);
/** Frees it; what was not saved is lost. */
void loads__drop(struct live *v);
/** Arm the patience with its hosts, in the process that leads. */
void loads__patience(struct live *v);
/** Takes @p n. If it is news, it is saved soon. */
void loads__tell(struct live *v, struct load_news *n);

/* loads_places.c: a report is of one host, and there may be thousands of loads. */
void places__take(struct live *v); /**< one on each of its hosts */
void places__leave(struct live *v);
/** A utlist by prev and next; NULL: no load lives there. */
struct place *places__of(struct api *api, const char *host);

/* loads_save.c */
void save__start(struct live *v); /**< make its timer */
void save__soon(struct live *v);
void save__now(struct live *v);   /**< what is not on its way yet */
/** Read it again: another process wrote it. */
void save__read(struct live *v);
/** Read one that is not in memory: if it lives, add it and tell it @p news (taken); then call then(arg). */
void save__fetch(struct api *api, const char *id, struct load_news *news, loop_fn *then, void *arg);

/* load_handlers.c */
/** Answer with the load of that id, or that there is none. */
void loads__reply(struct request *rq, const char *id);
/** Call then(rq) when this process knows the load of the path, if any does. */
void loads__learn(struct request *rq, loop_fn *then);

/** Profile schema with defaults for documents; NULL: it takes no parameters. */
const struct schema *load_profile_schema(struct api *api, const char *name);
#endif
