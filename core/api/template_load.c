/* SPDX-License-Identifier: Apache-2.0 */
/* Templates are data files, read once, at start. All files are read before any is judged, for one may extend
 * others. A file that is wrong is logged and left out, and so are those that extend it. */
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

/* A file as it was read. READY: `doc` has what it extends merged into it. */
struct source {
    enum { READ, BEING_MADE, READY, REFUSED } state;
    char *path, *collector, *name;
    struct json *doc; /* NULL once a template has it */
};
struct sources {
    struct source *all;
    size_t n;
};

/* ---- reading */

static void add_file(struct sources *s, const char *path, const char *collector, struct str name)
{
    struct err err = { 0 };
    CLEANUP_BUF struct buf text;
    buf_init(&text, LIMIT_YAML_BYTES);
    int rc = file_read(path, LIMIT_YAML_BYTES, &text, &err);
    struct json *doc = rc == 0 ? yaml_parse(buf_str(&text), NULL, &err) : NULL;
    if (!doc) {
        log_error(EV_TEMPLATE_REFUSED, NULL, &err, "%s", path);
        return;
    }
    s->all = mem_realloc(s->all, s->n + 1, sizeof *s->all);
    s->all[s->n++] = (struct source){ READ, mem_strdup(path), mem_strdup(collector), mem_strndup(name), doc };
}

typedef void entry_fn(struct sources *s, const char *path, const char *parent, const char *name);

/* Calls fn for each entry that does not start with a dot. */
static void each_entry(struct sources *s, const char *dir, const char *parent, entry_fn *fn)
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
            fn(s, buf_cstr(&path), parent, e->d_name);
        }
    }
    closedir(d);
}

static void on_file(struct sources *s, const char *path, const char *collector, const char *file)
{
    size_t n = strlen(file);
    if (n > 5 && strcmp(file + n - 5, ".yaml") == 0 && s->n < LIMIT_TEMPLATES) {
        add_file(s, path, collector, (struct str){ file, n - 5 });
    }
}

static void on_collector(struct sources *s, const char *path, const char *unused, const char *collector)
{
    each_entry(s, path, collector, on_file);
}

/* ---- judging */

static int check_members(const struct source *s, struct err *err)
{
    static const char *const known[] = { "name",       "collector", "summary", "description",
                                         "parameters", "pipeline",  "extends", "abstract" };
    const char *key;
    const struct json *value;
    if (!json_is(s->doc, JSON_OBJECT)) {
        return err_set(err, ERR_CONFIG, "it is no mapping");
    }
    for (size_t i = 0; json_member(s->doc, &i, &key, &value);) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            is_known |= strcmp(key, known[k]) == 0;
        }
        if (!is_known) {
            return err_set(err, ERR_CONFIG, "line %u: unknown member \"%s\"", json_line(value), key);
        }
    }
    if (strcmp(json_get_str(s->doc, "name", ""), s->name) != 0 ||
        strcmp(json_get_str(s->doc, "collector", ""), s->collector) != 0) {
        return err_set(err, ERR_CONFIG, "name and collector must be those of its path, \"%s\" and \"%s\"",
                       s->name, s->collector);
    }
    const struct json *abstract = json_get(s->doc, "abstract");
    if (abstract && !json_is(abstract, JSON_BOOL)) {
        return err_set(err, ERR_CONFIG, "line %u: abstract is true or false", json_line(abstract));
    }
    if (!name_valid(str_of(s->name), false) || !name_valid(str_of(s->collector), false)) {
        return err_set(err, ERR_CONFIG, "\"%s/%s\" is no name of a template", s->collector, s->name);
    }
    return 0;
}

/* Mappings member by member, @p over wins; anything else is replaced. */
static struct json *merged(const struct json *base, const struct json *over)
{
    if (!json_is(base, JSON_OBJECT) || !json_is(over, JSON_OBJECT)) {
        return json_copy(over);
    }
    struct json *all = json_copy(base);
    const char *key;
    const struct json *value;
    for (size_t i = 0; json_member(over, &i, &key, &value);) {
        json_set(all, key, merged(json_get(base, key), value));
    }
    return all;
}

static void take_over(struct source *s, const struct source *base, const char *member)
{
    const struct json *theirs = json_get(base->doc, member), *ours = json_get(s->doc, member);
    if (theirs) {
        json_set(s->doc, member, ours ? merged(theirs, ours) : json_copy(theirs));
    }
}

