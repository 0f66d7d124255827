/* SPDX-License-Identifier: Apache-2.0 */
/* Statements over arrays. They join the table with unnest(arrays) u(c1, c2, ..., o); o is the number of the
 * part. Two things keep the planner from reading more than the rows that are named:
 *  - `u.o BETWEEN ...` makes it believe in one row on that side, so it looks the others up by the
 *    key, and never goes through a table that was small when the plan was made.
 *  - other conditions are written (...) IS TRUE, which no index serves: an index on a status would be
 *    walked with all its dead entries. */
#include "sql.h"

/* ---- columns of u: the key, what is set, what is compared, the revision */

static bool is_key_cond(const struct step *s, uint32_t cond)
{
    for (uint32_t k = 0; k < s->d->c.n_key; k++)
        if (s->key_at[k] == cond)
            return true;
    return false;
}

static uint32_t cond_values(const phx_cond *c)
{
    if (c->op == PHX_IS_NULL || c->op == PHX_NOT_NULL)
        return 0;
    return c->op == PHX_IN ? c->n_cells : 1;
}

/** One column of u: cell @p at of what `get` finds in each part. */
typedef const phx_cell *cell_fn(const struct step *s, const struct part *p, uint32_t i, uint32_t k);

static void add_array(struct build *b, const struct step *s, uint32_t type, cell_fn *get, uint32_t i,
                      uint32_t k)
{
    sql_add(b, b->params.n ? "," : "");
    sql_param(b);
    params_array(&b->params, type, s->n);
    for (uint32_t p = 0; p < s->n; p++)
        params_put(&b->params, type, get(s, &s->parts[p], i, k));
    params_array_end(&b->params);
}

static const phx_cell *get_key(const struct step *s, const struct part *p, uint32_t i, uint32_t k)
{
    return part_key(s, p, i);
}

static const phx_cell *get_cell(const struct step *s, const struct part *p, uint32_t i, uint32_t k)
{
    return &p->r->cells[i];
}

static const phx_cell *get_set(const struct step *s, const struct part *p, uint32_t i, uint32_t k)
{
    return &p->r->sets[i].cell;
}

static const phx_cell *get_cond(const struct step *s, const struct part *p, uint32_t i, uint32_t k)
{
    return &p->r->conds[i].cell[k];
}

static void add_cond_arrays(struct build *b, const struct step *s)
{
    const phx_req *r = s->parts[0].r;
    for (uint32_t i = 0; i < r->n_conds; i++)
        for (uint32_t k = 0; !is_key_cond(s, i) && k < cond_values(&r->conds[i]); k++)
            add_array(b, s, s->d->c.fields[r->conds[i].field].type, get_cond, i, k);
}

static void add_rev_array(struct build *b, const struct step *s)
{
    sql_add(b, ",");
    sql_param(b);
    params_array(&b->params, PHX_INT, s->n);
    for (uint32_t p = 0; p < s->n; p++)
        params_put(&b->params, PHX_INT, &(phx_cell){ .type = PHX_INT, .i = (int64_t)s->parts[p].r->if_rev });
    params_array_end(&b->params);
}

/** unnest($1,...) WITH ORDINALITY u(c1,...,o) */
static void add_unnest(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    const phx_req *r = s->parts[0].r;
    sql_add(b, "unnest(");
    for (uint32_t i = 0; i < d->c.n_key; i++)
        add_array(b, s, d->c.fields[i].type, get_key, i, 0);
    for (uint32_t i = d->c.n_key; s->verb == VERB_PUT_IF && i < d->c.n_fields; i++)
        add_array(b, s, d->c.fields[i].type, get_cell, i, 0);
    for (uint32_t i = 0; i < r->n_sets && s->verb == VERB_UPDATE_KEYED; i++)
        add_array(b, s, d->c.fields[r->sets[i].field].type, get_set, i, 0);
    if (s->verb == VERB_UPDATE_KEYED)
        add_cond_arrays(b, s);
    if (sql_compares_rev(r))
        add_rev_array(b, s);
    sql_add(b, ") WITH ORDINALITY u(");
    for (uint32_t c = 1; c <= b->params.n; c++) {
        sql_number(b, "c", c);
        sql_add(b, ",");
    }
    sql_add(b, "o)");
}

/** " AND (t.f=u.c7) IS TRUE" */
static void add_keyed_cond(struct build *b, const struct decl *d, const phx_cond *c, uint32_t *io_column)
{
    sql_add(b, " AND (t.");
    sql_add(b, d->quoted[c->field]);
    if (c->op == PHX_IS_NULL || c->op == PHX_NOT_NULL) {
        sql_add(b, c->op == PHX_IS_NULL ? " IS NULL" : " IS NOT NULL");
    } else if (c->op == PHX_IN) {
        for (uint32_t k = 0; k < c->n_cells; k++)
            sql_number(b, k ? ",u.c" : " IN (u.c", ++*io_column);
        sql_add(b, ")");
    } else {
        sql_add(b, sql_comparisons[c->op]);
        sql_number(b, "u.c", ++*io_column);
    }
    sql_add(b, ") IS TRUE");
}

