/* SPDX-License-Identifier: Apache-2.0 */
/** @file tck.h
 * The conformance kit of storage drivers. Each test runs in a process of its own, with a fresh folder,
 * loop and instance, under a time limit. A test speaks to the driver as the core does, through the
 * plugin ABI, and calls are made as if they blocked: host_call() turns the loop until done() has come.
 */
#ifndef PHOENIX_TESTS_TCK_H
#define PHOENIX_TESTS_TCK_H
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "phoenix/plugin.h"

enum { TCK_SEC = 1000000000 }; /* of host_mono() */
struct tck {
    const char *driver, *plugin_dir;
    const char *config;       /* JSON: @DIR@ is the test's folder, @ID@ its name, @PORT@ the proxy's */
    const char *helper;       /* program that makes and removes what a test needs; NULL: none */
    const char *proxy_target; /* where the driver's server is: "/socket" or "127.0.0.1:port" */
    const char *proxy_config; /* as config, for a driver that connects to the proxy */
    unsigned has;             /* NEEDS_* that are met */
    bool more;                /* longer runs: TCK_MORE is set */
    unsigned seed;
    int port;                 /* for @PORT@ */
    char dir[64], id[32];
};
/** What a test asks of the driver. */
enum {
    NEEDS_PERSISTENT = 1, /* records outlive the process */
    NEEDS_SINGLE = 2,     /* one process at a time */
    NEEDS_SHARED = 4,     /* several processes at a time */
    NEEDS_SERVER = 8,     /* the helper can kill and restart its server */
    NEEDS_PROXY = 16      /* connections can go through the kit's proxy */
};
struct tck_test {
    const char *name;
    void (*run)(struct tck *t);
    unsigned needs;
};
#define TEST(f, needs_) { #f, f, (needs_) }
#define TESTS_END { NULL, NULL, 0 }
/** All tests of one file; a row without a name ends it. */
extern const struct tck_test tests_values[], tests_writes[], tests_scan[], tests_claim[], tests_async[],
    tests_life[], tests_model[], tests_race[], tests_shared[], tests_signals[], tests_server[], tests_cut[],
    tests_days[];
/** Run lists of tests, print TAP. The exit status of the program. */
int tck_main(struct tck *t, const struct tck_test *const *lists);
/** Run the helper: `helper VERB ID DIR`. False: there is none, or it failed. */
bool tck_help(const struct tck *t, const char *verb);

