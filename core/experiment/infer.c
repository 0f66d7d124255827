/* SPDX-License-Identifier: Apache-2.0 */
/* The effect of the candidate and how sure we are of it.
 *
 * Two errors are kept apart. *When*: the hosts that were watched might have looked different at another
 * time; that part comes from batch means of the fleet's time series, by a confidence sequence, so one
 * may look as often as one likes. *Which*: other hosts may differ from these; that part is a t interval
 * over hosts. Half-widths are added. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/mem.h"
#include "phoenix/stat.h"

#define PRIOR 1.0              /* g of the t-mixture */
#define RATIO_RESOLUTION 0.001 /* of figures that are not counts */
#define RANGES 3               /* times the outermost bucket, where the memory is too long for statistics */
#define DRIFT_P 0.001
#define BATCHES_MAX 1000000

const char *const flag__names[FLAG_COUNT] = { "deterministic", "coarse",         "skewed",
                                              "skew_conflict", "drift",          "dominated",
                                              "zeros",         "hosts_left_out", "range" };

struct band_facts band_facts__of(const struct analysis_spec *spec)
{
    return (struct band_facts){ .scope = spec->scope,
                                .fleet_size = spec->fleet_size,
                                .min_batches = (size_t)spec->min_batches };
}

/* One effect being worked out. A host that is out has skip set; a bucket is used if it is before `end`. */
struct work {
    const struct cells *c;
    const struct series *s;
    struct effect *e;
    bool *skip;       /* per host */
    bool any_pair;    /* of any host */
    double *per_host; /* effect of each host */
    size_t *bucket;   /* buckets that have a pair, in time */
    double *fleet;    /* their values: the fleet series */
    size_t n_fleet, used;
    double *batch;
};

static bool pair_at(const struct work *w, size_t h, size_t b, double *ret_b, double *ret_c)
{
    size_t at = h * w->c->grid.n + b;
    *ret_b = w->s->value[ARM_BASELINE][at];
    *ret_c = w->s->value[ARM_CANDIDATE][at];
    return !w->skip[h] && !isnan(*ret_b) && !isnan(*ret_c);
}

static int unknown(struct effect *e, const char *why)
{
    snprintf(e->why, sizeof e->why, "%s", why);
    return -1;
}

/* ---- which pairs take part */

/* A host that is there less than half of the time would say more about when it was there. */
static void hosts_choose(struct work *w)
{
    size_t nb = w->c->grid.n;
    for (size_t h = 0; h < w->c->n_hosts; h++) {
        size_t n = 0;
        double b, k;
        for (size_t i = 0; i < nb; i++) n += pair_at(w, h, i, &b, &k);
        w->any_pair = w->any_pair || n > 0;
        w->skip[h] = n == 0 || 2 * n < nb;
        if (w->skip[h]) w->e->flags |= FLAG_HOSTS_LEFT_OUT;
        else w->e->n_hosts++;
    }
}

static void buckets_choose(struct work *w)
{
    double b, k;
    for (size_t i = 0; i < w->c->grid.n; i++)
        for (size_t h = 0; h < w->c->n_hosts; h++)
            if (pair_at(w, h, i, &b, &k)) {
                w->bucket[w->n_fleet++] = i;
                break;
            }
    w->used = w->n_fleet;
}

/* A ratio of cells needs both to be above zero. Leaving out those that are not would favour one arm,
 * so the sums are compared instead. */
static uint32_t estimand_for(const struct work *w, uint32_t wanted)
{
    double b, k;
    if (wanted != PHX_LOG_RATIO) return wanted;
    for (size_t h = 0; h < w->c->n_hosts; h++)
        for (size_t i = 0; i < w->c->grid.n; i++)
            if (pair_at(w, h, i, &b, &k) && (b <= 0 || k <= 0)) {
                w->e->flags |= FLAG_ZEROS;
                return PHX_TOTAL;
            }
    return wanted;
}

