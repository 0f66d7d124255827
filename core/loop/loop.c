/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One turn = one event_base_loop(EVLOOP_ONCE): wait, run what became ready. Between two turns run the
 * calls that were deferred; those that they defer in turn run after a turn that does not wait, so a
 * chain of deferrals can starve nobody. Other threads append to a locked list and ring an eventfd,
 * once for each time the list was empty; libevent itself is never touched from outside. What the loop's own
 * thread posts is deferred: it needs no bell.
 */
#include "core/loop/loop.h"
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop_priv.h"

#define MAX_DELAY_NS (INT64_C(366) * 86400 * NS_PER_S)

struct call {
    loop_fn *fn;
    void *arg;
};
struct calls {
    struct call *at;
    size_t n, cap;
};
struct on_signal {
    struct event *ev;
    loop_fn *fn;
    void *arg;
};
struct loop {
    struct event_base *base;
    struct calls deferred, running; /* running: the batch that is being worked off */
    struct on_signal on_signal[NSIG];
    bool is_running, stopping;
    int64_t wall_ns; /* of this turn; 0: not asked yet */

    int bell; /* eventfd */
    struct event *on_bell;
    pthread_mutex_t lock; /* posted */
    struct calls posted;
    unsigned held; /* threads that end, and will say so */
};

static _Thread_local const struct loop *running_here;

static void calls_add(struct calls *q, loop_fn *fn, void *arg)
{
    if (q->n == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 16;
        q->at = mem_realloc(q->at, q->cap, sizeof *q->at);
    }
    q->at[q->n++] = (struct call){ fn, arg };
}

/* ---- libevent's complaints */

static void on_fatal(int code)
{
    log_event(EV_LOOP_FATAL, NULL, "libevent gave up with code %d", code);
    abort();
}

static void on_complaint(int severity, const char *msg)
{
    static struct log_limit limit = { .interval_ns = NS_PER_S };
    unsigned held = 0;
    if (severity >= EVENT_LOG_WARN && log_limit_ok(&limit, &held))
        log_event(severity >= EVENT_LOG_ERR ? EV_LOOP_FATAL : EV_LOOP_COMPLAINT, NULL, "%s", msg);
}

static void *alloc_or_die(size_t n)
{
    void *p = malloc(n); /* not mem_alloc(): buffers need no zeroes */
    if (!p && n > 0)
        mem_die(n);
    return p;
}

static void *realloc_or_die(void *p, size_t n)
{
    return mem_realloc(p, n, 1);
}

/* libevent's own handling of a failed allocation in the middle of an answer is untested country. */
static void libevent_setup(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    event_set_mem_functions(alloc_or_die, realloc_or_die, free);
    event_set_fatal_callback(on_fatal);
    event_set_log_callback(on_complaint);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- posting */

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
    struct loop *l = arg;
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
    pthread_mutex_lock(&l->lock);
    struct calls batch = l->posted;
    l->posted = (struct calls){ 0 };
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < batch.n; i++)
        batch.at[i].fn(batch.at[i].arg);
    free(batch.at);
}

void loop_post(struct loop *l, loop_fn *fn, void *arg)
{
    if (running_here == l) {
        loop_defer(l, fn, arg);
        return;
    }
    pthread_mutex_lock(&l->lock);
    bool was_empty = l->posted.n == 0;
    calls_add(&l->posted, fn, arg);
    /* Rung under the lock: afterwards the loop may have run the call and be gone. */
    if (was_empty)
        (void)!write(l->bell, &(uint64_t){ 1 }, sizeof(uint64_t));
    pthread_mutex_unlock(&l->lock);
}

/* ---- life */

static struct event_base *base_new(void)
{
    struct event_config *cfg = event_config_new();
    if (!cfg)
        return NULL;
    event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    event_config_require_features(cfg, EV_FEATURE_EARLY_CLOSE);
    struct event_base *base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    return base;
}

struct loop *loop_new(struct err *err)
{
    libevent_setup();
    struct loop *l = mem_alloc(sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    l->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->bell < 0) {
        err_errno(err, ERR_UNAVAILABLE, errno, "could not make an event loop");
        goto failed;
    }
    l->base = base_new();
    if (!l->base) {
        err_set(err, ERR_UNAVAILABLE, "could not make an event loop: libevent finds no epoll");
        goto failed;
    }
    l->on_bell = event_new(l->base, l->bell, EV_READ | EV_PERSIST, on_bell, l);
    event_add(l->on_bell, NULL);
    return l;
failed:
    if (l->bell >= 0)
        close(l->bell);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

/* The calls deferred so far, not those that they defer. */
static void run_deferred(struct loop *l)
{
    struct calls batch = l->deferred;
    l->deferred = l->running;
    l->running = batch;
    l->deferred.n = 0;
    for (size_t i = 0; i < l->running.n; i++)
        l->running.at[i].fn(l->running.at[i].arg);
    l->running.n = 0;
}

int loop_run(struct loop *l, struct err *err)
{
    int rc = 0;
    running_here = l;
    l->is_running = true;
    l->stopping = false;
    while (!l->stopping) {
        run_deferred(l);
        if (l->stopping)
            break;
        l->wall_ns = 0;
        int how = EVLOOP_ONCE | (l->deferred.n > 0 ? EVLOOP_NONBLOCK : 0);
        if (event_base_loop(l->base, how) < 0) {
            rc = err_set(err, ERR_INTERNAL, "the event loop failed");
            break;
        }
    }
    l->is_running = false;
    running_here = NULL;
    return rc;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    l->is_running = false;
    for (;;) {
        on_bell(l->bell, 0, l);
        while (l->deferred.n > 0)
            run_deferred(l);
        if (l->held == 0)
            break;
        poll(&(struct pollfd){ .fd = l->bell, .events = POLLIN }, 1, -1);
    }
    for (int i = 0; i < NSIG; i++)
        if (l->on_signal[i].ev)
            event_free(l->on_signal[i].ev);
    event_free(l->on_bell);
    event_base_free(l->base);
    close(l->bell);
    pthread_mutex_destroy(&l->lock);
    free(l->deferred.at);
    free(l->running.at);
    free(l->posted.at);
    free(l);
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}

struct event_base *loop_base(struct loop *l)
{
    return l->base;
}

int64_t loop_wall(struct loop *l)
{
    if (!l->is_running)
        return clock_wall();
    if (!l->wall_ns)
        l->wall_ns = clock_wall();
    return l->wall_ns;
}

void loop__hold(struct loop *l)
{
    l->held++;
}

void loop__release(struct loop *l)
{
    l->held--;
}

void loop_defer(struct loop *l, loop_fn *fn, void *arg)
{
    calls_add(&l->deferred, fn, arg);
}

/* ---- signals */

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
    struct on_signal *s = arg;
    s->fn(s->arg);
}

int loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *arg, struct err *err)
{
    if (signo <= 0 || signo >= NSIG)
        return err_set(err, ERR_INVAL, "there is no signal %d", signo);
    struct on_signal *s = &l->on_signal[signo];
    if (s->ev)
        event_free(s->ev);
    *s = (struct on_signal){ 0 };
    if (!fn)
        return 0;
    *s = (struct on_signal){ .fn = fn, .arg = arg };
    s->ev = evsignal_new(l->base, signo, on_signal, s);
    if (s->ev && event_add(s->ev, NULL) == 0)
        return 0;
    if (s->ev)
        event_free(s->ev);
    *s = (struct on_signal){ 0 };
    return err_set(err, ERR_INTERNAL, "could not watch for signal %d", signo);
}

/* ---- timers */

struct timer {
    struct loop *loop;
    struct event ev;
    loop_fn *fn;
    void *arg;
    int64_t due_ns, interval_ns; /* interval 0: once */
};

static void timer_arm(struct timer *t, int64_t delay_ns)
{
    if (delay_ns < 0)
        delay_ns = 0;
    if (delay_ns > MAX_DELAY_NS)
        delay_ns = MAX_DELAY_NS;
    struct timeval tv = { .tv_sec = (time_t)(delay_ns / NS_PER_S),
                          .tv_usec = (suseconds_t)((delay_ns % NS_PER_S + 999) / 1000) };
    if (tv.tv_usec == 1000000) {
        tv.tv_sec++;
        tv.tv_usec = 0;
    }
    evtimer_add(&t->ev, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct timer *t = arg;
    if (t->interval_ns > 0) {
        /* Ticks that were missed (the process was stopped) are skipped, not made up for. libevent
         * counts on a coarse clock: a tick may come a little early, hence the half interval. */
        int64_t now = clock_mono();
        t->due_ns += t->interval_ns;
        if (t->due_ns < now)
            t->due_ns += (now - t->due_ns + t->interval_ns - 1) / t->interval_ns * t->interval_ns;
        timer_arm(t, t->due_ns - now);
    }
    t->fn(t->arg);
}

struct timer *timer_new(struct loop *l, loop_fn *fn, void *arg)
{
    struct timer *t = mem_alloc(sizeof *t);
    *t = (struct timer){ .loop = l, .fn = fn, .arg = arg };
    evtimer_assign(&t->ev, l->base, on_timer, t);
    return t;
}

void timer_free(struct timer *t)
{
    if (!t)
        return;
    evtimer_del(&t->ev);
    free(t);
}

void timer_set(struct timer *t, int64_t delay_ns)
{
    t->interval_ns = 0;
    timer_arm(t, delay_ns);
}

void timer_every(struct timer *t, int64_t first_ns, int64_t interval_ns)
{
    t->interval_ns = interval_ns > 0 ? interval_ns : 1;
    t->due_ns = clock_mono() + first_ns;
    timer_arm(t, first_ns);
}

void timer_clear(struct timer *t)
{
    t->interval_ns = 0;
    evtimer_del(&t->ev);
}

bool timer_is_set(const struct timer *t)
{
    return evtimer_pending(&t->ev, NULL) != 0;
}

/* ---- descriptors */

struct watch {
    struct loop *loop;
    struct event ev;
    watch_fn *fn;
    void *arg;
    int fd;
    unsigned what;
};

static void on_ready(evutil_socket_t fd, short events, void *arg)
{
    struct watch *w = arg;
    w->fn(w->arg, fd, (events & EV_READ ? WATCH_READ : 0U) | (events & EV_WRITE ? WATCH_WRITE : 0U));
}

struct watch *watch_new(struct loop *l, int fd, unsigned what, watch_fn *fn, void *arg)
{
    struct watch *w = mem_alloc(sizeof *w);
    *w = (struct watch){ .loop = l, .fn = fn, .arg = arg, .fd = fd };
    watch_set(w, what);
    return w;
}

void watch_set(struct watch *w, unsigned what)
{
    if (w->what == what)
        return;
    if (w->what)
        event_del(&w->ev);
    w->what = what;
    if (!what)
        return;
    int events = EV_PERSIST | (what & WATCH_READ ? EV_READ : 0) | (what & WATCH_WRITE ? EV_WRITE : 0);
    event_assign(&w->ev, w->loop->base, w->fd, (short)events, on_ready, w);
    event_add(&w->ev, NULL);
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    watch_set(w, 0);
    free(w);
}
