/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "core/api/load_doc.h"
#include "core/base/clock.h"

#define T0 (INT64_C(1700000000) * NS_PER_S)
static struct load load;

static void set_up(void)
{
    struct err err = { 0 };
    load = (struct load){ .profile = "steady", .created_ns = T0, .updated_ns = T0, .rev = 1 };
    uuid7_new(load.id);
    load.spec = json_parse(
        STR("{\"duration\":\"60s\",\"seed\":1,\"parameters\":{},\"target_hosts\":[\"a\",\"b\"],"
            "\"hosts\":{\"a\":{\"status\":\"starting\",\"since\":1700000000000000000,\"task\":\"t1\"},"
            "\"b\":{\"status\":\"starting\",\"since\":1700000000000000000,\"task\":\"t2\"}}}"),
        NULL, &err);
    ck_assert_msg(load.spec != NULL, "%s", err.msg);
}

static void tear_down(void)
{
    load_done(&load);
}

static enum load_status on(const char *host)
{
    enum load_status s = LOAD_STARTING;
    ck_assert(load_host_status(&load, host, &s));
    return s;
}

static bool reported(const char *host, const char *entry, int64_t at_s)
{
    struct json *j = entry ? json_parse(str_of(entry), NULL, NULL) : NULL;
    bool changed = load_host_reported(&load, host, j, T0 + at_s * NS_PER_S);
    json_free(j);
    return changed;
}

START_TEST(the_whole_runs_while_one_host_runs_and_fails_when_one_has_failed)
{
    ck_assert_int_eq(load_status(&load), LOAD_STARTING);
    ck_assert(load_host_set(&load, "a", LOAD_RUNNING, NULL, T0 + 1));
    ck_assert_int_eq(load_status(&load), LOAD_RUNNING);
    ck_assert(load_host_set(&load, "b", LOAD_FAILED, "no memory", T0 + 2));
    ck_assert_int_eq(load_status(&load), LOAD_RUNNING);
    ck_assert(load_host_set(&load, "a", LOAD_COMPLETED, NULL, T0 + 3));
    ck_assert_int_eq(load_status(&load), LOAD_FAILED);
    ck_assert_int_eq(json_get_int(load.spec, "started_at", 0), T0 + 1);
    ck_assert_int_eq(json_get_int(load.spec, "completed_at", 0), T0 + 3);
}
END_TEST

START_TEST(a_final_status_is_never_overwritten)
{
    load_host_set(&load, "a", LOAD_STOPPED, NULL, T0);
    ck_assert(!load_host_set(&load, "a", LOAD_RUNNING, NULL, T0));
    ck_assert(!reported("a", "{\"id\":\"x\",\"status\":\"running\"}", 1));
    ck_assert_int_eq(on("a"), LOAD_STOPPED);
}
END_TEST

START_TEST(a_host_that_does_not_take_part_changes_nothing)
{
    ck_assert(!load_host_set(&load, "c", LOAD_RUNNING, NULL, T0));
    ck_assert(!reported("c", "{\"id\":\"x\",\"status\":\"running\"}", 1));
}
END_TEST

START_TEST(figures_are_taken_from_heartbeats_and_the_same_ones_change_nothing)
{
    const char *entry = "{\"id\":\"x\",\"status\":\"running\",\"offered\":100,\"delivered\":90}";
    ck_assert(reported("a", entry, 1));
    ck_assert(!reported("a", entry, 2));
    ck_assert_int_eq(on("a"), LOAD_RUNNING);
    ck_assert_int_eq(json_get_int(json_path(load.spec, "hosts.a"), "delivered", 0), 90);
}
END_TEST

START_TEST(a_heartbeat_from_before_the_start_does_not_end_a_load)
{
    load_host_set(&load, "a", LOAD_RUNNING, NULL, T0);
    ck_assert(!reported("a", NULL, 1));
    ck_assert_int_eq(on("a"), LOAD_RUNNING);
}
END_TEST

START_TEST(a_load_that_is_gone_before_its_time_has_failed)
{
    reported("a", "{\"id\":\"x\",\"status\":\"running\"}", 1);
    ck_assert(reported("a", NULL, 30));
    ck_assert_int_eq(on("a"), LOAD_FAILED);
}
END_TEST

START_TEST(a_load_that_is_gone_after_its_time_has_completed)
{
    reported("a", "{\"id\":\"x\",\"status\":\"running\"}", 1);
    ck_assert(reported("a", NULL, 62));
    ck_assert_int_eq(on("a"), LOAD_COMPLETED);
}
END_TEST

