/* SPDX-License-Identifier: Apache-2.0 */
/* Field numbers are those of opentelemetry/proto/metrics/v1/metrics.proto. What is the same in all
 * points of a series is encoded once: a label with listed values has the bytes of each, one with made
 * values those before the number, whose length never changes. */
#include "plugins/otlpgen/encode.h"
#include <stdlib.h>
#include "plugins/otlpgen/series.h"
#include "plugins/otlpgen/wire.h"

enum {
    REQUEST_RESOURCE_METRICS = 1,
    RESOURCE_METRICS_RESOURCE = 1,
    RESOURCE_METRICS_SCOPES = 2,
    RESOURCE_ATTRIBUTES = 1,
    SCOPE_METRICS_SCOPE = 1,
    SCOPE_METRICS_METRICS = 2,
    SCOPE_NAME = 1,
    METRIC_NAME = 1,
    METRIC_UNIT = 3,
    DATA_POINTS = 1,
    DATA_TEMPORALITY = 2,
    DATA_IS_MONOTONIC = 3,
    CUMULATIVE = 2,
    POINT_START = 2,
    POINT_TIME = 3,
    NUMBER_AS_DOUBLE = 4,
    NUMBER_AS_INT = 6,
    NUMBER_ATTRIBUTES = 7,
    HISTOGRAM_COUNT = 4,
    HISTOGRAM_SUM = 5,
    HISTOGRAM_BUCKETS = 6,
    HISTOGRAM_BOUNDS = 7,
    HISTOGRAM_ATTRIBUTES = 9,
    MAX_DIGITS = 20,
    HEAD_BYTES = 10,      /* tag and length of a message */
    POINT_HEAD_BYTES = 64 /* head, times, value, and count and sum of a histogram */
};
static const unsigned METRIC_DATA[] = { [METRIC_GAUGE] = 5, [METRIC_SUM] = 7, [METRIC_HISTOGRAM] = 9 };
static const char SCOPE[] = "phoenix.load";

struct piece {
    uint8_t *bytes;
    size_t n;
};
struct metric_pieces {
    struct piece *labels[PLAN_LABELS]; /* one a listed value, or one for all made ones */
    uint64_t salt;
    uint64_t first_slot; /* in the plan */
    size_t point_bytes;  /* at most */
};
struct encoder {
    const struct plan *plan;
    int64_t start_ns;
    size_t head_bytes;
    struct metric_pieces *metrics;
    struct piece resource;
};

/* ---- what is encoded once */

static bool piece_keep(struct piece *p, const struct wire *w, const uint8_t *end)
{
    p->n = (size_t)(end - w->at);
    p->bytes = malloc(p->n ? p->n : 1);
    if (p->bytes) memcpy(p->bytes, w->at, p->n);
    return p->bytes != NULL;
}

static unsigned attributes_of(const struct plan_metric *m)
{
    return m->kind == METRIC_HISTOGRAM ? HISTOGRAM_ATTRIBUTES : NUMBER_ATTRIBUTES;
}

/* The last MAX_DIGITS or less of the value are left out: they are written for each point. */
static bool keep_made(struct piece *p, unsigned field, const struct plan_label *l)
{
    uint8_t room[512], *end = room + sizeof room;
    char value[PLAN_NAME_BYTES + MAX_DIGITS + 1];
    size_t prefix = strlen(l->prefix);
    struct wire w = { end };
    memcpy(value, l->prefix, prefix);
    memset(value + prefix, '0', l->digits);
    value[prefix + l->digits] = 0;
    wire_attribute(&w, field, l->key, value);
    return piece_keep(p, &w, end - l->digits);
}

static bool keep_label(struct metric_pieces *pieces, unsigned i, const struct plan_metric *m)
{
    const struct plan_label *l = &m->labels[i];
    size_t n = l->values ? l->count : 1, longest = 0;
    pieces->labels[i] = calloc(n, sizeof *pieces->labels[i]);
    for (size_t k = 0; pieces->labels[i] && k < n; k++) {
        uint8_t room[512], *end = room + sizeof room;
        struct wire w = { end };
        struct piece *p = &pieces->labels[i][k];
        if (l->values) wire_attribute(&w, attributes_of(m), l->key, l->values[k]);
        if (!(l->values ? piece_keep(p, &w, end) : keep_made(p, attributes_of(m), l))) return false;
        if (p->n > longest) longest = p->n;
    }
    pieces->point_bytes += longest + l->digits;
    return pieces->labels[i] != NULL;
}

