/* SPDX-License-Identifier: Apache-2.0 */
/* Each worker has a slot, which holds its sockets and at most two processes: the one that was started last,
 * and while that one starts or its predecessor drains, the predecessor. */
#include "core/api/workers.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "config.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/child.h"

#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (5 * NS_PER_S)
#define STABLE_NS (10 * NS_PER_S) /* who ran that long starts again without delay */
#define KILL_NS (10 * NS_PER_S)   /* after drain.time */
#define KEPT_ENV 512

struct worker {
    struct slot *slot;
    struct child *child;
    int lifeline;
    struct watch *watch;
    bool is_ready;
    bool is_told; /* to end, since its successor serves */
    int64_t started_ns;
};
struct slot {
    struct workers *room;
    int number, listen_fd, admin_fd;
    struct worker *now, *old;
    bool wants_restart;
    struct timer *again;
    int64_t backoff_ns;
};
struct workers {
    const struct settings *settings;
    char **argv;
    const char *envp[KEPT_ENV + 2];
    char worker_of[48]; /* the last of envp */
    char exe[PATH_MAX], cwd[PATH_MAX];
    struct loop *loop;
    struct slot *slots;
    int n, n_running;
    bool was_ready, was_complete, is_ending;
    int signals;
    struct timer *kill;
    int status;
};

static void slot_start(struct slot *s);
static void roll(struct workers *room);

/* ---- a process */

static void worker_free(struct worker *w)
{
    watch_free(w->watch);
    close(w->lifeline);
    child_free(w->child);
    free(w);
}

static void log_complete(struct workers *room)
{
    char url[ENDPOINT_URL_MAX];
    struct endpoint e;
    for (int i = 0; i < room->n; i++) {
        if (!room->slots[i].now || !room->slots[i].now->is_ready) {
            return;
        }
    }
    room->was_complete = true;
    if (endpoint_of(room->slots[0].listen_fd, &e, NULL) == 0) {
        log_event(EV_STARTED, NULL, "phoenix-api " PACKAGE_VERSION " listens on %s, %d workers",
                  endpoint_url(&e, url), room->n);
    }
}

static void worker_ready(struct worker *w)
{
    struct workers *room = w->slot->room;
    struct worker *old = w->slot->old;
    w->is_ready = true;
    if (old && !old->is_told) {
        old->is_told = true;
        child_signal(old->child, SIGTERM);
    }
    if (!room->was_ready) {
        room->was_ready = true;
        for (int i = 0; i < room->n; i++) {
            if (!room->slots[i].now) { /* it ended when it was not yet sure that any would start */
                timer_set(room->slots[i].again, room->slots[i].backoff_ns);
            }
        }
    }
    if (!room->was_complete) {
        log_complete(room);
    }
    roll(room);
}

static void on_lifeline(void *arg, int fd, unsigned what)
{
    struct worker *w = arg;
    char ready;
    ssize_t n = recv(fd, &ready, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        watch_set(w->watch, 0); /* its end is told by its exit */
    } else if (!w->is_ready) {
        worker_ready(w);
    }
}

static void log_ended(const struct worker *w, const struct child_exit *how, const char *then)
{
    log_event(EV_WORKER_ENDED, NULL, "worker=%d pid=%d %s=%d %s", w->slot->number, (int)child_pid(w->child),
              how->signo ? "signal" : "status", how->signo ? how->signo : how->code, then);
}

/* The successor did not get ready: whoever serves goes on, and nobody else is replaced. */
static void restart_failed(struct slot *s)
{
    struct workers *room = s->room;
    s->now = s->old;
    s->old = NULL;
    for (int i = 0; i < room->n; i++) {
        room->slots[i].wants_restart = false;
    }
    log_event(EV_RESTART_FAILED, NULL, "worker=%d its successor ended before it was ready", s->number);
}

static void slot_again(struct slot *s, const struct worker *w, const struct child_exit *how)
{
    if (w->is_ready && clock_mono() - w->started_ns >= STABLE_NS) {
        s->backoff_ns = BACKOFF_MIN_NS;
    }
    log_ended(w, how, "is started again");
    timer_set(s->again, s->backoff_ns);
    s->backoff_ns = s->backoff_ns * 2 < BACKOFF_MAX_NS ? s->backoff_ns * 2 : BACKOFF_MAX_NS;
}

