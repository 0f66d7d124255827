/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables from the JSON Schema of a plugin. Everything that a schema says must be something that
 * schema.c checks: a keyword that we would ignore is refused, so that no limit is only on paper. The
 * whole table lives in one arena. */
#include <math.h>

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/base/schema.h"

struct owned {
    struct schema schema; /* first: schema_free() gets its address */
    struct arena *arena;
};

struct reader {
    struct arena *arena;
    struct err *err;
};

static bool refuse(struct reader *r, const char *name, const char *why)
{
    err_set(r->err, ERR_CONFIG, "config schema: \"%s\" %s", name, why);
    return false;
}

/* JSON text of @p j that lives as long as the table. */
static const char *keep_text(struct reader *r, const struct json *j)
{
    struct buf text CLEANUP_BUF;
    buf_init(&text, 1 << 20);
    json_write(j, &text);
    return arena_strndup(r->arena, buf_str(&text));
}

static bool read_kind(struct reader *r, const char *name, const struct json *j, struct field *f)
{
    static const struct { const char *type, *format; enum field_kind kind; } known[] = {
        { "string", "duration", F_DURATION }, { "string", "uuid", F_UUID },
        { "string", "date-time", F_TIME },    { "string", "", F_STRING },
        { "integer", "", F_INT },             { "number", "", F_REAL },
        { "boolean", "", F_BOOL },            { "array", "", F_ARRAY },
        { "object", "", F_OBJECT },           { "", "", F_ANY },
    };
    const char *type = json_get_str(j, "type", ""), *format = json_get_str(j, "format", "");
    if (json_get(j, "type") && !json_is(json_get(j, "type"), JSON_STRING))
        return refuse(r, name, "has a type that is no string");
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(type, known[i].type) == 0 && strcmp(format, known[i].format) == 0) {
            f->kind = json_get(j, "enum") ? F_ENUM : known[i].kind;
            return f->kind != F_ENUM || known[i].kind == F_STRING ||
                   refuse(r, name, "has an enum but is no string");
        }
    }
    return refuse(r, name, "has an unknown type or format");
}

static bool read_enum(struct reader *r, const char *name, const struct json *list, struct field *f)
{
    size_t n = json_len(list);
    if (!json_is(list, JSON_ARRAY) || n == 0)
        return refuse(r, name, "has an empty enum");
    const char **values = arena_calloc(r->arena, n + 1, sizeof *values);
    for (size_t i = 0; i < n; i++) {
        if (!json_is(json_at(list, i), JSON_STRING))
            return refuse(r, name, "has an enum with something other than strings");
        values[i] = arena_strdup(r->arena, json_str(json_at(list, i), ""));
    }
    f->values = values;
    return true;
}

static bool read_real_bounds(struct reader *r, const char *name, const struct json *j, struct field *f)
{
    const struct json *min = json_get(j, "minimum"), *max = json_get(j, "maximum");
    if (!min && !max)
        return true;
    if ((min && !json_is(min, JSON_REAL)) || (max && !json_is(max, JSON_REAL)))
        return refuse(r, name, "has a bound that is no number");
    f->rmin = json_real(min, -HUGE_VAL);
    f->rmax = json_real(max, HUGE_VAL);
    if (f->rmin == 0 && f->rmax == 0)
        return refuse(r, name, "has bounds that allow only 0");
    return true;
}

static bool read_bounds(struct reader *r, const char *name, const struct json *j, const char *least,
                        const char *most, int64_t top, struct field *f)
{
    const struct json *min = json_get(j, least), *max = json_get(j, most);
    if (!min && !max)
        return true;
    if ((min && !json_is(min, JSON_INT)) || (max && !json_is(max, JSON_INT)))
        return refuse(r, name, "has a bound that is no whole number");
    f->min = json_int(min, f->kind == F_INT ? INT64_MIN : 0);
    f->max = json_int(max, top);
    if (f->min == 0 && f->max == 0)
        return refuse(r, name, "has bounds that allow nothing but 0");
    return true;
}

static bool read_field(struct reader *r, const char *name, const struct json *j, struct field *f);
static struct field *read_fields(struct reader *r, const struct json *j);

static bool read_sub(struct reader *r, const char *name, const struct json *j, struct field *f)
{
    const struct json *values = json_get(j, "additionalProperties");
    if (json_is(values, JSON_OBJECT)) {
        struct field *item = arena_alloc(r->arena, sizeof *item);
        if (json_get(j, "properties"))
            return refuse(r, name, "has properties and a schema for additional ones");
        f->kind = F_MAP;
        f->item = item;
        return read_field(r, name, values, item);
    }
    struct schema *sub = arena_alloc(r->arena, sizeof *sub);
    sub->name = f->name;
    sub->open = json_bool(values, !json_get(j, "properties"));
    sub->fields = read_fields(r, j);
    f->sub = sub;
    return sub->fields != NULL;
}

static bool read_details(struct reader *r, const char *name, const struct json *j, struct field *f)
{
    switch (f->kind) {
    case F_STRING: return read_bounds(r, name, j, "minLength", "maxLength", INT64_MAX, f);
    case F_INT: return read_bounds(r, name, j, "minimum", "maximum", INT64_MAX, f);
    case F_REAL: return read_real_bounds(r, name, j, f);
    case F_ENUM: return read_enum(r, name, json_get(j, "enum"), f);
    case F_OBJECT: return read_sub(r, name, j, f);
    case F_ARRAY:
        if (json_get(j, "items")) {
            struct field *item = arena_alloc(r->arena, sizeof *item);
            f->item = item;
            if (!read_field(r, name, json_get(j, "items"), item))
                return false;
        }
        return read_bounds(r, name, j, "minItems", "maxItems", INT64_MAX, f);
    default: return true;
    }
}

