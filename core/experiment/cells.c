/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: what each KPI says of one host, one arm and one time bucket. A cell is there only if enough
 * samples were, and no collector of that host restarted meanwhile; what is missing is counted by reason
 * and arm, never filled in. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/limits.h"
#include "core/base/mem.h"

#define INPUTS_MAX (MEASURE_COUNT * 4) /* distinct (measure, reduction) pairs of all KPIs */

struct input {
    unsigned measure;
    uint32_t reduce;
    bool seen;      /* some bucket had a value */
    double *bucket; /* of the host and arm at hand */
};
struct inputs {
    size_t n;
    struct input at[INPUTS_MAX];
};

/* Position of an input in the list, which grows; INPUTS_MAX: agents do not measure it. */
static size_t input_index(struct inputs *list, const char *name, uint32_t reduce)
{
    unsigned measure = name ? measure_find(name) : MEASURE_COUNT;
    if (measure == MEASURE_COUNT || reduce < PHX_MEAN || reduce > PHX_MAX) return INPUTS_MAX;
    size_t i = 0;
    while (i < list->n && (list->at[i].measure != measure || list->at[i].reduce != reduce)) i++;
    if (i == list->n && i < INPUTS_MAX)
        list->at[list->n++] = (struct input){ .measure = measure, .reduce = reduce };
    return i;
}

/* A calculator with its inputs resolved. */
struct calc {
    const struct kpi_def *def; /* NULL: the parity of what entered the arms */
    enum parity_kind parity;
    size_t n_inputs, input[MEASURE_COUNT * 4];
    struct series *series;
};

static void calc_resolve(struct calc *c, struct inputs *list)
{
    if (!c->def) {
        static const enum measure measures[PARITY_COUNT][2] = {
            [PARITY_POINTS] = { MEASURE_POINTS_IN },
            [PARITY_OTLP] = { MEASURE_OTLP_DELIVERED, MEASURE_OTLP_OFFERED },
        };
        for (unsigned i = 0; i < (c->parity == PARITY_OTLP ? 2 : 1); i++)
            c->input[c->n_inputs++] =
                input_index(list, measure_name(measures[c->parity][i]), PHX_INCREASE);
        return;
    }
    const phx_kpi_input *const *in = c->def->ops->inputs;
    for (; in && in[c->n_inputs]; c->n_inputs++) {
        const phx_kpi_input *i = in[c->n_inputs];
        size_t at = c->n_inputs < MEASURE_COUNT * 4 ? input_index(list, i->name, i->reduce) : INPUTS_MAX;
        if (at == INPUTS_MAX) {
            snprintf(c->series->why, sizeof c->series->why, "it needs \"%s\", which agents do not measure",
                     i->name ? i->name : "");
            return;
        }
        c->input[c->n_inputs] = at;
    }
}

/* ---- one host and arm */
struct strip {
    const struct bucket_grid *grid;
    const uint8_t *state;
    phx_wall *t; /* scratch: the window of one KPI */
    size_t *bucket;
    double **in;
};
struct sink {
    phx_kpi_out out;
    const size_t *bucket;
    size_t n;
    bool event;
    double *value, *weight;
};

static phx_status on_cell(const phx_kpi_out *out, uint64_t i, double value, double weight)
{
    const struct sink *k = (const struct sink *)out;
    if (i >= k->n || !isfinite(value)) return PHX_E_INVAL;
    if (k->event && !(weight > 0 && isfinite(weight) && value >= 0 && value <= weight)) return PHX_E_INVAL;
    k->value[k->bucket[i]] = value;
    if (k->weight) k->weight[k->bucket[i]] = weight;
    return PHX_OK;
}

/* Buckets that are whole and have all inputs, put together for the calculator. */
static size_t window_fill(const struct calc *c, const struct inputs *list, struct strip *s)
{
    size_t n = 0;
    for (size_t b = 0; b < s->grid->n; b++) {
        bool whole = s->state[b] == CELL_OK;
        for (size_t i = 0; i < c->n_inputs && whole; i++) whole = !isnan(list->at[c->input[i]].bucket[b]);
        if (!whole) continue;
        for (size_t i = 0; i < c->n_inputs; i++) s->in[i][n] = list->at[c->input[i]].bucket[b];
        s->t[n] = s->grid->first_ns + (int64_t)b * s->grid->width_ns;
        s->bucket[n++] = b;
    }
    return n;
}

