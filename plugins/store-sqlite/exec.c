/* SPDX-License-Identifier: Apache-2.0 */
/* The operations, one by one. Reads answer rows as they step; writes run inside the lane's transaction
 * and answer after its commit. [work] */
#include <stdio.h>
#include <string.h>
#include "sqlite_priv.h"

/** A revision is used once in the life of the file, so that a record that is deleted and made again
 *  never has a revision that somebody remembers. */
uint64_t rev_next(phx_self *self)
{
    return ++self->seq;
}

struct decl *exec_decl(phx_self *self, struct job *j, const phx_req *r)
{
    struct decl *d = decl_find(self, r->collection);
    if (!d)
        snprintf(j->why, WHY_MAX, "collection \"%s\" was not declared, or otherwise", r->collection->name);
    return d;
}

static phx_status no_statement(phx_self *self, struct job *j, const char *doing)
{
    int rc = sqlite3_extended_errcode(self->db);
    return db_status(self, rc == SQLITE_OK ? SQLITE_NOMEM : rc, doing, j->why);
}

/* ---- reads */

static phx_status row_answer(sqlite3_stmt *s, const struct decl *d, phx_op *op, phx_cell *cells)
{
    for (uint32_t i = 0; i < d->n_fields; i++)
        column_cell(s, (int)i, d->fields[i].type, &cells[i]);
    return op->reply->row(op, cells, d->n_fields, (uint64_t)sqlite3_column_int64(s, (int)d->n_fields));
}

/** Step a SELECT to its end. *ret_n counts rows. */
static phx_status rows_answer(phx_self *self, struct job *j, sqlite3_stmt *s, const struct decl *d,
                              uint64_t *ret_n)
{
    phx_cell *cells = sqlite3_malloc64(d->n_fields * sizeof(*cells));
    if (!cells)
        return PHX_E_NOMEM;
    phx_status rc = PHX_OK;
    int step = SQLITE_DONE;
    *ret_n = 0;
    self->current = j;
    while (rc == PHX_OK && (step = sqlite3_step(s)) == SQLITE_ROW) {
        rc = row_answer(s, d, j->op, cells);
        ++*ret_n;
    }
    self->current = NULL;
    if (rc == PHX_OK && step != SQLITE_DONE)
        rc = db_status(self, sqlite3_extended_errcode(self->db), "read", j->why);
    sqlite3_reset(s);
    sqlite3_free(cells);
    return rc;
}

static phx_status do_get(phx_self *self, struct job *j, const struct decl *d, const phx_req *r)
{
    struct sql *q = &self->sql;
    sql_reset(q);
    sql_add(q, "SELECT ");
    sql_columns(q, d, r, true);
    sql_add(q, " FROM ");
    sql_add(q, d->table);
    sql_add(q, " WHERE ");
    sql_add(q, d->key_where);
    sqlite3_stmt *s = stmt_get(self);
    int at = 1;
    if (!s || !bind_cells(s, &at, r->cells, r->n_cells))
        return no_statement(self, j, "read");
    uint64_t n;
    phx_status rc = rows_answer(self, j, s, d, &n);
    if (rc == PHX_OK && n == 0) {
        snprintf(j->why, WHY_MAX, "no such record in \"%s\"", d->name);
        return PHX_E_NOTFOUND;
    }
    return rc;
}

static phx_status do_scan(phx_self *self, struct job *j, const struct decl *d, const phx_req *r)
{
    struct sql *q = &self->sql;
    sql_reset(q);
    sql_add(q, r->flags & PHX_DISTINCT ? "SELECT DISTINCT " : "SELECT ");
    sql_columns(q, d, r, true);
    sql_add(q, " FROM ");
    sql_add(q, d->table);
    sql_where(q, d, r, NULL);
    sql_order(q, d, r);
    sql_add(q, r->limit ? " LIMIT ?" : "");
    sqlite3_stmt *s = stmt_get(self);
    int at = 1;
    if (!s || !bind_where(s, &at, d, r, NULL, NULL))
        return no_statement(self, j, "read");
    if (r->limit)
        sqlite3_bind_int64(s, at, r->limit > INT64_MAX ? INT64_MAX : (int64_t)r->limit);
    uint64_t n;
    return rows_answer(self, j, s, d, &n);
}

static phx_status in_ok(struct job *j, const phx_req *r)
{
    for (uint32_t i = 0; i < r->n_conds; i++) {
        if (r->conds[i].op == PHX_IN && r->conds[i].n_cells > MAX_IN) {
            snprintf(j->why, WHY_MAX, "a condition has more than %d values", MAX_IN);
            return PHX_E_LIMIT;
        }
    }
    return PHX_OK;
}

void exec_read(phx_self *self, struct job *j)
{
    const phx_req *r = j->req;
    struct decl *d = exec_decl(self, j, r);
    if (!d)
        j->status = PHX_E_INVAL;
    else if (r->code == PHX_GET)
        j->status = do_get(self, j, d, r);
    else if ((j->status = in_ok(j, r)) == PHX_OK)
        j->status = do_scan(self, j, d, r);
}

/* ---- writes */

