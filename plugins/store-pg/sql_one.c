/* SPDX-License-Identifier: Apache-2.0 */
/* Statements of one request each, which choose their rows by conditions. If only some of those that match are
 * meant, or their order matters, the rows are picked and locked first, and then changed by key. */
#include <stdio.h>
#include "sql.h"

static bool cell_equal(const phx_cell *a, const phx_cell *b)
{
    return a->type == b->type && cell_compare(a, b) == 0;
}

/** Does a partial index have this condition? */
static bool is_partial(const struct decl *d, const phx_cond *c)
{
    uint32_t type = c->op <= PHX_GE ? c->cell->type : 0;
    if (type != PHX_TEXT && type != PHX_INT && type != PHX_BOOL)
        return false;
    for (uint32_t i = 0; i < d->c.n_indexes; i++) {
        const phx_cond *w = d->c.indexes[i].where;
        for (uint32_t k = 0; k < d->c.indexes[i].n_where; k++)
            if (w[k].field == c->field && w[k].op == c->op && cell_equal(w[k].cell, c->cell))
                return true;
    }
    return false;
}

static void add_literal(struct build *b, const phx_cell *c)
{
    char z[24];
    if (c->type == PHX_TEXT) {
        text_literal(&b->sql, c->s);
        return;
    }
    snprintf(z, sizeof(z), "%lld", (long long)c->i);
    sql_add(b, c->type == PHX_INT ? z : c->i ? "true" : "false");
}

static void add_in(struct build *b, uint32_t type, const phx_cond *c)
{
    sql_param(b);
    params_array(&b->params, type, c->n_cells);
    for (uint32_t k = 0; k < c->n_cells; k++)
        params_put(&b->params, type, &c->cell[k]);
    params_array_end(&b->params);
}

static void add_cond(struct build *b, const struct decl *d, const phx_cond *c)
{
    uint32_t type = d->c.fields[c->field].type;
    sql_add(b, "t.");
    sql_add(b, d->quoted[c->field]);
    if (c->op == PHX_IS_NULL || c->op == PHX_NOT_NULL) {
        sql_add(b, c->op == PHX_IS_NULL ? " IS NULL" : " IS NOT NULL");
    } else if (c->op == PHX_IN) {
        sql_add(b, "=ANY(");
        add_in(b, type, c);
        sql_add(b, ")");
    } else {
        sql_add(b, sql_comparisons[c->op]);
        if (is_partial(d, c))
            add_literal(b, c->cell);
        else
            sql_value(b, type, c->cell);
    }
}

/** @p one_by_one: this IN is asked for the value h.v. */
static void add_where(struct build *b, const struct step *s, const phx_cond *one_by_one)
{
    const phx_req *r = s->parts[0].r;
    const char *sep = " WHERE ";
    for (uint32_t i = 0; i < r->n_conds; i++) {
        sql_add(b, sep);
        sep = " AND ";
        if (&r->conds[i] != one_by_one) {
            add_cond(b, s->d, &r->conds[i]);
            continue;
        }
        sql_add(b, "t.");
        sql_add(b, s->d->quoted[r->conds[i].field]);
        sql_add(b, "=h.v");
    }
    if (sql_compares_rev(r)) {
        sql_add(b, sep);
        sql_add(b, "t.\"rev\"=");
        sql_int(b, r->if_rev);
    }
}

/** Nulls sort first. Where there are none the words are left out, because with them no index would do. The
 *  key makes the order whole, so that a limit always cuts at the same place. */
static void add_order(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    const phx_req *r = s->parts[0].r;
    const char *sep = " ORDER BY ";
    for (uint32_t i = 0; i < r->n_order; i++) {
        int32_t o = r->order[i];
        uint32_t f = (uint32_t)(o < 0 ? -(o + 1) : o);
        bool null = !(d->c.fields[f].flags & PHX_F_NOT_NULL) && f >= d->c.n_key;
        sql_add(b, sep);
        sql_add(b, "t.");
        sql_add(b, d->quoted[f]);
        sql_add(b, o < 0 ? " DESC" : "");
        sql_add(b, !null ? "" : o < 0 ? " NULLS LAST" : " NULLS FIRST");
        sep = ",";
    }
    for (uint32_t f = 0; f < d->c.n_key && !(r->flags & PHX_DISTINCT); f++) {
        sql_add(b, sep);
        sql_add(b, "t.");
        sql_add(b, d->quoted[f]);
        sep = ",";
    }
}

static void add_limit(struct build *b, uint64_t limit)
{
    if (limit) {
        sql_add(b, " LIMIT ");
        sql_int(b, limit);
    }
}

