/* SPDX-License-Identifier: Apache-2.0 */
/* Plans from text, and their points as a receiver sees them. */
#ifndef PHOENIX_TESTS_OTLPGEN_FIXTURE_H
#define PHOENIX_TESTS_OTLPGEN_FIXTURE_H
#include "plugins/otlpgen/describe.h"
#include "plugins/otlpgen/encode.h"
#include "tests/unit/otlpgen/decode.h"

enum { SEED = 42 };
#define START_NS INT64_C(1790000000000000000)

static inline struct plan plan_of(const char *text)
{
    struct plan p;
    struct doc_first first;
    doc_first_init(&first);
    ck_assert_msg(describe(text, strlen(text), &p, &first.faults), "%s", first.text);
    return p;
}

/* Points first ... first + n - 1 of the plan, whose schedule has come to now_s. */
static inline void points_of(const struct plan *p, uint64_t seed, double now_s, uint64_t first, unsigned n,
                             struct got *ret)
{
    static struct schedule s;
    struct encoder *e = encoder_new(p, seed, START_NS);
    size_t cap = encoder_bound(e, n);
    uint8_t *room = malloc(cap);
    ck_assert(room != NULL);
    schedule_start(&s, p);
    schedule_advance(&s, now_s);
    const uint8_t *body = encode(e, &s, first, n, room, cap);
    ck_assert(body >= room);
    ret->cap = n;
    ret->at = realloc(ret->at, (n + 1) * sizeof *ret->at);
    ck_assert(ret->at != NULL);
    get_request(body, (size_t)(room + cap - body), ret);
    ck_assert_uint_eq(ret->n, n);
    free(room);
    encoder_free(e);
}

static inline const char *label_of(const struct got_point *p, const char *key)
{
    for (unsigned i = 0; i < p->n_labels; i++)
        if (!strcmp(p->labels[i].key, key)) return p->labels[i].value;
    return "";
}

/* All labels as one text, in the order of the wire. */
static inline void identity_of(const struct got_point *p, char *out, size_t n)
{
    size_t at = (size_t)snprintf(out, n, "%s", p->metric);
    for (unsigned i = 0; i < p->n_labels && at < n; i++)
        at += (size_t)snprintf(out + at, n - at, ",%s=%s", p->labels[i].key, p->labels[i].value);
}
#endif
