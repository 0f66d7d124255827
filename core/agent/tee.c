/* SPDX-License-Identifier: Apache-2.0 */
/* An application is answered as soon as its request is in a queue: how fast the collectors are is not its
 * affair. It is told to come again only when no collector could take the request; so what it was told is
 * taken, some collector gets, and what it was not, none has. */
#include "core/agent/tee.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <utlist.h>
#include "core/agent/backoff.h"
#include "core/agent/tee_arm.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/http/http.h"
#include "core/http/listen.h"

#define IDLE_NS (120 * NS_PER_S) /* Go's clients keep a connection for 90 s */
#define LISTEN_FIRST_NS NS_PER_S
#define LISTEN_CAP_NS (60 * NS_PER_S)
#define QUIET_NS NS_PER_S
#define DRAIN_TICK_NS (20 * NS_PER_MS)
#define LOG_INTERVAL_NS (60 * NS_PER_S)

struct tee {
    struct tee_conf conf;
    struct endpoint at;
    char url[ENDPOINT_URL_MAX];
    struct fetcher *fetcher;
    struct http_server *server; /* NULL: the port is taken */
    struct timer *timer;        /* until the next try to listen; then of the drain */
    struct timer *quiet;        /* set while requests come, or wait */
    bool was_busy;              /* since it was set */
    struct backoff backoff;
    struct tee_arm *arms;
    struct log_limit refused_log;
    int64_t drain_until_mono;
    loop_fn *shut_down;
    void *shut_down_arg;
};

static bool all_is_delivered(const struct tee *t)
{
    const struct tee_arm *a;
    DL_FOREACH(t->arms, a) {
        if (!tee_arm_is_idle(a))
            return false;
    }
    return true;
}

/* ----------------------------------------------------------------------------------- requests */

static void on_export(struct request *rq);
#define EXPORT(signal, name) \
    [signal] = { .id = "otlp_" name, .method = HTTP_POST, .path = "/v1/" name, .scope = SCOPE_PUBLIC, \
                 .traffic = TRAFFIC_METRICS, .handler = on_export, .status = 200, .flags = ROUTE_RAW_BODY, \
                 .summary = "Take " name " for every collector of this host that takes OTLP" }
static const struct route routes[TEE_SIGNALS] = {
    EXPORT(TEE_METRICS, "metrics"),
    EXPORT(TEE_TRACES, "traces"),
    EXPORT(TEE_LOGS, "logs"),
};

static bool is_type(const char *given, const char *type)
{
    size_t n = strlen(type);
    return given && strncasecmp(given, type, n) == 0 &&
           (given[n] == '\0' || given[n] == ';' || given[n] == ' ');
}

static void refuse(struct request *rq, enum err_code code, const char *why)
{
    struct err err = { 0 };
    err_set(&err, code, "%s", why);
    reply_error(rq, &err);
}

/** The sender keeps it, and comes again. */
static void put_off(struct tee *t, struct request *rq, const char *seconds, const char *why)
{
    unsigned held = 0;
    if (log_limit_ok(&t->refused_log, &held))
        log_event(EV_OTLP_PUT_OFF, NULL, "%s", why);
    reply_header(rq, "Retry-After", seconds);
    refuse(rq, ERR_BUSY, why);
}

/** An answer of OTLP that says nothing is empty, in either encoding. */
static void answer_taken(struct request *rq, bool is_json)
{
    CLEANUP_BUF struct buf body;
    buf_init(&body, 16);
    if (is_json)
        buf_adds(&body, "{}");
    reply_text(rq, 200, is_json ? "application/json" : "application/x-protobuf", &body);
}

static bool can_take(const struct tee_arm *a, const struct tee_body *b)
{
    return tee_arm_takes(a, b->signal) && tee_queue_has_room(&a->queue, b);
}

/** To every collector that has a receiver for it. False: no one has room. */
static bool offer_to_all(struct tee *t, struct tee_body *b)
{
    struct tee_arm *a;
    bool is_taken = false;
    DL_FOREACH(t->arms, a)
        is_taken = is_taken || can_take(a, b);
    if (!is_taken)
        return false;
    DL_FOREACH(t->arms, a) {
        if (tee_arm_takes(a, b->signal))
            tee_arm_offer(a, b);
    }
    return true;
}

