/* SPDX-License-Identifier: Apache-2.0 */
/* What each metric costs. The KPI that knows the prices is asked as it is for the cells of an analysis,
 * only that a cell is a metric here, not a time: its series, and its part of the points and bytes that the
 * arm sent. CPU and memory belong to no metric; they are a cell of their own. */
#include <math.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/measures.h"
#include "core/experiment/census_priv.h"

enum { INPUTS_MAX = 16, CELL_TOTAL = 0, CELL_COLLECTOR = 1, CELL_METRICS = 2 };
#define BUCKET_S 3600.0
#define MINUTES_OF_MONTH (30.4375 * 1440) /* of 30.4375 days, as in the KPI */

/** What a cell costs, as the KPI is told it. */
struct quantities {
    double series, points_per_s, bytes_per_s, cpu_cores, rss_bytes;
};
struct bill {
    phx_kpi_out out; /* first: on_cell() is given it */
    size_t n;
    double *month; /* of each cell; NAN: not known */
};

static phx_status on_cell(const phx_kpi_out *out, uint64_t i, double value, double weight)
{
    const struct bill *b = (const struct bill *)out;
    (void)weight;
    if (i >= b->n)
        return PHX_E_INVAL;
    b->month[i] = value;
    return PHX_OK;
}

static bool input_of(const phx_kpi_input *in, const struct quantities *q, double *ret)
{
    switch (in->name ? measure_find(in->name) : MEASURE_COUNT) {
    case MEASURE_SERIES:
        *ret = q->series;
        return true;
    case MEASURE_POINTS:
        *ret = q->points_per_s * BUCKET_S;
        return in->reduce == PHX_INCREASE;
    case MEASURE_BYTES:
        *ret = q->bytes_per_s * BUCKET_S;
        return in->reduce == PHX_INCREASE;
    case MEASURE_CPU:
        *ret = q->cpu_cores * BUCKET_S;
        return in->reduce == PHX_INCREASE;
    case MEASURE_RSS:
        *ret = q->rss_bytes;
        return true;
    default:
        return false;
    }
}

static int fill_inputs(const struct census_pricer *p, const struct quantities *q, size_t n, double **in,
                       size_t *ret_inputs, struct err *err)
{
    size_t k = 0;
    for (; p->ops->inputs && p->ops->inputs[k]; k++)
        for (size_t i = 0; i < n; i++)
            if (k == INPUTS_MAX || !input_of(p->ops->inputs[k], &q[i], &in[k][i]))
                return err_set(err, ERR_UNSUPPORTED,
                               "the KPI \"cost\" needs \"%s\", which is not known of a metric",
                               p->ops->inputs[k]->name ? p->ops->inputs[k]->name : "");
    *ret_inputs = k;
    return 0;
}

static int price(const struct census_pricer *p, const struct quantities *q, struct bill *b, struct err *err)
{
    double *in[INPUTS_MAX], *room = mem_calloc(b->n * INPUTS_MAX, sizeof *room);
    phx_wall *t = mem_calloc(b->n, sizeof *t);
    phx_kpi_window w = { .size = sizeof w,
                         .n = b->n,
                         .bucket_ns = (uint64_t)(BUCKET_S * (double)NS_PER_S),
                         .t = t,
                         .in = (const double *const *)in };
    size_t n_inputs = 0;
    for (size_t i = 0; i < b->n; i++) {
        t[i] = (phx_wall)(i * w.bucket_ns);
        b->month[i] = NAN;
    }
    for (size_t k = 0; k < INPUTS_MAX; k++)
        in[k] = room + k * b->n;
    int rc = fill_inputs(p, q, b->n, in, &n_inputs, err);
    w.n_inputs = (uint32_t)n_inputs;
    phx_status st = rc == 0 ? p->ops->cells(p->self, &w, &b->out) : PHX_OK;
    free(room);
    free(t);
    if (st == PHX_E_CONFIG)
        return err_set(err, ERR_CONFIG, "the KPI \"cost\" has no prices: see the setting prices");
    if (st != PHX_OK)
        return err_set(err, err_from_abi(st), "the KPI \"cost\" failed");
    return rc;
}

/* ---- which flows matter */

static const char *const flows[] = { "points_per_s", "bytes_per_s", "cpu_cores", "rss_bytes" };
enum { FLOWS = sizeof flows / sizeof flows[0] };

unsigned census_flows_priced(const struct census_pricer *pricer)
{
    const struct quantities one_of_each[1 + FLOWS] = {
        { 0 }, { .points_per_s = 1 }, { .bytes_per_s = 1 }, { .cpu_cores = 1 }, { .rss_bytes = 1 }
    };
    double month[1 + FLOWS];
    struct bill b = { .out = { .size = sizeof b.out, .cell = on_cell }, .n = 1 + FLOWS, .month = month };
    struct err err = { 0 };
    unsigned bits = 0;
    if (price(pricer, one_of_each, &b, &err) != 0)
        return 0; /* census_write_cost() says why */
    for (unsigned i = 0; i < FLOWS; i++)
        bits |= (unsigned)(month[1 + i] != month[0]) << i;
    return bits;
}

bool census_has_flows(const struct json *census, unsigned wanted)
{
    for (unsigned i = 0; i < FLOWS; i++)
        if (wanted >> i & 1 && !json_is(json_get(census, flows[i]), JSON_REAL))
            return false;
    return true;
}