static bool keep_metrics(struct encoder *e, uint64_t seed)
{
    uint64_t slots = 0;
    for (unsigned i = 0; i < e->plan->n_metrics; i++) {
        const struct plan_metric *m = &e->plan->metrics[i];
        struct metric_pieces *pieces = &e->metrics[i];
        uint64_t state = seed + i;
        pieces->salt = random_next(&state);
        pieces->first_slot = slots;
        slots += m->series;
        pieces->point_bytes = POINT_HEAD_BYTES + 2 * HEAD_BYTES + 16 * ((size_t)m->n_bounds + 1);
        for (unsigned k = 0; k < m->n_labels; k++)
            if (!keep_label(pieces, k, m)) return false;
        e->head_bytes += strlen(m->name) + strlen(m->unit) + 8 * HEAD_BYTES;
    }
    return true;
}

static bool keep_resource(struct encoder *e)
{
    uint8_t *room = malloc(PLAN_LABELS * 512 + HEAD_BYTES);
    if (!room) return false;
    uint8_t *end = room + PLAN_LABELS * 512 + HEAD_BYTES;
    struct wire w = { end };
    for (unsigned i = e->plan->n_resource; i-- > 0;)
        wire_attribute(&w, RESOURCE_ATTRIBUTES, e->plan->resource[i][0], e->plan->resource[i][1]);
    wire_head(&w, RESOURCE_METRICS_RESOURCE, end);
    bool ok = piece_keep(&e->resource, &w, end);
    free(room);
    e->head_bytes += e->resource.n + sizeof SCOPE + 6 * HEAD_BYTES;
    return ok;
}

struct encoder *encoder_new(const struct plan *plan, uint64_t seed, int64_t start_ns)
{
    struct encoder *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->plan = plan;
    e->start_ns = start_ns;
    e->metrics = calloc(plan->n_metrics, sizeof *e->metrics);
    if (e->metrics && keep_metrics(e, seed) && keep_resource(e)) return e;
    encoder_free(e);
    return NULL;
}

static void pieces_free(struct metric_pieces *pieces, const struct plan_metric *m)
{
    for (unsigned i = 0; i < m->n_labels; i++) {
        size_t n = m->labels[i].values ? m->labels[i].count : 1;
        for (size_t k = 0; pieces->labels[i] && k < n; k++) free(pieces->labels[i][k].bytes);
        free(pieces->labels[i]);
    }
}

void encoder_free(struct encoder *e)
{
    if (!e) return;
    for (unsigned i = 0; e->metrics && i < e->plan->n_metrics; i++)
        pieces_free(&e->metrics[i], &e->plan->metrics[i]);
    free(e->metrics);
    free(e->resource.bytes);
    free(e);
}

/* A metric stands in a request once for each of its points at most: then each has a head of its own. */
size_t encoder_bound(const struct encoder *e, size_t n)
{
    size_t most = 0, head = 0;
    for (unsigned i = 0; i < e->plan->n_metrics; i++) {
        const struct plan_metric *m = &e->plan->metrics[i];
        size_t own = strlen(m->name) + strlen(m->unit) + 8 * HEAD_BYTES;
        if (e->metrics[i].point_bytes > most) most = e->metrics[i].point_bytes;
        if (own > head) head = own;
    }
    /* a round over all series begins with each metric once, and so many rounds are begun */
    uint64_t rounds = n / e->plan->series + 2, heads = rounds * e->plan->n_metrics;
    return e->head_bytes + n * most + (size_t)(heads < n ? heads : n) * head;
}

/* ---- points, from the last to the first */

static void write_labels(struct wire *w, const struct plan_metric *m, const struct metric_pieces *pieces,
                         const struct series *s)
{
    for (unsigned i = m->n_labels; i-- > 0;) {
        const struct plan_label *l = &m->labels[i];
        uint64_t number = s->number[i];
        const struct piece *p = &pieces->labels[i][l->values ? number : 0];
        for (unsigned k = 0; k < l->digits; k++, number /= 10) *--w->at = (uint8_t)('0' + number % 10);
        wire_bytes(w, p->bytes, p->n);
    }
}

