/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file phoenix/plugin.h
 * The Phoenix plugin ABI, major 1.
 *
 * What holds everywhere below
 *  - A struct that can grow starts with `size`. Its maker sets size = sizeof and fills it; the
 *    other side only reads it, through PHX_HAS. Nobody writes into a struct the other side made.
 *    New members go at the end; zero means "as it was before this member existed".
 *  - A pointer argument is lent for the call unless its comment says longer: copy what you keep.
 *    Nothing allocated on one side is ever freed on the other.
 *  - [loop] on the event-loop thread, must not block. [work] on some worker thread, one at a time
 *    per instance, may block. [any] any thread, even several at once.
 *  - The host never re-enters an instance from inside that instance's own upcall.
 *  - No C++ exception or longjmp leaves a call. Plugins leave process state alone: signals, fork,
 *    locale, cwd, umask, environment, exit, stdio buffering, descriptors they did not open.
 *  - Unknown flag bits are refused with PHX_E_UNSUPPORTED, so that a bit can be given meaning later.
 */
#ifndef PHOENIX_PLUGIN_H
#define PHOENIX_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define PHX_ABI_MAJOR 1 /**< part of the entry symbol, phoenix_plugin_v1 */
#define PHX_ABI_MINOR 2 /**< counts additions; by itself never a reason to refuse a plugin */

/** 0 or negative; an unknown negative value reads as PHX_E_INTERNAL. */
typedef int32_t phx_status;
enum {
    PHX_OK = 0,
    PHX_E_INTERNAL = -1,
    PHX_E_INVAL = -2,
    PHX_E_CONFIG = -3,
    PHX_E_NOMEM = -4,
    PHX_E_UNSUPPORTED = -5,
    PHX_E_BUSY = -6,
    PHX_E_CONFLICT = -7,
    PHX_E_NOTFOUND = -8,
    PHX_E_CANCELLED = -9,
    PHX_E_TIMEOUT = -10,
    PHX_E_UNAVAILABLE = -11,
    PHX_E_LIMIT = -12
};
typedef int64_t phx_wall;  /**< nanoseconds since 1970-01-01T00:00:00Z */
typedef uint64_t phx_mono; /**< nanoseconds on the host's monotonic clock */

/* Frozen types: no size member, so they may stand in arrays; they never change. */

/** Text or bytes with a length; no terminating NUL is promised. */
typedef struct phx_str {
    const char *p;
    size_t n;
} phx_str;
typedef struct phx_kv {
    phx_str k, v;
} phx_kv;

#define PHX_END(T, m) (offsetof(T, m) + sizeof(((T *)0)->m))
/** True when object @p o was made by someone who knew member @p m, and set it. */
#define PHX_HAS(o, T, m) ((o)->size >= PHX_END(T, m) && (o)->m)

typedef struct phx_self phx_self; /**< your instance; every plugin source file defines its own */
typedef struct phx_cfg phx_cfg;   /**< config that has passed your schema; lives until destroy */
typedef struct phx_host phx_host;

/** Where results are put; copied at once. Each call lists the words it knows for `what`. */
typedef struct phx_sink {
    uint32_t size, zero;
    /** PHX_E_UNSUPPORTED: the host does not know the word `what`; you decide if that matters. */
    phx_status (*put)(const struct phx_sink *, const char *what, phx_str key, phx_str value);
} phx_sink;

/* ------------------------------------------------ the host, as seen by one instance of yours */
enum { PHX_DEBUG, PHX_INFO, PHX_WARN, PHX_ERROR };

