/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections. evhttp parses and owns them; this file stands on both sides of it.
 *
 * Before: a callback on each connection's input buffer shows every byte to wire.c before evhttp sees
 * it. Bytes that are refused never reach evhttp when they stand first: they are thrown away, the
 * answer is written past evhttp, the socket is shut for writing, and the client has LINGER to read
 * it. If they stand behind requests that are fine, the answer to those closes the connection.
 * After: requests come out of evhttp in on_request(), which holds evhttp's count against wire.c's.
 *
 * evhttp has no hook for a new connection, but asks for a bufferevent before it makes one, and the
 * callback argument of that bufferevent is the connection once it is made. An event that is
 * activated at the same time runs after the accept and before any byte is read: there they are tied.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/http/http_priv.h"
#include "core/http/listen.h"

#define LINGER_NS NS_PER_S
#define ACCEPT_PAUSE_NS (100 * NS_PER_MS)

/* ---- deadlines */

static void on_deadline(void *arg)
{
    struct deadline *d = arg;
    int64_t now = clock_mono();
    while (d->first && d->first->due_ns <= now) {
        struct conn *c = d->first;
        DL_DELETE(d->first, c);
        c->deadline = NULL;
        shutdown(c->fd, SHUT_RDWR); /* evhttp reads the end and frees the connection */
    }
    if (d->first)
        timer_set(d->timer, d->first->due_ns - now);
}

void deadline__init(struct deadline *d, struct loop *l, int64_t limit_ns)
{
    d->limit_ns = limit_ns;
    d->timer = timer_new(l, on_deadline, d);
}

static void conn_no_deadline(struct conn *c)
{
    if (!c->deadline)
        return;
    DL_DELETE(c->deadline->first, c);
    c->deadline = NULL;
}

void conn__deadline(struct conn *c, struct deadline *d)
{
    conn_no_deadline(c);
    c->due_ns = clock_mono() + d->limit_ns;
    c->deadline = d;
    DL_APPEND(d->first, c);
    if (!timer_is_set(d->timer))
        timer_set(d->timer, d->limit_ns);
}

void conn__watch(struct conn *c)
{
    if (c->is_dead)
        return;
    bool is_owed = wire_in_request(&c->wire) && !c->rq;
    if (!is_owed)
        conn_no_deadline(c);
    else if (!c->deadline)
        conn__deadline(c, &c->server->reading);
}

/* ---- bytes on their way in */

static void log_refused(struct http_server *s, const char *why)
{
    unsigned held = 0;
    s->stats.refused_total++;
    if (log_limit_ok(&s->refuse_log, &held))
        log_event(EV_HTTP_REFUSED, NULL, "%s held_back=%u", why, held);
}

