/* SPDX-License-Identifier: Apache-2.0 */
/* What a receiver decodes is what was described, and valid by the rules of OTLP. */
#include <stdio.h>
#include "tests/unit/otlpgen/fixture.h"

static struct got got;

static const char ALL_KINDS[] = "phases: [{duration: 1h, rate: 100}]\n"
                                "resource: {service.name: shop, host.name: h1}\n"
                                "metrics:\n"
                                "  - {name: temperature, type: gauge, unit: Cel, min: -5, max: 40,"
                                " labels: {room: [a, b]}}\n"
                                "  - {name: requests, type: sum, per_second: 100,"
                                " labels: {pod: {count: 3, prefix: p-}}}\n"
                                "  - {name: latency, type: histogram, unit: s, per_second: 1000,"
                                " bounds: [0.1, 0.5, 1, 5],"
                                " labels: {route: [/], pod: {count: 5}}}\n";

START_TEST(each_kind_is_decoded_as_it_was_described)
{
    struct plan p = plan_of(ALL_KINDS);
    points_of(&p, SEED, 60, 0, 20, &got);
    ck_assert_uint_eq(got.n_resource, 2);
    ck_assert_str_eq(got.resource[0].key, "service.name");
    ck_assert_str_eq(got.resource[1].value, "h1");
    ck_assert_str_eq(got.scope, "phoenix.load");
    static const char kinds[] = "ggssshhhhh";
    for (unsigned i = 0; i < 20; i++) {
        const struct got_point *x = &got.at[i];
        NEED(x->kind == kinds[i % 10]);
        NEED(x->time == (uint64_t)START_NS + (i + 1) * 10000000u);
        NEED(x->start == (x->kind == 'g' ? 0 : (uint64_t)START_NS));
        NEED(x->temporality == (x->kind == 'g' ? 0u : 2u));
        NEED(x->monotonic == (x->kind == 's'));
    }
    ck_assert_str_eq(got.at[1].metric, "temperature");
    ck_assert_str_eq(got.at[1].unit, "Cel");
    ck_assert_str_eq(label_of(&got.at[1], "room"), "b");
    ck_assert_str_eq(label_of(&got.at[13], "pod"), "p-1");
    ck_assert_str_eq(label_of(&got.at[19], "pod"), "4");
    ck_assert_str_eq(label_of(&got.at[19], "route"), "/");
    plan_done(&p);
}
END_TEST

START_TEST(histograms_are_valid_and_buckets_never_shrink)
{
    struct plan p = plan_of(ALL_KINDS);
    static struct got_point before[10];
    memset(before, 0, sizeof before);
    for (unsigned round = 0; round < 300; round++) {
        points_of(&p, SEED, 3000, round * 10 * 37, 10, &got);
        for (unsigned i = 5; i < 10; i++) {
            const struct got_point *x = &got.at[i];
            uint64_t sum = 0;
            double least = 0, most = 0;
            NEED(x->n_bounds == 4);
            NEED(x->n_buckets == x->n_bounds + 1);
            for (unsigned k = 0; k < x->n_buckets; k++) {
                sum += x->buckets[k];
                NEED(x->buckets[k] >= before[i].buckets[k]);
                least += (double)x->buckets[k] * (k ? x->bounds[k - 1] : 0);
                most += (double)x->buckets[k] * (k < 4 ? x->bounds[k] : 10);
            }
            NEED(sum == x->count);
            NEED(x->sum >= least && x->sum <= most && x->sum >= before[i].sum);
            before[i] = *x;
        }
    }
    ck_assert_uint_gt(before[5].count, 100000); /* it did count */
    plan_done(&p);
}
END_TEST