/** Host services; lives until your destroy() has returned. */
struct phx_host {
    uint32_t size, minor;
    const char *name, *version;                              /**< "phoenix-api", "0.1.0" */
    void (*log)(const phx_host *, uint32_t level, phx_str);  /**< [any] one line, no newline */
    void (*fail)(const phx_host *, phx_status, phx_str why); /**< [any] why the next return is bad */
    phx_mono (*mono)(const phx_host *);                      /**< [any] NULL for pure kinds */
    phx_wall (*wall)(const phx_host *);                      /**< [any] NULL for pure kinds */
    /** [any] "pool.size"; a duration ("90s") reads in ns, a boolean as 0 or 1. */
    int64_t (*cfg_int)(const phx_cfg *, const char *path, int64_t dflt);
    double (*cfg_num)(const phx_cfg *, const char *path, double dflt);   /**< [any] */
    const char *(*cfg_str)(const phx_cfg *, const char *path, const char *dflt); /**< [any] */
    const char *(*cfg_json)(const phx_cfg *, const char *path); /**< [any] a subtree as JSON text */
    const void *(*iface)(const phx_host *, const char *id);     /**< [any] NULL: host has none */
};

#define PHX_LOOP "phoenix.loop/1"
enum { PHX_READ = 1, PHX_WRITE = 2 };
typedef struct phx_watch phx_watch;
typedef struct phx_timer phx_timer;
typedef void phx_fd_fn(void *ctx, int fd, uint32_t what);
typedef void phx_fn(void *ctx);
/** The host's event loop, lent. Everything [loop] but post; level-triggered. */
typedef struct phx_loop {
    uint32_t size, zero;
    phx_watch *(*watch)(const phx_host *, int fd, uint32_t what, phx_fd_fn *, void *ctx);
    phx_status (*rewatch)(phx_watch *, uint32_t what);
    void (*unwatch)(phx_watch *); /**< before you close the fd; safe inside its own callback */
    phx_timer *(*timer)(const phx_host *, uint64_t first_ns, uint64_t every_ns, phx_fn *, void *);
    void (*untimer)(phx_timer *);
    phx_status (*post)(const phx_host *, phx_fn *, void *ctx); /**< [any] run soon on the loop */
} phx_loop;

#define PHX_WORK "phoenix.work/1"
enum { PHX_LANE_PINNED = 1 }; /**< always the same OS thread */
typedef struct phx_lane phx_lane; /**< a serial queue onto the host's worker threads */
typedef void phx_done_fn(void *job, phx_status);
/** Worker lanes for libraries that block. */
typedef struct phx_work {
    uint32_t size, zero;
    phx_lane *(*open)(const phx_host *, const char *name, uint32_t flags); /**< [loop] */
    /** [any] `work` on a worker; then `then` on the loop, exactly once, also if it was cancelled. */
    phx_status (*run)(phx_lane *, phx_fn *work, phx_done_fn *then, void *job);
    void (*close)(phx_lane *, phx_fn *closed, void *ctx); /**< [loop] drains, then calls closed */
} phx_work;

/* ------------------------------------------------------------------------------------- KPIs
 * A KPI turns measured inputs into one quantity per cell. A cell is one host, one arm, one time
 * bucket. Pairing, autocorrelation, intervals and the verdict are the host's, so every KPI gets
 * valid intervals for free. Pure: no upcall but log and fail; same input, same bytes out. */
#define PHX_KPI "phoenix.kpi/1"
/** How the host turns samples of an input into the value of a bucket. */
enum {
    PHX_MEAN = 1, /**< gauge: time-weighted mean */
    PHX_INCREASE, /**< counter: reset-aware increase over the bucket, not extrapolated */
    PHX_LAST,     /**< gauge: last sample of the bucket */
    PHX_MAX       /**< gauge: largest sample of the bucket */
};
/** What the host compares over (host, bucket) pairs; C candidate, B baseline. */
enum {
    PHX_LOG_RATIO = 1, /**< geometric mean of C/B */
    PHX_TOTAL,         /**< sum(C)/sum(B): money, fleet totals */
    PHX_DIFF,          /**< mean of C - B */
    PHX_EVENT          /**< value of weight trials succeeded; the candidate's share */
};
enum { PHX_LOWER_IS_BETTER = 1, PHX_HIGHER_IS_BETTER = 2 };

typedef struct phx_kpi_input {
    uint32_t size, reduce;      /**< PHX_MEAN ... */
    const char *name, *unit;    /**< a measure the agent samples; unit in UCUM: "1/s", "By" */
} phx_kpi_input;

