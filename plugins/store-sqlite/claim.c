/* SPDX-License-Identifier: Apache-2.0 */
/* UPDATE and the limited DELETE. If rows are to be answered, or only some of those that match are to be
 * changed, rows are selected in order and then changed one by one, by key: measured, this is several
 * times faster than UPDATE ... WHERE key IN (SELECT ...) RETURNING. Nobody else can take a selected row,
 * because the transaction around it is the only writer. Answers wait for the commit. [work] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sqlite_priv.h"

void kept_free(struct job *j)
{
    for (struct kept *k = j->kept, *next; k; k = next) {
        next = k->next;
        free(k);
    }
    j->kept = NULL;
    j->kept_tail = &j->kept;
}

static bool has_text(const phx_cell *c)
{
    return c->type == PHX_TEXT || c->type == PHX_JSON || c->type == PHX_BYTES;
}

/** Copy the row that @p s stands on, with its texts, in one block. NULL: out of memory. */
static struct kept *keep_row(sqlite3_stmt *s, const struct decl *d)
{
    size_t bytes = sizeof(struct kept) + d->n_fields * sizeof(phx_cell);
    for (uint32_t i = 0; i < d->n_fields; i++)
        if (decl_type(d->fields[i].type)[0] == 'T' || d->fields[i].type == PHX_BYTES)
            bytes += (size_t)sqlite3_column_bytes(s, (int)i);
    struct kept *k = malloc(bytes);
    if (!k)
        return NULL;
    *k = (struct kept){ .n = d->n_fields };
    char *text = (char *)&k->cells[d->n_fields];
    for (uint32_t i = 0; i < d->n_fields; i++) {
        phx_cell *c = &k->cells[i];
        column_cell(s, (int)i, d->fields[i].type, c);
        if (!has_text(c))
            continue;
        memcpy(text, c->s.p, c->s.n);
        c->s.p = text;
        text += c->s.n;
    }
    return k;
}

/** Rows that were selected, in order. */
struct picked {
    struct kept *rows, **tail;
    uint64_t n;
    bool answered; /* the host sees them */
};

/** Add the rows of one SELECT, at most @p limit of them. @p in: asked for the value @p one only. */
static phx_status select_into(phx_self *self, struct job *j, const phx_req *r, const phx_cond *in,
                              const phx_cell *one, uint64_t limit, struct picked *ret)
{
    const struct decl *d = decl_find(self, r->collection);
    struct sql *q = &self->sql;
    sql_reset(q);
    sql_add(q, "SELECT ");
    sql_columns(q, d, r, ret->answered);
    sql_add(q, " FROM ");
    sql_add(q, d->table);
    sql_where(q, d, r, in);
    sql_order(q, d, r);
    sql_add(q, " LIMIT ?");
    sqlite3_stmt *s = stmt_get(self);
    int at = 1, step;
    if (!s || !bind_where(s, &at, d, r, in, one) || sqlite3_bind_int64(s, at, (int64_t)limit))
        return db_status(self, SQLITE_NOMEM, "read", j->why);
    self->current = j;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        struct kept *k = keep_row(s, d);
        if (!k)
            break;
        *ret->tail = k;
        ret->tail = &k->next;
        ret->n++;
    }
    self->current = NULL;
    phx_status rc = PHX_OK;
    if (step == SQLITE_ROW)
        rc = PHX_E_NOMEM;
    else if (step != SQLITE_DONE)
        rc = db_status(self, sqlite3_extended_errcode(self->db), "read", j->why);
    sqlite3_reset(s);
    return rc;
}

static int compare_cells(const phx_cell *a, const phx_cell *b)
{
    if (has_text(a)) {
        int c = memcmp(a->s.p, b->s.p, a->s.n < b->s.n ? a->s.n : b->s.n);
        return c ? c : (a->s.n > b->s.n) - (a->s.n < b->s.n);
    }
    if (a->type == PHX_REAL)
        return (a->r > b->r) - (a->r < b->r);
    return (a->i > b->i) - (a->i < b->i);
}