/* What is refused stands first: answer past evhttp, which is still waiting for a request. */
static void conn_refuse(struct conn *c, struct evbuffer *input)
{
    struct err err = { 0 };
    struct buf answer CLEANUP_BUF;
    buf_init(&answer, 4096);
    err_set(&err, (enum err_code)c->wire.code, "%s", c->wire.why);
    reply__raw_refusal(c->server, &err, &answer);
    (void)!send(c->fd, answer.data, answer.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(c->fd, SHUT_WR);
    c->is_dead = true;
    evbuffer_drain(input, evbuffer_get_length(input));
    conn__deadline(c, &c->server->lingering);
}

#define SMALL_BODY 4096          /* no route takes less */
#define SHARED_BODY (64U << 10)  /* larger ones leave an eighth of the room to the others */

/* While the head is still where evhttp has not been, the path says what its route takes. A head that came
 * in pieces is judged when the body is there. */
static bool path_takes(const struct http_server *s, const struct evbuffer_iovec *head, uint64_t body_n)
{
    struct str line = { head->iov_base, head->iov_len }, method, path;
    struct gate_target target;
    struct router_match match;
    struct err err;
    if (!str_split(&line, ' ', &method) || !str_split(&line, ' ', &path) || memchr(path.p, '%', path.n) ||
        gate_target(path, NULL, &target, &err) < 0)
        return true; /* wrong in another way: step_route() says how */
    router_match(s->router, &target, HTTP_POST, &match);
    return !match.route || match.route->max_body == 0 || body_n <= match.route->max_body;
}

/* Bodies take room when they are announced, and give it back with their answer. */
static uint64_t room_take(struct conn *c)
{
    uint64_t more = c->wire.announced;
    c->wire.announced = 0;
    c->held += more;
    c->server->stats.body_bytes += more;
    return more;
}

void conn__release(struct conn *c, size_t n)
{
    uint64_t held = n < c->held ? n : c->held; /* what was refused is given back at once, whole */
    c->held -= held;
    c->server->stats.body_bytes -= held;
}

/* Of a request that has announced @p more bytes. */
static bool conn_admit(struct conn *c, const struct evbuffer_iovec *head, uint64_t more)
{
    const struct http_server *s = c->server;
    uint64_t max = s->conf.max_bodies;
    if (more > SHARED_BODY)
        max -= max / 8;
    if (head && more > SMALL_BODY && !path_takes(s, head, more))
        c->wire.code = ERR_LIMIT, c->wire.why = "the body is too large for this path";
    else if (max > 0 && s->stats.body_bytes > max)
        c->wire.code = ERR_BUSY, c->wire.why = "too many bodies are on their way";
    if (c->wire.code != 0)
        conn__release(c, more);
    return c->wire.code == 0;
}

#define SPANS 8 /* evbuffer_read() fills at most 4 chains at a time */

static void conn_scan(struct conn *c, struct evbuffer *input, size_t from)
{
    struct evbuffer_iovec span[SPANS];
    struct evbuffer_ptr at;
    if (from > 0)
        evbuffer_ptr_set(input, &at, from, EVBUFFER_PTR_SET);
    int n = evbuffer_peek(input, -1, from > 0 ? &at : NULL, span, SPANS);
    bool ok = n <= SPANS;
    for (int i = 0; ok && i < n; i++)
        ok = wire_feed(&c->wire, &c->server->wire_limits, span[i].iov_base, span[i].iov_len);
    uint64_t more = room_take(c);
    bool is_head = from == 0 && c->wire.complete == c->served; /* the first span begins with it */
    if (ok && more > 0)
        ok = conn_admit(c, is_head ? &span[0] : NULL, more);
    if (ok)
        return;
    if (n > SPANS)
        c->wire.code = ERR_INTERNAL, c->wire.why = "more input at a time than was looked at";
    log_refused(c->server, c->wire.why);
    if (!c->rq && c->wire.complete == c->served)
        conn_refuse(c, input);
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    struct conn *c = arg;
    if (info->n_added == 0)
        return;
    if (c->is_dead) {
        evbuffer_drain(input, evbuffer_get_length(input));
        return;
    }
    if (c->wire.code != 0) /* the answer under way closes the connection */
        return;
    conn_scan(c, input, info->orig_size);
    conn__watch(c);
}

/* ---- connections */

void server__accept(struct http_server *s)
{
    if (!s->listener)
        return;
    if (!s->leaves_queue && !s->is_paused && !s->is_full)
        evconnlistener_enable(s->listener);
    else
        evconnlistener_disable(s->listener);
}

static void on_conn_closed(struct evhttp_connection *evcon, void *arg)
{
    struct conn *c = arg;
    struct http_server *s = c->server;
    conn_no_deadline(c);
    event_del(&c->ear);
    s->by_fd[c->fd] = NULL;
    if (c->is_flushing)
        s->n_flushing--;
    if (c->rq)
        request__detach(c->rq);
    s->stats.body_bytes -= c->held;
    free(c);
    s->stats.connections_open--;
    if (s->is_full) {
        s->is_full = false;
        server__accept(s);
    }
}

/* The second event of a connection's descriptor, beside evhttp's. While a request is being answered
 * evhttp does not read and would not see that the client left; and as long as this one is there,
 * evhttp's taking its own off and on costs no epoll_ctl().
 *
 * The bytes of a request wake both; by the time this one is called, evhttp has mostly read them. What it
 * has not read wakes this one again in the next turn: that is a reset, or a pipelined request, which must
 * stay where it is, but would be reported again and again: then this event is turned off until the answer,
 * and a parked request asks twice a second instead. (Edge triggering would do too, but libevent's change
 * list does not take it off the descriptor again.) */
static void on_ear(evutil_socket_t unused, short what, void *arg)
{
    struct conn *c = arg;
    bool is_parked = c->rq && c->rq->is_parked;
    struct pollfd now = { .fd = c->fd, .events = POLLIN | POLLRDHUP };
    if (!c->rq && !c->is_flushing)
        return; /* evhttp reads */
    if (c->is_begun && !(what & (EV_CLOSED | EV_TIMEOUT))) {
        c->is_begun = false;
        return;
    }
    bool is_there = poll(&now, 1, 0) != 0;
    if (is_parked && ((what & EV_CLOSED) || (now.revents & ~POLLIN))) {
        evhttp_connection_free(c->evcon);
        return;
    }
    if ((what & EV_TIMEOUT) || !is_there)
        return;
    event_del(&c->ear);
    c->is_deaf = true;
    if (is_parked) {
        event_assign(&c->ear, loop_base(c->server->loop), -1, EV_PERSIST, on_ear, c);
        event_add(&c->ear, &(struct timeval){ .tv_usec = 500000 });
    }
}

void conn__listen(struct conn *c)
{
    if (!c->is_deaf)
        return;
    c->is_deaf = false;
    event_del(&c->ear);
    event_assign(&c->ear, loop_base(c->server->loop), c->fd, EV_READ | EV_CLOSED | EV_PERSIST, on_ear, c);
    event_add(&c->ear, NULL);
}

static void conn_tie(struct conn *c)
{
    struct http_server *s = c->server;
    void *evcon = NULL;
    bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
    c->evcon = evcon;
    c->fd = bufferevent_getfd(c->bev);
    if ((size_t)c->fd >= s->n_by_fd) {
        size_t n = ((size_t)c->fd + 1) * 2;
        s->by_fd = mem_realloc(s->by_fd, n, sizeof *s->by_fd);
        memset(s->by_fd + s->n_by_fd, 0, (n - s->n_by_fd) * sizeof *s->by_fd);
        s->n_by_fd = n;
    }
    s->by_fd[c->fd] = c;
    evhttp_connection_set_closecb(c->evcon, on_conn_closed, c);
    event_assign(&c->ear, loop_base(s->loop), -1, 0, on_ear, c);
    c->is_deaf = true;
    conn__listen(c);
}

static void on_tie_fresh(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *s = arg;
    if (s->fresh)
        conn_tie(s->fresh);
    s->fresh = NULL;
}

/* evhttp asks for the bufferevent of a connection that it is about to make. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    struct http_server *s = arg;
    on_tie_fresh(-1, 0, s);
    struct conn *c = mem_alloc(sizeof *c);
    c->server = s;
    c->idle_ns = clock_mono();
    c->bev = bufferevent_socket_new(base, -1, 0);
    evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
    s->fresh = c;
    event_active(&s->tie_fresh, EV_TIMEOUT, 1);
    s->stats.connections_total++;
    if (++s->stats.connections_open >= s->conf.max_connections) {
        s->is_full = true; /* more wait in the kernel's queue */
        server__accept(s);
    }
    return c->bev;
}

