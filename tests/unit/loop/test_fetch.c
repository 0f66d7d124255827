/* SPDX-License-Identifier: Apache-2.0 */
/* A server of a few lines on the same loop answers whatever each test scripts. */
#include "core/loop/fetch.h"
#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "core/base/clock.h"

#define MAX_CONNS 8
struct conn {
    int fd;
    struct watch *watch;
    char in[8192];
    size_t n;
};
static struct {
    int listener, accepted, requests;
    struct watch *watch;
    struct conn at[MAX_CONNS];
    const char *answer; /* NULL: never answers */
    bool closes;        /* after the answer */
    char url[64], last[8192];
} server;
static struct loop *loop;
static struct fetcher *fetcher;
static struct fetch *running;
static struct {
    int n, rc, status;
    size_t body_n;
    char body[256], why[128];
    int64_t retry_after_ns;
    char headers[FETCH_HEADERS][32];
} got;

static void conn_end(struct conn *c)
{
    if (!c->watch)
        return;
    watch_free(c->watch);
    close(c->fd);
    c->watch = NULL;
}

static void on_conn(void *arg, int fd, unsigned what)
{
    struct conn *c = arg;
    ssize_t n = read(fd, c->in + c->n, sizeof c->in - 1 - c->n);
    if (n <= 0) {
        conn_end(c);
        return;
    }
    c->n += (size_t)n;
    c->in[c->n] = '\0';
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return;
    char *length = strcasestr(c->in, "content-length:");
    if (length && strlen(end + 4) < strtoul(length + 15, NULL, 10))
        return;
    server.requests++;
    memcpy(server.last, c->in, c->n + 1);
    c->n = 0;
    if (!server.answer)
        return;
    (void)!write(fd, server.answer, strlen(server.answer));
    if (server.closes)
        conn_end(c);
}

static void on_connect(void *arg, int fd, unsigned what)
{
    ck_assert_int_lt(server.accepted, MAX_CONNS);
    struct conn *c = &server.at[server.accepted++];
    c->fd = accept(fd, NULL, NULL);
    c->watch = watch_new(loop, c->fd, WATCH_READ, on_conn, c);
}

static void setup(void)
{
    memset(&server, 0, sizeof server);
    memset(&got, 0, sizeof got);
    loop = loop_new(NULL);
    struct err err = { 0 };
    fetcher = fetcher_new(loop, "test/1", &err);
    ck_assert_msg(fetcher != NULL, "%s", err.msg);
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sa;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server.listener, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(listen(server.listener, 8), 0);
    getsockname(server.listener, (struct sockaddr *)&sa, &len);
    snprintf(server.url, sizeof server.url, "http://127.0.0.1:%d/x", ntohs(sa.sin_port));
    server.watch = watch_new(loop, server.listener, WATCH_READ, on_connect, NULL);
}

static void teardown(void)
{
    fetcher_free(fetcher);
    for (int i = 0; i < MAX_CONNS; i++)
        conn_end(&server.at[i]);
    watch_free(server.watch);
    close(server.listener);
    loop_free(loop);
}

static void on_reply(void *arg, const struct fetch_reply *r)
{
    got.n++;
    got.rc = r->rc;
    got.status = r->status;
    got.body_n = r->body.n;
    got.retry_after_ns = r->retry_after_ns;
    for (int i = 0; i < FETCH_HEADERS; i++)
        str_copy(got.headers[i], sizeof got.headers[i], r->headers[i]);
    str_copy(got.body, sizeof got.body, r->body);
    str_copy(got.why, sizeof got.why, str_of(r->why ? r->why : ""));
    loop_stop(loop);
}

static struct fetch *start(const char *method, const char *body, int64_t timeout_ns)
{
    static const char *const headers[] = { "X-A: b", "Content-Type: application/json", NULL };
    static const char *const wanted[] = { "X-One", "X-Two", NULL };
    struct fetch_req req = { .method = method, .url = server.url, .headers = headers, .body = str_of(body),
                             .want_headers = wanted, .timeout_ns = timeout_ns, .max_reply = 100 };
    struct err err = { 0 };
    struct fetch *x = fetch_start(fetcher, &req, on_reply, NULL, &err);
    ck_assert_msg(x != NULL, "%s", err.msg);
    ck_assert_int_eq(got.n, 0); /* never before the start has returned */
    return x;
}