/** Memory that requests have used goes back to the system when there are none for a while. */
static void on_quiet(void *arg)
{
    struct tee *t = arg;
    if (t->was_busy || !all_is_delivered(t))
        timer_set(t->quiet, QUIET_NS);
    else
        malloc_trim(0);
    t->was_busy = false;
}

static void on_export(struct request *rq)
{
    struct tee *t = request_app(rq);
    t->was_busy = true;
    if (!timer_is_set(t->quiet))
        timer_set(t->quiet, QUIET_NS);
    enum tee_signal signal = (enum tee_signal)(request_route(rq) - routes);
    const char *type = request_header(rq, "Content-Type");
    bool is_json = is_type(type, "application/json"), is_known = false;
    const struct tee_arm *a;
    DL_FOREACH(t->arms, a)
        is_known = is_known || tee_arm_takes(a, signal);
    if (!is_json && !is_type(type, "application/x-protobuf")) {
        refuse(rq, ERR_MEDIA_TYPE, "OTLP is application/x-protobuf or application/json");
    } else if (!t->arms) {
        put_off(t, rq, "5", "no collector that runs on this host takes OTLP");
    } else if (!is_known) {
        refuse(rq, ERR_NOTFOUND, "no collector that runs on this host has a receiver for this signal");
    } else {
        struct tee_body *b =
            tee_body_new(signal, type, request_header(rq, "Content-Encoding"), request_body_size(rq));
        request_body_copy(rq, b->bytes);
        if (offer_to_all(t, b))
            answer_taken(rq, is_json);
        else
            put_off(t, rq, "1", "the buffers of all collectors are full (agent.otlp.buffer)");
        tee_body_unref(b);
    }
}

/* ---------------------------------------------------------------------------------- listening */

static void tee_listen(struct tee *t)
{
    struct err err = { 0 };
    struct http_conf conf = { .address = t->at.address,
                              .port = t->at.port,
                              .max_body = t->conf.max_body,
                              .max_bodies = t->conf.buffer,
                              .request_timeout_ns = t->conf.request_timeout_ns,
                              .idle_timeout_ns = IDLE_NS,
                              .max_connections = LIMIT_OTLP_CONNECTIONS,
                              .server_name = "phoenix-agent" };
    t->server = http_server_new(t->conf.loop, &conf, routes, TEE_SIGNALS, t, &err);
    if (t->server) {
        log_event(EV_OTLP_OPEN, NULL, "OTLP/HTTP is taken at %s", t->url);
        return;
    }
    if (t->backoff.tries == 0)
        log_error(EV_OTLP_CLOSED, NULL, &err, "agent.otlp.listen");
    timer_set(t->timer, backoff_next(&t->backoff, random_u64()));
}

/** Applications of this host cannot connect to "any address". */
static void url_make(struct tee *t)
{
    struct endpoint reach = t->at;
    if (strcmp(reach.address, "0.0.0.0") == 0)
        str_copy(reach.address, sizeof reach.address, STR("127.0.0.1"));
    else if (strcmp(reach.address, "::") == 0)
        str_copy(reach.address, sizeof reach.address, STR("::1"));
    endpoint_url(&reach, t->url);
}

static int conf_check(const struct tee_conf *conf, struct endpoint *ret_at, struct err *err)
{
    int rc = endpoint_parse("agent.otlp.listen", conf->listen, ret_at, err);
    if (rc != 0)
        return rc;
    if (!endpoint_is_numeric(ret_at) || ret_at->port == 0)
        return err_set(err, ERR_CONFIG, "agent.otlp.listen is \"%s\", not a numeric address and a port",
                       conf->listen);
    /* the server keeps an eighth for small bodies */
    if (conf->buffer - conf->buffer / 8 <= conf->max_body) {
        err_set(err, ERR_CONFIG, "agent.otlp.buffer has no room for one request of agent.otlp.max_body");
        err_remedy(err, "make agent.otlp.buffer at least a quarter larger than agent.otlp.max_body");
        return ERR_CONFIG;
    }
    return 0;
}

static void drain_look(struct tee *t);