static bool seen_before(const phx_cond *in, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++)
        if (compare_cells(&in->cell[k], &in->cell[i]) == 0)
            return true;
    return false;
}

/** The rows that the request is about, in order. With per_key: key by key, in the order of the IN, so
 *  that an index on (key, order) gives each of them at once. */
static phx_status select_rows(phx_self *self, struct job *j, const phx_req *r, bool answered,
                              struct picked *ret)
{
    uint64_t limit = r->limit && r->limit < INT64_MAX ? r->limit : INT64_MAX;
    *ret = (struct picked){ .tail = &ret->rows, .answered = answered };
    if (!r->per_key)
        return select_into(self, j, r, NULL, NULL, limit, ret);
    const phx_cond *in = phx_first_in(r);
    for (uint32_t i = 0; i < in->n_cells && ret->n < limit; i++) {
        uint64_t some = limit - ret->n < r->per_key ? limit - ret->n : r->per_key;
        if (seen_before(in, i))
            continue;
        phx_status rc = select_into(self, j, r, in, &in->cell[i], some, ret);
        if (rc)
            return rc;
    }
    return PHX_OK;
}

/** SET of an UPDATE by key, where the new values have been computed. */
static sqlite3_stmt *update_by_key(phx_self *self, const struct decl *d, const phx_req *r)
{
    struct sql *q = &self->sql;
    sql_reset(q);
    sql_add(q, "UPDATE ");
    sql_add(q, d->table);
    sql_add(q, " SET \"rev\"=?");
    for (uint32_t i = 0; i < r->n_sets; i++) {
        sql_add(q, ",");
        sql_add(q, d->quoted[r->sets[i].field]);
        sql_add(q, "=?");
    }
    sql_add(q, " WHERE ");
    sql_add(q, d->key_where);
    return stmt_get(self);
}

/** Null plus anything stays null, as in SQL. */
static phx_status apply_sets(struct job *j, struct kept *k, const phx_req *r)
{
    for (uint32_t i = 0; i < r->n_sets; i++) {
        phx_cell *c = &k->cells[r->sets[i].field];
        const phx_cell *by = &r->sets[i].cell;
        if (r->sets[i].op == PHX_SET) {
            *c = *by; /* a text is lent by the request, which lives until done() */
        } else if (c->type && __builtin_add_overflow(c->i, by->i, &c->i)) {
            snprintf(j->why, WHY_MAX, "an integer would overflow");
            return PHX_E_INVAL;
        }
    }
    return PHX_OK;
}

/** What was read for our own use, or set, but is not asked for. */
static void hide_unwanted(struct kept *k, const phx_req *r)
{
    for (uint32_t f = 0; r->n_only && f < k->n; f++)
        if (!phx_wants(r, f))
            k->cells[f] = (phx_cell){ 0 };
}

static phx_status write_back(phx_self *self, struct job *j, const struct decl *d, const phx_req *r,
                             struct kept *rows)
{
    sqlite3_stmt *s = rows ? update_by_key(self, d, r) : NULL;
    if (!rows)
        return PHX_OK;
    if (!s)
        return db_status(self, SQLITE_NOMEM, "write", j->why);
    for (struct kept *k = rows; k; k = k->next) {
        phx_status rc = apply_sets(j, k, r);
        if (rc)
            return rc;
        int at = 2;
        k->rev = rev_next(self);
        bool ok = sqlite3_bind_int64(s, 1, (int64_t)k->rev) == SQLITE_OK;
        for (uint32_t i = 0; i < r->n_sets; i++)
            ok = ok && bind_cell(s, &at, &k->cells[r->sets[i].field]);
        if (!ok || !bind_cells(s, &at, k->cells, d->n_key))
            return db_status(self, SQLITE_NOMEM, "write", j->why);
        rc = stmt_run(self, s, "write", j->why);
        if (rc)
            return rc;
        hide_unwanted(k, r);
    }
    return PHX_OK;
}

