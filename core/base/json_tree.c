/* SPDX-License-Identifier: Apache-2.0 */
/* Whole trees: building one from text, copying, comparing, writing. Knows nothing of json-c. Recursion
 * is as deep as the tree, which json_parse() limits to JSON_MAX_DEPTH. */
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/json_priv.h"
#include "core/base/mem.h"

struct builder {
    struct js js;
    struct json *open[JSON_MAX_DEPTH]; /* the containers around the scanner's place */
    struct json *root;
    char *key; /* of the member that comes next */
    struct buf text;
};

static struct str plain_text(struct builder *b)
{
    if (!b->js.escaped)
        return b->js.text;
    buf_reset(&b->text);
    char *room = buf_room(&b->text, b->js.text.n);
    return js_unescape(b->js.text, room);
}

static void place(struct builder *b, unsigned depth, struct json *value)
{
    if (depth == 0) {
        b->root = value;
    } else if (b->key) {
        json__add_member(b->open[depth - 1], b->key, value);
        mem_freep(&b->key);
    } else {
        json_add(b->open[depth - 1], value);
    }
}

/* One token of a text that json_check() has let through. */
static void build(struct builder *b, enum js_token token)
{
    unsigned depth = b->js.depth;
    struct json *container;
    switch (token) {
    case JS_KEY: b->key = mem_strndup(plain_text(b)); break;
    case JS_OBJECT:
    case JS_ARRAY:
        container = token == JS_OBJECT ? json_object() : json_array();
        place(b, depth - 1, container);
        b->open[depth - 1] = container;
        break;
    case JS_STRING: place(b, depth, json_new_str(plain_text(b))); break;
    case JS_INT: place(b, depth, json_new_int(b->js.i)); break;
    case JS_REAL: place(b, depth, json_new_real(b->js.r)); break;
    case JS_TRUE:
    case JS_FALSE: place(b, depth, json_new_bool(token == JS_TRUE)); break;
    case JS_NULL: place(b, depth, NULL); break;
    default: break; /* ends of containers */
    }
}

struct json *json_parse(struct str text, const struct json_limits *limits, struct err *err)
{
    if (json_check(text, limits, err) != 0)
        return NULL;
    struct builder b = { .root = NULL };
    js_init(&b.js, text, JSON_MAX_DEPTH);
    buf_init(&b.text, text.n);
    for (enum js_token token; (token = js_next(&b.js)) != JS_END;)
        build(&b, token);
    buf_done(&b.text);
    if (!b.root)
        err_set(err, ERR_INVAL, "line 1:1: the document is only null");
    return b.root;
}

struct json *json_copy(const struct json *j)
{
    struct json *copy = NULL;
    const struct json *value;
    const char *key;
    switch (json_kind(j)) {
    case JSON_NULL: return NULL;
    case JSON_BOOL: copy = json_new_bool(json_bool(j, false)); break;
    case JSON_INT: copy = json_new_int(json_int(j, 0)); break;
    case JSON_REAL: copy = json_new_real(json_real(j, 0)); break;
    case JSON_STRING: copy = json_new_str(json_text(j)); break;
    case JSON_ARRAY:
        copy = json_array();
        for (size_t i = 0; i < json_len(j); i++)
            json_add(copy, json_copy(json_at(j, i)));
        break;
    case JSON_OBJECT:
        copy = json_object();
        for (size_t i = 0; json_member(j, &i, &key, &value);)
            json__add_member(copy, key, json_copy(value));
        break;
    }
    if (json_line(j))
        json_set_line(copy, json_line(j));
    return copy;
}

static bool members_equal(const struct json *a, const struct json *b)
{
    const struct json *value, *other;
    const char *key;
    for (size_t i = 0; json_member(a, &i, &key, &value);) {
        other = json_get(b, key);
        if (!other && !json__has(b, key))
            return false;
        if (!json_equal(value, other))
            return false;
    }
    return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
    enum json_kind kind = json_kind(a);
    if (kind == JSON_INT && json_kind(b) == JSON_INT)
        return json_int(a, 0) == json_int(b, 0);
    if (json_is(a, JSON_REAL) && json_is(b, JSON_REAL))
        return json_real(a, 0) == json_real(b, 0);
    if (kind != json_kind(b) || json_len(a) != json_len(b))
        return false;
    switch (kind) {
    case JSON_BOOL: return json_bool(a, false) == json_bool(b, false);
    case JSON_STRING: return str_eq(json_text(a), json_text(b));
    case JSON_ARRAY:
        for (size_t i = 0; i < json_len(a); i++)
            if (!json_equal(json_at(a, i), json_at(b, i)))
                return false;
        return true;
    case JSON_OBJECT: return members_equal(a, b);
    default: return true;
    }
}

void jw_tree(struct jw *w, const struct json *j)
{
    const struct json *value;
    const char *key;
    switch (json_kind(j)) {
    case JSON_NULL: jw_null(w); break;
    case JSON_BOOL: jw_bool(w, json_bool(j, false)); break;
    case JSON_INT: jw_int(w, json_int(j, 0)); break;
    case JSON_REAL: jw_real(w, json_real(j, 0)); break;
    case JSON_STRING: jw_str(w, json_text(j)); break;
    case JSON_ARRAY:
        jw_open(w, '[');
        for (size_t i = 0; i < json_len(j); i++)
            jw_tree(w, json_at(j, i));
        jw_close(w, ']');
        break;
    case JSON_OBJECT:
        jw_open(w, '{');
        for (size_t i = 0; json_member(j, &i, &key, &value);) {
            jw_key(w, key);
            jw_tree(w, value);
        }
        jw_close(w, '}');
        break;
    }
}

void json_write(const struct json *j, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_tree(&w, j);
}

static void new_line(struct buf *out, unsigned depth)
{
    buf_addc(out, '\n');
    for (unsigned i = 0; i < depth; i++)
        buf_adds(out, "  ");
}

static void write_pretty(const struct json *j, struct buf *out, unsigned depth)
{
    bool object = json_kind(j) == JSON_OBJECT;
    const struct json *value = NULL;
    const char *key = NULL;
    struct jw w;
    if (json_len(j) == 0) {
        json_write(j, out);
        return;
    }
    buf_addc(out, object ? '{' : '[');
    for (size_t at = 0, n = 0; n < json_len(j); n++) {
        if (n)
            buf_addc(out, ',');
        new_line(out, depth + 1);
        if (object) {
            json_member(j, &at, &key, &value);
            jw_init(&w, out);
            jw_strz(&w, key);
            buf_adds(out, ": ");
        } else {
            value = json_at(j, n);
        }
        write_pretty(value, out, depth + 1);
    }
    new_line(out, depth);
    buf_addc(out, object ? '}' : ']');
}

void json_write_pretty(const struct json *j, struct buf *out)
{
    write_pretty(j, out, 0);
}
