/* SPDX-License-Identifier: Apache-2.0 */
/* Samples in any order become runs (one host, one arm, by time), and runs become one value a bucket. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
/* uthash's own default falls through its cases without saying so, which clang refuses. */
#define HASH_FUNCTION(key, n, hash) HASH_FNV(key, n, hash)
#include <uthash.h>
#include "core/base/mem.h"

struct host_entry {
    const char *name;
    size_t rank, n[ARM_COUNT];
    UT_hash_handle hh;
};

static bool sample_counts(const struct analysis_input *in, const struct sample *s)
{
    if (!s->host_id || !s->v || s->arm < 0 || s->arm >= ARM_COUNT) return false;
    if (s->v[MEASURE_UP] == 0) return false;
    int64_t edge = in->spec->bucket_ns;
    return s->ts_ns >= in->from_ns - edge && s->ts_ns <= in->to_ns + edge;
}

static int by_entry_name(const void *a, const void *b)
{
    return strcmp((*(struct host_entry *const *)a)->name, (*(struct host_entry *const *)b)->name);
}

static int by_time(const void *a, const void *b)
{
    const struct sample *x = *(const struct sample *const *)a, *y = *(const struct sample *const *)b;
    if (x->ts_ns != y->ts_ns) return x->ts_ns < y->ts_ns ? -1 : 1;
    return x < y ? -1 : x > y; /* of repeated ones the first counts, whatever qsort does */
}

/* Count per host and arm; owner[i] is the host of sample i, NULL: it does not count. */
static struct host_entry *count_hosts(const struct analysis_input *in, struct host_entry **owner)
{
    struct host_entry *table = NULL, *e = NULL;
    for (size_t i = 0; i < in->n_samples; i++) {
        const struct sample *s = &in->samples[i];
        if (!sample_counts(in, s)) continue;
        if (!e || strcmp(e->name, s->host_id) != 0) { /* neighbours are mostly of one host */
            HASH_FIND_STR(table, s->host_id, e);
            if (!e) {
                e = mem_alloc(sizeof *e);
                e->name = s->host_id;
                HASH_ADD_KEYPTR(hh, table, e->name, strlen(e->name), e);
            }
        }
        e->n[s->arm]++;
        owner[i] = e;
    }
    return table;
}

static void rank_hosts(struct sample_index *ix, struct host_entry *table)
{
    ix->n_hosts = HASH_COUNT(table);
    struct host_entry **sorted = mem_calloc(ix->n_hosts + 1, sizeof *sorted);
    size_t k = 0;
    for (struct host_entry *e = table; e; e = e->hh.next) sorted[k++] = e;
    qsort(sorted, k, sizeof *sorted, by_entry_name);
    ix->hosts = mem_calloc(k + 1, sizeof *ix->hosts);
    ix->runs = mem_calloc(k + 1, sizeof *ix->runs);
    size_t at = 0;
    for (size_t i = 0; i < k; i++) {
        sorted[i]->rank = i;
        ix->hosts[i] = sorted[i]->name;
        for (int arm = 0; arm < ARM_COUNT; arm++) {
            ix->runs[i][arm].first = at;
            at += sorted[i]->n[arm];
        }
    }
    free(sorted);
}

static void run_sort(const struct sample **order, struct run *r)
{
    const struct sample **p = order + r->first;
    bool sorted = true;
    for (size_t i = 1; i < r->n && sorted; i++) sorted = p[i - 1]->ts_ns < p[i]->ts_ns;
    if (sorted) return;
    qsort(p, r->n, sizeof *p, by_time);
    size_t kept = 1;
    for (size_t i = 1; i < r->n; i++)
        if (p[i]->ts_ns != p[kept - 1]->ts_ns) p[kept++] = p[i];
    r->n = kept;
}

void sample_index__init(struct sample_index *ix, const struct analysis_input *in)
{
    struct host_entry **owner = mem_calloc(in->n_samples + 1, sizeof(struct host_entry *));
    struct host_entry *table = count_hosts(in, owner), *e, *next;
    rank_hosts(ix, table);
    ix->order = mem_calloc(in->n_samples + 1, sizeof *ix->order);
    for (size_t i = 0; i < in->n_samples; i++) {
        if (!owner[i]) continue;
        struct run *r = &ix->runs[owner[i]->rank][in->samples[i].arm];
        ix->order[r->first + r->n++] = &in->samples[i];
    }
    for (size_t h = 0; h < ix->n_hosts; h++)
        for (int arm = 0; arm < ARM_COUNT; arm++) run_sort(ix->order, &ix->runs[h][arm]);
    HASH_ITER(hh, table, e, next)
    {
        HASH_DEL(table, e);
        free(e);
    }
    free(owner);
}

