/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a document against field tables. The walk goes on after a fault, so that one answer names
 * all of them; the pointer to the place is built on the way down and cut on the way up. */
#include "core/base/schema.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/ids.h"

struct walk {
    struct faults *faults;
    char pointer[128];
};

static void fault_vadd(struct faults *f, const char *pointer, const char *fmt, va_list ap)
{
    if (f->n < FAULTS_MAX) {
        struct fault *at = &f->at[f->n];
        str_copy(at->pointer, sizeof at->pointer, str_of(pointer));
        vsnprintf(at->msg, sizeof at->msg, fmt, ap);
    }
    f->n++;
}

void fault_add(struct faults *f, const char *pointer, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fault_vadd(f, pointer, fmt, ap);
    va_end(ap);
}

static void complain(struct walk *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void complain(struct walk *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fault_vadd(w->faults, w->pointer, fmt, ap);
    va_end(ap);
}

/* Go down to member @p name; returns what ascend() wants. A part that does not fit is left out. */
static size_t descend(struct walk *w, const char *name)
{
    size_t before = strlen(w->pointer), at = before;
    char *p = w->pointer;
    if (strlen(name) * 2 + 2 > sizeof w->pointer - before)
        return before;
    p[at++] = '/';
    for (; *name; name++) {
        if (*name == '~' || *name == '/') { /* RFC 6901 */
            p[at++] = '~';
            p[at++] = *name == '~' ? '0' : '1';
        } else {
            p[at++] = *name;
        }
    }
    p[at] = '\0';
    return before;
}

static size_t descend_index(struct walk *w, size_t i)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", i);
    return descend(w, text);
}

static void ascend(struct walk *w, size_t before)
{
    w->pointer[before] = '\0';
}

static void check_object(struct walk *w, const struct schema *s, const struct json *doc);
static void check_field(struct walk *w, const struct field *f, const struct json *v);

/* min and max of a number of things; both 0: no limits */
static void check_count(struct walk *w, const struct field *f, size_t n, const char *things)
{
    if (f->min == 0 && f->max == 0)
        return;
    if (f->min > 0 && n < (uint64_t)f->min)
        complain(w, "must have at least %lld %s", (long long)f->min, things);
    else if (f->max > 0 && n > (uint64_t)f->max)
        complain(w, "must have at most %lld %s", (long long)f->max, things);
}

static void check_int_range(struct walk *w, const struct field *f, int64_t v)
{
    if ((f->min != 0 || f->max != 0) && (v < f->min || v > f->max))
        complain(w, "must be from %lld to %lld", (long long)f->min, (long long)f->max);
}

static void check_duration(struct walk *w, const struct field *f, struct str text)
{
    char low[32], high[32];
    int64_t ns;
    if (!parse_duration(text, &ns))
        complain(w, "must be a duration such as \"90s\", \"10m\" or \"1h30m\"");
    else if ((f->min != 0 || f->max != 0) && (ns < f->min || ns > f->max))
        complain(w, "must be from %s to %s", format_duration(f->min, low), format_duration(f->max, high));
}

static void check_size(struct walk *w, const struct field *f, const struct json *v)
{
    uint64_t bytes = (uint64_t)json_int(v, 0);
    bool good = json_is(v, JSON_INT) ? json_int(v, 0) >= 0 : parse_size(json_text(v), &bytes);
    if (!good || bytes > INT64_MAX)
        complain(w, "must be a number of bytes or a size such as \"512MiB\"");
    else
        check_int_range(w, f, (int64_t)bytes);
}

static void check_enum(struct walk *w, const struct field *f, struct str text)
{
    char list[160] = "";
    for (const char *const *v = f->values; v && *v; v++) {
        if (str_eqz(text, *v))
            return;
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s\"%s\"", at ? ", " : "", *v);
    }
    complain(w, "must be one of %s", list);
}

static void check_text(struct walk *w, const struct field *f, struct str text)
{
    int64_t ns;
    switch (f->kind) {
    case F_STRING:
        check_count(w, f, text.n, "bytes");
        break;
    case F_NAME:
    case F_HOST:
        if (!name_valid(text, f->kind == F_HOST))
            complain(w,
                     "must be a name: 1 to 63 %sletters, digits, '.', '_' and '-', starting with a letter or "
                     "digit",
                     f->kind == F_HOST ? "" : "lower-case ");
        break;
    case F_UUID:
        if (!uuid_valid(text))
            complain(w, "must be an id (UUID in lower case)");
        break;
    case F_TIME:
        if (!rfc3339_parse(text, &ns))
            complain(w, "must be a time such as \"2026-11-23T08:15:30Z\"");
        break;
    case F_ENUM: check_enum(w, f, text); break;
    default: check_duration(w, f, text); break;
    }
}

static void check_items(struct walk *w, const struct field *f, const struct json *v)
{
    check_count(w, f, json_len(v), "elements");
    for (size_t i = 0; f->item && i < json_len(v); i++) {
        size_t before = descend_index(w, i);
        check_field(w, f->item, json_at(v, i));
        ascend(w, before);
    }
}

static void check_map(struct walk *w, const struct field *f, const struct json *v)
{
    const struct json *value;
    const char *key;
    if (f->max > 0 && json_len(v) > (uint64_t)f->max)
        complain(w, "must have at most %lld members", (long long)f->max);
    for (size_t i = 0; f->item && json_member(v, &i, &key, &value);) {
        size_t before = descend(w, key);
        check_field(w, f->item, value);
        ascend(w, before);
    }
}

