/* SPDX-License-Identifier: Apache-2.0 */
/* The services that one instance of a component is lent: log, fail, clocks, config, and for kinds that
 * are not pure the loop and the worker lanes.
 *
 * What a plugin opens is counted on its instance. What it has not given back when destroy() returns is
 * taken back and complained about. A post or a lane that is still under way then holds the instance's
 * memory (not the plugin's state) until it comes home, and its callback is dropped. */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/lane.h"
#include "core/plugin/plugin_priv.h"

#define LOG_LINE_MAX 4096

/* A phx_host is the first member of its instance, and plugins get no other. */
static struct instance *of(const phx_host *h)
{
    return (struct instance *)(uintptr_t)h;
}

static void on_log(const phx_host *h, uint32_t level, phx_str text)
{
    static const enum log_event events[] = { EV_PLUGIN_DEBUG, EV_PLUGIN_LOG, EV_PLUGIN_WARN,
                                             EV_PLUGIN_ERROR };
    enum log_event ev = events[level <= PHX_ERROR ? level : PHX_ERROR];
    int n = text.n < LOG_LINE_MAX ? (int)text.n : LOG_LINE_MAX;
    log_event(ev, NULL, "%s: %.*s", of(h)->component->name, n, text.p ? text.p : "");
}

static void on_fail(const phx_host *h, phx_status status, phx_str why)
{
    struct instance *i = of(h);
    pthread_mutex_lock(&i->lock);
    str_copy(i->fail_text, sizeof i->fail_text, (struct str){ why.p, why.p ? why.n : 0 });
    pthread_mutex_unlock(&i->lock);
}

static void fail(struct instance *i, phx_status status, const char *why)
{
    on_fail(&i->host, status, (phx_str){ why, strlen(why) });
}

static phx_mono on_mono(const phx_host *h)
{
    return (phx_mono)clock_mono();
}

static phx_wall on_wall(const phx_host *h)
{
    return clock_wall();
}

/* ---- config */

static int64_t on_cfg_int(const phx_cfg *cfg, const char *path, int64_t dflt)
{
    const struct json *j = json_path(cfg->tree, path);
    int64_t ns;
    if (json_is(j, JSON_STRING) && parse_duration(json_text(j), &ns)) {
        return ns;
    }
    return json_is(j, JSON_BOOL) ? json_bool(j, false) : json_int(j, dflt);
}

static double on_cfg_num(const phx_cfg *cfg, const char *path, double dflt)
{
    return json_real(json_path(cfg->tree, path), dflt);
}

static const char *on_cfg_str(const phx_cfg *cfg, const char *path, const char *dflt)
{
    return json_str(json_path(cfg->tree, path), dflt);
}

static const char *on_cfg_json(const phx_cfg *cfg, const char *path)
{
    const struct json *j = path && *path ? json_path(cfg->tree, path) : cfg->tree;
    if (!j) {
        return NULL;
    }
    struct buf b;
    buf_init(&b, 1 << 20);
    json_write(j, &b);
    phx_cfg *own = (phx_cfg *)(uintptr_t)cfg;
    pthread_mutex_lock(&own->lock);
    const char *text = b.failed ? NULL : arena_strndup(own->texts, buf_str(&b));
    pthread_mutex_unlock(&own->lock);
    buf_done(&b);
    return text;
}

/* ---- phoenix.loop/1 */

struct phx_watch {
    struct watch *watch;
    struct instance *owner;
    phx_fd_fn *fn;
    void *ctx;
    phx_watch *prev, *next;
};
struct phx_timer {
    struct timer *timer;
    struct instance *owner;
    phx_fn *fn;
    void *ctx;
    phx_timer *prev, *next;
};
struct post {
    struct instance *owner;
    phx_fn *fn;
    void *ctx;
};

