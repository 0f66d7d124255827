/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to the database's shape, one at a time. What is right already costs one query and no lock. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shape.h"

/** What waits its turn; the first one runs. */
struct schema {
    struct ddl *first, **tail;
};

/* Two processes that start at the same moment: one makes, the other waits, and finds it made. READ COMMITTED,
 * so that it finds it: the look after the lock must see what was committed while it waited. Behind the lock
 * nothing waits long: a table that somebody holds would otherwise block everybody who comes after us. */
static const char *const opening[] = {
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
    "SELECT pg_advisory_xact_lock(1349021304)", /* "Phnx" */
    "SET LOCAL lock_timeout='3s'",
};
enum { N_OPENING = sizeof(opening) / sizeof(opening[0]) };

struct schema *schema_new(void)
{
    struct schema *s = calloc(1, sizeof(*s));
    if (s)
        s->tail = &s->first;
    return s;
}

static void forget_plan(struct ddl *d)
{
    for (uint32_t i = 0; i < d->n_sql; i++)
        free(d->sql[i]);
    free(d->sql);
    d->sql = NULL;
    d->n_sql = d->at = 0;
}

static void ddl_free(struct ddl *d)
{
    forget_plan(d);
    free(d);
}

void schema_free(struct schema *s)
{
    for (struct ddl *d = s ? s->first : NULL, *next; d; d = next) {
        next = d->next;
        ddl_free(d);
    }
    free(s);
}

void ddl_refuse(struct ddl *d, phx_status status, const char *fmt, ...)
{
    va_list ap;
    if (d->status)
        return;
    va_start(ap, fmt);
    vsnprintf(d->why, WHY_MAX, fmt, ap);
    va_end(ap);
    d->status = status;
}

void ddl_add(struct ddl *d, char *sql)
{
    char **more = sql ? realloc(d->sql, (d->n_sql + 1) * sizeof(*more)) : NULL;
    if (!more) {
        free(sql);
        ddl_refuse(d, PHX_E_NOMEM, "out of memory");
        return;
    }
    d->sql = more;
    d->sql[d->n_sql++] = sql;
}

static void look(struct ddl *d);

static void finish(struct ddl *d)
{
    struct schema *s = d->self->schema;
    s->first = d->next;
    if (!s->first)
        s->tail = &s->first;
    struct ddl *next = s->first;
    d->done(d);
    ddl_free(d);
    if (next)
        look(next);
}

static void on_rolled_back(void *arg, const PGresult *r, const char *why)
{
    finish(arg); /* says why it was given up, not what became of the rollback */
}

/** It ends here, and what was begun is undone. */
static void give_up(struct ddl *d)
{
    if (d->locked)
        admin_run(d->self, "ROLLBACK", NULL, 0, on_rolled_back, d);
    else
        finish(d);
}

/** The connection is gone: so is the transaction, and what waits would only wait for the next attempt. */
static void give_up_all(struct schema *s, const char *why)
{
    struct ddl *lost = s->first;
    s->first = NULL;
    s->tail = &s->first;
    for (struct ddl *next; lost; lost = next) {
        next = lost->next;
        ddl_refuse(lost, PHX_E_UNAVAILABLE, "%s", why);
        lost->done(lost);
        ddl_free(lost);
    }
}

/** What an operator can do about it, where the server's message alone does not say. */
static void explain(struct ddl *d, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    state = state ? state : "";
    message = message ? message : "";
    if (strcmp(state, "55P03") == 0)
        ddl_refuse(d, PHX_E_BUSY,
                   "another session (a dump? a forgotten psql?) holds a lock that a change of tables needs; "
                   "end it, or try again later");
    else if (strcmp(state, "42501") == 0)
        ddl_refuse(d, PHX_E_CONFIG,
                   "%s: the role must own the database, or may CREATE in its schema and own the tables there",
                   message);
    else if (strcmp(state, "25006") == 0)
        ddl_refuse(d, PHX_E_UNAVAILABLE,
                   "the server takes no writes (%s); is it a standby? give the primary, or "
                   "target_session_attrs=read-write with several hosts",
                   message);
    else
        d->status = pg_status(r, d->why);
}

/** False: @p r is no success, and the change has ended. */
static bool went_well(struct ddl *d, const PGresult *r, const char *why)
{
    if (!r) {
        give_up_all(d->self->schema, why);
        return false;
    }
    ExecStatusType s = PQresultStatus(r);
    if (s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK)
        return true;
    explain(d, r);
    give_up(d);
    return false;
}

static void on_changed(void *arg, const PGresult *r, const char *why)
{
    struct ddl *d = arg;
    if (!went_well(d, r, why))
        return;
    if (d->at < d->n_sql)
        admin_run(d->self, d->sql[d->at++], NULL, 0, on_changed, d);
    else
        finish(d);
}

static void on_opened(void *arg, const PGresult *r, const char *why)
{
    struct ddl *d = arg;
    if (!went_well(d, r, why))
        return;
    if (d->at < N_OPENING)
        admin_run(d->self, opening[d->at++], NULL, 0, on_opened, d);
    else
        look(d);
}

static void on_looked(void *arg, const PGresult *r, const char *why)
{
    struct ddl *d = arg;
    if (!went_well(d, r, why))
        return;
    forget_plan(d);
    d->plan(d, r);
    if (d->locked)
        ddl_add(d, strdup("COMMIT"));
    if (d->status) {
        give_up(d);
    } else if (d->locked) {
        on_changed(d, r, why);
    } else if (d->n_sql > 0) {
        d->locked = true;
        on_opened(d, r, why);
    } else {
        finish(d);
    }
}

static void look(struct ddl *d)
{
    admin_run(d->self, d->look, d->values, d->n_values, on_looked, d);
}

void ddl_run(const struct ddl *wanted)
{
    struct schema *s = wanted->self->schema;
    struct ddl *d = malloc(sizeof(*d));
    if (!d) {
        struct ddl failed = *wanted;
        ddl_refuse(&failed, PHX_E_NOMEM, "out of memory");
        failed.done(&failed);
        return;
    }
    *d = *wanted;
    bool first = !s->first;
    *s->tail = d;
    s->tail = &d->next;
    if (first)
        look(d);
}
