/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder, small files, ports, /proc and the log bucket: what stands alone in few lines. */
#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/agent/files.h"
#include "core/agent/logs.h"
#include "core/agent/ports.h"
#include "core/agent/procfs.h"
#include "core/agent/state.h"
#include "core/base/clock.h"

static char dir[64], state_dir[80];
static struct loop *loop;

static void before(void)
{
    snprintf(dir, sizeof dir, "/tmp/phx-state-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(state_dir, sizeof state_dir, "%s/state", dir);
    loop = loop_new(NULL);
}

static void after(void)
{
    loop_free(loop);
    folder_remove(state_dir, NULL);
    folder_remove(dir, NULL);
}

static void write_answer(void *arg, struct jw *w)
{
    jw_kint(w, "answer", *(int *)arg);
}

START_TEST(state_comes_back_as_it_was_saved)
{
    int answer = 42;
    struct state *s = state_open(loop, state_dir, NULL);
    struct err err = { 0 };
    ck_assert_ptr_nonnull(s);
    ck_assert_ptr_null(state_read(s, &err));
    ck_assert_int_eq(err.code, 0);
    state_section(s, write_answer, &answer);
    state_save(s);
    struct json *j = state_read(s, &err);
    ck_assert_int_eq(json_get_int(j, "answer", 0), 42);
    json_free(j);
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s/state.json", state_dir);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    state_close(s);
}
END_TEST

START_TEST(one_agent_works_in_a_folder)
{
    struct err err = { 0 };
    struct state *s = state_open(loop, state_dir, NULL);
    ck_assert_ptr_null(state_open(loop, state_dir, &err));
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    state_close(s);
    s = state_open(loop, state_dir, NULL);
    ck_assert_ptr_nonnull(s);
    state_close(s);
}
END_TEST

START_TEST(an_unreadable_state_is_put_aside)
{
    static const char *const bad[] = { "", "{", "[]", "{\"version\":7}", "{\"version\":1,\"version\":1}" };
    struct state *s = state_open(loop, state_dir, NULL);
    char path[128];
    snprintf(path, sizeof path, "%s/state.json.bad", state_dir);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = { 0 };
        ck_assert_int_eq(file_write(state_dir, "state.json", str_of(bad[i]), false, NULL), 0);
        ck_assert_ptr_null(state_read(s, &err));
        ck_assert_int_ne(err.code, 0);
        ck_assert_int_eq(unlink(path), 0);
    }
    state_close(s);
}
END_TEST

START_TEST(a_file_that_is_a_link_is_not_written_through)
{
    struct err err = { 0 };
    char link[128], target[128];
    ck_assert_int_eq(folder_make(state_dir, NULL), 0);
    snprintf(target, sizeof target, "%s/target", dir);
    snprintf(link, sizeof link, "%s/.a.new", state_dir);
    ck_assert_int_eq(symlink(target, link), 0);
    ck_assert_int_ne(file_write(state_dir, "a", STR("x"), false, &err), 0);
    ck_assert_int_ne(access(target, F_OK), 0);
}
END_TEST

START_TEST(a_folder_that_is_a_link_is_refused)
{
    ck_assert_int_eq(symlink("/tmp", state_dir), 0);
    ck_assert_int_eq(folder_make(state_dir, NULL), ERR_CONFIG);
    ck_assert_int_eq(unlink(state_dir), 0);
}
END_TEST

START_TEST(a_tail_begins_at_a_line)
{
    char path[128];
    struct buf out;
    ck_assert_int_eq(folder_make(state_dir, NULL), 0);
    ck_assert_int_eq(file_write(state_dir, "log", STR("first\nsecond\nthird\n"), false, NULL), 0);
    snprintf(path, sizeof path, "%s/log", state_dir);
    static const struct {
        uint64_t from;
        size_t max;
        const char *text;
    } cases[] = { { 0, 100, "first\nsecond\nthird" },
                  { 6, 100, "second\nthird" },
                  { 0, 8, "third" },
                  { 0, 3, "rd" },
                  { 19, 100, "" },
                  { 99, 100, "" } };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_init(&out, 200);
        file_tail(path, cases[i].from, cases[i].max, &out);
        ck_assert_str_eq(buf_cstr(&out), cases[i].text);
        buf_done(&out);
    }
}
END_TEST

static bool never(void *arg, uint16_t port)
{
    return false;
}

START_TEST(a_port_that_is_bound_is_passed_over)
{
    struct ports p;
    struct err err = { 0 };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    uint16_t port = ntohs(address.sin_port);
    p = (struct ports){ .low = port, .high = port, .next = port };
    ck_assert_uint_eq(ports_pick(&p, "127.0.0.1", never, NULL, &err), 0);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    close(fd);
    ck_assert_uint_eq(ports_pick(&p, "127.0.0.1", never, NULL, &err), port);
}
END_TEST

START_TEST(ranges_of_ports_are_strict)
{
    static const char *const bad[] = {
        "", "1", "1-", "-2", "0-5", "5-4", "1-65536", "1-2-3", "a-b", " 1-2"
    };
    struct ports p;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(ports_parse(&p, str_of(bad[i]), NULL) == ERR_CONFIG, "%s", bad[i]);
    ck_assert_int_eq(ports_parse(&p, STR("42000-42999"), NULL), 0);
    ck_assert_uint_eq(p.high, 42999);
}
END_TEST

START_TEST(a_process_uses_memory_and_its_cpu_time_is_finer_than_a_tick)
{
    struct process_usage before, after;
    ck_assert(process_usage_read(getpid(), &before));
    ck_assert(before.rss_bytes > 100000 && before.cpu_s > 0);
    ck_assert(process_usage_read(getpid(), &after));
    ck_assert(after.cpu_s > before.cpu_s && after.cpu_s - before.cpu_s < 0.010);
    ck_assert(!process_usage_read(0x7ffffff0, &after));
}
END_TEST

START_TEST(log_lines_pass_in_bursts_and_then_at_a_rate)
{
    struct log_bucket b = { 0 };
    int64_t now = NS_PER_S;
    unsigned passed = 0;
    for (unsigned i = 0; i < 1000; i++)
        passed += log_bucket_take(&b, now);
    ck_assert_uint_eq(passed, 200);
    ck_assert_uint_eq(b.held, 800);
    now += NS_PER_S;
    for (passed = 0; log_bucket_take(&b, now);)
        passed++;
    ck_assert_uint_eq(passed, 20);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("state");
    TCase *c = tcase_create("state");
    tcase_add_checked_fixture(c, before, after);
    tcase_add_test(c, state_comes_back_as_it_was_saved);
    tcase_add_test(c, one_agent_works_in_a_folder);
    tcase_add_test(c, an_unreadable_state_is_put_aside);
    tcase_add_test(c, a_file_that_is_a_link_is_not_written_through);
    tcase_add_test(c, a_folder_that_is_a_link_is_refused);
    tcase_add_test(c, a_tail_begins_at_a_line);
    tcase_add_test(c, a_port_that_is_bound_is_passed_over);
    tcase_add_test(c, ranges_of_ports_are_strict);
    tcase_add_test(c, a_process_uses_memory_and_its_cpu_time_is_finer_than_a_tick);
    tcase_add_test(c, log_lines_pass_in_bursts_and_then_at_a_rate);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
