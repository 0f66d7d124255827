/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child is followed by its pidfd, so its end is an event like any other and its number cannot come
 * to mean another process while we look; where the system has none, a timer asks for the process of that
 * number and start. Between fork and exec only calls that are safe after fork in a threaded program are
 * made; the first that fails is written to a pipe that exec closes.
 */
#include "core/loop/child.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/str.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4U
#endif

#define ASK_NS (100 * NS_PER_MS) /* how often, where there is no pidfd */

struct child {
    pid_t pid;
    int pidfd; /* -1: none, the timer asks instead */
    bool is_ours, has_ended;
    uint64_t start_ticks;
    struct watch *watch;
    struct timer *timer;
    child_exit_fn *on_exit;
    void *arg;
};

enum step { STEP_SESSION, STEP_PRIVS, STEP_LIMITS, STEP_STDIO, STEP_CLOSE, STEP_CWD, STEP_EXEC };
static const char *const step_text[] = {
    "start a session for", "set no_new_privs for", "limit", "place the descriptors of",
    "close the descriptors of", "enter the folder of", "execute",
};
/* What the child says when it fails; smaller than PIPE_BUF, so it arrives whole. */
struct failure {
    int step, errnum;
};

/* ---- in the child, after fork */

static _Noreturn void fail(int fd, enum step step)
{
    struct failure f = { step, errno };
    (void)!write(fd, &f, sizeof f);
    _exit(127);
}

/* Lower both limits to n, and raise none. Where the hard one may not be changed (debuggers that run a
 * program refuse it) the soft one alone holds, which only a child that means harm would raise. */
static bool limit(int what, rlim_t n)
{
    struct rlimit is;
    if (getrlimit((__rlimit_resource_t)what, &is) != 0)
        return false;
    struct rlimit want = { .rlim_cur = n < is.rlim_max ? n : is.rlim_max };
    want.rlim_max = want.rlim_cur;
    if (setrlimit((__rlimit_resource_t)what, &want) == 0)
        return true;
    want.rlim_max = is.rlim_max;
    return errno == EPERM && setrlimit((__rlimit_resource_t)what, &want) == 0;
}

static bool set_limits(const struct child_spec *spec)
{
    if (spec->nice)
        (void)setpriority(PRIO_PROCESS, 0, spec->nice); /* a wish: refused without privileges */
    return limit(RLIMIT_CORE, 0) && (!spec->max_memory || limit(RLIMIT_AS, spec->max_memory)) &&
           (!spec->max_cpu_s || limit(RLIMIT_CPU, spec->max_cpu_s)) &&
           limit(RLIMIT_NOFILE, spec->max_files ? spec->max_files : 1024);
}

enum { PLACES = 3 + CHILD_FDS };

/* The places may be taken by descriptors that are asked for, in any order: lift all above them before
 * any is put in its place. */
static bool set_fds(const struct child_spec *spec)
{
    int from[PLACES] = { spec->stdin_fd, spec->stdout_fd, spec->stderr_fd };
    int n = 3 + (int)spec->n_more_fds;
    memcpy(from + 3, spec->more_fds, spec->n_more_fds * sizeof *from);
    for (int i = 0; i < n; i++) {
        int fd = from[i] >= 0 ? from[i] : open("/dev/null", i == 0 ? O_RDONLY : O_WRONLY);
        if (fd < 0 || (from[i] = fcntl(fd, F_DUPFD_CLOEXEC, PLACES)) < 0)
            return false;
    }
    for (int i = 0; i < n; i++)
        if (dup2(from[i], i) != i)
            return false;
    return true;
}