/** Replace the record whose revision is the expected one. */
static phx_status put_if(phx_self *self, struct job *j, const struct decl *d, const phx_req *r)
{
    struct sql *q = &self->sql;
    sql_reset(q);
    sql_add(q, "UPDATE ");
    sql_add(q, d->table);
    sql_add(q, " SET \"rev\"=?");
    for (uint32_t i = d->n_key; i < d->n_fields; i++) {
        sql_add(q, ",");
        sql_add(q, d->quoted[i]);
        sql_add(q, "=?");
    }
    sql_add(q, " WHERE ");
    sql_add(q, d->key_where);
    sql_add(q, " AND \"rev\"=?");
    sqlite3_stmt *s = stmt_get(self);
    int at = 2;
    if (!s || sqlite3_bind_int64(s, 1, (int64_t)rev_next(self)) ||
        !bind_cells(s, &at, r->cells + d->n_key, d->n_fields - d->n_key) ||
        !bind_cells(s, &at, r->cells, d->n_key) || sqlite3_bind_int64(s, at, (int64_t)r->if_rev))
        return no_statement(self, j, "write");
    return stmt_run(self, s, "write", j->why);
}

static phx_status conflict(struct job *j, const struct decl *d)
{
    snprintf(j->why, WHY_MAX, "the record in \"%s\" has another revision, or is gone", d->name);
    return PHX_E_CONFLICT;
}

static phx_status do_put(phx_self *self, struct job *j, const struct decl *d, const phx_req *r,
                         uint64_t *ret_n)
{
    if (r->if_rev && r->if_rev != PHX_REV_NEW) {
        phx_status rc = put_if(self, j, d, r);
        if (rc == PHX_OK && sqlite3_changes64(self->db) == 0)
            return conflict(j, d);
        *ret_n += rc == PHX_OK;
        return rc;
    }
    sqlite3_stmt *s = stmt_of(self, r->if_rev ? d->insert : d->upsert);
    if (!s)
        return no_statement(self, j, "write");
    for (uint32_t row = 0; row < r->n_cells; row += d->n_fields) {
        int at = 1;
        if (!bind_cells(s, &at, r->cells + row, d->n_fields))
            return no_statement(self, j, "write");
        if (!(d->flags & PHX_C_APPEND))
            sqlite3_bind_int64(s, at, (int64_t)rev_next(self));
        phx_status rc = stmt_run(self, s, d->name, j->why);
        if (rc)
            return rc;
        *ret_n += (uint64_t)sqlite3_changes64(self->db);
    }
    return PHX_OK;
}

static phx_status do_delete(phx_self *self, struct job *j, const struct decl *d, const phx_req *r,
                            uint64_t *ret_n)
{
    if (r->limit && !r->n_cells)
        return exec_delete_some(self, j, d, r, ret_n);
    struct sql *q = &self->sql;
    sql_reset(q);
    sql_add(q, "DELETE FROM ");
    sql_add(q, d->table);
    if (r->n_cells) {
        sql_add(q, " WHERE ");
        sql_add(q, d->key_where);
        sql_add(q, r->if_rev ? " AND \"rev\"=?" : "");
    } else {
        sql_where(q, d, r, NULL);
    }
    sqlite3_stmt *s = stmt_get(self);
    int at = 1;
    if (!s || !bind_cells(s, &at, r->cells, r->n_cells) || !bind_where(s, &at, d, r, NULL, NULL))
        return no_statement(self, j, "delete from");
    if (r->n_cells && r->if_rev)
        sqlite3_bind_int64(s, at, (int64_t)r->if_rev);
    phx_status rc = stmt_run(self, s, "delete from", j->why);
    uint64_t n = (uint64_t)sqlite3_changes64(self->db);
    if (rc == PHX_OK && r->if_rev && n == 0)
        return conflict(j, d);
    *ret_n += rc == PHX_OK ? n : 0;
    return rc;
}

phx_status exec_write(phx_self *self, struct job *j, const phx_req *r, uint64_t *ret_n)
{
    if (r->code == PHX_PING)
        return PHX_OK; /* the transaction around it writes */
    if (r->code == PHX_ENSURE)
        return schema_ensure(self, r->collection, j->why);
    struct decl *d = exec_decl(self, j, r);
    if (!d)
        return PHX_E_INVAL;
    phx_status rc = in_ok(j, r);
    if (rc)
        return rc;
    switch (r->code) {
    case PHX_PUT:
        return do_put(self, j, d, r, ret_n);
    case PHX_DELETE:
        return do_delete(self, j, d, r, ret_n);
    case PHX_UPDATE:
        return exec_update(self, j, d, r, ret_n);
    default:
        return PHX_E_UNSUPPORTED;
    }
}

/** All members, or the position of the one that failed in j->n. The savepoint around it is the lane's. */
phx_status exec_batch(phx_self *self, struct job *j)
{
    const phx_req *r = j->req;
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->n_batch; i++) {
        phx_status rc = exec_write(self, j, r->batch[i], &n);
        if (rc) {
            j->n = i;
            return rc;
        }
    }
    j->n = n;
    return PHX_OK;
}
