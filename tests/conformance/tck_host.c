/* SPDX-License-Identifier: Apache-2.0 */
/* The driver under test behind the core's own loader, loop and lanes; calls that look blocking. */
#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/loop/loop.h"
#include "core/plugin/plugin.h"
#include "tests/conformance/tck.h"

struct host {
    struct loop *loop;
    struct registry *registry;
    struct instance *instance;
    const phx_storage_ops *ops;
    phx_self *self;
    struct call *last; /* of host_call() */
    struct timer *patience;

    const phx_storage_watch_ops *watch; /* NULL: the driver has no signals */
    phx_storage_watcher watcher;
    struct signal *signals;
    size_t n_signals, cap_signals;
    unsigned resyncs;
    bool in_driver; /* signals must not come from inside */
};

_Noreturn void tck_fail(const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    printf("# %s:%d: ", file, line);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

uint64_t host_mono(void)
{
    return (uint64_t)clock_mono();
}

uint32_t host_max_inflight(const struct host *h)
{
    return h->ops->max_inflight;
}

/* ---- calls */

static phx_status on_row(phx_op *op, const phx_cell *cells, uint32_t n, uint64_t rev)
{
    struct call *c = (struct call *)op;
    CHECK(c->dones == 0);
    if (c->stop_after && c->n_rows == c->stop_after)
        return PHX_E_CANCELLED;
    if (c->n_rows == c->cap_rows) {
        c->cap_rows = c->cap_rows ? c->cap_rows * 2 : 16;
        c->rows = realloc(c->rows, c->cap_rows * sizeof(*c->rows));
    }
    struct tck_row *r = &c->rows[c->n_rows++];
    *r = (struct tck_row){ calloc(n, sizeof(phx_cell)), n, rev };
    for (uint32_t i = 0; i < n; i++) {
        r->cells[i] = cells[i];
        if (!cell_has_text(&cells[i]))
            continue;
        char *text = malloc(cells[i].s.n + 1);
        memcpy(text, cells[i].s.p, cells[i].s.n);
        r->cells[i].s.p = text;
    }
    return PHX_OK;
}

static void on_delivered(void *arg)
{
    struct call *c = arg;
    c->delivered = true;
    loop_stop(c->h->loop);
}

static void on_done(phx_op *op, phx_status status, uint64_t n, phx_str why)
{
    struct call *c = (struct call *)op;
    CHECK_EQ(++c->dones, 1);
    c->done_at = host_mono();
    c->status = status;
    c->n = n;
    snprintf(c->why, sizeof(c->why), "%.*s", (int)why.n, why.p ? why.p : "");
    loop_post(c->h->loop, on_delivered, c);
}

static const phx_reply reply = { .size = sizeof(reply), .row = on_row, .done = on_done };

static struct call *call_new(struct host *h)
{
    struct call *c = calloc(1, sizeof(*c));
    c->op.reply = &reply;
    c->h = h;
    return c;
}

struct call *host_start(struct host *h, const phx_req *req)
{
    struct call *c = call_new(h);
    h->ops->submit(h->self, &c->op, req);
    return c;
}

struct call *host_start_stopping(struct host *h, const phx_req *req, size_t after)
{
    struct call *c = call_new(h);
    c->stop_after = after;
    h->ops->submit(h->self, &c->op, req);
    return c;
}

void host_cancel(struct call *c)
{
    c->h->ops->cancel(c->h->self, &c->op);
}

void host_wait(struct call *c)
{
    while (!c->delivered)
        CHECK(loop_run(c->h->loop, NULL) == 0);
}

void call_free(struct call *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_rows; i++) {
        for (uint32_t k = 0; k < c->rows[i].n; k++)
            if (cell_has_text(&c->rows[i].cells[k]))
                free((char *)c->rows[i].cells[k].s.p);
        free(c->rows[i].cells);
    }
    free(c->rows);
    free(c);
}

struct call *host_call(struct host *h, const phx_req *req)
{
    call_free(h->last);
    h->last = host_start(h, req);
    host_wait(h->last);
    return h->last;
}

struct call *host_ensure(struct host *h, const phx_collection *c)
{
    return host_call(h, REQ(PHX_ENSURE, .collection = c));
}

/* ---- signals */

static void copy(char *to, phx_str s)
{
    CHECK(s.n <= PHX_SIGNAL_MAX);
    memcpy(to, s.p, s.n);
    to[s.n] = '\0';
}

static void on_changed(void *ctx, phx_str topic, phx_str key)
{
    struct host *h = ctx;
    CHECK(!h->in_driver);
    if (h->n_signals == h->cap_signals) {
        h->cap_signals = h->cap_signals ? h->cap_signals * 2 : 64;
        h->signals = realloc(h->signals, h->cap_signals * sizeof(*h->signals));
    }
    copy(h->signals[h->n_signals].topic, topic);
    copy(h->signals[h->n_signals++].key, key);
    loop_stop(h->loop);
}