/* Who reads a sum takes it for a counter: it must not shrink, and is left out where it could. */
START_TEST(a_histogram_with_values_below_0_has_no_sum)
{
    struct plan p = plan_of("phases: [{duration: 1h, rate: 1}]\nmetrics:\n"
                            "  - {name: a, type: histogram, bounds: [0, 5]}\n"
                            "  - {name: b, type: histogram, bounds: [-10, 5]}\n");
    double before = 0;
    for (unsigned round = 0; round < 300; round++) {
        points_of(&p, SEED, 600, 2 * round, 2, &got);
        const struct got_point *a = &got.at[0], *b = &got.at[1];
        NEED(a->has_sum && a->sum >= before);
        NEED(!b->has_sum);
        before = a->sum;
    }
    ck_assert_double_gt(before, 0);
    ck_assert_uint_gt(got.at[1].buckets[0], 0);
    plan_done(&p);
}
END_TEST

START_TEST(sums_grow_and_gauges_stay_inside_their_range)
{
    struct plan p = plan_of(ALL_KINDS);
    double before[10] = { 0 }, least = 1e9, most = -1e9;
    for (unsigned round = 0; round < 500; round++) {
        points_of(&p, SEED, 3000, round * 10 * 54, 10, &got);
        for (unsigned i = 2; i < 5; i++) {
            NEED(got.at[i].number >= before[i]);
            before[i] = got.at[i].number;
        }
        for (unsigned i = 0; i < 2; i++) {
            least = got.at[i].number < least ? got.at[i].number : least;
            most = got.at[i].number > most ? got.at[i].number : most;
        }
    }
    ck_assert(before[2] > 10000);
    ck_assert_double_ge(least, -5);
    ck_assert_double_le(most, 40);
    ck_assert_double_le(least, -4);
    ck_assert_double_ge(most, 39);
    plan_done(&p);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bytes_and_another_seed_others)
{
    struct plan p = plan_of(ALL_KINDS);
    struct encoder *e[3] = { encoder_new(&p, 1, START_NS), encoder_new(&p, 1, START_NS),
                             encoder_new(&p, 2, START_NS) };
    struct schedule s;
    schedule_start(&s, &p);
    schedule_advance(&s, 60);
    size_t cap = encoder_bound(e[0], 100);
    uint8_t *room[3] = { malloc(cap), malloc(cap), malloc(cap) };
    const uint8_t *body[3];
    for (unsigned i = 0; i < 3; i++) body[i] = encode(e[i], &s, 77, 100, room[i], cap);
    size_t n = (size_t)(room[0] + cap - body[0]);
    ck_assert_int_eq(memcmp(body[0], body[1], n), 0);
    ck_assert_int_ne(memcmp(body[0], body[2], n), 0);
    for (unsigned i = 0; i < 3; i++) {
        encoder_free(e[i]);
        free(room[i]);
    }
    plan_done(&p);
}
END_TEST

START_TEST(no_request_exceeds_its_bound_whatever_its_shape)
{
    static const char *const shapes[] = {
        ALL_KINDS,
        /* every point another metric: the heads weigh more than the points */
        "phases: [{duration: 1h, rate: 1000}]\nmetrics:\n"
        "  - {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, type: gauge}\n"
        "  - {name: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, type: sum}\n  - {name: c, type: histogram}\n",
        "phases: [{duration: 1h, rate: 1000}]\nmetrics:\n  - {name: a, type: sum, churn: 1000, labels:"
        " {k: {count: 10000000, prefix: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}}}\n",
    };
    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct plan p = plan_of(shapes[i]);
        for (unsigned n = 1; n < 50; n++) points_of(&p, SEED, 1, 12345, n, &got);
        plan_done(&p);
    }
}
END_TEST

UNIT_MAIN("otlpgen/encode", each_kind_is_decoded_as_it_was_described,
          histograms_are_valid_and_buckets_never_shrink, a_histogram_with_values_below_0_has_no_sum,
          sums_grow_and_gauges_stay_inside_their_range,
          the_same_seed_gives_the_same_bytes_and_another_seed_others,
          no_request_exceeds_its_bound_whatever_its_shape)
