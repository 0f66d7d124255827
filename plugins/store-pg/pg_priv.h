/* SPDX-License-Identifier: Apache-2.0 */
/** @file pg_priv.h
 * What the files of the PostgreSQL driver share. One instance is one database and a few connections, all
 * non-blocking, all on the host's loop: there is no thread here and no lock.
 *
 *   submit -> route.c (which connection) -> lane.c (what travels as one transaction) -> step.c (what
 *   shares a statement) -> wire.c, sql.c (texts), params.c (values), conn.c -> answer.c -> done
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

/* ---- conn.c: one connection: made, kept, made again. Nothing in it waits. */
/** What its owner is told. Each may call conn_stop() and conn_start(). */
struct conn_uses {
    void (*up)(void *arg);                    /**< connected, session settings done */
    void (*input)(void *arg);                 /**< something came: take results while !PQisBusy() */
    void (*down)(void *arg, const char *why); /**< lost, or not made */
};
enum conn_state { CONN_OFF, CONN_CONNECTING, CONN_SETTING, CONN_UP, CONN_WAITING };
struct conn {
    phx_self *self;
    const char *role;     /**< for application_name and messages */
    const char *settings; /**< SET statements of this session */
    bool pipeline;        /**< else simple mode */
    bool keeps;           /**< when it is lost, it is made again, after a pause that grows up to 5 s */
    const struct conn_uses *uses;
    void *arg;
    /* conn.c's own; the owner uses pg while state is CONN_UP */
    PGconn *pg;
    enum conn_state state;
    phx_watch *watch;
    phx_timer *timer;     /**< the attempt's end, or the next attempt */
    uint64_t pause_ns;
    int backend_pid;      /**< of the server's process; what libpq says is a pooler's invention */
    char backend[64];     /**< which process of which server, for comparison */
};
enum { CONNS_MAX = 8 };
void conn_start(struct conn *c);
void conn_hurry(struct conn *c); /**< if it waits for the next attempt: now */
void conn_stop(struct conn *c);  /**< quietly; down() is not called */
void conn_flush(struct conn *c); /**< send what libpq has, now or when the socket takes it */
void conn_lose(struct conn *c, const char *why); /**< give it up as if it had been lost */

struct lane;   /**< lane.c: operations of one kind, on one connection */
struct admin;  /**< admin.c */
struct schema; /**< schema.c */
struct signals; /**< watch.c */
enum lane_id { LANE_WRITE, LANE_CLAIM, LANE_BULK, LANE_READ, N_LANES };

struct decl;
struct phx_self {
    const phx_host *host;
    const phx_loop *loop;
    char *conninfo;          /**< a secret */
    char settings[320], relaxed_settings[360]; /**< SET statements of durable and of relaxed sessions */
    uint64_t statement_ns;   /**< how long the server works on a statement */
    uint64_t wait_ns;        /**< how long operations wait for a connection that is being made again */
    uint64_t seed;           /**< of the jitter */
    phx_timer *look;         /**< at deadlines, while there is work; NULL: not set */
    struct conn *conns[CONNS_MAX]; /**< those that were ever started */
    struct lane *lanes[N_LANES];
    struct admin *admin;
    struct schema *schema;
    struct signals *signals; /**< NULL: nobody watches */
    struct decl *decls[MAX_DECLS];
    uint32_t n_decls;
    phx_op *open_op;         /**< NULL: open() has been answered */
    uint32_t n_opening;      /**< connections that open() still waits for */
};

/** A declared collection: our copy, and what SQL about it always needs. Lives as long as the instance. */
struct decl {
    phx_collection c;    /**< names, fields and indexes are ours */
    char *table;         /**< quoted: "agent_tasks" */
    char **quoted;       /**< quoted names of the fields */
    char *columns;       /**< "a","b": all, in order */
    bool append;         /**< has no column rev */
    bool partitioned;    /**< append-only, its time field is a part of the key: by day (UTC) of that */
    struct block *memory; /**< decl.c: all of the above */
    struct decl *older;   /**< what this name meant before: operations may still use it */
};

/* ---- decl.c */
struct decl *decl_new(const phx_collection *c); /**< NULL: out of memory */
void decl_free(struct decl *d);
/** "text", "bigint", "double precision", "boolean", "timestamptz", "json", "bytea"; NULL: no such type. */
const char *decl_type(uint32_t type);
/** Its type's Oid, and that of its array. */
Oid decl_oid(uint32_t type);
Oid decl_array_oid(uint32_t type);

/* ---- schema.c: the database's shape. Through the maintenance connection, under an advisory lock. */
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
void partition_make(phx_self *self, struct decl *d, const phx_cell *cells, uint32_t n_cells,
                    schema_done_fn *done, void *arg);
/** Is it a DELETE of all rows before a time, in a partitioned collection, without limit or order that
 *  counts? Then whole partitions are dropped first, and the rest is deleted as usual: true. */
bool partition_expires(const struct decl *d, const phx_req *r);
typedef void partition_dropped_fn(void *arg, phx_status status, uint64_t n, const char *why);
void partition_drop(phx_self *self, struct decl *d, phx_wall before, partition_dropped_fn *done, void *arg);

/* ---- admin.c: the maintenance connection: made when it is wanted, closed when it has been idle */
/** @p r is lent; NULL: the connection was lost or never made, and @p why says why. */
typedef void admin_fn(void *arg, const PGresult *r, const char *why);
/** Run one statement (its own transaction unless BEGIN was run) after those before it. Text values; NULL is
 *  null. When the connection is lost, everything that waits here fails. */
void admin_run(phx_self *self, const char *sql, const char *const *values, int n_values, admin_fn *done,
               void *arg);

struct admin *admin_new(phx_self *self);
void admin_stop(struct admin *a); /**< close; commands that wait are not answered any more */
void admin_free(struct admin *a);

/* ---- plugin.c */
void say(phx_op *op, phx_status status, uint64_t n, const char *why); /**< done() */
void note(phx_self *self, uint32_t level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- watch.c: LISTEN, NOTIFY */
extern const phx_storage_watch_ops watch_ops;
/* NULL is fine for each of these: nobody watches. */
void signals_start(struct signals *s);  /**< one more connection of open() */
void signals_opened(struct signals *s); /**< open() has been answered */
void signals_hurry(struct signals *s);
void signals_stop(struct signals *s);
void signals_free(struct signals *s);

/** SQLSTATE and message to a status and a sentence (WHY_MAX bytes). */
phx_status pg_status(const PGresult *r, char *why);
#endif
