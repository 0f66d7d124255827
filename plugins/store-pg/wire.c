/* SPDX-License-Identifier: Apache-2.0 */
/* A group on its way: the statements of all steps in one pipeline with one Sync, which makes them one
 * transaction. Answers come in the order of the statements, each followed by a NULL; after an error the
 * rest is skipped up to the Sync. */
#include <stdlib.h>
#include <string.h>
#include "pg_ops.h"

static bool expect(struct wire *w, struct step *s, struct prepared *p)
{
    if (w->n == w->cap) {
        uint32_t cap = w->cap ? w->cap * 2 : 16;
        struct expected *more = realloc(w->expected, cap * sizeof(*more));
        if (!more)
            return false;
        w->expected = more;
        w->cap = cap;
    }
    w->expected[w->n++] = (struct expected){ s, p };
    return true;
}

static bool send_step(struct wire *w, PGconn *pg, struct step *s)
{
    const struct params *v = &w->build.params;
    const char *sql;
    char name[PREPARED_NAME];
    bool is_new;
    if (sql_build(&w->build, s) != PHX_OK)
        return false;
    sql = w->build.sql.p;
    struct prepared *p = prepared_get(&w->prepared, sql, &is_new);
    if (!p)
        return false;
    prepared_name(p, name);
    if (is_new && (!expect(w, s, p) || !PQsendPrepare(pg, name, sql, (int)v->n, v->types)))
        return false;
    return expect(w, s, NULL) &&
           PQsendQueryPrepared(pg, name, (int)v->n, v->values, v->lengths, v->formats, 1) == 1;
}

bool wire_send(struct wire *w, PGconn *pg, struct steps *steps)
{
    wire_reset(w, false);
    if (w->prepared.n > PREPARED_MAX) {
        prepared_drop_all(&w->prepared);
        if (!expect(w, NULL, NULL) || !PQsendQueryParams(pg, "DEALLOCATE ALL", 0, NULL, NULL, NULL, NULL, 1))
            return false;
    }
    for (struct step *s = steps->first; s; s = s->next)
        if (!send_step(w, pg, s))
            return false;
    return PQpipelineSync(pg) == 1;
}

static void take_one(struct wire *w, PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    struct expected *e = &w->expected[w->at];
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (e->prepared && !ok) {
        prepared_drop(&w->prepared, e->prepared);
        e->prepared = NULL;
    }
    if (!ok && status != PGRES_PIPELINE_ABORTED && !w->error) {
        w->failed = e->step;
        w->error = r;
    } else if (ok && e->step && !e->prepared && !e->step->result) {
        e->step->result = r;
    } else {
        PQclear(r);
    }
}

bool wire_take(struct wire *w, PGconn *pg)
{
    /* libpq answers without end: errors on a connection that broke, NULL where nothing is expected. */
    while (PQstatus(pg) == CONNECTION_OK && !PQisBusy(pg)) {
        PGresult *r = PQgetResult(pg);
        if (r && PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
            PQclear(r);
            return true;
        }
        if (!r && w->at == w->n)
            return false;
        if (r && w->at < w->n)
            take_one(w, r);
        else
            PQclear(r);
        w->at += !r;
    }
    return false;
}

void wire_reset(struct wire *w, bool lost)
{
    w->n = w->at = 0;
    w->failed = NULL;
    PQclear(w->error);
    w->error = NULL;
    if (lost)
        prepared_drop_all(&w->prepared);
}

void wire_free(struct wire *w)
{
    wire_reset(w, true);
    free(w->expected);
    free(w->build.sql.p);
    params_free(&w->build.params);
}
