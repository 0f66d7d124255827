/* SPDX-License-Identifier: Apache-2.0 */
/* The load host speaks on its standard output, a pipe that this loop reads, and listens on its standard
 * input: one JSON object a line (doc/rooms/agent.md). It dies with the agent, so nothing of it is in the
 * state file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>
#include "core/agent/loads.h"
#include "core/agent/files.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/child.h"

enum { LOADS_MAX = 16, ENDED_MAX = 16, LINE_MAX_BYTES = 4096 };
enum load_status { LOAD_RUNNING, LOAD_COMPLETED, LOAD_FAILED, LOAD_STOPPED };
static const char *const status_names[] = { "running", "completed", "failed", "stopped" };

/* Figures that not every profile has. */
static const char *const more_names[] = { "rejected", "failed", "late", "rate" };
enum { N_MORE = sizeof more_names / sizeof more_names[0] };

struct load {
    struct loads *all;
    struct load *prev, *next;
    char id[101], experiment_id[40], profile[64];
    enum load_status status;
    double offered, delivered;
    double more[N_MORE]; /* negative: it says nothing of that */
    int64_t since_ns;
    char reason[300];
    struct child *child;
    struct watch *watch;
    int out_fd, in_fd;
    struct buf line;
    struct timer *kill_timer;
    bool is_stopping;
    loads_done_fn *stopped;
    void *stopped_arg;
    unsigned unanswered; /* changes that the load host has not answered */
    loads_changed_fn *adjusted; /* of the newest of them */
    void *adjusted_arg;
};
struct loads {
    struct loads_conf conf;
    struct load *list; /* oldest first */
    unsigned n_running;
    bool moved;
    loop_fn *shut_down;
    void *shut_down_arg;
};

struct loads *loads_new(const struct loads_conf *conf)
{
    struct loads *l = mem_alloc(sizeof *l);
    l->conf = *conf;
    return l;
}

static void output_close(struct load *x)
{
    watch_free(x->watch);
    x->watch = NULL;
    if (x->out_fd >= 0)
        close(x->out_fd);
    x->out_fd = -1;
    if (x->in_fd >= 0)
        close(x->in_fd);
    x->in_fd = -1;
    buf_done(&x->line);
    buf_init(&x->line, LINE_MAX_BYTES);
}

static void load_free(void *arg)
{
    struct load *x = arg;
    if (x->child)
        child_signal(x->child, SIGKILL);
    child_free(x->child);
    output_close(x);
    buf_done(&x->line);
    timer_free(x->kill_timer);
    free(x);
}

void loads_free(struct loads *l)
{
    struct load *x, *next;
    if (!l)
        return;
    DL_FOREACH_SAFE(l->list, x, next)
        load_free(x);
    free(l);
}

/** Ended loads are shown to the API for a while: the newest few. */
static void forget_old(struct loads *l)
{
    struct load *x, *next;
    unsigned n_ended = 0;
    DL_FOREACH(l->list, x)
        n_ended += !x->child;
    DL_FOREACH_SAFE(l->list, x, next) {
        if (n_ended <= ENDED_MAX)
            break;
        if (x->child)
            continue;
        DL_DELETE(l->list, x);
        loop_defer(l->conf.loop, load_free, x);
        n_ended--;
    }
}

/** The newest change is answered for, or nobody will answer it any more. */
static void adjust_end(struct load *x, const struct err *err)
{
    loads_changed_fn *adjusted = x->adjusted;
    x->adjusted = NULL;
    if (adjusted)
        adjusted(x->adjusted_arg, err);
}

static void on_answer(struct load *x, const struct json *said)
{
    struct err err = { 0 };
    if (x->unanswered == 0 || --x->unanswered > 0)
        return; /* a newer change has taken its place */
    if (!json_get_bool(said, "adjusted", false))
        err_set(&err, ERR_UNSUPPORTED, "%s", json_get_str(said, "reason", "the load host refused it"));
    adjust_end(x, err.code ? &err : NULL);
}

static void take_figure(struct load *x, const struct json *said, const char *name, double *figure)
{
    double before = *figure;
    *figure = json_get_real(said, name, before);
    x->all->moved |= *figure < before || *figure > before;
}

