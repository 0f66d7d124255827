/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "tools/loadhost/confine.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/base/str.h"

enum { NICE = 10, MAX_FILES = 256, ROUNDS = 100 };

static void limit(__rlimit_resource_t what, uint64_t value)
{
    struct rlimit now;
    if (getrlimit(what, &now)) return;
    now.rlim_cur = value < now.rlim_max ? value : now.rlim_max;
    now.rlim_max = now.rlim_cur;
    (void)setrlimit(what, &now);
}

static void raise_oom_score(void)
{
    static const char score[] = "500";
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, score, sizeof score - 1) < 0) {
        /* it is only a hint */
    }
    close(fd);
}

void confine_self(const struct confine_conf *conf)
{
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    raise_oom_score();
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, MAX_FILES);
    limit(RLIMIT_CPU, (uint64_t)conf->max_cpu_s);
#ifndef PHX_SANITIZERS /* these reserve terabytes of addresses */
    if (conf->max_memory) limit(RLIMIT_AS, conf->max_memory);
#endif
}

/* Children of this process by the kernel's own list; the text is ours to trust. */
static unsigned kill_children(void)
{
    char path[64], text[4096];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0) close(fd);
    if (n <= 0) return 0;
    struct str rest = { text, (size_t)n }, word;
    unsigned killed = 0;
    uint64_t pid;
    /* a full buffer may end inside a number: what follows no space is left for the next round */
    while (memchr(rest.p, ' ', rest.n) && str_split(&rest, ' ', &word))
        if (parse_uint(word, &pid) && pid > 1) killed += kill((pid_t)pid, SIGKILL) == 0;
    return killed;
}

void confine_end_descendants(void)
{
    /* grandchildren become children when their parent has gone: round by round down the tree */
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned killed = kill_children();
        while (killed && waitpid(-1, NULL, 0) > 0) killed--;
        if (waitpid(-1, NULL, WNOHANG) < 0) return;
    }
}
