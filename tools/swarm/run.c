/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/run.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tools/swarm/swarm.h"

enum { SPARE_DESCRIPTORS = 32, CANNOT_BEGIN = 3 };
#define TICK_NS (20 * NS_PER_MS)

struct crew {
    const struct options *o;
    struct run *run;
    struct tally *tallies; /* shared with the swarms, one each */
    pid_t *pids;
    unsigned n;
    enum phase phase;
    int64_t measured_ns, progress_ns;
    uint64_t requests_before, requests_shown;
    bool has_failed;
};
static volatile sig_atomic_t was_interrupted;

static void on_signal(int number)
{
    was_interrupted = 1;
}

/* ---- what a process takes */

static int64_t cpu_of(pid_t pid)
{
    clockid_t id;
    struct timespec t;
    if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) != 0)
        return 0;
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t rss_of(pid_t pid)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

/* The start (sign -1) or the end (+1) of measuring. */
static void account(struct crew *c, int sign)
{
    struct process *ours = &c->run->swarm;
    ours->rss_bytes = 0;
    for (unsigned i = 0; i < c->n; i++) {
        ours->cpu_ns += sign * cpu_of(c->pids[i]);
        ours->rss_bytes += rss_of(c->pids[i]);
    }
    for (unsigned i = 0; i < c->run->n_watched; i++) {
        struct process *p = &c->run->watched[i];
        p->cpu_ns += sign * cpu_of(p->pid);
        p->rss_bytes = rss_of(p->pid);
    }
}

static int watch(const struct options *o, struct run *run, struct err *err)
{
    for (unsigned i = 0; i < o->pid.n; i++) {
        int64_t pid;
        if (!parse_int(str_of(o->pid.item[i]), &pid) || pid < 1 || pid > INT32_MAX || rss_of((pid_t)pid) == 0)
            return err_set(err, ERR_USAGE, "--pid: \"%s\" is no process", o->pid.item[i]);
        run->watched[run->n_watched++] = (struct process){ .pid = (pid_t)pid,
                                                           .grown_bytes = -rss_of((pid_t)pid) };
    }
    return 0;
}

/* ---- progress */

static uint64_t requests_of(const struct tally *t)
{
    uint64_t n = 0;
    for (unsigned k = 0; k < KIND_COUNT; k++)
        n += tally_kind(t, (enum kind)k);
    return n;
}

static void add_up(struct crew *c, struct tally *ret)
{
    memset(ret, 0, sizeof *ret);
    for (unsigned i = 0; i < c->n; i++)
        tally_merge(ret, &c->tallies[i]);
}

static void progress(struct crew *c)
{
    static const char *const names[] = { "joining", "measuring", "draining", "over" };
    static struct tally t;
    add_up(c, &t);
    uint64_t requests = requests_of(&t), bad = requests - tally_outcomes(&t, OUTCOME_2XX);
    fprintf(stderr,
            "%-9s  parked %" PRIu64 "/%" PRIu64 "  answers %" PRIu64 "/s  tasks %" PRIu64 "/%" PRIu64
            "  dispatch p99 %.1f ms  not 2xx %" PRIu64 "\n",
            names[c->phase], t.parked, t.agents, requests - c->requests_shown,
            t.count.completed + t.count.failed, t.count.enqueued,
            (double)hist_quantile(&t.times[TIME_dispatch], 0.99) / 1e6, bad);
    c->requests_shown = requests;
}

/* ---- the crew */

static void set_phase(struct crew *c, enum phase phase)
{
    static struct tally t;
    if (c->phase < PHASE_MEASURING && phase >= PHASE_MEASURING) {
        add_up(c, &t);
        c->requests_before = requests_of(&t);
        c->measured_ns = clock_mono();
        account(c, -1);
    }
    if (c->phase < PHASE_DRAINING && phase >= PHASE_DRAINING) {
        add_up(c, &t);
        c->run->requests = requests_of(&t) - c->requests_before;
        c->run->measured_ns = clock_mono() - c->measured_ns;
        account(c, 1);
    }
    c->phase = phase;
}

/* The phase of the one that is furthest behind. */
static enum phase phase_of(const struct crew *c)
{
    enum phase least = PHASE_OVER;
    for (unsigned i = 0; i < c->n; i++) {
        enum phase phase = *(volatile enum phase *)&c->tallies[i].phase;
        least = phase < least ? phase : least;
    }
    return least;
}

