/* SPDX-License-Identifier: Apache-2.0 */
/* ENSURE: make a collection's table what its declaration says. Additive: tables, columns, indexes and the
 * view are added, never taken away or changed in type. Columns are only ever added to a collection, so a
 * table with more columns than the declaration was written by a newer program, and is left alone.
 *
 * A hash of how an index or view was made stands in its comment: by that it is known again, whatever the
 * server makes of the text. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shape.h"

enum { NAME_MAX_BYTES = 63, DAY_SUFFIX = 9 };

/** [a-z][a-z0-9_]{0,62}, none that PostgreSQL or this driver keeps for itself. */
static bool name_ok(const char *z, size_t max)
{
    if (!z || !islower((unsigned char)z[0]) || strlen(z) > max)
        return false;
    for (const char *p = z; *p; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
            return false;
    return strncmp(z, "pg_", 3) != 0 && strncmp(z, "phoenix_", 8) != 0 && strcmp(z, "rev") != 0;
}

static bool where_ok(const phx_collection *c, const phx_cond *w)
{
    const char *why;
    if (w->field >= c->n_fields)
        return false;
    if (w->op == PHX_IS_NULL || w->op == PHX_NOT_NULL)
        return true;
    uint32_t type = c->fields[w->field].type;
    return w->op >= PHX_EQ && w->op <= PHX_GE && (type == PHX_TEXT || type == PHX_INT || type == PHX_BOOL) &&
           phx_cell_ok(type, w->cell, false, &why);
}

static bool index_ok(const phx_collection *c, const phx_index *ix)
{
    if (!name_ok(ix->name, NAME_MAX_BYTES) || ix->n == 0)
        return false;
    for (uint32_t i = 0; i < ix->n; i++) {
        int32_t f = ix->fields[i];
        if ((uint32_t)(f < 0 ? -(f + 1) : f) >= c->n_fields)
            return false;
    }
    for (uint32_t i = 0; i < ix->n_where; i++)
        if (!where_ok(c, &ix->where[i]))
            return false;
    return true;
}

/** A view has a time and a value. */
static bool view_ok(const phx_collection *c)
{
    bool real = false;
    if (!PHX_HAS(c, phx_collection, view))
        return true;
    for (uint32_t i = c->n_key; i < c->n_fields; i++)
        real = real || c->fields[i].type == PHX_REAL;
    return real && c->time_field < c->n_key && name_ok(c->view, NAME_MAX_BYTES);
}

static bool collection_ok(const phx_collection *c)
{
    if (!name_ok(c->name, NAME_MAX_BYTES - DAY_SUFFIX) || (c->flags & ~(uint32_t)PHX_C_APPEND))
        return false;
    for (uint32_t i = 0; i < c->n_fields; i++)
        if (!name_ok(c->fields[i].name, NAME_MAX_BYTES) || !decl_type(c->fields[i].type))
            return false;
    if (c->time_field < c->n_fields && c->fields[c->time_field].type != PHX_TIME)
        return false;
    for (uint32_t i = 0; i < c->n_indexes; i++)
        if (!index_ok(c, &c->indexes[i]))
            return false;
    return view_ok(c);
}

/* ---- what is there, and what is missing */

/* kind, name, and what is to be compared. t: relkind; c: type's Oid, place in the key; i, v: comment */
static const char look[] =
    "WITH t AS (SELECT to_regclass($1) AS id) "
    "SELECT 't',relname::text,relkind::text,NULL FROM t JOIN pg_class ON oid=t.id "
    "UNION ALL SELECT 'c',attname::text,atttypid::bigint::text,array_position(indkey::int2[],attnum)::text "
    "FROM t JOIN pg_attribute ON attrelid=t.id LEFT JOIN pg_index ON indrelid=t.id AND indisprimary "
    "WHERE attnum>0 AND NOT attisdropped "
    "UNION ALL SELECT 'i',relname::text,obj_description(indexrelid,'pg_class'),NULL "
    "FROM t JOIN pg_index ON indrelid=t.id JOIN pg_class ON oid=indexrelid "
    "UNION ALL SELECT 'v',$2::text,obj_description(to_regclass($2),'pg_class'),NULL";
enum { KIND, NAME, DETAIL, PLACE };

struct ensure {
    phx_op *op;
    struct decl *decl; /* ours until it is declared */
};

static bool is(const PGresult *r, int row, char kind, const char *name)
{
    return PQgetvalue(r, row, KIND)[0] == kind && (!name || strcmp(PQgetvalue(r, row, NAME), name) == 0);
}

/** The row of this kind and name; -1: there is none. */
static int find(const PGresult *r, char kind, const char *name)
{
    for (int i = 0; i < PQntuples(r); i++)
        if (is(r, i, kind, name))
            return i;
    return -1;
}

/** Is column @p row what field @p f says? */
static void check_column(struct ddl *d, const struct decl *decl, uint32_t f, const PGresult *r, int row)
{
    const phx_collection *c = &decl->c;
    long place = PQgetisnull(r, row, PLACE) ? -1 : strtol(PQgetvalue(r, row, PLACE), NULL, 10);
    if (strtoul(PQgetvalue(r, row, DETAIL), NULL, 10) != decl_oid(c->fields[f].type))
        ddl_refuse(d, PHX_E_CONFIG, "table \"%s\": column \"%s\" has another type than %s", c->name,
                   c->fields[f].name, decl_type(c->fields[f].type));
    else if (place != (f < c->n_key ? (long)f : -1))
        ddl_refuse(d, PHX_E_CONFIG, "table \"%s\": the primary key differs at \"%s\"", c->name,
                   c->fields[f].name);
}

static bool declared(const phx_collection *c, const char *column)
{
    for (uint32_t f = 0; f < c->n_fields; f++)
        if (strcmp(c->fields[f].name, column) == 0)
            return true;
    return strcmp(column, "rev") == 0;
}

/** A column that we do not know was made by a newer program. */
static void check_unknown(struct ddl *d, const struct decl *decl, const PGresult *r)
{
    const phx_host *host = d->self->host;
    for (int i = 0; i < PQntuples(r); i++)
        if (is(r, i, 'c', NULL) && !declared(&decl->c, PQgetvalue(r, i, NAME)))
            ddl_refuse(d, PHX_E_CONFIG,
                       "table \"%s\" has a column \"%s\", which this program (%s %s) does not know: a newer "
                       "one made it; start the newer program, or restore a back-up made before the upgrade",
                       decl->c.name, PQgetvalue(r, i, NAME), host->name, host->version);
}

static void plan_table(struct ddl *d, const struct decl *decl, const PGresult *r, int table)
{
    const char *relkind = PQgetvalue(r, table, DETAIL);
    if (relkind[0] != (decl->partitioned ? 'p' : 'r')) {
        ddl_refuse(d, PHX_E_CONFIG, "\"%s\" is there, but is no %s table", decl->c.name,
                   decl->partitioned ? "partitioned" : "ordinary");
        return;
    }
    for (uint32_t f = 0; f < decl->c.n_fields; f++) {
        int row = find(r, 'c', decl->c.fields[f].name);
        if (row >= 0)
            check_column(d, decl, f, r, row);
        else
            ddl_add(d, create_column(decl, f));
    }
    if (!decl->append && find(r, 'c', "rev") < 0)
        ddl_refuse(d, PHX_E_CONFIG, "table \"%s\" has no column \"rev\"", decl->c.name);
    check_unknown(d, decl, r);
}

static char *drop_index(const char *name)
{
    struct text t = { 0 };
    text_add(&t, "DROP INDEX ");
    text_name(&t, name);
    return text_take(&t);
}

/** A thing that is not marked as made by @p made is made (again), and marked. Takes @p made. */
static void plan_made(struct ddl *d, const PGresult *r, char kind, const char *name, char *made)
{
    int row = find(r, kind, name);
    char *mark = made ? create_mark(made) : NULL;
    if (mark && row >= 0 && strcmp(PQgetvalue(r, row, DETAIL), mark) == 0) {
        free(made);
    } else {
        if (kind == 'i' && row >= 0)
            ddl_add(d, drop_index(name));
        ddl_add(d, made);
        ddl_add(d, mark ? create_comment(kind == 'i' ? "INDEX" : "VIEW", name, mark) : NULL);
    }
    free(mark);
}

/** Retention deletes by time: without an index each of its chunks would read the whole table. */
static void plan_time_index(struct ddl *d, const struct decl *decl, const PGresult *r)
{
    char name[NAME_MAX_BYTES + 16];
    if (!decl->append || decl->partitioned || decl->c.time_field >= decl->c.n_fields)
        return;
    snprintf(name, sizeof(name), "%s_by_time", decl->c.name);
    int32_t field = (int32_t)decl->c.time_field;
    plan_made(d, r, 'i', name, create_index(decl, &(phx_index){ .name = name, .fields = &field, .n = 1 }));
}

static void plan(struct ddl *d, const PGresult *r)
{
    const struct ensure *e = d->arg;
    const struct decl *decl = e->decl;
    int table = find(r, 't', decl->c.name);
    if (table >= 0)
        plan_table(d, decl, r, table);
    else
        ddl_add(d, create_table(decl));
    for (uint32_t i = 0; i < decl->c.n_indexes; i++)
        plan_made(d, r, 'i', decl->c.indexes[i].name, create_index(decl, &decl->c.indexes[i]));
    plan_time_index(d, decl, r);
    if (decl->c.view)
        plan_made(d, r, 'v', decl->c.view, create_view(decl));
}

/* ---- declarations */

struct decl *decl_find(const phx_self *self, const phx_collection *c)
{
    for (uint32_t i = 0; i < self->n_decls; i++) {
        struct decl *d = self->decls[i];
        if (strcmp(d->c.name, c->name) != 0)
            continue;
        bool same = d->c.n_fields == c->n_fields && d->c.n_key == c->n_key && d->c.flags == c->flags;
        return same ? d : NULL;
    }
    return NULL;
}

/** Operations may still be on their way with the one that was there: it stays behind the new one. */
static void declare(struct ddl *d, struct decl *decl)
{
    phx_self *self = d->self;
    for (uint32_t i = 0; i < self->n_decls; i++) {
        if (strcmp(self->decls[i]->c.name, decl->c.name) == 0) {
            decl->older = self->decls[i];
            self->decls[i] = decl;
            return;
        }
    }
    if (self->n_decls < MAX_DECLS) {
        self->decls[self->n_decls++] = decl;
        return;
    }
    decl_free(decl);
    ddl_refuse(d, PHX_E_LIMIT, "more than %d collections", MAX_DECLS);
}

static void on_done(struct ddl *d)
{
    struct ensure *e = d->arg;
    if (d->status)
        decl_free(e->decl);
    else
        declare(d, e->decl);
    say(e->op, d->status, 0, d->why);
    free(e);
}

void schema_ensure(phx_self *self, phx_op *op, const phx_req *req)
{
    if (!collection_ok(req->collection)) {
        char why[WHY_MAX];
        snprintf(why, sizeof(why), "the declaration of collection \"%.63s\" has a bad name, type or index",
                 req->collection->name ? req->collection->name : "");
        say(op, PHX_E_INVAL, 0, why);
        return;
    }
    struct ensure *e = malloc(sizeof(*e));
    struct decl *decl = decl_new(req->collection);
    if (!e || !decl) {
        free(e);
        decl_free(decl);
        say(op, PHX_E_NOMEM, 0, "out of memory");
        return;
    }
    *e = (struct ensure){ op, decl };
    ddl_run(&(struct ddl){
        .self = self,
        .look = look,
        .values = { decl->table, decl->c.view },
        .n_values = 2,
        .plan = plan,
        .done = on_done,
        .arg = e,
    });
}