/** The cells of one host and one arm. Missing buckets are left out of the window, never NaN. */
typedef struct phx_kpi_window {
    uint32_t size, n_inputs;
    uint64_t n;              /**< buckets in this window */
    uint64_t bucket_ns;      /**< width of a bucket */
    const phx_wall *t;       /**< start of each bucket, ascending */
    const double *const *in; /**< in[input][bucket], inputs in the order of ops->inputs */
} phx_kpi_window;

typedef struct phx_kpi_out {
    uint32_t size, zero;
    /** Cell `i` of the window: the quantity, and for PHX_EVENT its number of trials (else 1). Cells
     *  that are not reported have no information, which is not the same as zero. */
    phx_status (*cell)(const struct phx_kpi_out *, uint64_t i, double value, double weight);
} phx_kpi_out;

typedef struct phx_kpi_ops { /* create, cells, destroy: [work] */
    uint32_t size, flags;
    uint32_t estimand, better;
    const char *unit;                   /**< unit of the quantity, UCUM */
    const phx_kpi_input *const *inputs; /**< array of pointers: elements may grow; NULL ends it */
    phx_status (*cells)(phx_self *, const phx_kpi_window *, const phx_kpi_out *);
} phx_kpi_ops;

/* ---------------------------------------------------------------------------- load profiles */
#define PHX_LOAD "phoenix.load/1" /**< lives in its own process, under limits; one thread */
typedef struct phx_load_budget {
    uint32_t size, zero;
    uint64_t max_rate, max_total, max_bytes, max_mem, cpu_milli, seed; /**< enforced outside too */
    phx_mono deadline;
} phx_load_budget;
typedef struct phx_point { /* frozen */
    phx_wall t;
    double v;
    const phx_kv *labels;
    size_t n_labels;
    phx_str name;
} phx_point;
typedef struct phx_load_out {
    uint32_t size, zero;
    /** PHX_E_LIMIT: the budget is spent, stop. */
    phx_status (*points)(const struct phx_load_out *, const phx_point *, size_t n);
} phx_load_out;
enum { PHX_LOAD_SPAWNS = 1 }; /**< flag: the profile starts child processes of its own */
/** How much a load shall do from now on. Absolute: not on top of the change before. */
typedef struct phx_load_change {
    uint32_t size, zero;
    double factor; /**< times what its own schedule says; 0: nothing for now */
    double rate;   /**< above 0: units a second instead, whatever its schedule says */
} phx_load_change;
typedef struct phx_load_ops {
    uint32_t size, flags;
    phx_status (*start)(phx_self *, const phx_load_budget *);
    /** The host sets the pace: produce at most `quota`, say in `done` how much it was and in
     *  `next_ns` when (from now) the next call is wanted. */
    phx_status (*step)(phx_self *, uint64_t elapsed_ns, uint64_t quota, const phx_load_out *,
                       uint64_t *done, uint64_t *next_ns);
    void (*stop)(phx_self *); /**< has the grace time, then the process is killed */
    /** Optional: what the profile's own schedule has called for so far, delivered or not. Without it the
     *  load offered counts as delivered. */
    uint64_t (*due)(phx_self *);
    /** Optional: change the load while it runs. `elapsed_ns` is that of the last step. PHX_E_UNSUPPORTED:
     *  it cannot do this change; PHX_E_INVAL: not so much of it. A failed change changes nothing. */
    phx_status (*adjust)(phx_self *, uint64_t elapsed_ns, const phx_load_change *);
    /** Optional, also after stop(): figures of the profile's own, as numbers; all are totals but the
     *  rate. Words: "rejected" (by the other side), "failed" (it could not be reached, or did not
     *  answer), "late" (not even tried in time), "rate" (units a second, now), "reason" (text: why the
     *  last was not delivered). */
    void (*tell)(phx_self *, const phx_sink *out);
    /** Optional, once after stop(): what was delivered and no step has said yet, because answers were
     *  on their way; within the last quota. */
    uint64_t (*rest)(phx_self *);
} phx_load_ops;

