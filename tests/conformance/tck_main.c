/* SPDX-License-Identifier: Apache-2.0 */
/* Runs each test in a child of its own, with a time limit, and prints TAP. */
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/conformance/tck.h"

enum { TEST_SECONDS = 60 };
extern char **environ;

static bool run_program(const char *const *argv)
{
    pid_t pid;
    int status = -1;
    if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) || waitpid(pid, &status, 0) < 0)
        return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool tck_help(const struct tck *t, const char *verb)
{
    const char *argv[] = { t->helper, verb, t->id, t->dir, NULL };
    return t->helper && run_program(argv);
}

static bool make_place(struct tck *t)
{
    static unsigned n;
    snprintf(t->dir, sizeof(t->dir), "/tmp/phoenix-tck-XXXXXX");
    snprintf(t->id, sizeof(t->id), "tck_%d_%u", (int)getpid(), ++n);
    if (!mkdtemp(t->dir)) {
        printf("# cannot make a folder below /tmp\n");
        return false;
    }
    if (t->helper && !tck_help(t, "create")) {
        printf("# %s create %s %s failed\n", t->helper, t->id, t->dir);
        return false;
    }
    return true;
}

static void remove_place(struct tck *t)
{
    const char *rm[] = { "rm", "-rf", t->dir, NULL };
    if (t->helper && !tck_help(t, "drop"))
        printf("# %s drop %s %s failed\n", t->helper, t->id, t->dir);
    run_program(rm);
}

static _Noreturn void child(struct tck *t, const struct tck_test *test)
{
    alarm(TEST_SECONDS);
    test->run(t);
    fflush(stdout);
    exit(0);
}

static bool run_one(struct tck *t, const struct tck_test *test)
{
    int status = -1;
    fflush(stdout);
    if (!make_place(t))
        return false;
    pid_t pid = fork();
    if (pid == 0)
        child(t, test);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        printf("# killed by signal %d%s\n", WTERMSIG(status),
               WTERMSIG(status) == SIGALRM ? ": took too long" : "");
    fflush(stdout);
    remove_place(t);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int tck_main(struct tck *t, const struct tck_test *const *lists)
{
    const char *only = getenv("TCK_ONLY"), *seed = getenv("TCK_SEED");
    unsigned n = 0, failed = 0, left_out = 0;
    t->more = getenv("TCK_MORE") != NULL;
    t->seed = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
    printf("# driver %s, seed %u (TCK_SEED repeats it)\n", t->driver, t->seed);
    for (; *lists; lists++) {
        for (const struct tck_test *test = *lists; test->name; test++) {
            if (only && !strstr(test->name, only))
                continue;
            if (test->needs & ~t->has) {
                left_out++;
                continue;
            }
            uint64_t start = host_mono();
            bool ok = run_one(t, test);
            printf("%s %u - %s\n", ok ? "ok" : "not ok", ++n, test->name);
            printf("# %u ms\n", (unsigned)((host_mono() - start) / 1000000));
            failed += !ok;
        }
    }
    if (left_out)
        printf("# %u tests are for drivers of another kind\n", left_out);
    printf("1..%u\n", n);
    return failed ? 1 : 0;
}
