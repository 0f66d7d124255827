/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements, kept by their text; values in and out; result codes. [work] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sqlite_priv.h"

static uint64_t hash_of(const char *z)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *z; z++)
        h = (h ^ (unsigned char)*z) * UINT64_C(1099511628211);
    return h;
}

void stmt_drop_all(phx_self *self)
{
    for (int i = 0; i < STMT_BUCKETS; i++) {
        for (struct stmt *s = self->stmts[i], *next; s; s = next) {
            next = s->next;
            sqlite3_finalize(s->s);
            free(s->sql);
            free(s);
        }
        self->stmts[i] = NULL;
    }
    self->n_stmts = 0;
}

sqlite3_stmt *stmt_of(phx_self *self, const char *sql)
{
    uint64_t h = hash_of(sql);
    struct stmt **bucket = &self->stmts[h % STMT_BUCKETS];
    for (struct stmt *s = *bucket; s; s = s->next)
        if (s->hash == h && strcmp(s->sql, sql) == 0)
            return s->s;
    struct stmt *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->sql = strdup(sql);
    s->hash = h;
    if (!s->sql || sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->s, NULL)) {
        free(s->sql);
        free(s);
        return NULL;
    }
    s->next = *bucket;
    *bucket = s;
    self->n_stmts++;
    return s->s;
}

sqlite3_stmt *stmt_get(phx_self *self)
{
    return self->sql.failed ? NULL : stmt_of(self, self->sql.p);
}

/** Values are bound as they lie: a request stays where it is until done(). */
bool bind_cell(sqlite3_stmt *s, int *io_at, const phx_cell *c)
{
    int at = (*io_at)++;
    switch (c->type) {
    case PHX_TEXT:
    case PHX_JSON:
        return sqlite3_bind_text64(s, at, c->s.n ? c->s.p : "", c->s.n, SQLITE_STATIC, SQLITE_UTF8) ==
               SQLITE_OK;
    case PHX_BYTES:
        return (c->s.n ? sqlite3_bind_blob64(s, at, c->s.p, c->s.n, SQLITE_STATIC)
                       : sqlite3_bind_zeroblob(s, at, 0)) == SQLITE_OK;
    case PHX_REAL:
        return sqlite3_bind_double(s, at, c->r) == SQLITE_OK;
    case PHX_INT:
    case PHX_BOOL:
    case PHX_TIME:
        return sqlite3_bind_int64(s, at, c->i) == SQLITE_OK;
    default:
        return sqlite3_bind_null(s, at) == SQLITE_OK;
    }
}

bool bind_cells(sqlite3_stmt *s, int *io_at, const phx_cell *c, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!bind_cell(s, io_at, &c[i]))
            return false;
    return true;
}

void column_cell(sqlite3_stmt *s, int col, uint32_t type, phx_cell *ret)
{
    *ret = (phx_cell){ .type = type };
    if (sqlite3_column_type(s, col) == SQLITE_NULL) {
        ret->type = 0;
        return;
    }
    switch (type) {
    case PHX_TEXT:
    case PHX_JSON:
        ret->s.p = (const char *)sqlite3_column_text(s, col);
        ret->s.n = (size_t)sqlite3_column_bytes(s, col);
        break;
    case PHX_BYTES:
        ret->s.p = sqlite3_column_blob(s, col);
        ret->s.n = (size_t)sqlite3_column_bytes(s, col);
        break;
    case PHX_REAL:
        ret->r = sqlite3_column_double(s, col);
        break;
    default:
        ret->i = sqlite3_column_int64(s, col);
    }
    if (!ret->s.p)
        ret->s = (phx_str){ "", 0 };
}

static phx_status status_of(int rc)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
        return PHX_E_CONFLICT;
    default:
        break;
    }
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return PHX_OK;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        return PHX_E_INVAL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return PHX_E_BUSY;
    case SQLITE_TOOBIG:
        return PHX_E_LIMIT;
    case SQLITE_NOMEM:
        return PHX_E_NOMEM;
    case SQLITE_INTERRUPT:
        return PHX_E_CANCELLED;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_AUTH:
        return PHX_E_UNAVAILABLE;
    default:
        return PHX_E_INTERNAL;
    }
}

phx_status db_status(phx_self *self, int rc, const char *doing, char *why)
{
    phx_status status = status_of(rc);
    if (status == PHX_OK)
        return PHX_OK;
    const char *text = self->db ? sqlite3_errmsg(self->db) : sqlite3_errstr(rc);
    if (sqlite3_errcode(self->db) == SQLITE_OK)
        text = sqlite3_errstr(rc);
    if (status == PHX_E_CONFLICT)
        snprintf(why, WHY_MAX, "%s: there is such a record already", doing);
    else
        snprintf(why, WHY_MAX, "could not %s \"%s\": %s (%s, %d)", doing, self->path, text,
                 sqlite3_errstr(rc), rc);
    return status;
}

phx_status db_exec(phx_self *self, const char *sql, char *why)
{
    int rc = sqlite3_exec(self->db, sql, NULL, NULL, NULL);
    return db_status(self, rc ? sqlite3_extended_errcode(self->db) : rc, "write", why);
}

phx_status stmt_run(phx_self *self, sqlite3_stmt *s, const char *doing, char *why)
{
    if (!s)
        return db_status(self, sqlite3_extended_errcode(self->db), doing, why);
    int rc = sqlite3_step(s);
    phx_status status = PHX_OK;
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        status = db_status(self, sqlite3_extended_errcode(self->db), doing, why);
    sqlite3_reset(s);
    return status;
}
