/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl says which sockets to watch and when to wake it; it never waits. An end is never told from
 * inside libcurl: the handle leaves the multi first, then the loop's deferral tells the owner, so a
 * callback may start, cancel, or free the fetcher. Sockets are unwatched when libcurl says REMOVE,
 * which it does before it closes them. Numeric addresses and "localhost" need no resolver thread.
 */
#include "core/loop/fetch.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <strings.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/mem.h"

#define CONNECT_DEFAULT_NS (5 * NS_PER_S)
#define KEPT_CONNECTIONS 4L /* one API and a few collectors */

struct fetcher {
    struct loop *loop;
    CURLM *multi;
    struct timer *timer;
    char *user_agent;
    struct fetch *live; /* in the multi */
};
struct fetch {
    struct fetch *prev, *next;
    struct loop *loop;
    struct fetcher *owner; /* NULL once it has ended */
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;
    fetch_done_fn *done;
    void *arg;
    int64_t started_ns;
    const char *const *want_headers;
    char *found[FETCH_HEADERS]; /* their values */
    struct fetch_reply reply;
};

/* ---- the end of a transfer */

static void on_deliver(void *arg)
{
    struct fetch *x = arg;
    x->reply.body = x->reply.rc == 0 ? buf_str(&x->body) : (struct str){ "", 0 };
    for (int i = 0; i < FETCH_HEADERS; i++)
        x->reply.headers[i] = x->found[i] ? str_trim(str_of(x->found[i])) : (struct str){ NULL, 0 };
    x->reply.took_ns = clock_mono() - x->started_ns;
    x->done(x->arg, &x->reply);
    buf_done(&x->body);
    for (int i = 0; i < FETCH_HEADERS; i++)
        free(x->found[i]);
    free(x);
}

static void fetch_end(struct fetch *x, int32_t rc, const char *why)
{
    x->reply.rc = rc;
    x->reply.why = why;
    curl_multi_remove_handle(x->owner->multi, x->easy);
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    DL_DELETE(x->owner->live, x);
    x->easy = NULL;
    x->owner = NULL;
    loop_defer(x->loop, on_deliver, x);
}

