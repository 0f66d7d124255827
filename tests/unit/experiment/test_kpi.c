/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped calculators, from their shared objects: cases.json says which inputs give which cells. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/yaml.h"
#include "tests/unit/experiment/lab.h"

static struct json *cases;

static const char *source_path(const char *name, char out[512])
{
    const char *top = getenv("top_srcdir");
    snprintf(out, 512, "%s/%s", top ? top : ".", name);
    return out;
}

static void setup(void)
{
    char path[512];
    struct err err = { 0 };
    static char text[1 << 16];
    FILE *f = fopen(source_path("plugins/kpi/cases.json", path), "r");
    ck_assert_msg(f != NULL, "no %s", path);
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    cases = json_parse((struct str){ text, n }, NULL, &err);
    ck_assert_msg(cases != NULL, "%s", err.msg);
}

static void teardown(void)
{
    json_free(cases);
}

/* A host that lends nothing but config. */
static double on_cfg_num(const phx_cfg *cfg, const char *path, double dflt)
{
    return json_real(json_path((const struct json *)cfg, path), dflt);
}

struct catcher {
    phx_kpi_out out;
    unsigned n;
    double cell[16][3];
};

static phx_status on_cell(const phx_kpi_out *out, uint64_t i, double value, double weight)
{
    struct catcher *c = (struct catcher *)(uintptr_t)out;
    ck_assert_uint_lt(c->n, 16);
    c->cell[c->n][0] = (double)i;
    c->cell[c->n][1] = value;
    c->cell[c->n++][2] = weight;
    return PHX_OK;
}

static phx_status compute(const phx_component *kpi, const struct json *k, struct catcher *ret)
{
    const phx_host host = { .size = sizeof host, .cfg_num = on_cfg_num };
    const phx_kpi_ops *ops = kpi->ops;
    const struct json *in = json_get(k, "in");
    static double values[8][16];
    const double *columns[8];
    phx_wall t[16];
    phx_self *self = NULL;
    phx_kpi_window w = { .size = sizeof w,
                         .n_inputs = (uint32_t)json_len(in),
                         .n = json_len(json_at(in, 0)),
                         .bucket_ns = (uint64_t)json_get_duration(k, "bucket", 0),
                         .t = t,
                         .in = columns };
    for (uint32_t i = 0; i < w.n_inputs; i++) {
        ck_assert_ptr_nonnull(ops->inputs[i]);
        for (size_t b = 0; b < w.n; b++) values[i][b] = json_real(json_at(json_at(in, i), b), NAN);
        columns[i] = values[i];
    }
    ck_assert_ptr_null(ops->inputs[w.n_inputs]);
    for (size_t b = 0; b < w.n; b++) t[b] = LAB_T0 + (phx_wall)(b * w.bucket_ns);
    if (kpi->create)
        ck_assert_int_eq(kpi->create(&host, (const phx_cfg *)json_get(k, "config"), &self), PHX_OK);
    phx_status st = ops->cells(self, &w, &ret->out);
    if (kpi->destroy) kpi->destroy(self);
    return st;
}

START_TEST(inputs_give_the_cells_of_the_case)
{
    const struct json *k = json_at(cases, (size_t)_i);
    if (!k) return;
    const phx_component *kpi = lab_plugin(json_get_str(k, "kpi", ""));
    ck_assert_msg(kpi != NULL, "no calculator \"%s\"", json_get_str(k, "kpi", ""));
    struct catcher got = { .out = { .size = sizeof got.out, .cell = on_cell } };
    const struct json *want = json_get(k, "cells");
    ck_assert_int_eq(compute(kpi, k, &got), (int)json_get_int(k, "status", PHX_OK));
    ck_assert_uint_eq(got.n, json_len(want));
    for (unsigned c = 0; c < got.n; c++)
        for (unsigned j = 0; j < 3; j++) {
            double w = json_real(json_at(json_at(want, c), j), NAN);
            ck_assert_msg(fabs(got.cell[c][j] - w) <= 1e-12 * fabs(w), "cell %u: %.15g, not %.15g", c,
                          got.cell[c][j], w);
        }
}
END_TEST

START_TEST(every_calculator_declares_what_agents_measure)
{
    static const char *const names[] = { "cardinality",      "ingest_rate",        "collector_cpu",
                                         "collector_memory", "critical_processes", "cost" };
    for (unsigned i = 0; i < 6; i++) {
        const phx_component *c = lab_plugin(names[i]);
        ck_assert_msg(c != NULL, "no %s", names[i]);
        const phx_kpi_ops *ops = c->ops;
        ck_assert_str_eq(c->kind, PHX_KPI);
        ck_assert(ops->better == PHX_LOWER_IS_BETTER || ops->better == PHX_HIGHER_IS_BETTER);
        for (unsigned k = 0; ops->inputs[k]; k++) {
            unsigned m = measure_find(ops->inputs[k]->name);
            ck_assert_uint_lt(m, MEASURE_COUNT);
            ck_assert_int_eq(measure_is_counter(m), ops->inputs[k]->reduce == PHX_INCREASE);
        }
    }
}
END_TEST

START_TEST(shipped_price_tables_are_configs_of_cost)
{
    static const char *const tables[] = { "amp-us",         "gmp",      "grafana-cloud",
                                          "datadog-series", "newrelic", "own-resources" };
    const phx_component *cost = lab_plugin("cost");
    struct err err = { 0 };
    struct schema *schema = schema_from_json(str_of(cost->schema), &err);
    ck_assert_msg(schema != NULL, "%s", err.msg);
    for (unsigned i = 0; i < 6; i++) {
        char name[64], path[512];
        struct buf text CLEANUP_BUF;
        struct faults faults = { 0 };
        buf_init(&text, 1 << 16);
        snprintf(name, sizeof name, "etc/prices/%s.yaml", tables[i]);
        ck_assert_int_eq(file_read(source_path(name, path), 1 << 16, &text, &err), 0);
        struct json *doc CLEANUP_JSON = yaml_parse(buf_str(&text), NULL, &err);
        ck_assert_msg(doc != NULL, "%s: %s", name, err.msg);
        ck_assert_msg(schema_check(schema, doc, &faults), "%s: %s %s", name, faults.at[0].pointer,
                      faults.at[0].msg);
        ck_assert_str_eq(json_get_str(doc, "id", ""), tables[i]);
        ck_assert_ptr_nonnull(json_get(doc, "as_of"));
        ck_assert_ptr_nonnull(json_get(doc, "evidence"));
    }
    schema_free(schema);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kpi");
    TCase *c = tcase_create("kpi");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_loop_test(c, inputs_give_the_cells_of_the_case, 0, 11);
    tcase_add_test(c, every_calculator_declares_what_agents_measure);
    tcase_add_test(c, shipped_price_tables_are_configs_of_cost);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
