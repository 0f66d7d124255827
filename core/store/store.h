/* SPDX-License-Identifier: Apache-2.0 */
/** @file store.h
 * What the core says to a storage driver. Requests are built with the q_* functions, sent with
 * store_run(), and answered exactly once, later, on the loop. All [loop].
 *
 *   struct query *q = q_scan(st, C_TASKS);
 *   q_where_text(q, F_TASKS_HOST_ID, PHX_EQ, host);
 *   q_order(q, F_TASKS_ID);
 *   store_run(q, on_tasks, arg);
 */
#ifndef PHOENIX_STORE_STORE_H
#define PHOENIX_STORE_STORE_H
#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/loop/loop.h"
#include "core/plugin/plugin.h"

/* Collections and their fields, from collections.def: C_TASKS, F_TASKS_HOST_ID ... */
enum collection {
#define COLLECTION(id, name, n_key, flags, time_field, view) C_##id,
#include "core/tables/collections.def"
    C_COUNT
};
#define COLLECTION(id, name, n_key, flags, time_field, view) enum field_##id {
#define FIELD(id, name, member, type, flags) F_##id##_##member,
#define END_COLLECTION(id) F_##id##_COUNT };
#include "core/tables/collections.def"

const phx_collection *collection_of(enum collection c);

struct store;
typedef void store_open_fn(void *arg, const struct err *err); /**< err NULL: open, all ENSUREd */
/** Make the driver's instance, open it, ENSURE every collection, then call @p done, once. NULL: @p err.
 *  Also after a failed opening the store is there, until store_close(). */
struct store *store_open(struct registry *r, const char *driver, const struct json *config, struct loop *l,
                         store_open_fn *done, void *arg, struct err *err);
/** Refuse new queries, wait for those in flight, close the driver, free, then closed(arg). */
void store_close(struct store *st, loop_fn *closed, void *arg);
bool store_ok(const struct store *st); /**< the last operation did not fail for the store's sake */
struct store_stats {
    uint64_t queries_total, rows_total, failed_total, inflight, statements_total;
    int64_t oldest_ns; /**< since the oldest query that the driver has was given to store_run(); 0: none */
};
void store_stats(const struct store *st, struct store_stats *ret);

/** Who goes first when the driver has no room for all; see q_lane(). None starves. */
enum store_lane {
    LANE_URGENT, /**< claims, reports, leases, pings: never behind anything else */
    LANE_NORMAL, /**< documents, lists, heartbeats: what is not said otherwise */
    LANE_BULK,   /**< samples, logs, retention: has the rest, at most a quarter of the driver */
    LANE_COUNT
};
struct store_lane_stats {
    uint64_t pending;       /**< wait for room at the driver */
    uint64_t inflight;      /**< the driver has them */
    uint64_t refused_total; /**< answered BUSY: too many were pending */
    int64_t oldest_ns;      /**< how long the oldest pending one has waited; 0: none waits */
};
void store_lane_stats(const struct store *st, enum store_lane lane, struct store_lane_stats *ret);

/** One row of an answer: cells in the order of the collection's fields. */
struct row {
    const phx_cell *cells;
    uint32_t n;
    uint64_t rev;
};
/** Lent during done(); rows live in the query's arena. */
struct result {
    int32_t rc;         /**< 0 or a negative code */
    struct err err;
    const struct row *rows;
    size_t n_rows;
    uint64_t n;         /**< rows written, changed or deleted */
    int failed;         /**< BATCH: position of the member that failed, -1 */
};
typedef void query_done_fn(void *arg, const struct result *res);

/* ---- several processes on one store. Signals are hints ("look again at this key"): they carry no data,
 * may come late or twice, and whoever listens must also live without them. */
enum topic {
#define TOPIC(id, name, key) TOPIC_##id,
#include "core/tables/topics.def"
    TOPIC_COUNT
};
/** Do others use this store at the same time? False: the driver's store is for one process. */
bool store_is_shared(const struct store *st);
/** Tell the other processes; this one is not told. Cheap: signals of a moment travel together. Call it
 *  when the change is committed. Nothing happens when the store is not shared. */
void store_signal(struct store *st, enum topic topic, const char *key);
/** @p changed: another process said so. @p resync: signals may have been lost (the connection was), or
 *  the store has just been opened: look at everything. One listener a store, set before it opens. */