static void on_line(struct load *x, struct str line)
{
    struct err err = { 0 };
    CLEANUP_JSON struct json *said = json_parse(line, NULL, &err);
    const char *state = json_get_str(said, "state", "");
    if (!said)
        return;
    if (json_get(said, "adjusted")) {
        on_answer(x, said);
        return;
    }
    take_figure(x, said, "offered", &x->offered);
    take_figure(x, said, "delivered", &x->delivered);
    for (unsigned i = 0; i < N_MORE; i++)
        take_figure(x, said, more_names[i], &x->more[i]);
    if (str_eqz(str_of(state), "completed"))
        x->status = LOAD_COMPLETED;
    else if (str_eqz(str_of(state), "failed"))
        x->status = LOAD_FAILED;
    str_copy(x->reason, sizeof x->reason, str_of(json_get_str(said, "reason", "")));
}

static void read_output(struct load *x)
{
    for (;;) {
        char *room = buf_room(&x->line, 1024);
        if (!room) { /* a line that is too long is dropped */
            buf_reset(&x->line);
            x->line.failed = false;
            continue;
        }
        ssize_t n = read(x->out_fd, room, 1024);
        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EINTR))
                output_close(x);
            return;
        }
        x->line.len += (size_t)n;
        const char *newline;
        while (x->line.len > 0 && (newline = memchr(x->line.data, '\n', x->line.len))) {
            size_t length = (size_t)(newline - x->line.data);
            on_line(x, (struct str){ x->line.data, length });
            buf_consume(&x->line, length + 1);
        }
    }
}

static void on_output(void *arg, int fd, unsigned what)
{
    read_output(arg);
}

static void on_kill_time(void *arg)
{
    struct load *x = arg;
    if (x->child)
        child_signal(x->child, SIGKILL);
}

static void load_judge(struct load *x, const struct child_exit *how)
{
    if (x->is_stopping) {
        x->status = LOAD_STOPPED;
    } else if (how->code == 0) {
        x->status = LOAD_COMPLETED;
    } else {
        x->status = LOAD_FAILED;
        if (!x->reason[0] && how->signo)
            snprintf(x->reason, sizeof x->reason, "phoenix-loadhost was killed by signal %d", how->signo);
        else if (!x->reason[0])
            snprintf(x->reason, sizeof x->reason, "phoenix-loadhost ended with exit status %d", how->code);
    }
}

static void on_exit_of_load(void *arg, const struct child_exit *how)
{
    struct load *x = arg;
    struct loads *l = x->all;
    loads_done_fn *stopped = x->stopped;
    pid_t group = child_pid(x->child);
    struct err gone = { 0 };
    if (x->out_fd >= 0)
        read_output(x);
    output_close(x);
    child_free(x->child);
    x->child = NULL;
    kill(-group, SIGKILL); /* processes that the profile made */
    timer_clear(x->kill_timer);
    load_judge(x, how);
    x->since_ns = clock_wall();
    x->stopped = NULL;
    l->n_running--;
    l->conf.changed(l->conf.changed_arg);
    err_set(&gone, ERR_NOTFOUND, "load %s has ended", x->id);
    adjust_end(x, &gone);
    forget_old(l);
    if (stopped)
        stopped(x->stopped_arg, true);
    if (l->shut_down && l->n_running == 0)
        l->shut_down(l->shut_down_arg);
}

/** Arguments of the load host. Borrowed texts only. */
static void arguments(const struct loads *l, const struct load *x, const struct json *config,
                      const char *program, const char *parameters, char seed[24], const char *argv[13])
{
    unsigned n = 0;
    argv[n++] = program;
    argv[n++] = "--profile";
    argv[n++] = x->profile;
    argv[n++] = "--duration";
    argv[n++] = json_get_str(config, "duration", "60s");
    argv[n++] = "--seed";
    snprintf(seed, 24, "%lld", (long long)json_get_int(config, "seed", 1));
    argv[n++] = seed;
    argv[n++] = "--plugin-dir";
    argv[n++] = l->conf.plugin_dirs;
    if (parameters) {
        argv[n++] = "--parameters";
        argv[n++] = parameters;
    }
    argv[n] = NULL;
}

