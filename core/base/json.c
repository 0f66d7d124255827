/* SPDX-License-Identifier: Apache-2.0 */
/* The tree: json-c's objects behind our names. json-c's own parser, which is more lenient than we are,
 * is not used; json_tree.c builds the tree from the scanner. A struct json * is a struct jsonc_object *. */
/* json-c has types of two names that are functions of ours. */
#define json_bool jsonc_bool
#define json_object jsonc_object
#include <json-c/json.h>
#undef json_bool
#undef json_object

#include "core/base/json.h"

#include <assert.h>
#include <limits.h>
#include <math.h>

#include "core/base/clock.h"
#include "core/base/json_priv.h"
#include "core/base/mem.h"

static struct jsonc_object *in(const struct json *j)
{
    return (struct jsonc_object *)(uintptr_t)j;
}

static struct json *made(struct jsonc_object *o)
{
    if (!o)
        mem_die(sizeof(void *) * 8);
    return (struct json *)o;
}

void json_free(struct json *j)
{
    json_object_put(in(j));
}

void json_freep(struct json **j)
{
    json_free(*j);
    *j = NULL;
}

struct json *json_ref(const struct json *j)
{
    return (struct json *)json_object_get(in(j));
}

enum json_kind json_kind(const struct json *j)
{
    switch (json_object_get_type(in(j))) {
    case json_type_boolean: return JSON_BOOL;
    case json_type_int: return JSON_INT;
    case json_type_double: return JSON_REAL;
    case json_type_string: return JSON_STRING;
    case json_type_array: return JSON_ARRAY;
    case json_type_object: return JSON_OBJECT;
    default: return JSON_NULL;
    }
}

bool json_is(const struct json *j, enum json_kind kind)
{
    enum json_kind k = json_kind(j);
    return k == kind || (kind == JSON_REAL && k == JSON_INT);
}

const struct json *json_get(const struct json *j, const char *key)
{
    struct jsonc_object *value = NULL;
    if (json_kind(j) != JSON_OBJECT || !json_object_object_get_ex(in(j), key, &value))
        return NULL;
    return (const struct json *)value;
}

bool json__has(const struct json *obj, const char *key)
{
    return json_kind(obj) == JSON_OBJECT && json_object_object_get_ex(in(obj), key, NULL);
}

const struct json *json_path(const struct json *j, const char *path)
{
    struct str rest = str_of(path), part;
    char key[128];
    while (j && str_split(&rest, '.', &part))
        j = str_copy(key, sizeof key, part) ? json_get(j, key) : NULL;
    return j;
}

size_t json_len(const struct json *j)
{
    switch (json_kind(j)) {
    case JSON_ARRAY: return json_object_array_length(in(j));
    case JSON_OBJECT: return (size_t)json_object_object_length(in(j));
    default: return 0;
    }
}

const struct json *json_at(const struct json *j, size_t i)
{
    if (json_kind(j) != JSON_ARRAY)
        return NULL;
    return (const struct json *)json_object_array_get_idx(in(j), i);
}

/* *io_i is 0, the address of the next entry, or 1 at the end: json-c has no members by index. */
bool json_member(const struct json *j, size_t *io_i, const char **ret_key, const struct json **ret_value)
{
    if (json_kind(j) != JSON_OBJECT || *io_i == 1)
        return false;
    struct lh_entry *entry = *io_i == 0 ? lh_table_head(json_object_get_object(in(j)))
                                        : (struct lh_entry *)(uintptr_t)*io_i;
    if (!entry)
        return false;
    *ret_key = lh_entry_k(entry);
    *ret_value = lh_entry_v(entry);
    struct lh_entry *next = lh_entry_next(entry);
    *io_i = next ? (size_t)(uintptr_t)next : 1;
    return true;
}

const char *json_str(const struct json *j, const char *dflt)
{
    return json_kind(j) == JSON_STRING ? json_object_get_string(in(j)) : dflt;
}

struct str json_text(const struct json *j)
{
    if (json_kind(j) != JSON_STRING)
        return (struct str){ NULL, 0 };
    return (struct str){ json_object_get_string(in(j)), (size_t)json_object_get_string_len(in(j)) };
}

