/* SPDX-License-Identifier: Apache-2.0 */
/* A collection in SQL: our copy of the declaration, the statements that depend on nothing else, and
 * the CREATE texts. Names have been checked by schema_ensure(); they are quoted all the same. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sqlite_priv.h"

const char *decl_type(uint32_t type)
{
    switch (type) {
    case PHX_TEXT:
    case PHX_JSON:
        return "TEXT";
    case PHX_INT:
    case PHX_BOOL:
    case PHX_TIME:
        return "INTEGER";
    case PHX_REAL:
        return "REAL";
    case PHX_BYTES:
        return "BLOB";
    default:
        return NULL;
    }
}

static char *text_of(struct sql *q)
{
    if (q->failed) {
        free(q->p);
        return NULL;
    }
    return q->p;
}

static void add_quoted(struct sql *q, const char *name)
{
    sql_add(q, "\"");
    sql_add(q, name);
    sql_add(q, "\"");
}

static char *quote(const char *name)
{
    struct sql q = { 0 };
    add_quoted(&q, name);
    return text_of(&q);
}

static void add_columns(struct sql *q, const struct decl *d, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        sql_add(q, i ? "," : "");
        sql_add(q, d->quoted[i]);
    }
}

static char *key_where_text(const struct decl *d)
{
    struct sql q = { 0 };
    for (uint32_t i = 0; i < d->n_key; i++) {
        sql_add(&q, i ? " AND " : "");
        sql_add(&q, d->quoted[i]);
        sql_add(&q, "=?");
    }
    return text_of(&q);
}

/** INSERT of a whole row. @p or_else: what happens if the key is there. */
static char *insert_text(const struct decl *d, bool or_else)
{
    bool append = (d->flags & PHX_C_APPEND) != 0;
    struct sql q = { 0 };
    sql_add(&q, "INSERT INTO ");
    sql_add(&q, d->table);
    sql_add(&q, "(");
    add_columns(&q, d, d->n_fields);
    sql_add(&q, append ? ") VALUES(?" : ",\"rev\") VALUES(?,?");
    for (uint32_t i = 1; i < d->n_fields; i++)
        sql_add(&q, ",?");
    sql_add(&q, ")");
    if (or_else && append) {
        sql_add(&q, " ON CONFLICT DO NOTHING");
    } else if (or_else) {
        sql_add(&q, " ON CONFLICT(");
        add_columns(&q, d, d->n_key);
        sql_add(&q, ") DO UPDATE SET \"rev\"=excluded.\"rev\"");
        for (uint32_t i = d->n_key; i < d->n_fields; i++) {
            sql_add(&q, ",");
            sql_add(&q, d->quoted[i]);
            sql_add(&q, "=excluded.");
            sql_add(&q, d->quoted[i]);
        }
    }
    return text_of(&q);
}

static const char *const comparisons[] = { [PHX_EQ] = "=",  [PHX_NE] = "<>", [PHX_LT] = "<",
                                           [PHX_LE] = "<=", [PHX_GT] = ">",  [PHX_GE] = ">=" };

/** A condition of a partial index, with its value: a number, or a text that SQLite quotes. */
static char *literal_text(const phx_collection *c, const phx_cond *cond)
{
    const char *name = c->fields[cond->field].name;
    char *z;
    if (cond->op == PHX_IS_NULL || cond->op == PHX_NOT_NULL)
        z = sqlite3_mprintf("\"%s\" IS %sNULL", name, cond->op == PHX_IS_NULL ? "" : "NOT ");
    else if (cond->cell->type == PHX_TEXT)
        z = sqlite3_mprintf("\"%s\"%s'%.*q'", name, comparisons[cond->op], (int)cond->cell->s.n,
                            cond->cell->s.p);
    else
        z = sqlite3_mprintf("\"%s\"%s%lld", name, comparisons[cond->op], (long long)cond->cell->i);
    char *ret = z ? strdup(z) : NULL;
    sqlite3_free(z);
    return ret;
}

static bool add_partial(struct decl *d, const phx_collection *c, const phx_cond *cond)
{
    if (cond->op > PHX_GE)
        return true; /* no value: the plain text is already the literal */
    struct partial *p = realloc(d->partials, (d->n_partials + 1) * sizeof(*p));
    if (!p)
        return false;
    d->partials = p;
    p += d->n_partials;
    char *text = cond->cell->s.n ? malloc(cond->cell->s.n) : NULL;
    *p = (struct partial){ .cond = *cond, .cell = *cond->cell, .literal = literal_text(c, cond) };
    if (text)
        memcpy(text, cond->cell->s.p, cond->cell->s.n);
    p->cell.s.p = text;
    d->n_partials++;
    return p->literal && (text || !cond->cell->s.n);
}