static void on_timer(void *arg)
{
    struct tee *t = arg;
    if (t->shut_down)
        drain_look(t);
    else
        tee_listen(t);
}

struct tee *tee_new(const struct tee_conf *conf, struct err *err)
{
    struct endpoint at;
    if (conf_check(conf, &at, err) != 0)
        return NULL;
    struct fetcher *fetcher = fetcher_new(conf->loop, "phoenix-agent", err);
    if (!fetcher)
        return NULL;
    struct tee *t = mem_alloc(sizeof *t);
    t->conf = *conf;
    t->at = at;
    t->fetcher = fetcher;
    t->timer = timer_new(conf->loop, on_timer, t);
    t->quiet = timer_new(conf->loop, on_quiet, t);
    t->backoff = (struct backoff){ .first_ns = LISTEN_FIRST_NS, .cap_ns = LISTEN_CAP_NS };
    t->refused_log.interval_ns = LOG_INTERVAL_NS;
    url_make(t);
    tee_listen(t);
    return t;
}

static void arm_remove(struct tee *t, struct tee_arm *a)
{
    DL_DELETE(t->arms, a);
    tee_arm_free(a);
}

void tee_free(struct tee *t)
{
    if (!t)
        return;
    if (t->server)
        http_server_free(t->server);
    while (t->arms)
        arm_remove(t, t->arms);
    fetcher_free(t->fetcher);
    timer_free(t->timer);
    timer_free(t->quiet);
    free(t);
}

const char *tee_url(const struct tee *t)
{
    return t->url;
}

/* ----------------------------------------------------------------------------------- the arms */

static struct tee_arm *arm_find(const struct tee *t, const char *id)
{
    struct tee_arm *a;
    DL_FOREACH(t->arms, a) {
        if (strcmp(a->id, id) == 0)
            return a;
    }
    return NULL;
}

/** The arm of a collector; from its first health on it has one. NULL: it has none, or no more. */
static struct tee_arm *arm_of(struct tee *t, const struct collector *c)
{
    const struct spec *spec = collector_spec(c);
    enum collector_status status = collector_status(c);
    if (!collector_otlp_url(c) || (status != COLLECTOR_RUNNING && status != COLLECTOR_RESTARTING))
        return NULL;
    struct tee_arm *a = arm_find(t, spec->id);
    if (a)
        return a;
    a = tee_arm_new(t->conf.loop, t->fetcher, spec->id, spec->experiment_id, t->conf.buffer);
    DL_APPEND(t->arms, a);
    log_event(EV_OTLP_ARM, NULL, "%s gets OTLP from now on", spec->id);
    return a;
}

void tee_changed(struct tee *t)
{
    struct tee_arm *a, *next;
    DL_FOREACH(t->arms, a)
        a->is_wanted = false;
    for (const struct collector *c = supervisor_first(t->conf.supervisor); c; c = collector_next(c)) {
        a = arm_of(t, c);
        if (!a)
            continue;
        a->is_wanted = true;
        if (collector_status(c) == COLLECTOR_RUNNING)
            tee_arm_up(a, collector_otlp_url(c));
        else
            tee_arm_down(a);
    }
    DL_FOREACH_SAFE(t->arms, a, next) {
        if (!a->is_wanted)
            arm_remove(t, a);
    }
}

const struct tee_stats *tee_stats(const struct tee *t, const char *id)
{
    const struct tee_arm *a = arm_find(t, id);
    return a ? &a->queue.stats : NULL;
}

/* --------------------------------------------------------------------------------------- stop */

static void drain_look(struct tee *t)
{
    bool is_idle = !t->server || http_server_pending(t->server) == 0;
    if ((is_idle && all_is_delivered(t)) || clock_mono() >= t->drain_until_mono) {
        loop_fn *done = t->shut_down;
        done(t->shut_down_arg);
    } else {
        timer_set(t->timer, DRAIN_TICK_NS);
    }
}

void tee_shutdown(struct tee *t, loop_fn *done, void *arg)
{
    t->shut_down = done;
    t->shut_down_arg = arg;
    t->drain_until_mono = clock_mono() + LIMIT_OTLP_DRAIN_S * NS_PER_S;
    if (t->server)
        http_server_drain(t->server, true);
    drain_look(t);
}
