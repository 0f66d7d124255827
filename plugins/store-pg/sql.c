/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a step and its values, made in one go so that they agree. Identifiers come from declarations
 * and are quoted there; values of requests are always parameters. The exception are conditions that equal
 * one of a partial index: PostgreSQL uses such an index only if the query has the same constant.
 *
 * sql_keyed.c has what names its records by key and travels as arrays, sql_one.c the rest. */
#include "sql.h"

const char *const sql_comparisons[] = { [PHX_EQ] = "=",  [PHX_NE] = "<>", [PHX_LT] = "<",
                                        [PHX_LE] = "<=", [PHX_GT] = ">",  [PHX_GE] = ">=" };

void sql_add(struct build *b, const char *z)
{
    text_add(&b->sql, z);
}

void sql_number(struct build *b, const char *before, uint32_t n)
{
    char digits[10], *p = digits + sizeof(digits);
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    sql_add(b, before);
    text_add_n(&b->sql, p, (size_t)(digits + sizeof(digits) - p));
}

void sql_param(struct build *b)
{
    sql_number(b, "$", b->params.n + 1);
}

void sql_value(struct build *b, uint32_t type, const phx_cell *c)
{
    sql_param(b);
    params_cell(&b->params, type, c);
}

void sql_int(struct build *b, uint64_t v)
{
    sql_param(b);
    params_int(&b->params, PHX_INT, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

void sql_columns(struct build *b, const struct decl *d, const phx_req *r)
{
    const char *sep = "";
    for (uint32_t f = 0; f < d->c.n_fields; f++) {
        if (!step_wants(r, f))
            continue;
        sql_add(b, sep);
        sql_add(b, "t.");
        sql_add(b, d->quoted[f]);
        sep = ",";
    }
    if (!d->append && !(r->flags & PHX_DISTINCT)) {
        sql_add(b, sep);
        sql_add(b, "t.\"rev\"");
    }
}

bool sql_compares_rev(const phx_req *r)
{
    return r->if_rev && (r->code == PHX_PUT || r->code == PHX_UPDATE || r->code == PHX_DELETE);
}

void sql_returning(struct build *b, const struct step *s, const char *number)
{
    const phx_req *r = s->parts[0].r;
    if (s->counts)
        return;
    sql_add(b, " RETURNING ");
    sql_add(b, number);
    if (r->code == PHX_UPDATE && !(r->flags & PHX_NO_ROWS)) {
        sql_add(b, ",");
        sql_columns(b, s->d, r);
    }
}

uint32_t sql_rows(const struct step *s)
{
    uint32_t n = 0;
    for (uint32_t p = 0; p < s->n; p++)
        n += part_rows(s, &s->parts[p]);
    return n;
}

static void build_ping(struct build *b, const struct step *s)
{
    sql_add(b, "SELECT nextval('phoenix_rev')"); /* a standby and a full disk cannot */
}

static void (*const builders[])(struct build *, const struct step *) = {
    [VERB_PING] = build_ping,
    [VERB_UPSERT] = sql_put,
    [VERB_INSERT] = sql_put,
    [VERB_APPEND] = sql_put,
    [VERB_PUT_IF] = sql_put_if,
    [VERB_UPDATE_KEYED] = sql_update_keyed,
    [VERB_DELETE_KEYED] = sql_delete_keyed,
    [VERB_GET] = sql_get,
    [VERB_SCAN] = sql_scan,
    [VERB_UPDATE] = sql_update,
    [VERB_DELETE] = sql_delete,
};

/** A change that must find its records: what is missing is the server's error, which rolls back. */
static void build_must(struct build *b, const struct step *s)
{
    sql_add(b, "WITH w AS (");
    builders[s->verb](b, s);
    sql_add(b, " RETURNING 1) SELECT phoenix_must(count(*),");
    sql_int(b, sql_rows(s));
    sql_add(b, ",");
    sql_int(b, s->parts[0].member);
    sql_add(b, "::integer) FROM w");
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
