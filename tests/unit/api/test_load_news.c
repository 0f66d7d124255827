/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include <stdio.h>
#include <string.h>
#include "core/api/load_doc.h"
#include "core/base/clock.h"

#define ID "0190c9a0-0000-7000-8000-000000000001"
#define T0 (INT64_C(1700000000) * NS_PER_S)

/* A load on hosts a and b, as it is stored: both `status`. */
static struct load stored(const char *status)
{
    struct load l = { .id = ID, .profile = "steady", .created_ns = T0, .updated_ns = T0, .rev = 7 };
    char text[512];
    snprintf(text, sizeof text,
             "{\"duration\":\"60s\",\"target_hosts\":[\"a\",\"b\"],\"hosts\":{\"a\":{\"status\":\"%s\","
             "\"since\":1700000000000000000},\"b\":{\"status\":\"%s\",\"since\":1700000000000000000}}}",
             status, status);
    l.spec = json_parse(str_of(text), NULL, NULL);
    ck_assert_ptr_nonnull(l.spec);
    return l;
}

static enum load_status on(const struct load *l, const char *host)
{
    enum load_status s = LOAD_STARTING;
    ck_assert(load_host_status(l, host, &s));
    return s;
}

static struct load_news *report_at(const char *host, const char *text, int64_t heard_ns)
{
    struct json *list = json_parse(str_of(text), NULL, NULL);
    ck_assert_ptr_nonnull(list);
    struct load_news *n = load_news_report(host, list, heard_ns);
    json_free(list);
    return n;
}

static struct load_news *report(const char *host, const char *text)
{
    return report_at(host, text, T0 + 1);
}

START_TEST(news_are_applied_in_order)
{
    struct load l = stored("starting");
    struct load_news *n = load_news_status("a", ID, LOAD_RUNNING, NULL);
    n->next = load_news_status("a", ID, LOAD_FAILED, "no memory");
    n->next->next = load_news_status("b", ID, LOAD_RUNNING, NULL);
    ck_assert(load_news_apply(&l, n, T0 + 1));
    ck_assert_int_eq(on(&l, "a"), LOAD_FAILED);
    ck_assert_int_eq(on(&l, "b"), LOAD_RUNNING);
    ck_assert_str_eq(json_get_str(json_path(l.spec, "hosts.a"), "reason", ""), "no memory");
    load_news_free(n);
    load_done(&l);
}
END_TEST

START_TEST(news_that_were_not_saved_are_applied_again_to_what_another_process_stored)
{
    struct load mine = stored("starting"), theirs = stored("starting");
    struct load_news *n = load_news_status("a", ID, LOAD_RUNNING, NULL);
    n->next = report("a", "[{\"id\":\"" ID "\",\"status\":\"running\",\"offered\":5,\"delivered\":4}]");
    load_news_apply(&mine, n, T0 + 1);
    struct load_news *other = load_news_status("b", ID, LOAD_RUNNING, NULL);
    load_news_apply(&theirs, other, T0 + 1);
    ck_assert(load_news_apply(&theirs, n, T0 + 2));
    ck_assert_int_eq(on(&theirs, "a"), LOAD_RUNNING);
    ck_assert_int_eq(on(&theirs, "b"), LOAD_RUNNING);
    ck_assert_int_eq(json_get_int(json_path(theirs.spec, "hosts.a"), "delivered", 0), 4);
    load_news_free(n);
    load_news_free(other);
    load_done(&mine);
    load_done(&theirs);
}
END_TEST

START_TEST(applying_news_twice_changes_nothing)
{
    struct load l = stored("running");
    struct load_news *n = load_news_status("a", ID, LOAD_STOPPED, NULL);
    n->next = report("b", "[{\"id\":\"" ID "\",\"status\":\"running\",\"offered\":5,\"delivered\":4}]");
    ck_assert(load_news_apply(&l, n, T0 + 1));
    ck_assert(!load_news_apply(&l, n, T0 + 2));
    load_news_free(n);
    load_done(&l);
}
END_TEST

START_TEST(a_host_on_which_it_has_ended_stays_as_another_process_stored_it)
{
    struct load theirs = stored("completed");
    struct load_news *n = load_news_status("a", ID, LOAD_RUNNING, NULL);
    n->next = load_news_status("b", ID, LOAD_STOPPING, NULL);
    ck_assert(!load_news_apply(&theirs, n, T0 + 1));
    ck_assert_int_eq(load_status(&theirs), LOAD_COMPLETED);
    load_news_free(n);
    load_done(&theirs);
}
END_TEST

START_TEST(news_of_another_load_mean_nothing_and_a_report_without_it_means_that_it_is_gone)
{
    struct load l = stored("running");
    struct load_news *n = load_news_status("a", "0190c9a0-0000-7000-8000-000000000002", LOAD_FAILED, "x");
    ck_assert(!load_news_apply(&l, n, T0 + 1));
    load_news_free(n);
    n = report("a", "[{\"id\":\"" ID "\",\"status\":\"running\",\"offered\":5,\"delivered\":4}]");
    n->next = report("a", "[]");
    ck_assert(load_news_apply(&l, n, T0 + NS_PER_S));
    ck_assert_int_eq(on(&l, "a"), LOAD_FAILED);
    load_news_free(n);
    load_done(&l);
}
END_TEST

