/* SPDX-License-Identifier: Apache-2.0 */
/* One ppoll() loop over a listener and a fixed set of connections. A connection either collects a
 * request head or has an answer to send, never both. What the socket does not take at once is copied,
 * so that the next scan may overwrite the exposition while a slow client still reads its own. When
 * all places are taken, the connection that was quiet longest makes room: nobody can lock the agent
 * out by keeping connections open. */
#include "config.h"
#include "collector/serve.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "collector/collect.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

enum { PLACES = 16, HEAD_BYTES = 4096 };
static const int64_t REQUEST_NS = 5 * NS_PER_S;  /* from a request's first byte to its last */
static const int64_t SEND_NS = 10 * NS_PER_S;    /* without any progress */
static const int64_t IDLE_NS = 60 * NS_PER_S;    /* between requests */
static const int64_t DRAIN_NS = NS_PER_S;        /* for answers under way at the end */

struct conn {
    int fd;               /* -1: the place is free */
    int64_t active_ns;    /* when its state changed last, or bytes went out */
    size_t have;          /* bytes in head[] */
    struct buf out;       /* what the socket did not take yet */
    bool last;            /* close when `out` is sent */
    char head[HEAD_BYTES];
};
struct serve {
    int listener;
    uint16_t port;
    serve_page_fn *metrics;
    void *arg;
    struct conn conns[PLACES];
};

static volatile sig_atomic_t stop_asked;

static void on_stop(int signo)
{
    stop_asked = 1;
}

static void conn_close(struct conn *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    buf_done(&c->out);
}

/* ------------------------------------------------------------------------------------- answers */

static void conn_send(struct conn *c, struct str head, struct str body, int64_t now_ns)
{
    struct iovec parts[2] = { { (void *)(uintptr_t)head.p, head.n }, { (void *)(uintptr_t)body.p, body.n } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    size_t sent = n > 0 ? (size_t)n : 0;
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        conn_close(c);
        return;
    }
    c->active_ns = now_ns;
    if (sent < head.n) {
        buf_add(&c->out, head.p + sent, head.n - sent);
        sent = head.n;
    }
    if (sent < head.n + body.n) buf_add(&c->out, body.p + (sent - head.n), body.n - (sent - head.n));
    if (c->out.failed || (!c->out.len && c->last)) conn_close(c);
}

static void answer(struct conn *c, const char *status, const char *type, struct str body, bool head_only,
                   int64_t now_ns)
{
    char head[256];
    int n =
        snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n",
                 status, type, body.n, !strncmp(status, "405", 3) ? "Allow: GET, HEAD\r\n" : "",
                 c->last ? "Connection: close\r\n" : "");
    if (head_only) body.n = 0;
    conn_send(c, (struct str){ head, (size_t)n }, body, now_ns);
}

static void answer_text(struct conn *c, const char *status, bool head_only, int64_t now_ns)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s\n", status + 4); /* without the number */
    answer(c, status, "text/plain; charset=utf-8", (struct str){ text, (size_t)n }, head_only, now_ns);
}

/* What we need to know of a request's head. */
struct head {
    struct str method, target;
    bool bad, closes;
};

static bool is_name(struct str line, const char *name, struct str *ret_value)
{
    size_t n = strlen(name);
    if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n)) return false;
    *ret_value = str_trim((struct str){ line.p + n + 1, line.n - n - 1 });
    return true;
}

static struct head head_parse(struct str text)
{
    struct head h = { .bad = true };
    struct str line, version = { "", 0 }, value;
    if (memchr(text.p, 0, text.n) || !str_split(&text, '\n', &line) || !str_split(&line, ' ', &h.method) ||
        !str_split(&line, ' ', &h.target) || !str_split(&line, ' ', &version) || line.n)
        return h;
    bool old = str_eqz(version, "HTTP/1.0\r");
    if ((!old && !str_eqz(version, "HTTP/1.1\r")) || !str_starts(h.target, "/")) return h;
    h.bad = false;
    h.closes = old;
    while (str_split(&text, '\n', &line)) {
        if (line.n && line.p[line.n - 1] == '\r') line.n--;
        if (is_name(line, "connection", &value))
            h.closes |= value.n == 5 && !strncasecmp(value.p, "close", 5);
        /* a body would be read as the next request: refuse what announces one */
        if (is_name(line, "content-length", &value)) h.bad |= !str_eqz(value, "0");
        if (is_name(line, "transfer-encoding", &value)) h.bad = true;
    }
    return h;
}

