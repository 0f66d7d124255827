/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine: every phase with every input, and the decisions from facts. */
#include <check.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/experiment/machine.h"

#define HOSTS 3
#define T0 (INT64_C(1000) * NS_PER_S)

static const char *names[HOSTS] = { "a", "b", "c" };
static struct host_fact hosts[HOSTS];
static struct spec spec;
static struct exp_facts facts;
static struct exp_plan plan;
static struct err err;

static void setup(void)
{
    spec = (struct spec){ .hosts = names, .n_hosts = HOSTS, .min_hosts = 2, .load = { .name = "steady" },
                          .duration_ns = 60 * NS_PER_S, .warmup_ns = 5 * NS_PER_S,
                          .deploy_timeout_ns = 30 * NS_PER_S, .hold_ns = 1800 * NS_PER_S,
                          .host_lost_ns = 20 * NS_PER_S };
    facts = (struct exp_facts){ .spec = &spec, .now_ns = T0, .phase_since_ns = T0, .hosts = hosts };
    err = (struct err){ 0 };
    for (int i = 0; i < HOSTS; i++) hosts[i] = (struct host_fact){ .host_id = names[i], .last_seen_ns = T0 };
}

static void all_started(void)
{
    for (int i = 0; i < HOSTS; i++)
        for (int a = 0; a < ARM_COUNT; a++) hosts[i].arm[a].start = FACT_DONE;
}

static void step_in(enum phase phase, int64_t after_s)
{
    facts.phase = phase;
    facts.now_ns = T0 + after_s * NS_PER_S;
    ck_assert_int_eq(experiment_step(&facts, &plan, &err), 0);
}

static void hear_all(void)
{
    for (int i = 0; i < HOSTS; i++) hosts[i].last_seen_ns = facts.now_ns;
}

START_TEST(a_command_goes_only_where_the_table_leads)
{
    static const enum input commands[] = { INPUT_START, INPUT_STOP, INPUT_PROMOTE, INPUT_ROLLBACK };
    facts.phase = (enum phase)_i;
    for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++) {
        enum phase to;
        bool possible = transition_find(facts.phase, commands[c], &to, NULL);
        facts.command = commands[c];
        err = (struct err){ 0 };
        int rc = experiment_step(&facts, &plan, &err);
        if (possible) {
            ck_assert_int_eq(rc, 0);
            ck_assert_int_eq(plan.to, to);
        } else {
            ck_assert_int_eq(rc, ERR_CONFLICT);
            ck_assert_ptr_nonnull(strstr(err.msg, phase_name(facts.phase)));
            ck_assert_ptr_nonnull(strstr(err.remedy, "possible now: "));
        }
    }
}
END_TEST

START_TEST(a_phase_at_rest_releases_the_hosts_and_a_live_one_does_not)
{
    all_started();
    facts.command = INPUT_STOP;
    step_in(PHASE_RUNNING, 1);
    ck_assert(!plan.release_hosts && plan.cancel_tasks && plan.stop_arm[0] && plan.stop_arm[1] &&
              plan.stop_load);
    facts.command = INPUT_NONE;
    step_in(PHASE_STOPPING, 1);
    ck_assert_int_eq(plan.to, PHASE_STOPPED);
    ck_assert(plan.release_hosts);
}
END_TEST

START_TEST(warmup_waits_for_every_collector_of_every_host)
{
    all_started();
    hosts[2].arm[ARM_CANDIDATE].start = FACT_OPEN;
    step_in(PHASE_DEPLOYING, 1);
    ck_assert_int_eq(plan.input, INPUT_NONE);
    hosts[2].arm[ARM_CANDIDATE].start = FACT_DONE;
    step_in(PHASE_DEPLOYING, 1);
    ck_assert_int_eq(plan.to, PHASE_WARMUP);
    ck_assert(plan.start_load);
}
END_TEST

START_TEST(the_deploy_deadline_fails_the_experiment_and_stops_what_runs)
{
    all_started();
    hosts[1].arm[ARM_BASELINE].start = FACT_OPEN;
    facts.now_ns = T0 + 30 * NS_PER_S;
    hear_all();
    step_in(PHASE_DEPLOYING, 30);
    ck_assert_int_eq(plan.to, PHASE_STOPPING);
    ck_assert(plan.failed && plan.stop_arm[ARM_BASELINE] && plan.stop_arm[ARM_CANDIDATE]);
    ck_assert_ptr_nonnull(strstr(plan.why, "\"b\""));
    facts.failed = true;
    step_in(PHASE_STOPPING, 30);
    ck_assert_int_eq(plan.to, PHASE_FAILED);
}
END_TEST