/** WHERE of a keyed statement; @p column: the last one of u that is used already. */
static void add_keyed_where(struct build *b, const struct step *s, uint32_t column)
{
    const phx_req *r = s->parts[0].r;
    sql_add(b, " WHERE u.o" FEW);
    for (uint32_t i = 0; i < s->d->c.n_key; i++) {
        sql_add(b, " AND t.");
        sql_add(b, s->d->quoted[i]);
        sql_number(b, "=u.c", i + 1);
    }
    for (uint32_t i = 0; i < r->n_conds && s->verb == VERB_UPDATE_KEYED; i++)
        if (!is_key_cond(s, i))
            add_keyed_cond(b, s->d, &r->conds[i], &column);
    if (sql_compares_rev(r)) {
        sql_number(b, " AND (t.\"rev\"=u.c", ++column);
        sql_add(b, ") IS TRUE");
    }
}

void sql_get(struct build *b, const struct step *s)
{
    sql_add(b, "SELECT u.o,");
    sql_columns(b, s->d, s->parts[0].r);
    sql_add(b, " FROM ");
    add_unnest(b, s);
    sql_add(b, ",");
    sql_add(b, s->d->table);
    sql_add(b, " t");
    add_keyed_where(b, s, s->d->c.n_key);
}

void sql_put_if(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    sql_add(b, "UPDATE ");
    sql_add(b, d->table);
    sql_add(b, " t SET \"rev\"=nextval('phoenix_rev')");
    for (uint32_t f = d->c.n_key; f < d->c.n_fields; f++) {
        sql_add(b, ",");
        sql_add(b, d->quoted[f]);
        sql_number(b, "=u.c", f + 1);
    }
    sql_add(b, " FROM ");
    add_unnest(b, s);
    add_keyed_where(b, s, d->c.n_fields);
    sql_returning(b, s, "u.o");
}

void sql_update_keyed(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    const phx_req *r = s->parts[0].r;
    sql_add(b, "UPDATE ");
    sql_add(b, d->table);
    sql_add(b, " t SET \"rev\"=nextval('phoenix_rev')");
    for (uint32_t i = 0; i < r->n_sets; i++) {
        sql_add(b, ",");
        sql_add(b, d->quoted[r->sets[i].field]);
        sql_add(b, "=");
        if (r->sets[i].op == PHX_ADD) {
            sql_add(b, "t.");
            sql_add(b, d->quoted[r->sets[i].field]);
            sql_add(b, "+");
        }
        sql_number(b, "u.c", d->c.n_key + i + 1);
    }
    sql_add(b, " FROM ");
    add_unnest(b, s);
    add_keyed_where(b, s, d->c.n_key + r->n_sets);
    sql_returning(b, s, "u.o");
}

void sql_delete_keyed(struct build *b, const struct step *s)
{
    sql_add(b, "DELETE FROM ");
    sql_add(b, s->d->table);
    sql_add(b, " t USING ");
    add_unnest(b, s);
    add_keyed_where(b, s, s->d->c.n_key);
    sql_returning(b, s, "u.o");
}

/* ---- PUT without a known revision */

static void add_rows(struct build *b, const struct step *s, uint32_t rows)
{
    const struct decl *d = s->d;
    for (uint32_t f = 0; f < d->c.n_fields; f++) {
        uint32_t type = d->c.fields[f].type;
        sql_add(b, f ? "," : "");
        sql_param(b);
        params_array(&b->params, type, rows);
        for (uint32_t p = 0; p < s->n; p++)
            for (uint32_t at = f; at < s->parts[p].r->n_cells; at += d->c.n_fields)
                params_put(&b->params, type, &s->parts[p].r->cells[at]);
        params_array_end(&b->params);
    }
}

/** Samples in bulk come once: they are inserted as if none were there, which costs half; if one is, the
 *  statement fails and comes again with its jobs marked. */
static bool expects_repeats(const struct step *s)
{
    for (uint32_t p = 0; p < s->n; p++)
        if (s->parts[p].job->repeats)
            return true;
    return s->verb != VERB_APPEND || !s->d->partitioned;
}

static void add_on_conflict(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    if (!expects_repeats(s))
        return;
    if (s->verb != VERB_UPSERT) {
        sql_add(b, " ON CONFLICT DO NOTHING");
        return;
    }
    sql_add(b, " ON CONFLICT(");
    for (uint32_t f = 0; f < d->c.n_key; f++) {
        sql_add(b, f ? "," : "");
        sql_add(b, d->quoted[f]);
    }
    /* Not the revision that was taken before the other's lock was waited for: the other's may be larger. */
    sql_add(b, ") DO UPDATE SET \"rev\"=nextval('phoenix_rev')");
    for (uint32_t f = d->c.n_key; f < d->c.n_fields; f++) {
        sql_add(b, ",");
        sql_add(b, d->quoted[f]);
        sql_add(b, "=excluded.");
        sql_add(b, d->quoted[f]);
    }
}

/** The keys of the rows that were inserted, if they tell whose they are. */
static void add_inserted(struct build *b, const struct step *s)
{
    if (s->counts || s->n == 1 || s->verb == VERB_UPSERT)
        return;
    for (uint32_t f = 0; f < s->d->c.n_key; f++) {
        sql_add(b, f ? "," : " RETURNING ");
        sql_add(b, s->d->quoted[f]);
    }
}

void sql_put(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    sql_add(b, "INSERT INTO ");
    sql_add(b, d->table);
    sql_add(b, "(");
    sql_add(b, d->columns);
    sql_add(b, d->append ? ") SELECT * FROM unnest("
                         : ",\"rev\") SELECT *,nextval('phoenix_rev') FROM unnest(");
    add_rows(b, s, sql_rows(s));
    sql_add(b, ")");
    add_on_conflict(b, s);
    add_inserted(b, s);
}