/** What it says and what it hears; our ends do not block. */
static int pipes_open(int out[2], int in[2], struct err *err)
{
    if (pipe2(out, O_CLOEXEC) != 0)
        return err_errno(err, ERR_IO, errno, "could not make a pipe");
    if (pipe2(in, O_CLOEXEC) != 0) {
        err_errno(err, ERR_IO, errno, "could not make a pipe");
        close(out[0]);
        close(out[1]);
        return err->code;
    }
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    return 0;
}

static int load_spawn(struct loads *l, struct load *x, const struct json *config, struct err *err)
{
    char targets[1024], seed[24], program[4096], otlp[128];
    const char *env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", targets, NULL, NULL };
    const char *argv[13];
    int out[2], in[2];
    CLEANUP_BUF struct buf parameters;
    buf_init(&parameters, 64 << 10);
    if (json_get(config, "parameters"))
        json_write(json_get(config, "parameters"), &parameters);
    if (parameters.failed)
        return err_set(err, ERR_LIMIT, "config.parameters is too large");
    snprintf(program, sizeof program, "%s/phoenix-loadhost", l->conf.libexec_dir);
    snprintf(otlp, sizeof otlp, "OTEL_EXPORTER_OTLP_ENDPOINT=%s", l->conf.otlp_url ? l->conf.otlp_url : "");
    if (l->conf.otlp_url)
        env[3] = otlp;
    int n = snprintf(targets, sizeof targets, "PHOENIX_LOAD_TARGETS=%s", l->conf.targets);
    if (n >= (int)sizeof targets)
        return err_set(err, ERR_LIMIT, "agent.load.targets is longer than 1000 bytes");
    arguments(l, x, config, program, parameters.len ? buf_cstr(&parameters) : NULL, seed, argv);
    if (pipes_open(out, in, err) != 0)
        return err->code;
    struct child_spec spec = { .path = program,
                               .argv = argv,
                               .envp = env,
                               .stdin_fd = in[0],
                               .stdout_fd = out[1],
                               .stderr_fd = STDERR_FILENO,
                               .dies_with_parent = true };
    x->child = child_spawn(l->conf.loop, &spec, on_exit_of_load, x, err);
    close(out[1]);
    close(in[0]);
    if (!x->child) {
        close(out[0]);
        close(in[1]);
        return err->code;
    }
    x->out_fd = out[0];
    x->in_fd = in[1];
    x->watch = watch_new(l->conf.loop, x->out_fd, WATCH_READ, on_output, x);
    return 0;
}

static int load_parse(struct load *x, const struct json *doc, struct err *err)
{
    const struct json *config = json_get(doc, "config");
    struct str id = json_text(json_get(config, "id")), profile = json_text(json_get(config, "profile"));
    if (!file_name_ok(id) || !str_copy(x->id, sizeof x->id, id))
        return err_set(err, ERR_INVALID, "config.id cannot name a load");
    if (!name_valid(profile, false) || !str_copy(x->profile, sizeof x->profile, profile))
        return err_set(err, ERR_INVALID, "config.profile is not a name");
    if (json_get_duration(config, "duration", 0) <= 0)
        return err_set(err, ERR_INVALID, "config.duration is not a duration");
    str_copy(x->experiment_id, sizeof x->experiment_id, json_text(json_get(doc, "experiment_id")));
    return 0;
}

static struct load *load_find(const struct loads *l, const char *id)
{
    struct load *x;
    DL_FOREACH(l->list, x) {
        if (x->child && str_eqz(str_of(id), x->id))
            return x;
    }
    return NULL;
}

int loads_start(struct loads *l, const struct json *doc, int *ret_pid, struct err *err)
{
    if (!l->conf.allowed)
        return err_set(err, ERR_FORBIDDEN,
                       "load profiles are not allowed on this host (agent.allow.loads)");
    struct load *x = mem_alloc(sizeof *x);
    x->all = l;
    x->out_fd = x->in_fd = -1;
    for (unsigned i = 0; i < N_MORE; i++)
        x->more[i] = -1;
    buf_init(&x->line, LINE_MAX_BYTES);
    x->kill_timer = timer_new(l->conf.loop, on_kill_time, x);
    x->since_ns = clock_wall();
    int rc = load_parse(x, doc, err);
    struct load *running = rc == 0 ? load_find(l, x->id) : NULL;
    if (rc == 0 && !running && l->n_running >= LOADS_MAX)
        rc = err_set(err, ERR_LIMIT, "this host runs %d loads already", LOADS_MAX);
    if (rc == 0 && !running)
        rc = load_spawn(l, x, json_get(doc, "config"), err);
    if (rc != 0 || running) {
        if (running)
            *ret_pid = child_pid(running->child);
        load_free(x);
        return rc;
    }
    DL_APPEND(l->list, x);
    l->n_running++;
    *ret_pid = child_pid(x->child);
    l->conf.changed(l->conf.changed_arg);
    return 0;
}

