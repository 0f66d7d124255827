/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of the database apart from the collections: a table of versions, the sequence of revisions, a
 * function. Versions are applied in order; phoenix_schema says which, by whom and when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shape.h"

/* What leads from each version to the next one. Never change a row that was released: add one.
 *
 * The sequence must have CACHE 1: revisions of a record grow, whichever session changes it.
 * phoenix_must() makes a statement fail that did not change as many rows as it must; `member` says which
 * operation of a batch it was. */
static const char *const to_version_1[] = {
    "CREATE SEQUENCE phoenix_rev AS bigint",
    "CREATE FUNCTION phoenix_must(found bigint, wanted bigint, member integer) RETURNS bigint "
    "LANGUAGE plpgsql AS $$ BEGIN IF $1 <> $2 THEN RAISE EXCEPTION SQLSTATE 'PX409' USING "
    "MESSAGE = 'a record has another revision, or is there already, or is gone', DETAIL = member; "
    "END IF; RETURN $1; END $$",
    NULL,
};
static const char *const *const versions[SCHEMA_VERSION] = { to_version_1 };

struct opening {
    schema_done_fn *done;
    void *arg;
};

static void on_versions_done(struct ddl *d)
{
    struct opening *o = d->arg;
    o->done(o->arg, d->status, d->why);
    free(o);
}

static char *version_row(const phx_host *host, long version)
{
    struct text t = { 0 }, program = { 0 };
    char number[24];
    snprintf(number, sizeof(number), "%ld", version);
    text_add(&program, host->name);
    text_add(&program, " ");
    text_add(&program, host->version);
    text_add(&t, "INSERT INTO phoenix_schema VALUES(");
    text_add(&t, number);
    text_add(&t, ",");
    text_literal(&t, (phx_str){ program.p, program.n });
    text_add(&t, ",now())");
    t.failed = t.failed || program.failed;
    free(program.p);
    return text_take(&t);
}

static void plan_versions(struct ddl *d, const PGresult *r)
{
    const phx_host *host = d->self->host;
    bool any = PQntuples(r) > 0;
    long version = any ? strtol(PQgetvalue(r, 0, 0), NULL, 10) : 0;
    if (version > SCHEMA_VERSION) {
        ddl_refuse(d, PHX_E_CONFIG,
                   "database \"%s\" has schema version %ld, made by %s; this program (%s %s) knows up to %d: "
                   "start the newer program, or restore a back-up made before the upgrade",
                   PQgetvalue(r, 0, 2), version, PQgetvalue(r, 0, 1), host->name, host->version,
                   SCHEMA_VERSION);
        return;
    }
    for (; version < SCHEMA_VERSION; version++) {
        for (const char *const *sql = versions[version]; *sql; sql++)
            ddl_add(d, strdup(*sql));
        ddl_add(d, version_row(host, version + 1));
    }
}

static void on_table_done(struct ddl *d)
{
    if (d->status) {
        on_versions_done(d);
        return;
    }
    ddl_run(&(struct ddl){
        .self = d->self,
        .look = "SELECT version,program,current_database() FROM phoenix_schema ORDER BY version DESC LIMIT 1",
        .plan = plan_versions,
        .done = on_versions_done,
        .arg = d->arg,
    });
}

enum { MIN_SERVER = 130000 }; /* the oldest that its makers cared for when this was written, less one */

static void plan_table(struct ddl *d, const PGresult *r)
{
    const char *encoding = PQgetvalue(r, 0, 1);
    if (strtol(PQgetvalue(r, 0, 0), NULL, 10) < MIN_SERVER)
        ddl_refuse(d, PHX_E_UNSUPPORTED, "the server is PostgreSQL %s; 13 or newer is needed",
                   PQgetvalue(r, 0, 4));
    else if (strcmp(encoding, "UTF8") != 0)
        ddl_refuse(d, PHX_E_CONFIG,
                   "database \"%s\" has the encoding %s; make one with ENCODING 'UTF8' TEMPLATE template0",
                   PQgetvalue(r, 0, 3), encoding);
    else if (PQgetvalue(r, 0, 2)[0] == 'f')
        ddl_add(d, strdup("CREATE TABLE phoenix_schema(version integer PRIMARY KEY,program text NOT NULL,"
                          "applied_at timestamptz NOT NULL)"));
}

/** The look reads a table, although it need not: without one, the session would not hear, after the wait for
 *  the lock, that the table of versions was made meanwhile. */
void schema_open(phx_self *self, schema_done_fn *done, void *arg)
{
    struct opening *o = malloc(sizeof(*o));
    if (!o) {
        done(arg, PHX_E_NOMEM, "out of memory");
        return;
    }
    *o = (struct opening){ done, arg };
    ddl_run(&(struct ddl){
        .self = self,
        .look = "SELECT current_setting('server_version_num'),current_setting('server_encoding'),"
                "to_regclass('phoenix_schema') IS NOT NULL,current_database(),"
                "current_setting('server_version') FROM pg_database WHERE datname=current_database()",
        .plan = plan_table,
        .done = on_table_done,
        .arg = o,
    });
}