_Noreturn void tck_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define CHECK(x) ((x) ? (void)0 : tck_fail(__FILE__, __LINE__, "%s", #x))
#define CHECK_EQ(a, b)                                                                            \
    do {                                                                                          \
        long long a_ = (long long)(a), b_ = (long long)(b);                                       \
        if (a_ != b_)                                                                             \
            tck_fail(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", #a, a_, #b, b_);            \
    } while (0)
#define CHECK_STATUS(made, want) \
    do { \
        const struct call *c_ = (made); \
        if (c_->status != (want)) \
            tck_fail(__FILE__, __LINE__, "%s: status %d (%s), not %s", #made, (int)c_->status, c_->why, \
                     #want); \
    } while (0)

/* ---- one instance of the driver */
struct host;
/** Make the instance and open it. NULL if open failed; @p why (320 bytes) says why. */
struct host *host_open(const struct tck *t, char *why);
void host_close(struct host *h);
/** Run the loop until something has come, or for so long. */
void host_turn(struct host *h, unsigned ms);
struct host *host_ready(const struct tck *t); /* open, with the collections below ENSUREd */
uint32_t host_max_inflight(const struct host *h);
uint64_t host_mono(void);

struct tck_row {
    phx_cell *cells;
    uint32_t n;
    uint64_t rev;
};
/** A call and its answer. Lives until call_free(). */
struct call {
    phx_op op; /* first */
    struct host *h;
    phx_status status;
    uint64_t n;
    char why[400];
    struct tck_row *rows;
    size_t n_rows, cap_rows, stop_after; /* stop_after: row() says stop at that row; 0: never */
    int dones;
    bool delivered;
    uint64_t done_at; /* host_mono() */
};
struct call *host_start(struct host *h, const phx_req *req); /* the request must outlive the call */
/** row() says stop when it has got @p after rows. */
struct call *host_start_stopping(struct host *h, const phx_req *req, size_t after);
void host_cancel(struct call *c);
void host_wait(struct call *c);
void call_free(struct call *c);
/** Start and wait. The answer lives until the next host_call(). */
struct call *host_call(struct host *h, const phx_req *req);
struct call *host_ensure(struct host *h, const phx_collection *c);

/* ---- signals; a driver for several processes must have them */
struct signal {
    char topic[PHX_SIGNAL_MAX + 1], key[PHX_SIGNAL_MAX + 1];
};
void host_signal(struct host *h, const char *topic, const char *key);
size_t host_n_signals(const struct host *h);
const struct signal *host_signal_at(const struct host *h, size_t i);
unsigned host_resyncs(const struct host *h);

/* ---- requests, written as literals */
#define T(z) ((phx_cell){ .type = PHX_TEXT, .s = { (z), strlen(z) } })
#define I(v) ((phx_cell){ .type = PHX_INT, .i = (v) })
#define R(v) ((phx_cell){ .type = PHX_REAL, .r = (v) })
#define B(v) ((phx_cell){ .type = PHX_BOOL, .i = (v) })
#define US(v) ((int64_t)(v) * 1000) /* times are whole microseconds, in nanoseconds */
#define W(v) ((phx_cell){ .type = PHX_TIME, .i = US(v) })
#define J(z) ((phx_cell){ .type = PHX_JSON, .s = { (z), strlen(z) } })
#define X(p_, n_) ((phx_cell){ .type = PHX_BYTES, .s = { (p_), (n_) } })
#define NIL ((phx_cell){ 0 })
#define COUNT(type, ...) (uint32_t)(sizeof((type[]){ __VA_ARGS__ }) / sizeof(type))
#define REQ(c, ...) (&(phx_req){ .size = sizeof(phx_req), .code = (c), __VA_ARGS__ })
#define CELLS(...) .cells = (phx_cell[]){ __VA_ARGS__ }, .n_cells = COUNT(phx_cell, __VA_ARGS__)
#define CONDS(...) .conds = (phx_cond[]){ __VA_ARGS__ }, .n_conds = COUNT(phx_cond, __VA_ARGS__)
#define SETS(...) .sets = (phx_set[]){ __VA_ARGS__ }, .n_sets = COUNT(phx_set, __VA_ARGS__)
#define ONLY(...) .only = (uint32_t[]){ __VA_ARGS__ }, .n_only = COUNT(uint32_t, __VA_ARGS__)
#define ORDER(...) .order = (int32_t[]){ __VA_ARGS__ }, .n_order = COUNT(int32_t, __VA_ARGS__)
#define BATCH(...) .batch = (const phx_req *[]){ __VA_ARGS__ }, .n_batch = COUNT(const phx_req *, __VA_ARGS__)
#define COND(f, o, ...) ((phx_cond){ (f), (o), COUNT(phx_cell, __VA_ARGS__), 0, (phx_cell[]){ __VA_ARGS__ } })
#define COND_NULL(f, o) ((phx_cond){ (f), (o), 0, 0, NULL })
#define SET(f, c) ((phx_set){ (f), PHX_SET, (c) })
#define ADD(f, v) ((phx_set){ (f), PHX_ADD, I(v) })
#define DESC(f) (-(f) - 1)

/* ---- collections: every type; a key of two fields; append-only */
enum { ITEM_ID, ITEM_NAME, ITEM_N, ITEM_R, ITEM_B, ITEM_T, ITEM_J, ITEM_X };
enum { PAIR_A, PAIR_B, PAIR_V };
enum { LOG_HOST, LOG_SEQ, LOG_AT, LOG_TEXT };
extern const phx_collection items, pairs, logs;
/** An item; the rest of its fields is null. */
#define ITEM(id, name, n) CELLS(T(id), T(name), (n), NIL, NIL, NIL, NIL, NIL)
struct call *put_item(struct host *h, const char *id, const char *name, int64_t n);
/** All items, in order of their key. */
struct call *all_items(struct host *h);
bool cell_has_text(const phx_cell *c);
bool cell_equal(const phx_cell *a, const phx_cell *b);
bool cell_is(const phx_cell *c, const char *z);

/** A PUT in flight, with its memory: calls that overlap need a request each. */
struct put {
    phx_req req;
    phx_cell cells[8];
    char id[24];
    struct call *call;
};
void put_make(struct put *p, const char *id, int64_t n); /* everything but the call */
void put_start(struct host *h, struct put *p, const char *id, int64_t n);
bool is_there(struct host *h, const char *id);

/* ---- several processes */
/** Memory that all of them see, zeroed; it goes with the process. */
void *shared_memory(size_t bytes);
typedef void together_fn(struct tck *t, unsigned i, void *arg);
/** Run fn in n processes, each with its own seed, and wait. No instance may be open. */
void together(struct tck *t, unsigned n, together_fn *fn, void *arg);

/* ---- histories of one-value records, see tck_history.c */
struct history;
struct history *history_new(unsigned writers); /* shared by processes */
/** Keep reads and writes of a few records under way until @p until (host_mono()), or until there are many.
 *  Answers other than OK, CONFLICT, NOTFOUND fail the test; with @p faults they count as unknown. */
void history_run(struct tck *t, struct host *h, struct history *y, unsigned writer, uint64_t until,
                 bool faults);
void history_check(const struct history *y);

/* ---- operations of every kind that are under way when something breaks, see tck_load.c */
struct load;
struct load *load_new(struct tck *t, struct host *h);
void load_start(struct load *l);
/** Wait for all, then for the store to work again, then look what is there. */
void load_end(struct load *l);
int load_open(const struct load *l); /* so many are not answered yet */
int load_failed(const struct load *l); /* so many were not answered OK, in all rounds */
void load_free(struct load *l);
/** PING until it succeeds; 20 seconds at most. */
bool host_recovers(struct host *h);

/* ---- a proxy that cuts, on a thread of its own */
struct proxy;
struct proxy *proxy_start(struct tck *t); /* *t is changed: its instances connect through it */
void proxy_stop(struct proxy *p);
/** Cut the connection that carries the @p bytes-th byte from now, in either direction. */
void proxy_cut_after(struct proxy *p, long bytes);
void proxy_cut_all(struct proxy *p); /* all connections that there are; soon */
void proxy_hold(struct proxy *p, bool hold); /* nothing goes through, nothing is closed */
unsigned proxy_cuts(const struct proxy *p);

/** Deterministic numbers. */
unsigned rnd(struct tck *t, unsigned below);

#endif
