/* SPDX-License-Identifier: Apache-2.0 */
/** @file analysis_priv.h
 * Between the files of the analysis: samples.c, cells.c, infer.c, event.c, parity.c, judge.c, result.c.
 */
#ifndef PHOENIX_EXPERIMENT_ANALYSIS_PRIV_H
#define PHOENIX_EXPERIMENT_ANALYSIS_PRIV_H
#include "core/experiment/analysis.h"

/** A bucket counts when this share of its samples is there. */
#define CELL_COVERAGE 0.8

/* ------------------------------------------------------------------------------- samples.c */
/** The samples of one host and arm: order[first .. first + n), by time, no time twice. */
struct run {
    size_t first, n;
};
struct sample_index {
    size_t n_hosts;
    const char **hosts; /**< by name; borrowed from the samples */
    const struct sample **order;
    struct run (*runs)[ARM_COUNT]; /**< per host */
};
/** Leaves out what lies a bucket or more outside the span, or has no known arm or answered no scrape. */
void sample_index__init(struct sample_index *ix, const struct analysis_input *in);
void sample_index__done(struct sample_index *ix);
/**
 * The value of each bucket from one measure of one run. @p out holds n_buckets values, NAN where too
 * few samples were there.
 */
struct bucket_grid {
    int64_t first_ns, width_ns;
    size_t n;
    double expected; /**< samples in a full bucket */
};
void run__reduce(const struct sample *const *samples, size_t n, unsigned measure, uint32_t reduce,
                 const struct bucket_grid *grid, double *out);

/* --------------------------------------------------------------------------------- cells.c */
enum cell_state { CELL_OK, CELL_MISSING, CELL_THIN, CELL_RESTART, CELL_NO_VALUE, CELL_STATE_COUNT };
/** The cells of one KPI; index host * n_buckets + bucket. */
struct series {
    double *value[ARM_COUNT];  /**< NAN: none */
    double *weight[ARM_COUNT]; /**< events: trials; OTLP: bytes offered; else NULL */
    char why[160];             /**< why there are none; "" if nothing was wrong */
};
/** What must be the same in both arms. */
enum parity_kind { PARITY_POINTS, PARITY_OTLP, PARITY_COUNT };
struct cells {
    struct sample_index index;
    struct bucket_grid grid;
    size_t n_hosts;       /**< with samples */
    size_t n_absent;      /**< hosts of the experiment without any sample */
    uint8_t *state[ARM_COUNT];
    struct series *series; /**< one per KPI, then one per parity_kind */
    size_t n_series;
};
int cells__make(const struct analysis_input *in, struct cells *ret, struct err *err);
void cells__done(struct cells *c);
/** Pairs that were dropped, by reason and by whose fault it was (ARM_COUNT: both arms'). */
struct drops {
    size_t n[CELL_STATE_COUNT][ARM_COUNT + 1];
    size_t valid, possible;
};
void series__drops(const struct cells *c, const struct series *s, struct drops *ret);
/** "missing_candidate" and so on. @p out holds 32 bytes. */
const char *drop__name(enum cell_state state, unsigned who, char out[32]);