/* Marked, not closed: the pipe that reports a failed exec must live until exec. */
static bool close_others(unsigned first)
{
    if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return true;
    if (errno != ENOSYS && errno != EINVAL) /* kernels before 5.11 */
        return false;
    long max = sysconf(_SC_OPEN_MAX);
    for (int fd = (int)first; fd < max; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return true;
}

static void reset_signals(void)
{
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_child(const struct child_spec *spec, int report, pid_t parent)
{
    report = fcntl(report, F_DUPFD_CLOEXEC, PLACES);
    reset_signals();
    if (setsid() < 0)
        fail(report, STEP_SESSION);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        fail(report, STEP_PRIVS);
    if (spec->dies_with_parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
            fail(report, STEP_PRIVS);
        if (getppid() != parent)
            _exit(127); /* it ended before we could ask */
    }
    umask(077);
    if (!set_fds(spec))
        fail(report, STEP_STDIO);
    if (!close_others(3 + spec->n_more_fds))
        fail(report, STEP_CLOSE);
    if (!set_limits(spec))
        fail(report, STEP_LIMITS);
    if (chdir(spec->cwd ? spec->cwd : "/") != 0)
        fail(report, STEP_CWD);
    execve(spec->path, (char *const *)spec->argv, (char *const *)spec->envp);
    fail(report, STEP_EXEC);
}

/* ---- in the parent */

/* The field after the last ')' is number 3; the name before it may hold anything. 0: no such process.
 * @param state Of the process: 'Z' when it has ended; NULL allowed. */
static uint64_t read_start_ticks(pid_t pid, char *state)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    char *after = strrchr(text, ')');
    if (!after)
        return 0;
    struct str rest = str_trim(str_of(after + 1)), field = { 0 };
    if (state)
        *state = rest.n ? rest.p[0] : '\0';
    for (int i = 3; i <= 22; i++)
        if (!str_split(&rest, ' ', &field))
            return 0;
    uint64_t ticks;
    return parse_uint(field, &ticks) ? ticks : 0;
}

static bool is_same(const struct child *c)
{
    char state = '\0';
    return read_start_ticks(c->pid, &state) == c->start_ticks && state != 'Z';
}

/* Ours keeps its number until it is waited for here. */
static bool ended(const struct child *c, struct child_exit *how)
{
    siginfo_t info = { 0 };
    *how = (struct child_exit){ .known = c->is_ours, .code = -1 };
    if (!c->is_ours)
        return c->pidfd >= 0 || !is_same(c);
    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
        return false;
    if (info.si_code == CLD_EXITED)
        how->code = info.si_status;
    else
        how->signo = info.si_status;
    return true;
}

static void look(struct child *c)
{
    struct child_exit how;
    if (!ended(c, &how))
        return;
    c->has_ended = true;
    watch_free(c->watch);
    timer_free(c->timer);
    c->watch = NULL;
    c->timer = NULL;
    log_event(EV_CHILD_EXITED, NULL, "pid=%d code=%d signal=%d", (int)c->pid, how.code, how.signo);
    c->on_exit(c->arg, &how);
}

static void on_pidfd(void *arg, int fd, unsigned what)
{
    look(arg);
}

static void on_ask(void *arg)
{
    look(arg);
}

/* Takes @p pidfd. */
static struct child *child_follow(struct loop *l, pid_t pid, int pidfd, child_exit_fn *on_exit, void *arg)
{
    struct child *c = mem_alloc(sizeof *c);
    *c = (struct child){ .pid = pid, .pidfd = pidfd, .on_exit = on_exit, .arg = arg };
    c->start_ticks = read_start_ticks(pid, NULL);
    if (pidfd >= 0) {
        c->watch = watch_new(l, pidfd, WATCH_READ, on_pidfd, c);
    } else {
        c->timer = timer_new(l, on_ask, c);
        timer_every(c->timer, ASK_NS, ASK_NS);
    }
    return c;
}

/* True with -1 where the system has none: kernels before 5.3, and sandboxes that refuse the call. */
static bool pidfd_of(pid_t pid, int *ret)
{
    *ret = (int)syscall(SYS_pidfd_open, pid, 0U);
    return *ret >= 0 || errno == ENOSYS || errno == EPERM;
}

/* Until the pipe closes: by exec, or by the end of a child that said why. */
static int wait_for_exec(int fd, const struct child_spec *spec, struct err *err)
{
    struct failure f;
    ssize_t n;
    do
        n = read(fd, &f, sizeof f);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    if (n != sizeof f || f.step < 0 || f.step > STEP_EXEC)
        return err_set(err, ERR_CHILD, "cannot start \"%s\": it ended before it began", spec->path);
    return err_errno(err, ERR_CHILD, f.errnum, "cannot %s \"%s\"", step_text[f.step], spec->path);
}

struct child *child_spawn(struct loop *l, const struct child_spec *spec, child_exit_fn *on_exit, void *arg,
                          struct err *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        err_errno(err, ERR_CHILD, errno, "could not start \"%s\"", spec->path);
        return NULL;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_child(spec, report[1], parent);
    int errnum = errno;
    close(report[1]);
    int rc = pid < 0 ? err_errno(err, ERR_CHILD, errnum, "could not start \"%s\"", spec->path)
                     : wait_for_exec(report[0], spec, err);
    close(report[0]);
    int pidfd = -1;
    if (rc == 0 && !pidfd_of(pid, &pidfd)) {
        rc = err_errno(err, ERR_CHILD, errno, "cannot follow \"%s\"", spec->path);
        kill(-pid, SIGKILL);
    }
    if (rc != 0) {
        if (pid > 0)
            waitpid(pid, NULL, 0);
        return NULL;
    }
    log_event(EV_CHILD_SPAWNED, NULL, "pid=%d path=%s", (int)pid, spec->path);
    struct child *c = child_follow(l, pid, pidfd, on_exit, arg);
    c->is_ours = true;
    return c;
}

struct child *child_adopt(struct loop *l, pid_t pid, uint64_t start_ticks, child_exit_fn *on_exit, void *arg,
                          struct err *err)
{
    int pidfd = -1;
    /* Opened first, compared then: if the number went to another process, its start differs. */
    if (pid <= 0 || start_ticks == 0 || !pidfd_of(pid, &pidfd) ||
        read_start_ticks(pid, NULL) != start_ticks) {
        if (pidfd >= 0)
            close(pidfd);
        err_set(err, ERR_NOTFOUND, "process %d has ended", (int)pid);
        return NULL;
    }
    return child_follow(l, pid, pidfd, on_exit, arg);
}

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

uint64_t child_start_ticks(const struct child *c)
{
    return c->start_ticks;
}

bool child_signal(struct child *c, int signo)
{
    /* Ours keeps its number until it is waited for; an adopted one is asked for first. */
    bool lives = !c->has_ended;
    if (lives && !c->is_ours)
        lives = c->pidfd >= 0 ? syscall(SYS_pidfd_send_signal, c->pidfd, 0, NULL, 0U) == 0 : is_same(c);
    if (!lives)
        return false;
    return kill(-c->pid, signo) == 0;
}

void child_free(struct child *c)
{
    if (!c)
        return;
    watch_free(c->watch);
    timer_free(c->timer);
    if (c->pidfd >= 0)
        close(c->pidfd);
    free(c);
}

const char *boot_id(void)
{
    static char id[40];
    if (id[0])
        return id;
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return id;
    char text[40];
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    if (n > 0)
        str_copy(id, sizeof id, (struct str){ text, (size_t)n });
    return id;
}
