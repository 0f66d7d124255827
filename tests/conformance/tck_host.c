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

static bool has_text(const phx_cell *c)
{
    return c->type == PHX_TEXT || c->type == PHX_JSON || c->type == PHX_BYTES;
}

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
        if (!has_text(&cells[i]))
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
            if (has_text(&c->rows[i].cells[k]))
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

/* ---- instances */

static struct json *config_of(const struct tck *t)
{
    char text[1024];
    size_t n = 0;
    for (const char *p = t->config; *p && n + sizeof(t->dir) < sizeof(text);) {
        if (strncmp(p, "@DIR@", 5) == 0) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", t->dir);
            p += 5;
        } else {
            text[n++] = *p++;
        }
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
    instance_free(h->instance);
    registry_free(h->registry);
    loop_free(h->loop);
    free(h);
}

/* ---- collections */

static const phx_field item_fields[] = {
    { "id", PHX_TEXT, PHX_F_NOT_NULL },
    { "name", PHX_TEXT, PHX_F_NOT_NULL },
    { "n", PHX_INT, 0 },
    { "r", PHX_REAL, 0 },
    { "b", PHX_BOOL, 0 },
    { "t", PHX_TIME, 0 },
    { "j", PHX_JSON, 0 },
    { "x", PHX_BYTES, 0 },
};
static const phx_cell open_cell = { .type = PHX_TEXT, .s = { "open", 4 } };
static const phx_cond where_open = { ITEM_NAME, PHX_EQ, 1, 0, &open_cell };
static const int32_t by_name[] = { ITEM_NAME, DESC(ITEM_N) }, by_open[] = { ITEM_N, ITEM_ID };
static const phx_index item_indexes[] = { { "items_by_name", by_name, 2, 0, NULL },
                                          { "items_open", by_open, 2, 1, &where_open } };
const phx_collection items = { .size = sizeof(items), .name = "items", .n_fields = 8, .n_key = 1,
                               .fields = item_fields, .n_indexes = 2, .indexes = item_indexes,
                               .time_field = UINT32_MAX };
static const phx_field pair_fields[] = { { "a", PHX_TEXT, PHX_F_NOT_NULL }, { "b", PHX_INT, PHX_F_NOT_NULL },
                                         { "v", PHX_INT, 0 } };
const phx_collection pairs = { .size = sizeof(pairs), .name = "pairs", .n_fields = 3, .n_key = 2,
                               .fields = pair_fields, .time_field = UINT32_MAX };
static const phx_field log_fields[] = { { "host", PHX_TEXT, PHX_F_NOT_NULL },
                                        { "seq", PHX_INT, PHX_F_NOT_NULL },
                                        { "at", PHX_TIME, PHX_F_NOT_NULL },
                                        { "text", PHX_TEXT, 0 } };
const phx_collection logs = { .size = sizeof(logs), .flags = PHX_C_APPEND, .name = "logs", .n_fields = 4,
                              .n_key = 2, .fields = log_fields, .time_field = LOG_AT };

struct host *host_ready(const struct tck *t)
{
    char why[400];
    struct host *h = host_open(t, why);
    if (!h)
        tck_fail(__FILE__, __LINE__, "open: %s", why);
    CHECK_STATUS(host_ensure(h, &items), PHX_OK);
    CHECK_STATUS(host_ensure(h, &pairs), PHX_OK);
    CHECK_STATUS(host_ensure(h, &logs), PHX_OK);
    return h;
}

struct call *put_item(struct host *h, const char *id, const char *name, int64_t n)
{
    struct call *c = host_call(h, REQ(PHX_PUT, .collection = &items, ITEM(id, name, I(n))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 1);
    return c;
}

struct call *all_items(struct host *h)
{
    struct call *c = host_call(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_ID)));
    CHECK_STATUS(c, PHX_OK);
    return c;
}

bool cell_equal(const phx_cell *a, const phx_cell *b)
{
    if (a->type != b->type)
        return false;
    if (has_text(a))
        return a->s.n == b->s.n && memcmp(a->s.p, b->s.p, a->s.n) == 0;
    return a->type == 0 || (a->type == PHX_REAL ? a->r == b->r : a->i == b->i);
}

bool cell_is(const phx_cell *c, const char *z)
{
    return cell_equal(c, &T(z));
}

unsigned rnd(struct tck *t, unsigned below)
{
    t->seed = t->seed * 1103515245u + 12345u;
    return (t->seed >> 8) % below;
}
