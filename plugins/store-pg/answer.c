/* SPDX-License-Identifier: Apache-2.0 */
/* What the server answered, for the operations. Reads rows in binary form; texts stay where libpq put them
 * until the host has copied them. Called once the transaction is committed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pg_ops.h"

static const int64_t Y2000_US = 946684800000000;

static uint64_t get_be(const char *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

static int64_t int_at(const PGresult *r, int row, int column)
{
    return (int64_t)get_be(PQgetvalue(r, row, column), PQgetlength(r, row, column));
}

static phx_cell cell_at(const PGresult *r, int row, int column, uint32_t type)
{
    phx_cell c = { .type = type };
    const char *p = PQgetvalue(r, row, column);
    int n = PQgetlength(r, row, column);
    if (PQgetisnull(r, row, column))
        return (phx_cell){ 0 };
    uint64_t bits = n <= 8 ? get_be(p, n) : 0;
    if (type == PHX_TIME)
        c.i = ((int64_t)bits + Y2000_US) * 1000;
    else if (type == PHX_INT || type == PHX_BOOL)
        c.i = (int64_t)bits;
    else if (type == PHX_REAL)
        memcpy(&c.r, &bits, sizeof(c.r));
    else
        c.s = (phx_str){ p, (size_t)n };
    return c;
}

/** One row to its operation, from column @p column on. @p cells: room for it. */
static void row_answer(const struct step *s, const struct part *p, phx_cell *cells, int row, int column)
{
    const struct decl *d = s->d;
    struct job *j = p->job;
    for (uint32_t f = 0; f < d->c.n_fields; f++) {
        cells[f] = (phx_cell){ 0 };
        if (step_wants(p->r, f))
            cells[f] = cell_at(s->result, row, column++, d->c.fields[f].type);
    }
    uint64_t rev = d->append ? 1 : 0;
    if (!d->append && !(p->r->flags & PHX_DISTINCT))
        rev = (uint64_t)int_at(s->result, row, column);
    if (j->status == PHX_OK)
        j->status = j->op->reply->row(j->op, cells, d->c.n_fields, rev);
}

static uint64_t changed(const PGresult *r)
{
    return strtoull(PQcmdTuples((PGresult *)(uintptr_t)r), NULL, 10); /* it only reads */
}

static void refuse(struct job *j, phx_status status, const char *what, const struct decl *d)
{
    if (j->status == PHX_OK) {
        j->status = status;
        snprintf(j->why, WHY_MAX, "%s \"%s\"%s", what, d->c.name,
                 status == PHX_E_CONFLICT ? " has another revision, is there already, or is gone" : "");
    }
}

/** Rows that begin with the number of their part. */
static void answer_keyed(const struct step *s, phx_cell *cells)
{
    const phx_req *r = s->parts[0].r;
    bool rows = s->verb == VERB_GET || (r->code == PHX_UPDATE && !(r->flags & PHX_NO_ROWS));
    for (int row = 0; row < PQntuples(s->result); row++) {
        int64_t o = int_at(s->result, row, 0);
        if (o < 1 || o > s->n)
            continue;
        s->parts[o - 1].job->n++;
        if (rows)
            row_answer(s, &s->parts[o - 1], cells, row, 1);
    }
}

static bool is_row(const struct step *s, int row, const phx_cell *key)
{
    for (uint32_t k = 0; k < s->d->c.n_key; k++) {
        phx_cell c = cell_at(s->result, row, (int)k, s->d->c.fields[k].type);
        if (cell_compare(&c, &key[k]) != 0)
            return false;
    }
    return true;
}

/** The keys that were inserted come in the order in which they were sent; those left out were there. */
static void answer_inserted(const struct step *s)
{
    int row = 0, n = PQntuples(s->result);
    for (uint32_t p = 0; p < s->n; p++) {
        const phx_req *r = s->parts[p].r;
        for (uint32_t at = 0; at < r->n_cells && row < n; at += s->d->c.n_fields) {
            if (is_row(s, row, &r->cells[at])) {
                s->parts[p].job->n++;
                row++;
            }
        }
    }
}

struct place {
    int64_t o;
    int row;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->o > y->o) - (x->o < y->o);
}

/** The rows of an UPDATE, in the order in which they were picked. */
static phx_status answer_picked(const struct step *s, phx_cell *cells)
{
    int n = PQntuples(s->result);
    struct place *places = calloc((size_t)n + 1, sizeof(*places));
    if (!places)
        return PHX_E_NOMEM;
    for (int row = 0; row < n; row++)
        places[row] = (struct place){ int_at(s->result, row, 0), row };
    qsort(places, (size_t)n, sizeof(*places), compare_places);
    for (int i = 0; i < n; i++)
        row_answer(s, &s->parts[0], cells, places[i].row, 1);
    free(places);
    s->parts[0].job->n = (uint64_t)n;
    return PHX_OK;
}

static void answer_one(const struct step *s, phx_cell *cells)
{
    const struct part *p = &s->parts[0];
    bool rows = PQnfields(s->result) > 0;
    if (s->verb == VERB_UPDATE && rows && answer_picked(s, cells) != PHX_OK)
        refuse(p->job, PHX_E_NOMEM, "out of memory for rows of", s->d);
    else if (s->verb == VERB_SCAN)
        for (int row = 0; row < PQntuples(s->result); row++)
            row_answer(s, p, cells, row, 0);
    else if (!rows)
        p->job->n += changed(s->result);
}

/** What was asked for by name or revision, and is not there. */
static void answer_missing(const struct step *s)
{
    for (uint32_t p = 0; p < s->n; p++) {
        struct job *j = s->parts[p].job;
        if (j->n)
            continue;
        if (s->verb == VERB_GET)
            refuse(j, PHX_E_NOTFOUND, "no such record in", s->d);
        else if (s->parts[p].r->if_rev)
            refuse(j, PHX_E_CONFLICT, "the record in", s->d);
    }
}

/** Of a batch, how many were changed is all that is told. */
static void answer_member(const struct step *s)
{
    uint64_t n = s->must ? 0 : changed(s->result);
    for (uint32_t p = 0; s->must && p < s->n; p++)
        n += part_rows(s, &s->parts[p]);
    s->parts[0].job->n += n;
}

static void answer_put(const struct step *s)
{
    if (s->n > 1 && s->verb != VERB_UPSERT)
        answer_inserted(s);
    else if (s->verb == VERB_UPSERT || s->must)
        for (uint32_t p = 0; p < s->n; p++)
            s->parts[p].job->n = part_rows(s, &s->parts[p]);
    else
        s->parts[0].job->n = changed(s->result);
}

void answer_step(const struct step *s)
{
    phx_cell *cells = s->d ? calloc(s->d->c.n_fields, sizeof(*cells)) : NULL;
    if (s->verb == VERB_PING)
        return;
    for (uint32_t p = 0; !cells && p < s->n; p++)
        refuse(s->parts[p].job, PHX_E_NOMEM, "out of memory for rows of", s->d);
    if (s->counts)
        answer_member(s);
    else if (s->verb == VERB_UPSERT || s->verb == VERB_INSERT || s->verb == VERB_APPEND)
        answer_put(s);
    else if (!cells)
        ;
    else if (s->verb == VERB_SCAN || s->verb == VERB_UPDATE || s->verb == VERB_DELETE)
        answer_one(s, cells);
    else
        answer_keyed(s, cells);
    if (!s->counts)
        answer_missing(s);
    if (s->verb == VERB_GET)
        for (uint32_t p = 0; p < s->n; p++)
            s->parts[p].job->n = 0; /* reads change nothing */
    free(cells);
}
