/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/child.h"
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/base/clock.h"

static struct loop *loop;
static struct child *child;
static struct child_exit seen;
static int ends;
static const char *const env[] = { "PATH=/usr/bin:/bin", "MARK=yes", NULL };

static void setup(void)
{
    ends = 0;
    loop = loop_new(NULL);
}

static void teardown(void)
{
    loop_free(loop);
}

static void on_exit_free(void *arg, const struct child_exit *how)
{
    seen = *how;
    ends++;
    ck_assert(!child_signal(child, SIGTERM));
    child_free(child);
    loop_stop(loop);
}

static void run(void)
{
    ck_assert_int_eq(loop_run(loop, NULL), 0);
}

static struct child *sh(const char *script, int out, struct err *err)
{
    const char *argv[] = { "sh", "-c", script, NULL };
    struct child_spec spec = { .path = "/bin/sh", .argv = argv, .envp = env,
                               .stdin_fd = -1, .stdout_fd = out, .stderr_fd = -1 };
    return child_spawn(loop, &spec, on_exit_free, NULL, err);
}

/* What the script prints, in a static buffer. */
static const char *output_of(const char *script)
{
    static char text[4096];
    int p[2];
    ck_assert_int_eq(pipe(p), 0);
    struct err err = { 0 };
    child = sh(script, p[1], &err);
    ck_assert_msg(child != NULL, "%s", err.msg);
    close(p[1]);
    run();
    ssize_t n = read(p[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(p[0]);
    return text;
}

START_TEST(exit_codes_and_signals_are_told)
{
    ck_assert_ptr_nonnull(child = sh("exit 7", -1, NULL));
    run();
    ck_assert(seen.known && seen.code == 7 && seen.signo == 0);
    ck_assert_ptr_nonnull(child = sh("kill -9 $$", -1, NULL));
    run();
    ck_assert(seen.known && seen.code == -1 && seen.signo == SIGKILL);
    ck_assert_int_eq(ends, 2);
}
END_TEST

START_TEST(descriptors_are_handed_over_in_order_and_no_others)
{
    int p[2], q[2];
    char text[32] = "";
    ck_assert_int_eq(pipe2(p, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(q, O_CLOEXEC), 0);
    /* Their numbers here are places of others there. */
    const char *argv[] = { "sh", "-c", "echo three >&3; echo four >&4; ls /proc/self/fd | wc -l >&4", NULL };
    struct child_spec spec = { .path = "/bin/sh", .argv = argv, .envp = env, .stdin_fd = -1, .stdout_fd = -1,
                               .stderr_fd = -1, .more_fds = { q[1], p[1] }, .n_more_fds = 2 };
    ck_assert_ptr_nonnull(child = child_spawn(loop, &spec, on_exit_free, NULL, NULL));
    run();
    ck_assert_int_eq(seen.code, 0);
    ck_assert_int_eq(read(q[0], text, sizeof text - 1), 6);
    ck_assert_str_eq(text, "three\n");
    memset(text, 0, sizeof text);
    ck_assert_int_gt(read(p[0], text, sizeof text - 1), 5);
    ck_assert_str_eq(text, "four\n6\n"); /* 0 to 4, and the folder's */
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(q[i]);
    }
}
END_TEST

START_TEST(a_program_that_is_not_there_is_an_error_not_an_exit)
{
    const char *argv[] = { "x", NULL };
    struct child_spec spec = { .path = "/no/such/program", .argv = argv, .envp = env,
                               .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 };
    struct err err = { 0 };
    ck_assert_ptr_null(child_spawn(loop, &spec, on_exit_free, NULL, &err));
    ck_assert_int_eq(err.code, ERR_CHILD);
    ck_assert_ptr_nonnull(strstr(err.msg, "cannot execute \"/no/such/program\": No such file"));
    spec.path = "/bin/true";
    spec.cwd = "/no/such/folder";
    ck_assert_ptr_null(child_spawn(loop, &spec, on_exit_free, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.msg, "folder"));
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left behind */
    ck_assert_int_eq(ends, 0);
}
END_TEST

START_TEST(a_child_starts_clean)
{
    int leaked = open("/dev/null", O_RDONLY); /* without CLOEXEC, on purpose */
    ck_assert_int_ge(leaked, 3);
    signal(SIGUSR2, SIG_IGN);
    /* of SigIgn only signals 1 to 28: some shells and makes ignore the two that libc keeps to itself */
    const char *out =
        output_of("umask; pwd; echo $MARK; ulimit -c; ulimit -n; ls /proc/self/fd | tr '\\n' ' ';"
                  "grep -E 'NoNewPrivs|SigBlk' /proc/self/status;"
                  "grep SigIgn /proc/self/status | tail -c 8");
    ck_assert_str_eq(out,
                     "0077\n/\nyes\n0\n1024\n0 1 2 3 SigBlk:\t0000000000000000\nNoNewPrivs:\t1\n0000000\n");
    close(leaked);
}
END_TEST

START_TEST(limits_are_set_before_the_program_runs)
{
    int p[2];
    ck_assert_int_eq(pipe(p), 0);
    const char *argv[] = { "sh", "-c", "ulimit -v; ulimit -t; ulimit -n; nice", NULL };
    struct child_spec spec = { .path = "/bin/sh",
                               .argv = argv,
                               .envp = env,
                               .stdin_fd = -1,
                               .stdout_fd = p[1],
                               .stderr_fd = p[1],
                               .max_memory = 256 << 20,
                               .max_cpu_s = 9,
                               .max_files = 64,
                               .nice = 5 };
    child = child_spawn(loop, &spec, on_exit_free, NULL, NULL);
    ck_assert_ptr_nonnull(child);
    close(p[1]);
    run();
    char text[256] = "";
    ck_assert_int_gt(read(p[0], text, sizeof text - 1), 0);
    ck_assert_str_eq(text, "262144\n9\n64\n5\n");
    close(p[0]);
}
END_TEST

START_TEST(a_limit_that_is_lower_already_stays)
{
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 200, 200 }), 0);
    ck_assert_str_eq(output_of("ulimit -Sn; ulimit -Hn"), "200\n200\n");
}
END_TEST

