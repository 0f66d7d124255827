/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers. The head is written by us, not by evhttp: into one buffer that is kept, with Server and
 * Date made once a second. It goes to the socket at once, together with the body; what the kernel
 * does not take goes to evhttp's output buffer. evhttp_send_reply_end() then ends the request: at
 * once when nothing is left in that buffer, after it was written otherwise.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/http/http_priv.h"

#define ANSWER_MAX (64U << 20)

const char *reply__reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    default: break;
    }
    const struct err_info *info;
    for (unsigned i = 0; (info = err_info_at(i)); i++)
        if (info->http_status == status)
            return info->title;
    return status < 300 ? "OK" : "Error";
}

/* ---- the head */

static void add_fixed(struct http_server *s, struct buf *out)
{
    int64_t now_s = loop_wall(s->loop) / NS_PER_S;
    if (now_s != s->fixed_s) {
        struct tm tm;
        char date[40];
        time_t t = (time_t)now_s;
        gmtime_r(&t, &tm);
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        int n = snprintf(s->fixed, sizeof s->fixed, "Server: %s\r\nDate: %s\r\n", s->conf.server_name, date);
        s->fixed_n = n > 0 && (size_t)n < sizeof s->fixed ? (size_t)n : 0;
        s->fixed_s = now_s;
    }
    buf_add(out, s->fixed, s->fixed_n);
}

static void add_header(struct buf *out, const char *name, const char *value)
{
    buf_adds(out, name);
    buf_add(out, ": ", 2);
    buf_adds(out, value);
    buf_add(out, "\r\n", 2);
}

static void add_status(struct buf *out, int status, bool is_http10)
{
    if (status == 204 && !is_http10) {
        buf_add_str(out, STR("HTTP/1.1 204 No Content\r\n"));
        return;
    }
    buf_addf(out, "HTTP/1.%d %d %s\r\n", is_http10 ? 0 : 1, status, reply__reason(status));
}

static void add_connection(struct request *rq, struct buf *out)
{
    bool we_close = rq->must_close || rq->server->is_draining || rq->conn->wire.code != 0;
    if (we_close) /* evhttp reads this after the answer */
        evhttp_add_header(evhttp_request_get_output_headers(rq->req), "Connection", "close");
    if (rq->client_closes || we_close)
        buf_add_str(out, STR("Connection: close\r\n"));
    else if (rq->is_http10)
        buf_add_str(out, STR("Connection: keep-alive\r\n"));
}

static void write_head(struct request *rq, int status, const char *type, size_t body_n, struct buf *out)
{
    add_status(out, status, rq->is_http10);
    add_fixed(rq->server, out);
    if (type)
        add_header(out, "Content-Type", type);
    if (status != 204 && status != 304)
        buf_addf(out, "Content-Length: %zu\r\n", body_n);
    if (rq->echoes_id)
        add_header(out, "X-Request-ID", rq->id);
    for (const struct extra_header *h = rq->extra; h; h = h->next)
        add_header(out, h->name, h->value);
    add_connection(rq, out);
    buf_add(out, "\r\n", 2);
}

/* ---- the way out */

static void on_flushed(struct evhttp_request *req, void *arg)
{
    struct conn *c = arg;
    c->is_flushing = false;
    c->server->n_flushing--;
    conn__listen(c);
}

/* Returns how many bytes the kernel took, or -1 if the connection is broken. */
static ssize_t send_now(struct conn *c, struct str head, struct str body)
{
    if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
        return 0; /* a 100 Continue is still on its way */
    struct iovec iov[2] = { { (void *)(uintptr_t)head.p, head.n }, { (void *)(uintptr_t)body.p, body.n } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = body.n > 0 ? 2 : 1 };
    ssize_t n;
    do
        n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : n;
}

static void send_later(struct conn *c, struct evhttp_request *req, struct str head, struct str body,
                       size_t sent)
{
    struct evbuffer *output = bufferevent_get_output(c->bev);
    if (sent < head.n) {
        evbuffer_add(output, head.p + sent, head.n - sent);
        sent = head.n;
    }
    if (body.n > 0)
        evbuffer_add(output, body.p + (sent - head.n), body.n - (sent - head.n));
    c->is_flushing = true;
    c->server->n_flushing++;
    evhttp_request_set_on_complete_cb(req, on_flushed, c);
    bufferevent_enable(c->bev, EV_WRITE);
}

static void answer(struct request *rq, int status, const char *type, struct str body)
{
    struct conn *c = rq->conn;
    struct evhttp_request *req = rq->req;
    if (!c) {
        request__finish(rq, status);
        return;
    }
    struct buf *out = &rq->server->head;
    buf_reset(out);
    write_head(rq, status, type, body.n, out);
    struct str head = buf_str(out);
    if (rq->is_head)
        body.n = 0;
    request__finish(rq, status);
    conn__watch(c);
    conn__listen(c);
    ssize_t sent = send_now(c, head, body);
    if (sent < 0) {
        evhttp_connection_free(c->evcon);
        return;
    }
    if ((size_t)sent < head.n + body.n)
        send_later(c, req, head, body, (size_t)sent);
    req->chunked = 0; /* of the request; evhttp takes it for the answer's */
    evhttp_send_reply_end(req);
}

