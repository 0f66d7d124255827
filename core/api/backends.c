/* SPDX-License-Identifier: Apache-2.0 */
/* Collector backends as the API uses them: render and check. Both are pure and quick (text of at most a
 * megabyte in, text out), so they run on the loop; launching is the agents'. */
#include <stdlib.h>
#include <string.h>
#include "core/api/pipelines.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"

void backends_make(struct pipelines *p, struct api *api)
{
    for (size_t i = 0; i < registry_count(api->registry); i++) {
        const struct component *c = registry_at(api->registry, i);
        if (strcmp(c->kind, PHX_COLLECTOR) != 0) {
            continue;
        }
        struct err err = { 0 };
        const struct json *config = json_get(api->settings->plugins, c->name);
        struct instance *instance = instance_new(api->registry, c, config, INSTANCE_PURE, &err);
        if (!instance) {
            log_error(EV_PLUGIN_REFUSED, NULL, &err, "collector backend \"%s\"", c->name);
            continue;
        }
        p->backends = mem_realloc(p->backends, p->n_backends + 1, sizeof *p->backends);
        p->backends[p->n_backends++] = (struct backend){ c->name, instance };
    }
}

void backends_free(struct pipelines *p)
{
    for (size_t i = 0; i < p->n_backends; i++) {
        instance_free(p->backends[i].instance);
    }
    free(p->backends);
    p->backends = NULL;
    p->n_backends = 0;
}

const struct backend *backend_find(const struct pipelines *p, const char *name, struct err *err)
{
    for (size_t i = 0; i < p->n_backends; i++) {
        if (strcmp(p->backends[i].name, name) == 0) {
            return &p->backends[i];
        }
    }
    err_set(err, ERR_UNSUPPORTED, "there is no collector backend \"%s\"", name);
    err_remedy(err, "install its plugin into plugin.dir, and restart");
    return NULL;
}

/* ---- what a call puts */

void words_init(struct words *w)
{
    *w = (struct words){ json_array(), json_array(), json_array(), 0 };
}

void words_done(struct words *w)
{
    json_free(w->files);
    json_free(w->errors);
    json_free(w->warnings);
    *w = (struct words){ 0 };
}

/* A sink with a place to put; the plugin sees the sink only. */
struct word_sink {
    phx_sink sink;
    struct words *words;
};

static void add_pair(struct json *list, const char *key_name, struct str key, const char *value_name,
                     struct str value)
{
    struct json *pair = json_object();
    json_set(pair, key_name, json_new_str(key));
    json_set(pair, value_name, json_new_str(value));
    json_add(list, pair);
}

static phx_status on_put(const phx_sink *sink, const char *what, phx_str key, phx_str value)
{
    struct words *w = ((const struct word_sink *)(const void *)sink)->words;
    struct str k = { key.p, key.n }, v = { value.p, value.n };
    if (!utf8_valid(k) || !utf8_valid(v)) {
        return PHX_E_INVAL;
    }
    w->bytes += 64 + k.n + v.n;
    if (w->bytes > LIMIT_RENDERED_BYTES) {
        return PHX_E_LIMIT;
    }
    if (strcmp(what, "file") == 0) {
        add_pair(w->files, "name", k, "content", v);
    } else if (strcmp(what, "error") == 0) {
        add_pair(w->errors, "at", k, "message", v);
    } else if (strcmp(what, "warning") == 0) {
        add_pair(w->warnings, "at", k, "message", v);
    } else {
        return PHX_E_UNSUPPORTED;
    }
    return PHX_OK;
}

static int call(const struct backend *b, struct str text, bool is_render, struct words *ret, struct err *err)
{
    const phx_collector_ops *ops = instance_component(b->instance)->abi->ops;
    struct word_sink sink = { { .size = sizeof sink.sink, .put = on_put }, ret };
    phx_str in = { text.p ? text.p : "", text.n };
    phx_self *self = instance_self(b->instance);
    phx_status s = is_render ? ops->render(self, in, &sink.sink) : ops->check(self, in, &sink.sink);
    int rc = instance_result(b->instance, s, err);
    if (rc == 0 && ret->bytes > LIMIT_RENDERED_BYTES) {
        rc = err_set(err, ERR_LIMIT, "%s: more than %d bytes", b->name, LIMIT_RENDERED_BYTES);
    }
    return rc;
}

int backend_render(const struct backend *b, const struct json *pipeline, struct words *ret, struct err *err)
{
    CLEANUP_BUF struct buf text;
    buf_init(&text, LIMIT_RENDERED_BYTES);
    json_write(pipeline, &text);
    if (text.failed) {
        return err_set(err, ERR_LIMIT, "the pipeline has more than %d bytes", LIMIT_RENDERED_BYTES);
    }
    return call(b, buf_str(&text), true, ret, err);
}

int backend_check(const struct backend *b, struct str config, struct words *ret, struct err *err)
{
    return call(b, config, false, ret, err);
}