/* [loop] calls from another thread are the commonest mistake, and would corrupt the loop. */
static bool on_loop_thread(struct instance *i, const char *call)
{
    if (pthread_equal(pthread_self(), i->thread)) {
        return true;
    }
    log_event(EV_PLUGIN_ERROR, NULL, "%s %s: called %s on a thread that is not the loop's; refused",
              i->component->plugin_id, i->component->version, call);
    fail(i, PHX_E_INVAL, "a call that belongs on the loop came from another thread");
    return false;
}

static void on_watch(void *arg, int fd, unsigned what)
{
    phx_watch *w = arg;
    w->fn(w->ctx, fd, what);
}

static phx_watch *loop_watch(const phx_host *h, int fd, uint32_t what, phx_fd_fn *fn, void *ctx)
{
    struct instance *i = of(h);
    if (!on_loop_thread(i, "watch")) {
        return NULL;
    }
    if (fd < 0 || !fn || (what & ~(uint32_t)(PHX_READ | PHX_WRITE))) {
        fail(i, PHX_E_UNSUPPORTED, "watch: a descriptor, a function, and PHX_READ or PHX_WRITE are wanted");
        return NULL;
    }
    phx_watch *w = mem_alloc(sizeof *w);
    *w = (phx_watch){ .owner = i, .fn = fn, .ctx = ctx };
    w->watch = watch_new(i->loop, fd, what, on_watch, w);
    DL_APPEND(i->watches, w);
    return w;
}

static phx_status loop_rewatch(phx_watch *w, uint32_t what)
{
    if (!on_loop_thread(w->owner, "rewatch")) {
        return PHX_E_INVAL;
    }
    if (what & ~(uint32_t)(PHX_READ | PHX_WRITE)) {
        return PHX_E_UNSUPPORTED;
    }
    watch_set(w->watch, what);
    return PHX_OK;
}

static void loop_unwatch(phx_watch *w)
{
    if (w && on_loop_thread(w->owner, "unwatch")) {
        DL_DELETE(w->owner->watches, w);
        watch_free(w->watch);
        free(w);
    }
}

static void on_timer(void *arg)
{
    phx_timer *t = arg;
    t->fn(t->ctx);
}

static phx_timer *loop_timer(const phx_host *h, uint64_t first_ns, uint64_t every_ns, phx_fn *fn, void *ctx)
{
    struct instance *i = of(h);
    if (!on_loop_thread(i, "timer")) {
        return NULL;
    }
    if (!fn || first_ns > INT64_MAX || every_ns > INT64_MAX) {
        fail(i, PHX_E_INVAL, "timer: a function and times below 292 years are wanted");
        return NULL;
    }
    phx_timer *t = mem_alloc(sizeof *t);
    *t = (phx_timer){ .owner = i, .fn = fn, .ctx = ctx };
    t->timer = timer_new(i->loop, on_timer, t);
    if (every_ns) {
        timer_every(t->timer, (int64_t)first_ns, (int64_t)every_ns);
    } else {
        timer_set(t->timer, (int64_t)first_ns);
    }
    DL_APPEND(i->timers, t);
    return t;
}

static void loop_untimer(phx_timer *t)
{
    if (t && on_loop_thread(t->owner, "untimer")) {
        DL_DELETE(t->owner->timers, t);
        timer_free(t->timer);
        free(t);
    }
}

static void on_post(void *arg)
{
    struct post *p = arg;
    if (!atomic_load(&p->owner->is_dead)) {
        p->fn(p->ctx);
    }
    instance__unref(p->owner);
    free(p);
}

static phx_status post(const phx_host *h, phx_fn *fn, void *ctx)
{
    struct instance *i = of(h);
    if (!fn) {
        return PHX_E_INVAL;
    }
    struct post *p = mem_alloc(sizeof *p);
    *p = (struct post){ i, fn, ctx };
    atomic_fetch_add(&i->refs, 1);
    loop_post(i->loop, on_post, p);
    return PHX_OK;
}

static const phx_loop loop_iface = {
    .size = sizeof loop_iface,
    .watch = loop_watch,
    .rewatch = loop_rewatch,
    .unwatch = loop_unwatch,
    .timer = loop_timer,
    .untimer = loop_untimer,
    .post = post,
};