/** One statement: nobody wants to see the rows, and all that match are meant. */
static phx_status update_all(phx_self *self, struct job *j, const struct decl *d, const phx_req *r,
                             uint64_t *ret_n)
{
    struct sql *q = &self->sql;
    sql_reset(q);
    sql_add(q, "UPDATE ");
    sql_add(q, d->table);
    sql_add(q, " SET \"rev\"=?");
    for (uint32_t i = 0; i < r->n_sets; i++) {
        const char *field = d->quoted[r->sets[i].field];
        sql_add(q, ",");
        sql_add(q, field);
        sql_add(q, "=");
        sql_add(q, r->sets[i].op == PHX_ADD ? field : "");
        sql_add(q, r->sets[i].op == PHX_ADD ? "+?" : "?");
    }
    sql_where(q, d, r, NULL);
    sqlite3_stmt *s = stmt_get(self);
    int at = 2;
    bool ok = s && sqlite3_bind_int64(s, 1, (int64_t)rev_next(self)) == SQLITE_OK;
    for (uint32_t i = 0; i < r->n_sets; i++)
        ok = ok && bind_cell(s, &at, &r->sets[i].cell);
    if (!ok || !bind_where(s, &at, d, r, NULL, NULL))
        return db_status(self, SQLITE_NOMEM, "write", j->why);
    phx_status rc = stmt_run(self, s, "write", j->why);
    *ret_n = rc ? 0 : (uint64_t)sqlite3_changes64(self->db);
    return rc;
}

static void list_free(struct kept *k)
{
    for (struct kept *next; k; k = next) {
        next = k->next;
        free(k);
    }
}

phx_status exec_update(phx_self *self, struct job *j, const struct decl *d, const phx_req *r, uint64_t *io_n)
{
    bool rows_wanted = !(r->flags & PHX_NO_ROWS) && j->req->code == PHX_UPDATE;
    uint64_t n = 0;
    phx_status rc;
    if (!rows_wanted && !r->limit && !r->per_key) {
        rc = update_all(self, j, d, r, &n);
    } else {
        struct picked picked;
        rc = select_rows(self, j, r, rows_wanted, &picked);
        n = picked.n;
        if (rc == PHX_OK)
            rc = write_back(self, j, d, r, picked.rows);
        if (rc == PHX_OK && rows_wanted)
            *j->kept_tail = picked.rows;
        else
            list_free(picked.rows);
    }
    if (rc == PHX_OK && r->if_rev && n == 0) {
        snprintf(j->why, WHY_MAX, "the record in \"%s\" has another revision, or is gone", d->name);
        return PHX_E_CONFLICT;
    }
    *io_n += rc ? 0 : n;
    return rc;
}

phx_status exec_delete_some(phx_self *self, struct job *j, const struct decl *d, const phx_req *r,
                            uint64_t *io_n)
{
    struct picked picked;
    phx_status rc = select_rows(self, j, r, false, &picked);
    struct sql *q = &self->sql;
    sql_reset(q);
    sql_add(q, "DELETE FROM ");
    sql_add(q, d->table);
    sql_add(q, " WHERE ");
    sql_add(q, d->key_where);
    sqlite3_stmt *s = stmt_get(self);
    if (rc == PHX_OK && !s)
        rc = db_status(self, SQLITE_NOMEM, "delete from", j->why);
    for (struct kept *k = picked.rows; k && rc == PHX_OK; k = k->next) {
        int at = 1;
        rc = bind_cells(s, &at, k->cells, d->n_key) ? stmt_run(self, s, "delete from", j->why) : PHX_E_NOMEM;
        *io_n += rc == PHX_OK;
    }
    list_free(picked.rows);
    return rc;
}