static void on_request(struct serve *s, struct conn *c, struct str text, int64_t now_ns)
{
    struct head h = head_parse(text);
    bool head_only = str_eqz(h.method, "HEAD");
    c->last = h.closes || h.bad || stop_asked;
    struct str path = { h.target.p, 0 };
    while (path.n < h.target.n && path.p[path.n] != '?') path.n++;
    if (h.bad) answer_text(c, "400 Bad Request", false, now_ns);
    else if (!head_only && !str_eqz(h.method, "GET")) answer_text(c, "405 Method Not Allowed", false, now_ns);
    else if (str_eqz(path, "/healthz")) answer_text(c, "200 OK", head_only, now_ns);
    else if (!str_eqz(path, "/metrics")) answer_text(c, "404 Not Found", head_only, now_ns);
    else {
        struct str body = s->metrics(s->arg, now_ns);
        if (body.p) answer(c, "200 OK", "text/plain; version=0.0.4; charset=utf-8", body, head_only, now_ns);
        else answer_text(c, "500 Exposition Too Large", head_only, now_ns);
    }
}

/* ---------------------------------------------------------------------------------- connections */

/* Answer the requests that are complete, one after the other, while answers go out at once. */
static void take_requests(struct serve *s, struct conn *c, int64_t now_ns)
{
    while (c->fd >= 0 && !c->out.len && c->have) {
        const char *end = memmem(c->head, c->have, "\r\n\r\n", 4);
        if (!end) {
            if (c->have < sizeof c->head) return;
            c->last = true;
            answer_text(c, "431 Request Header Fields Too Large", false, now_ns);
            c->have = 0;
            return;
        }
        size_t used = (size_t)(end - c->head) + 4;
        on_request(s, c, (struct str){ c->head, used - 2 }, now_ns);
        c->have -= used;
        memmove(c->head, c->head + used, c->have);
    }
}

static void on_readable(struct serve *s, struct conn *c, int64_t now_ns)
{
    ssize_t n = recv(c->fd, c->head + c->have, sizeof c->head - c->have, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        conn_close(c);
        return;
    }
    if (!c->have) c->active_ns = now_ns; /* a slow drip does not renew its time */
    c->have += (size_t)n;
    take_requests(s, c, now_ns);
}

static void on_writable(struct serve *s, struct conn *c, int64_t now_ns)
{
    ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        conn_close(c);
        return;
    }
    c->active_ns = now_ns;
    buf_consume(&c->out, (size_t)n);
    if (c->out.len) return;
    buf_done(&c->out);
    buf_init(&c->out, COLLECT_TEXT_BYTES + HEAD_BYTES);
    if (c->last) conn_close(c);
    else take_requests(s, c, now_ns);
}

static struct conn *place_for_one_more(struct serve *s)
{
    struct conn *quiet = &s->conns[0];
    for (unsigned i = 0; i < PLACES; i++) {
        if (s->conns[i].fd < 0) return &s->conns[i];
        if (s->conns[i].active_ns < quiet->active_ns) quiet = &s->conns[i];
    }
    conn_close(quiet);
    return quiet;
}

static void on_acceptable(struct serve *s, int64_t now_ns)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    struct conn *c = place_for_one_more(s);
    c->fd = fd;
    c->active_ns = now_ns;
    c->have = 0;
    c->last = false;
    buf_init(&c->out, COLLECT_TEXT_BYTES + HEAD_BYTES);
}

static void close_overdue(struct serve *s, int64_t now_ns)
{
    for (unsigned i = 0; i < PLACES; i++) {
        struct conn *c = &s->conns[i];
        int64_t limit = c->out.len ? SEND_NS : c->have ? REQUEST_NS : IDLE_NS;
        if (c->fd >= 0 && now_ns - c->active_ns > limit) conn_close(c);
    }
}

/* ----------------------------------------------------------------------------------------- loop */

static bool is_sending(const struct serve *s)
{
    for (unsigned i = 0; i < PLACES; i++)
        if (s->conns[i].fd >= 0 && s->conns[i].out.len) return true;
    return false;
}

