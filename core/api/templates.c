/* SPDX-License-Identifier: Apache-2.0 */
/* Templates are data files. They are read once, at start, and looked up by name in memory: what a
 * client sends never becomes part of a path. */
#include "config.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "core/api/pipelines.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/yaml.h"

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
            json_add(array, fill(json_at(node, i), values));
        }
        return array;
    }
    case JSON_OBJECT: {
        struct json *object = json_object();
        for (size_t i = 0; json_member(node, &i, &key, &value);) {
            json_set(object, key, fill(value, values));
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

/* Each placeholder must be a parameter. */
static int check_placeholders(const struct json *node, const struct json *parameters, struct err *err)
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
        rc = check_placeholders(json_at(node, i), parameters, err);
    }
    for (size_t i = 0; json_is(node, JSON_OBJECT) && rc == 0 && json_member(node, &i, &key, &value);) {
        rc = check_placeholders(value, parameters, err);
    }
    return rc;
}

static int check_members(const struct json *doc, struct err *err)
{
    static const char *const known[] = { "name",        "collector",  "summary",
                                         "description", "parameters", "pipeline" };
    const char *key;
    const struct json *value;
    for (size_t i = 0; json_member(doc, &i, &key, &value);) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            is_known |= strcmp(key, known[k]) == 0;
        }
        if (!is_known) {
            return err_set(err, ERR_CONFIG, "line %u: unknown member \"%s\"", json_line(value), key);
        }
    }
    return 0;
}

static int make_schema(struct template *t, struct err *err)
{
    t->schema_doc = json_object();
    json_set_str(t->schema_doc, "type", "object");
    json_set(t->schema_doc, "properties", t->parameters ? json_copy(t->parameters) : json_object());
    CLEANUP_BUF struct buf text;
    buf_init(&text, LIMIT_YAML_BYTES);
    json_write(t->schema_doc, &text);
    t->schema = schema_from_json(buf_str(&text), err);
    return t->schema ? 0 : err->code;
}

/* A template of `doc`, which is taken; its place says what it must be called. */
static int parse(struct json *doc, const char *collector, const char *name, struct template *ret,
                 struct err *err)
{
    *ret = (struct template){
        .name = json_get_str(doc, "name", ""),
        .collector = json_get_str(doc, "collector", ""),
        .summary = json_get_str(doc, "summary", ""),
        .description = json_get_str(doc, "description", ""),
        .parameters = json_get(doc, "parameters"),
        .pipeline = json_get(doc, "pipeline"),
        .doc = doc,
    };
    if (check_members(doc, err) != 0) {
        return err->code;
    }
    if (strcmp(ret->name, name) != 0 || strcmp(ret->collector, collector) != 0) {
        return err_set(err, ERR_CONFIG, "name and collector must be those of its path, \"%s\" and \"%s\"",
                       name, collector);
    }
    if (!name_valid(str_of(name), false) || !name_valid(str_of(collector), false)) {
        return err_set(err, ERR_CONFIG, "\"%s/%s\" is no name of a template", collector, name);
    }
    if (!ret->summary[0] || !json_is(ret->pipeline, JSON_OBJECT)) {
        return err_set(err, ERR_CONFIG, "it has no summary, or no pipeline");
    }
    int rc = make_schema(ret, err);
    return rc != 0 ? rc : check_placeholders(ret->pipeline, ret->parameters, err);
}

static void template_done(struct template *t)
{
    schema_free(t->schema);
    json_free(t->schema_doc);
    json_free(t->doc);
}

static void add_file(struct pipelines *p, const char *path, const char *collector, const char *name)
{
    struct err err = { 0 };
    struct template t = { 0 };
    CLEANUP_BUF struct buf text;
    buf_init(&text, LIMIT_YAML_BYTES);
    int rc = file_read(path, LIMIT_YAML_BYTES, &text, &err);
    struct json *doc = rc == 0 ? yaml_parse(buf_str(&text), NULL, &err) : NULL;
    if (!doc || parse(doc, collector, name, &t, &err) != 0) {
        log_error(EV_TEMPLATE_REFUSED, NULL, &err, "%s", path);
        template_done(&t);
        return;
    }
    p->templates = mem_realloc(p->templates, p->n_templates + 1, sizeof *p->templates);
    p->templates[p->n_templates++] = t;
}

typedef void entry_fn(struct pipelines *p, const char *path, const char *parent, const char *name);

/* Calls fn for each entry that does not start with a dot. */
static void each_entry(struct pipelines *p, const char *dir, const char *parent, entry_fn *fn)
{
    DIR *d = opendir(dir);
    if (!d) {
        log_event(EV_TEMPLATE_REFUSED, NULL, "%s: %s", dir, strerror(errno));
        return;
    }
    for (struct dirent *e; (e = readdir(d));) {
        CLEANUP_BUF struct buf path;
        buf_init(&path, 4096);
        buf_addf(&path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.' && !path.failed) {
            fn(p, buf_cstr(&path), parent, e->d_name);
        }
    }
    closedir(d);
}

static void on_file(struct pipelines *p, const char *path, const char *collector, const char *file)
{
    size_t n = strlen(file);
    if (n > 5 && strcmp(file + n - 5, ".yaml") == 0 && p->n_templates < LIMIT_TEMPLATES) {
        CLEANUP_FREE char *name = mem_strndup((struct str){ file, n - 5 });
        add_file(p, path, collector, name);
    }
}

static void on_collector(struct pipelines *p, const char *path, const char *unused, const char *collector)
{
    each_entry(p, path, collector, on_file);
}

static int by_name(const void *a, const void *b)
{
    const struct template *x = a, *y = b;
    int c = strcmp(x->collector, y->collector);
    return c ? c : strcmp(x->name, y->name);
}

void templates_load(struct pipelines *p, const char *dir)
{
    each_entry(p, dir, NULL, on_collector);
    if (p->n_templates) {
        qsort(p->templates, p->n_templates, sizeof *p->templates, by_name);
    }
}

void templates_free(struct pipelines *p)
{
    for (size_t i = 0; i < p->n_templates; i++) {
        template_done(&p->templates[i]);
    }
    free(p->templates);
    p->templates = NULL;
    p->n_templates = 0;
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
