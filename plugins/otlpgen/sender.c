/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's sockets are watched by the host's loop, its one timer is the host's. Nothing is copied: a body is
 * sent from the room that it was written to. No proxy, no redirect, no protocol but HTTP. */
#include "plugins/otlpgen/sender.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 16 << 10 };

struct lane {
    struct post post; /* first: callers have only this */
    struct sender *sender;
    CURL *easy;
    bool busy;
    uint8_t answer[ANSWER_MAX];
    size_t n_answer;
};
struct sender {
    struct sender_conf conf;
    const phx_loop *loop;
    struct endpoint endpoint;
    CURLM *multi;
    struct curl_slist *headers;
    phx_timer *timer;
    unsigned n, busy;
    struct lane *lanes;
};

/* ---- ended requests */

static void finish(struct lane *l, CURLcode code)
{
    struct sender *s = l->sender;
    struct outcome how = { .body = l->answer, .n_body = l->n_answer };
    curl_off_t retry_after = 0;
    (void)curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &how.status);
    (void)curl_easy_getinfo(l->easy, CURLINFO_RETRY_AFTER, &retry_after);
    how.retry_after_s = retry_after > 0 ? (double)retry_after : 0;
    if (code) how.failure = curl_easy_strerror(code);
    (void)curl_multi_remove_handle(s->multi, l->easy);
    l->busy = false;
    s->busy--;
    s->conf.done(s->conf.arg, &l->post, &how);
}

static void collect(struct sender *s)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));) {
        char *lane = NULL;
        if (m->msg != CURLMSG_DONE) continue;
        CURLcode code = m->data.result;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &lane);
        finish((struct lane *)(void *)lane, code);
    }
}

/* ---- libcurl on the host's loop */

static void on_ready(void *ctx, int fd, uint32_t what)
{
    struct sender *s = ctx;
    int running, mask = (what & PHX_READ ? CURL_CSELECT_IN : 0) | (what & PHX_WRITE ? CURL_CSELECT_OUT : 0);
    (void)curl_multi_socket_action(s->multi, fd, mask, &running);
    collect(s);
}

static void on_time(void *ctx)
{
    struct sender *s = ctx;
    int running;
    (void)curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(s);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *fd_ctx)
{
    struct sender *s = ctx;
    phx_watch *watch = fd_ctx;
    uint32_t wanted = (what & CURL_POLL_IN ? PHX_READ : 0u) | (what & CURL_POLL_OUT ? PHX_WRITE : 0u);
    if (what == CURL_POLL_REMOVE) {
        s->loop->unwatch(watch);
        watch = NULL;
    } else if (watch) (void)s->loop->rewatch(watch, wanted);
    else watch = s->loop->watch(s->conf.host, fd, wanted, on_ready, s);
    (void)curl_multi_assign(s->multi, fd, watch);
    return 0;
}

static int on_timer_wanted(CURLM *multi, long ms, void *ctx)
{
    struct sender *s = ctx;
    s->loop->untimer(s->timer);
    s->timer = ms < 0 ? NULL : s->loop->timer(s->conf.host, (uint64_t)ms * 1000000, 0, on_time, s);
    return 0;
}

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct sender *s = ctx;
    if (!s->endpoint.anywhere && !endpoint_is_loopback(&address->addr)) return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_answer(char *bytes, size_t one, size_t n, void *ctx)
{
    struct lane *l = ctx;
    if (n > ANSWER_MAX - l->n_answer) return 0; /* ends the request: no answer of ours is so long */
    memcpy(l->answer + l->n_answer, bytes, n);
    l->n_answer += n;
    return n;
}

/* ---- life */

static bool lane_open(struct sender *s, struct lane *l)
{
    l->sender = s;
    l->post.cap = s->conf.room_bytes;
    l->post.room = malloc(l->post.cap);
    l->easy = curl_easy_init();
    if (!l->post.room || !l->easy) return false;
    CURL *e = l->easy;
    CURLcode bad = curl_easy_setopt(e, CURLOPT_URL, s->endpoint.url);
#if LIBCURL_VERSION_NUM >= 0x075500
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_PROXY, "");
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, s->conf.timeout_ms);
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_HTTPHEADER, s->headers);
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_answer);
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_WRITEDATA, l);
    bad = bad ? bad : curl_easy_setopt(e, CURLOPT_PRIVATE, l);
    return !bad;
}

static bool open_all(struct sender *s)
{
    static const char *const lines[] = { "Content-Type: application/x-protobuf", "Expect:",
                                         "User-Agent: phoenix-load" };
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct curl_slist *longer = curl_slist_append(s->headers, lines[i]);
        if (!longer) return false;
        s->headers = longer;
    }
    s->multi = curl_multi_init();
    s->lanes = calloc(s->conf.posts, sizeof *s->lanes);
    if (!s->multi || !s->lanes) return false;
    (void)curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
    (void)curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    (void)curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
    (void)curl_multi_setopt(s->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)s->conf.posts);
    while (s->n < s->conf.posts)
        if (!lane_open(s, &s->lanes[s->n++])) return false;
    return true;
}

struct sender *sender_new(const struct sender_conf *conf)
{
    struct sender *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->conf = *conf;
    s->endpoint = *conf->endpoint;
    s->loop = conf->host->iface(conf->host, PHX_LOOP);
    if (s->loop && open_all(s)) return s;
    sender_free(s);
    return NULL;
}

void sender_free(struct sender *s)
{
    if (!s) return;
    for (unsigned i = 0; i < s->n; i++) {
        struct lane *l = &s->lanes[i];
        if (l->busy) (void)curl_multi_remove_handle(s->multi, l->easy);
        curl_easy_cleanup(l->easy);
        free(l->post.room);
    }
    if (s->multi) (void)curl_multi_cleanup(s->multi);
    if (s->timer) s->loop->untimer(s->timer);
    curl_slist_free_all(s->headers);
    free(s->lanes);
    free(s);
}

struct post *sender_post_at(struct sender *s, unsigned i)
{
    return &s->lanes[i].post;
}

bool sender_is_busy(const struct post *p)
{
    return ((const struct lane *)(const void *)p)->busy;
}

void sender_post(struct post *p)
{
    struct lane *l = (struct lane *)(void *)p;
    l->n_answer = 0;
    (void)curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->n_body);
    (void)curl_easy_setopt(l->easy, CURLOPT_POSTFIELDS, p->body);
    l->busy = true;
    l->sender->busy++;
    (void)curl_multi_add_handle(l->sender->multi, l->easy); /* asks for its timer, which does the rest */
}

void sender_settle(struct sender *s, int max_ms)
{
    struct timespec now, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += max_ms / 1000;
    end.tv_nsec += max_ms % 1000 * 1000000L;
    while (s->busy) {
        int running;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        long left_ms = (end.tv_sec - now.tv_sec) * 1000 + (end.tv_nsec - now.tv_nsec) / 1000000;
        if (left_ms <= 0 || curl_multi_poll(s->multi, NULL, 0, (int)left_ms, NULL) ||
            curl_multi_perform(s->multi, &running))
            return;
        collect(s);
    }
}