/* ---- the document */

struct line {
    const struct entry *metric;
    double month[ARM_COUNT]; /* NAN: not known */
    bool is_exact;
};

static void write_money(struct jw *w, const char *key, const double money[ARM_COUNT], double part)
{
    jw_key(w, key);
    jw_open(w, '{');
    jw_kreal(w, "baseline", money[ARM_BASELINE] * part);
    jw_kreal(w, "candidate", money[ARM_CANDIDATE] * part);
    jw_kreal(w, "saving", (money[ARM_BASELINE] - money[ARM_CANDIDATE]) * part);
    jw_close(w, '}');
}

static void write_line(const struct line *l, const double total[ARM_COUNT], struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "name", l->metric->name);
    write_money(w, "per_month", l->month, 1);
    write_money(w, "per_minute", l->month, 1 / MINUTES_OF_MONTH);
    jw_key(w, "share");
    jw_open(w, '{');
    for (int a = 0; a < ARM_COUNT; a++)
        jw_kreal(w, arm_name((enum arm)a), total[a] > 0 ? l->month[a] / total[a] : NAN);
    jw_close(w, '}');
    jw_kbool(w, "exact", l->is_exact);
    jw_close(w, '}');
}

static void write_lines(const struct line *lines, size_t n, const double total[ARM_COUNT],
                        const double collector[ARM_COUNT], struct jw *w)
{
    double other[ARM_COUNT];
    for (int a = 0; a < ARM_COUNT; a++) {
        other[a] = total[a] - collector[a];
        for (size_t i = 0; i < n; i++)
            other[a] -= isnan(lines[i].month[a]) ? 0 : lines[i].month[a];
        if (fabs(other[a]) < 1e-9 * fabs(total[a]))
            other[a] = 0; /* what rounding leaves */
    }
    write_money(w, "per_month", total, 1);
    write_money(w, "per_minute", total, 1 / MINUTES_OF_MONTH);
    write_money(w, "collector", collector, 1);
    write_money(w, "other_metrics", other, 1);
    jw_key(w, "metrics");
    jw_open(w, '[');
    for (size_t i = 0; i < n; i++)
        write_line(&lines[i], total, w);
    jw_close(w, ']');
}

static double dearer(const struct line *l)
{
    return fmax(l->month[ARM_BASELINE], l->month[ARM_CANDIDATE]); /* the one that is known */
}

static int by_cost(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    double n = dearer(x), m = dearer(y);
    return n < m ? 1 : n > m ? -1 : strcmp(x->metric->name, y->metric->name);
}

static void fill_quantities(const struct census_sum *s, int arm, struct entry *const *metrics, size_t n,
                            struct quantities *q)
{
    const struct arm_sum *a = &s->arm[arm];
    q[CELL_TOTAL] = (struct quantities){ (double)a->series, a->points_per_s, a->bytes_per_s, a->cpu_cores,
                                         a->rss_bytes };
    q[CELL_COLLECTOR] = (struct quantities){ .cpu_cores = a->cpu_cores, .rss_bytes = a->rss_bytes };
    for (size_t i = 0; i < n; i++) {
        const struct tally *t = &metrics[i]->arm[arm];
        q[CELL_METRICS + i] = (struct quantities){ .series = (double)t->series,
                                                   .points_per_s = t->points_per_s,
                                                   .bytes_per_s = t->bytes_per_s };
    }
}

/** What a host may have without telling it is not known to cost nothing. */
static void fill_line(const struct census_sum *s, const struct entry *e, int arm, double month,
                      struct line *l)
{
    int64_t low = e->arm[arm].series, most = tally__most(&s->metrics, e, arm);
    l->metric = e;
    l->month[arm] = low == 0 && most > 0 ? NAN : month;
    l->is_exact = (arm == 0 || l->is_exact) && low == most;
}

int census_write_cost(const struct census_sum *s, const struct census_pricer *pricer, unsigned limit,
                      struct jw *w, struct err *err)
{
    size_t n;
    struct entry **metrics = list__sorted(s->arena, &s->metrics, entry__by_series, &n);
    size_t cells = CELL_METRICS + n;
    struct quantities *q = arena_calloc(s->arena, cells, sizeof *q);
    struct line *lines = arena_calloc(s->arena, n + 1, sizeof *lines);
    double total[ARM_COUNT], collector[ARM_COUNT];
    for (int a = 0; a < ARM_COUNT; a++) {
        struct bill b = { .out = { .size = sizeof b.out, .cell = on_cell }, .n = cells };
        b.month = arena_calloc(s->arena, cells, sizeof *b.month);
        fill_quantities(s, a, metrics, n, q);
        int rc = price(pricer, q, &b, err);
        if (rc != 0)
            return rc;
        total[a] = b.month[CELL_TOTAL];
        collector[a] = b.month[CELL_COLLECTOR];
        for (size_t i = 0; i < n; i++)
            fill_line(s, metrics[i], a, b.month[CELL_METRICS + i], &lines[i]);
    }
    qsort(lines, n, sizeof *lines, by_cost);
    write_lines(lines, n < limit ? n : limit, total, collector, w);
    return 0;
}
