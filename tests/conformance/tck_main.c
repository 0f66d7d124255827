/* SPDX-License-Identifier: Apache-2.0 */
/* Runs each test in a child of its own, with a time limit, and prints TAP. */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/conformance/tck.h"

enum { TEST_SECONDS = 60 };

static void remove_dir(const char *dir)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", dir, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
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
    snprintf(t->dir, sizeof(t->dir), "/tmp/phoenix-tck-XXXXXX");
    if (!mkdtemp(t->dir)) {
        printf("# cannot make a folder below /tmp\n");
        return false;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        child(t, test);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        printf("# killed by signal %d%s\n", WTERMSIG(status),
               WTERMSIG(status) == SIGALRM ? ": took too long" : "");
    remove_dir(t->dir);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int tck_main(struct tck *t, const struct tck_test *const *lists)
{
    const char *only = getenv("TCK_ONLY"), *seed = getenv("TCK_SEED");
    unsigned n = 0, failed = 0;
    t->more = getenv("TCK_MORE") != NULL;
    t->seed = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
    printf("# driver %s, seed %u (TCK_SEED repeats it)\n", t->driver, t->seed);
    for (; *lists; lists++) {
        for (const struct tck_test *test = *lists; test->name; test++) {
            if (only && !strstr(test->name, only))
                continue;
            bool skip = (test->needs_persistence && !t->persistent) || (test->needs_single && !t->single);
            bool ok = skip || run_one(t, test);
            printf("%s %u - %s%s\n", ok ? "ok" : "not ok", ++n, test->name,
                   skip ? " # SKIP not asked for" : "");
            failed += !ok;
        }
    }
    printf("1..%u\n", n);
    return failed ? 1 : 0;
}