/* ------------------------------------------------------------------------ collector backends */
#define PHX_COLLECTOR "phoenix.collector/1" /**< pure; the host forks, signals, probes and kills */
enum { PHX_UP, PHX_STARTING, PHX_DEGRADED, PHX_DOWN };
typedef struct phx_collector_ops { /* [work]; pipeline, deploy and seen are documented JSON */
    uint32_t size, flags;
    /** Pipeline document to config files. Words: "file" (name, text), "warning" (path, text). */
    phx_status (*render)(phx_self *, phx_str pipeline, const phx_sink *out);
    /** Config text to diagnostics. Words: "error", "warning" (key "line:column", value text). */
    phx_status (*check)(phx_self *, phx_str config, const phx_sink *out);
    /** Deploy document to a launch plan. Words: "file" (name, text), "program" (a name or a path: those
     *  that will do, best first), "arg", "env" (name, value), "secret" (name of the variable, name of the
     *  secret), "verify-arg", "ready" (kind, url), "metrics" (name, url), "otlp" ("http", url), "rank"
     *  (JSON), "stop-signal", "limit.memory". */
    phx_status (*launch)(phx_self *, phx_str deploy, const phx_sink *out);
    /** Two deploy documents to a change plan: "file" then one of "signal" "http" "restart". */
    phx_status (*reload)(phx_self *, phx_str old_deploy, phx_str deploy, const phx_sink *out);
    /** What the supervisor saw to a state. Words: "reason". */
    phx_status (*health)(phx_self *, phx_str seen, const phx_sink *out, uint32_t *state);
} phx_collector_ops;

/* --------------------------------------------------------------------------- storage drivers
 * A driver knows collections of typed records, not experiments; the core knows no SQL.
 * 1. submit never blocks; it ends in exactly one done(), at any time, from any thread.
 * 2. The host never delivers a completion re-entrantly: done() queues, the loop takes it next.
 * 3. req and all it points to stay valid until done(). No driver copies a request.
 * 4. row() copies; between the first row and done, rows of one op come from one thread at a time.
 * 5. cancel is a wish; done still comes.
 * 6. Ops are independent and may finish in any order; what must be atomic goes into one BATCH.
 *    A driver may merge independent ops into one transaction, if each still fails alone.
 * 7. done(PHX_OK) of a write means: committed, and seen by every op that is submitted after it.
 * 8. A revision grows whenever its record changes, and is not used again when the record is deleted
 *    and made anew. Rows of an append-only collection have none: theirs is 1.
 * 9. Texts are UTF-8 without NUL, compared bytewise; reals are finite. A null matches PHX_IS_NULL and
 *    no other condition, sorts first, and plus anything is null. JSON is kept as it came and is neither
 *    compared nor sorted. What is not so is PHX_E_INVAL; phoenix/storage.h checks it for drivers.
 * 10. Times are whole microseconds (in ns); the host sees to that. */