static void fetch_result(struct fetch *x, CURLcode code)
{
    long status = 0;
    curl_off_t retry_after = 0;
    if (code != CURLE_OK) {
        int32_t rc = code == CURLE_OPERATION_TIMEDOUT          ? ERR_TIMEOUT
                     : x->body.failed                          ? ERR_LIMIT
                     : code == CURLE_FILESIZE_EXCEEDED         ? ERR_LIMIT
                                                               : ERR_UNAVAILABLE;
        fetch_end(x, rc, rc == ERR_LIMIT ? "the answer is too large" : curl_easy_strerror(code));
        return;
    }
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &retry_after);
    for (int i = 0; x->want_headers && i < FETCH_HEADERS && x->want_headers[i]; i++) {
        struct curl_header *h;
        if (curl_easy_header(x->easy, x->want_headers[i], 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
            x->found[i] = mem_strdup(h->value);
    }
    x->reply.status = (int)status;
    x->reply.retry_after_ns = retry_after > 86400 ? 86400 * NS_PER_S : retry_after * NS_PER_S;
    fetch_end(x, 0, NULL);
}

static void fetcher_step(struct fetcher *f, curl_socket_t fd, int what)
{
    int running, left;
    curl_multi_socket_action(f->multi, fd, what, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        struct fetch *x;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        fetch_result(x, code);
    }
}

/* ---- what libcurl asks for */

static void on_socket(void *arg, int fd, unsigned what)
{
    int in = what & WATCH_READ ? CURL_CSELECT_IN : 0, out = what & WATCH_WRITE ? CURL_CSELECT_OUT : 0;
    fetcher_step(arg, fd, in | out);
}

static void on_timeout(void *arg)
{
    fetcher_step(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct fetcher *f = arg;
    struct watch *w = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        watch_free(w);
        curl_multi_assign(f->multi, fd, NULL);
        return 0;
    }
    unsigned want = (what & CURL_POLL_IN ? WATCH_READ : 0U) | (what & CURL_POLL_OUT ? WATCH_WRITE : 0U);
    if (w)
        watch_set(w, want);
    else
        curl_multi_assign(f->multi, fd, watch_new(f->loop, fd, want, on_socket, f));
    return 0;
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
    struct fetcher *f = arg;
    if (ms < 0)
        timer_clear(f->timer);
    else
        timer_set(f->timer, ms * NS_PER_MS);
    return 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *x = arg;
    buf_add(&x->body, p, n);
    return x->body.failed ? CURL_WRITEFUNC_ERROR : n;
}

/* ---- life */

struct fetcher *fetcher_new(struct loop *l, const char *user_agent, struct err *err)
{
    static bool global;
    if (!global && curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        err_set(err, ERR_INTERNAL, "could not start libcurl");
        return NULL;
    }
    global = true;
    CURLM *multi = curl_multi_init();
    if (!multi) {
        err_set(err, ERR_NOMEM, "could not start libcurl");
        return NULL;
    }
    struct fetcher *f = mem_alloc(sizeof *f);
    *f = (struct fetcher){ .loop = l, .multi = multi, .user_agent = mem_strdup(user_agent) };
    f->timer = timer_new(l, on_timeout, f);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    return f;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    while (f->live)
        fetch_end(f->live, ERR_CANCELLED, "cancelled");
    curl_multi_cleanup(f->multi);
    timer_free(f->timer);
    free(f->user_agent);
    free(f);
}

/* ---- a request */

static int check_url(const char *url, struct err *err)
{
    CURLU *u = curl_url();
    char *scheme = NULL;
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              (strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0);
    curl_free(scheme);
    curl_url_cleanup(u);
    return ok ? 0 : err_set(err, ERR_INVAL, "\"%s\" is no HTTP URL", url);
}

static bool has_body(const struct fetch_req *req)
{
    return req->body.n > 0 || strcmp(req->method, "POST") == 0 || strcmp(req->method, "PUT") == 0;
}

static void set_request(struct fetch *x, const struct fetch_req *req)
{
    CURL *e = x->easy;
    for (const char *const *h = req->headers; h && *h; h++)
        x->headers = curl_slist_append(x->headers, *h);
    x->headers = curl_slist_append(x->headers, "Expect:"); /* never wait for a 100 */
    curl_easy_setopt(e, CURLOPT_URL, req->url);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
    if (has_body(req)) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.n);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, req->body.p ? req->body.p : "");
    }
    if (strcmp(req->method, "HEAD") == 0)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, req->method);
    int64_t connect_ns = req->connect_ns > 0 ? req->connect_ns : CONNECT_DEFAULT_NS;
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)((req->timeout_ns + NS_PER_MS - 1) / NS_PER_MS));
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)((connect_ns + NS_PER_MS - 1) / NS_PER_MS));
}

static void set_policy(CURL *e, const char *user_agent)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PROXY, ""); /* no surprises from http_proxy in the environment */
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 16384L);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, user_agent);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_req *req, fetch_done_fn *done, void *arg,
                          struct err *err)
{
    if (check_url(req->url, err) < 0)
        return NULL;
    CURL *easy = curl_easy_init();
    if (!easy) {
        err_set(err, ERR_NOMEM, "could not start a request");
        return NULL;
    }
    struct fetch *x = mem_alloc(sizeof *x);
    *x = (struct fetch){ .loop = f->loop, .owner = f, .easy = easy, .done = done, .arg = arg };
    x->started_ns = clock_mono();
    x->want_headers = req->want_headers;
    buf_init(&x->body, req->max_reply);
    set_policy(easy, f->user_agent);
    set_request(x, req);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)req->max_reply);
    DL_APPEND(f->live, x);
    if (curl_multi_add_handle(f->multi, easy) != CURLM_OK)
        fetch_end(x, ERR_UNAVAILABLE, "libcurl did not take the request");
    return x;
}

void fetch_cancel(struct fetch *x)
{
    if (x->owner)
        fetch_end(x, ERR_CANCELLED, "cancelled");
    else
        x->reply.rc = ERR_CANCELLED, x->reply.why = "cancelled"; /* ended, but not told yet */
}