static void load_stop(struct load *x)
{
    if (x->is_stopping)
        return;
    x->is_stopping = true;
    child_signal(x->child, SIGTERM);
    timer_set(x->kill_timer, x->all->conf.grace_ns);
}

void loads_stop(struct loads *l, const char *id, loads_done_fn *done, void *arg)
{
    struct load *x = load_find(l, id);
    if (!x) {
        done(arg, false);
        return;
    }
    if (x->stopped)
        x->stopped(x->stopped_arg, true); /* the newer request waits for the same end */
    x->stopped = done;
    x->stopped_arg = arg;
    load_stop(x);
}

/** {"adjust":{"factor":2}}, a line: the pipe takes it whole or not at all. */
static int say_adjust(struct load *x, const struct json *config, struct err *err)
{
    CLEANUP_BUF struct buf line;
    struct jw w;
    buf_init(&line, 256);
    jw_init(&w, &line);
    jw_open(&w, '{');
    jw_key(&w, "adjust");
    jw_open(&w, '{');
    if (json_get(config, "rate"))
        jw_kreal(&w, "rate", json_get_real(config, "rate", 0));
    else
        jw_kreal(&w, "factor", json_get_real(config, "factor", 1));
    jw_close(&w, '}');
    jw_close(&w, '}');
    buf_addc(&line, '\n');
    if (write(x->in_fd, line.data, line.len) != (ssize_t)line.len)
        return err_set(err, ERR_UNAVAILABLE, "load %s does not listen", x->id);
    return 0;
}

void loads_adjust(struct loads *l, const struct json *config, loads_changed_fn *done, void *arg)
{
    const char *id = json_get_str(config, "id", "");
    struct load *x = load_find(l, id);
    struct err err = { 0 };
    if (!x || x->in_fd < 0)
        err_set(&err, ERR_NOTFOUND, "load %.100s does not run here", id);
    else
        (void)say_adjust(x, config, &err);
    if (err.code) {
        done(arg, &err);
        return;
    }
    struct err newer = { 0 };
    err_set(&newer, ERR_CANCELLED, "a newer change took its place");
    adjust_end(x, &newer);
    x->unanswered++;
    x->adjusted = done;
    x->adjusted_arg = arg;
}

void loads_shutdown(struct loads *l, loop_fn *done, void *arg)
{
    struct load *x;
    if (l->n_running == 0) {
        done(arg);
        return;
    }
    l->shut_down = done;
    l->shut_down_arg = arg;
    DL_FOREACH(l->list, x) {
        if (x->child)
            load_stop(x);
    }
}

bool loads_moved(struct loads *l)
{
    bool moved = l->moved;
    l->moved = false;
    return moved;
}

void loads_write(const struct loads *l, struct jw *w)
{
    const struct load *x;
    jw_open(w, '[');
    DL_FOREACH(l->list, x) {
        jw_open(w, '{');
        jw_kstr(w, "id", x->id);
        jw_kstr(w, "experiment_id", x->experiment_id[0] ? x->experiment_id : NULL);
        jw_kstr(w, "profile", x->profile);
        jw_kstr(w, "status", status_names[x->child ? LOAD_RUNNING : x->status]);
        jw_kreal(w, "offered", x->offered);
        jw_kreal(w, "delivered", x->delivered);
        for (unsigned i = 0; i < N_MORE; i++) {
            if (x->more[i] >= 0)
                jw_kreal(w, more_names[i], x->more[i]);
        }
        jw_ktime(w, "since", x->since_ns);
        jw_kstr(w, "reason", x->reason[0] ? x->reason : NULL);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}
