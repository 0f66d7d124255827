/* SPDX-License-Identifier: Apache-2.0 */
/** @file plugin_priv.h
 * What the files of core/plugin share, and phoenix-plugin-check, which looks at one file closely.
 */
#ifndef PHOENIX_PLUGIN_PRIV_H
#define PHOENIX_PLUGIN_PRIV_H
#include <pthread.h>
#include <stdatomic.h>
#include "core/base/arena.h"
#include "core/plugin/plugin.h"

/** Why a file is not loaded, in the four words that every refusal has (the fourth is its path). */
struct refusal {
    char wanted[128], found[256], remedy[160];
};
/** Fill in and return -1. */
int refuse(struct refusal *r, const char *wanted, const char *remedy, const char *found_fmt, ...)
    PRINTF_LIKE(4, 5);

/* ---- find.c */
/** Absolute paths of the plugins of one directory, sorted, in @p a; NULL-terminated. NULL: refused. */
char **find__plugins(struct arena *a, const char *dir, struct refusal *why);
/** Owner, mode and kind of one file, and of each directory above it. 0 or -1. */
int find__file(const char *path, struct refusal *why);

/* ---- check.c */
/** A kind of component that this host knows. */
struct plugin_kind {
    const char *id; /**< PHX_KPI ... */
    bool is_pure;   /**< instances get no clocks and no interfaces */
    uint32_t floor; /**< size that the ops table had in 1.0 */
    uint32_t size;  /**< size that it has today */
    int (*check)(const char *name, const void *ops, struct refusal *why);
};
const struct plugin_kind *plugin__kind(const char *id); /**< NULL: unknown */
/** A plugin whose every word has been looked at. In the arena that plugin__check() was given. */
struct checked {
    phx_plugin abi;                 /**< our copy */
    const phx_component **component; /**< our copies, with ops copied too; NULL for unknown kinds */
    struct schema **schema;         /**< parsed; free with schema_free() */
    size_t n;
};
/** Validate @p p, which stands in memory of @p symbol_size bytes (0: unknown), and copy it. 0 or -1. */
int plugin__check(struct arena *a, const phx_plugin *p, size_t symbol_size, struct checked *ret,
                  struct refusal *why);
void checked__done(struct checked *c); /**< frees the schemas */

/* ---- load.c */
/** An object that stays mapped until the process ends. */
struct loaded {
    const phx_plugin *plugin;
    size_t symbol_size;
    char build_id[2 * 32 + 1]; /**< hex, "" if none */
};
/** dlopen() and look the entry symbol up. 0 or -1. */
int load__open(const char *path, struct loaded *ret, struct refusal *why);
/** Load and check @p path in a child process first. 0: it survives that and passes. */
int load__probe(const char *path, struct refusal *why);

/* ---- host.c: one instance, as the plugin sees it */
/** Config of an instance. Read-only but for `texts`. */
struct phx_cfg {
    struct json *tree;
    pthread_mutex_t lock; /**< guards `texts` */
    struct arena *texts;  /**< what cfg_json() gave out */
};
struct instance {
    phx_host host; /**< first: host pointers are instance pointers */
    const struct component *component;
    phx_self *self;
    struct loop *loop; /**< NULL: pure */
    pthread_t thread;  /**< the loop's */
    phx_cfg cfg;
    atomic_uint refs;  /**< the owner, and each post and each lane that is under way */
    atomic_bool is_dead; /**< destroy() has returned: posts that come late are dropped */
    phx_watch *watches;
    phx_timer *timers;
    phx_lane *lanes;
    pthread_mutex_t lock; /**< guards `fail_text` */
    char fail_text[256];
};
void host__init(struct instance *i, const char *program, const char *version, bool is_pure);
/** Whether instances like @p i are offered interface @p id. */
bool host__offers(const struct instance *i, const char *id);
bool host__knows(const char *id); /**< an interface of any host */
/** Take back what the plugin did not give back; returns how many things. */
unsigned host__reclaim(struct instance *i);
void instance__unref(struct instance *i);
#endif