static void calc_cells(const struct calc *c, const struct inputs *list, struct strip *s, int arm, size_t at)
{
    size_t n = window_fill(c, list, s);
    double *value = c->series->value[arm] + at, *weight = c->series->weight[arm];
    if (n == 0) return;
    if (!c->def) {
        for (size_t i = 0; i < n; i++) {
            value[s->bucket[i]] = s->in[0][i];
            if (weight) weight[at + s->bucket[i]] = s->in[1][i];
        }
        return;
    }
    phx_kpi_window w = { .size = sizeof w,
                         .n_inputs = (uint32_t)c->n_inputs,
                         .n = n,
                         .bucket_ns = (uint64_t)s->grid->width_ns,
                         .t = s->t,
                         .in = (const double *const *)s->in };
    struct sink k = { .out = { .size = sizeof k.out, .cell = on_cell },
                      .bucket = s->bucket,
                      .n = n,
                      .event = c->def->ops->estimand == PHX_EVENT,
                      .value = value,
                      .weight = weight ? weight + at : NULL };
    phx_status st = c->def->ops->cells(c->def->self, &w, &k.out);
    if (st == PHX_E_CONFIG)
        snprintf(c->series->why, sizeof c->series->why,
                 "it is not configured: plugins.%s in the settings file", c->def->name);
    else if (st != PHX_OK)
        snprintf(c->series->why, sizeof c->series->why, "the calculator failed: %s",
                 err_info(err_from_abi(st))->title);
}

/* Which buckets of one run may be used. A counter that fell is a restart that nobody announced. */
static void strip_states(const struct sample *const *s, size_t n, const struct bucket_grid *g, uint8_t *state)
{
    double *count = mem_calloc(g->n + 1, sizeof *count);
    for (size_t i = 0; i < n; i++) {
        int64_t off = s[i]->ts_ns - g->first_ns;
        if (off < 0 || off / g->width_ns >= (int64_t)g->n) continue;
        size_t b = (size_t)(off / g->width_ns);
        count[b]++;
        for (unsigned m = 0; m < MEASURE_COUNT && i > 0; m++) {
            if (!measure_is_counter(m)) continue;
            double was = s[i - 1]->v[m], is = s[i]->v[m];
            if (is < was || (m == MEASURE_RESTARTS && is > was)) state[b] = CELL_RESTART;
        }
    }
    for (size_t b = 0; b < g->n; b++)
        if (state[b] == CELL_OK && count[b] < CELL_COVERAGE * g->expected)
            state[b] = count[b] > 0 ? CELL_THIN : CELL_MISSING;
    free(count);
}

/* ---- all hosts */
static bool has_weights(const struct calc *c)
{
    return c->def ? c->def->ops->estimand == PHX_EVENT : c->parity == PARITY_OTLP;
}

static void series_alloc(struct series *s, size_t n, bool weights)
{
    for (int arm = 0; arm < ARM_COUNT; arm++) {
        s->value[arm] = mem_calloc(n + 1, sizeof(double));
        for (size_t i = 0; i < n; i++) s->value[arm][i] = NAN;
        if (weights) s->weight[arm] = mem_calloc(n + 1, sizeof(double));
    }
}

static void grid_set(struct bucket_grid *g, const struct analysis_input *in)
{
    int64_t w = in->spec->bucket_ns, closed = in->to_ns;
    /* Late samples: while measuring goes on, a bucket is closed two sample intervals after its end. */
    if (!in->ended && closed > in->now_ns - 2 * in->sample_interval_ns)
        closed = in->now_ns - 2 * in->sample_interval_ns;
    g->width_ns = w;
    g->first_ns = (in->from_ns + w - 1) / w * w;
    g->n = closed > g->first_ns ? (size_t)((closed - g->first_ns) / w) : 0;
    g->expected = fmax(1, floor((double)w / (double)in->sample_interval_ns));
}

static void cells_fill(struct cells *c, struct calc *calcs, struct inputs *list)
{
    size_t nb = c->grid.n;
    struct strip s = { .grid = &c->grid,
                       .t = mem_calloc(nb + 1, sizeof *s.t),
                       .bucket = mem_calloc(nb + 1, sizeof *s.bucket),
                       .in = mem_calloc(list->n + 1, sizeof *s.in) };
    double *block = mem_calloc(2 * list->n * nb + 1, sizeof *block);
    for (size_t i = 0; i < list->n; i++) {
        s.in[i] = block + i * nb;
        list->at[i].bucket = block + (list->n + i) * nb;
    }
    for (size_t h = 0; h < c->n_hosts; h++)
        for (int arm = 0; arm < ARM_COUNT; arm++) {
            const struct run *r = &c->index.runs[h][arm];
            const struct sample *const *run = (const struct sample *const *)c->index.order + r->first;
            strip_states(run, r->n, &c->grid, c->state[arm] + h * nb);
            s.state = c->state[arm] + h * nb;
            for (size_t i = 0; i < list->n; i++) {
                struct input *p = &list->at[i];
                run__reduce(run, r->n, p->measure, p->reduce, &c->grid, p->bucket);
                for (size_t b = 0; b < nb && !p->seen; b++) p->seen = !isnan(p->bucket[b]);
            }
            for (size_t k = 0; k < c->n_series; k++)
                if (!calcs[k].series->why[0]) calc_cells(&calcs[k], list, &s, arm, h * nb);
        }
    free(block);
    free(s.in);
    free(s.bucket);
    free(s.t);
}

