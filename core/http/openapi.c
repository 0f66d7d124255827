/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenAPI 3.1 document of a table of routes. Schemas are shown once, under components, and
 * referred to by name; sub-objects stand inside their schema.
 */
#include <stdlib.h>
#include "core/base/mem.h"
#include "core/http/http.h"

static bool is_nothing(const struct schema *s)
{
    return !s || (!s->fields[0].name && !s->open && !s->array_of);
}

static const char *method_name(enum http_method m)
{
    switch (m) {
    case HTTP_GET: return "get";
    case HTTP_POST: return "post";
    case HTTP_PUT: return "put";
    case HTTP_PATCH: return "patch";
    default: return "delete";
    }
}

static void write_ref(struct jw *w, const char *name)
{
    char ref[128];
    struct str parts[] = { STR("#/components/schemas/"), str_of(name) };
    str_copy(ref, sizeof ref, parts[0]);
    str_copy(ref + parts[0].n, sizeof ref - parts[0].n, parts[1]);
    jw_open(w, '{');
    jw_kstr(w, "$ref", ref);
    jw_close(w, '}');
}

static void write_content(struct jw *w, const char *type, const char *schema)
{
    jw_key(w, "content");
    jw_open(w, '{');
    jw_key(w, type);
    jw_open(w, '{');
    jw_key(w, "schema");
    write_ref(w, schema);
    jw_close(w, '}');
    jw_close(w, '}');
}

/* ---- parameters */

/* @p f NULL: any text. */
static void write_parameter(struct jw *w, const char *name, const char *in, bool required,
                            const struct field *f)
{
    jw_open(w, '{');
    jw_kstr(w, "name", name);
    jw_kstr(w, "in", in);
    jw_kbool(w, "required", required);
    if (f && f->help)
        jw_kstr(w, "description", f->help);
    jw_key(w, "schema");
    if (f) {
        schema_field_write(f, w);
    } else {
        jw_open(w, '{');
        jw_kstr(w, "type", "string");
        jw_close(w, '}');
    }
    jw_close(w, '}');
}

static void write_parameters(struct jw *w, const struct route *r)
{
    jw_key(w, "parameters");
    jw_open(w, '[');
    struct str rest = str_of(r->path), segment;
    while (str_split(&rest, '/', &segment)) {
        char name[64];
        if (segment.n > 2 && segment.p[0] == '{') {
            str_copy(name, sizeof name, (struct str){ segment.p + 1, segment.n - 2 });
            write_parameter(w, name, "path", true, NULL);
        }
    }
    if (r->scope == SCOPE_AGENT)
        write_parameter(w, "X-Agent-Host-ID", "header", true, NULL);
    if (r->flags & ROUTE_IDEMPOTENT)
        write_parameter(w, "Idempotency-Key", "header", false, NULL);
    if (!is_nothing(r->query))
        for (const struct field *f = r->query->fields; f->name; f++)
            write_parameter(w, f->name, "query", f->flags & F_REQUIRED, f);
    jw_close(w, ']');
}

/* ---- operations */

static void write_responses(struct jw *w, const struct route *r)
{
    char status[8];
    jw_key(w, "responses");
    jw_open(w, '{');
    status[0] = (char)('0' + r->status / 100 % 10);
    status[1] = (char)('0' + r->status / 10 % 10);
    status[2] = (char)('0' + r->status % 10);
    status[3] = '\0';
    jw_key(w, status);
    jw_open(w, '{');
    jw_kstr(w, "description", "done");
    if (!is_nothing(r->reply))
        write_content(w, "application/json", r->reply->name);
    jw_close(w, '}');
    jw_key(w, "default");
    jw_open(w, '{');
    jw_kstr(w, "description", "a problem (RFC 9457)");
    write_content(w, "application/problem+json", "problem");
    jw_close(w, '}');
    jw_close(w, '}');
}

static void write_operation(struct jw *w, const struct route *r)
{
    jw_key(w, method_name(r->method));
    jw_open(w, '{');
    jw_kstr(w, "operationId", r->id);
    jw_kstr(w, "summary", r->summary);
    write_parameters(w, r);
    if (!is_nothing(r->body)) {
        jw_key(w, "requestBody");
        jw_open(w, '{');
        write_content(w, "application/json", r->body->name);
        jw_close(w, '}');
    }
    write_responses(w, r);
    jw_close(w, '}');
}

static void write_paths(struct jw *w, const struct route *routes, size_t n)
{
    bool *shown = mem_calloc(n + 1, sizeof *shown);
    jw_key(w, "paths");
    jw_open(w, '{');
    for (size_t i = 0; i < n; i++) {
        if (shown[i])
            continue;
        jw_key(w, routes[i].path);
        jw_open(w, '{');
        for (size_t k = i; k < n; k++) {
            if (strcmp(routes[k].path, routes[i].path) == 0) {
                write_operation(w, &routes[k]);
                shown[k] = true;
            }
        }
        jw_close(w, '}');
    }
    jw_close(w, '}');
    free(shown);
}

/* ---- components */

struct named {
    const struct schema **at;
    size_t n;
};

static void add_named(struct named *all, const struct schema *s)
{
    if (is_nothing(s))
        return;
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->at[i]->name, s->name) == 0)
            return;
    all->at[all->n++] = s;
}

static const struct field error_fields[] = {
    { .name = "pointer", .kind = F_STRING, .flags = F_REQUIRED, .help = "JSON pointer to the field" },
    { .name = "message", .kind = F_STRING, .flags = F_REQUIRED },
    { .name = NULL },
};
static const struct schema error_schema = { .name = "problem_error", .fields = error_fields };
static const struct field error_item = { .name = "error", .kind = F_OBJECT, .sub = &error_schema };
static const struct field problem_fields[] = {
    { .name = "type", .kind = F_STRING, .flags = F_REQUIRED, .help = "urn:phoenix:problem:NAME; stable" },
    { .name = "title", .kind = F_STRING, .flags = F_REQUIRED },
    { .name = "status", .kind = F_INT, .flags = F_REQUIRED },
    { .name = "detail", .kind = F_STRING, .help = "what happened" },
    { .name = "remedy", .kind = F_STRING, .help = "what to do about it" },
    { .name = "request_id", .kind = F_STRING, .help = "as X-Request-ID; find it in the log" },
    { .name = "errors", .kind = F_ARRAY, .item = &error_item, .help = "each fault of the document" },
    { .name = NULL },
};
static const struct schema problem_schema = { .name = "problem", .fields = problem_fields };

static void write_components(struct jw *w, const struct route *routes, size_t n)
{
    struct named all = { mem_calloc(2 * n + 1, sizeof *all.at), 0 };
    add_named(&all, &problem_schema);
    for (size_t i = 0; i < n; i++) {
        add_named(&all, routes[i].body);
        add_named(&all, routes[i].reply);
    }
    jw_key(w, "components");
    jw_open(w, '{');
    jw_key(w, "schemas");
    jw_open(w, '{');
    for (size_t i = 0; i < all.n; i++) {
        jw_key(w, all.at[i]->name);
        schema_write(all.at[i], w);
    }
    jw_close(w, '}');
    jw_close(w, '}');
    free(all.at);
}

void openapi_write(const struct route *routes, size_t n, const char *version, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_open(&w, '{');
    jw_kstr(&w, "openapi", "3.1.0");
    jw_key(&w, "info");
    jw_open(&w, '{');
    jw_kstr(&w, "title", "Phoenix");
    jw_kstr(&w, "version", version);
    jw_close(&w, '}');
    write_paths(&w, routes, n);
    write_components(&w, routes, n);
    jw_close(&w, '}');
}
