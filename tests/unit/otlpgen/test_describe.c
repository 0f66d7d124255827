/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions: what they may say, and where a fault is told to be. */
#include <stdio.h>
#include "tests/unit/otlpgen/fixture.h"

static void refused(const char *text, const char *fault)
{
    struct plan p;
    struct doc_first first;
    doc_first_init(&first);
    ck_assert_msg(!describe(text, strlen(text), &p, &first.faults), "taken: %s", text);
    ck_assert_msg(!strncmp(first.text, fault, strlen(fault)), "\"%s\" for %s", first.text, text);
    ck_assert_ptr_null(p.metrics);
}

#define PHASES "phases: [{duration: 30s, rate: 10}]\n"

START_TEST(all_that_can_be_said_is_read)
{
    struct plan p = plan_of("phases:\n"
                            "  - {duration: 1.5m, rate: 10}\n"
                            "  - {duration: 250ms, rate: {from: 10, to: 2000.5}}\n"
                            "  - {duration: 2, rate: 0}\n"
                            "repeat: false\n"
                            "resource: {service.name: shop, answer: 42}\n"
                            "metrics:\n"
                            "  - name: m\n"
                            "    type: histogram\n"
                            "    unit: s\n"
                            "    bounds: [-1, 0, 2.5e3]\n"
                            "    per_second: 7\n"
                            "    churn: 90\n"
                            "    labels:\n"
                            "      fixed: text\n"
                            "      listed: ['1', two, 3]\n"
                            "      made: {count: 1001, prefix: x-}\n"
                            "      follows: {values: [a, b], depends_on: made, distribution: zipf,"
                            " exponent: 2}\n"
                            "      chance: {count: 9, distribution: uniform}\n");
    ck_assert_uint_eq(p.n_phases, 3);
    ck_assert_double_eq_tol(p.phases[0].seconds, 90, 1e-9);
    ck_assert_double_eq_tol(p.phases[1].seconds, 0.25, 1e-9);
    ck_assert_double_eq(p.phases[1].to, 2000.5);
    ck_assert(!p.repeats);
    ck_assert_str_eq(p.resource[1][1], "42");
    const struct plan_metric *m = &p.metrics[0];
    ck_assert_uint_eq(m->series, 3 * 1001);
    ck_assert_uint_eq(m->n_bounds, 3);
    ck_assert_int_eq(m->churned, 2);
    ck_assert_double_eq(m->churn, 90);
    ck_assert_int_eq(m->labels[3].role, LABEL_DEPENDS);
    ck_assert_uint_eq(m->labels[3].of, 2);
    ck_assert_double_eq(m->labels[3].zipf.s, 2);
    ck_assert_int_eq(m->labels[4].role, LABEL_DRAWN);
    plan_done(&p);
}
END_TEST

START_TEST(a_fault_is_told_with_line_and_column)
{
    refused("", "1:1: the document is empty");
    refused("[]", "1:1: a map is wanted here");
    refused("phases: [}", "1:10: ");
    refused("metrics: []\n", "1:1: phases: a list");
    refused(PHASES, "1:1: metrics: a list");
    refused(PHASES "metrics: []\n", "2:10: metrics: a list");
    refused(PHASES "other: 1\nmetrics: []\n", "2:8: \"other\" is not known here; there are: phases, repeat");
    refused("phases: [{duration: 30s}]\n", "1:10: a phase has a rate");
    refused("phases: [{rate: 3}]\n", "1:10: a phase has a duration");
    refused("phases:\n  - {duration: 30 s, rate: 1}\n", "2:16: duration: a time from 100ms to 24h");
    refused("phases:\n  - {duration: 1ms, rate: 1}\n", "2:16: duration: ");
    refused("phases:\n  - {duration: nan, rate: 1}\n", "2:16: duration: ");
    refused("phases:\n  - {duration: 0x10, rate: 1}\n", "2:16: duration: ");
    refused("phases:\n  - {duration: 30s, rate: -1}\n", "2:27: rate: a number from 0 to 5000000");
    refused("phases:\n  - {duration: 30s, rate: {from: 1}}\n", "2:27: a ramp goes");
    refused("phases:\n  - {duration: 30s, rate: {from: 1, to: 6000000}}\n", "2:41: to: a number");
    refused(PHASES "repeat: 3\n", "2:9: repeat: true or false");
    refused(PHASES "resource: {a: [1]}\n", "2:15: a text is wanted here");
}
END_TEST

#define METRIC(rest) PHASES "metrics:\n  - {name: a, type: gauge, " rest "}\n"

