/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a step and its values, made in one go so that they agree. Identifiers come from declarations
 * and are quoted there; values of requests are always parameters. The exception are conditions that equal
 * one of a partial index: PostgreSQL uses such an index only if the query has the same constant.
 *
 * Keyed statements join the table with unnest(arrays) u(c1, c2, ..., o); o is the number of the part. Two
 * things keep the planner from reading more than the rows that are named:
 *  - `u.o BETWEEN ...` makes it believe in one row on that side, so it looks the others up by the
 *    key, and never goes through a table that was small when the plan was made.
 *  - other conditions are written (...) IS TRUE, which no index serves: an index on a status would be
 *    walked with all its dead entries. */
#include <stdio.h>
#include <string.h>
#include "pg_ops.h"

#define FEW " BETWEEN 1 AND 1000000000"

static void add(struct build *b, const char *z)
{
    text_add(&b->sql, z);
}

static void add_number(struct build *b, const char *before, uint32_t n)
{
    char z[24];
    snprintf(z, sizeof(z), "%s%u", before, n);
    add(b, z);
}

/** $n of the value that is put next. */
static void add_param(struct build *b)
{
    add_number(b, "$", b->params.n + 1);
}

static void add_value(struct build *b, uint32_t type, const phx_cell *c)
{
    add_param(b);
    params_cell(&b->params, type, c);
}

