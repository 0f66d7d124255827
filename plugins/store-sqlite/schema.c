/* SPDX-License-Identifier: Apache-2.0 */
/* ENSURE: make a collection's table what its declaration says. Additive: tables, columns and indexes
 * are added, never taken away or changed in type. Columns are only ever added to a collection, so a
 * table with more columns than the declaration was written by a newer program, and is left alone.
 * [work], inside a transaction. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sqlite_priv.h"

struct decl *decl_find(phx_self *self, const phx_collection *c)
{
    for (uint32_t i = 0; i < self->n_decls; i++) {
        struct decl *d = self->decls[i];
        if (strcmp(d->name, c->name) == 0)
            return d->n_fields == c->n_fields && d->n_key == c->n_key && d->flags == c->flags ? d : NULL;
    }
    return NULL;
}

/** [a-z][a-z0-9_]{0,62}, none that SQLite or this driver keeps for itself. */
static bool name_ok(const char *z)
{
    if (!z || !islower((unsigned char)z[0]) || strlen(z) > 63)
        return false;
    for (const char *p = z; *p; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
            return false;
    return strncmp(z, "sqlite_", 7) != 0 && strncmp(z, "phoenix_", 8) != 0 && strcmp(z, "rev") != 0;
}

static bool index_ok(const phx_collection *c, const phx_index *ix)
{
    if (!name_ok(ix->name) || ix->n == 0)
        return false;
    for (uint32_t i = 0; i < ix->n; i++) {
        int32_t f = ix->fields[i];
        if ((uint32_t)(f < 0 ? -(f + 1) : f) >= c->n_fields)
            return false;
    }
    for (uint32_t i = 0; i < ix->n_where; i++) {
        const phx_cond *w = &ix->where[i];
        bool valued = w->op >= PHX_EQ && w->op <= PHX_GE;
        if (w->field >= c->n_fields || (!valued && w->op != PHX_IS_NULL && w->op != PHX_NOT_NULL))
            return false;
        const char *why;
        if (valued && (!phx_cell_ok(c->fields[w->field].type, w->cell, false, &why) ||
                       w->cell->type == PHX_REAL || w->cell->type == PHX_BYTES))
            return false;
    }
    return true;
}

static bool collection_ok(const phx_collection *c)
{
    if (!name_ok(c->name) || (c->flags & ~(uint32_t)PHX_C_APPEND))
        return false;
    for (uint32_t i = 0; i < c->n_fields; i++)
        if (!name_ok(c->fields[i].name) || !decl_type(c->fields[i].type))
            return false;
    for (uint32_t i = 0; i < c->n_indexes; i++)
        if (!index_ok(c, &c->indexes[i]))
            return false;
    return true;
}

/** Run @p sql, which is freed. */
static phx_status run_taken(phx_self *self, char *sql, char *why)
{
    phx_status rc = sql ? db_exec(self, sql, why) : PHX_E_NOMEM;
    free(sql);
    return rc;
}

static phx_status refuse(char *why, const char *fmt, const char *collection, const char *column)
{
    snprintf(why, WHY_MAX, fmt, collection, column);
    return PHX_E_CONFIG;
}

/** Compare one column of the table with the declaration; tick it off in @p found. */
static phx_status check_column(const phx_collection *c, sqlite3_stmt *s, bool *found, char *why)
{
    const char *name = (const char *)sqlite3_column_text(s, 0);
    const char *type = (const char *)sqlite3_column_text(s, 1);
    int pk = sqlite3_column_int(s, 2);
    if (!name || !type)
        return PHX_E_NOMEM;
    if (strcmp(name, "rev") == 0)
        return PHX_OK;
    for (uint32_t i = 0; i < c->n_fields; i++) {
        if (strcmp(c->fields[i].name, name) != 0)
            continue;
        found[i] = true;
        if (strcmp(type, decl_type(c->fields[i].type)) != 0)
            return refuse(why, "collection \"%s\": the stored type of \"%s\" is another one", c->name, name);
        if (pk != (i < c->n_key ? (int)i + 1 : 0))
            return refuse(why, "collection \"%s\": the stored key differs at \"%s\"", c->name, name);
        return PHX_OK;
    }
    return PHX_E_UNSUPPORTED; /* the caller counts and explains */
}

static phx_status newer(phx_self *self, const phx_collection *c, int n_stored, char *why)
{
    snprintf(why, WHY_MAX,
             "\"%s\" was written by a newer version of this program: collection \"%s\" has %d fields there, "
             "this version knows %u; start the newer version, or restore a backup",
             self->path, c->name, n_stored, c->n_fields);
    return PHX_E_CONFIG;
}

/** Walk the stored columns. *ret_n: how many there are, without the revision; 0: no table. */
static phx_status check_columns(phx_self *self, const phx_collection *c, bool *found, int *ret_n, char *why)
{
    sqlite3_stmt *s = stmt_of(self, "SELECT name,type,pk FROM pragma_table_info(?)");
    if (!s)
        return db_status(self, sqlite3_extended_errcode(self->db), "read", why);
    sqlite3_bind_text(s, 1, c->name, -1, SQLITE_STATIC);
    phx_status rc = PHX_OK;
    bool unknown = false;
    int step;
    *ret_n = 0;
    while ((step = sqlite3_step(s)) == SQLITE_ROW && rc == PHX_OK) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        *ret_n += name && strcmp(name, "rev") != 0;
        rc = check_column(c, s, found, why);
        if (rc == PHX_E_UNSUPPORTED) {
            unknown = true;
            rc = PHX_OK;
        }
    }
    if (rc == PHX_OK && step != SQLITE_DONE)
        rc = db_status(self, sqlite3_extended_errcode(self->db), "read", why);
    sqlite3_reset(s);
    return rc == PHX_OK && unknown ? newer(self, c, *ret_n, why) : rc;
}