START_TEST(a_lost_host_goes_out_while_enough_remain)
{
    all_started();
    facts.now_ns = T0 + 21 * NS_PER_S;
    hear_all();
    hosts[0].last_seen_ns = T0 + NS_PER_S;
    step_in(PHASE_RUNNING, 21);
    ck_assert_int_eq(plan.input, INPUT_NONE);
    ck_assert_uint_eq(plan.n_out, 1);
    ck_assert(hosts[0].out);
    hosts[1].last_seen_ns = T0;
    step_in(PHASE_RUNNING, 21);
    ck_assert_int_eq(plan.to, PHASE_STOPPING);
    ck_assert(plan.failed);
}
END_TEST

START_TEST(a_host_is_lost_at_its_limit_and_not_before)
{
    all_started();
    step_in(PHASE_RUNNING, 19);
    ck_assert_uint_eq(plan.n_out, 0);
    ck_assert_int_eq(plan.wake_ns, T0 + 20 * NS_PER_S);
    step_in(PHASE_RUNNING, 20);
    ck_assert_int_eq(plan.to, PHASE_STOPPING);
}
END_TEST

START_TEST(a_candidate_that_dies_while_measured_is_rolled_back)
{
    all_started();
    hosts[1].arm[ARM_CANDIDATE].pipeline = PIPELINE_FAILED;
    hosts[1].arm[ARM_CANDIDATE].why = "exited with status 7";
    step_in(PHASE_RUNNING, 1);
    ck_assert_int_eq(plan.to, PHASE_ROLLING_BACK);
    ck_assert(plan.keep_arm[ARM_BASELINE] && plan.stop_arm[ARM_CANDIDATE] && !plan.stop_arm[ARM_BASELINE]);
    ck_assert_ptr_nonnull(strstr(plan.why, "exited with status 7"));
}
END_TEST

START_TEST(a_baseline_that_dies_only_takes_its_host_out)
{
    all_started();
    hosts[1].arm[ARM_BASELINE].pipeline = PIPELINE_FAILED;
    step_in(PHASE_RUNNING, 1);
    ck_assert_int_eq(plan.input, INPUT_NONE);
    ck_assert(hosts[1].out);
}
END_TEST

START_TEST(a_breached_guardrail_rolls_back_before_time_is_looked_at)
{
    all_started();
    facts.look = (struct look_fact){ .breached = true, .why = "collector-cpu is 40 % higher" };
    step_in(PHASE_RUNNING, 19);
    ck_assert_int_eq(plan.to, PHASE_ROLLING_BACK);
    ck_assert_str_eq(plan.why, "collector-cpu is 40 % higher");
}
END_TEST

START_TEST(time_moves_from_warmup_to_running_to_analyzing)
{
    all_started();
    step_in(PHASE_WARMUP, 4);
    ck_assert_int_eq(plan.input, INPUT_NONE);
    ck_assert_int_eq(plan.wake_ns, T0 + 5 * NS_PER_S);
    step_in(PHASE_WARMUP, 5);
    ck_assert_int_eq(plan.to, PHASE_RUNNING);
    facts.now_ns = T0 + 60 * NS_PER_S;
    hear_all();
    step_in(PHASE_RUNNING, 60);
    ck_assert_int_eq(plan.to, PHASE_ANALYZING);
    ck_assert(plan.stop_load);
}
END_TEST

START_TEST(a_certain_decision_ends_the_run_early)
{
    all_started();
    facts.look = (struct look_fact){ .certain = true, .why = "all proved" };
    step_in(PHASE_RUNNING, 10);
    ck_assert_int_eq(plan.to, PHASE_ANALYZING);
    step_in(PHASE_WARMUP, 1);
    ck_assert_int_eq(plan.input, INPUT_NONE);
}
END_TEST

START_TEST(promote_keeps_the_candidate_and_ends_when_every_host_has_reported)
{
    all_started();
    facts.command = INPUT_PROMOTE;
    step_in(PHASE_COMPLETED, 1);
    ck_assert_int_eq(plan.to, PHASE_PROMOTING);
    ck_assert(plan.keep_arm[ARM_CANDIDATE] && plan.stop_arm[ARM_BASELINE] && !plan.stop_arm[ARM_CANDIDATE]);
    facts.command = INPUT_NONE;
    hosts[0].arm[ARM_CANDIDATE].keep = FACT_OPEN;
    step_in(PHASE_PROMOTING, 2);
    ck_assert_int_eq(plan.input, INPUT_NONE);
    hosts[0].arm[ARM_CANDIDATE].keep = FACT_DONE;
    step_in(PHASE_PROMOTING, 2);
    ck_assert_int_eq(plan.to, PHASE_PROMOTED);
}
END_TEST