#define PHX_STORAGE "phoenix.storage/1"
enum {
    PHX_ENSURE = 1, /**< declare `collection`; idempotent; adds columns and indexes it lacks */
    PHX_PING,       /**< is the store there and writable */
    PHX_GET,        /**< the record whose key is cells[0..n_key); NOTFOUND if none */
    PHX_PUT,        /**< insert or replace cells[]; if_rev: 0 any, PHX_REV_NEW must not exist, else
                         the stored revision: CONFLICT if it is not. Append-only: several rows at
                         once, and a row whose key is there already stays as it was, uncounted */
    PHX_DELETE,     /**< by key (n_cells = n_key) with if_rev, or by conds: as many as match, in
                         order, at most limit. No such record is fine, but CONFLICT with if_rev.
                         Retention (append-only, time_field a part of the key and PHX_LT some time,
                         no other condition): may take more than limit, and then estimate `n` */
    PHX_SCAN,       /**< rows that match conds, in order (then by key), at most limit */
    PHX_UPDATE,     /**< apply sets to rows that match conds, in order, at most limit, each row to
                         one caller only (skip what others hold); answers the rows as changed.
                         if_rev: only the row with that revision; CONFLICT if there is none */
    PHX_BATCH       /**< batch[]: PUT, DELETE, UPDATE of any collections, all or nothing, in this
                         order; answers no rows; PHX_RELAXED is the batch's, not the members' */
};
#define PHX_REV_NEW UINT64_MAX
/** Field types. A null cell has type 0. */
enum { PHX_TEXT = 1, PHX_INT, PHX_REAL, PHX_BOOL, PHX_TIME, PHX_JSON, PHX_BYTES };
/** One typed value: PHX_INT, PHX_BOOL, PHX_TIME in i; PHX_REAL in r; the rest in s. Frozen. */
typedef struct phx_cell {
    uint32_t type, zero;
    int64_t i;
    double r;
    phx_str s;
} phx_cell;
enum { PHX_EQ = 1, PHX_NE, PHX_LT, PHX_LE, PHX_GT, PHX_GE, PHX_IN, PHX_IS_NULL, PHX_NOT_NULL };
/** field OP cell; PHX_IN takes `cell` as the first of n_cells in a row. Frozen. */
typedef struct phx_cond {
    uint32_t field, op, n_cells, zero; /* field: position in the collection */
    const phx_cell *cell;
} phx_cond;
enum { PHX_SET = 1, PHX_ADD };
typedef struct phx_set { /* frozen; PHX_ADD for PHX_INT only */
    uint32_t field, op;
    phx_cell cell;
} phx_set;
enum { PHX_F_NOT_NULL = 1 };
typedef struct phx_field { /* frozen */
    const char *name;
    uint32_t type, flags;
} phx_field;
/** An index: fields by position, n of them; a negative number -(p+1) means descending. Frozen. */
typedef struct phx_index {
    const char *name;
    const int32_t *fields;
    uint32_t n, n_where;    /* partial index: only rows that match where[] */
    const phx_cond *where;
} phx_index;
enum { PHX_C_APPEND = 1 }; /**< rows are never changed; retention by `time_field` */
typedef struct phx_collection {
    uint32_t size, flags;
    const char *name;
    uint32_t n_fields, n_key; /**< the first n_key fields are the primary key */
    const phx_field *fields;
    uint32_t n_indexes, time_field; /* time_field: UINT32_MAX: none */
    const phx_index *indexes;
    /** NULL, or the name of a view for people, if the store has views: each PHX_REAL value that is not
     *  null becomes a row of its own: id, the key's fields with time_field as "timestamp", metric_name,
     *  value, labels (an empty JSON object). */
    const char *view;
} phx_collection;
/** Flags of a request. */
enum {
    PHX_RELAXED = 1,  /**< may be lost with the last second before a power failure */
    PHX_DISTINCT = 2, /**< SCAN: the fields named by `order` only, each combination once */
    PHX_NO_ROWS = 4   /**< UPDATE: do not answer the rows, only how many (see done); faster */
};
typedef struct phx_req { /* lent until done: no need to copy */
    uint32_t size, code, flags, n_batch;
    uint64_t if_rev, limit; /**< limit 0: none */
    phx_mono deadline;
    const phx_collection *collection;
    const phx_cell *cells;
    const phx_cond *conds;
    const phx_set *sets;
    const int32_t *order; /**< field positions, negative as in phx_index */
    uint32_t n_cells, n_conds, n_sets, n_order;
    const struct phx_req *const *batch;
    uint64_t per_key; /**< UPDATE: at most so many rows for each value of the first PHX_IN */
    /** GET, SCAN, UPDATE: answer these fields only, ascending; the other cells of a row are null.
     *  n_only 0: all. */
    const uint32_t *only;
    uint64_t n_only;
} phx_req;
typedef struct phx_op phx_op;
typedef struct phx_reply {
    uint32_t size, zero;
    /** [any] copies; cells in the order of the collection's fields. Non-zero: stop, then done. */
    phx_status (*row)(phx_op *, const phx_cell *cells, uint32_t n, uint64_t rev);
    /** [any] exactly once, even inside submit. `n`: rows written, changed or deleted. A failed
     *  member of a BATCH is named in `n` by its position. */
    void (*done)(phx_op *, phx_status, uint64_t n, phx_str why);
} phx_reply;
struct phx_op { /* frozen; the host's own struct starts with it */
    const phx_reply *reply;
};
typedef struct phx_storage_ops { /* all [loop]; must not block */
    uint32_t size, max_inflight; /**< 0: as many as the host likes */
    void (*open)(phx_self *, phx_op *);
    void (*submit)(phx_self *, phx_op *, const phx_req *);
    void (*cancel)(phx_self *, phx_op *); /**< a wish: done() must still come, once */
    void (*close)(phx_self *, phx_op *);  /**< no op is in flight any more; also after a failed open */
} phx_storage_ops;