/* ---- answers of handlers */

void reply_header(struct request *rq, const char *name, const char *value)
{
    if (strpbrk(value, "\r\n")) /* would split the answer */
        return;
    struct arena *a = request_arena(rq);
    struct extra_header *h = arena_alloc(a, sizeof *h);
    h->name = arena_strdup(a, name);
    h->value = arena_strdup(a, value);
    LL_APPEND(rq->extra, h);
}

void reply_empty(struct request *rq, int status)
{
    answer(rq, status, NULL, (struct str){ "", 0 });
}

void reply_json(struct request *rq, int status, struct buf *body)
{
    reply_text(rq, status, "application/json", body);
}

void reply_text(struct request *rq, int status, const char *content_type, struct buf *body)
{
    if (body->failed) {
        struct err err = { 0 };
        err_set(&err, ERR_INTERNAL, "the answer is larger than it may be");
        reply_error(rq, &err);
        return;
    }
    answer(rq, status, content_type, buf_str(body));
}

void reply_tree(struct request *rq, int status, const struct json *j)
{
    struct buf body CLEANUP_BUF;
    buf_init(&body, ANSWER_MAX);
    json_write(j, &body);
    reply_json(rq, status, &body);
}

/* ---- problems (RFC 9457) */

void reply__problem(struct buf *out, const struct err *err, const char *id, const struct faults *faults)
{
    const struct err_info *info = err_info(err->code);
    struct jw w;
    jw_init(&w, out);
    jw_open(&w, '{');
    jw_key(&w, "type");
    char type[96];
    snprintf(type, sizeof type, "urn:phoenix:problem:%s", info->type);
    jw_strz(&w, type);
    jw_kstr(&w, "title", info->title);
    jw_kint(&w, "status", info->http_status);
    jw_kstr(&w, "detail", err->msg);
    if (err->remedy[0])
        jw_kstr(&w, "remedy", err->remedy);
    if (id)
        jw_kstr(&w, "request_id", id);
    if (faults) {
        jw_key(&w, "errors");
        jw_open(&w, '[');
        for (unsigned i = 0; i < faults->n && i < FAULTS_MAX; i++) {
            jw_open(&w, '{');
            jw_kstr(&w, "pointer", faults->at[i].pointer);
            jw_kstr(&w, "message", faults->at[i].msg);
            jw_close(&w, '}');
        }
        jw_close(&w, ']');
    }
    jw_close(&w, '}');
}

static bool has_extra(const struct request *rq, const char *name)
{
    for (const struct extra_header *h = rq->extra; h; h = h->next)
        if (strcasecmp(h->name, name) == 0)
            return true;
    return false;
}

static void add_problem_headers(struct request *rq, int status)
{
    if ((status == 429 || status == 503) && !has_extra(rq, "Retry-After")) {
        char seconds[16];
        enum traffic t = rq->route ? rq->route->traffic : TRAFFIC_SYSTEM;
        snprintf(seconds, sizeof seconds, "%u", traffic_retry_s(t, random_u64()));
        reply_header(rq, "Retry-After", seconds);
    }
    if (status == 401 && !has_extra(rq, "WWW-Authenticate"))
        reply_header(rq, "WWW-Authenticate", "Phoenix-Agent realm=\"phoenix\"");
}

static void answer_problem(struct request *rq, const struct err *err, const struct faults *faults)
{
    int status = err_info(err->code)->http_status;
    struct buf body CLEANUP_BUF;
    buf_init(&body, 65536);
    add_problem_headers(rq, status);
    if (rq->server)
        traffic__refused(rq, status);
    reply__problem(&body, err, request_id(rq), faults);
    rq->echoes_id = true;
    if (err->detail[0]) {
        struct log_ctx ctx = { .req = request_id(rq), .host = rq->host_id };
        log_error(EV_HTTP_FAILED, &ctx, err, "%s", rq->route ? rq->route->id : "request");
    }
    answer(rq, status, "application/problem+json", buf_str(&body));
}

void reply_error(struct request *rq, const struct err *err)
{
    answer_problem(rq, err, NULL);
}

void reply_faults(struct request *rq, const struct faults *faults)
{
    struct err err = { 0 };
    err_set(&err, ERR_INVALID, "%u field%s not as demanded: see errors", faults->n,
            faults->n == 1 ? " is" : "s are");
    answer_problem(rq, &err, faults);
}

void reply__raw_refusal(struct http_server *s, const struct err *err, struct buf *out)
{
    struct buf body CLEANUP_BUF;
    buf_init(&body, 2048);
    reply__problem(&body, err, NULL, NULL);
    int status = err_info(err->code)->http_status;
    add_status(out, status, false);
    add_fixed(s, out);
    if (status == 503)
        buf_addf(out, "Retry-After: %u\r\n", traffic_retry_s(TRAFFIC_METRICS, random_u64()));
    add_header(out, "Content-Type", "application/problem+json");
    buf_addf(out, "Content-Length: %zu\r\nConnection: close\r\n\r\n", body.len);
    buf_add_str(out, buf_str(&body));
}