static void run(void)
{
    ck_assert_int_eq(loop_run(loop, NULL), 0);
    ck_assert_int_eq(got.n, 1);
    got.n = 0;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

START_TEST(a_get_gets_its_answer)
{
    server.answer = OK;
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.rc, 0);
    ck_assert_int_eq(got.status, 200);
    ck_assert_str_eq(got.body, "hi");
    ck_assert_ptr_nonnull(strstr(server.last, "GET /x HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(server.last, "User-Agent: test/1\r\n"));
    ck_assert_ptr_nonnull(strstr(server.last, "X-A: b\r\n"));
}
END_TEST

START_TEST(a_body_is_sent_with_any_method)
{
    server.answer = "HTTP/1.1 204 No Content\r\n\r\n";
    start("POST", "{\"a\":1}", 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.status, 204);
    ck_assert_ptr_nonnull(strstr(server.last, "POST /x HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(server.last, "\r\n\r\n{\"a\":1}"));
    ck_assert_ptr_null(strstr(server.last, "Expect"));
    start("POST", "", 5 * NS_PER_S);
    run();
    ck_assert_ptr_nonnull(strstr(server.last, "Content-Length: 0\r\n"));
    start("PUT", "x", 5 * NS_PER_S);
    run();
    ck_assert_ptr_nonnull(strstr(server.last, "PUT /x HTTP/1.1\r\n"));
}
END_TEST

static int threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

START_TEST(a_connection_is_used_again_and_no_thread_is_started)
{
    server.answer = OK;
    for (int i = 0; i < 5; i++) {
        start("GET", NULL, 5 * NS_PER_S);
        ck_assert_int_eq(threads(), 1);
        run();
        ck_assert_int_eq(got.status, 200);
    }
    ck_assert_int_eq(server.requests, 5);
    ck_assert_int_eq(server.accepted, 1);
}
END_TEST

START_TEST(a_connection_that_the_server_closed_is_replaced)
{
    server.answer = OK;
    server.closes = true;
    for (int i = 0; i < 3; i++) {
        start("GET", NULL, 5 * NS_PER_S);
        run();
        ck_assert_int_eq(got.rc, 0);
    }
    ck_assert_int_eq(server.accepted, 3);
}
END_TEST

START_TEST(a_refused_connection_is_unavailable)
{
    watch_free(server.watch);
    server.watch = NULL;
    close(server.listener);
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.rc, ERR_UNAVAILABLE);
    ck_assert_str_ne(got.why, "");
    server.listener = dup(0);
}
END_TEST

START_TEST(a_cut_answer_is_unavailable)
{
    server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi";
    server.closes = true;
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.rc, ERR_UNAVAILABLE);
    ck_assert_uint_eq(got.body_n, 0);
    server.answer = "garbage\r\n\r\n";
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.rc, ERR_UNAVAILABLE);
}
END_TEST

START_TEST(silence_is_a_timeout)
{
    int64_t before = clock_mono();
    start("GET", NULL, 100 * NS_PER_MS);
    run();
    ck_assert_int_eq(got.rc, ERR_TIMEOUT);
    ck_assert_int_lt(clock_mono() - before, 5 * NS_PER_S);
}
END_TEST

START_TEST(an_answer_over_the_limit_is_refused)
{
    char big[400];
    snprintf(big, sizeof big, "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n%101s", "x");
    server.answer = big;
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.rc, ERR_LIMIT);
    snprintf(big, sizeof big, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%101s", "x");
    server.closes = true; /* no length told: the limit must be seen on the way */
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.rc, ERR_LIMIT);
    snprintf(big, sizeof big, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%100s", "x");
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.rc, 0);
    ck_assert_uint_eq(got.body_n, 100);
}
END_TEST

START_TEST(redirects_are_answers_and_retry_after_is_told)
{
    server.answer = "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n";
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.status, 302);
    server.answer = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_int_eq(got.status, 503);
    ck_assert_int_eq(got.retry_after_ns, 7 * NS_PER_S);
}
END_TEST