static void on_request(struct evhttp_request *req, void *arg)
{
    struct http_server *s = arg;
    struct evhttp_connection *evcon = evhttp_request_get_connection(req);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));
    struct conn *c = fd >= 0 && (size_t)fd < s->n_by_fd ? s->by_fd[fd] : NULL;
    if (!c || c->evcon != evcon || c->wire.complete <= c->served) {
        /* evhttp sees a request where wire.c sees none: nothing on this connection can be trusted. */
        log_refused(s, "the end of a request is in doubt");
        evhttp_connection_free(evcon);
        return;
    }
    c->served++;
    s->stats.requests_total++;
    request__start(c, req);
}

/* ---- listening */

static void on_accept_again(void *arg)
{
    struct http_server *s = arg;
    s->is_paused = false;
    server__accept(s);
}

/* evhttp owns the listener's argument, so the error callback gets evhttp and must find us by it. */
static struct http_server *servers;

static void on_accept_error(struct evconnlistener *listener, void *evhttp)
{
    int errnum = errno;
    unsigned held = 0;
    struct http_server *s;
    LL_SEARCH_SCALAR(servers, s, evhttp, evhttp);
    if (!s)
        return;
    if (log_limit_ok(&s->accept_log, &held))
        log_event(EV_HTTP_ACCEPT, NULL, "%s open=%zu held_back=%u", strerror(errnum),
                  (size_t)s->stats.connections_open, held);
    s->is_paused = true;
    server__accept(s);
    timer_set(s->accept_again, ACCEPT_PAUSE_NS);
}

