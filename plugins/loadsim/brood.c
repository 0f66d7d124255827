/* SPDX-License-Identifier: Apache-2.0 */
/* A child is never signalled after it was reaped, so a pid that the kernel gave to somebody else
 * cannot be hit: pids stand in the table exactly until waitpid() answered for them. */
#include "plugins/loadsim/brood.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int64_t NS = 1000000000;
static const int64_t PERIOD_NS = 100000000; /* of sleeping and burning */

static int64_t now_ns(void)
{
    struct timespec ts = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS + ts.tv_nsec;
}

static void sleep_until(int64_t ns)
{
    struct timespec ts = { .tv_sec = ns / NS, .tv_nsec = ns % NS };
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static void touch_memory(uint64_t bytes)
{
    char *memory =
        bytes ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    if (memory == MAP_FAILED) return;
    for (uint64_t i = 0; i < bytes; i += 4096) ((volatile char *)memory)[i] = 1;
}

/* Burning is timed by the wall clock: a short life must not last until the CPU clock's next tick. */
static void live(const struct brood_plan *plan)
{
    int64_t now = now_ns(), end = plan->life_ns ? now + plan->life_ns : INT64_MAX;
    int64_t period = plan->cpu_percent > 0 ? PERIOD_NS : 3600 * NS; /* who burns nothing just sleeps */
    for (; now < end; now = now_ns()) {
        int64_t next = end - now < period ? end : now + period;
        int64_t busy_until = now + (int64_t)((double)(next - now) * plan->cpu_percent / 100);
        while (now_ns() < busy_until) continue;
        sleep_until(next);
    }
}

static _Noreturn void child_main(const struct brood_plan *plan, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    sigset_t none;
    sigemptyset(&none);
    (void)signal(SIGTERM, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
#ifdef SYS_close_range
    (void)syscall(SYS_close_range, 0u, ~0u, 0u); /* above all the pipe that carries the status lines */
#endif
    (void)prctl(PR_SET_NAME, plan->name);
    touch_memory(plan->memory_bytes);
    live(plan);
    _exit(0);
}

bool brood_spawn(struct brood *b, const struct brood_plan *plan)
{
    if (b->n == BROOD_MAX) return false;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) child_main(plan, parent);
    if (pid < 0) return false;
    b->pids[b->n++] = pid;
    return true;
}

static void forget(struct brood *b, pid_t pid)
{
    for (unsigned i = 0; i < b->n; i++)
        if (b->pids[i] == pid) {
            b->pids[i] = b->pids[--b->n];
            return;
        }
}

void brood_reap(struct brood *b)
{
    for (pid_t pid; b->n && (pid = waitpid(-1, NULL, WNOHANG)) > 0;) forget(b, pid);
}

void brood_end(struct brood *b)
{
    for (unsigned i = 0; i < b->n; i++) (void)kill(b->pids[i], SIGKILL);
    for (; b->n; b->n--) (void)waitpid(b->pids[b->n - 1], NULL, 0);
}
