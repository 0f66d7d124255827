/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables as JSON Schema 2020-12. Types are written out where they are used. */
#include "core/base/schema.h"

#include <math.h>

static const char *const type_names[] = {
    [F_STRING] = "string", [F_NAME] = "string",     [F_HOST] = "string",   [F_UUID] = "string",
    [F_INT] = "integer",   [F_REAL] = "number",     [F_BOOL] = "boolean",  [F_DURATION] = "string",
    [F_SIZE] = "string",   [F_TIME] = "string",     [F_ENUM] = "string",   [F_OBJECT] = "object",
    [F_ARRAY] = "array",   [F_MAP] = "object",      [F_ANY] = NULL,
};

static void write_members(const struct schema *s, struct jw *w);

static void write_type(const struct field *f, struct jw *w)
{
    if (!type_names[f->kind])
        return;
    bool number_too = f->kind == F_SIZE;
    jw_key(w, "type");
    if (!(f->flags & F_NULLABLE) && !f->or_string && !number_too) {
        jw_strz(w, type_names[f->kind]);
        return;
    }
    jw_open(w, '[');
    jw_strz(w, type_names[f->kind]);
    if (f->or_string)
        jw_strz(w, "string");
    if (number_too)
        jw_strz(w, "integer");
    if (f->flags & F_NULLABLE)
        jw_strz(w, "null");
    jw_close(w, ']');
}

static void write_bounds(const struct field *f, struct jw *w, const char *least, const char *most)
{
    bool value = f->kind == F_INT && (f->min != 0 || f->max != 0); /* else counts, which start at 0 */
    if ((f->min != 0 || value) && f->min != INT64_MIN)
        jw_kint(w, least, f->min);
    if ((f->max != 0 || value) && f->max != INT64_MAX)
        jw_kint(w, most, f->max);
}

static void write_enum(const struct field *f, struct jw *w)
{
    jw_key(w, "enum");
    jw_open(w, '[');
    for (const char *const *v = f->values; v && *v; v++)
        jw_strz(w, *v);
    if (f->flags & F_NULLABLE)
        jw_null(w);
    jw_close(w, ']');
}

static void write_details(const struct field *f, struct jw *w)
{
    switch (f->kind) {
    case F_STRING: write_bounds(f, w, "minLength", "maxLength"); break;
    case F_NAME: jw_kstr(w, "pattern", "^[a-z0-9][a-z0-9._-]{0,62}$"); break;
    case F_HOST: jw_kstr(w, "pattern", "^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$"); break;
    case F_UUID: jw_kstr(w, "format", "uuid"); break;
    case F_TIME: jw_kstr(w, "format", "date-time"); break;
    case F_DURATION: jw_kstr(w, "pattern", "^([0-9]+(d|h|ms|m|s|us|ns))+$"); break;
    case F_SIZE: jw_kstr(w, "pattern", "^[0-9]+(B|[kK]|[MGT]|[KMGT]iB|[kMGT]B)?$"); break;
    case F_INT: write_bounds(f, w, "minimum", "maximum"); break;
    case F_REAL:
        if ((f->rmin != 0 || f->rmax != 0) && isfinite(f->rmin))
            jw_kreal(w, "minimum", f->rmin);
        if ((f->rmin != 0 || f->rmax != 0) && isfinite(f->rmax))
            jw_kreal(w, "maximum", f->rmax);
        break;
    case F_ENUM: write_enum(f, w); break;
    case F_OBJECT:
        if (f->sub)
            write_members(f->sub, w);
        break;
    case F_ARRAY:
        write_bounds(f, w, "minItems", "maxItems");
        if (f->item) {
            jw_key(w, "items");
            schema_field_write(f->item, w);
        }
        break;
    case F_MAP:
        if (f->max)
            jw_kint(w, "maxProperties", f->max);
        if (f->item) {
            jw_key(w, "additionalProperties");
            schema_field_write(f->item, w);
        }
        break;
    default: break;
    }
}

void schema_field_write(const struct field *f, struct jw *w)
{
    jw_open(w, '{');
    write_type(f, w);
    write_details(f, w);
    if (f->help)
        jw_kstr(w, "description", f->help);
    if (f->dflt) {
        jw_key(w, "default");
        jw_raw(w, str_of(f->dflt));
    }
    if (f->flags & F_READ_ONLY)
        jw_kbool(w, "readOnly", true);
    jw_close(w, '}');
}

/* The members' part of an object that is open in the writer. */
static void write_members(const struct schema *s, struct jw *w)
{
    bool any_required = false;
    jw_key(w, "properties");
    jw_open(w, '{');
    for (const struct field *f = s->fields; f->name; f++) {
        jw_key(w, f->name);
        schema_field_write(f, w);
        any_required |= (f->flags & F_REQUIRED) != 0;
    }
    jw_close(w, '}');
    if (any_required) {
        jw_key(w, "required");
        jw_open(w, '[');
        for (const struct field *f = s->fields; f->name; f++)
            if (f->flags & F_REQUIRED)
                jw_strz(w, f->name);
        jw_close(w, ']');
    }
    if (!s->open)
        jw_kbool(w, "additionalProperties", false);
}

void schema_write(const struct schema *s, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "type", s->array_of ? "array" : "object");
    if (s->array_of) {
        jw_key(w, "items");
        schema_field_write(s->array_of, w);
    } else {
        write_members(s, w);
    }
    if (s->help)
        jw_kstr(w, "description", s->help);
    jw_close(w, '}');
}
