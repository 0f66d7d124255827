/* SPDX-License-Identifier: Apache-2.0 */
/* All plugins of a process: the built-in table, then single files, then the directories in order. The
 * first of two plugins with one id, and of two components with one kind and name, is the one that
 * counts; what is left out is listed with the reason and logged, and never stops the program. */
#include <stdlib.h>
#include <string.h>
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/plugin/plugin_priv.h"
#include "core/plugin/registry_priv.h"

static void add_refused(struct registry *r, const char *path, const struct refusal *why)
{
    struct refused *x = arena_alloc(r->arena, sizeof *x);
    x->path = arena_strdup(r->arena, path);
    x->wanted = arena_strdup(r->arena, why->wanted);
    x->found = arena_strdup(r->arena, why->found);
    x->remedy = arena_strdup(r->arena, why->remedy);
    r->refused = mem_realloc(r->refused, r->n_refused + 1, sizeof(struct refused *));
    r->refused[r->n_refused++] = x;
    log_event(EV_PLUGIN_REFUSED, NULL, "%s: wanted %s; found: %s; remedy: %s", x->path, x->wanted, x->found,
              x->remedy);
}

static const struct component *find_component(const struct registry *r, const char *kind, const char *name)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->components[i]->kind, kind) == 0 && strcmp(r->components[i]->name, name) == 0) {
            return r->components[i];
        }
    }
    return NULL;
}

/* Makes our copy of component `i` known, unless its name is taken or its kind unknown. Takes its
 * schema. */
static void add_component(struct registry *r, struct component *proto, struct checked *k, size_t i,
                          const phx_component *theirs)
{
    const phx_component *c = k->component[i];
    struct refusal why;
    if (!c) {
        refuse(&why, "a kind that this host knows", "use a newer Phoenix for it",
               "component \"%s\" of kind %s", theirs->name, theirs->kind);
        add_refused(r, proto->path, &why);
        return;
    }
    const struct component *first = find_component(r, c->kind, c->name);
    if (first) {
        refuse(&why, "one component of a name", "take one of the two files away",
               "component \"%s\" of kind %s, as in %s", c->name, c->kind, first->path);
        add_refused(r, proto->path, &why);
        return;
    }
    struct component *new = arena_alloc(r->arena, sizeof *new);
    *new = *proto;
    new->kind = c->kind;
    new->name = c->name;
    new->summary = c->summary ? c->summary : "";
    new->schema_text = c->schema;
    new->schema = k->schema[i];
    new->abi = c;
    k->schema[i] = NULL;
    r->components = mem_realloc(r->components, r->n + 1, sizeof(struct component *));
    r->components[r->n++] = new;
}

static const struct component *find_plugin(const struct registry *r, const char *id)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->components[i]->plugin_id, id) == 0) {
            return r->components[i];
        }
    }
    return NULL;
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static int add_plugin(struct registry *r, const char *path, const struct loaded *l, struct refusal *why)
{
    struct checked k;
    if (plugin__check(r->arena, l->plugin, l->symbol_size, &k, why) != 0) {
        return -1;
    }
    const struct component *first = find_plugin(r, k.abi.id);
    if (first) {
        checked__done(&k);
        return refuse(why, "one plugin of an id", "take one of the two files away", "id %s, as %s has",
                      first->plugin_id, first->path);
    }
    struct component proto = {
        .plugin_id = k.abi.id,
        .version = k.abi.version,
        .license = k.abi.license,
        .vendor = or_empty(k.abi.vendor),
        .source = or_empty(k.abi.source),
        .revision = or_empty(k.abi.revision),
        .path = arena_strdup(r->arena, path),
        .build_id = arena_strdup(r->arena, l->build_id),
    };
    for (size_t i = 0; i < k.n; i++) {
        add_component(r, &proto, &k, i, l->plugin->components[i]);
    }
    checked__done(&k);
    log_event(EV_PLUGIN_LOADED, NULL, "%s %s from %s", proto.plugin_id, proto.version, proto.path);
    return 0;
}

static void add_file(struct registry *r, const char *path, bool is_trusted)
{
    struct refusal why = { 0 };
    struct loaded l;
    if ((!is_trusted && find__file(path, &why) != 0) || load__probe(path, &why) != 0 ||
        load__open(path, &l, &why) != 0 || add_plugin(r, path, &l, &why) != 0) {
        add_refused(r, path, &why);
    }
}