START_TEST(faults_of_metrics_and_labels_are_told)
{
    refused(PHASES "metrics: [{type: gauge}]\n", "2:11: a metric has a name");
    refused(PHASES "metrics: [{name: a}]\n", "2:11: type: gauge, sum or histogram");
    refused(PHASES "metrics: [{name: a, type: summary}]\n", "2:27: type: gauge, sum or histogram");
    refused(METRIC("bounds: [1]"), "3:36: bounds: a gauge has none");
    refused(METRIC("min: 5, max: 4"), "3:5: min is above max");
    refused(METRIC("labels: [a]"), "3:36: labels: a map");
    refused(METRIC("labels: {a: []}"), "3:40: a label lists 1 to 256 values");
    refused(METRIC("labels: {a: [x, x]}"), "3:44: this value stands here twice");
    refused(METRIC("labels: {a: {prefix: x}}"), "3:40: a label has either values");
    refused(METRIC("labels: {a: {count: 0}}"), "3:48: count: a whole number from 1 to 10000000");
    refused(METRIC("labels: {a: {count: 10000001}}"), "3:48: count: ");
    refused(METRIC("labels: {a: {values: [x], prefix: y}}"), "3:62: prefix: only with count");
    refused(METRIC("labels: {a: {count: 3, distribution: normal}}"), "3:65: distribution: uniform or zipf");
    refused(METRIC("labels: {a: {count: 3, exponent: 2}}"), "3:61: exponent: only zipf has one");
    refused(METRIC("labels: {a: {count: 3, depends_on: b}}"), "3:63: depends_on: a label that stands before");
    refused(METRIC("labels: {a: {count: 3, depends_on: a}}"), "3:63: depends_on: a label that stands before");
    refused(METRIC("labels: {a: {count: 10000000}, b: {count: 101}}"), "3:62: with this label the");
    refused(METRIC("churn: 5"), "3:35: churn: a label with count");
    refused(METRIC("churn: 5, labels: {a: [x, y]}"), "3:35: churn: a label with count");
    refused(PHASES "metrics: [{name: a, type: histogram, bounds: [1, 1]}]\n", "2:50: bounds: numbers");
    refused(PHASES "metrics: [{name: a, type: sum}, {name: a, type: sum}]\n", "2:33: there are two");
    refused(METRIC("unit: \"\\x01\""), "3:34: this text has a control character");
}
END_TEST

/* A list of n elements of that text. */
static char *many(const char *head, const char *element, unsigned n, const char *tail)
{
    size_t room = strlen(head) + strlen(tail) + n * (strlen(element) + 8) + 1;
    char *text = malloc(room);
    size_t at = (size_t)snprintf(text, room, "%s", head);
    for (unsigned i = 0; i < n; i++) at += (size_t)snprintf(text + at, room - at, element, i);
    (void)snprintf(text + at, room - at, "%s", tail);
    return text;
}

START_TEST(everything_is_limited)
{
    char *text = many("phases:\n", "  - {duration: 1s, rate: %u}\n", PLAN_PHASES + 1, "");
    refused(text, "66:5: there are more than 64 phases");
    free(text);
    text = many(PHASES "metrics:\n", "  - {name: m%u, type: sum}\n", PLAN_METRICS + 1, "");
    refused(text, "67:5: there are more than 64 metrics");
    free(text);
    text = many(PHASES "metrics:\n  - {name: a, type: gauge, labels: {", "l%u: x, ", PLAN_LABELS + 1, "}}\n");
    refused(text, "3:160: a metric has more than 16 labels");
    free(text);
    text = many(PHASES "metrics:\n  - {name: a, type: gauge, labels: {k: [", "v%u, ", PLAN_VALUES + 1,
                "]}}\n");
    refused(text, "3:40: a label lists 1 to 256 values");
    free(text);
    text = many(PHASES "metrics:\n  - {name: a, type: histogram, bounds: [", "%u, ", PLAN_BOUNDS + 1, "]}\n");
    refused(text, "3:287: a histogram has more than 64 bounds");
    free(text);
    text = many(PHASES "resource: {", "k%u: x, ", PLAN_LABELS + 1, "}\n");
    refused(text, "2:135: the resource has more than 16 attributes");
    free(text);
    text = many(PHASES "metrics: [{type: sum, name: x", "%03u", PLAN_NAME_BYTES / 3 + 1, "}]\n");
    refused(text, "2:29: this text is longer than 128 bytes");
    free(text);
    text = many("# ", "%08u", PLAN_TEXT_BYTES / 8, "\n" PHASES);
    refused(text, "1:1: the description is longer than 65536 bytes");
    free(text);
}
END_TEST

UNIT_MAIN("otlpgen/describe", all_that_can_be_said_is_read, a_fault_is_told_with_line_and_column,
          faults_of_metrics_and_labels_are_told, everything_is_limited)