static phx_status ensure_table(phx_self *self, const phx_collection *c, char *why)
{
    bool *found = calloc(c->n_fields, sizeof(*found));
    if (!found)
        return PHX_E_NOMEM;
    int n = 0;
    phx_status rc = check_columns(self, c, found, &n, why);
    if (rc == PHX_OK && n == 0)
        rc = run_taken(self, decl_table_sql(c), why);
    for (uint32_t i = 0; i < c->n_fields && n && rc == PHX_OK; i++)
        if (!found[i])
            rc = run_taken(self, decl_column_sql(c, &c->fields[i]), why);
    free(found);
    return rc;
}

/** Make the index, or make it anew if it was declared otherwise. */
static phx_status ensure_index(phx_self *self, const phx_collection *c, const phx_index *ix, char *why)
{
    char *sql = decl_index_sql(c, ix);
    sqlite3_stmt *s = stmt_of(self, "SELECT sql FROM sqlite_schema WHERE type='index' AND name=?");
    if (!sql || !s) {
        free(sql);
        return PHX_E_NOMEM;
    }
    sqlite3_bind_text(s, 1, ix->name, -1, SQLITE_STATIC);
    bool there = sqlite3_step(s) == SQLITE_ROW;
    const char *stored = there ? (const char *)sqlite3_column_text(s, 0) : NULL;
    bool same = stored && strcmp(stored, sql) == 0;
    sqlite3_reset(s);
    phx_status rc = PHX_OK;
    if (there && !same) {
        struct sql drop = { 0 };
        sql_add(&drop, "DROP INDEX \"");
        sql_add(&drop, ix->name);
        sql_add(&drop, "\"");
        rc = run_taken(self, drop.p, why);
    }
    if (rc == PHX_OK && !same)
        return run_taken(self, sql, why);
    free(sql);
    return rc;
}

/** Retention deletes by time: without an index each of its chunks would read the whole table. */
static phx_status ensure_time_index(phx_self *self, const phx_collection *c, char *why)
{
    char name[80];
    if (!(c->flags & PHX_C_APPEND) || c->time_field >= c->n_fields)
        return PHX_OK;
    snprintf(name, sizeof(name), "%s_by_time", c->name);
    int32_t field = (int32_t)c->time_field;
    phx_index ix = { .name = name, .fields = &field, .n = 1 };
    return ensure_index(self, c, &ix, why);
}

static phx_status declare(phx_self *self, const phx_collection *c, char *why)
{
    struct decl *d = decl_new(c);
    if (!d)
        return PHX_E_NOMEM;
    for (uint32_t i = 0; i < self->n_decls; i++) {
        if (strcmp(self->decls[i]->name, c->name) == 0) {
            decl_free(self->decls[i]);
            self->decls[i] = d;
            return PHX_OK;
        }
    }
    if (self->n_decls == MAX_DECLS) {
        decl_free(d);
        snprintf(why, WHY_MAX, "more than %d collections", MAX_DECLS);
        return PHX_E_LIMIT;
    }
    self->decls[self->n_decls++] = d;
    return PHX_OK;
}

phx_status schema_ensure(phx_self *self, const phx_collection *c, char *why)
{
    if (!collection_ok(c)) {
        snprintf(why, WHY_MAX, "the declaration of collection \"%s\" has a bad name, type or index",
                 c->name ? c->name : "");
        return PHX_E_INVAL;
    }
    phx_status rc = ensure_table(self, c, why);
    for (uint32_t i = 0; i < c->n_indexes && rc == PHX_OK; i++)
        rc = ensure_index(self, c, &c->indexes[i], why);
    if (rc == PHX_OK)
        rc = ensure_time_index(self, c, why);
    return rc ? rc : declare(self, c, why);
}