START_TEST(a_lost_host_does_not_hold_up_the_end_and_is_not_waited_for_again)
{
    all_started();
    hosts[0].arm[ARM_BASELINE].stop = FACT_OPEN;
    hosts[1].arm[ARM_BASELINE].stop = FACT_OPEN;
    facts.now_ns = T0 + 25 * NS_PER_S;
    hosts[1].last_seen_ns = hosts[2].last_seen_ns = facts.now_ns;
    step_in(PHASE_STOPPING, 25);
    ck_assert_int_eq(plan.input, INPUT_NONE);
    ck_assert_int_gt(plan.wake_ns, facts.now_ns);
    hosts[1].arm[ARM_BASELINE].stop = FACT_DONE;
    step_in(PHASE_STOPPING, 25);
    ck_assert_int_eq(plan.to, PHASE_STOPPED);
    ck_assert_ptr_nonnull(strstr(plan.why, "1 hosts did not answer"));
}
END_TEST

START_TEST(the_hold_ends_as_a_rollback)
{
    step_in(PHASE_COMPLETED, 1799);
    ck_assert_int_eq(plan.wake_ns, T0 + 1800 * NS_PER_S);
    step_in(PHASE_COMPLETED, 1800);
    ck_assert_int_eq(plan.to, PHASE_ROLLING_BACK);
}
END_TEST

START_TEST(an_experiment_that_keeps_nothing_stops_where_others_roll_back)
{
    spec.keeps_nothing = true;
    step_in(PHASE_COMPLETED, 1800);
    ck_assert_int_eq(plan.to, PHASE_STOPPING);
    ck_assert(plan.stop_arm[ARM_BASELINE] && plan.stop_arm[ARM_CANDIDATE]);
    ck_assert(!plan.keep_arm[ARM_BASELINE]);
    facts.look.breached = true;
    step_in(PHASE_RUNNING, 1);
    ck_assert_int_eq(plan.to, PHASE_STOPPING);
    ck_assert_int_eq(plan.input, INPUT_BREACHED);
}
END_TEST

START_TEST(analysis_completes_only_when_it_is_stored)
{
    step_in(PHASE_ANALYZING, 1);
    ck_assert_int_eq(plan.input, INPUT_NONE);
    ck_assert_int_eq(plan.wake_ns, T0 + ANALYZE_AFTER_NS);
    facts.look.stored = true;
    step_in(PHASE_ANALYZING, 1);
    ck_assert_int_eq(plan.to, PHASE_COMPLETED);
}
END_TEST

START_TEST(every_live_phase_can_be_left)
{
    enum phase to;
    bool found = false;
    if (phase_is_live((enum phase)_i))
        for (int in = 1; in < INPUT_COUNT; in++)
            found |= transition_find((enum phase)_i, (enum input)in, &to, NULL);
    else
        found = true;
    ck_assert_msg(found, "no way out of %s", phase_name((enum phase)_i));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("machine");
    TCase *t = tcase_create("step");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_loop_test(t, a_command_goes_only_where_the_table_leads, 0, PHASE_COUNT);
    tcase_add_loop_test(t, every_live_phase_can_be_left, 0, PHASE_COUNT);
    tcase_add_test(t, a_phase_at_rest_releases_the_hosts_and_a_live_one_does_not);
    tcase_add_test(t, warmup_waits_for_every_collector_of_every_host);
    tcase_add_test(t, the_deploy_deadline_fails_the_experiment_and_stops_what_runs);
    tcase_add_test(t, a_lost_host_goes_out_while_enough_remain);
    tcase_add_test(t, a_host_is_lost_at_its_limit_and_not_before);
    tcase_add_test(t, a_candidate_that_dies_while_measured_is_rolled_back);
    tcase_add_test(t, a_baseline_that_dies_only_takes_its_host_out);
    tcase_add_test(t, a_breached_guardrail_rolls_back_before_time_is_looked_at);
    tcase_add_test(t, time_moves_from_warmup_to_running_to_analyzing);
    tcase_add_test(t, a_certain_decision_ends_the_run_early);
    tcase_add_test(t, promote_keeps_the_candidate_and_ends_when_every_host_has_reported);
    tcase_add_test(t, a_lost_host_does_not_hold_up_the_end_and_is_not_waited_for_again);
    tcase_add_test(t, the_hold_ends_as_a_rollback);
    tcase_add_test(t, an_experiment_that_keeps_nothing_stops_where_others_roll_back);
    tcase_add_test(t, analysis_completes_only_when_it_is_stored);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
