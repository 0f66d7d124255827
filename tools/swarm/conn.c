/* SPDX-License-Identifier: Apache-2.0 */
/* Events are edges, so each is followed until the kernel has no more. An error inside conn_ask() is told
 * by the alarm, never from within the call. */
#include "tools/swarm/conn.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CHUNK = 64 << 10, OUT_MAX = 1 << 20 };

const char *const outcome_names[OUTCOME_COUNT] = { "2xx", "3xx",   "409",     "429",     "4xx", "503",
                                                   "5xx", "reset", "refused", "timeout", "bad", "stale" };

static void on_timeout(struct alarm *a);
static void on_ready(struct watched *w, uint32_t events);

void conn_init(struct conn *c, struct engine *e, uint32_t max_body, conn_reply_fn *fn)
{
    *c = (struct conn){ .watched.fn = on_ready, .engine = e, .fn = fn, .timeout.fn = on_timeout,
                        .max_body = max_body, .fd = -1 };
    buf_init(&c->out, OUT_MAX);
    buf_init(&c->in, max_body + WIRE_HEAD_MAX + CHUNK);
}

/* Give the memory back, keep the limit. */
static void drop(struct buf *b)
{
    size_t max = b->max;
    buf_done(b);
    buf_init(b, max);
}

void conn_close(struct conn *c)
{
    alarm_clear(c->engine, &c->timeout);
    drop(&c->out);
    drop(&c->in);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->is_asked = c->is_used = false;
    c->fails = 0;
}

/* ---- ends of requests */

static void finish(struct conn *c, const struct reply *reply)
{
    c->is_asked = false;
    alarm_clear(c->engine, &c->timeout);
    c->fn(c, reply);
}

static void fail(struct conn *c, enum outcome outcome)
{
    bool was_asked = c->is_asked, was_kept = c->is_used && c->in.len == 0;
    conn_close(c);
    if (outcome == OUTCOME_RESET && was_kept)
        outcome = OUTCOME_STALE;
    if (was_asked)
        finish(c, &(struct reply){ .outcome = outcome });
}

static void fail_soon(struct conn *c, enum outcome outcome)
{
    c->fails = (uint8_t)outcome;
    alarm_set(c->engine, &c->timeout, c->engine->now_ns);
}

static void on_timeout(struct alarm *a)
{
    struct conn *c = CONTAINER_OF(a, struct conn, timeout);
    fail(c, c->fails ? (enum outcome)c->fails : OUTCOME_TIMEOUT);
}

static enum outcome outcome_of(int status)
{
    if (status == 409 || status == 429 || status == 503)
        return status == 409 ? OUTCOME_409 : status == 429 ? OUTCOME_429 : OUTCOME_503;
    return status < 300   ? OUTCOME_2XX
           : status < 400 ? OUTCOME_3XX
           : status < 500 ? OUTCOME_4XX
                          : OUTCOME_5XX;
}

static enum outcome outcome_of_errno(int error)
{
    return error == ECONNREFUSED || error == EADDRNOTAVAIL || error == EMFILE || error == ENETUNREACH
               ? OUTCOME_REFUSED
           : error == ETIMEDOUT ? OUTCOME_TIMEOUT
                                : OUTCOME_RESET;
}

/* ---- reading */

/* Bytes came. False: the connection is not to be read on now. */
static bool feed(struct conn *c, const char *p, size_t n)
{
    struct reply reply = { 0 };
    struct buf held = c->in;
    if (!c->is_asked) { /* nobody asked */
        conn_close(c);
        return false;
    }
    if (held.len > 0) {
        buf_add(&c->in, p, n);
        held = c->in;
    }
    struct str text = held.len > 0 ? buf_str(&held) : (struct str){ p, n };
    enum wire wire = c->in.failed ? WIRE_BAD : answer_parse(text, c->max_body, &reply.answer);
    if (wire == WIRE_BAD || (wire == WIRE_DONE && text.n > reply.answer.total)) {
        fail(c, OUTCOME_BAD);
        return false;
    }
    if (wire == WIRE_MORE) {
        if (held.len == 0)
            buf_add(&c->in, p, n);
        return true;
    }
    buf_init(&c->in, held.max); /* the body stays where it is while the callback looks at it */
    reply.outcome = outcome_of(reply.answer.status);
    c->is_used = true;
    if (reply.answer.closes)
        conn_close(c);
    finish(c, &reply);
    buf_done(&held);
    return false;
}

/* Send what is left of the request. False: the connection is lost. */
static bool flush(struct conn *c)
{
    while (c->out.len > 0) {
        ssize_t sent = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            return true;
        if (sent < 0) {
            fail(c, outcome_of_errno(errno));
            return false;
        }
        buf_consume(&c->out, (size_t)sent);
    }
    drop(&c->out);
    return true;
}

static void on_ready(struct watched *w, uint32_t events)
{
    static char chunk[CHUNK];
    struct conn *c = CONTAINER_OF(w, struct conn, watched);
    if (c->fd >= 0 && c->out.len > 0 && !flush(c))
        return;
    while (c->fd >= 0) {
        ssize_t n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            fail(c, n == 0 ? OUTCOME_RESET : outcome_of_errno(errno));
            return;
        }
        if (!feed(c, chunk, (size_t)n))
            return;
        if ((size_t)n < sizeof chunk && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
            return;
    }
}

/* ---- asking */

static bool open_socket(struct conn *c, const struct route *r)
{
    c->fd = socket(r->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return false;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    if (r->source) {
        struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(r->source) };
        (void)setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
        if (bind(c->fd, (struct sockaddr *)&from, sizeof from) != 0)
            return false;
    }
    if (connect(c->fd, (const struct sockaddr *)&r->to, r->to_len) != 0 && errno != EINPROGRESS)
        return false;
    return engine_watch(c->engine, c->fd, &c->watched) == 0;
}

bool conn_expect(struct conn *c, const struct route *route, int64_t timeout_ns)
{
    c->is_asked = true;
    c->fails = 0;
    alarm_set(c->engine, &c->timeout, c->engine->now_ns + timeout_ns);
    if (c->fd >= 0 || open_socket(c, route))
        return true;
    fail_soon(c, OUTCOME_REFUSED);
    return false;
}

void conn_ask(struct conn *c, const struct route *route, struct str text, int64_t timeout_ns)
{
    if (!conn_expect(c, route, timeout_ns))
        return;
    ssize_t sent = send(c->fd, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        fail_soon(c, c->is_used ? OUTCOME_STALE : outcome_of_errno(errno));
        return;
    }
    size_t done = sent < 0 ? 0 : (size_t)sent;
    if (done < text.n)
        buf_add(&c->out, text.p + done, text.n - done);
}
