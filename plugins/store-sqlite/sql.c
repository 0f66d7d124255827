/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text. Every identifier comes from a declared collection and is quoted there; every value of a
 * request is a `?`. The text is the key of the statement cache, so the number of shapes is kept small:
 * the values of an IN are padded to a power of two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sqlite_priv.h"

void sql_reset(struct sql *q)
{
    q->n = 0;
    q->failed = false;
}

void sql_add(struct sql *q, const char *z)
{
    size_t n = strlen(z);
    if (q->n + n + 1 > q->cap) {
        size_t cap = (q->n + n + 1) * 2;
        char *p = realloc(q->p, cap);
        if (!p) {
            q->failed = true;
            return;
        }
        q->p = p;
        q->cap = cap;
    }
    memcpy(q->p + q->n, z, n + 1);
    q->n += n;
}

static bool is_named(const phx_req *r, uint32_t f)
{
    for (uint32_t i = 0; i < r->n_order; i++)
        if ((uint32_t)(r->order[i] < 0 ? -(r->order[i] + 1) : r->order[i]) == f)
            return true;
    return false;
}

static bool is_added_to(const phx_req *r, uint32_t f)
{
    for (uint32_t i = 0; i < r->n_sets; i++)
        if (r->sets[i].op == PHX_ADD && r->sets[i].field == f)
            return true;
    return false;
}

/** Must a SELECT for this request read field @p f? A row that is to be changed is found by its key again. */
static bool is_read(const struct decl *d, const phx_req *r, uint32_t f, bool answered)
{
    if (r->code == PHX_SCAN && (r->flags & PHX_DISTINCT))
        return is_named(r, f);
    if (answered && phx_wants(r, f))
        return true;
    return (r->code == PHX_UPDATE || r->code == PHX_DELETE) && (f < d->n_key || is_added_to(r, f));
}

void sql_columns(struct sql *q, const struct decl *d, const phx_req *r, bool answered)
{
    for (uint32_t f = 0; f < d->n_fields; f++) {
        sql_add(q, is_read(d, r, f, answered) ? d->quoted[f] : "NULL");
        sql_add(q, ",");
    }
    /* a row that is never changed has the first revision */
    bool rev = (r->code == PHX_GET || r->code == PHX_SCAN) && !(r->flags & PHX_DISTINCT);
    sql_add(q, !rev ? "0" : d->flags & PHX_C_APPEND ? "1" : "\"rev\"");
}

static uint32_t padded(uint32_t n)
{
    uint32_t p = 1;
    while (p < n)
        p *= 2;
    return p;
}

static bool same_cell(const phx_cell *a, const phx_cell *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == PHX_TEXT || a->type == PHX_BYTES)
        return a->s.n == b->s.n && memcmp(a->s.p, b->s.p, a->s.n) == 0;
    return a->type == PHX_REAL ? a->r == b->r : a->i == b->i;
}

/** The literal of a partial index that says the same as @p c; NULL: none. */
static const char *literal_of(const struct decl *d, const phx_cond *c)
{
    for (uint32_t i = 0; i < d->n_partials; i++) {
        const phx_cond *p = &d->partials[i].cond;
        if (p->field == c->field && p->op == c->op && c->op != PHX_IN && same_cell(p->cell, c->cell))
            return d->partials[i].literal;
    }
    return NULL;
}

static const char *const operators[] = {
    [PHX_EQ] = "=?",  [PHX_NE] = "<>?",          [PHX_LT] = "<?",            [PHX_LE] = "<=?",
    [PHX_GT] = ">?",  [PHX_GE] = ">=?",          [PHX_IS_NULL] = " IS NULL", [PHX_NOT_NULL] = " IS NOT NULL",
};

static void add_cond(struct sql *q, const struct decl *d, const phx_cond *c, bool one_value)
{
    const char *literal = c->op >= PHX_EQ && c->op <= PHX_GE ? literal_of(d, c) : NULL;
    if (literal) {
        sql_add(q, literal);
        return;
    }
    if (c->op == PHX_IN && c->n_cells == 0 && !one_value) {
        sql_add(q, "0");
        return;
    }
    sql_add(q, d->quoted[c->field]);
    if (c->op != PHX_IN) {
        sql_add(q, operators[c->op]);
        return;
    }
    sql_add(q, one_value ? "=?" : " IN (?");
    if (one_value)
        return;
    for (uint32_t i = 1; i < padded(c->n_cells); i++)
        sql_add(q, ",?");
    sql_add(q, ")");
}

/** " WHERE ..." of the conditions and, for UPDATE, of the revision. @p only_one: this IN is asked for
 *  one of its values. */
void sql_where(struct sql *q, const struct decl *d, const phx_req *r, const phx_cond *only_one)
{
    const char *sep = " WHERE ";
    for (uint32_t i = 0; i < r->n_conds; i++) {
        sql_add(q, sep);
        add_cond(q, d, &r->conds[i], &r->conds[i] == only_one);
        sep = " AND ";
    }
    if (r->if_rev && r->code == PHX_UPDATE) {
        sql_add(q, sep);
        sql_add(q, "\"rev\"=?");
    }
}

/** Nulls first, as SQLite has it. The key makes the order whole, so that a limit cuts it always at the
 *  same place; the indexes end with it anyway. */
void sql_order(struct sql *q, const struct decl *d, const phx_req *r)
{
    const char *sep = " ORDER BY ";
    for (uint32_t i = 0; i < r->n_order; i++) {
        int32_t o = r->order[i];
        sql_add(q, sep);
        sql_add(q, d->quoted[o < 0 ? -(o + 1) : o]);
        sql_add(q, o < 0 ? " DESC" : "");
        sep = ",";
    }
    for (uint32_t f = 0; f < d->n_key && !(r->flags & PHX_DISTINCT); f++) {
        sql_add(q, sep);
        sql_add(q, d->quoted[f]);
        sep = ",";
    }
}

/* Binding stands beside the text, because the two must agree on what is open. */

bool bind_where(sqlite3_stmt *s, int *io_at, const struct decl *d, const phx_req *r,
                const phx_cond *only_one, const phx_cell *one)
{
    bool ok = true;
    for (uint32_t i = 0; i < r->n_conds; i++) {
        const phx_cond *c = &r->conds[i];
        if (c->op == PHX_IS_NULL || c->op == PHX_NOT_NULL)
            continue;
        if (c == only_one) {
            ok = ok && bind_cell(s, io_at, one);
        } else if (c->op != PHX_IN) {
            if (!literal_of(d, c))
                ok = ok && bind_cell(s, io_at, c->cell);
        } else if (c->n_cells) {
            ok = ok && bind_cells(s, io_at, c->cell, c->n_cells);
            for (uint32_t k = c->n_cells; k < padded(c->n_cells); k++)
                ok = ok && bind_cell(s, io_at, &c->cell[c->n_cells - 1]);
        }
    }
    if (r->if_rev && r->code == PHX_UPDATE)
        ok = ok && sqlite3_bind_int64(s, (*io_at)++, (int64_t)r->if_rev) == SQLITE_OK;
    return ok;
}
