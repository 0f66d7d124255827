/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/agent/files.h"
#include "core/agent/rank.h"

static char proc[] = "/tmp/phoenix-rank-XXXXXX";
static struct rank *rank;
static struct err err;

static void put(const char *dir, const char *name, const char *text)
{
    ck_assert_int_eq(file_write(dir, name, str_of(text), false, &err), 0);
}

static void folder_of(unsigned pid, char out[64])
{
    snprintf(out, 64, "%s/%u", proc, pid);
}

/** A process that started at boot, 1,000 s ago. */
static void process(unsigned pid, const char *name, unsigned ticks, unsigned pages)
{
    char dir[64], text[512];
    folder_of(pid, dir);
    mkdir(dir, 0700);
    snprintf(text, sizeof text,
             "%u (%s) S 1 1 1 0 -1 0 0 0 0 0 %u 0 0 0 20 0 1 0 1 4096 %u 18446744073709551615 0\n", pid, name,
             ticks, pages);
    put(dir, "stat", text);
}

static void setup(void)
{
    memcpy(proc + sizeof proc - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(proc));
    err = (struct err){ 0 };
    put(proc, "uptime", "1000.00 1.00\n");
    process(10, "old", 90000, 1);
    process(11, "busy", 100, 1);
    process(12, "big", 0, 1000);
    process(13, "sshd", 0, 0);
    process(14, "quiet", 0, 0);
}

static void teardown(void)
{
    char dir[64];
    rank_free(rank);
    rank = NULL;
    for (unsigned pid = 10; pid < 20; pid++) {
        folder_of(pid, dir);
        folder_remove(dir, &err);
    }
    folder_remove(proc, &err);
}

static void begin(const char *text)
{
    rank = rank_new(str_of(text), &err);
    ck_assert_msg(rank != NULL, "%s", err.msg);
}

static void assert_names(const char *names)
{
    CLEANUP_BUF struct buf out;
    buf_init(&out, 1 << 16);
    ck_assert_int_eq(rank_look(rank, proc, &out, &err), 0);
    ck_assert_str_eq(buf_cstr(&out), names);
}

START_TEST(first_by_their_lives_then_by_what_they_did_since)
{
    begin("{\"k\":1,\"by\":[\"cpu\"]}");
    assert_names("[\"old\"]");
    process(11, "busy", 150, 1);
    assert_names("[\"busy\"]");
    process(15, "new", 70, 1);
    assert_names("[\"new\"]");
    assert_names("[]"); /* nobody did anything */
}
END_TEST

START_TEST(a_pid_that_is_somebody_else_now_starts_from_nothing)
{
    begin("{\"k\":1,\"by\":[\"cpu\"]}");
    assert_names("[\"old\"]");
    char dir[64];
    folder_of(10, dir);
    put(dir, "stat", "10 (heir) S 1 1 1 0 -1 0 0 0 0 0 40 0 0 0 20 0 1 0 99000 4096 1 99 0\n");
    process(11, "busy", 120, 1);
    assert_names("[\"heir\"]");
}
END_TEST

START_TEST(both_lists_and_what_is_critical_each_name_once)
{
    begin("{\"k\":1,\"critical\":[\"ssh*\",\"big\",\"none\"]}");
    assert_names("[\"big\",\"old\",\"sshd\"]");
}
END_TEST

START_TEST(names_may_hold_anything_and_go_on_in_the_command_line)
{
    char dir[64];
    process(15, "a) S (b", 0, 2000);
    process(16, "otelcol-contrib", 0, 3000);
    folder_of(16, dir);
    put(dir, "cmdline", "/usr/bin/otelcol-contribution");
    process(17, "fifteen-letters", 0, 4000);
    folder_of(17, dir);
    put(dir, "cmdline", "/usr/bin/another");
    begin("{\"k\":3,\"by\":[\"memory\"]}");
    assert_names("[\"a) S (b\",\"fifteen-letters\",\"otelcol-contribution\"]");
}
END_TEST

START_TEST(what_cannot_be_read_is_left_out)
{
    char dir[64];
    folder_of(15, dir);
    mkdir(dir, 0700); /* ended meanwhile */
    folder_of(16, dir);
    mkdir(dir, 0700);
    put(dir, "stat", "16 (half");
    begin("{\"k\":10,\"by\":[\"memory\"]}");
    assert_names("[\"big\",\"busy\",\"old\"]");
    CLEANUP_BUF struct buf out;
    buf_init(&out, 100);
    ck_assert_int_eq(rank_look(rank, "/nowhere", &out, &err), ERR_IO);
}
END_TEST

START_TEST(a_ranking_out_of_range_is_refused)
{
    static const char *const bad[] = {
        "",           "[]x",         "{\"k\":0}", "{\"k\":10001}",
        "{\"by\":[]}", "{\"by\":[\"io\"]}", "{\"every\":\"1ms\"}",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err = (struct err){ 0 };
        ck_assert_msg(rank_new(str_of(bad[i]), &err) == NULL, "%s", bad[i]);
        ck_assert_str_ne(err.msg, "");
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rank");
    TCase *c = tcase_create("rank");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, first_by_their_lives_then_by_what_they_did_since);
    tcase_add_test(c, a_pid_that_is_somebody_else_now_starts_from_nothing);
    tcase_add_test(c, both_lists_and_what_is_critical_each_name_once);
    tcase_add_test(c, names_may_hold_anything_and_go_on_in_the_command_line);
    tcase_add_test(c, what_cannot_be_read_is_left_out);
    tcase_add_test(c, a_ranking_out_of_range_is_refused);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
