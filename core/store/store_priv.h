/* SPDX-License-Identifier: Apache-2.0 */
/** @file store_priv.h
 * A query and its store, as the files of this room see them.
 */
#ifndef PHOENIX_STORE_STORE_PRIV_H
#define PHOENIX_STORE_STORE_PRIV_H
#include <pthread.h>
#include <stdatomic.h>
#include "core/base/log.h"
#include "core/store/store.h"

/** Where a query is. Only run.c changes it. */
enum query_state {
    QUERY_BUILT,    /**< the caller's */
    QUERY_PENDING,  /**< waits for room at the driver */
    QUERY_INFLIGHT, /**< the driver has it: nothing here may be touched but given_up */
    QUERY_FINISHED  /**< answered by the driver, on its way to the loop */
};

/** Everything but rows that the driver's thread adds is written on the loop. */
struct query {
    phx_op op; /* first: what the driver knows a query by */
    phx_req req;
    struct store *st;
    struct arena *arena; /**< holds the query itself too */
    enum query_state state;
    enum store_lane lane;
    bool is_shed;        /**< refused on this side: says nothing about the store */
    int64_t queued_ns;   /**< when it began to wait for room */
    uint64_t n_req_rows; /**< what it writes, as lanes.c counts; set while in flight */
    struct query *prev, *next;   /**< in the store's list of its state; the loop's */
    struct query *next_finished; /**< the answering thread's */
    query_done_fn *done; /**< NULL: the caller was answered already */
    void *arg;
    atomic_bool given_up; /**< rows are not wanted any more */
    int64_t timeout_ns;
    /* under construction: room in the arrays that req points to */
    uint32_t cap_cells, cap_conds, cap_sets, cap_order, cap_batch;
    uint32_t row_start; /**< PUT: first cell of the row under construction */
    struct query **members;
    /* the answer */
    struct row *rows;
    size_t n_rows, cap_rows;
    phx_status status;
    uint64_t n;
    struct str why;
};

/** How far closing has come. Only store.c changes it. */
enum closing { CLOSING_NOT, CLOSING_ASKED, CLOSING_DRIVER, CLOSING_DRIVER_DONE, CLOSING_FREE };

/** Queries of one lane. Only lanes.c changes it. */
struct lane_queue {
    struct query *pending; /**< utlist, oldest first */
    unsigned n_pending, n_inflight;
    unsigned turns;        /**< left in this round */
    uint64_t rows_inflight, refused_total;
};

struct store {
    struct loop *loop;
    struct instance *instance;
    const phx_storage_ops *ops;
    phx_self *self;
    bool open, ok;
    enum closing closing;
    store_open_fn *on_open;
    void *open_arg;
    const phx_storage_watch_ops *watch; /**< NULL: this process is the store's only one */
    phx_storage_watcher watcher;
    struct store_listener listener;
    unsigned ensuring;     /**< collections that were not answered yet */
    struct err open_err;   /**< the first failure of the opening */
    loop_fn *on_closed;
    void *closed_arg;

    struct lane_queue lanes[LANE_COUNT];
    struct query *inflight;           /**< utlist, oldest first */
    unsigned n_pending, n_inflight, max_inflight; /**< of all lanes */
    struct timer *deadlines;          /**< set to the earliest one */
    int64_t next_deadline;            /**< 0: none */
    struct log_limit complaints;
    struct store_stats stats;

    pthread_mutex_t mutex;            /**< guards the rest */
    struct query *finished, **finished_tail;
    bool posted;
};

/* query.c */
struct query *query__new(struct store *st, uint32_t code);
/** A condition with a cell as an answer had it, which is copied; NULL for PHX_IS_NULL and PHX_NOT_NULL. */
void query__where(struct query *q, int field, uint32_t op, const phx_cell *c);
/* lanes.c */
/** Into its lane's queue. False: that is full. */
bool lanes__add(struct store *st, struct query *q) MUST_CHECK;
void lanes__remove(struct query *q); /**< pending no more */
/** Take the query out of its queue that may go to the driver now; NULL: none. */
struct query *lanes__next(struct store *st);
void lanes__launched(struct query *q);
void lanes__landed(struct query *q);
/* run.c */
/** Give a query to the driver at once, by @p fn: it is not counted against max_inflight. */
void run__launch(struct query *q, void (*fn)(struct query *), query_done_fn *done, void *arg);
void run__on_deadline(void *store);
/* watch.c */
/** Before open: does the driver tell other processes? Then listen. */
void watch__start(struct store *st, const struct phx_component *abi);
/* store.c */
/** Nothing is in flight: take the next step of closing, if that is asked. */
void store__idle(struct store *st);
#endif