static void on_worker_exit(void *arg, const struct child_exit *how)
{
    struct worker *w = arg;
    struct slot *s = w->slot;
    struct workers *room = s->room;
    bool is_old = w == s->old;
    *(is_old ? &s->old : &s->now) = NULL;
    room->n_running--;
    if (room->is_ending || w->is_told) {
        if (how->signo || how->code) {
            log_ended(w, how, "did not end in order");
        }
    } else if (is_old) {
        log_ended(w, how, "its successor is on the way");
    } else if (s->old && !s->old->is_told) {
        restart_failed(s);
    } else if (room->was_ready) {
        slot_again(s, w, how);
    }
    if (room->n_running == 0 && (room->is_ending || !room->was_ready)) {
        room->status = room->is_ending ? EXIT_SUCCESS : how->signo ? EXIT_FAILURE : how->code;
        loop_stop(room->loop);
    }
    worker_free(w);
    roll(room);
}

static struct worker *worker_spawn(struct slot *s, struct err *err)
{
    struct workers *room = s->room;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        err_errno(err, ERR_CHILD, errno, "could not start a worker");
        return NULL;
    }
    snprintf(room->worker_of, sizeof room->worker_of, HANDED_ENV "=%d/%d/%d", (int)getpid(), s->number,
             s->admin_fd ? 2 : 1);
    struct child_spec spec = { .path = room->exe, .argv = (const char *const *)room->argv, .envp = room->envp,
                               .cwd = room->cwd, .stdin_fd = -1, .stdout_fd = 1, .stderr_fd = 2,
                               .more_fds = { ends[1], s->listen_fd, s->admin_fd },
                               .n_more_fds = s->admin_fd ? 3 : 2, .max_files = UINT64_MAX };
    struct worker *w = mem_alloc(sizeof *w);
    *w = (struct worker){ .slot = s, .lifeline = ends[0], .started_ns = clock_mono() };
    w->child = child_spawn(room->loop, &spec, on_worker_exit, w, err);
    close(ends[1]);
    if (!w->child) {
        worker_free(w);
        return NULL;
    }
    w->watch = watch_new(room->loop, w->lifeline, WATCH_READ, on_lifeline, w);
    room->n_running++;
    return w;
}

/* ---- a slot */

/* Also beside a process that serves: it becomes the predecessor. */
static void slot_start(struct slot *s)
{
    struct err err = { 0 };
    struct worker *w = worker_spawn(s, &err);
    s->wants_restart = false;
    if (!w) {
        log_error(EV_WORKER_ENDED, NULL, &err, "worker=%d", s->number);
        timer_set(s->again, BACKOFF_MAX_NS); /* heeded if nobody serves */
        return;
    }
    if (s->now) {
        s->old = s->now;
    }
    s->now = w;
}

static void on_again(void *arg)
{
    struct slot *s = arg;
    if (!s->now && !s->room->is_ending) {
        slot_start(s);
    }
}

/* The next step of a rolling restart, if one is under way: one slot at a time. */
static void roll(struct workers *room)
{
    for (int i = 0; i < room->n; i++) {
        const struct slot *s = &room->slots[i];
        if (room->is_ending || s->old || (s->now && !s->now->is_ready)) {
            return;
        }
    }
    for (int i = 0; i < room->n; i++) {
        struct slot *s = &room->slots[i];
        if (s->wants_restart && s->now) {
            slot_start(s);
            return;
        }
    }
}

/* ---- what the operator wants */

static void on_hangup(void *arg)
{
    struct workers *room = arg;
    log_event(EV_RESTART, NULL, "%d workers are replaced, one after the other", room->n);
    for (int i = 0; i < room->n; i++) {
        room->slots[i].wants_restart = true;
    }
    roll(room);
}

static void signal_all(struct workers *room, int signo)
{
    for (int i = 0; i < room->n; i++) {
        struct slot *s = &room->slots[i];
        struct worker *of[2] = { s->now, s->old };
        for (int k = 0; k < 2; k++) {
            if (of[k]) {
                child_signal(of[k]->child, signo);
            }
        }
    }
}

static void on_kill(void *arg)
{
    signal_all(arg, SIGKILL);
}

static void on_end(void *arg)
{
    struct workers *room = arg;
    if (room->signals++ > 0) {
        signal_all(room, SIGKILL);
        return;
    }
    room->is_ending = true;
    log_event(EV_STOPPING, NULL, "%d workers", room->n_running);
    for (int i = 0; i < room->n; i++) {
        struct slot *s = &room->slots[i];
        struct worker *of[2] = { s->now, s->old };
        close(s->listen_fd); /* first, so that the workers' own are the last */
        if (s->admin_fd) {
            close(s->admin_fd);
        }
        s->listen_fd = s->admin_fd = 0;
        for (int k = 0; k < 2; k++) {
            if (of[k]) {
                shutdown(of[k]->lifeline, SHUT_RDWR);
            }
        }
    }
    timer_set(room->kill, room->settings->drain_time + KILL_NS);
    if (room->n_running == 0) {
        loop_stop(room->loop);
    }
}

/* ---- life */

