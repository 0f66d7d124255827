/* SPDX-License-Identifier: Apache-2.0 */
/** @file http.h
 * The HTTP server: evhttp behind a gate, a router made of one table, one exit for each request.
 *
 * Path of a request: on_request (server.c) -> gate_check -> route_match -> handler ... reply_* ->
 * request_finish. The handler owns the answer: it calls exactly one reply_* function, now or later.
 * All [loop].
 */
#ifndef PHOENIX_HTTP_HTTP_H
#define PHOENIX_HTTP_HTTP_H
#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/schema.h"
#include "core/loop/loop.h"

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8, HTTP_PATCH = 16 };
/** Classes of requests, rows of classes.def: TRAFFIC_REPORT ... */
enum traffic {
#define CLASS(id, name, max, min_s, max_s, what) TRAFFIC_##id,
#include "core/tables/classes.def"
    TRAFFIC_COUNT
};
struct traffic_info {
    const char *name, *what;
    unsigned max; /**< worked on at a time, 0: any */
    unsigned retry_min_s, retry_max_s;
};
const struct traffic_info *traffic_info(enum traffic t);
/** Retry-After for a refused request of the class; @p random spreads it. */
unsigned traffic_retry_s(enum traffic t, uint64_t random);

/** Who may call; agents need X-Agent-Host-ID. */
enum http_scope { SCOPE_PUBLIC, SCOPE_READ, SCOPE_WRITE, SCOPE_AGENT };
struct request;
typedef void route_fn(struct request *rq);
enum {
    ROUTE_RAW_BODY = 1,  /**< hot path: the handler scans the body itself; no tree, no schema */
    ROUTE_IDEMPOTENT = 2 /**< honours Idempotency-Key */
};
/** A row of routes.def. */
struct route {
    const char *id;            /**< "experiment_get": metrics, OpenAPI operationId */
    enum http_method method;
    const char *path;          /**< "/api/v1/experiments/{id}" */
    enum http_scope scope;
    enum traffic traffic;
    route_fn *handler;
    const struct schema *body;  /**< NULL: takes none */
    const struct schema *query; /**< NULL: takes none; unknown parameters are refused */
    const struct schema *reply; /**< NULL: no JSON answer */
    int status;                 /**< of success */
    unsigned flags;
    size_t max_body;            /**< bytes; 0: the server's limit */
    const char *summary;        /**< one sentence */
};
struct http_conf {
    const char *address; /**< numeric */
    uint16_t port;       /**< 0: any; see http_server_port() */
    int listen_fd;       /**< a socket that listens already and outlives this process, which others made and
                              go on with; the server takes the descriptor. 0: none, open one */
    size_t max_body;
    size_t max_bodies;   /**< bytes of bodies that are announced and not answered yet; 0: any */
    int64_t request_timeout_ns; /**< first byte to last byte of a request */
    int64_t idle_timeout_ns;    /**< keep-alive */
    unsigned max_connections;
    const char *server_name;    /**< Server header */
    /** Called before the body is looked at: answers the request and says false, or lets it through. May be
     *  NULL. */
    bool (*admit)(struct request *rq);
};
struct http_server;
/** Listens at once, accepts when the loop runs. @p routes must live as long as the server. */
struct http_server *http_server_new(struct loop *l, const struct http_conf *conf, const struct route *routes,
                                    size_t n_routes, void *app, struct err *err);
uint16_t http_server_port(const struct http_server *s);
/** The end, so that nobody is cut off. No more is accepted: if others go on with `listen_fd` at once,
 *  otherwise (@p is_last, or the socket is the server's own) when the queue is empty, and then the socket is
 *  closed. Answers go out with Connection: close. A connection that is idle for a moment is closed from this
 *  side, and may linger a little. */
void http_server_drain(struct http_server *s, bool is_last);
/** Answers owed, or not yet all sent; while the server drains: also what keeps it from being idle. */
size_t http_server_pending(const struct http_server *s);
/** Cuts all connections. Requests that are not parked still need their answer, which goes nowhere. */
void http_server_free(struct http_server *s);
/** Counters of the server, for /metrics. */
struct http_stats {
    uint64_t connections_open, connections_total, requests_total;
    uint64_t refused_total; /**< by the scanner or the gate */
    uint64_t gone_total;    /**< clients that left before their answer */
    uint64_t body_bytes;    /**< of bodies that are announced and not answered yet */
};
void http_server_stats(const struct http_server *s, struct http_stats *ret);
struct http_traffic_stats {
    uint64_t in_progress;    /**< parked ones not counted */
    uint64_t too_fast_total; /**< answered 429 */
    uint64_t short_total;    /**< answered 503 */
};
void http_traffic_stats(const struct http_server *s, enum traffic t, struct http_traffic_stats *ret);
/** Answers of route @p i so far by status class (1..5), and their summed duration. */
uint64_t http_route_answers(const struct http_server *s, size_t i, unsigned status_class);
uint64_t http_route_duration_ns(const struct http_server *s, size_t i);

/* ---- a request, as its handler sees it */
void *request_app(struct request *rq);
struct loop *request_loop(struct request *rq);
struct arena *request_arena(struct request *rq); /**< freed when the request is finished */
const struct route *request_route(struct request *rq);
const char *request_id(struct request *rq);      /**< of X-Request-ID if it is sane, else made */
const char *request_param(struct request *rq, const char *name); /**< from the path, decoded */
const char *request_query(struct request *rq, const char *name); /**< decoded; NULL: absent */
const char *request_header(struct request *rq, const char *name); /**< NULL: absent */
const char *request_host_id(struct request *rq); /**< SCOPE_AGENT: the agent that speaks */
struct str request_body(struct request *rq);     /**< contiguous */
/** Of ROUTE_RAW_BODY, for who keeps the body anyway: its bytes as they lie, to @p out, which has room for
 *  request_body_size(). Cheaper than to have them put together first. */
size_t request_body_size(const struct request *rq);
void request_body_copy(const struct request *rq, void *out);
/** It has been read: less is held while the answer waits for the store. */
void request_drop_body(struct request *rq);
/** The body as a tree that has passed the route's schema, defaults filled in. Borrowed. NULL when
 *  the route takes none. */
const struct json *request_json(struct request *rq);

/** Leave the request waiting (long poll). Trims what it holds: headers, body, query, path parameters
 *  and arena are gone. on_gone(arg) comes once if the client hangs up, or the server is freed, before
 *  the reply; after that the request must not be touched. A client that half-closes looks gone. */
void request_park(struct request *rq, loop_fn *on_gone, void *arg);

/* ---- answers: exactly one for each request; afterwards rq must not be touched */
void reply_empty(struct request *rq, int status);
/** @p body is copied or moved out; status 2xx. */
void reply_json(struct request *rq, int status, struct buf *body);
void reply_tree(struct request *rq, int status, const struct json *j);
void reply_text(struct request *rq, int status, const char *content_type, struct buf *body);
/** application/problem+json made of @p err (RFC 9457). */
void reply_error(struct request *rq, const struct err *err);
/** 422 with errors[]: pointer and message of each. */
void reply_faults(struct request *rq, const struct faults *faults);
/** Add a header to the answer to come. */
void reply_header(struct request *rq, const char *name, const char *value);

/** The OpenAPI 3.1 document of a table of routes. */
void openapi_write(const struct route *routes, size_t n, const char *version, struct buf *out);
#endif
