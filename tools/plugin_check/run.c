/* SPDX-License-Identifier: Apache-2.0 */
/* A trial in a child process: it passes when it returns, fails when it says so, writes to the standard
 * streams, dies, or takes longer than its time. */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/yaml.h"
#include "tools/plugin_check/check.h"

enum { EXIT_PASS = 0, EXIT_FAIL = 10, EXIT_SKIP = 11 };
static int verdict_fd = -1; /* of this child: where its reason goes */

static _Noreturn void end_trial(int status, const char *fmt, va_list ap)
{
    char line[400];
    int n = vsnprintf(line, sizeof line, fmt, ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    ssize_t put = write(verdict_fd, line, len);
    _exit(put == (ssize_t)len ? status : EXIT_FAIL);
}

void trial_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    end_trial(EXIT_FAIL, fmt, ap);
}

void trial_skip(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    end_trial(EXIT_SKIP, fmt, ap);
}

struct instance *trial_instance(struct trial *t)
{
    struct err err = { 0 };
    struct instance *i = instance_new(t->registry, t->component, t->config, 0, &err);
    if (!i && err.code == ERR_CONFIG && !t->config) {
        trial_skip("it wants a config; give one with --config (%s)", err.msg);
    }
    if (!i) {
        trial_fail("create: %s", err.msg);
    }
    return i;
}

static struct json *read_config(const struct options *o)
{
    struct buf text;
    struct err err = { 0 };
    buf_init(&text, 1 << 20);
    struct json *j = NULL;
    if (!o->config || file_read(o->config, 1 << 20, &text, &err) != 0 ||
        !(j = yaml_parse(buf_str(&text), NULL, &err))) {
        if (o->config) {
            trial_fail("--config %s: %s", o->config, err.msg);
        }
    }
    buf_done(&text);
    return j;
}

static void on_log_line(void *arg, const char *line)
{
}

static _Noreturn void run_child(const struct options *o, const struct component *c, trial_fn *run,
                                int verdict, int noise)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    verdict_fd = verdict;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(null, 0);
    dup2(noise, 1);
    dup2(noise, 2);
    close(null);
    close(noise);
    log_capture(on_log_line, NULL);
    struct err err = { 0 };
    struct trial t = { .options = o };
    t.loop = loop_new(&err);
    if (!t.loop) {
        trial_skip("no event loop: %s", err.msg);
    }
    const char *const files[] = { o->file, NULL };
    struct registry_conf conf = { .program = "phoenix-plugin-check", .version = PACKAGE_VERSION,
                                  .files = files, .trusts_files = true, .loop = t.loop };
    t.registry = registry_new(&conf, &err);
    t.component = t.registry ? registry_find(t.registry, c->kind, c->name, &err) : NULL;
    if (!t.component) {
        trial_fail("%s", err.msg);
    }
    t.config = json_get(read_config(o), c->name);
    run(&t);
    _exit(EXIT_PASS);
}

struct capture {
    char text[600];
    size_t n;
};

static bool drain(int fd, struct capture *c)
{
    char more[512];
    ssize_t n = read(fd, more, sizeof more);
    if (n > 0) {
        size_t room = sizeof c->text - 1 - c->n;
        size_t take = (size_t)n < room ? (size_t)n : room;
        memcpy(c->text + c->n, more, take);
        c->n += take;
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Read both pipes until the child has ended or time is over. The child, not the end of the pipes: what
 * it has forked may hold them for long. */
static bool collect(pid_t pid, const int fds[2], int64_t timeout_ns, struct capture out[2])
{
    int64_t deadline = clock_mono() + timeout_ns;
    int end = pidfd_open(pid, 0);
    struct pollfd p[3] = { { .fd = end, .events = POLLIN },
                           { .fd = fds[0], .events = POLLIN },
                           { .fd = fds[1], .events = POLLIN } };
    for (bool has_ended = false;;) {
        int64_t left = (deadline - clock_mono()) / NS_PER_MS;
        int n = poll(p, 3, has_ended || left < 0 ? 0 : (int)left);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        has_ended |= p[0].revents != 0;
        bool has_more = false;
        for (int i = 0; n > 0 && i < 2; i++) {
            if (p[i + 1].revents && drain(fds[i], &out[i])) {
                has_more = true;
            } else if (p[i + 1].revents) {
                p[i + 1].fd = -1;
            }
        }
        if (!has_more && (has_ended || n <= 0)) {
            close(end);
            return has_ended;
        }
    }
}

static enum outcome judge(int status, bool in_time, const struct capture *why, const struct capture *chatter,
                          char *text, size_t cap)
{
    text[0] = '\0';
    if (!in_time) {
        snprintf(text, cap, "took longer than its time limit");
    } else if (WIFSIGNALED(status)) {
        snprintf(text, cap, "%s", strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) == EXIT_FAIL || WEXITSTATUS(status) == EXIT_SKIP) {
        snprintf(text, cap, "%s", why->text);
        return WEXITSTATUS(status) == EXIT_SKIP ? OUTCOME_SKIP : OUTCOME_FAIL;
    } else if (WEXITSTATUS(status) != EXIT_PASS) {
        snprintf(text, cap, "ended the process with status %d", WEXITSTATUS(status));
    } else if (chatter->n) {
        snprintf(text, cap, "wrote to the standard streams, which are the host's");
    }
    return text[0] ? OUTCOME_FAIL : OUTCOME_PASS;
}

static void run_case(const struct options *o, const struct component *c, const struct trial_case *tc,
                     struct tap *tap)
{
    char name[160], text[440] = "";
    snprintf(name, sizeof name, "%s %s: %s", c->kind, c->name, tc->name);
    if (o->only && !strstr(name, o->only)) {
        return;
    }
    int verdict[2], noise[2];
    if (pipe2(verdict, O_CLOEXEC) != 0 || pipe2(noise, O_CLOEXEC) != 0) {
        tap_result(tap, OUTCOME_SKIP, name, "no pipes");
        return;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        run_child(o, c, tc->run, verdict[1], noise[1]);
    }
    close(verdict[1]);
    close(noise[1]);
    struct capture out[2] = { { .n = 0 }, { .n = 0 } };
    bool in_time = pid > 0 && collect(pid, (int[2]){ verdict[0], noise[0] }, o->timeout_ns, out);
    int status = 0;
    if (pid > 0) {
        setpgid(pid, pid);    /* as the child does: whoever comes first */
        kill(-pid, SIGKILL);  /* what it left behind, and itself if it hangs */
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    close(verdict[0]);
    close(noise[0]);
    tap_result(tap, judge(status, in_time, &out[0], &out[1], text, sizeof text), name, text);
    if (out[1].n) {
        tap_note("output: %s", out[1].text);
    }
}

void run_cases(const struct options *o, const struct component *c, const struct trial_case *cases,
               struct tap *tap)
{
    for (size_t i = 0; cases[i].name; i++) {
        run_case(o, c, &cases[i], tap);
    }
}