/** Optional extension of a storage component, for stores that several processes share. A signal says
 *  "somebody changed `key` of `topic`, look again". It is a hint: it carries no data, may come late or
 *  twice, and equal ones are merged. What cannot be told one by one becomes a resync.
 *  Without this extension the host takes itself for the store's only process. */
#define PHX_STORAGE_WATCH "phoenix.storage.watch/1"
enum { PHX_SIGNAL_MAX = 200 }; /**< bytes of a topic and a key together; both are printable ASCII */
typedef struct phx_storage_watcher { /* the host's; lives until close is done */
    uint32_t size, zero;
    void *ctx;
    void (*changed)(void *ctx, phx_str topic, phx_str key); /**< [loop] from another instance */
    void (*resync)(void *ctx); /**< [loop] signals may be lost: look at everything; also after open */
} phx_storage_watcher;
typedef struct phx_storage_watch_ops { /* both [loop]; neither calls the watcher before it returns */
    uint32_t size, zero;
    void (*watch)(phx_self *, const phx_storage_watcher *);   /**< once, before open */
    void (*signal)(phx_self *, phx_str topic, phx_str key);   /**< to all instances but this one */
} phx_storage_watch_ops;

/* ------------------------------------------------------------------------------ entry symbol */
typedef struct phx_component {
    uint32_t size, flags;
    const char *kind, *name, *summary; /**< PHX_KPI, "cost", one line */
    const char *schema;                /**< JSON Schema of the config table; NULL: takes none */
    const void *ops;                   /**< phx_kpi_ops and so on, by kind */
    phx_status (*create)(const phx_host *, const phx_cfg *, phx_self **); /**< NULL: no state */
    void (*destroy)(phx_self *);
    const void *(*extension)(const char *id); /**< optional extras by id, or NULL */
    const char *const *needs; /**< ids create() cannot do without: refused early, by name */
} phx_component;
typedef struct phx_plugin {
    uint32_t size, minor_built, minor_needed, flags;
    const char *id, *version, *summary;     /**< "org.example.phoenix-cost", "1.0.2", one line */
    const char *license, *vendor;           /**< SPDX expression; who ships it */
    const char *homepage, *source, *revision; /**< where the source is, and which commit */
    const phx_component *const *components; /**< NULL ends it */
} phx_plugin;

#ifdef PHX_STATIC_NAME /* linked into a test or fuzz binary instead of loaded */
#define PHX_CAT_(a, b) a##b
#define PHX_CAT(a, b) PHX_CAT_(a, b)
#define PHX_ENTRY PHX_CAT(phoenix_plugin_v1_, PHX_STATIC_NAME)
#else
#define PHX_ENTRY phoenix_plugin_v1
#endif
extern __attribute__((visibility("default"))) const phx_plugin PHX_ENTRY;
#define PHX_PLUGIN const phx_plugin PHX_ENTRY
#define PHX_PLUGIN_HEAD .size = sizeof(phx_plugin), .minor_built = PHX_ABI_MINOR
#define PHX_LIT(s) ((phx_str){ "" s, sizeof(s) - 1 })

#ifdef __cplusplus
}
#endif
#endif