void sql_scan(struct build *b, const struct step *s)
{
    const phx_req *r = s->parts[0].r;
    sql_add(b, r->flags & PHX_DISTINCT ? "SELECT DISTINCT " : "SELECT ");
    sql_columns(b, s->d, r);
    sql_add(b, " FROM ");
    sql_add(b, s->d->table);
    sql_add(b, " t");
    add_where(b, s, NULL);
    add_order(b, s);
    add_limit(b, r->limit);
}

/** SELECT of the keys of the rows that are meant, locked. */
static void add_pick(struct build *b, const struct step *s, const phx_cond *in, uint64_t limit)
{
    const phx_req *r = s->parts[0].r;
    for (uint32_t k = 0; k < s->d->c.n_key; k++) {
        sql_add(b, k ? ",t." : "SELECT t.");
        sql_add(b, s->d->quoted[k]);
        sql_number(b, " AS k", k);
    }
    sql_add(b, " FROM ");
    sql_add(b, s->d->table);
    sql_add(b, " t");
    add_where(b, s, in);
    add_order(b, s);
    add_limit(b, limit);
    sql_add(b, r->code == PHX_DELETE ? " FOR UPDATE" : " FOR NO KEY UPDATE");
    /* Who takes some takes what is free; who means all waits for those that others hold. */
    sql_add(b, r->code == PHX_UPDATE && (r->limit || r->per_key) ? " SKIP LOCKED" : "");
}

/** WITH p AS (the rows that are meant, numbered in their order) */
static void add_picked(struct build *b, const struct step *s)
{
    const phx_req *r = s->parts[0].r;
    const phx_cond *in = r->code == PHX_UPDATE && r->per_key ? phx_first_in(r) : NULL;
    sql_add(b, "WITH p AS MATERIALIZED(SELECT x.*,row_number() OVER () AS o FROM ");
    if (in) {
        sql_add(b, "(SELECT i.v FROM unnest(");
        add_in(b, s->d->c.fields[in->field].type, in);
        sql_add(b, ") WITH ORDINALITY i(v,o) GROUP BY i.v ORDER BY min(i.o)) h CROSS JOIN LATERAL ");
    }
    sql_add(b, "(");
    add_pick(b, s, in, in ? r->per_key : r->limit);
    sql_add(b, ") x");
    add_limit(b, in ? r->limit : 0);
    sql_add(b, ")");
}

static void add_picked_where(struct build *b, const struct step *s)
{
    sql_add(b, " WHERE p.o" FEW);
    for (uint32_t k = 0; k < s->d->c.n_key; k++) {
        sql_add(b, " AND t.");
        sql_add(b, s->d->quoted[k]);
        sql_number(b, "=p.k", k);
    }
}

/** The rows are to be answered, or are only some of those that match. */
static bool picks(const struct step *s)
{
    const phx_req *r = s->parts[0].r;
    if (r->limit || (r->per_key && r->code == PHX_UPDATE))
        return true;
    return r->code == PHX_UPDATE && !s->counts && !(r->flags & PHX_NO_ROWS);
}

static void add_sets(struct build *b, const struct step *s)
{
    const phx_req *r = s->parts[0].r;
    sql_add(b, " t SET \"rev\"=nextval('phoenix_rev')");
    for (uint32_t i = 0; i < r->n_sets; i++) {
        const char *field = s->d->quoted[r->sets[i].field];
        sql_add(b, ",");
        sql_add(b, field);
        sql_add(b, r->sets[i].op == PHX_ADD ? "=t." : "=");
        sql_add(b, r->sets[i].op == PHX_ADD ? field : "");
        sql_add(b, r->sets[i].op == PHX_ADD ? "+" : "");
        sql_value(b, s->d->c.fields[r->sets[i].field].type, &r->sets[i].cell);
    }
}

void sql_update(struct build *b, const struct step *s)
{
    bool some = picks(s);
    if (some)
        add_picked(b, s);
    sql_add(b, "UPDATE ");
    sql_add(b, s->d->table);
    add_sets(b, s);
    sql_add(b, some ? " FROM p" : "");
    if (some)
        add_picked_where(b, s);
    else
        add_where(b, s, NULL);
    if (some && !(s->parts[0].r->flags & PHX_NO_ROWS))
        sql_returning(b, s, "p.o");
}

void sql_delete(struct build *b, const struct step *s)
{
    bool some = picks(s);
    if (some)
        add_picked(b, s);
    sql_add(b, "DELETE FROM ");
    sql_add(b, s->d->table);
    sql_add(b, some ? " t USING p" : " t");
    if (some)
        add_picked_where(b, s);
    else
        add_where(b, s, NULL);
}
