/* SPDX-License-Identifier: Apache-2.0 */
/* Signals come by a signalfd and wishes by a pipe, so that one wait sees them, the profile's own
 * sockets and the time. The signals stay blocked but for that descriptor: none is lost between looking
 * and sleeping. The end of a child only wakes the profile, which collects it. */
#include "config.h"
#include "tools/loadhost/world.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { LINE_MAX_BYTES = 4096 };

struct world {
    struct loop *loop;
    struct instance *instance;
    int signals;
    struct watch *on_signal, *on_wish;
    struct timer *alarm;
    bool shall_stop;
    struct buf wishes;
};

static void say(struct buf *line)
{
    buf_addc(line, '\n');
    if (write(STDOUT_FILENO, line->data, line->len) < 0 && errno != EPIPE)
        log_event(EV_PLUGIN_WARN, NULL, "could not write a status line: %s", strerror(errno));
}

/* ---- status */

static void write_figure(struct jw *w, const char *key, double value)
{
    if (value >= 0) jw_kreal(w, key, value);
}

void world_print(const struct run_status *s, const char *reason)
{
    CLEANUP_BUF struct buf line;
    struct jw w;
    buf_init(&line, 4096);
    jw_init(&w, &line);
    jw_open(&w, '{');
    jw_kstr(&w, "state", run_state_name(s->state));
    jw_key(&w, "offered");
    jw_uint(&w, s->offered);
    jw_key(&w, "delivered");
    jw_uint(&w, s->delivered);
    jw_kint(&w, "elapsed_ms", s->elapsed_ns / NS_PER_MS);
    write_figure(&w, "rejected", s->rejected);
    write_figure(&w, "failed", s->failed);
    write_figure(&w, "late", s->late);
    write_figure(&w, "rate", s->rate);
    if (reason || s->told[0]) jw_kstr(&w, "reason", reason ? reason : s->told);
    jw_close(&w, '}');
    say(&line);
}

static void report(void *arg, const struct run_status *s)
{
    world_print(s, NULL);
}

/* ---- waiting */

static int64_t now(void *arg)
{
    return clock_mono();
}

static void on_time(void *arg)
{
    struct world *w = arg;
    loop_stop(w->loop);
}

static void on_signal(void *arg, int fd, unsigned what)
{
    struct world *w = arg;
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) != sizeof info) return;
    w->shall_stop |= info.ssi_signo != SIGCHLD;
    loop_stop(w->loop);
}

static bool wait_until(void *arg, int64_t until_ns)
{
    struct world *w = arg;
    struct err err = { 0 };
    int64_t left = until_ns - clock_mono();
    timer_set(w->alarm, left > 0 ? left : 0);
    if (loop_run(w->loop, &err)) {
        log_error(EV_PLUGIN_ERROR, NULL, &err, "the load ends");
        w->shall_stop = true;
    }
    return w->shall_stop;
}

/* ---- wishes */

static void on_wish(void *arg, int fd, unsigned what)
{
    struct world *w = arg;
    char *room = buf_room(&w->wishes, 1024);
    if (!room) { /* a line that is too long is dropped */
        buf_reset(&w->wishes);
        w->wishes.failed = false;
        return;
    }
    ssize_t n = read(fd, room, 1024);
    if (n > 0) w->wishes.len += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        watch_free(w->on_wish);
        w->on_wish = NULL;
    }
    if (n > 0) loop_stop(w->loop);
}

static void answer(const char *why)
{
    CLEANUP_BUF struct buf line;
    struct jw w;
    buf_init(&line, 4096);
    jw_init(&w, &line);
    jw_open(&w, '{');
    jw_key(&w, "adjusted");
    jw_bool(&w, why == NULL);
    if (why) jw_kstr(&w, "reason", why);
    jw_close(&w, '}');
    say(&line);
}

/* {"adjust":{"factor":2}} or {"adjust":{"rate":5000}} */
static bool read_wish(struct str line, phx_load_change *ret)
{
    struct err err = { 0 };
    CLEANUP_JSON struct json *said = json_parse(line, NULL, &err);
    const struct json *adjust = json_get(said, "adjust");
    *ret = (phx_load_change){ .size = sizeof *ret, .factor = 1 };
    if (!json_is(adjust, JSON_OBJECT)) {
        answer(said ? "a line with \"adjust\" is wanted" : err.msg);
        return false;
    }
    ret->factor = json_get_real(adjust, "factor", 1);
    ret->rate = json_get_real(adjust, "rate", 0);
    return true;
}

static bool next_wish(void *arg, phx_load_change *ret)
{
    struct world *w = arg;
    const char *newline;
    while (w->wishes.len && (newline = memchr(w->wishes.data, '\n', w->wishes.len))) {
        size_t length = (size_t)(newline - w->wishes.data);
        bool is_wish = read_wish((struct str){ w->wishes.data, length }, ret);
        buf_consume(&w->wishes, length + 1);
        if (is_wish) return true;
    }
    return false;
}

static void wish_done(void *arg, phx_status status)
{
    struct world *w = arg;
    struct err err = { 0 };
    if (status == PHX_E_UNSUPPORTED) answer("this profile cannot be adjusted so while it runs");
    else if (instance_result(w->instance, status, &err)) answer(err.msg);
    else answer(NULL);
}

/* ---- life */

/* Regular files and /dev/null cannot be waited for, and nobody speaks there. */
static bool can_listen(int fd)
{
    struct stat st;
    return !fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
}

struct world *world_new(struct loop *loop, struct err *err)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        err_errno(err, ERR_UNAVAILABLE, errno, "could not wait for signals");
        return NULL;
    }
    struct world *w = mem_alloc(sizeof *w);
    w->loop = loop;
    w->signals = fd;
    w->on_signal = watch_new(loop, fd, WATCH_READ, on_signal, w);
    w->alarm = timer_new(loop, on_time, w);
    buf_init(&w->wishes, LINE_MAX_BYTES);
    if (can_listen(STDIN_FILENO)) w->on_wish = watch_new(loop, STDIN_FILENO, WATCH_READ, on_wish, w);
    return w;
}

void world_free(struct world *w)
{
    if (!w) return;
    watch_free(w->on_wish);
    watch_free(w->on_signal);
    timer_free(w->alarm);
    close(w->signals);
    buf_done(&w->wishes);
    free(w);
}

void world_introduce(struct world *w, struct instance *instance)
{
    w->instance = instance;
}

struct run_env world_env(struct world *w)
{
    return (struct run_env){
        .now = now, .wait = wait_until, .change = next_wish, .changed = wish_done, .report = report, .arg = w
    };
}