struct store_listener {
    void (*changed)(void *arg, enum topic topic, const char *key);
    void (*resync)(void *arg);
    void *arg;
};
void store_listen(struct store *st, const struct store_listener *listener);

/** Delete rows whose time field is before @p before_wall_ns, in chunks. Collections that have one. Where the
 *  time is a part of the key, rows may stay until the end of their day (UTC) is before it. The answer's `n`
 *  counts all that went, also when it says an error; it may be an estimate. */
void store_expire(struct store *st, enum collection c, int64_t before_wall_ns, query_done_fn *done,
                  void *arg);
/** Delete all rows of a collection, in the same way. */
void store_clear(struct store *st, enum collection c, query_done_fn *done, void *arg);

struct query;
/* Start a query. Its memory is its own; store_run() takes it. q_free() if it is not run. */
struct query *q_get(struct store *st, enum collection c);
struct query *q_put(struct store *st, enum collection c);    /**< replace or insert */
struct query *q_insert(struct store *st, enum collection c); /**< CONFLICT if it exists */
struct query *q_delete(struct store *st, enum collection c);
struct query *q_scan(struct store *st, enum collection c);
struct query *q_update(struct store *st, enum collection c);
struct query *q_batch(struct store *st);
struct query *q_ping(struct store *st);
void q_free(struct query *q);
struct arena *q_arena(struct query *q); /**< for values that must live as long as the query */
/** Move a PUT, DELETE or UPDATE into a batch; @p member must not be used any more. */
void q_add(struct query *batch, struct query *member);
/** A BATCH with no member is answered at once, on the next turn. */

/* Cells of GET (the key), PUT (all fields; those not set are null). Text is copied. */
void q_text(struct query *q, int field, const char *z); /**< NULL: null */
void q_str(struct query *q, int field, struct str s);
void q_int(struct query *q, int field, int64_t v);
void q_real(struct query *q, int field, double v);
void q_bool(struct query *q, int field, bool v);
void q_time(struct query *q, int field, int64_t wall_ns); /**< 0: null */
void q_json(struct query *q, int field, const struct json *j); /**< NULL: null */
void q_cell(struct query *q, int field, const phx_cell *c); /**< as an answer had it */
/** Start another row of the same PUT into an append-only collection. */
void q_next_row(struct query *q);
/* Conditions (and-ed), assignments, order, limits. op: PHX_EQ ... */
void q_where_text(struct query *q, int field, uint32_t op, const char *z);
void q_where_int(struct query *q, int field, uint32_t op, int64_t v); /**< also times and bools */
void q_where_in(struct query *q, int field, const struct str *values, size_t n);
void q_set_text(struct query *q, int field, const char *z);
void q_set_int(struct query *q, int field, int64_t v);
void q_set_time(struct query *q, int field, int64_t wall_ns);
void q_set_json(struct query *q, int field, const struct json *j);
void q_set_null(struct query *q, int field);
void q_inc(struct query *q, int field, int64_t by);
void q_order(struct query *q, int field);
void q_order_desc(struct query *q, int field);
void q_limit(struct query *q, uint64_t n);
void q_per_key(struct query *q, uint64_t n);
void q_rev(struct query *q, uint64_t rev); /**< only if the stored revision is this one */
void q_flags(struct query *q, uint32_t phx_flags);
/** GET, SCAN, UPDATE: answer this field (call again for more); the others of a row are null then. Fields
 *  in ascending order. */
void q_only(struct query *q, int field);
void q_deadline(struct query *q, int64_t from_now_ns); /**< default 30 s */
/** Default: LANE_NORMAL; a ping is urgent. A batch goes by its own lane, not by those of its members. */
void q_lane(struct query *q, enum store_lane lane);

/** Send. done() comes exactly once, never before this returns. Takes @p q. BUSY: its lane is full. */
void store_run(struct query *q, query_done_fn *done, void *arg);

/* Cells of an answer; the default for null. Borrowed from the row. */
const char *row_text(const struct row *r, int field); /**< "" for null; NUL-terminated */
struct str row_str(const struct row *r, int field);
int64_t row_int(const struct row *r, int field);
double row_real(const struct row *r, int field);
int64_t row_time(const struct row *r, int field); /**< 0 for null */
bool row_is_null(const struct row *r, int field);
/** Parse a JSON cell; caller frees. NULL for null. */
struct json *row_json(const struct row *r, int field);
#endif