static void add_dir(struct registry *r, const char *dir)
{
    struct refusal why = { 0 };
    char **paths = find__plugins(r->arena, dir, &why);
    if (!paths) {
        add_refused(r, dir, &why);
        return;
    }
    for (size_t i = 0; paths[i]; i++) {
        add_file(r, paths[i], false);
    }
}

struct registry *registry_new(const struct registry_conf *conf, struct err *err)
{
    struct registry *r = mem_alloc(sizeof *r);
    r->arena = arena_new();
    r->program = arena_strdup(r->arena, conf->program);
    r->version = arena_strdup(r->arena, conf->version);
    r->loop = conf->loop;
    for (size_t i = 0; conf->builtin && conf->builtin[i]; i++) {
        struct refusal why = { 0 };
        struct loaded l = { .plugin = conf->builtin[i] };
        if (add_plugin(r, "built-in", &l, &why) != 0) {
            add_refused(r, "built-in", &why);
        }
    }
    for (size_t i = 0; conf->files && conf->files[i]; i++) {
        add_file(r, conf->files[i], conf->trusts_files);
    }
    for (size_t i = 0; conf->dirs && conf->dirs[i]; i++) {
        add_dir(r, conf->dirs[i]);
    }
    return r;
}

void registry_free(struct registry *r)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        schema_free((struct schema *)(uintptr_t)r->components[i]->schema);
    }
    free(r->components);
    free(r->refused);
    arena_free(r->arena);
    free(r);
}

size_t registry_count(const struct registry *r)
{
    return r->n;
}

const struct component *registry_at(const struct registry *r, size_t i)
{
    return i < r->n ? r->components[i] : NULL;
}

size_t registry_refused_count(const struct registry *r)
{
    return r->n_refused;
}

const struct refused *registry_refused_at(const struct registry *r, size_t i)
{
    return i < r->n_refused ? r->refused[i] : NULL;
}

const struct component *registry_find(const struct registry *r, const char *kind, const char *name,
                                      struct err *err)
{
    const struct component *c = find_component(r, kind, name);
    if (c) {
        return c;
    }
    struct buf there;
    buf_init(&there, 128);
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->components[i]->kind, kind) == 0) {
            buf_addf(&there, "%s%s", there.len ? ", " : "", r->components[i]->name);
        }
    }
    err_set(err, ERR_NOTFOUND, "no plugin has a component \"%s\" of kind %s", name, kind);
    err_remedy(err, "there are: %s", there.len ? buf_cstr(&there) : "none; see plugin.dir");
    buf_done(&there);
    return NULL;
}

void component_write_parameters(const struct component *c, struct jw *w)
{
    jw_key(w, "parameters");
    if (c->schema_text) {
        jw_raw(w, str_of(c->schema_text));
    } else {
        jw_null(w);
    }
}

void component_write(const struct component *c, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "kind", c->kind);
    jw_kstr(w, "name", c->name);
    jw_kstr(w, "summary", c->summary);
    jw_kstr(w, "plugin", c->plugin_id);
    jw_kstr(w, "version", c->version);
    jw_kstr(w, "license", c->license);
    jw_kstr(w, "vendor", c->vendor);
    jw_kstr(w, "source", c->source);
    jw_kstr(w, "revision", c->revision);
    jw_kstr(w, "path", c->path);
    jw_kstr(w, "build_id", c->build_id);
    component_write_parameters(c, w);
    jw_close(w, '}');
}

static void write_refused(const struct refused *x, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "path", x->path);
    jw_kstr(w, "wanted", x->wanted);
    jw_kstr(w, "found", x->found);
    jw_kstr(w, "remedy", x->remedy);
    jw_close(w, '}');
}

void registry_write(const struct registry *r, const char *components, struct jw *w)
{
    jw_key(w, components);
    jw_open(w, '[');
    for (size_t i = 0; i < registry_count(r); i++) {
        component_write(registry_at(r, i), w);
    }
    jw_close(w, ']');
    jw_key(w, "refused");
    jw_open(w, '[');
    for (size_t i = 0; i < registry_refused_count(r); i++) {
        write_refused(registry_refused_at(r, i), w);
    }
    jw_close(w, ']');
}