static void write_histogram(struct wire *w, const struct plan_metric *m, const struct series *s)
{
    uint64_t buckets[PLAN_BOUNDS + 1];
    double sum;
    uint64_t count = series_histogram(m, s, buckets, &sum);
    const uint8_t *end = w->at;
    if (m->n_bounds) {
        for (unsigned i = m->n_bounds; i-- > 0;) wire_raw_double(w, m->bounds[i]);
        wire_head(w, HISTOGRAM_BOUNDS, end);
    }
    end = w->at;
    for (unsigned i = m->n_bounds + 1; i-- > 0;) wire_raw64(w, buckets[i]);
    wire_head(w, HISTOGRAM_BUCKETS, end);
    if (!m->n_bounds || m->bounds[0] >= 0) wire_double(w, HISTOGRAM_SUM, sum); /* else it might shrink */
    wire_fixed64(w, HISTOGRAM_COUNT, count);
}

static void write_point(struct wire *w, const struct encoder *e, unsigned metric, uint64_t slot, double t_s)
{
    const struct plan_metric *m = &e->plan->metrics[metric];
    struct series s;
    series_at(m, e->metrics[metric].salt, slot, t_s, &s);
    const uint8_t *end = w->at;
    write_labels(w, m, &e->metrics[metric], &s);
    if (m->kind == METRIC_HISTOGRAM) write_histogram(w, m, &s);
    else if (m->kind == METRIC_SUM) wire_fixed64(w, NUMBER_AS_INT, series_sum(m, &s));
    else wire_double(w, NUMBER_AS_DOUBLE, series_gauge(m, &s, t_s));
    wire_fixed64(w, POINT_TIME, (uint64_t)(e->start_ns + (int64_t)(t_s * 1e9)));
    if (m->kind != METRIC_GAUGE)
        wire_fixed64(w, POINT_START, (uint64_t)(e->start_ns + (int64_t)(s.born_s * 1e9)));
    wire_head(w, DATA_POINTS, end);
}

/* The metric is whole: what comes before its points. */
static void close_metric(struct wire *w, const struct plan_metric *m, const uint8_t *end)
{
    wire_head(w, METRIC_DATA[m->kind], end);
    wire_text(w, METRIC_UNIT, m->unit);
    wire_text(w, METRIC_NAME, m->name);
    wire_head(w, SCOPE_METRICS_METRICS, end);
}

/* What follows the points of a metric. */
static void open_metric(struct wire *w, const struct plan_metric *m)
{
    if (m->kind == METRIC_SUM) wire_uint(w, DATA_IS_MONOTONIC, 1);
    if (m->kind != METRIC_GAUGE) wire_uint(w, DATA_TEMPORALITY, CUMULATIVE);
}

/* The metric of a slot; @p near: that of the slot after it. */
static unsigned metric_of(const struct encoder *e, uint64_t slot, unsigned near)
{
    unsigned i = near;
    if (slot - e->metrics[i].first_slot < e->plan->metrics[i].series) return i;
    for (i = e->plan->n_metrics - 1; e->metrics[i].first_slot > slot;) i--;
    return i;
}

const uint8_t *encode(const struct encoder *e, const struct schedule *s, uint64_t first, size_t n,
                      uint8_t *room, size_t cap)
{
    uint8_t *const end = room + cap, *metric_end = end;
    struct wire w = { end };
    unsigned open = 0;
    bool is_open = false;
    for (uint64_t k = first + n; k-- > first;) {
        uint64_t slot = k % e->plan->series;
        unsigned metric = metric_of(e, slot, open);
        if (metric != open || !is_open) {
            if (is_open) close_metric(&w, &e->plan->metrics[open], metric_end);
            open = metric;
            is_open = true;
            metric_end = w.at;
            open_metric(&w, &e->plan->metrics[open]);
        }
        write_point(&w, e, metric, slot - e->metrics[metric].first_slot, schedule_time(s, k));
    }
    if (is_open) close_metric(&w, &e->plan->metrics[open], metric_end);
    const uint8_t *scope = w.at;
    wire_text(&w, SCOPE_NAME, SCOPE);
    wire_head(&w, SCOPE_METRICS_SCOPE, scope);
    wire_head(&w, RESOURCE_METRICS_SCOPES, end);
    wire_bytes(&w, e->resource.bytes, e->resource.n);
    wire_head(&w, REQUEST_RESOURCE_METRICS, end);
    return w.at;
}