static int make(struct sources *all, struct source *s);

/* "NAME" beside `s`, or "COLLECTOR/NAME"; NULL: not there. */
static struct source *find(const struct sources *all, const struct source *s, const char *wanted)
{
    const char *slash = strchr(wanted, '/');
    struct str collector = slash ? (struct str){ wanted, (size_t)(slash - wanted) } : str_of(s->collector);
    for (size_t i = 0; i < all->n; i++) {
        struct source *it = &all->all[i];
        if (strcmp(it->name, slash ? slash + 1 : wanted) == 0 && str_eq(str_of(it->collector), collector)) {
            return it;
        }
    }
    return NULL;
}

static int extend(struct sources *all, struct source *s, const struct json *extends, struct err *err)
{
    const char *wanted = json_str(extends, "");
    struct source *base = find(all, s, wanted);
    if (!base) {
        return err_set(err, ERR_CONFIG, "line %u: it extends \"%s\", and that is no file here",
                       json_line(extends), wanted);
    }
    if (base->state == BEING_MADE) {
        return err_set(err, ERR_CONFIG, "it extends \"%s\", and that extends this one", wanted);
    }
    if (make(all, base) != 0) {
        return err_set(err, ERR_CONFIG, "it extends \"%s\", which is refused", wanted);
    }
    take_over(s, base, "parameters");
    take_over(s, base, "pipeline");
    return 0;
}

/* The placeholders that are looked at are this file's own: those of others were, when they were made. */
static int make_doc(struct sources *all, struct source *s, struct err *err)
{
    if (check_members(s, err) != 0) {
        return err->code;
    }
    CLEANUP_JSON struct json *own = json_ref(json_get(s->doc, "pipeline"));
    const struct json *extends = json_get(s->doc, "extends");
    bool is_list = json_is(extends, JSON_ARRAY);
    for (size_t i = is_list ? json_len(extends) : extends != NULL; i-- > 0;) {
        if (extend(all, s, is_list ? json_at(extends, i) : extends, err) != 0) {
            return err->code;
        }
    }
    return template_check_placeholders(own, json_get(s->doc, "parameters"), err);
}

static int make(struct sources *all, struct source *s)
{
    struct err err = { 0 };
    if (s->state == READ) {
        s->state = BEING_MADE;
        s->state = make_doc(all, s, &err) == 0 ? READY : REFUSED;
        if (s->state == REFUSED) {
            log_error(EV_TEMPLATE_REFUSED, NULL, &err, "%s", s->path);
        }
    }
    return s->state == READY ? 0 : ERR_CONFIG;
}

/* ---- templates of them */

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

/* Of `doc`, which is taken. */
static int template_of(struct json *doc, struct template *ret, struct err *err)
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
    if (!ret->summary[0] || !json_is(ret->pipeline, JSON_OBJECT)) {
        return err_set(err, ERR_CONFIG, "it has no summary, or no pipeline");
    }
    return make_schema(ret, err);
}

static void template_done(struct template *t)
{
    schema_free(t->schema);
    json_free(t->schema_doc);
    json_free(t->doc);
}

static void add_template(struct pipelines *p, struct source *s)
{
    struct err err = { 0 };
    struct template t;
    struct json *doc = s->doc;
    s->doc = NULL;
    if (template_of(doc, &t, &err) != 0) {
        log_error(EV_TEMPLATE_REFUSED, NULL, &err, "%s", s->path);
        template_done(&t);
        return;
    }
    p->templates = mem_realloc(p->templates, p->n_templates + 1, sizeof *p->templates);
    p->templates[p->n_templates++] = t;
}

static int by_name(const void *a, const void *b)
{
    const struct template *x = a, *y = b;
    int c = strcmp(x->collector, y->collector);
    return c ? c : strcmp(x->name, y->name);
}

void templates_load(struct pipelines *p, const char *dir)
{
    struct sources s = { 0 };
    each_entry(&s, dir, NULL, on_collector);
    for (size_t i = 0; i < s.n; i++) {
        make(&s, &s.all[i]);
    }
    for (size_t i = 0; i < s.n; i++) {
        struct source *it = &s.all[i];
        if (it->state == READY && !json_get_bool(it->doc, "abstract", false)) {
            add_template(p, it);
        }
        json_free(it->doc);
        free(it->path);
        free(it->collector);
        free(it->name);
    }
    free(s.all);
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
