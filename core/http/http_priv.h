/* SPDX-License-Identifier: Apache-2.0 */
/** @file http_priv.h
 * What the files of this room share. server.c owns connections, request.c requests, reply.c the
 * bytes of answers.
 */
#ifndef PHOENIX_HTTP_HTTP_PRIV_H
#define PHOENIX_HTTP_HTTP_PRIV_H
#include <event2/event.h>
#include <event2/event_struct.h>
#include "core/base/log.h"
#include "core/http/gate.h"
#include "core/http/http.h"
#include "core/http/router.h"
#include "core/http/wire.h"

struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;
struct evbuffer;

/** A connection, from accept to evhttp's close callback. */
struct conn {
    struct http_server *server;
    struct evhttp_connection *evcon;  /**< NULL until evhttp has made it */
    struct bufferevent *bev;
    struct request *rq;               /**< the one being answered, or NULL */
    struct wire wire;
    uint64_t held;                    /**< bytes of bodies in server->stats.body_bytes */
    uint32_t served;                  /**< requests that evhttp has handed to us */
    int fd;
    bool is_dead;                     /**< refused and told so: whatever comes is thrown away */
    bool is_flushing;                 /**< an answer is not yet all in the kernel */
    bool is_deaf;                     /**< `ear` is off, or a timer */
    bool is_begun;                    /**< a request came, and `ear` was not asked since */
    struct event ear;                 /**< readable or closed; see on_ear() */
    struct deadline *deadline;        /**< the list it is in, or NULL */
    struct conn *prev, *next;         /**< in that list */
    int64_t due_ns;
    int64_t idle_ns;                  /**< since when nothing is to be answered */
};
/** Connections that must get on within a fixed time: so the oldest is due first. */
struct deadline {
    struct conn *first;
    struct timer *timer;
    int64_t limit_ns;
};
struct route_stats {
    uint64_t answers[6], duration_ns; /* by status class */
};
struct http_server {
    struct http_server *next;         /* servers of this process */
    struct loop *loop;
    struct http_conf conf;
    void *app;
    const struct route *routes;
    size_t n_routes;
    struct router *router;
    struct evhttp *evhttp;
    struct evconnlistener *listener;  /* NULL: closed, since the server drains */
    struct evhttp_bound_socket *bound;
    struct wire_limits wire_limits;

    struct conn **by_fd;              /* open connections */
    size_t n_by_fd;
    struct conn *fresh;               /* accepted, not yet tied to evhttp's connection */
    struct event tie_fresh;
    struct deadline reading, lingering, leaving;
    struct timer *accept_again, *drain;
    bool is_full, is_paused, is_draining;
    bool leaves_queue;                /* while it drains: others go on with the listening socket */
    struct log_limit accept_log, refuse_log;

    struct request *pending, *spare;  /* spare: a few requests kept for use again */
    size_t n_pending, n_spare, n_flushing;
    struct http_stats stats;
    struct http_traffic_stats traffic[TRAFFIC_COUNT];
    struct route_stats *route_stats;

    struct buf head;                  /* of the answer that is being written */
    char fixed[160];                  /* Server and Date, made anew each second */
    size_t fixed_n;
    int64_t fixed_s;
};

struct extra_header {
    struct extra_header *next;
    const char *name, *value;
};
/** A request, from evhttp's hand to request__finish(). Outlives its connection while a handler
 *  still owes the answer: then conn is NULL, and the answer goes nowhere. */
struct request {
    struct request *prev, *next;      /* in server->pending */
    struct http_server *server;       /* NULL: the server is gone too */
    struct conn *conn;
    struct evhttp_request *req;
    const struct route *route;        /* NULL: refused before it was routed */
    struct loop *loop;
    void *app;
    struct arena *arena;              /* made when first used */
    struct json *json;
    struct str body;                  /* p NULL: not put together yet */
    size_t held;                      /* of its body, in conn->held */
    struct extra_header *extra;
    const struct gate_param *query, *params;
    uint8_t n_query, n_params;
    bool is_head, is_http10, is_parked, client_closes, must_close, echoes_id, is_counted;
    char *host_id, *id;               /* NULL: none (yet) */
    int64_t started_ns;
    loop_fn *on_gone;
    void *gone_arg;
};

/* ---- request.c */
/** Take a request from evhttp: gate, route, validate, call the handler. */
void request__start(struct conn *c, struct evhttp_request *req);
/** The connection is gone. Parked: tells the owner, frees. Otherwise waits for the answer. */
void request__detach(struct request *rq);
/** The one exit: counts, logs, frees. */
void request__finish(struct request *rq, int status);

/* ---- traffic.c */
/** Count it as being worked on. False: there are too many of its class. */
bool traffic__enter(struct request *rq) MUST_CHECK;
void traffic__leave(struct request *rq);
void traffic__refused(struct request *rq, int status); /**< 429 and 503 are counted */

/* ---- reply.c */
/** problem+json; @p id NULL: none; @p faults NULL: none. */
void reply__problem(struct buf *out, const struct err *err, const char *id, const struct faults *faults);
/** The whole answer to bytes that never became a request. */
void reply__raw_refusal(struct http_server *s, const struct err *err, struct buf *out);
const char *reply__reason(int status);

/* ---- server.c */
/** After an answer: may the connection now be late with its next request? */
void conn__watch(struct conn *c);
/** @p n bytes of a body are not held any more. */
void conn__release(struct conn *c, size_t n);
/** Notice again when the client speaks or leaves. */
void conn__listen(struct conn *c);
/** Cut the connection when the time of @p d is over. */
void conn__deadline(struct conn *c, struct deadline *d);
void deadline__init(struct deadline *d, struct loop *l, int64_t limit_ns);
/** Accept, or do not, as the server's state demands. */
void server__accept(struct http_server *s);

/* ---- drain.c */
void drain__init(struct http_server *s);
#endif