/* ---- phoenix.work/1. Every lane is a thread of its own, so every lane is pinned. */

struct phx_lane {
    struct lane *lane;
    struct instance *owner;
    phx_fn *closed; /**< NULL: nothing to call */
    void *ctx;
    phx_lane *prev, *next;
};

static phx_lane *work_open(const phx_host *h, const char *name, uint32_t flags)
{
    struct instance *i = of(h);
    if (!on_loop_thread(i, "open")) {
        return NULL;
    }
    if (flags & ~(uint32_t)PHX_LANE_PINNED) {
        fail(i, PHX_E_UNSUPPORTED, "open: unknown flags for a lane");
        return NULL;
    }
    struct err err = { 0 };
    struct lane *lane = lane_open(i->loop, name ? name : i->component->name, &err);
    if (!lane) {
        fail(i, PHX_E_UNAVAILABLE, err.msg);
        return NULL;
    }
    phx_lane *l = mem_alloc(sizeof *l);
    *l = (phx_lane){ .lane = lane, .owner = i };
    atomic_fetch_add(&i->refs, 1);
    DL_APPEND(i->lanes, l);
    return l;
}

static phx_status work_run(phx_lane *l, phx_fn *work, phx_done_fn *then, void *job)
{
    if (!work) {
        return PHX_E_INVAL;
    }
    lane_run(l->lane, work, then, job);
    return PHX_OK;
}

static void on_lane_closed(void *arg)
{
    phx_lane *l = arg;
    if (l->closed && !atomic_load(&l->owner->is_dead)) {
        l->closed(l->ctx);
    }
    instance__unref(l->owner);
    free(l);
}

static void work_close(phx_lane *l, phx_fn *closed, void *ctx)
{
    if (l && on_loop_thread(l->owner, "close")) {
        l->closed = closed;
        l->ctx = ctx;
        DL_DELETE(l->owner->lanes, l);
        lane_close(l->lane, on_lane_closed, l);
    }
}

static const phx_work work_iface = {
    .size = sizeof work_iface, .open = work_open, .run = work_run, .close = work_close
};

/* ---- the table of interfaces, and the host struct itself */

static const struct {
    const char *id;
    const void *iface;
} ifaces[] = { { PHX_LOOP, &loop_iface }, { PHX_WORK, &work_iface } };

static const void *find_iface(const char *id)
{
    for (size_t i = 0; id && i < sizeof ifaces / sizeof ifaces[0]; i++) {
        if (strcmp(ifaces[i].id, id) == 0) {
            return ifaces[i].iface;
        }
    }
    return NULL;
}

static const void *on_iface(const phx_host *h, const char *id)
{
    return of(h)->loop ? find_iface(id) : NULL;
}

bool host__offers(const struct instance *i, const char *id)
{
    return on_iface(&i->host, id) != NULL;
}

bool host__knows(const char *id)
{
    return find_iface(id) != NULL;
}

void host__init(struct instance *i, const char *program, const char *version, bool is_pure)
{
    i->host = (phx_host){
        .size = sizeof i->host,
        .minor = PHX_ABI_MINOR,
        .name = program,
        .version = version,
        .log = on_log,
        .fail = on_fail,
        .mono = is_pure ? NULL : on_mono,
        .wall = is_pure ? NULL : on_wall,
        .cfg_int = on_cfg_int,
        .cfg_num = on_cfg_num,
        .cfg_str = on_cfg_str,
        .cfg_json = on_cfg_json,
        .iface = on_iface,
    };
}

unsigned host__reclaim(struct instance *i)
{
    unsigned n = 0;
    for (phx_watch *w, *next = i->watches; (w = next); n++) {
        next = w->next;
        loop_unwatch(w);
    }
    for (phx_timer *t, *next = i->timers; (t = next); n++) {
        next = t->next;
        loop_untimer(t);
    }
    for (phx_lane *l, *next = i->lanes; (l = next); n++) {
        next = l->next;
        work_close(l, NULL, NULL);
    }
    return n;
}