int64_t json_int(const struct json *j, int64_t dflt)
{
    return json_kind(j) == JSON_INT ? json_object_get_int64(in(j)) : dflt;
}

double json_real(const struct json *j, double dflt)
{
    return json_is(j, JSON_REAL) ? json_object_get_double(in(j)) : dflt;
}

bool json_bool(const struct json *j, bool dflt)
{
    return json_kind(j) == JSON_BOOL ? json_object_get_boolean(in(j)) : dflt;
}

const char *json_get_str(const struct json *j, const char *key, const char *dflt)
{
    return json_str(json_get(j, key), dflt);
}

int64_t json_get_int(const struct json *j, const char *key, int64_t dflt)
{
    return json_int(json_get(j, key), dflt);
}

double json_get_real(const struct json *j, const char *key, double dflt)
{
    return json_real(json_get(j, key), dflt);
}

bool json_get_bool(const struct json *j, const char *key, bool dflt)
{
    return json_bool(json_get(j, key), dflt);
}

int64_t json_get_duration(const struct json *j, const char *key, int64_t dflt_ns)
{
    int64_t ns;
    return parse_duration(json_text(json_get(j, key)), &ns) ? ns : dflt_ns;
}

struct json *json_object(void)
{
    return made(json_object_new_object());
}

struct json *json_array(void)
{
    return made(json_object_new_array());
}

struct json *json_new_str(struct str s)
{
    if (s.n > INT_MAX)
        mem_die(s.n);
    return made(json_object_new_string_len(s.n ? s.p : "", (int)s.n));
}

struct json *json_new_int(int64_t v)
{
    return made(json_object_new_int64(v));
}

struct json *json_new_real(double v)
{
    return isfinite(v) ? made(json_object_new_double(v)) : NULL;
}

struct json *json_new_bool(bool v)
{
    return made(json_object_new_boolean(v));
}

void json_set(struct json *obj, const char *key, struct json *value)
{
    assert(json_kind(obj) == JSON_OBJECT && value != obj);
    if (json_object_object_add(in(obj), key, in(value)) != 0)
        mem_die(strlen(key));
}

void json__add_member(struct json *obj, const char *key, struct json *value)
{
    if (json_object_object_add_ex(in(obj), key, in(value), JSON_C_OBJECT_ADD_KEY_IS_NEW) != 0)
        mem_die(strlen(key));
}

void json_set_str(struct json *obj, const char *key, const char *z)
{
    json_set(obj, key, z ? json_new_str(str_of(z)) : NULL);
}

void json_set_int(struct json *obj, const char *key, int64_t v)
{
    json_set(obj, key, json_new_int(v));
}

void json_set_real(struct json *obj, const char *key, double v)
{
    json_set(obj, key, json_new_real(v));
}

void json_set_bool(struct json *obj, const char *key, bool v)
{
    json_set(obj, key, json_new_bool(v));
}

void json_set_time(struct json *obj, const char *key, int64_t wall_ns)
{
    char text[32];
    json_set_str(obj, key, wall_ns ? rfc3339_format(wall_ns, text) : NULL);
}

void json_set_duration(struct json *obj, const char *key, int64_t ns)
{
    char text[32];
    json_set_str(obj, key, format_duration(ns, text));
}

void json_del(struct json *obj, const char *key)
{
    if (json_kind(obj) == JSON_OBJECT)
        json_object_object_del(in(obj), key);
}

void json_add(struct json *arr, struct json *value)
{
    assert(json_kind(arr) == JSON_ARRAY && value != arr);
    if (json_object_array_add(in(arr), in(value)) != 0)
        mem_die(sizeof value);
}

void json_add_str(struct json *arr, const char *z)
{
    json_add(arr, z ? json_new_str(str_of(z)) : NULL);
}

unsigned json_line(const struct json *j)
{
    return j ? (unsigned)(uintptr_t)json_object_get_userdata(in(j)) : 0;
}

void json_set_line(struct json *j, unsigned line)
{
    if (j)
        json_object_set_userdata(in(j), (void *)(uintptr_t)line, NULL);
}