static bool fill(struct decl *d, const phx_collection *c)
{
    d->name = strdup(c->name);
    d->table = quote(c->name);
    d->fields = calloc(c->n_fields, sizeof(*d->fields));
    d->quoted = calloc(c->n_fields, sizeof(*d->quoted));
    if (!d->name || !d->table || !d->fields || !d->quoted)
        return false;
    for (uint32_t i = 0; i < c->n_fields; i++, d->n_fields++) {
        d->fields[i] = c->fields[i];
        d->fields[i].name = strdup(c->fields[i].name);
        d->quoted[i] = quote(c->fields[i].name);
        if (!d->fields[i].name || !d->quoted[i]) {
            d->n_fields++;
            return false;
        }
    }
    d->n_key = c->n_key;
    d->flags = c->flags;
    for (uint32_t i = 0; i < c->n_indexes; i++)
        for (uint32_t k = 0; k < c->indexes[i].n_where; k++)
            if (!add_partial(d, c, &c->indexes[i].where[k]))
                return false;
    d->key_where = key_where_text(d);
    d->insert = insert_text(d, false);
    d->upsert = insert_text(d, true);
    return d->key_where && d->insert && d->upsert;
}

struct decl *decl_new(const phx_collection *c)
{
    struct decl *d = calloc(1, sizeof(*d));
    if (d && !fill(d, c)) {
        decl_free(d);
        return NULL;
    }
    if (d)
        for (uint32_t i = 0; i < d->n_partials; i++) /* the array may have moved while it grew */
            d->partials[i].cond.cell = &d->partials[i].cell;
    return d;
}

void decl_free(struct decl *d)
{
    if (!d)
        return;
    for (uint32_t i = 0; i < d->n_fields; i++) {
        free((char *)d->fields[i].name);
        free(d->quoted[i]);
    }
    for (uint32_t i = 0; i < d->n_partials; i++) {
        free((char *)d->partials[i].cell.s.p);
        free(d->partials[i].literal);
    }
    free(d->partials);
    free(d->fields);
    free(d->quoted);
    free(d->name);
    free(d->table);
    free(d->key_where);
    free(d->insert);
    free(d->upsert);
    free(d);
}

static void add_column(struct sql *q, const phx_field *f)
{
    add_quoted(q, f->name);
    sql_add(q, " ");
    sql_add(q, decl_type(f->type));
    sql_add(q, f->flags & PHX_F_NOT_NULL ? " NOT NULL" : "");
}

/** Without a rowid: the key is text, and the table is its only tree. */
char *decl_table_sql(const phx_collection *c)
{
    struct sql q = { 0 };
    sql_add(&q, "CREATE TABLE ");
    add_quoted(&q, c->name);
    sql_add(&q, "(");
    for (uint32_t i = 0; i < c->n_fields; i++) {
        add_column(&q, &c->fields[i]);
        sql_add(&q, ",");
    }
    sql_add(&q, c->flags & PHX_C_APPEND ? "PRIMARY KEY(" : "\"rev\" INTEGER NOT NULL,PRIMARY KEY(");
    for (uint32_t i = 0; i < c->n_key; i++) {
        sql_add(&q, i ? "," : "");
        add_quoted(&q, c->fields[i].name);
    }
    sql_add(&q, ")) STRICT, WITHOUT ROWID");
    return text_of(&q);
}

/** A column that is added later needs a value for the rows that are there. */
char *decl_column_sql(const phx_collection *c, const phx_field *f)
{
    struct sql q = { 0 };
    sql_add(&q, "ALTER TABLE ");
    add_quoted(&q, c->name);
    sql_add(&q, " ADD COLUMN ");
    add_column(&q, f);
    if (f->flags & PHX_F_NOT_NULL) {
        bool text = f->type == PHX_TEXT || f->type == PHX_BYTES || f->type == PHX_JSON;
        sql_add(&q, f->type == PHX_JSON ? " DEFAULT 'null'" : !text ? " DEFAULT 0" :
                    f->type == PHX_BYTES ? " DEFAULT x''" : " DEFAULT ''");
    }
    return text_of(&q);
}

char *decl_index_sql(const phx_collection *c, const phx_index *ix)
{
    struct sql q = { 0 };
    sql_add(&q, "CREATE INDEX ");
    add_quoted(&q, ix->name);
    sql_add(&q, " ON ");
    add_quoted(&q, c->name);
    for (uint32_t i = 0; i < ix->n; i++) {
        int32_t f = ix->fields[i];
        sql_add(&q, i ? "," : "(");
        add_quoted(&q, c->fields[f < 0 ? -(f + 1) : f].name);
        sql_add(&q, f < 0 ? " DESC" : "");
    }
    sql_add(&q, ")");
    for (uint32_t i = 0; i < ix->n_where; i++) {
        char *literal = literal_text(c, &ix->where[i]);
        sql_add(&q, i ? " AND " : " WHERE ");
        sql_add(&q, literal ? literal : "");
        q.failed = q.failed || !literal;
        free(literal);
    }
    return text_of(&q);
}
