/* SPDX-License-Identifier: Apache-2.0 */
/* The server in a child process, the test at the other end of its sockets. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "collector/serve.h"
#include "core/base/mem.h"
#include "tests/unit/unit.h"

enum { LARGE = 8 << 20 };
static pid_t server;
static uint16_t port;
static char *large;

/* The first scrape is large, later ones tell their number. */
static struct str on_metrics(void *arg, int64_t now_ns)
{
    static unsigned n;
    static char text[32];
    if (!n++) return (struct str){ large, LARGE };
    return (struct str){ text, (size_t)snprintf(text, sizeof text, "scrape %u\n", n) };
}

static int client(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = { .tv_sec = 20 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* One answer: head and body by its Content-Length. Returns the status; 0: the server hung up. */
static int hear(int fd, char *ret_body, size_t cap)
{
    char head[1024];
    size_t n = 0, length = 0;
    for (; n < sizeof head - 1; n++) {
        if (recv(fd, head + n, 1, 0) != 1) return 0;
        if (n >= 3 && !memcmp(head + n - 3, "\r\n\r\n", 4)) break;
    }
    head[n + 1 < sizeof head ? n + 1 : n] = 0;
    int status = 0;
    ck_assert_int_eq(sscanf(head, "HTTP/1.1 %d", &status), 1);
    ck_assert_int_eq(sscanf(strstr(head, "Content-Length: "), "Content-Length: %zu", &length), 1);
    ck_assert_uint_lt(length, cap);
    ck_assert_int_eq(recv(fd, ret_body, length, MSG_WAITALL), (ssize_t)length);
    ret_body[length] = 0;
    return status;
}

static int ask(const char *request, char *ret_body, size_t cap)
{
    int fd = client();
    say(fd, request);
    int status = hear(fd, ret_body, cap);
    close(fd);
    return status;
}

static void set_up(void)
{
    struct err err = { 0 };
    large = mem_alloc(LARGE);
    memset(large, 'x', LARGE);
    struct serve *s = serve_new(STR("127.0.0.1:0"), on_metrics, NULL, &err);
    ck_assert_msg(s != NULL, "%s", err.msg);
    port = serve_port(s);
    server = fork();
    if (!server) _exit(serve_run(s, NULL) != 0);
    serve_free(s);
    char body[16]; /* once it answers, it also takes signals */
    ck_assert_int_eq(ask("GET /healthz HTTP/1.1\r\n\r\n", body, sizeof body), 200);
}

static void tear_down(void)
{
    int status = -1;
    kill(server, SIGTERM);
    ck_assert_int_eq(waitpid(server, &status, 0), server);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the server ended with %d", status);
    free(large);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

START_TEST(only_its_two_pages_are_served)
{
    char body[256];
    ck_assert_int_eq(ask(GET("/healthz"), body, sizeof body), 200);
    ck_assert_str_eq(body, "OK\n");
    ck_assert_int_eq(ask(GET("/healthz?x=1"), body, sizeof body), 200);
    ck_assert_int_eq(ask(GET("/"), body, sizeof body), 404);
    ck_assert_int_eq(ask(GET("/metricsx"), body, sizeof body), 404);
    ck_assert_int_eq(ask("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", body, sizeof body), 405);
}
END_TEST

START_TEST(what_is_no_request_is_refused_and_the_connection_closed)
{
    static const char *const bad[] = {
        "GET /healthz\r\n\r\n",
        "GET /healthz HTTP/2.0\r\n\r\n",
        "GET healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1 x\r\n\r\n",
        "\x01\x02\x03\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        "GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    char body[256], rest;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int fd = client();
        say(fd, bad[i]);
        ck_assert_msg(hear(fd, body, sizeof body) == 400, "%s", bad[i]);
        ck_assert_int_le(recv(fd, &rest, 1, 0), 0);
        close(fd);
    }
}
END_TEST

START_TEST(a_head_without_end_is_refused)
{
    char body[256], junk[5000];
    memset(junk, 'a', sizeof junk);
    junk[4096] = 0;
    ck_assert_int_eq(ask(junk, body, sizeof body), 431);
}
END_TEST

START_TEST(requests_follow_each_other_on_one_connection)
{
    char body[256];
    int fd = client();
    say(fd, GET("/healthz") GET("/nope") "GET /heal");
    ck_assert_int_eq(hear(fd, body, sizeof body), 200);
    ck_assert_int_eq(hear(fd, body, sizeof body), 404);
    say(fd, "thz HTTP/1.1\r\nConnection: close\r\n\r\n");
    ck_assert_int_eq(hear(fd, body, sizeof body), 200);
    ck_assert_int_eq(hear(fd, body, sizeof body), 0);
    close(fd);
}
END_TEST

START_TEST(a_slow_reader_gets_its_own_text_while_others_are_served)
{
    char small[64], *body = mem_alloc(LARGE + 1);
    int slow = client();
    say(slow, GET("/metrics"));
    char first;
    ck_assert_int_eq(recv(slow, &first, 1, MSG_PEEK), 1); /* its answer has begun */
    ck_assert_int_eq(ask(GET("/metrics"), small, sizeof small), 200);
    ck_assert_str_eq(small, "scrape 2\n");
    ck_assert_int_eq(hear(slow, body, LARGE + 1), 200);
    ck_assert_uint_eq(strspn(body, "x"), LARGE);
    close(slow);
    free(body);
}
END_TEST

START_TEST(idle_connections_cannot_lock_others_out)
{
    int idle[40];
    char body[256];
    for (unsigned i = 0; i < 40; i++) idle[i] = client();
    ck_assert_int_eq(ask(GET("/healthz"), body, sizeof body), 200);
    ck_assert_int_eq(recv(idle[0], body, 1, 0), 0); /* the one that was quiet longest made room */
    for (unsigned i = 0; i < 40; i++) close(idle[i]);
}
END_TEST

START_TEST(an_address_must_be_numeric_and_free)
{
    static const char *const bad[] = {
        "", "127.0.0.1", "localhost:80", "127.0.0.1:65536", "127.0.0.1:x", "::1:80", "[::1:80"
    };
    char text[32];
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = { 0 };
        ck_assert_ptr_null(serve_new(str_of(bad[i]), on_metrics, NULL, &err));
        ck_assert_int_eq(err.code, ERR_CONFIG);
    }
    struct err err = { 0 };
    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    ck_assert_ptr_null(serve_new(str_of(text), on_metrics, NULL, &err));
    ck_assert_int_eq(err.code, ERR_IO);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("collector/serve");
    TCase *tc = tcase_create("serve");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, only_its_two_pages_are_served);
    tcase_add_test(tc, what_is_no_request_is_refused_and_the_connection_closed);
    tcase_add_test(tc, a_head_without_end_is_refused);
    tcase_add_test(tc, requests_follow_each_other_on_one_connection);
    tcase_add_test(tc, a_slow_reader_gets_its_own_text_while_others_are_served);
    tcase_add_test(tc, idle_connections_cannot_lock_others_out);
    tcase_add_test(tc, an_address_must_be_numeric_and_free);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
