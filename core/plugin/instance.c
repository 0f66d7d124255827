/* SPDX-License-Identifier: Apache-2.0 */
/* One live component: its config, its host, its state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/plugin/plugin_priv.h"
#include "core/plugin/registry_priv.h"

/* The config with defaults filled in, or NULL with the first fault in err. */
static struct json *check_config(const struct component *c, const struct json *config, struct err *err)
{
    if (config && !json_is(config, JSON_OBJECT)) {
        err_set(err, ERR_CONFIG, "the config of \"%s\" is no table", c->name);
        return NULL;
    }
    if (!c->schema && json_len(config) > 0) {
        err_set(err, ERR_CONFIG, "\"%s\" takes no config", c->name);
        return NULL;
    }
    struct json *tree = config ? json_copy(config) : json_object();
    if (c->schema) {
        schema_defaults(c->schema, tree);
        struct faults faults;
        if (!schema_check(c->schema, tree, &faults)) {
            err_set(err, ERR_CONFIG, "the config of \"%s\": %s: %s", c->name, faults.at[0].pointer,
                    faults.at[0].msg);
            json_free(tree);
            return NULL;
        }
    }
    return tree;
}

static int check_needs(const struct instance *i, struct err *err)
{
    const char *const *needs = i->component->abi->needs;
    for (size_t k = 0; needs && needs[k]; k++) {
        if (!host__offers(i, needs[k])) {
            return err_set(err, ERR_UNSUPPORTED, "\"%s\" needs %s, which this program does not offer",
                           i->component->name, needs[k]);
        }
    }
    return 0;
}

void instance__unref(struct instance *i)
{
    if (atomic_fetch_sub(&i->refs, 1) == 1) {
        pthread_mutex_destroy(&i->lock);
        pthread_mutex_destroy(&i->cfg.lock);
        arena_free(i->cfg.texts);
        json_free(i->cfg.tree);
        free(i);
    }
}

struct instance *instance_new(struct registry *r, const struct component *c, const struct json *config,
                              unsigned flags, struct err *err)
{
    struct json *tree = check_config(c, config, err);
    if (!tree) {
        return NULL;
    }
    bool is_pure = (flags & INSTANCE_PURE) || plugin__kind(c->kind)->is_pure;
    struct instance *i = mem_alloc(sizeof *i);
    i->component = c;
    i->loop = is_pure ? NULL : r->loop;
    i->thread = pthread_self();
    i->cfg.tree = tree;
    i->cfg.texts = arena_new();
    atomic_init(&i->refs, 1);
    pthread_mutex_init(&i->lock, NULL);
    pthread_mutex_init(&i->cfg.lock, NULL);
    host__init(i, r->program, r->version, is_pure);
    if (check_needs(i, err) != 0) {
        instance__unref(i);
        return NULL;
    }
    if (c->abi->create) {
        phx_status status = c->abi->create(&i->host, &i->cfg, &i->self);
        if (instance_result(i, status, err) != 0) {
            host__reclaim(i);
            atomic_store(&i->is_dead, true);
            instance__unref(i);
            return NULL;
        }
    }
    return i;
}

void instance_free(struct instance *i)
{
    if (!i) {
        return;
    }
    const struct component *c = i->component;
    if (c->abi->destroy) {
        c->abi->destroy(i->self);
    }
    unsigned kept = host__reclaim(i);
    atomic_store(&i->is_dead, true);
    if (kept) {
        log_event(EV_PLUGIN_WARN, NULL, "%s %s: \"%s\" did not give back %u watches, timers or lanes",
                  c->plugin_id, c->version, c->name, kept);
    }
    instance__unref(i);
}

phx_self *instance_self(struct instance *i)
{
    return i->self;
}

const struct component *instance_component(const struct instance *i)
{
    return i->component;
}

int instance_result(struct instance *i, phx_status status, struct err *err)
{
    char text[sizeof i->fail_text];
    pthread_mutex_lock(&i->lock);
    memcpy(text, i->fail_text, sizeof text);
    i->fail_text[0] = '\0';
    pthread_mutex_unlock(&i->lock);
    if (status == PHX_OK) {
        return 0;
    }
    enum err_code code = err_from_abi(status);
    if (text[0]) {
        return err_set(err, code, "%s: %s", i->component->name, text);
    }
    return err_set(err, code, "%s: %s", i->component->name, err_info(code)->title);
}
