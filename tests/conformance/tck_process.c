/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes that do the same at the same time. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/conformance/tck.h"

enum { PROCESSES = 16 };

void *shared_memory(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

void together(struct tck *t, unsigned n, together_fn *fn, void *arg)
{
    pid_t pids[PROCESSES];
    bool ok = true;
    CHECK(n <= PROCESSES);
    for (unsigned i = 0; i < n; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i])
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        t->seed += i * 7919;
        fn(t, i, arg);
        fflush(stdout);
        _exit(0);
    }
    for (unsigned i = 0; i < n; i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    if (!ok)
        tck_fail(__FILE__, __LINE__, "one of %u processes failed", n);
}