/* ---- theta and the fleet series over the first w->used buckets */

static double pair_value(const struct work *w, double b, double k)
{
    return w->e->estimand == PHX_LOG_RATIO ? log(k / b) : k - b;
}

/* Mean of host means; each host is centred on its own mean, so one that drops out moves nothing. */
static int fill_means(struct work *w)
{
    double b, k;
    phx_sum theta = { 0, 0 };
    size_t hosts = 0;
    for (size_t h = 0; h < w->c->n_hosts; h++) {
        phx_sum sum = { 0, 0 };
        size_t n = 0;
        for (size_t i = 0; i < w->used; i++)
            if (pair_at(w, h, w->bucket[i], &b, &k)) {
                phx_sum_add(&sum, pair_value(w, b, k));
                n++;
            }
        w->per_host[h] = n ? phx_sum_value(&sum) / (double)n : NAN;
        if (n == 0) continue;
        phx_sum_add(&theta, w->per_host[h]);
        hosts++;
    }
    w->e->theta = phx_sum_value(&theta) / (double)hosts;
    for (size_t i = 0; i < w->n_fleet; i++) {
        phx_sum sum = { 0, 0 };
        size_t n = 0;
        for (size_t h = 0; h < w->c->n_hosts; h++)
            if (pair_at(w, h, w->bucket[i], &b, &k) && !isnan(w->per_host[h])) {
                phx_sum_add(&sum, pair_value(w, b, k) - w->per_host[h]);
                n++;
            }
        w->fleet[i] = w->e->theta + (n ? phx_sum_value(&sum) / (double)n : 0);
    }
    return 0;
}

static void host_sums(const struct work *w, size_t h, double *ret_b, double *ret_c)
{
    double b, k;
    phx_sum sb = { 0, 0 }, sc = { 0, 0 };
    for (size_t i = 0; i < w->used; i++)
        if (pair_at(w, h, w->bucket[i], &b, &k)) {
            phx_sum_add(&sb, b);
            phx_sum_add(&sc, k);
        }
    *ret_b = phx_sum_value(&sb);
    *ret_c = phx_sum_value(&sc);
}

/* ln of the ratio of sums; hosts and buckets by their linear parts (Deng, Knoblich, Lu 2018). */
static int fill_total(struct work *w)
{
    double b, k, hb, hc;
    phx_sum sb = { 0, 0 }, sc = { 0, 0 };
    for (size_t h = 0; h < w->c->n_hosts; h++) {
        if (w->skip[h]) continue;
        host_sums(w, h, &hb, &hc);
        phx_sum_add(&sb, hb);
        phx_sum_add(&sc, hc);
    }
    double total_b = phx_sum_value(&sb), total_c = phx_sum_value(&sc), r = total_c / total_b;
    if (!(total_b > 0)) return unknown(w->e, "the baseline sums to zero: there is no ratio to it");
    if (!(total_c > 0))
        return unknown(
            w->e,
            "the candidate sums to zero: that is a dead pipeline or a broken measurement, not a reduction");
    w->e->theta = log(r);
    for (size_t h = 0; h < w->c->n_hosts; h++) {
        if (w->skip[h]) continue;
        host_sums(w, h, &hb, &hc);
        w->per_host[h] = (hc - r * hb) / (total_b / (double)w->e->n_hosts) / r;
    }
    double per_bucket = total_b / (double)w->used;
    for (size_t i = 0; i < w->n_fleet; i++) {
        phx_sum z = { 0, 0 };
        for (size_t h = 0; h < w->c->n_hosts; h++)
            if (pair_at(w, h, w->bucket[i], &b, &k)) phx_sum_add(&z, k - r * b);
        w->fleet[i] = w->e->theta + phx_sum_value(&z) / per_bucket / r;
    }
    return 0;
}

static int fill(struct work *w)
{
    return w->e->estimand == PHX_TOTAL ? fill_total(w) : fill_means(w);
}