START_TEST(a_load_that_is_being_stopped_does_not_run_again)
{
    load_host_set(&load, "a", LOAD_STOPPING, NULL, T0);
    reported("a", "{\"id\":\"x\",\"status\":\"running\",\"offered\":1}", 1);
    ck_assert_int_eq(on("a"), LOAD_STOPPING);
    ck_assert_int_eq(load_status(&load), LOAD_STOPPING);
    reported("a", "{\"id\":\"x\",\"status\":\"stopped\"}", 2);
    ck_assert_int_eq(on("a"), LOAD_STOPPED);
}
END_TEST

START_TEST(a_silent_host_is_given_up_in_time_and_its_task_named)
{
    const char *task;
    int64_t at = load_next_deadline(&load);
    ck_assert_int_gt(at, T0);
    ck_assert_int_lt(at, T0 + 600 * NS_PER_S);
    ck_assert_ptr_null(load_host_overdue(&load, "a", at - 1, &task));
    ck_assert_ptr_nonnull(load_host_overdue(&load, "a", at, &task));
    ck_assert_str_eq(task, "t1");
    load_host_set(&load, "a", LOAD_RUNNING, NULL, T0);
    load_host_set(&load, "b", LOAD_COMPLETED, NULL, T0);
    at = load_next_deadline(&load);
    ck_assert_int_gt(at, T0 + 60 * NS_PER_S);
    ck_assert_ptr_nonnull(load_host_overdue(&load, "a", at, &task));
    load_host_set(&load, "a", LOAD_COMPLETED, NULL, T0);
    ck_assert_int_eq(load_next_deadline(&load), INT64_MAX);
}
END_TEST

START_TEST(figures_of_the_profile_are_shown_and_a_reason_before_the_end)
{
    load_host_set(&load, "a", LOAD_RUNNING, NULL, T0);
    static const char entry[] = "{\"status\":\"running\",\"rejected\":5,\"late\":7,\"rate\":1e3,"
                                "\"reason\":\"slow\"}";
    ck_assert(reported("a", entry, 1));
    ck_assert_double_eq(json_get_real(json_path(load.spec, "hosts.a"), "rate", 0), 1000);
    ck_assert_double_eq(json_get_real(json_path(load.spec, "hosts.a"), "late", 0), 7);
    ck_assert_str_eq(json_get_str(json_path(load.spec, "hosts.a"), "reason", ""), "slow");
    ck_assert(reported("a", "{\"status\":\"running\",\"rejected\":6}", 2));
    ck_assert_double_eq(json_get_real(json_path(load.spec, "hosts.a"), "rejected", 0), 6);
}
END_TEST

START_TEST(it_is_shown_without_what_is_ours)
{
    struct buf out;
    struct jw w;
    buf_init(&out, 1 << 16);
    jw_init(&w, &out);
    load_host_set(&load, "a", LOAD_FAILED, "no memory", T0);
    load_write(&load, &w);
    struct json *j = json_parse(buf_str(&out), NULL, NULL);
    ck_assert_ptr_nonnull(j);
    ck_assert_str_eq(json_get_str(j, "status", ""), "starting");
    ck_assert_str_eq(json_get_str(json_path(j, "hosts.a"), "reason", ""), "no memory");
    ck_assert_ptr_null(json_path(j, "hosts.a.task"));
    ck_assert_ptr_null(json_get(j, "completed_at"));
    json_free(j);
    buf_done(&out);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("api/load_doc");
    TCase *tc = tcase_create("load_doc");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, the_whole_runs_while_one_host_runs_and_fails_when_one_has_failed);
    tcase_add_test(tc, a_final_status_is_never_overwritten);
    tcase_add_test(tc, a_host_that_does_not_take_part_changes_nothing);
    tcase_add_test(tc, figures_are_taken_from_heartbeats_and_the_same_ones_change_nothing);
    tcase_add_test(tc, a_heartbeat_from_before_the_start_does_not_end_a_load);
    tcase_add_test(tc, a_load_that_is_gone_before_its_time_has_failed);
    tcase_add_test(tc, a_load_that_is_gone_after_its_time_has_completed);
    tcase_add_test(tc, a_load_that_is_being_stopped_does_not_run_again);
    tcase_add_test(tc, a_silent_host_is_given_up_in_time_and_its_task_named);
    tcase_add_test(tc, figures_of_the_profile_are_shown_and_a_reason_before_the_end);
    tcase_add_test(tc, it_is_shown_without_what_is_ours);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
