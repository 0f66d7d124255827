/* SPDX-License-Identifier: Apache-2.0 */
/** @file plugin.h
 * Find, check and load plugins; make instances of their components; lend them the host's services.
 * All [loop].
 */
#ifndef PHOENIX_PLUGIN_LOADER_H
#define PHOENIX_PLUGIN_LOADER_H
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/loop/loop.h"
#include "phoenix/plugin.h"

struct registry; /**< all plugins of this process */
/** A component that was found and checked. Lives as long as the registry. */
struct component {
    const char *kind, *name, *summary; /**< "phoenix.kpi/1", "cost", one line */
    const char *schema_text;           /**< JSON Schema, NULL: takes no config */
    const struct schema *schema;       /**< parsed; NULL: takes no config */
    const phx_component *abi;          /**< our copy, zero-filled up to today's size */
    const char *plugin_id, *version, *license, *vendor, *source, *revision;
    const char *path;                  /**< file; "built-in" */
    const char *build_id;              /**< hex, "" if none */
};
/** A file that was not loaded, and why. */
struct refused {
    const char *path, *wanted, *found, *remedy;
};
struct registry_conf {
    const char *program, *version;      /**< as phx_host says */
    const char *const *dirs;            /**< absolute, NULL-terminated, first wins; NULL: none */
    const char *const *files;           /**< single files, absolute, before the directories; NULL: none */
    bool trusts_files;                  /**< do not look at owner and mode of `files` */
    const phx_plugin *const *builtin;   /**< NULL-terminated; NULL: none */
    struct loop *loop;                  /**< NULL: instances get no loop, no lanes */
};
/** Load all plugins: built-in ones, single files, directories. Each file is loaded in a child process
 *  first, so this must be called before the program has threads. Bad ones are refused, logged and
 *  listed, never fatal. A directory that is not safe (owner, mode) is refused as a whole. */
struct registry *registry_new(const struct registry_conf *conf, struct err *err);
void registry_free(struct registry *r); /**< objects stay mapped: code is never unloaded */
size_t registry_count(const struct registry *r);
const struct component *registry_at(const struct registry *r, size_t i);
size_t registry_refused_count(const struct registry *r);
const struct refused *registry_refused_at(const struct registry *r, size_t i);
/** NULL: no such component; @p err (NOTFOUND) lists those there are. */
const struct component *registry_find(const struct registry *r, const char *kind, const char *name,
                                      struct err *err);

/** An instance: the component's create() has been called with config that passed its schema. */
struct instance;
enum { INSTANCE_PURE = 1 }; /**< no clocks, no interfaces: KPIs and collectors */
/** @p config is checked against the schema, defaults filled in; NULL: an empty table. Errors:
 *  CONFIG with the pointer of the fault; or what the plugin said through fail(). */
struct instance *instance_new(struct registry *r, const struct component *c, const struct json *config,
                              unsigned flags, struct err *err);
void instance_free(struct instance *i);
phx_self *instance_self(struct instance *i);
const struct component *instance_component(const struct instance *i);
/** Turn a status that a call of this instance returned, and what it said through fail(), into an
 *  error. 0 stays 0. */
int instance_result(struct instance *i, phx_status status, struct err *err) MUST_CHECK;
/** One plugin's metadata as JSON, for `plugin describe` and GET /plugins. */
void component_write(const struct component *c, struct jw *w);
/** The member "parameters" only: the schema, or null. */
void component_write_parameters(const struct component *c, struct jw *w);
/** Two members of an open object: an array named @p components, and "refused". */
void registry_write(const struct registry *r, const char *components, struct jw *w);
#endif