START_TEST(the_headers_that_were_asked_for_are_handed_over)
{
    server.answer = "HTTP/1.1 200 OK\r\nX-Two:  2s \r\nX-Three: 3\r\nContent-Length: 0\r\n\r\n";
    start("GET", NULL, 5 * NS_PER_S);
    run();
    ck_assert_str_eq(got.headers[0], "");
    ck_assert_str_eq(got.headers[1], "2s");
}
END_TEST

START_TEST(only_http_urls_are_taken)
{
    static const char *const bad[] = { "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
                                       "not a url", "", "http://" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fetch_req req = { .method = "GET", .url = bad[i], .timeout_ns = NS_PER_S, .max_reply = 1 };
        struct err err = { 0 };
        ck_assert_ptr_null(fetch_start(fetcher, &req, on_reply, NULL, &err));
        ck_assert_int_eq(err.code, ERR_INVAL);
    }
}
END_TEST

static void on_cancel(void *arg)
{
    fetch_cancel(running);
}

START_TEST(a_transfer_can_be_cancelled_at_each_point)
{
    server.answer = NULL;
    running = start("GET", NULL, 5 * NS_PER_S); /* before anything was sent */
    fetch_cancel(running);
    run();
    ck_assert_int_eq(got.rc, ERR_CANCELLED);
    running = start("GET", NULL, 5 * NS_PER_S); /* while it waits for the answer */
    struct timer *t = timer_new(loop, on_cancel, NULL);
    timer_set(t, 50 * NS_PER_MS);
    run();
    ck_assert_int_eq(got.rc, ERR_CANCELLED);
    server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi"; /* in the middle of the answer */
    running = start("GET", NULL, 5 * NS_PER_S);
    timer_set(t, 50 * NS_PER_MS);
    run();
    ck_assert_int_eq(got.rc, ERR_CANCELLED);
    timer_free(t);
}
END_TEST

static void on_ignored(void *arg, const struct fetch_reply *r)
{
    ck_assert_int_eq(r->rc, ERR_CANCELLED);
    got.n++;
}

START_TEST(freeing_the_fetcher_cancels_what_runs)
{
    struct fetcher *other = fetcher_new(loop, "test/2", NULL);
    struct fetch_req req = { .method = "GET", .url = server.url, .timeout_ns = NS_PER_S, .max_reply = 10 };
    ck_assert_ptr_nonnull(fetch_start(other, &req, on_ignored, NULL, NULL));
    ck_assert_ptr_nonnull(fetch_start(other, &req, on_ignored, NULL, NULL));
    fetcher_free(other);
    server.answer = OK;
    struct fetch_req last = { .method = "GET", .url = server.url, .timeout_ns = NS_PER_S, .max_reply = 10 };
    ck_assert_ptr_nonnull(fetch_start(fetcher, &last, on_reply, NULL, NULL));
    ck_assert_int_eq(loop_run(loop, NULL), 0);
    ck_assert_int_eq(got.n, 3);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fetch");
    TCase *t = tcase_create("fetch");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 20);
    tcase_add_test(t, a_get_gets_its_answer);
    tcase_add_test(t, a_body_is_sent_with_any_method);
    tcase_add_test(t, a_connection_is_used_again_and_no_thread_is_started);
    tcase_add_test(t, a_connection_that_the_server_closed_is_replaced);
    tcase_add_test(t, a_refused_connection_is_unavailable);
    tcase_add_test(t, a_cut_answer_is_unavailable);
    tcase_add_test(t, silence_is_a_timeout);
    tcase_add_test(t, an_answer_over_the_limit_is_refused);
    tcase_add_test(t, redirects_are_answers_and_retry_after_is_told);
    tcase_add_test(t, the_headers_that_were_asked_for_are_handed_over);
    tcase_add_test(t, only_http_urls_are_taken);
    tcase_add_test(t, a_transfer_can_be_cancelled_at_each_point);
    tcase_add_test(t, freeing_the_fetcher_cancels_what_runs);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
