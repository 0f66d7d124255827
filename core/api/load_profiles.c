/* SPDX-License-Identifier: Apache-2.0 */
/* Load profiles: components of kind PHX_LOAD, which the agents' hosts run; the API knows their names
 * and parameters. */
#include <stdio.h>
#include <string.h>
#include "core/api/handlers.h"
#include "core/api/loads_priv.h"

/* Names that people know from the first Phoenix. A plugin may have components of these names too, for
 * who calls it directly; here they are one with what they stand for. */
static const struct {
    const char *alias, *name;
} aliases[] = { { "high-card", "high-cardinality" }, { "normal", "realistic" } };

/* What `name` stands for: itself, unless it is an alias of a profile that is there. */
static const char *resolve(struct api *api, const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (strcmp(aliases[i].alias, name) == 0 &&
            registry_find(api->registry, PHX_LOAD, aliases[i].name, NULL)) {
            return aliases[i].name;
        }
    }
    return name;
}

static const struct component *find_profile(struct api *api, const char *name)
{
    return registry_find(api->registry, PHX_LOAD, resolve(api, name), NULL);
}

const char *load_profile_name(struct api *api, const char *name)
{
    const struct component *c = find_profile(api, name);
    return c ? c->name : NULL;
}

const struct schema *load_profile_schema(struct api *api, const char *name)
{
    const struct component *c = find_profile(api, name);
    return c ? c->schema : NULL;
}

static bool is_profile(struct api *api, const struct component *c)
{
    return strcmp(c->kind, PHX_LOAD) == 0 && strcmp(resolve(api, c->name), c->name) == 0;
}

static void fault_unknown(struct api *api, const char *name, const char *pointer, struct faults *faults)
{
    CLEANUP_BUF struct buf there;
    buf_init(&there, 120);
    for (size_t i = 0; i < registry_count(api->registry); i++) {
        const struct component *c = registry_at(api->registry, i);
        if (is_profile(api, c)) {
            buf_addf(&there, "%s%s", there.len ? ", " : "", c->name);
        }
    }
    fault_add(faults, pointer, "there is no load profile \"%s\"; there are: %s", name,
              there.len ? buf_cstr(&there) : "none");
}

void load_check(struct api *api, const struct spec_ref *ref, const char *pointer, struct faults *faults)
{
    const struct component *c = find_profile(api, ref->name);
    char at[sizeof faults->at[0].pointer];
    struct faults own;
    if (!c) {
        fault_unknown(api, ref->name, pointer, faults);
        return;
    }
    if (!c->schema) {
        if (json_len(ref->params)) {
            snprintf(at, sizeof at, "%s/parameters", pointer);
            fault_add(faults, at, "%s takes no parameters", c->name);
        }
        return;
    }
    struct json *values = ref->params ? json_copy(ref->params) : json_object();
    schema_defaults(c->schema, values);
    if (!schema_check(c->schema, values, &own)) {
        for (unsigned i = 0; i < own.n && i < FAULTS_MAX; i++) {
            snprintf(at, sizeof at, "%s/parameters%s", pointer, own.at[i].pointer);
            fault_add(faults, at, "%s", own.at[i].msg);
        }
    }
    json_free(values);
}

static void write_profile(const struct component *c, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "name", c->name);
    jw_key(w, "aliases");
    jw_open(w, '[');
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (strcmp(aliases[i].name, c->name) == 0) {
            jw_strz(w, aliases[i].alias);
        }
    }
    jw_close(w, ']');
    jw_kstr(w, "description", c->summary);
    jw_kstr(w, "plugin", c->plugin_id);
    jw_kstr(w, "version", c->version);
    component_write_parameters(c, w);
    jw_close(w, '}');
}

void on_load_profiles(struct request *rq)
{
    const struct registry *r = request_api(rq)->registry;
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, 64 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_key(&w, "profiles");
    jw_open(&w, '[');
    for (size_t i = 0; i < registry_count(r); i++) {
        if (is_profile(request_api(rq), registry_at(r, i))) {
            write_profile(registry_at(r, i), &w);
        }
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    reply_json(rq, 200, &out);
}