/* ---- spread over time and over hosts */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double skewness(const double *x, size_t n, double mean, double s)
{
    phx_sum cube = { 0, 0 };
    for (size_t i = 0; i < n; i++) phx_sum_add(&cube, pow((x[i] - mean) / s, 3));
    return phx_sum_value(&cube) / (double)n;
}

static size_t distinct(const double *x, size_t n, double scale)
{
    double *sorted = mem_calloc(n + 1, sizeof *sorted);
    size_t k = n > 0;
    for (size_t i = 0; i < n; i++) sorted[i] = x[i];
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 1; i < n; i++) k += sorted[i] - sorted[i - 1] > 1e-12 * scale;
    free(sorted);
    return k;
}

static void flags_of_batches(struct work *w)
{
    struct effect *e = w->e;
    size_t n = e->n_batches, half = n / 2, up = 0, moved = 0;
    double scale = fmax(1, fabs(e->theta));
    phx_moments part[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    for (size_t i = 0; i < n; i++) {
        phx_moments_add(&part[i >= half], w->batch[i]);
        up += w->batch[i] > 0;
        moved += w->batch[i] != 0;
    }
    e->late = part[1].mean;
    if (!(e->s > 1e-12 * scale)) {
        e->s = 0;
        e->flags |= FLAG_DETERMINISTIC;
        return;
    }
    if (distinct(w->batch, n, scale) < 5) e->flags |= FLAG_COARSE;
    if (n < 30 && fabs(skewness(w->batch, n, e->mean, e->s)) > 1) e->flags |= FLAG_SKEWED;
    double p = phx_welch(&part[0], &part[1], NULL, NULL);
    double apart = fabs(part[0].mean - part[1].mean);
    if (n >= 4 && (p < DRIFT_P || (isnan(p) && apart > 0))) e->flags |= FLAG_DRIFT;
    if (e->estimand == PHX_TOTAL || moved == 0) return;
    bool other_way = (e->theta < 0) == (2 * up > moved);
    if (other_way && phx_sign_ln_e((double)up, (double)moved) >= log(20)) e->flags |= FLAG_SKEW_CONFLICT;
}

/* What the figures themselves cannot resolve: half a count, or a tenth of a percent. */
static void resolution_find(struct work *w)
{
    size_t n = 0;
    bool counts = true;
    double b, k, *v = mem_calloc(2 * w->used * w->c->n_hosts + 1, sizeof *v);
    for (size_t h = 0; h < w->c->n_hosts; h++)
        for (size_t i = 0; i < w->used; i++)
            if (pair_at(w, h, w->bucket[i], &b, &k)) {
                v[n++] = fabs(b);
                v[n++] = fabs(k);
                counts = counts && b == floor(b) && k == floor(k);
            }
    qsort(v, n, sizeof *v, by_value);
    double median = n ? v[n / 2] : 0;
    free(v);
    double least = counts && median > 0 ? 1 / (2 * median) : RATIO_RESOLUTION;
    if (w->e->estimand == PHX_DIFF) least = counts ? 0.5 : RATIO_RESOLUTION * median;
    w->e->floor = fmax(w->e->floor, least);
}

static void batches_make(struct work *w)
{
    struct effect *e = w->e;
    size_t n = e->n_batches, length = e->batch_buckets;
    if (n < 2) return;
    for (size_t i = 0; i < n; i++) w->batch[i] = phx_mean(w->fleet + i * length, length);
    e->mean = phx_mean(w->batch, n);
    e->s = sqrt(phx_var(w->batch, n));
    flags_of_batches(w);
    resolution_find(w);
}

/* The jackknife as a cross-check of the linear parts: far apart, one host carries the sum. */
static void find_dominant(struct work *w)
{
    size_t n = w->e->n_hosts, worst = 0;
    double total_b = 0, total_c = 0, hb, hc, most = -1;
    if (w->e->estimand != PHX_TOTAL || n < 3) return;
    for (size_t h = 0; h < w->c->n_hosts; h++) {
        if (w->skip[h]) continue;
        host_sums(w, h, &hb, &hc);
        total_b += hb;
        total_c += hc;
    }
    phx_moments without = { 0, 0, 0 };
    for (size_t h = 0; h < w->c->n_hosts; h++) {
        if (w->skip[h]) continue;
        host_sums(w, h, &hb, &hc);
        double theta = log((total_c - hc) / (total_b - hb));
        phx_moments_add(&without, theta);
        if (fabs(theta - w->e->theta) > most) {
            most = fabs(theta - w->e->theta);
            worst = h;
        }
    }
    double jack = without.m2 * (double)(n - 1) / (double)n,
           linear = w->e->s_hosts * w->e->s_hosts / (double)n;
    if (isfinite(jack) && fabs(jack - linear) <= 0.3 * linear + 1e-18) return;
    w->e->flags |= FLAG_DOMINATED;
    snprintf(w->e->dominant, sizeof w->e->dominant, "%s", w->c->index.hosts[worst]);
}

static void hosts_spread(struct work *w)
{
    phx_moments m = { 0, 0, 0 };
    for (size_t h = 0; h < w->c->n_hosts; h++)
        if (!w->skip[h] && !isnan(w->per_host[h])) phx_moments_add(&m, w->per_host[h]);
    w->e->s_hosts = m.n >= 2 ? sqrt(phx_moments_var(&m)) : 0;
    find_dominant(w);
}

/* Mean of the cells; for totals the mean over time of the sum over hosts. */
static void levels_find(struct work *w)
{
    double pair[ARM_COUNT];
    phx_sum sum[ARM_COUNT] = { { 0, 0 }, { 0, 0 } };
    for (size_t h = 0; h < w->c->n_hosts; h++)
        for (size_t i = 0; i < w->used; i++) {
            if (!pair_at(w, h, w->bucket[i], &pair[0], &pair[1])) continue;
            w->e->n_pairs++;
            for (int arm = 0; arm < ARM_COUNT; arm++) phx_sum_add(&sum[arm], pair[arm]);
        }
    size_t over = w->e->estimand == PHX_TOTAL ? w->used : w->e->n_pairs;
    for (int arm = 0; arm < ARM_COUNT; arm++) w->e->level[arm] = phx_sum_value(&sum[arm]) / (double)over;
}

/* Too few batches for so long a memory: the host's own life shows in the figures, memory moves in steps.
 * An effect that stands far out of all that need not wait for a good estimate of it. Then the least
 * batches are taken, and theta may be off, to each side, by three times what the outermost bucket is:
 * more than a mean can be, unless the memory is many times longer than all that was seen. */
static void take_range(struct work *w, size_t min_batches)
{
    struct effect *e = w->e;
    if (e->n_batches >= min_batches || w->n_fleet / BATCH_LEAST < min_batches) return;
    for (size_t i = 0; i < w->n_fleet; i++) {
        e->reach[0] = fmax(e->reach[0], RANGES * (e->theta - w->fleet[i]));
        e->reach[1] = fmax(e->reach[1], RANGES * (w->fleet[i] - e->theta));
    }
    e->flags |= FLAG_RANGE;
    e->batch_buckets = BATCH_LEAST;
    e->n_batches = w->n_fleet / BATCH_LEAST;
}

static void work_out(struct work *w, uint32_t estimand, size_t min_batches)
{
    struct effect *e = w->e;
    hosts_choose(w);
    buckets_choose(w);
    if (w->n_fleet == 0) {
        unknown(e, w->any_pair ? "no host has at least half of its pairs of cells"
                               : "no data: no host has a time bucket in which both arms were measured");
        return;
    }
    e->estimand = estimand_for(w, estimand);
    if (fill(w)) return;
    e->batch_buckets = batch__length(w->fleet, w->n_fleet, &e->tau);
    e->n_batches = w->n_fleet / e->batch_buckets;
    take_range(w, min_batches);
    /* Buckets after the last whole batch wait for the next one, in all figures alike. */
    if (e->n_batches >= 2) w->used = e->n_batches * e->batch_buckets;
    if (w->used != w->n_fleet && fill(w)) return;
    e->n_buckets = w->used;
    batches_make(w);
    hosts_spread(w);
    levels_find(w);
}

void effect__compute(const struct cells *c, const struct series *s, uint32_t estimand, size_t min_batches,
                     struct effect *ret)
{
    *ret = (struct effect){ .estimand = estimand, .tau = 1 };
    if (s->why[0]) {
        unknown(ret, s->why);
        return;
    }
    size_t nh = c->n_hosts + 1, nb = c->grid.n + 1;
    double *real = mem_calloc(nh + 2 * nb, sizeof *real);
    struct work w = { .c = c,
                      .s = s,
                      .e = ret,
                      .skip = mem_calloc(nh, sizeof(bool)),
                      .bucket = mem_calloc(nb, sizeof(size_t)),
                      .per_host = real,
                      .fleet = real + nh,
                      .batch = real + nh + nb };
    work_out(&w, estimand, min_batches);
    free(w.bucket);
    free(w.skip);
    free(real);
}

/* ---- intervals */

/* Share of the fleet's spread that stays open: none when every host takes part. */
static double finite_fleet(const struct effect *e, const struct band_facts *f)
{
    if (f->fleet_size <= 0) return 1;
    return (int64_t)e->n_hosts >= f->fleet_size ? 0 : sqrt(1 - (double)e->n_hosts / (double)f->fleet_size);
}

static double time_half(const struct effect *e, size_t batches, double alpha)
{
    double half = phx_tmix_half((double)batches, e->s, PRIOR, 2 * alpha);
    return e->flags & (FLAG_DETERMINISTIC | FLAG_COARSE) ? fmax(half, e->floor) : half;
}

struct band effect__band(const struct effect *e, const struct band_facts *f, double alpha)
{
    struct band b = { INFINITY, INFINITY, INFINITY, 0 };
    if (e->why[0] || e->n_batches < f->min_batches) return b;
    double fpc = f->scope == SCOPE_FLEET ? finite_fleet(e, f) : 0;
    if (fpc > 0) {
        alpha /= 2;
        double n = (double)e->n_hosts;
        b.host = n < 2 ? INFINITY : phx_t_isf(alpha, n - 1) * e->s_hosts / sqrt(n) * fpc;
    }
    double half = time_half(e, e->n_batches, alpha);
    b.below = fmax(half, e->reach[0]) + b.host;
    b.above = fmax(half, e->reach[1]) + b.host;
    b.time = fmax(half, fmax(e->reach[0], e->reach[1]));
    return b;
}

size_t effect__batches_for(const struct effect *e, const struct band_facts *f, double alpha, double room)
{
    double fpc = f->scope == SCOPE_FLEET ? finite_fleet(e, f) : 0;
    if (fpc > 0) alpha /= 2;
    size_t lo = f->min_batches, hi = lo;
    while (hi < BATCHES_MAX && !(time_half(e, hi, alpha) <= room)) hi *= 2;
    if (hi >= BATCHES_MAX) return 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (time_half(e, mid, alpha) <= room) hi = mid;
        else lo = mid + 1;
    }
    return hi;
}

double effect__ln_e(const struct effect *e)
{
    double s = e->s;
    if (e->n_batches < 2 || e->why[0]) return 0;
    if (e->flags & (FLAG_DETERMINISTIC | FLAG_RANGE))
        s = fmax(s, fmax(e->floor, fmax(e->reach[0], e->reach[1]))); /* as if it varied by that */
    return s > 0 ? phx_tmix_ln_e((double)e->n_batches, e->theta, s, 0, PRIOR) : 0;
}
