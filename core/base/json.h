/* SPDX-License-Identifier: Apache-2.0 */
/** @file json.h
 * JSON three ways: a tree (on json-c), a streaming writer, and a strict pull scanner.
 *
 * The scanner is the one judge of what is JSON here: RFC 8259, UTF-8, no NUL, no control
 * characters, no duplicate keys, no NaN, integers within int64, depth and size within limits. Trees
 * are built from its tokens; json-c's own parser is not used. Trees are not thread-safe; the scanner is pure.
 */
#ifndef PHOENIX_BASE_JSON_H
#define PHOENIX_BASE_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* ---- tree. A NULL `const struct json *` is JSON null everywhere, so look-ups may be chained. */
struct json;
#define JSON_MAX_DEPTH 48 /**< of every tree and checked text, whatever its limits say */
struct json_limits {
    size_t max_bytes, max_depth, max_nodes; /**< 0: the default of the row in limits.def */
};
/** Parse one document. @p limits may be NULL. Errors: INVAL with "line:column" (also for a document
 *  that is only null, which would look like an error), LIMIT. */
struct json *json_parse(struct str text, const struct json_limits *limits, struct err *err) MUST_CHECK;
void json_free(struct json *j); /**< gives one reference back; NULL allowed */
struct json *json_ref(const struct json *j); /**< another reference to the same tree */
struct json *json_copy(const struct json *j); /**< deep copy */
void json_freep(struct json **j);
#define CLEANUP_JSON __attribute__((cleanup(json_freep)))

enum json_kind json_kind(const struct json *j);
bool json_is(const struct json *j, enum json_kind kind); /**< an INT is also a REAL */
bool json_equal(const struct json *a, const struct json *b);
/** Member of an object; NULL if it is absent, null, or @p j is no object. Borrowed. */
const struct json *json_get(const struct json *j, const char *key);
/** Down a dotted path of keys. Borrowed. */
const struct json *json_path(const struct json *j, const char *path);
size_t json_len(const struct json *j); /**< members or elements; 0 for scalars */
const struct json *json_at(const struct json *j, size_t i); /**< element of an array, borrowed */
/** Members in their order: for (size_t i = 0; json_member(j, &i, &key, &value);). @p io_i is no index:
 *  only its start, 0, has a meaning. The object must not change meanwhile. */
bool json_member(const struct json *j, size_t *io_i, const char **ret_key, const struct json **ret_value);

/* Typed access: exactly that kind, else the default. */
const char *json_str(const struct json *j, const char *dflt); /**< borrowed */
struct str json_text(const struct json *j);                   /**< { NULL, 0 } if no string */
int64_t json_int(const struct json *j, int64_t dflt);
double json_real(const struct json *j, double dflt); /**< INT counts */
bool json_bool(const struct json *j, bool dflt);
const char *json_get_str(const struct json *j, const char *key, const char *dflt);
int64_t json_get_int(const struct json *j, const char *key, int64_t dflt);
double json_get_real(const struct json *j, const char *key, double dflt);
bool json_get_bool(const struct json *j, const char *key, bool dflt);
/** A duration string ("90s") in ns. */
int64_t json_get_duration(const struct json *j, const char *key, int64_t dflt_ns);

struct json *json_object(void);
struct json *json_array(void);
struct json *json_new_str(struct str s);
struct json *json_new_int(int64_t v);
struct json *json_new_real(double v); /**< finite; otherwise null */
struct json *json_new_bool(bool v);
/** Takes @p value; replaces; NULL stores null. */
void json_set(struct json *obj, const char *key, struct json *value);
void json_set_str(struct json *obj, const char *key, const char *z); /**< NULL stores null */
void json_set_int(struct json *obj, const char *key, int64_t v);
void json_set_real(struct json *obj, const char *key, double v);
void json_set_bool(struct json *obj, const char *key, bool v);
void json_set_time(struct json *obj, const char *key, int64_t wall_ns); /**< RFC 3339; 0: null */
void json_set_duration(struct json *obj, const char *key, int64_t ns);
void json_del(struct json *obj, const char *key);
void json_add(struct json *arr, struct json *value); /**< takes @p value */
void json_add_str(struct json *arr, const char *z);
/** Source line of a node that yaml_parse() made; 0 otherwise. */
unsigned json_line(const struct json *j);
void json_set_line(struct json *j, unsigned line);

void json_write(const struct json *j, struct buf *out);        /**< compact */
void json_write_pretty(const struct json *j, struct buf *out); /**< two spaces */

/* ---- writer: straight into a buffer, no tree. Commas and nesting are its business. */
struct jw {
    struct buf *out;
    uint64_t comma; /* one bit a level: the next value needs a comma */
    unsigned depth;
    bool after_key;
};
void jw_init(struct jw *w, struct buf *out);
void jw_open(struct jw *w, char bracket); /**< '{' or '[' */
void jw_close(struct jw *w, char bracket); /**< '}' or ']' */
void jw_key(struct jw *w, const char *key);
void jw_str(struct jw *w, struct str s); /**< escapes; bad UTF-8 becomes U+FFFD */
void jw_strz(struct jw *w, const char *z); /**< NULL writes null */
void jw_int(struct jw *w, int64_t v);
void jw_uint(struct jw *w, uint64_t v);
void jw_real(struct jw *w, double v); /**< shortest round-trip; not finite writes null */
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_time(struct jw *w, int64_t wall_ns); /**< 0 writes null */
void jw_raw(struct jw *w, struct str json); /**< a value that is JSON text already */
void jw_tree(struct jw *w, const struct json *j);
/** The members of an object that is JSON text already, into the open object. */
void jw_members(struct jw *w, struct str object);
/* key and value at once */
void jw_kstr(struct jw *w, const char *key, const char *z);
void jw_kint(struct jw *w, const char *key, int64_t v);
void jw_kreal(struct jw *w, const char *key, double v);
void jw_kbool(struct jw *w, const char *key, bool v);
void jw_ktime(struct jw *w, const char *key, int64_t wall_ns);

/* ---- scanner: for the hot bodies. Values are borrowed from the text; nothing is allocated. */
enum js_token {
    JS_ERROR, JS_END, JS_OBJECT, JS_OBJECT_END, JS_ARRAY, JS_ARRAY_END, JS_KEY,
    JS_STRING, JS_INT, JS_REAL, JS_TRUE, JS_FALSE, JS_NULL
};
struct js {
    const char *p, *end, *start;
    unsigned depth, max_depth;
    uint64_t in_object[2]; /* a bit a level: this level is an object (up to 128 levels) */
    uint8_t expect;
    bool escaped;      /**< the string or key has backslashes: js_unescape() before use */
    struct str text;   /**< JS_KEY, JS_STRING: between the quotes; numbers: the digits */
    int64_t i;         /**< JS_INT */
    double r;          /**< JS_INT and JS_REAL */
    const char *why;   /**< JS_ERROR: static text */
};
void js_init(struct js *s, struct str text, unsigned max_depth /* at most 128 */);
enum js_token js_next(struct js *s);
/** Skip the value that comes next (also a whole object or array). False on error. */
bool js_skip(struct js *s);
/** Replace escapes; @p out holds at least raw.n bytes. Returns the text in out. */
struct str js_unescape(struct str raw, char *out);
/** Line and column (from 1) of where the scanner stands. */
void js_where(const struct js *s, unsigned *ret_line, unsigned *ret_column);
/** Check a whole document: grammar, limits, and no duplicate keys. 0 or a negative code. */
int json_check(struct str text, const struct json_limits *limits, struct err *err) MUST_CHECK;
#endif
