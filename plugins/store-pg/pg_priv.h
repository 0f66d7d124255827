/* SPDX-License-Identifier: Apache-2.0 */
/** @file pg_priv.h
 * What the files of the PostgreSQL driver share. One instance is one database and a few connections, all
 * non-blocking, all on the host's loop: there is no thread here and no lock.
 *
 *   submit -> route.c (which connection) -> group.c (what travels as one transaction) -> sql.c (text of a
 *   shape), params.c (values) -> conn.c (the wire) -> answer.c (rows, statuses) -> done
 *
 * Operations that are submitted while a connection has a transaction on the wire join the next one; equal
 * shapes in it become one statement over arrays. So batches form by themselves, and nothing waits for more.
 */
#ifndef PHOENIX_STORE_PG_PRIV_H
#define PHOENIX_STORE_PG_PRIV_H
#include <libpq-fe.h>
#include <stdbool.h>
#include "phoenix/plugin.h"
#include "phoenix/storage.h"

enum {
    SCHEMA_VERSION = 1, /**< layout of the database apart from the collections' columns */
    MAX_INFLIGHT = 4096,
    MAX_DECLS = 64,
    WHY_MAX = 320
};

/** A declared collection: our copy, and what SQL about it always needs. Lives as long as the instance. */
struct decl {
    phx_collection c;    /**< names, fields and indexes are ours */
    char *table;         /**< quoted: "agent_tasks" */
    char **quoted;       /**< quoted names of the fields */
    char *columns;       /**< "a","b": all, in order */
    bool append;         /**< has no column rev */
    bool partitioned;    /**< append-only and its time field is a part of the key: by day (UTC) of that field */
};

/* ---- decl.c */
struct decl *decl_new(const phx_collection *c); /**< NULL: out of memory */
void decl_free(struct decl *d);
/** "text", "bigint", "double precision", "boolean", "timestamptz", "json", "bytea"; NULL: no such type. */
const char *decl_type(uint32_t type);
/** Its type's Oid, and that of its array. */
Oid decl_oid(uint32_t type);
Oid decl_array_oid(uint32_t type);

/* ---- schema.c: the database's shape. Everything through the maintenance connection, under an advisory lock. */
/** Version table, sequence of revisions, functions; refuses a schema of a newer program with both versions.
 *  Ends in done(arg, status, why). Called when the first connection is up, before any operation. */
typedef void schema_done_fn(void *arg, phx_status status, const char *why);
void schema_open(phx_self *self, schema_done_fn *done, void *arg);
/** One ENSURE: table, columns that are missing, indexes, view. Answers @p op. */
void schema_ensure(phx_self *self, phx_op *op, const phx_req *req);
/** The declaration that @p c is a use of, or NULL: it was not ENSUREd. */
struct decl *decl_find(const phx_self *self, const phx_collection *c);

/* ---- partition.c */
/** Is this the error of a row for which there is no partition? */
bool partition_missing(const PGresult *r);
/** Make the partitions for the times of these rows (cells of a PUT). done as above; then try again. */
void partition_make(phx_self *self, struct decl *d, const phx_cell *cells, uint32_t n_cells, schema_done_fn *done,
                    void *arg);
/** Is it a DELETE of all rows before a time, in a partitioned collection, without limit or order that counts? Then
 *  whole partitions are dropped first, and the rest is deleted as usual: true. */
bool partition_expires(const struct decl *d, const phx_req *r);
void partition_drop(phx_self *self, struct decl *d, phx_wall before, void (*done)(void *arg, phx_status, uint64_t n, const char *why),
                    void *arg);

/* ---- admin.c: the maintenance connection: made when it is wanted, closed when it has been idle */
/** @p r is lent; NULL: the connection was lost or never made, and @p why says why. */
typedef void admin_fn(void *arg, const PGresult *r, const char *why);
/** Run one statement (its own transaction unless BEGIN was run) after those before it. Text values; NULL is null. */
void admin_run(phx_self *self, const char *sql, const char *const *values, int n_values, admin_fn *done, void *arg);

/* ---- watch.c: LISTEN, NOTIFY */
extern const phx_storage_watch_ops watch_ops;

/** SQLSTATE and message to a status and a sentence (WHY_MAX bytes). */
phx_status pg_status(const PGresult *r, char *why);
#endif