static bool reap(struct crew *c)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < c->n; i++) {
        int status;
        if (c->pids[i] > 0 && waitpid(c->pids[i], &status, WNOHANG) == c->pids[i]) {
            c->has_failed |= status != 0;
            c->pids[i] = 0;
        }
        alive += c->pids[i] > 0;
    }
    return alive > 0;
}

static void wait_for_all(struct crew *c)
{
    bool shows = c->o->progress || isatty(STDERR_FILENO);
    bool was_told = false;
    do {
        struct timespec tick = { .tv_nsec = TICK_NS };
        (void)nanosleep(&tick, NULL);
        set_phase(c, phase_of(c));
        if (shows && clock_mono() >= c->progress_ns) {
            progress(c);
            c->progress_ns = clock_mono() + NS_PER_S;
        }
        for (unsigned i = 0; was_interrupted && !was_told && i < c->n; i++)
            if (c->pids[i] > 0)
                kill(c->pids[i], SIGTERM);
        was_told = was_interrupted;
    } while (reap(c));
    set_phase(c, PHASE_OVER);
}

static _Noreturn void be_swarm(struct crew *c, unsigned i, const struct target *targets, pid_t parent)
{
    struct err err = { 0 };
    struct swarm *s = mem_alloc(sizeof *s);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(CANNOT_BEGIN);
    s->o = c->o;
    s->tally = &c->tallies[i];
    s->process = i;
    s->first = (uint32_t)(c->o->agents * i / c->n);
    s->n = (uint32_t)(c->o->agents * (i + 1) / c->n) - s->first;
    s->rate = c->o->tasks;
    s->n_targets = c->o->url.n;
    for (unsigned t = 0; t < s->n_targets; t++)
        s->targets[t] = targets[t];
    int rc = swarm_run(s, &err);
    if (rc != 0)
        fprintf(stderr, "phoenix-swarm: %s\n", err.msg);
    free(s);
    _exit(rc != 0 ? CANNOT_BEGIN : 0);
}

static int set_descriptors(const struct options *o, struct err *err)
{
    struct rlimit limit;
    uint64_t shared = (uint64_t)o->url.n * (o->senders + o->operators) + SPARE_DESCRIPTORS;
    uint64_t each = (o->agents + o->processes - 1) / o->processes;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return err_errno(err, ERR_IO, errno, "cannot ask for the limit of descriptors");
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (each + shared <= limit.rlim_cur)
        return 0;
    uint64_t possible = limit.rlim_cur > shared ? limit.rlim_cur - shared : 0;
    return err_set(err, ERR_USAGE,
                   "%llu descriptors allow for %llu agents in a process; --processes %llu is wanted",
                   (unsigned long long)limit.rlim_cur, (unsigned long long)possible,
                   (unsigned long long)(possible ? (o->agents + possible - 1) / possible : 0));
}

static int start_all(struct crew *c, const struct target *targets, struct err *err)
{
    pid_t parent = getpid();
    fflush(NULL);
    for (unsigned i = 0; i < c->n; i++) {
        c->pids[i] = fork();
        if (c->pids[i] == 0)
            be_swarm(c, i, targets, parent);
        if (c->pids[i] < 0) {
            err_errno(err, ERR_IO, errno, "cannot fork");
            was_interrupted = 1;
            c->pids[i] = 0;
            c->n = i;
            break;
        }
    }
    return err->code;
}

int run_swarms(const struct options *o, struct run *ret, struct err *err)
{
    static struct target targets[TARGETS_MAX];
    memset(ret, 0, sizeof *ret);
    struct crew c = { .o = o, .run = ret, .n = (unsigned)o->processes };
    for (unsigned i = 0; i < o->url.n; i++)
        if (target_init(&targets[i], o->url.item[i], err) != 0)
            return err->code;
    if (set_descriptors(o, err) != 0 || watch(o, ret, err) != 0)
        return err->code;
    size_t bytes = c.n * sizeof *c.tallies;
    c.tallies = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c.tallies == MAP_FAILED)
        return err_errno(err, ERR_IO, errno, "cannot map memory");
    c.pids = mem_calloc(c.n, sizeof *c.pids);
    (void)sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_signal }, NULL);
    (void)sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
    int rc = start_all(&c, targets, err);
    wait_for_all(&c);
    add_up(&c, &ret->tally);
    for (unsigned i = 0; i < ret->n_watched; i++)
        ret->watched[i].grown_bytes += ret->watched[i].rss_bytes;
    if (rc == 0 && c.has_failed)
        rc = err_set(err, ERR_IO, "a process of the swarm ended before its time");
    munmap(c.tallies, bytes);
    free(c.pids);
    return rc;
}