static void add_int(struct build *b, uint64_t v)
{
    add_param(b);
    params_int(&b->params, PHX_INT, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

/** "t.a,t.b,t.rev" of what @p r asks for; append-only rows have no revision. */
static void add_columns(struct build *b, const struct decl *d, const phx_req *r)
{
    const char *sep = "";
    for (uint32_t f = 0; f < d->c.n_fields; f++) {
        if (!step_wants(r, f))
            continue;
        add(b, sep);
        add(b, "t.");
        add(b, d->quoted[f]);
        sep = ",";
    }
    if (!d->append && !(r->flags & PHX_DISTINCT)) {
        add(b, sep);
        add(b, "t.\"rev\"");
    }
}

/* ---- keyed statements. Columns of u: the key, what is set, what is compared, the revision. */

static bool is_key_cond(const struct step *s, uint32_t cond)
{
    for (uint32_t k = 0; k < s->d->c.n_key; k++)
        if (s->key_at[k] == cond)
            return true;
    return false;
}

static bool compares_rev(const phx_req *r)
{
    return r->if_rev && (r->code == PHX_PUT || r->code == PHX_UPDATE || r->code == PHX_DELETE);
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
    add(b, b->params.n ? "," : "");
    add_param(b);
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
    add(b, ",");
    add_param(b);
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
    add(b, "unnest(");
    for (uint32_t i = 0; i < d->c.n_key; i++)
        add_array(b, s, d->c.fields[i].type, get_key, i, 0);
    for (uint32_t i = d->c.n_key; s->verb == VERB_PUT_IF && i < d->c.n_fields; i++)
        add_array(b, s, d->c.fields[i].type, get_cell, i, 0);
    for (uint32_t i = 0; i < r->n_sets && s->verb == VERB_UPDATE_KEYED; i++)
        add_array(b, s, d->c.fields[r->sets[i].field].type, get_set, i, 0);
    if (s->verb == VERB_UPDATE_KEYED)
        add_cond_arrays(b, s);
    if (compares_rev(r))
        add_rev_array(b, s);
    add(b, ") WITH ORDINALITY u(");
    for (uint32_t c = 1; c <= b->params.n; c++) {
        add_number(b, "c", c);
        add(b, ",");
    }
    add(b, "o)");
}

static const char *const comparisons[] = { [PHX_EQ] = "=",  [PHX_NE] = "<>", [PHX_LT] = "<",
                                           [PHX_LE] = "<=", [PHX_GT] = ">",  [PHX_GE] = ">=" };

/** " AND (t.f=u.c7) IS TRUE" */
static void add_keyed_cond(struct build *b, const struct decl *d, const phx_cond *c, uint32_t *io_column)
{
    add(b, " AND (t.");
    add(b, d->quoted[c->field]);
    if (c->op == PHX_IS_NULL || c->op == PHX_NOT_NULL) {
        add(b, c->op == PHX_IS_NULL ? " IS NULL" : " IS NOT NULL");
    } else if (c->op == PHX_IN) {
        for (uint32_t k = 0; k < c->n_cells; k++)
            add_number(b, k ? ",u.c" : " IN (u.c", ++*io_column);
        add(b, ")");
    } else {
        add(b, comparisons[c->op]);
        add_number(b, "u.c", ++*io_column);
    }
    add(b, ") IS TRUE");
}

/** WHERE of a keyed statement; @p column: the last one of u that is used already. */
static void add_keyed_where(struct build *b, const struct step *s, uint32_t column)
{
    const phx_req *r = s->parts[0].r;
    add(b, " WHERE u.o" FEW);
    for (uint32_t i = 0; i < s->d->c.n_key; i++) {
        add(b, " AND t.");
        add(b, s->d->quoted[i]);
        add_number(b, "=u.c", i + 1);
    }
    for (uint32_t i = 0; i < r->n_conds && s->verb == VERB_UPDATE_KEYED; i++)
        if (!is_key_cond(s, i))
            add_keyed_cond(b, s->d, &r->conds[i], &column);
    if (compares_rev(r)) {
        add_number(b, " AND (t.\"rev\"=u.c", ++column);
        add(b, ") IS TRUE");
    }
}

static void build_get(struct build *b, const struct step *s)
{
    add(b, "SELECT u.o,");
    add_columns(b, s->d, s->parts[0].r);
    add(b, " FROM ");
    add_unnest(b, s);
    add(b, ",");
    add(b, s->d->table);
    add(b, " t");
    add_keyed_where(b, s, s->d->c.n_key);
}

/** RETURNING of a keyed change: whose row it was, and the row if it is wanted. */
static void add_returning(struct build *b, const struct step *s, const char *number)
{
    const phx_req *r = s->parts[0].r;
    if (s->counts)
        return;
    add(b, " RETURNING ");
    add(b, number);
    if (r->code == PHX_UPDATE && !(r->flags & PHX_NO_ROWS)) {
        add(b, ",");
        add_columns(b, s->d, r);
    }
}

static void build_put_if(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    add(b, "UPDATE ");
    add(b, d->table);
    add(b, " t SET \"rev\"=nextval('phoenix_rev')");
    for (uint32_t f = d->c.n_key; f < d->c.n_fields; f++) {
        add(b, ",");
        add(b, d->quoted[f]);
        add_number(b, "=u.c", f + 1);
    }
    add(b, " FROM ");
    add_unnest(b, s);
    add_keyed_where(b, s, d->c.n_fields);
    add_returning(b, s, "u.o");
}

static void build_update_keyed(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    const phx_req *r = s->parts[0].r;
    add(b, "UPDATE ");
    add(b, d->table);
    add(b, " t SET \"rev\"=nextval('phoenix_rev')");
    for (uint32_t i = 0; i < r->n_sets; i++) {
        add(b, ",");
        add(b, d->quoted[r->sets[i].field]);
        add(b, "=");
        if (r->sets[i].op == PHX_ADD) {
            add(b, "t.");
            add(b, d->quoted[r->sets[i].field]);
            add(b, "+");
        }
        add_number(b, "u.c", d->c.n_key + i + 1);
    }
    add(b, " FROM ");
    add_unnest(b, s);
    add_keyed_where(b, s, d->c.n_key + r->n_sets);
    add_returning(b, s, "u.o");
}

static void build_delete_keyed(struct build *b, const struct step *s)
{
    add(b, "DELETE FROM ");
    add(b, s->d->table);
    add(b, " t USING ");
    add_unnest(b, s);
    add_keyed_where(b, s, s->d->c.n_key);
    add_returning(b, s, "u.o");
}

/* ---- PUT without a known revision */

static void add_rows(struct build *b, const struct step *s, uint32_t rows)
{
    const struct decl *d = s->d;
    for (uint32_t f = 0; f < d->c.n_fields; f++) {
        uint32_t type = d->c.fields[f].type;
        add(b, f ? "," : "");
        add_param(b);
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
        add(b, " ON CONFLICT DO NOTHING");
        return;
    }
    add(b, " ON CONFLICT(");
    for (uint32_t f = 0; f < d->c.n_key; f++) {
        add(b, f ? "," : "");
        add(b, d->quoted[f]);
    }
    /* Not the revision that was taken before the other's lock was waited for: the other's may be larger. */
    add(b, ") DO UPDATE SET \"rev\"=nextval('phoenix_rev')");
    for (uint32_t f = d->c.n_key; f < d->c.n_fields; f++) {
        add(b, ",");
        add(b, d->quoted[f]);
        add(b, "=excluded.");
        add(b, d->quoted[f]);
    }
}

/** The keys of the rows that were inserted, if they tell whose they are. */
static void add_inserted(struct build *b, const struct step *s)
{
    if (s->counts || s->n == 1 || s->verb == VERB_UPSERT)
        return;
    for (uint32_t f = 0; f < s->d->c.n_key; f++) {
        add(b, f ? "," : " RETURNING ");
        add(b, s->d->quoted[f]);
    }
}

static uint32_t rows_of(const struct step *s)
{
    uint32_t n = 0;
    for (uint32_t p = 0; p < s->n; p++)
        n += part_rows(s, &s->parts[p]);
    return n;
}

static void build_insert(struct build *b, const struct step *s)
{
    const struct decl *d = s->d;
    add(b, "INSERT INTO ");
    add(b, d->table);
    add(b, "(");
    add(b, d->columns);
    add(b, d->append ? ") SELECT * FROM unnest(" : ",\"rev\") SELECT *,nextval('phoenix_rev') FROM unnest(");
    add_rows(b, s, rows_of(s));
    add(b, ")");
    add_on_conflict(b, s);
    add_inserted(b, s);
}

/* ---- one request each */

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
    add(b, c->type == PHX_INT ? z : c->i ? "true" : "false");
}

static void add_in(struct build *b, uint32_t type, const phx_cond *c)
{
    add_param(b);
    params_array(&b->params, type, c->n_cells);
    for (uint32_t k = 0; k < c->n_cells; k++)
        params_put(&b->params, type, &c->cell[k]);
    params_array_end(&b->params);
}

static void add_cond(struct build *b, const struct decl *d, const phx_cond *c)
{
    uint32_t type = d->c.fields[c->field].type;
    add(b, "t.");
    add(b, d->quoted[c->field]);
    if (c->op == PHX_IS_NULL || c->op == PHX_NOT_NULL) {
        add(b, c->op == PHX_IS_NULL ? " IS NULL" : " IS NOT NULL");
    } else if (c->op == PHX_IN) {
        add(b, "=ANY(");
        add_in(b, type, c);
        add(b, ")");
    } else {
        add(b, comparisons[c->op]);
        if (is_partial(d, c))
            add_literal(b, c->cell);
        else
            add_value(b, type, c->cell);
    }
}

/** @p one_by_one: this IN is asked for the value h.v. */
static void add_where(struct build *b, const struct step *s, const phx_cond *one_by_one)
{
    const phx_req *r = s->parts[0].r;
    const char *sep = " WHERE ";
    for (uint32_t i = 0; i < r->n_conds; i++) {
        add(b, sep);
        sep = " AND ";
        if (&r->conds[i] != one_by_one) {
            add_cond(b, s->d, &r->conds[i]);
            continue;
        }
        add(b, "t.");
        add(b, s->d->quoted[r->conds[i].field]);
        add(b, "=h.v");
    }
    if (compares_rev(r)) {
        add(b, sep);
        add(b, "t.\"rev\"=");
        add_int(b, r->if_rev);
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
        add(b, sep);
        add(b, "t.");
        add(b, d->quoted[f]);
        add(b, o < 0 ? " DESC" : "");
        add(b, !null ? "" : o < 0 ? " NULLS LAST" : " NULLS FIRST");
        sep = ",";
    }
    for (uint32_t f = 0; f < d->c.n_key && !(r->flags & PHX_DISTINCT); f++) {
        add(b, sep);
        add(b, "t.");
        add(b, d->quoted[f]);
        sep = ",";
    }
}

static void add_limit(struct build *b, uint64_t limit)
{
    if (limit) {
        add(b, " LIMIT ");
        add_int(b, limit);
    }
}

static void build_scan(struct build *b, const struct step *s)
{
    const phx_req *r = s->parts[0].r;
    add(b, r->flags & PHX_DISTINCT ? "SELECT DISTINCT " : "SELECT ");
    add_columns(b, s->d, r);
    add(b, " FROM ");
    add(b, s->d->table);
    add(b, " t");
    add_where(b, s, NULL);
    add_order(b, s);
    add_limit(b, r->limit);
}

/** SELECT of the keys of the rows that are meant, locked. */
static void add_pick(struct build *b, const struct step *s, const phx_cond *in, uint64_t limit)
{
    const phx_req *r = s->parts[0].r;
    for (uint32_t k = 0; k < s->d->c.n_key; k++) {
        add(b, k ? ",t." : "SELECT t.");
        add(b, s->d->quoted[k]);
        add_number(b, " AS k", k);
    }
    add(b, " FROM ");
    add(b, s->d->table);
    add(b, " t");
    add_where(b, s, in);
    add_order(b, s);
    add_limit(b, limit);
    add(b, r->code == PHX_DELETE ? " FOR UPDATE" : " FOR NO KEY UPDATE");
    /* Who takes some takes what is free; who means all waits for those that others hold. */
    add(b, r->code == PHX_UPDATE && (r->limit || r->per_key) ? " SKIP LOCKED" : "");
}

/** WITH p AS (the rows that are meant, numbered in their order) */
static void add_picked(struct build *b, const struct step *s)
{
    const phx_req *r = s->parts[0].r;
    const phx_cond *in = r->code == PHX_UPDATE && r->per_key ? phx_first_in(r) : NULL;
    add(b, "WITH p AS MATERIALIZED(SELECT x.*,row_number() OVER () AS o FROM ");
    if (in) {
        add(b, "(SELECT i.v FROM unnest(");
        add_in(b, s->d->c.fields[in->field].type, in);
        add(b, ") WITH ORDINALITY i(v,o) GROUP BY i.v ORDER BY min(i.o)) h CROSS JOIN LATERAL ");
    }
    add(b, "(");
    add_pick(b, s, in, in ? r->per_key : r->limit);
    add(b, ") x");
    add_limit(b, in ? r->limit : 0);
    add(b, ")");
}

static void add_picked_where(struct build *b, const struct step *s)
{
    add(b, " WHERE p.o" FEW);
    for (uint32_t k = 0; k < s->d->c.n_key; k++) {
        add(b, " AND t.");
        add(b, s->d->quoted[k]);
        add_number(b, "=p.k", k);
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
    add(b, " t SET \"rev\"=nextval('phoenix_rev')");
    for (uint32_t i = 0; i < r->n_sets; i++) {
        const char *field = s->d->quoted[r->sets[i].field];
        add(b, ",");
        add(b, field);
        add(b, r->sets[i].op == PHX_ADD ? "=t." : "=");
        add(b, r->sets[i].op == PHX_ADD ? field : "");
        add(b, r->sets[i].op == PHX_ADD ? "+" : "");
        add_value(b, s->d->c.fields[r->sets[i].field].type, &r->sets[i].cell);
    }
}

static void build_update(struct build *b, const struct step *s)
{
    bool some = picks(s);
    if (some)
        add_picked(b, s);
    add(b, "UPDATE ");
    add(b, s->d->table);
    add_sets(b, s);
    add(b, some ? " FROM p" : "");
    if (some)
        add_picked_where(b, s);
    else
        add_where(b, s, NULL);
    if (some && !(s->parts[0].r->flags & PHX_NO_ROWS))
        add_returning(b, s, "p.o");
}

static void build_delete(struct build *b, const struct step *s)
{
    bool some = picks(s);
    if (some)
        add_picked(b, s);
    add(b, "DELETE FROM ");
    add(b, s->d->table);
    add(b, some ? " t USING p" : " t");
    if (some)
        add_picked_where(b, s);
    else
        add_where(b, s, NULL);
}

static void build_ping(struct build *b, const struct step *s)
{
    add(b, "SELECT nextval('phoenix_rev')"); /* a standby and a full disk cannot */
}

static void (*const builders[])(struct build *, const struct step *) = {
    [VERB_PING] = build_ping,
    [VERB_UPSERT] = build_insert,
    [VERB_INSERT] = build_insert,
    [VERB_APPEND] = build_insert,
    [VERB_PUT_IF] = build_put_if,
    [VERB_UPDATE_KEYED] = build_update_keyed,
    [VERB_DELETE_KEYED] = build_delete_keyed,
    [VERB_GET] = build_get,
    [VERB_SCAN] = build_scan,
    [VERB_UPDATE] = build_update,
    [VERB_DELETE] = build_delete,
};

/** A change that must find its records: what is missing is the server's error, which rolls back. */
static void build_must(struct build *b, const struct step *s)
{
    add(b, "WITH w AS (");
    builders[s->verb](b, s);
    add(b, " RETURNING 1) SELECT phoenix_must(count(*),");
    add_int(b, rows_of(s));
    add(b, ",");
    add_int(b, s->parts[0].member);
    add(b, "::integer) FROM w");
}

phx_status sql_build(struct build *b, const struct step *s)
{
    b->sql.n = 0;
    params_reset(&b->params);
    if (s->must)
        build_must(b, s);
    else
        builders[s->verb](b, s);
    if (!params_finish(&b->params))
        return b->params.too_big ? PHX_E_LIMIT : PHX_E_NOMEM;
    return b->sql.failed ? PHX_E_NOMEM : PHX_OK;
}