START_TEST(a_report_that_is_told_late_is_not_held_against_what_was_heard_after_it)
{
    struct load l = stored("running");
    struct load_news *n = report_at("a", "[{\"id\":\"" ID "\",\"status\":\"running\"}]", T0 + 9);
    n->next = report_at("a", "[]", T0 + 8);
    load_news_apply(&l, n, T0 + 10);
    ck_assert_int_eq(on(&l, "a"), LOAD_RUNNING);
    load_news_free(n);
    n = report_at("a", "[]", T0 + 10);
    load_news_apply(&l, n, T0 + 10);
    ck_assert_int_eq(on(&l, "a"), LOAD_FAILED);
    load_news_free(n);
    load_done(&l);
}
END_TEST

START_TEST(a_copy_lives_on_its_own)
{
    struct load l = stored("starting");
    struct load_news *n = load_news_status("a", ID, LOAD_FAILED, "no memory");
    struct load_news *copy = load_news_copy(n);
    load_news_free(n);
    ck_assert(load_news_apply(&l, copy, T0 + 1));
    ck_assert_str_eq(json_get_str(json_path(l.spec, "hosts.a"), "reason", ""), "no memory");
    load_news_free(copy);
    load_done(&l);
}
END_TEST

/* Tasks, older to newer. */
#define TASK_1 "0190c9a0-0000-7000-8000-0000000000a1"
#define TASK_2 "0190c9a0-0000-7000-8000-0000000000a2"
#define TASK_3 "0190c9a0-0000-7000-8000-0000000000a3"

START_TEST(a_change_is_pending_until_its_host_says_more)
{
    struct load l = stored("running");
    CLEANUP_JSON struct json *change = json_parse(STR("{\"factor\":2}"), NULL, NULL);
    struct load_news *n = load_news_adjust("a", ID, TASK_1, "pending", NULL, change);
    n->next = load_news_adjust("b", ID, TASK_2, "pending", NULL, change);
    struct load_news *copy = load_news_copy(n);
    ck_assert(load_news_apply(&l, n, T0 + 1));
    ck_assert(!load_news_apply(&l, copy, T0 + 1)); /* the same again */
    ck_assert(json_equal(json_get(l.spec, "adjusted"), change));
    load_news_free(n);
    load_news_free(copy);
    n = load_news_adjust("a", ID, TASK_1, "failed", "it cannot", NULL);
    n->next = load_news_adjust("b", ID, TASK_2, "done", NULL, NULL);
    ck_assert(load_news_apply(&l, n, T0 + 2));
    ck_assert_str_eq(json_get_str(json_path(l.spec, "hosts.a"), "adjust_error", ""), "it cannot");
    ck_assert_str_eq(json_get_str(json_path(l.spec, "hosts.b"), "adjust", ""), "done");
    ck_assert_int_eq(l.updated_ns, T0 + 2); /* a save that knows no revision goes by this */
    ck_assert_int_eq(on(&l, "a"), LOAD_RUNNING); /* it runs on as it was */
    load_news_free(n);
    n = load_news_adjust("a", ID, TASK_3, "pending", NULL, change);
    ck_assert(load_news_apply(&l, n, T0 + 3)); /* asked for once more */
    ck_assert_ptr_null(json_path(l.spec, "hosts.a.adjust_error"));
    load_host_set(&l, "a", LOAD_STOPPED, NULL, T0 + 4);
    ck_assert(!load_news_apply(&l, n, T0 + 5));
    load_news_free(n);
    load_done(&l);
}
END_TEST

/* Who was told of its end stored that first; then the process that was asked for it applies its news. */
START_TEST(a_change_that_is_done_is_not_pending_again)
{
    struct load l = stored("running");
    CLEANUP_JSON struct json *change = json_parse(STR("{\"rate\":7}"), NULL, NULL);
    struct load_news *asked = load_news_adjust("a", ID, TASK_2, "pending", NULL, change);
    struct load_news *done = load_news_adjust("a", ID, TASK_2, "done", NULL, NULL);
    struct load_news *older = load_news_adjust("a", ID, TASK_1, "failed", "a newer one took its place", NULL);
    ck_assert(load_news_apply(&l, done, T0 + 1));
    ck_assert(load_news_apply(&l, asked, T0 + 2));
    ck_assert_str_eq(json_get_str(json_path(l.spec, "hosts.a"), "adjust", ""), "done");
    ck_assert(json_equal(json_get(l.spec, "adjusted"), change));
    ck_assert(!load_news_apply(&l, older, T0 + 3)); /* its end comes after that of the one that replaced it */
    ck_assert(!load_news_apply(&l, asked, T0 + 4));
    load_news_free(asked);
    load_news_free(done);
    load_news_free(older);
    load_done(&l);
}
END_TEST

UNIT_MAIN("api/load_news", news_are_applied_in_order,
          news_that_were_not_saved_are_applied_again_to_what_another_process_stored,
          applying_news_twice_changes_nothing,
          a_host_on_which_it_has_ended_stays_as_another_process_stored_it,
          news_of_another_load_mean_nothing_and_a_report_without_it_means_that_it_is_gone,
          a_report_that_is_told_late_is_not_held_against_what_was_heard_after_it, a_copy_lives_on_its_own,
          a_change_is_pending_until_its_host_says_more, a_change_that_is_done_is_not_pending_again)