static void on_resync(void *ctx)
{
    struct host *h = ctx;
    CHECK(!h->in_driver);
    h->resyncs++;
    loop_stop(h->loop);
}

static void watch_start(struct host *h, const phx_component *abi)
{
    h->watch = PHX_HAS(abi, phx_component, extension) ? abi->extension(PHX_STORAGE_WATCH) : NULL;
    h->watcher = (phx_storage_watcher){ .size = sizeof(h->watcher), .ctx = h, .changed = on_changed,
                                        .resync = on_resync };
    h->in_driver = true;
    if (h->watch)
        h->watch->watch(h->self, &h->watcher);
    h->in_driver = false;
}

void host_signal(struct host *h, const char *topic, const char *key)
{
    if (!h->watch)
        tck_fail(__FILE__, __LINE__, "the driver has no " PHX_STORAGE_WATCH);
    h->in_driver = true;
    h->watch->signal(h->self, (phx_str){ topic, strlen(topic) }, (phx_str){ key, strlen(key) });
    h->in_driver = false;
}

size_t host_n_signals(const struct host *h)
{
    return h->n_signals;
}

const struct signal *host_signal_at(const struct host *h, size_t i)
{
    return &h->signals[i];
}

unsigned host_resyncs(const struct host *h)
{
    return h->resyncs;
}

/* ---- instances */

static void on_patience(void *arg)
{
    struct host *h = arg;
    loop_stop(h->loop);
}

void host_turn(struct host *h, unsigned ms)
{
    timer_set(h->patience, (int64_t)ms * 1000000);
    CHECK(loop_run(h->loop, NULL) == 0);
    timer_clear(h->patience);
}

static struct json *config_of(const struct tck *t)
{
    char text[1024], port[16];
    size_t n = 0;
    snprintf(port, sizeof(port), "%d", t->port);
    const struct {
        const char *mark, *value;
    } marks[] = { { "@DIR@", t->dir }, { "@ID@", t->id }, { "@PORT@", port } };
    for (const char *p = t->config; *p && n + sizeof(t->dir) < sizeof(text);) {
        const char *value = NULL;
        for (size_t i = 0; i < sizeof(marks) / sizeof(*marks) && !value; i++) {
            if (strncmp(p, marks[i].mark, strlen(marks[i].mark)) == 0) {
                value = marks[i].value;
                p += strlen(marks[i].mark);
            }
        }
        if (value)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", value);
        else
            text[n++] = *p++;
    }
    struct json *j = json_parse((struct str){ text, n }, NULL, NULL);
    CHECK(j);
    return j;
}

static void instance_make(struct host *h, const struct tck *t)
{
    struct err err = { 0 };
    log_init("store_tck", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    const char *dirs[] = { t->plugin_dir, NULL };
    static const phx_plugin *const builtin[] = { &phoenix_plugin_v1_memory, NULL };
    h->loop = loop_new(&err);
    CHECK(h->loop);
    struct registry_conf conf = { .program = "store_tck", .version = "1", .dirs = t->plugin_dir ? dirs : NULL,
                                  .builtin = builtin, .loop = h->loop };
    h->registry = registry_new(&conf, &err);
    if (!h->registry)
        tck_fail(__FILE__, __LINE__, "%s", err.msg);
    const struct component *c = registry_find(h->registry, PHX_STORAGE, t->driver, &err);
    if (!c)
        tck_fail(__FILE__, __LINE__, "%s", err.msg);
    struct json *config = config_of(t);
    h->instance = instance_new(h->registry, c, config, 0, &err);
    json_free(config);
    if (!h->instance)
        tck_fail(__FILE__, __LINE__, "%s (%s)", err.msg, err.detail);
    h->ops = c->abi->ops;
    h->self = instance_self(h->instance);
    h->patience = timer_new(h->loop, on_patience, h);
    watch_start(h, c->abi);
}

struct host *host_open(const struct tck *t, char *why)
{
    struct host *h = calloc(1, sizeof(*h));
    instance_make(h, t);
    struct call *c = call_new(h);
    h->ops->open(h->self, &c->op);
    host_wait(c);
    phx_status status = c->status;
    if (why)
        snprintf(why, sizeof(c->why), "%s", c->why);
    call_free(c);
    if (status == PHX_OK)
        return h;
    host_close(h);
    return NULL;
}

void host_close(struct host *h)
{
    struct call *c = call_new(h);
    h->ops->close(h->self, &c->op);
    host_wait(c);
    CHECK_STATUS(c, PHX_OK);
    call_free(c);
    call_free(h->last);
    timer_free(h->patience);
    free(h->signals);
    instance_free(h->instance);
    registry_free(h->registry);
    loop_free(h->loop);
    free(h);
}
