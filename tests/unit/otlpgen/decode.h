/* SPDX-License-Identifier: Apache-2.0 */
/* A decoder of ExportMetricsServiceRequest for tests, written from metrics.proto and not from the encoder:
 * it reads forwards, knows the types of all fields, and takes nothing that it does not know. */
#ifndef PHOENIX_TESTS_OTLPGEN_DECODE_H
#define PHOENIX_TESTS_OTLPGEN_DECODE_H
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "tests/unit/unit.h"

/* Check's own assertions tell another process of each success, and these are millions. */
#define NEED(truth)                                             \
    do {                                                        \
        if (!(truth)) ck_abort_msg("it is not so: %s", #truth); \
    } while (0)

struct view {
    const uint8_t *p;
    size_t n;
};
struct got_label {
    char key[40], value[80];
};
struct got_point {
    char metric[40], unit[16];
    char kind; /* 'g', 's', 'h' */
    bool monotonic;
    uint64_t temporality, start, time, count, buckets[16];
    bool has_sum;
    double number, sum, bounds[16];
    unsigned n_buckets, n_bounds, n_labels;
    struct got_label labels[8];
};
struct got {
    unsigned n, n_resource;
    struct got_label resource[8];
    char scope[40];
    struct got_point *at; /* room for `cap` */
    unsigned cap;
};

static uint64_t get_varint(struct view *v)
{
    uint64_t x = 0;
    for (unsigned shift = 0;; shift += 7) {
        NEED(v->n > 0);
        NEED(shift < 64);
        uint8_t b = *v->p++;
        v->n--;
        x |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            NEED(b != 0 || shift == 0); /* the shortest form */
            return x;
        }
    }
}

static struct view get_bytes(struct view *v)
{
    uint64_t n = get_varint(v);
    NEED(n <= v->n);
    struct view inner = { v->p, (size_t)n };
    v->p += n;
    v->n -= (size_t)n;
    return inner;
}

static uint64_t get_fixed64(struct view *v)
{
    uint64_t x = 0;
    NEED(v->n >= 8);
    for (unsigned i = 8; i-- > 0;) x = x << 8 | v->p[i];
    v->p += 8;
    v->n -= 8;
    return x;
}

static double get_double(struct view *v)
{
    uint64_t bits = get_fixed64(v);
    double d;
    memcpy(&d, &bits, 8);
    return d;
}

static void get_text(struct view *v, char *out, size_t n)
{
    struct view text = get_bytes(v);
    NEED(text.n < n);
    memcpy(out, text.p, text.n);
    out[text.n] = 0;
}

static struct got_label get_attribute(struct view v)
{
    struct got_label l = { "", "" };
    while (v.n) {
        uint64_t tag = get_varint(&v);
        if (tag == (1 << 3 | 2)) get_text(&v, l.key, sizeof l.key);
        else {
            NEED(tag == (2 << 3 | 2));
            struct view any = get_bytes(&v);
            NEED(get_varint(&any) == (1 << 3 | 2));
            get_text(&any, l.value, sizeof l.value);
            NEED(any.n == 0);
        }
    }
    return l;
}

static void get_number_point(struct view v, struct got_point *p)
{
    while (v.n) switch (get_varint(&v)) {
        case 2 << 3 | 1: p->start = get_fixed64(&v); break;
        case 3 << 3 | 1: p->time = get_fixed64(&v); break;
        case 4 << 3 | 1: p->number = get_double(&v); break;
        case 6 << 3 | 1: p->number = (double)(int64_t)get_fixed64(&v); break;
        case 7 << 3 | 2: p->labels[p->n_labels++] = get_attribute(get_bytes(&v)); break;
        default: ck_abort_msg("a field that NumberDataPoint has not");
        }
}

static void get_histogram_point(struct view v, struct got_point *p)
{
    struct view packed;
    while (v.n) switch (get_varint(&v)) {
        case 2 << 3 | 1: p->start = get_fixed64(&v); break;
        case 3 << 3 | 1: p->time = get_fixed64(&v); break;
        case 4 << 3 | 1: p->count = get_fixed64(&v); break;
        case 5 << 3 | 1:
            p->sum = get_double(&v);
            p->has_sum = true;
            break;
        case 6 << 3 | 2:
            for (packed = get_bytes(&v); packed.n;) p->buckets[p->n_buckets++] = get_fixed64(&packed);
            break;
        case 7 << 3 | 2:
            for (packed = get_bytes(&v); packed.n;) p->bounds[p->n_bounds++] = get_double(&packed);
            break;
        case 9 << 3 | 2: p->labels[p->n_labels++] = get_attribute(get_bytes(&v)); break;
        default: ck_abort_msg("a field that HistogramDataPoint has not");
        }
}

static void get_data(struct view v, char kind, struct got_point head, struct got *g)
{
    unsigned first = g->n;
    while (v.n) switch (get_varint(&v)) {
        case 1 << 3 | 2: {
            NEED(g->n < g->cap);
            struct got_point *p = &g->at[g->n++];
            *p = head;
            p->kind = kind;
            if (kind == 'h') get_histogram_point(get_bytes(&v), p);
            else get_number_point(get_bytes(&v), p);
            break;
        }
        case 2 << 3 | 0: head.temporality = get_varint(&v); break;
        case 3 << 3 | 0: head.monotonic = get_varint(&v) == 1; break;
        default: ck_abort_msg("a field that the data of a metric has not");
        }
    for (; first < g->n; first++) {
        g->at[first].temporality = head.temporality;
        g->at[first].monotonic = head.monotonic;
    }
}

static void get_metric(struct view v, struct got *g)
{
    static struct got_point head;
    memset(&head, 0, sizeof head);
    while (v.n) switch (get_varint(&v)) {
        case 1 << 3 | 2: get_text(&v, head.metric, sizeof head.metric); break;
        case 3 << 3 | 2: get_text(&v, head.unit, sizeof head.unit); break;
        case 5 << 3 | 2: get_data(get_bytes(&v), 'g', head, g); break;
        case 7 << 3 | 2: get_data(get_bytes(&v), 's', head, g); break;
        case 9 << 3 | 2: get_data(get_bytes(&v), 'h', head, g); break;
        default: ck_abort_msg("a field that Metric has not");
        }
}

static void get_scope_metrics(struct view v, struct got *g)
{
    while (v.n) switch (get_varint(&v)) {
        case 1 << 3 | 2: {
            struct view scope = get_bytes(&v);
            NEED(get_varint(&scope) == (1 << 3 | 2));
            get_text(&scope, g->scope, sizeof g->scope);
            break;
        }
        case 2 << 3 | 2: get_metric(get_bytes(&v), g); break;
        default: ck_abort_msg("a field that ScopeMetrics has not");
        }
}

/* The request holds one ResourceMetrics with one ScopeMetrics. */
static void get_request(const uint8_t *p, size_t n, struct got *g)
{
    struct view v = { p, n };
    g->n = g->n_resource = 0;
    NEED(get_varint(&v) == (1 << 3 | 2));
    struct view rm = get_bytes(&v);
    NEED(v.n == 0);
    while (rm.n) switch (get_varint(&rm)) {
        case 1 << 3 | 2:
            for (struct view r = get_bytes(&rm); r.n;) {
                NEED(get_varint(&r) == (1 << 3 | 2));
                g->resource[g->n_resource++] = get_attribute(get_bytes(&r));
            }
            break;
        case 2 << 3 | 2: get_scope_metrics(get_bytes(&rm), g); break;
        default: ck_abort_msg("a field that ResourceMetrics has not");
        }
}
#endif