/* A KPI whose input nobody measured should say so, rather than "no valid pairs". */
static void explain_absent(struct calc *c, const struct inputs *list)
{
    for (size_t i = 0; i < c->n_inputs && !c->series->why[0]; i++)
        if (!list->at[c->input[i]].seen)
            snprintf(c->series->why, sizeof c->series->why,
                     "no data: no agent has measured \"%s\" in this time",
                     measure_name(list->at[c->input[i]].measure));
}

int cells__make(const struct analysis_input *in, struct cells *ret, struct err *err)
{
    *ret = (struct cells){ .n_series = in->n_kpis + PARITY_COUNT };
    grid_set(&ret->grid, in);
    sample_index__init(&ret->index, in);
    ret->n_hosts = ret->index.n_hosts;
    ret->n_absent = in->n_hosts > ret->n_hosts ? in->n_hosts - ret->n_hosts : 0;
    size_t n = ret->n_hosts * ret->grid.n;
    if (ret->grid.n > LIMIT_ANALYSIS_CELLS || n * ARM_COUNT * ret->n_series > LIMIT_ANALYSIS_CELLS) {
        cells__done(ret);
        return err_set(err, ERR_LIMIT, "an analysis of more than %d cells: lengthen `bucket`",
                       LIMIT_ANALYSIS_CELLS);
    }
    for (int arm = 0; arm < ARM_COUNT; arm++) ret->state[arm] = mem_calloc(n + 1, 1);
    ret->series = mem_calloc(ret->n_series, sizeof *ret->series);
    struct calc *calcs = mem_calloc(ret->n_series, sizeof *calcs);
    struct inputs *list = mem_alloc(sizeof *list);
    for (size_t k = 0; k < ret->n_series; k++) {
        calcs[k] = (struct calc){ .series = &ret->series[k] };
        if (k < in->n_kpis) calcs[k].def = &in->kpis[k];
        else calcs[k].parity = (enum parity_kind)(k - in->n_kpis);
        series_alloc(&ret->series[k], n, has_weights(&calcs[k]));
        calc_resolve(&calcs[k], list);
    }
    cells_fill(ret, calcs, list);
    for (size_t k = 0; k < ret->n_series; k++) explain_absent(&calcs[k], list);
    free(list);
    free(calcs);
    return 0;
}

void cells__done(struct cells *c)
{
    for (size_t k = 0; c->series && k < c->n_series; k++)
        for (int arm = 0; arm < ARM_COUNT; arm++) {
            free(c->series[k].value[arm]);
            free(c->series[k].weight[arm]);
        }
    free(c->series);
    for (int arm = 0; arm < ARM_COUNT; arm++) free(c->state[arm]);
    sample_index__done(&c->index);
    *c = (struct cells){ 0 };
}

/* ---- what is missing */
static enum cell_state cell_fault(const struct cells *c, const struct series *s, int arm, size_t at)
{
    if (c->state[arm][at] != CELL_OK) return (enum cell_state)c->state[arm][at];
    return isnan(s->value[arm][at]) ? CELL_NO_VALUE : CELL_OK;
}

void series__drops(const struct cells *c, const struct series *s, struct drops *ret)
{
    *ret = (struct drops){ 0 };
    for (size_t at = 0; at < c->n_hosts * c->grid.n; at++) {
        enum cell_state b = cell_fault(c, s, ARM_BASELINE, at), k = cell_fault(c, s, ARM_CANDIDATE, at);
        if (b == CELL_OK && k == CELL_OK) ret->valid++;
        else if (b == CELL_OK) ret->n[k][ARM_CANDIDATE]++;
        else ret->n[b][k == CELL_OK ? ARM_BASELINE : ARM_COUNT]++;
    }
    ret->n[CELL_MISSING][ARM_COUNT] += c->n_absent * c->grid.n;
    ret->possible = (c->n_hosts + c->n_absent) * c->grid.n;
}

const char *drop__name(enum cell_state state, unsigned who, char out[32])
{
    static const char *const states[CELL_STATE_COUNT] = { "valid", "missing", "thin", "restart", "no_value" };
    static const char *const whose[ARM_COUNT + 1] = { "baseline", "candidate", "both" };
    snprintf(out, 32, "%s_%s", states[state], whose[who]);
    return out;
}