/* --------------------------------------------------------------------------------- infer.c */
enum {
    FLAG_DETERMINISTIC = 1, /**< nothing varied: the width is the resolution */
    FLAG_COARSE = 2,        /**< fewer than five distinct batch values */
    FLAG_SKEWED = 4,
    FLAG_SKEW_CONFLICT = 8, /**< most batches go the other way than their mean */
    FLAG_DRIFT = 16,        /**< first and second half differ */
    FLAG_DOMINATED = 32,    /**< one host carries the total */
    FLAG_ZEROS = 64,        /**< cells of zero: compared by sums instead of by ratios of cells */
    FLAG_HOSTS_LEFT_OUT = 128, /**< hosts with less than half of their pairs */
    FLAG_RANGE = 256,          /**< too long a memory: the width comes from the range of the buckets */
    FLAG_COUNT = 9
};
extern const char *const flag__names[FLAG_COUNT];
/** The effect of the candidate on one quantity. theta is ln(C/B) for ratios, C - B for differences. */
struct effect {
    uint32_t estimand; /**< as computed: FLAG_ZEROS turns a log ratio into a total */
    char why[160];     /**< unknown because; "": known */
    double theta, level[ARM_COUNT];
    size_t n_pairs, n_hosts, n_buckets;
    size_t batch_buckets, n_batches;
    double tau;
    double s, s_hosts; /**< sd of batch means; sd of host effects (for totals: of their linear parts) */
    double floor;      /**< least half-width that the resolution of the figures allows */
    double reach[2];   /**< FLAG_RANGE: least half-width below and above theta */
    double late;       /**< theta of the second half of the batches */
    double mean;       /**< of batches, relative to theta */
    unsigned flags;
    char dominant[64]; /**< host, with FLAG_DOMINATED */
};
void effect__compute(const struct cells *c, const struct series *s, uint32_t estimand, size_t min_batches,
                     struct effect *ret);
/** What an interval leans on beside the effect. */
struct band_facts {
    enum scope scope;
    int64_t fleet_size; /**< 0: endless */
    size_t min_batches;
};
/** An interval at one-sided risk @p alpha, from theta - below to theta + above, and its parts (`time` the
 *  wider side's). Infinite: not enough batches or hosts. */
struct band {
    double below, above, time, host;
};
struct band effect__band(const struct effect *e, const struct band_facts *f, double alpha);
/** ln e-value against "no effect". */
double effect__ln_e(const struct effect *e);
#define BATCH_LEAST 4
/** Batch length in buckets: four autocorrelation times, never shrinking as the series grows. */
size_t batch__length(const double *x, size_t n, double *ret_tau);
/** Batches at which the half-width of the time part comes below @p room; 0: never. */
size_t effect__batches_for(const struct effect *e, const struct band_facts *f, double alpha, double room);

/* --------------------------------------------------------------------------------- event.c */
struct event_effect {
    double trials[ARM_COUNT], successes[ARM_COUNT];
    size_t n_hosts, n_buckets;
    char why[160];
};
void event__compute(const struct cells *c, const struct series *s, struct event_effect *ret);

/* --------------------------------------------------------------------------------- judge.c */
enum criterion_state { CRITERION_OPEN, CRITERION_MET, CRITERION_FAILED, CRITERION_UNKNOWN };
struct kpi_result {
    const struct kpi_def *def;
    const struct series *series;
    struct effect effect;      /**< not for events */
    struct event_effect event; /**< events only */
    struct drops drops;
};
struct judgement {
    enum criterion_state state;
    bool weak_promote; /**< met, but drift or skew forbid to promote on it */
    char text[320];
};
struct parity {
    struct effect effect;
    bool is_broken;
    char text[200]; /**< a sentence; "": there is no such input */
};
struct look {
    const struct analysis_input *in;
    const struct cells *cells;
    struct kpi_result *kpis;
    struct parity parity[PARITY_COUNT];
    struct judgement *judgements; /**< one per criterion */
    enum evidence evidence;
    char evidence_text[64];
    double coverage; /**< valid pairs / possible pairs */
    int64_t elapsed_ns;
};
struct band_facts band_facts__of(const struct analysis_spec *spec);
void look__judge(struct look *l);
/** @p reasons gets a sentence each. */
void look__decide(const struct look *l, struct verdict *ret, struct json *reasons);

/* -------------------------------------------------------------------------------- parity.c */
void look__check_parity(struct look *l);

/* -------------------------------------------------------------------------------- result.c */
struct json *look__result(const struct look *l, const struct verdict *v, struct json *reasons);
const char *evidence__name(enum evidence e);
const char *rule__name(enum rule r);
const char *estimand__name(uint32_t estimand);
#endif
