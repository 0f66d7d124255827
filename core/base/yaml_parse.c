/* SPDX-License-Identifier: Apache-2.0 */
/* YAML to a tree, from libyaml's events. Depth is checked at each event: that also stops libyaml, whose
 * scanner takes quadratic time on deep flow collections. */
#include <yaml.h>

#include "core/base/json_priv.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/yaml.h"
#include "core/base/yaml_priv.h"

struct reader {
    struct json_limits limits;
    struct err *err;
    struct json *root;
    bool has_root;
    unsigned documents, depth;
    struct json *open[JSON_MAX_DEPTH];
    char *key[JSON_MAX_DEPTH]; /* of each open mapping: the key that waits for its value */
    size_t nodes;
};

static int fail(struct reader *r, enum err_code code, const yaml_mark_t *at, const char *why)
{
    return err_set(r->err, code, "line %zu:%zu: %s", at->line + 1, at->column + 1, why);
}

static bool in_mapping(const struct reader *r)
{
    return r->depth && json_is(r->open[r->depth - 1], JSON_OBJECT);
}

static bool wants_key(const struct reader *r)
{
    return in_mapping(r) && !r->key[r->depth - 1];
}

/* Takes @p value. */
static int place(struct reader *r, const yaml_event_t *e, struct json *value)
{
    json_set_line(value, (unsigned)e->start_mark.line + 1);
    if (++r->nodes > r->limits.max_nodes) {
        json_free(value);
        return fail(r, ERR_LIMIT, &e->start_mark, "too many values");
    }
    if (r->depth == 0) {
        r->root = value;
        r->has_root = true;
    } else if (in_mapping(r)) {
        json__add_member(r->open[r->depth - 1], r->key[r->depth - 1], value);
        mem_freep(&r->key[r->depth - 1]);
    } else {
        json_add(r->open[r->depth - 1], value);
    }
    return 0;
}

static int on_key(struct reader *r, const yaml_event_t *e, struct str text)
{
    bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain && text.n == 0)
        return fail(r, ERR_INVAL, &e->start_mark, "a key is missing");
    if (plain && str_eqz(text, "<<"))
        return fail(r, ERR_INVAL, &e->start_mark, "merge keys are not supported");
    char *key = mem_strndup(text);
    r->key[r->depth - 1] = key;
    if (!json__has(r->open[r->depth - 1], key))
        return 0;
    return err_set(r->err, ERR_INVAL, "line %zu:%zu: the key \"%.64s\" stands twice in one mapping",
                   e->start_mark.line + 1, e->start_mark.column + 1, key);
}

static int on_scalar(struct reader *r, const yaml_event_t *e)
{
    struct str text = { (const char *)e->data.scalar.value, e->data.scalar.length };
    struct json *value = NULL;
    if (e->data.scalar.anchor)
        return fail(r, ERR_INVAL, &e->start_mark, "anchors are not supported");
    if (e->data.scalar.tag)
        return fail(r, ERR_INVAL, &e->start_mark, "tags are not supported");
    if (text.n && memchr(text.p, '\0', text.n))
        return fail(r, ERR_INVAL, &e->start_mark, "text with a NUL character");
    if (!utf8_valid(text)) /* an escape can name a surrogate, and libyaml encodes it */
        return fail(r, ERR_INVAL, &e->start_mark, "text that is not Unicode");
    if (wants_key(r))
        return on_key(r, e, text);
    enum yaml_plain kind = YAML_TEXT;
    if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        kind = yaml__resolve(text, &value);
    if (kind == YAML_REFUSED)
        return fail(r, ERR_INVAL, &e->start_mark, "number out of range");
    return place(r, e, kind == YAML_TEXT ? json_new_str(text) : value);
}

static int on_open(struct reader *r, const yaml_event_t *e)
{
    bool mapping = e->type == YAML_MAPPING_START_EVENT;
    if (mapping ? e->data.mapping_start.anchor : e->data.sequence_start.anchor)
        return fail(r, ERR_INVAL, &e->start_mark, "anchors are not supported");
    if (mapping ? e->data.mapping_start.tag : e->data.sequence_start.tag)
        return fail(r, ERR_INVAL, &e->start_mark, "tags are not supported");
    if (wants_key(r))
        return fail(r, ERR_INVAL, &e->start_mark, "a key that is no text");
    if (r->depth >= r->limits.max_depth)
        return fail(r, ERR_LIMIT, &e->start_mark, js__too_deep);
    struct json *container = mapping ? json_object() : json_array();
    int rc = place(r, e, container);
    if (rc == 0)
        r->open[r->depth++] = container;
    return rc;
}

static int on_event(struct reader *r, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents++)
            return fail(r, ERR_INVAL, &e->start_mark, "more than one document");
        return 0;
    case YAML_SCALAR_EVENT: return on_scalar(r, e);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT: return on_open(r, e);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: r->depth--; return 0;
    case YAML_ALIAS_EVENT: return fail(r, ERR_INVAL, &e->start_mark, "aliases are not supported");
    default: return 0;
    }
}

static int read_events(struct reader *r, yaml_parser_t *parser)
{
    for (bool more = true; more;) {
        yaml_event_t e;
        if (!yaml_parser_parse(parser, &e)) {
            const char *why = parser->problem ? parser->problem : "not YAML";
            return fail(r, ERR_INVAL, &parser->problem_mark, why);
        }
        more = e.type != YAML_STREAM_END_EVENT;
        int rc = on_event(r, &e);
        yaml_event_delete(&e);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static struct json_limits limits_of(const struct json_limits *limits)
{
    struct json_limits l = limits ? *limits : (struct json_limits){ 0 };
    if (!l.max_bytes)
        l.max_bytes = LIMIT_YAML_BYTES;
    if (!l.max_depth)
        l.max_depth = LIMIT_YAML_DEPTH;
    return json__limits(&l);
}

struct json *yaml_parse(struct str text, const struct json_limits *limits, struct err *err)
{
    struct reader r = { .limits = limits_of(limits), .err = err };
    yaml_parser_t parser;
    if (text.n > r.limits.max_bytes) {
        err_set(err, ERR_LIMIT, "a YAML text of %zu bytes is over the limit of %zu", text.n,
                r.limits.max_bytes);
        return NULL;
    }
    if (!yaml_parser_initialize(&parser))
        mem_die(sizeof parser);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.n ? text.p : ""), text.n);
    int rc = read_events(&r, &parser);
    yaml_parser_delete(&parser);
    for (unsigned i = 0; i < JSON_MAX_DEPTH; i++)
        mem_freep(&r.key[i]);
    if (rc == 0 && r.has_root && !r.root)
        rc = err_set(err, ERR_INVAL, "line 1:1: the document is only null");
    if (rc != 0) {
        json_free(r.root);
        return NULL;
    }
    return r.root ? r.root : json_object();
}