/* Sockets from systemd are dealt out in turns: workers may have to share one. */
static int slot_sockets(struct slot *s, const struct handed *h, struct endpoint *main_at,
                        const struct endpoint *admin_at, struct err *err)
{
    s->listen_fd = h->n_sockets ? dup(h->listen_fd + s->number % (int)h->n_sockets)
                                : http_listen(main_at->address, main_at->port, true, err);
    if (s->listen_fd < 0) {
        return ERR_CONFIG;
    }
    if (main_at->port == 0 && endpoint_of(s->listen_fd, main_at, err)) {
        return ERR_CONFIG;
    }
    if (s->room->settings->admin_listen[0]) {
        uint16_t port = admin_at->port ? (uint16_t)(admin_at->port + s->number) : 0;
        s->admin_fd = http_listen(admin_at->address, port, false, err);
    }
    return s->admin_fd < 0 ? ERR_CONFIG : 0;
}

static int open_sockets(struct workers *room, const struct handed *h, struct err *err)
{
    struct endpoint main_at = { 0 }, admin_at = { 0 };
    const struct settings *set = room->settings;
    int rc = endpoint_parse("listen", set->listen, &main_at, err);
    if (rc == 0 && set->admin_listen[0]) {
        rc = endpoint_parse("admin.listen", set->admin_listen, &admin_at, err);
    }
    if (rc == 0 && admin_at.port + room->n > 65536) {
        rc = err_set(err, ERR_CONFIG, "admin.listen is \"%s\": there are not %d ports from there on",
                     set->admin_listen, room->n);
    }
    for (int i = 0; rc == 0 && i < room->n; i++) {
        rc = slot_sockets(&room->slots[i], h, &main_at, &admin_at, err);
    }
    for (int i = 0; i < (int)h->n_sockets; i++) {
        close(h->listen_fd + i); /* each slot has its own */
    }
    return rc;
}

static bool is_for_others(const char *env)
{
    static const char *const names[] = { HANDED_ENV "=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strncmp(env, names[i], strlen(names[i])) == 0) {
            return false;
        }
    }
    return true;
}

/* The path is read once: after an upgrade it leads to the new program. */
static int describe_worker(struct workers *room, struct err *err)
{
    ssize_t n = readlink("/proc/self/exe", room->exe, sizeof room->exe - 1);
    if (n < 0 || !getcwd(room->cwd, sizeof room->cwd)) {
        return err_errno(err, ERR_CONFIG, errno, "cannot tell where this program and its folder are");
    }
    size_t at = 0;
    for (char **env = environ; *env; env++) {
        if (at == KEPT_ENV) {
            return err_set(err, ERR_CONFIG, "the environment has more than %d variables", KEPT_ENV);
        }
        if (is_for_others(*env)) {
            room->envp[at++] = *env;
        }
    }
    room->envp[at] = room->worker_of;
    return 0;
}

static int workers_start(struct workers *room, const struct handed *h, struct err *err)
{
    int rc = describe_worker(room, err);
    if (rc == 0) {
        rc = open_sockets(room, h, err);
    }
    if (rc) {
        return rc;
    }
    room->loop = loop_new(err);
    if (!room->loop) {
        return err->code;
    }
    if ((rc = loop_on_signal(room->loop, SIGTERM, on_end, room, err)) != 0 ||
        (rc = loop_on_signal(room->loop, SIGINT, on_end, room, err)) != 0 ||
        (rc = loop_on_signal(room->loop, SIGHUP, on_hangup, room, err)) != 0) {
        return rc;
    }
    room->kill = timer_new(room->loop, on_kill, room);
    for (int i = 0; i < room->n; i++) {
        room->slots[i].again = timer_new(room->loop, on_again, &room->slots[i]);
        slot_start(&room->slots[i]);
    }
    return loop_run(room->loop, err);
}

int workers_run(const struct settings *s, const struct handed *h, char **argv)
{
    struct err err = { 0 };
    struct workers *room = mem_alloc(sizeof *room);
    room->settings = s;
    room->argv = argv;
    room->n = (int)s->workers;
    room->slots = mem_calloc((size_t)room->n, sizeof *room->slots);
    for (int i = 0; i < room->n; i++) {
        room->slots[i] = (struct slot){ .room = room, .number = i, .backoff_ns = BACKOFF_MIN_NS };
    }
    if (workers_start(room, h, &err)) {
        log_error(EV_START_FAILED, NULL, &err, "phoenix-api");
        room->status = EXIT_FAILURE;
    } else if (room->is_ending) {
        log_event(EV_STOPPED, NULL, "all workers have ended");
    }
    timer_free(room->kill);
    for (int i = 0; i < room->n; i++) {
        timer_free(room->slots[i].again);
    }
    loop_free(room->loop);
    int status = room->status;
    free(room->slots);
    free(room);
    return status;
}
