/* SPDX-License-Identifier: Apache-2.0 */
/* Templates in use: found by name in memory (what a client sends never becomes part of a path), filled with
 * values, shown. template_load.c reads them. */
#include <string.h>
#include "core/api/pipelines.h"

#define NATIVE "native"

/* "${name}" and nothing else: the name's length, or 0. */
static size_t placeholder(struct str s, char *name, size_t cap)
{
    if (s.n < 4 || s.p[0] != '$' || s.p[1] != '{' || s.p[s.n - 1] != '}') {
        return 0;
    }
    struct str inside = { s.p + 2, s.n - 3 };
    for (size_t i = 0; i < inside.n; i++) {
        bool is_word = (inside.p[i] >= 'a' && inside.p[i] <= 'z') || inside.p[i] == '_' ||
                       (i > 0 && inside.p[i] >= '0' && inside.p[i] <= '9');
        if (!is_word) {
            return 0;
        }
    }
    return str_copy(name, cap, inside) ? inside.n : 0;
}

/* { when: VALUE, then: PART } and nothing else. */
static bool is_conditional(const struct json *node)
{
    return json_is(node, JSON_OBJECT) && json_len(node) == 2 && json_get(node, "when") &&
           json_get(node, "then");
}

/* 0, false, and what is empty, say that a part is not wanted. */
static bool is_wanted(const struct json *value)
{
    switch (json_kind(value)) {
    case JSON_NULL: return false;
    case JSON_BOOL: return json_bool(value, false);
    case JSON_INT:
    case JSON_REAL: return json_real(value, 0) != 0;
    case JSON_STRING: return json_text(value).n > 0;
    default: return json_len(value) > 0;
    }
}

static struct json *fill(const struct json *node, const struct json *values);

static bool is_left_out(const struct json *node, const struct json *values)
{
    if (!is_conditional(node)) {
        return false;
    }
    CLEANUP_JSON struct json *value = fill(json_get(node, "when"), values);
    return !is_wanted(value);
}

static struct json *fill(const struct json *node, const struct json *values)
{
    char name[64];
    const char *key;
    const struct json *value;
    switch (json_kind(node)) {
    case JSON_STRING:
        return json_copy(placeholder(json_text(node), name, sizeof name) ? json_get(values, name) : node);
    case JSON_ARRAY: {
        struct json *array = json_array();
        for (size_t i = 0; i < json_len(node); i++) {
            if (!is_left_out(json_at(node, i), values)) {
                json_add(array, fill(json_at(node, i), values));
            }
        }
        return array;
    }
    case JSON_OBJECT: {
        if (is_conditional(node)) {
            return fill(json_get(node, "then"), values);
        }
        struct json *object = json_object();
        for (size_t i = 0; json_member(node, &i, &key, &value);) {
            if (!is_left_out(value, values)) {
                json_set(object, key, fill(value, values));
            }
        }
        return object;
    }
    default: return json_copy(node);
    }
}

struct json *template_fill(const struct template *t, const struct json *values)
{
    return fill(t->pipeline, values);
}

int template_check_placeholders(const struct json *node, const struct json *parameters, struct err *err)
{
    char name[64];
    const char *key;
    const struct json *value;
    int rc = 0;
    if (json_is(node, JSON_STRING) && placeholder(json_text(node), name, sizeof name) &&
        !json_get(parameters, name)) {
        return err_set(err, ERR_CONFIG, "line %u: there is no parameter \"%s\"", json_line(node), name);
    }
    for (size_t i = 0; json_is(node, JSON_ARRAY) && rc == 0 && i < json_len(node); i++) {
        rc = template_check_placeholders(json_at(node, i), parameters, err);
    }
    for (size_t i = 0; json_is(node, JSON_OBJECT) && rc == 0 && json_member(node, &i, &key, &value);) {
        rc = template_check_placeholders(value, parameters, err);
    }
    return rc;
}

static const struct template *find(const struct pipelines *p, const char *collector, const char *name)
{
    for (size_t i = 0; i < p->n_templates; i++) {
        const struct template *t = &p->templates[i];
        if (strcmp(t->name, name) == 0 && (!collector || strcmp(t->collector, collector) == 0)) {
            return t;
        }
    }
    return NULL;
}

const struct template *template_find(const struct pipelines *p, const char *collector, const char *name,
                                     struct err *err)
{
    const struct template *t = find(p, collector ? collector : NATIVE, name);
    if (!t && !collector) {
        t = find(p, NULL, name);
    }
    if (t) {
        return t;
    }
    CLEANUP_BUF struct buf there;
    buf_init(&there, 140);
    for (size_t i = 0; i < p->n_templates; i++) {
        if (!collector || strcmp(p->templates[i].collector, collector) == 0) {
            buf_addf(&there, "%s%s", there.len ? ", " : "", p->templates[i].name);
        }
    }
    if (collector) {
        err_set(err, ERR_NOTFOUND, "there is no template \"%s\" for the collector \"%s\"", name, collector);
    } else {
        err_set(err, ERR_NOTFOUND, "there is no template \"%s\"", name);
    }
    err_remedy(err, "there are: %s", there.len ? buf_cstr(&there) : "none");
    return NULL;
}

void template_write(const struct template *t, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "name", t->name);
    jw_kstr(w, "collector", t->collector);
    jw_kstr(w, "summary", t->summary);
    jw_kstr(w, "description", t->description);
    jw_key(w, "parameters");
    jw_tree(w, t->schema_doc);
    jw_key(w, "pipeline");
    jw_tree(w, t->pipeline);
    jw_close(w, '}');
}
