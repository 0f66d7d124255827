/* SPDX-License-Identifier: Apache-2.0 */
/** @file sqlite_priv.h
 * What the files of the SQLite driver share. One instance is one database file, one connection, one
 * worker lane. Everything marked [work] runs on the lane and owns the connection.
 */
#ifndef PHOENIX_STORE_SQLITE_PRIV_H
#define PHOENIX_STORE_SQLITE_PRIV_H
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "phoenix/plugin.h"
#include "phoenix/storage.h"

enum {
    SCHEMA_VERSION = 1,      /**< layout of the file apart from the collections */
    MAX_INFLIGHT = 1024,     /**< bounds a transaction, and so the time that one op can wait */
    MAX_DECLS = 64,
    MAX_IN = 16384,          /**< values of one IN; SQLite binds 32766 at most */
    STMT_BUCKETS = 256,
    STMT_MAX = 512,          /**< prepared statements kept; above it the lane drops all between two groups */
    WHY_MAX = 320
};

/** A declared collection: our copy, and the SQL that only depends on it. */
struct decl {
    char *name, *table;      /**< plain and quoted */
    uint32_t n_fields, n_key, flags;
    phx_field *fields;       /**< names are ours */
    char **quoted;           /**< names of the fields, quoted */
    char *key_where;         /**< "a"=? AND "b"=? */
    char *insert, *upsert;   /**< whole statements */
    struct partial *partials;
    uint32_t n_partials;
};
/** A condition of a partial index. SQLite uses such an index only if the query has the same
 *  literal, so conditions that equal one are written out, from the declaration. */
struct partial {
    phx_cond cond;
    phx_cell cell;
    char *literal;           /**< "status" = 'pending' */
};

/** One operation between submit and done. */
struct job {
    struct job *next;
    phx_op *op;
    const phx_req *req;
    atomic_bool cancelled;
    phx_status status;
    uint64_t n;
    struct kept *kept, **kept_tail; /**< rows that are answered once the transaction is committed */
    char why[WHY_MAX];
};
struct kept {
    struct kept *next;
    uint64_t rev;
    uint32_t n;
    phx_cell cells[];        /**< texts stand behind them */
};

struct stmt {
    struct stmt *next;
    uint64_t hash;
    char *sql;
    sqlite3_stmt *s;
};

/** SQL text under construction. */
struct sql {
    char *p;
    size_t n, cap;
    bool failed;             /**< out of memory */
};

struct phx_self {
    const phx_host *host;
    const phx_work *work;
    phx_lane *lane;
    char *path;
    bool durable;            /**< durable operations are synced before they are answered */
    int64_t cache_mib;

    pthread_mutex_t mutex;   /**< guards the three below */
    struct job *queue, **queue_tail;
    struct job *running;     /**< what the lane has taken and not answered yet */
    bool scheduled;          /**< a drain is on its way to the lane */
    pthread_cond_t came;     /**< something is in the queue again; on CLOCK_MONOTONIC */

    /* [work] */
    sqlite3 *db;
    int lock_fd;             /**< -1: not held */
    int synchronous;         /**< as the connection has it: 1 normal, 2 full */
    phx_mono synced_at;      /**< start of the last transaction that was synced */
    int log_pages;           /**< in the write-ahead log after the last commit; 0: written back since */
    uint64_t seq;            /**< the last revision given out */
    struct decl *decls[MAX_DECLS];
    uint32_t n_decls;
    struct stmt *stmts[STMT_BUCKETS];
    uint32_t n_stmts;
    struct sql sql;
    struct job *current;     /**< what the progress handler looks at; NULL: not interruptible */
    phx_op *open_op, *close_op;
    phx_status open_status;
    char why[WHY_MAX];
};

/* open.c [work] */
phx_status db_open(phx_self *self);
void db_close(phx_self *self);

/* schema.c [work] */
phx_status schema_ensure(phx_self *self, const phx_collection *c, char *why);
/** The declaration that @p c is a use of, or NULL. */
struct decl *decl_find(phx_self *self, const phx_collection *c);

/* decl.c */
struct decl *decl_new(const phx_collection *c); /**< NULL: out of memory */
void decl_free(struct decl *d);
const char *decl_type(uint32_t type); /**< column type; NULL: no such field type */
/** CREATE statements; the caller frees. NULL: out of memory. */
char *decl_table_sql(const phx_collection *c);
char *decl_index_sql(const phx_collection *c, const phx_index *ix);
char *decl_column_sql(const phx_collection *c, const phx_field *f);

/* sql.c: text. Identifiers come from declarations; values are always bound. */
void sql_reset(struct sql *q);
void sql_add(struct sql *q, const char *z);
/** Every field in its place and the revision. What is not wanted is not read, and NULL stands there.
 *  @p answered: the host sees the rows; else they are only looked for, to be changed. */
void sql_columns(struct sql *q, const struct decl *d, const phx_req *r, bool answered);
void sql_where(struct sql *q, const struct decl *d, const phx_req *r, const phx_cond *only_one);
void sql_order(struct sql *q, const struct decl *d, const phx_req *r);

/* stmt.c [work] */
/** The prepared statement of self->sql. NULL: self->why says why. */
sqlite3_stmt *stmt_get(phx_self *self);
sqlite3_stmt *stmt_of(phx_self *self, const char *sql);
void stmt_drop_all(phx_self *self);
bool bind_cell(sqlite3_stmt *s, int *io_at, const phx_cell *c);
bool bind_cells(sqlite3_stmt *s, int *io_at, const phx_cell *c, uint32_t n);
/** Bind what sql_where() left open. @p one: the value that stands for the IN @p only_one. */
bool bind_where(sqlite3_stmt *s, int *io_at, const struct decl *d, const phx_req *r,
                const phx_cond *only_one, const phx_cell *one);
void column_cell(sqlite3_stmt *s, int col, uint32_t type, phx_cell *ret);
/** Turn a result code into a status, with SQLite's text in @p why (WHY_MAX bytes). */
phx_status db_status(phx_self *self, int rc, const char *doing, char *why);
/** Run a statement without values. */
phx_status db_exec(phx_self *self, const char *sql, char *why);
/** Step a statement that answers nothing, reset it. */
phx_status stmt_run(phx_self *self, sqlite3_stmt *s, const char *doing, char *why);

/* exec.c [work] */
void exec_read(phx_self *self, struct job *j);
/** One PUT, DELETE, UPDATE, ENSURE, PING. Adds to *ret_n. Rows go to j->kept. */
phx_status exec_write(phx_self *self, struct job *j, const phx_req *r, uint64_t *ret_n);
phx_status exec_batch(phx_self *self, struct job *j);
struct decl *exec_decl(phx_self *self, struct job *j, const phx_req *r);
uint64_t rev_next(phx_self *self);

/* claim.c [work]: rows are selected first, then changed by key */
phx_status exec_update(phx_self *self, struct job *j, const struct decl *d, const phx_req *r,
                       uint64_t *ret_n);
phx_status exec_delete_some(phx_self *self, struct job *j, const struct decl *d, const phx_req *r,
                            uint64_t *ret_n);
void kept_free(struct job *j);

/* lane.c */
void lane_submit(phx_self *self, phx_op *op, const phx_req *req);
void lane_cancel(phx_self *self, phx_op *op);
/** Turn a failed operation that was interrupted into CANCELLED or TIMEOUT. */
bool job_is_over(phx_self *self, struct job *j);
#endif