struct kind_info {
    enum json_kind json;
    const char *wanted;
};
static const struct kind_info kinds[] = {
    [F_STRING] = { JSON_STRING, "a string" },
    [F_NAME] = { JSON_STRING, "a string" },
    [F_HOST] = { JSON_STRING, "a string" },
    [F_UUID] = { JSON_STRING, "a string" },
    [F_INT] = { JSON_INT, "a whole number" },
    [F_REAL] = { JSON_REAL, "a number" },
    [F_BOOL] = { JSON_BOOL, "true or false" },
    [F_DURATION] = { JSON_STRING, "a duration such as \"90s\"" },
    [F_SIZE] = { JSON_STRING, "a size such as \"512MiB\"" },
    [F_TIME] = { JSON_STRING, "a string" },
    [F_ENUM] = { JSON_STRING, "a string" },
    [F_OBJECT] = { JSON_OBJECT, "an object" },
    [F_ARRAY] = { JSON_ARRAY, "an array" },
    [F_MAP] = { JSON_OBJECT, "an object" },
    [F_ANY] = { JSON_NULL, "anything" },
};

static void check_real(struct walk *w, const struct field *f, double v)
{
    if ((f->rmin != 0 || f->rmax != 0) && (v < f->rmin || v > f->rmax))
        complain(w, "must be from %g to %g", f->rmin, f->rmax);
}

static void check_field(struct walk *w, const struct field *f, const struct json *v)
{
    if (json_is(v, JSON_NULL)) {
        if (!(f->flags & F_NULLABLE) && f->kind != F_ANY)
            complain(w, "must not be null");
        return;
    }
    if (f->kind == F_ANY || (f->or_string && json_is(v, JSON_STRING)))
        return;
    if (f->kind != F_SIZE && !json_is(v, kinds[f->kind].json)) {
        complain(w, "must be %s", kinds[f->kind].wanted);
        return;
    }
    switch (f->kind) {
    case F_INT: check_int_range(w, f, json_int(v, 0)); break;
    case F_REAL: check_real(w, f, json_real(v, 0)); break;
    case F_SIZE: check_size(w, f, v); break;
    case F_OBJECT:
        if (f->sub)
            check_object(w, f->sub, v);
        break;
    case F_ARRAY: check_items(w, f, v); break;
    case F_MAP: check_map(w, f, v); break;
    case F_BOOL: break;
    default: check_text(w, f, json_text(v)); break;
    }
}

static const struct field *field_find(const struct schema *s, const char *name)
{
    for (const struct field *f = s->fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static void complain_unknown(struct walk *w, const struct schema *s, const char *name)
{
    for (const struct field *f = s->fields; f->name; f++) {
        if (!(f->flags & F_READ_ONLY) && str_close(str_of(name), str_of(f->name))) {
            complain(w, "is not known; did you mean \"%s\"?", f->name);
            return;
        }
    }
    complain(w, "is not known");
}

static bool has_member(const struct json *doc, const char *name)
{
    const struct json *value;
    const char *key;
    for (size_t i = 0; json_member(doc, &i, &key, &value);)
        if (strcmp(key, name) == 0)
            return true;
    return false;
}

static void check_object(struct walk *w, const struct schema *s, const struct json *doc)
{
    const struct json *value;
    const char *key;
    for (size_t i = 0; json_member(doc, &i, &key, &value);) {
        const struct field *f = field_find(s, key);
        size_t before = descend(w, key);
        if (f && (f->flags & F_READ_ONLY))
            complain(w, "is set by the server");
        else if (f)
            check_field(w, f, value);
        else if (!s->open)
            complain_unknown(w, s, key);
        ascend(w, before);
    }
    for (const struct field *f = s->fields; f->name; f++) {
        if (!(f->flags & F_REQUIRED) || has_member(doc, f->name))
            continue;
        size_t before = descend(w, f->name);
        complain(w, "is required");
        ascend(w, before);
    }
}

bool schema_check(const struct schema *s, const struct json *doc, struct faults *faults)
{
    struct walk w = { .faults = faults };
    faults->n = 0;
    if (json_is(doc, JSON_OBJECT))
        check_object(&w, s, doc);
    else
        complain(&w, "must be an object");
    return faults->n == 0;
}

static void field_defaults(const struct field *f, struct json *v)
{
    const struct json *value;
    const char *key;
    if (f->kind == F_OBJECT && f->sub)
        schema_defaults(f->sub, v);
    for (size_t i = 0; f->kind == F_ARRAY && f->item && i < json_len(v); i++)
        field_defaults(f->item, (struct json *)(uintptr_t)json_at(v, i));
    for (size_t i = 0; f->kind == F_MAP && f->item && json_member(v, &i, &key, &value);)
        field_defaults(f->item, (struct json *)(uintptr_t)value);
}

void schema_defaults(const struct schema *s, struct json *doc)
{
    if (!json_is(doc, JSON_OBJECT))
        return;
    for (const struct field *f = s->fields; f->name; f++) {
        if (f->dflt && !has_member(doc, f->name))
            json_set(doc, f->name, json_parse(str_of(f->dflt), NULL, NULL));
        const struct json *v = json_get(doc, f->name);
        if (v)
            field_defaults(f, (struct json *)(uintptr_t)v);
    }
}
