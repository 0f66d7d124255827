/* SPDX-License-Identifier: Apache-2.0 */
/* The analysis section: defaults, and what is refused with which pointer. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "tests/unit/experiment/lab.h"

static struct kpi_def kpis[8];
static struct spec_facts facts;
static struct analysis_spec spec;
static struct faults faults;

static void setup(void)
{
    size_t n = lab_plugins(kpis, 8);
    kpis[n] = (struct kpi_def){ .name = "gap", .ops = lab_kpi(MEASURE_SCRAPE, PHX_MEAN, PHX_DIFF) };
    facts = (struct spec_facts){ .pointer = "/config/analysis",
                                 .kpis = kpis,
                                 .n_kpis = n + 1,
                                 .sample_interval_ns = 15 * LAB_S,
                                 .duration_ns = 4 * 3600 * LAB_S,
                                 .n_hosts = 10,
                                 .n_critical = 2 };
}

static bool parse(const char *text)
{
    struct err err = { 0 };
    struct json *doc CLEANUP_JSON = json_parse(str_of(text), NULL, &err);
    ck_assert_msg(doc != NULL, "%s", err.msg);
    faults = (struct faults){ 0 };
    return analysis_spec_parse(doc, &facts, &spec, &faults);
}

START_TEST(left_out_section_gets_sensible_criteria)
{
    ck_assert(analysis_spec_parse(NULL, &facts, &spec, &faults));
    ck_assert_double_eq(spec.alpha, 0.05);
    ck_assert_int_eq(spec.bucket_ns, 60 * LAB_S);
    ck_assert_int_eq(spec.min_duration_ns, 2 * 3600 * LAB_S);
    ck_assert_int_eq(spec.max_duration_ns, facts.duration_ns);
    ck_assert_int_eq(spec.scope, SCOPE_SAMPLE);
    ck_assert_uint_eq(spec.n_criteria, 4);
    ck_assert_str_eq(spec.criteria[0].kpi, "cardinality");
    ck_assert_double_eq(spec.criteria[0].value, 0.10);
    ck_assert_double_eq(spec.criteria[2].or_diff, 32 << 20);
    ck_assert_int_eq(spec.criteria[3].rule, RULE_NEVER_BELOW);
    facts.n_critical = 0;
    ck_assert(analysis_spec_parse(NULL, &facts, &spec, &faults));
    ck_assert_uint_eq(spec.n_criteria, 3);
}
END_TEST

START_TEST(short_runs_get_short_buckets)
{
    facts.sample_interval_ns = LAB_S / 4;
    facts.duration_ns = 75 * LAB_S;
    ck_assert(parse("{}"));
    ck_assert_int_eq(spec.bucket_ns, LAB_S);
    ck_assert_int_eq(spec.min_duration_ns, 75 * LAB_S);
    facts.sample_interval_ns = 30 * LAB_S;
    ck_assert(parse("{}"));
    ck_assert_int_eq(spec.bucket_ns, 120 * LAB_S);
}
END_TEST

START_TEST(stored_spec_reads_back_the_same)
{
    ck_assert(
        parse("{\"alpha\":0.025,\"bucket\":\"2m\",\"early_stop\":true,\"scope\":\"fleet\",\"fleet_size\":50,"
              "\"success\":[{\"kpi\":\"cardinality\",\"reduction_at_least\":0.4}],"
              "\"guardrails\":[{\"kpi\":\"collector-cpu\",\"ratio_at_most\":1.2,\"or_diff_at_most\":0.1}]}"));
    struct json *first CLEANUP_JSON = analysis_spec_json(&spec);
    faults = (struct faults){ 0 };
    ck_assert(analysis_spec_parse(first, &facts, &spec, &faults));
    struct json *second CLEANUP_JSON = analysis_spec_json(&spec);
    ck_assert(json_equal(first, second));
    ck_assert_int_eq(spec.min_evidence, EVIDENCE_FLEET);
}
END_TEST

#define GUARD(rule) "{\"guardrails\":[{" rule "}]}"
#define SUCCESS(rule) "{\"success\":[{" rule "}]}"
static const struct {
    const char *doc, *pointer, *says;
} bad[] = {
    { "{\"alfa\":1}", "/config/analysis/alfa", "" },
    { "{\"alpha\":0.9}", "/config/analysis/alpha", "" },
    { "{\"success\":[]}", "/config/analysis/success", "" },
    { GUARD("\"kpi\":\"collector-cpu\",\"ratio_at_most\":1"), "/config/analysis/guardrails/0",
      "margin is not above zero" },
    { GUARD("\"kpi\":\"collector-cpu\",\"ratio_at_most\":1.1,\"or_diff_at_most\":0"),
      "/config/analysis/guardrails/0", "above zero" },
    { GUARD("\"kpi\":\"collector-cpu\""), "/config/analysis/guardrails/0", "exactly one" },
    { GUARD("\"kpi\":\"collector-cpu\",\"ratio_at_most\":1.1,\"never_above\":2"),
      "/config/analysis/guardrails/0", "exactly one" },
    { GUARD("\"kpi\":\"collector-cpu\",\"never_above\":2,\"or_diff_at_most\":2"),
      "/config/analysis/guardrails/0", "goes with ratio_at_most" },
    { GUARD("\"kpi\":\"cpu\",\"ratio_at_most\":1.1"), "/config/analysis/guardrails/0",
      "there are: cardinality" },
    { GUARD("\"kpi\":\"cardinality\",\"reduction_at_least\":0.1"), "/config/analysis/guardrails/0",
      "no guardrail" },
    { GUARD("\"kpi\":\"gap\",\"ratio_at_most\":1.1"), "/config/analysis/guardrails/0", "is no ratio" },
    { GUARD("\"kpi\":\"critical-processes\",\"at_least\":0.99"), "/config/analysis/guardrails/0",
      "it takes 377, so 189 hosts" },
    { GUARD("\"kpi\":\"critical-processes\",\"at_least\":0.95"), "/config/analysis/guardrails/0",
      "it takes 74, so 37 hosts" },
    { GUARD("\"kpi\":\"critical-processes\",\"at_least\":0.9"), "/config/analysis/guardrails/0",
      "it takes 36, so 18 hosts" },
    { GUARD("\"kpi\":\"critical-processes\",\"at_least\":1"), "/config/analysis/guardrails/0",
      "never_below" },
    { GUARD("\"kpi\":\"gap\",\"at_least\":2},{\"kpi\":\"gap\",\"at_most\":1"),
      "/config/analysis/guardrails/1", "cannot be at_least 2 and at_most 1" },
    { GUARD("\"kpi\":\"gap\",\"at_most\":2},{\"kpi\":\"gap\",\"at_most\":1"), "/config/analysis/guardrails/1",
      "twice" },
    { SUCCESS("\"kpi\":\"cardinality\",\"ratio_at_most\":1.1"), "/config/analysis/success/0",
      "reduction_at_least" },
    { SUCCESS("\"kpi\":\"cardinality\",\"reduction_at_least\":0"), "/config/analysis/success/0", "above 0" },
    { SUCCESS("\"kpi\":\"cardinality\",\"at_least\":5"), "/config/analysis/success/0", "ratio of the arms" },
    { "{\"bucket\":\"30s\"}", "/config/analysis/bucket", "four sample intervals (1m)" },
    { "{\"min_duration\":\"5h\",\"max_duration\":\"6h\"}", "/config/analysis/min_duration",
      "longer than the experiment" },
    { "{\"min_duration\":\"2h\",\"max_duration\":\"1h\"}", "/config/analysis/min_duration",
      "longer than max_duration" },
    { "{\"min_evidence\":\"fleet\"}", "/config/analysis/min_evidence", "set scope" },
    { "{\"scope\":\"fleet\",\"min_evidence\":\"census\"}", "/config/analysis/min_evidence",
      "needs fleet_size" },
    { "{\"fleet_size\":20,\"min_evidence\":\"census\"}", "/config/analysis/min_evidence",
      "at least 20 hosts, the experiment has 10" },
    { "{\"fleet_size\":5}", "/config/analysis/fleet_size", "smaller than the 10 hosts" },
};

START_TEST(senseless_sections_are_refused_by_pointer)
{
    ck_assert_msg(!parse(bad[_i].doc), "%s was accepted", bad[_i].doc);
    ck_assert_str_eq(faults.at[0].pointer, bad[_i].pointer);
    ck_assert_msg(strstr(faults.at[0].msg, bad[_i].says) != NULL, "%s", faults.at[0].msg);
}
END_TEST

START_TEST(critical_guardrail_needs_a_list)
{
    facts.n_critical = 0;
    ck_assert(!parse(GUARD("\"kpi\":\"critical-processes\",\"never_below\":1")));
    ck_assert_ptr_nonnull(strstr(faults.at[0].msg, "has none"));
}
END_TEST

START_TEST(enough_hosts_make_a_share_provable)
{
    facts.n_hosts = 18;
    ck_assert(parse(GUARD("\"kpi\":\"critical-processes\",\"at_least\":0.9")));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("analysis_spec");
    TCase *c = tcase_create("spec");
    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, left_out_section_gets_sensible_criteria);
    tcase_add_test(c, short_runs_get_short_buckets);
    tcase_add_test(c, stored_spec_reads_back_the_same);
    tcase_add_loop_test(c, senseless_sections_are_refused_by_pointer, 0, (int)(sizeof bad / sizeof bad[0]));
    tcase_add_test(c, critical_guardrail_needs_a_list);
    tcase_add_test(c, enough_hosts_make_a_share_provable);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