/* The keywords that a field of each kind may have, beside those that all may. */
static bool keyword_allowed(const char *word, enum field_kind kind)
{
    static const struct { const char *word; unsigned kinds; } known[] = {
        { "type", ~0u }, { "description", ~0u }, { "title", ~0u }, { "default", ~0u },
        { "format", 1u << F_DURATION | 1u << F_UUID | 1u << F_TIME },
        { "enum", 1u << F_ENUM },
        { "minLength", 1u << F_STRING }, { "maxLength", 1u << F_STRING },
        { "minimum", 1u << F_INT | 1u << F_REAL }, { "maximum", 1u << F_INT | 1u << F_REAL },
        { "items", 1u << F_ARRAY }, { "minItems", 1u << F_ARRAY }, { "maxItems", 1u << F_ARRAY },
        { "properties", 1u << F_OBJECT }, { "required", 1u << F_OBJECT },
        { "additionalProperties", 1u << F_OBJECT }, { "$schema", 1u << F_OBJECT },
        { "$id", 1u << F_OBJECT },
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(word, known[i].word) == 0)
            return known[i].kinds >> kind & 1;
    return false;
}

static bool read_keywords(struct reader *r, const char *name, const struct json *j, enum field_kind kind)
{
    const struct json *value;
    const char *word;
    for (size_t i = 0; json_member(j, &i, &word, &value);) {
        if (!keyword_allowed(word, kind)) {
            err_set(r->err, ERR_CONFIG,
                    "config schema: \"%s\" uses the keyword \"%s\", which is not supported there", name,
                    word);
            return false;
        }
    }
    return true;
}

static bool read_default(struct reader *r, const char *name, const struct json *j, struct field *f)
{
    const struct json *dflt = json_get(j, "default");
    if (!dflt)
        return true;
    struct field table[2] = { *f, { .name = NULL } };
    table[0].name = "default";
    const struct schema one = { .fields = table };
    struct json *doc CLEANUP_JSON = json_object();
    struct faults faults;
    json_set(doc, "default", json_ref(dflt));
    if (!schema_check(&one, doc, &faults))
        return refuse(r, name, "has a default that it does not allow");
    f->dflt = keep_text(r, dflt);
    return true;
}

static bool read_field(struct reader *r, const char *name, const struct json *j, struct field *f)
{
    if (!json_is(j, JSON_OBJECT))
        return refuse(r, name, "is described by something other than an object");
    f->help = arena_strdup(r->arena, json_get_str(j, "description", NULL));
    return read_kind(r, name, j, f) && read_keywords(r, name, j, f->kind) && read_details(r, name, j, f) &&
           read_default(r, name, j, f);
}

static bool read_required(struct reader *r, const struct json *list, struct field *fields)
{
    if (list && !json_is(list, JSON_ARRAY))
        return refuse(r, "required", "is no array");
    for (size_t i = 0; i < json_len(list); i++) {
        const char *name = json_str(json_at(list, i), "");
        struct field *f = fields;
        while (f->name && strcmp(f->name, name) != 0)
            f++;
        if (!f->name)
            return refuse(r, name, "is required but not among the properties");
        f->flags |= F_REQUIRED;
    }
    return true;
}

static struct field *read_fields(struct reader *r, const struct json *j)
{
    const struct json *properties = json_get(j, "properties"), *value;
    struct field *fields = arena_calloc(r->arena, json_len(properties) + 1, sizeof *fields), *f = fields;
    const char *name;
    for (size_t i = 0; json_member(properties, &i, &name, &value); f++) {
        f->name = arena_strdup(r->arena, name);
        if (!read_field(r, name, value, f))
            return NULL;
    }
    return read_required(r, json_get(j, "required"), fields) ? fields : NULL;
}

struct schema *schema_from_json(struct str text, struct err *err)
{
    struct json *j CLEANUP_JSON = json_parse(text, NULL, err);
    if (!j) {
        err_prefix(err, "config schema: ");
        return NULL;
    }
    struct reader r = { .arena = arena_new(), .err = err };
    struct owned *o = mem_alloc(sizeof *o);
    o->arena = r.arena;
    o->schema.name = arena_strdup(r.arena, json_get_str(j, "title", "config"));
    o->schema.help = arena_strdup(r.arena, json_get_str(j, "description", NULL));
    o->schema.open = json_get_bool(j, "additionalProperties", false);
    if (strcmp(json_get_str(j, "type", ""), "object") != 0)
        refuse(&r, "type", "must be \"object\" at the top");
    else if (read_keywords(&r, "(top)", j, F_OBJECT))
        o->schema.fields = read_fields(&r, j);
    if (o->schema.fields)
        return &o->schema;
    schema_free(&o->schema);
    return NULL;
}

void schema_free(struct schema *s)
{
    if (!s)
        return;
    struct owned *o = (struct owned *)s;
    arena_free(o->arena);
    mem_freep(&o);
}