START_TEST(a_signal_reaches_the_whole_group)
{
    int p[2];
    ck_assert_int_eq(pipe(p), 0);
    struct err err = { 0 };
    child = sh("sleep 100 & echo up; wait", p[1], &err);
    ck_assert_msg(child != NULL, "%s", err.msg);
    close(p[1]);
    char text[8];
    ck_assert_int_eq(read(p[0], text, 3), 3); /* the grandchild runs */
    ck_assert_int_eq(getpgid(child_pid(child)), child_pid(child));
    ck_assert(child_signal(child, SIGTERM));
    run();
    ck_assert_int_eq(seen.signo, SIGTERM);
    ck_assert_int_eq(read(p[0], text, 1), 0); /* the end of the pipe: the grandchild has ended too */
    close(p[0]);
}
END_TEST

START_TEST(a_process_is_adopted_by_number_and_start_time)
{
    ck_assert_ptr_nonnull(child = sh("sleep 100", -1, NULL));
    pid_t pid = child_pid(child);
    uint64_t start = child_start_ticks(child);
    ck_assert_uint_gt(start, 0);
    child_free(child); /* it goes on */
    struct err err = { 0 };
    ck_assert_ptr_null(child_adopt(loop, pid, start + 1, on_exit_free, NULL, &err));
    ck_assert_int_eq(err.code, ERR_NOTFOUND);
    child = child_adopt(loop, pid, start, on_exit_free, NULL, &err);
    ck_assert_ptr_nonnull(child);
    ck_assert(child_signal(child, SIGKILL));
    run();
    ck_assert(!seen.known);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid); /* here it is our child all the same */
    ck_assert_ptr_null(child_adopt(loop, pid, start, on_exit_free, NULL, &err));
    ck_assert_int_eq(err.code, ERR_NOTFOUND);
}
END_TEST