static int serve_turn(struct serve *s, const sigset_t *mask, struct err *err)
{
    struct pollfd polls[PLACES + 1];
    bool any = false;
    for (unsigned i = 0; i < PLACES; i++) {
        const struct conn *c = &s->conns[i];
        polls[i] = (struct pollfd){ .fd = c->fd, .events = c->out.len ? POLLOUT : POLLIN };
        any |= c->fd >= 0;
    }
    polls[PLACES] = (struct pollfd){ .fd = s->listener, .events = POLLIN };
    struct timespec tick = { .tv_nsec = stop_asked ? 100 * NS_PER_MS : 999 * NS_PER_MS };
    /* without connections nothing can become overdue: no wake-ups */
    int n = ppoll(polls, PLACES + 1, any || stop_asked ? &tick : NULL, mask);
    if (n < 0 && errno != EINTR) return err_errno(err, ERR_IO, errno, "could not wait for connections");
    int64_t now_ns = clock_mono();
    for (unsigned i = 0; n > 0 && i < PLACES; i++) {
        struct conn *c = &s->conns[i];
        if (polls[i].revents & POLLOUT) on_writable(s, c, now_ns);
        else if (polls[i].revents & POLLIN) on_readable(s, c, now_ns);
        else if (polls[i].revents) conn_close(c);
    }
    if (n > 0 && polls[PLACES].revents) on_acceptable(s, now_ns);
    close_overdue(s, now_ns);
    return 0;
}

int serve_run(struct serve *s, struct err *err)
{
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    struct sigaction action = { .sa_handler = on_stop };
    stop_asked = 0;
    sigprocmask(SIG_BLOCK, &stops, &before); /* delivered inside ppoll() only: none is missed */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigdelset(&before, SIGTERM);
    sigdelset(&before, SIGINT);
    int rc = 0;
    while (!rc && !stop_asked) rc = serve_turn(s, &before, err);
    close(s->listener);
    s->listener = -1;
    for (int64_t end = clock_mono() + DRAIN_NS; !rc && is_sending(s) && clock_mono() < end;)
        rc = serve_turn(s, &before, err);
    return rc;
}

/* --------------------------------------------------------------------------------------- set-up */

static bool address_parse(struct str text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    char host[64];
    size_t colon = text.n;
    while (colon && text.p[colon - 1] != ':') colon--;
    uint64_t port;
    if (!colon || !parse_uint((struct str){ text.p + colon, text.n - colon }, &port) || port > UINT16_MAX)
        return false;
    struct str name = { text.p, colon - 1 };
    bool six = name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
    if (six) name = (struct str){ name.p + 1, name.n - 2 };
    if (!str_copy(host, sizeof host, name)) return false;
    memset(ret, 0, sizeof *ret);
    if (six) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
        *ret_len = sizeof *in6;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    *ret_len = sizeof *in;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

static int listen_on(struct serve *s, struct str listen_text, struct err *err)
{
    struct sockaddr_storage address;
    socklen_t len;
    int one = 1;
    if (!address_parse(listen_text, &address, &len))
        return err_set(err, ERR_CONFIG,
                       "\"%.*s\" is no address to listen on: want 127.0.0.1:PORT or [::1]:PORT",
                       (int)listen_text.n, listen_text.p);
    s->listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listener < 0) return err_errno(err, ERR_IO, errno, "could not make a socket");
    (void)setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s->listener, (struct sockaddr *)&address, len) || listen(s->listener, 64))
        return err_errno(err, ERR_IO, errno, "could not listen on %.*s", (int)listen_text.n, listen_text.p);
    if (getsockname(s->listener, (struct sockaddr *)&address, &len))
        return err_errno(err, ERR_IO, errno, "could not read the address of a socket");
    s->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                  : ((struct sockaddr_in *)&address)->sin_port);
    return 0;
}

struct serve *serve_new(struct str listen_text, serve_page_fn *metrics, void *arg, struct err *err)
{
    struct serve *s = mem_alloc(sizeof *s);
    s->listener = -1;
    s->metrics = metrics;
    s->arg = arg;
    for (unsigned i = 0; i < PLACES; i++) s->conns[i].fd = -1;
    if (!listen_on(s, listen_text, err)) return s;
    serve_free(s);
    return NULL;
}

uint16_t serve_port(const struct serve *s)
{
    return s->port;
}

void serve_free(struct serve *s)
{
    if (!s) return;
    for (unsigned i = 0; i < PLACES; i++) conn_close(&s->conns[i]);
    if (s->listener >= 0) close(s->listener);
    free(s);
}
