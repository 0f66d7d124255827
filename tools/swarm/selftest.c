/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/selftest.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "tools/swarm/run.h"

static unsigned n_tests, n_failed;
static struct run run;

static void report(bool ok, const char *what)
{
    const struct tally *t = &run.tally;
    n_tests++;
    n_failed += !ok;
    printf("%sok %u - %s\n", ok ? "" : "not ", n_tests, what);
    if (!ok)
        printf("# due %llu enqueued %llu received %llu executed %llu completed %llu lost %llu; "
               "dispatch n %llu "
               "p50 %.3f p99 %.3f max %.3f ms\n",
               (unsigned long long)t->count.due, (unsigned long long)t->count.enqueued,
               (unsigned long long)t->count.received, (unsigned long long)t->count.executed,
               (unsigned long long)t->count.completed, (unsigned long long)t->count.lost,
               (unsigned long long)t->times[TIME_dispatch].n,
               (double)hist_quantile(&t->times[TIME_dispatch], 0.5) / 1e6,
               (double)hist_quantile(&t->times[TIME_dispatch], 0.99) / 1e6,
               (double)t->times[TIME_dispatch].max / 1e6);
    fflush(stdout);
}

static int listen_somewhere(char *ret_url, size_t cap)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) != 0)
        return -1;
    snprintf(ret_url, cap, "--url=http://127.0.0.1:%u", ntohs(at.sin_port));
    return fd;
}

/* Run a swarm with these flags against a stub with this plan; the figures are in `run`. */
static bool try(const struct stub_plan *plan, char *rate, char *duration, char *outcome)
{
    char url[64], name[] = "phoenix-swarm", agents[] = "--agents=50";
    char drain[] = "--drain=1s", storm[] = "--storm";
    char *argv[] = { name, url, agents, drain, storm, rate, duration, outcome, NULL };
    struct options o;
    struct err err = { 0 };
    memset(&run, 0, sizeof run);
    int fd = listen_somewhere(url, sizeof url);
    if (fd < 0 || options_parse(&o, argv, &err) != 0) {
        fprintf(stderr, "phoenix-swarm: %s\n", fd < 0 ? "cannot listen" : err.msg);
        return false;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        stub_serve(fd, plan);
    }
    close(fd);
    int rc = pid > 0 ? run_swarms(&o, &run, &err) : -1;
    if (pid > 0 && kill(pid, SIGKILL) == 0)
        (void)waitpid(pid, NULL, 0);
    if (rc != 0)
        fprintf(stderr, "phoenix-swarm: %s\n", err.msg);
    return rc == 0;
}

static void at_once(void)
{
    char rate[] = "--tasks=20", duration[] = "--duration=2s", outcome[] = "--task-outcome=complete";
    bool ok = try(&(struct stub_plan){ 0 }, rate, duration, outcome);
    const struct tally *t = &run.tally;
    report(ok && t->join_ns > 0 && t->join_ns < NS_PER_S, "all agents are parked in no time");
    report(ok && t->count.due == 40 && t->count.completed == 40 && t->count.executed == 40,
           "each task is executed and completed once");
    report(ok && t->count.lost + t->count.twice + t->count.repeated + t->count.reopened == 0,
           "nothing is lost, and nothing comes twice");
    /* an offset of one interval would be 50 ms */
    report(ok && t->times[TIME_dispatch].n == 40 &&
               hist_quantile(&t->times[TIME_dispatch], 0.5) < 5 * NS_PER_MS,
           "what is answered at once takes next to no time: the due times are right");
    report(ok && tally_outcomes(t, OUTCOME_2XX) > 100 &&
               tally_kind(t, KIND_ENQUEUE) == 40 && tally_kind(t, KIND_ACK) == 40,
           "every request is counted");
}

static void stall(void)
{
    char rate[] = "--tasks=200", duration[] = "--duration=2s", outcome[] = "--task-outcome=fail";
    struct stub_plan plan = { .stall_at = 100, .stall_ns = 400 * NS_PER_MS };
    bool ok = try(&plan, rate, duration, outcome);
    const struct hist *h = &run.tally.times[TIME_dispatch];
    int64_t worst = h->max, late = hist_quantile(h, 0.85), usual = hist_quantile(h, 0.5);
    report(ok && h->n == 400 && worst >= 395 * NS_PER_MS && worst < 700 * NS_PER_MS,
           "a server that stands still for 400 ms shows as that");
    /* 80 of 400 were due meanwhile, evenly: 20 % are late, the 85th of a hundred by about 100 ms */
    report(ok && late > 50 * NS_PER_MS && usual < 50 * NS_PER_MS,
           "all that was due meanwhile is late, and no more");
    report(ok && run.tally.count.failed == 400 && run.tally.count.lost == 0, "failures are ends, too");
}

static void faults(void)
{
    char rate[] = "--tasks=100", duration[] = "--duration=1s", outcome[] = "--task-outcome=mixed";
    const struct tally *t = &run.tally;
    bool ok = try(&(struct stub_plan){ .every = 10, .with_these = STUB_REPEATS }, rate, duration, outcome);
    report(ok && t->count.repeated == 10 && t->count.executed == 100 && t->count.twice == 0,
           "a delivery that is repeated is not executed again");
    report(ok && t->count.completed > 20 && t->count.failed > 20 &&
               t->count.completed + t->count.failed == 100,
           "some complete and some fail, when that is wanted");
    ok = try(&(struct stub_plan){ .every = 10, .with_these = STUB_LOSES }, rate, duration, outcome);
    report(ok && t->count.lost == 10 && t->count.executed == 90, "tasks that never come are lost");
    ok = try(&(struct stub_plan){ .every = 10, .with_these = STUB_DOUBLES }, rate, duration, outcome);
    report(ok && t->count.twice == 10, "an enqueue that became two tasks is seen");
    ok = try(&(struct stub_plan){ .refuse_first = 7 }, rate, duration, outcome);
    report(ok && t->answers[KIND_HEARTBEAT][OUTCOME_503] == 7, "answers of 503 are counted");
}

int self_test(void)
{
    at_once();
    stall();
    faults();
    printf("1..%u\n", n_tests);
    return n_failed ? 1 : 0;
}