/* From here on pidfd_open() fails, as on old kernels and in sandboxes. */
static void forbid_pidfd(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    ck_assert_int_eq(syscall(SYS_pidfd_open, getpid(), 0), -1);
}

START_TEST(without_pidfds_a_child_is_followed_all_the_same)
{
    forbid_pidfd();
    ck_assert_ptr_nonnull(child = sh("exit 7", -1, NULL));
    run();
    ck_assert(seen.known);
    ck_assert_int_eq(seen.code, 7);
    ck_assert_int_eq(ends, 1);
}
END_TEST

START_TEST(without_pidfds_a_process_is_adopted_and_seen_to_end)
{
    forbid_pidfd();
    ck_assert_ptr_nonnull(child = sh("sleep 100", -1, NULL));
    pid_t pid = child_pid(child);
    uint64_t start = child_start_ticks(child);
    child_free(child);
    struct err err = { 0 };
    ck_assert_ptr_null(child_adopt(loop, pid, start + 1, on_exit_free, NULL, &err));
    child = child_adopt(loop, pid, start, on_exit_free, NULL, &err);
    ck_assert_ptr_nonnull(child);
    ck_assert(child_signal(child, SIGTERM));
    run();
    ck_assert(!seen.known);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

static pid_t generator;
START_TEST(a_load_generator_dies_with_its_parent)
{
    int p[2], life[2];
    ck_assert_int_eq(pipe(p), 0);
    ck_assert_int_eq(pipe(life), 0);
    pid_t middle = fork();
    if (middle == 0) {
        const char *argv[] = { "sleep", "100", NULL };
        struct child_spec spec = { .path = "/bin/sleep", .argv = argv, .envp = env, .stdin_fd = -1,
                                   .stdout_fd = life[1], .stderr_fd = -1, .dies_with_parent = true };
        struct loop *l = loop_new(NULL);
        struct child *c = child_spawn(l, &spec, on_exit_free, NULL, NULL);
        generator = c ? child_pid(c) : 0;
        (void)!write(p[1], &generator, sizeof generator);
        _exit(0);
    }
    close(life[1]);
    ck_assert_int_eq(read(p[0], &generator, sizeof generator), sizeof generator);
    ck_assert_int_gt(generator, 0);
    char c;
    ck_assert_int_eq(read(life[0], &c, 1), 0); /* its stdout closes: it has ended */
    waitpid(middle, NULL, 0);
    close(p[0]), close(p[1]), close(life[0]);
}
END_TEST

START_TEST(the_boot_has_an_id)
{
    ck_assert_uint_eq(strlen(boot_id()), 36);
    ck_assert_ptr_eq(boot_id(), boot_id());
}
END_TEST

int main(void)
{
    Suite *s = suite_create("child");
    TCase *t = tcase_create("child");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, exit_codes_and_signals_are_told);
    tcase_add_test(t, descriptors_are_handed_over_in_order_and_no_others);
    tcase_add_test(t, a_program_that_is_not_there_is_an_error_not_an_exit);
    tcase_add_test(t, a_child_starts_clean);
    tcase_add_test(t, limits_are_set_before_the_program_runs);
    tcase_add_test(t, a_limit_that_is_lower_already_stays);
    tcase_add_test(t, a_signal_reaches_the_whole_group);
    tcase_add_test(t, a_process_is_adopted_by_number_and_start_time);
    tcase_add_test(t, without_pidfds_a_child_is_followed_all_the_same);
    tcase_add_test(t, without_pidfds_a_process_is_adopted_and_seen_to_end);
    tcase_add_test(t, a_load_generator_dies_with_its_parent);
    tcase_add_test(t, the_boot_has_an_id);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