static int server_listen(struct http_server *s, struct err *err)
{
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
    int fd = s->conf.listen_fd;
    if (fd <= 0)
        fd = http_listen(s->conf.address, s->conf.port, false, err);
    if (fd < 0)
        return fd;
    evutil_make_socket_nonblocking(fd);
    s->listener = evconnlistener_new(loop_base(s->loop), NULL, NULL, flags, 0, fd);
    if (!s->listener) {
        close(fd);
        return err_set(err, ERR_INTERNAL, "cannot watch the listening socket");
    }
    evconnlistener_set_error_cb(s->listener, on_accept_error);
    return 0;
}

/* ---- life */

static void server_setup_evhttp(struct http_server *s)
{
    struct event_base *base = loop_base(s->loop);
    s->evhttp = evhttp_new(base);
    evhttp_set_allowed_methods(s->evhttp, 0xffff); /* 405 is ours to say */
    evhttp_set_default_content_type(s->evhttp, NULL);
    /* wire.c is stricter, so evhttp's own pages for these are never seen. */
    evhttp_set_max_headers_size(s->evhttp, 2 * LIMIT_HTTP_HEADERS);
    evhttp_set_max_body_size(s->evhttp, (ev_ssize_t)s->conf.max_body);
    evhttp_set_bevcb(s->evhttp, on_accept, s);
    evhttp_set_gencb(s->evhttp, on_request, s);
    struct timeval idle = { .tv_sec = (time_t)(s->conf.idle_timeout_ns / NS_PER_S),
                            .tv_usec = (suseconds_t)(s->conf.idle_timeout_ns % NS_PER_S / 1000) };
    evhttp_set_timeout_tv(s->evhttp, event_base_init_common_timeout(base, &idle));
    s->bound = evhttp_bind_listener(s->evhttp, s->listener);
}

struct http_server *http_server_new(struct loop *l, const struct http_conf *conf, const struct route *routes,
                                    size_t n_routes, void *app, struct err *err)
{
    struct router *router = router_new(routes, n_routes, err);
    if (!router)
        return NULL;
    struct http_server *s = mem_alloc(sizeof *s);
    *s = (struct http_server){ .loop = l, .conf = *conf, .app = app, .routes = routes, .n_routes = n_routes,
                               .router = router, .fixed_s = -1 };
    s->wire_limits = (struct wire_limits){ LIMIT_HTTP_HEADERS, LIMIT_HTTP_HEADER_LINES, conf->max_body };
    if (server_listen(s, err) < 0) {
        router_free(router);
        free(s);
        return NULL;
    }
    s->accept_log.interval_ns = s->refuse_log.interval_ns = NS_PER_S;
    s->route_stats = mem_calloc(n_routes + 1, sizeof *s->route_stats); /* the last: not routed */
    s->accept_again = timer_new(l, on_accept_again, s);
    deadline__init(&s->reading, l, conf->request_timeout_ns);
    deadline__init(&s->lingering, l, LINGER_NS);
    drain__init(s);
    event_assign(&s->tie_fresh, loop_base(l), -1, 0, on_tie_fresh, s);
    buf_init(&s->head, 16384);
    server_setup_evhttp(s);
    LL_PREPEND(servers, s);
    return s;
}

uint16_t http_server_port(const struct http_server *s)
{
    char address[HTTP_ADDRESS_MAX];
    uint16_t port = 0;
    if (s->listener)
        (void)http_listen_name(evconnlistener_get_fd(s->listener), address, &port);
    return port;
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    LL_DELETE(servers, s);
    s->is_draining = true;
    on_tie_fresh(-1, 0, s);
    event_del(&s->tie_fresh);
    evhttp_free(s->evhttp); /* closes the listener and each connection: on_conn_closed() */
    for (struct request *rq = s->pending, *next; rq; rq = next) {
        next = rq->next;
        rq->server = NULL; /* its handler still owes the answer */
    }
    for (struct request *rq = s->spare, *next; rq; rq = next) {
        next = rq->next;
        free(rq);
    }
    timer_free(s->accept_again);
    timer_free(s->reading.timer);
    timer_free(s->lingering.timer);
    timer_free(s->leaving.timer);
    timer_free(s->drain);
    router_free(s->router);
    buf_done(&s->head);
    free(s->by_fd);
    free(s->route_stats);
    free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *ret)
{
    *ret = s->stats;
}

uint64_t http_route_answers(const struct http_server *s, size_t i, unsigned status_class)
{
    return i < s->n_routes && status_class < 6 ? s->route_stats[i].answers[status_class] : 0;
}

uint64_t http_route_duration_ns(const struct http_server *s, size_t i)
{
    return i < s->n_routes ? s->route_stats[i].duration_ns : 0;
}