void sample_index__done(struct sample_index *ix)
{
    free(ix->hosts);
    free(ix->order);
    free(ix->runs);
    *ix = (struct sample_index){ 0 };
}

/* Bucket of a time; -1: outside the grid. */
static int64_t bucket_of(const struct bucket_grid *g, int64_t ts_ns)
{
    if (ts_ns < g->first_ns) return -1;
    int64_t b = (ts_ns - g->first_ns) / g->width_ns;
    return b < (int64_t)g->n ? b : -1;
}

static void blank_where_thin(const struct bucket_grid *g, const double *covered, double enough, double *out)
{
    for (size_t b = 0; b < g->n; b++)
        if (covered[b] < enough) out[b] = NAN;
}

/* A sample holds until the next one; the first of a bucket also stands for the time before it. */
static void reduce_gauge(const struct sample *const *s, size_t n, unsigned m, uint32_t how,
                         const struct bucket_grid *g, double *count, double *out)
{
    int64_t open = -1, since = 0; /* bucket being filled; from when on `held` has held */
    double held = NAN;
    for (size_t i = 0; i <= n; i++) {
        double v = i < n ? s[i]->v[m] : NAN;
        if (i < n && isnan(v)) continue;
        int64_t b = i < n ? bucket_of(g, s[i]->ts_ns) : -1;
        if (how == PHX_MEAN && open >= 0) {
            int64_t end = b == open ? s[i]->ts_ns : g->first_ns + (open + 1) * g->width_ns;
            out[open] += held * ((double)(end - since) / (double)g->width_ns);
            since = end;
        }
        if (b >= 0) {
            if (b != open) since = g->first_ns + b * g->width_ns;
            if (how == PHX_LAST) out[b] = v;
            if (how == PHX_MAX) out[b] = count[b] > 0 ? fmax(out[b], v) : v;
            count[b]++;
        }
        open = b;
        held = v;
    }
}

/* What a counter grew between two samples belongs to the buckets in between by their share of time.
 * A counter that fell has started again from zero. */
static void reduce_counter(const struct sample *const *s, size_t n, unsigned m, const struct bucket_grid *g,
                           double *covered, double *out)
{
    const struct sample *before = NULL;
    int64_t end_ns = g->first_ns + (int64_t)g->n * g->width_ns;
    for (size_t i = 0; i < n; i++) {
        if (isnan(s[i]->v[m])) continue;
        const struct sample *a = before, *z = s[i];
        before = z;
        if (!a || z->ts_ns <= g->first_ns || a->ts_ns >= end_ns) continue;
        double grown = z->v[m] >= a->v[m] ? z->v[m] - a->v[m] : z->v[m];
        double span = (double)(z->ts_ns - a->ts_ns);
        int64_t from = a->ts_ns > g->first_ns ? a->ts_ns : g->first_ns;
        int64_t to = z->ts_ns < end_ns ? z->ts_ns : end_ns;
        while (from < to) {
            int64_t b = (from - g->first_ns) / g->width_ns;
            int64_t edge = g->first_ns + (b + 1) * g->width_ns;
            if (edge > to) edge = to;
            double part = (double)(edge - from);
            out[b] += grown * (part / span);
            covered[b] += part;
            from = edge;
        }
    }
}

void run__reduce(const struct sample *const *samples, size_t n, unsigned measure, uint32_t reduce,
                 const struct bucket_grid *grid, double *out)
{
    double *seen = mem_calloc(grid->n + 1, sizeof *seen);
    memset(out, 0, grid->n * sizeof *out);
    if (reduce == PHX_INCREASE) {
        reduce_counter(samples, n, measure, grid, seen, out);
        blank_where_thin(grid, seen, CELL_COVERAGE * (double)grid->width_ns, out);
    } else {
        reduce_gauge(samples, n, measure, reduce, grid, seen, out);
        blank_where_thin(grid, seen, CELL_COVERAGE * grid->expected, out);
    }
    free(seen);
}
