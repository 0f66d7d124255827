/* SPDX-License-Identifier: Apache-2.0 */
/* Our copy of a declared collection, and the types of its columns. Pure. */
#include <stdlib.h>
#include <string.h>
#include "shape.h"

/* json, not jsonb: what was stored comes back byte for byte, and jsonb refuses \u0000. */
static const struct {
    const char *name;
    Oid oid, array_oid;
} types[] = {
    [PHX_TEXT] = { "text", 25, 1009 },        [PHX_INT] = { "bigint", 20, 1016 },
    [PHX_REAL] = { "double precision", 701, 1022 }, [PHX_BOOL] = { "boolean", 16, 1000 },
    [PHX_TIME] = { "timestamptz", 1184, 1185 }, [PHX_JSON] = { "json", 114, 199 },
    [PHX_BYTES] = { "bytea", 17, 1001 },
};

static bool known(uint32_t type)
{
    return type >= PHX_TEXT && type <= PHX_BYTES;
}

const char *decl_type(uint32_t type)
{
    return known(type) ? types[type].name : NULL;
}

Oid decl_oid(uint32_t type)
{
    return known(type) ? types[type].oid : InvalidOid;
}

Oid decl_array_oid(uint32_t type)
{
    return known(type) ? types[type].array_oid : InvalidOid;
}

/** What belongs to a declaration: freed with it. */
struct block {
    struct block *next;
    char bytes[] __attribute__((aligned(16)));
};

/** Room for @p n bytes, zeroed. NULL: out of memory. */
static void *keep(struct decl *d, size_t n)
{
    struct block *b = calloc(1, sizeof(*b) + n);
    if (!b)
        return NULL;
    b->next = d->memory;
    d->memory = b;
    return b->bytes;
}

static void *keep_copy(struct decl *d, const void *p, size_t n)
{
    void *ret = keep(d, n);
    if (ret && n)
        memcpy(ret, p, n);
    return ret;
}

static char *keep_name(struct decl *d, const char *z)
{
    return keep_copy(d, z, strlen(z) + 1);
}

static char *keep_text(struct decl *d, struct text *t)
{
    char *built = text_take(t);
    char *ret = built ? keep_name(d, built) : NULL;
    free(built);
    return ret;
}

static char *keep_quoted(struct decl *d, const char *name)
{
    struct text t = { 0 };
    text_name(&t, name);
    return keep_text(d, &t);
}

static const phx_cond *copy_where(struct decl *d, const phx_index *ix)
{
    phx_cond *where = keep_copy(d, ix->where, ix->n_where * sizeof(*where));
    for (uint32_t i = 0; where && i < ix->n_where; i++) {
        if (where[i].op > PHX_GE)
            continue; /* a test for null has no value */
        phx_cell *cell = keep_copy(d, where[i].cell, sizeof(*cell));
        if (!cell || !(cell->s.p = keep_copy(d, cell->s.p, cell->s.n)))
            return NULL;
        where[i].cell = cell;
    }
    return where;
}

static bool copy_indexes(struct decl *d, const phx_collection *from)
{
    phx_index *ixs = keep_copy(d, from->indexes, from->n_indexes * sizeof(*ixs));
    d->c.indexes = ixs;
    for (uint32_t i = 0; ixs && i < from->n_indexes; i++) {
        ixs[i].name = keep_name(d, from->indexes[i].name);
        ixs[i].fields = keep_copy(d, from->indexes[i].fields, ixs[i].n * sizeof(*ixs[i].fields));
        ixs[i].where = copy_where(d, &from->indexes[i]);
        if (!ixs[i].name || !ixs[i].fields || !ixs[i].where)
            return false;
    }
    return ixs != NULL;
}

static bool copy_fields(struct decl *d, const phx_collection *from)
{
    phx_field *fields = keep_copy(d, from->fields, from->n_fields * sizeof(*fields));
    struct text columns = { 0 };
    d->c.fields = fields;
    d->quoted = keep(d, from->n_fields * sizeof(*d->quoted));
    if (!fields || !d->quoted)
        return false;
    for (uint32_t i = 0; i < from->n_fields; i++) {
        fields[i].name = keep_name(d, from->fields[i].name);
        d->quoted[i] = keep_quoted(d, from->fields[i].name);
        if (!fields[i].name || !d->quoted[i])
            break;
        text_add(&columns, i ? "," : "");
        text_add(&columns, d->quoted[i]);
        d->c.n_fields++;
    }
    d->columns = keep_text(d, &columns);
    return d->c.n_fields == from->n_fields && d->columns;
}

static bool fill(struct decl *d, const phx_collection *c)
{
    const char *view = PHX_HAS(c, phx_collection, view) ? c->view : NULL;
    d->c = (phx_collection){
        .size = sizeof(d->c),
        .flags = c->flags,
        .name = keep_name(d, c->name),
        .n_key = c->n_key,
        .n_indexes = c->n_indexes,
        .time_field = c->time_field,
        .view = view ? keep_name(d, view) : NULL,
    };
    d->table = keep_quoted(d, c->name);
    d->append = (c->flags & PHX_C_APPEND) != 0;
    d->partitioned = d->append && c->time_field < c->n_key;
    return d->c.name && d->table && (d->c.view || !view) && copy_fields(d, c) && copy_indexes(d, c);
}

struct decl *decl_new(const phx_collection *c)
{
    struct decl *d = calloc(1, sizeof(*d));
    if (d && !fill(d, c)) {
        decl_free(d);
        return NULL;
    }
    return d;
}

void decl_free(struct decl *d)
{
    if (!d)
        return;
    decl_free(d->older);
    for (struct block *b = d->memory, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(d);
}
