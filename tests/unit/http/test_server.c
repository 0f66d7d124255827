/* SPDX-License-Identifier: Apache-2.0 */
/* A server and its clients on one loop: what needs a look inside. test_http_gate.py has the rest. */
#include <arpa/inet.h>
#include <check.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/http/http.h"
#include "core/http/listen.h"

#define PARKED 2500
#define POLL "GET /wait HTTP/1.1\r\nHost: a\r\nUser-Agent: phoenix-agent/0.1.0\r\nAccept: */*\r\n" \
             "X-Agent-Host-ID: host-000001\r\nX-Request-ID: 0198a3de-7b5c-7000-8000-000000000001\r\n\r\n"

static struct loop *loop;
static struct http_server *server;
static struct request *held[PARKED];
static unsigned n_held, n_gone, target;

static void on_gone(void *arg)
{
    struct request **slot = arg;
    *slot = NULL;
    if (++n_gone == target)
        loop_stop(loop);
}

static void on_wait(struct request *rq)
{
    ck_assert_str_eq(request_host_id(rq), "host-000001");
    ck_assert_ptr_nonnull(request_header(rq, "user-agent"));
    (void)arena_alloc(request_arena(rq), 5000); /* parking gives it back */
    held[n_held] = rq;
    request_park(rq, on_gone, &held[n_held]);
    ck_assert_ptr_null(request_header(rq, "user-agent"));
    ck_assert_str_eq(request_host_id(rq), "host-000001");
    if (++n_held == target)
        loop_stop(loop);
}

/* Answers later, without having been parked. */
static void on_slow(struct request *rq)
{
    held[n_held++] = rq;
    loop_stop(loop);
}

static void on_big(struct request *rq)
{
    struct buf body CLEANUP_BUF;
    buf_init(&body, 8 << 20);
    memset(buf_room(&body, 4 << 20), 'x', 4 << 20);
    body.len = 4 << 20;
    reply_text(rq, 200, "text/plain", &body);
    loop_stop(loop);
}

static const struct route routes[] = {
    { .id = "wait",
      .method = HTTP_GET,
      .path = "/wait",
      .scope = SCOPE_AGENT,
      .handler = on_wait,
      .status = 200 },
    { .id = "slow", .method = HTTP_GET, .path = "/slow", .handler = on_slow, .status = 200 },
    { .id = "big", .method = HTTP_GET, .path = "/big", .handler = on_big, .status = 200 },
};

static struct http_server *server_on(struct loop *l, int listen_fd)
{
    struct http_conf conf = { .address = "127.0.0.1",
                              .max_body = 65536,
                              .request_timeout_ns = NS_PER_S,
                              .idle_timeout_ns = 75 * NS_PER_S,
                              .max_connections = 10000,
                              .listen_fd = listen_fd,
                              .server_name = "test" };
    struct err err = { 0 };
    struct http_server *s = http_server_new(l, &conf, routes, 3, NULL, &err);
    ck_assert_msg(s != NULL, "%s", err.msg);
    return s;
}

static void setup(void)
{
    n_held = n_gone = target = 0;
    loop = loop_new(NULL);
    server = server_on(loop, 0);
}

static void teardown(void)
{
    http_server_free(server);
    loop_free(loop);
}

static int dial_port(uint16_t port)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
        return fd;
    close(fd);
    return -1;
}

static int dial(void)
{
    int fd = dial_port(http_server_port(server));
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void run(void)
{
    ck_assert_int_eq(loop_run(loop, NULL), 0);
}

static void on_stop(void *arg)
{
    loop_stop(arg);
}

/* One read; the answer must be there already or come from the kernel. */
static const char *hear(int fd)
{
    static char text[65536];
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* As many as descriptors allow, two for each poll. */
static unsigned polls_possible(void)
{
    struct rlimit files;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    return files.rlim_cur > 2 * PARKED + 100 ? PARKED : (unsigned)(files.rlim_cur - 100) / 2;
}

START_TEST(a_parked_poll_holds_at_most_2950_bytes)
{
    static int fds[PARKED];
    unsigned all = polls_possible(), warm = all / 5; /* tables grow with the first */
    target = warm;
    for (unsigned i = 0; i < warm; i++)
        say(fds[i] = dial(), POLL);
    run();
    size_t before = mallinfo2().uordblks;
    target = all;
    for (unsigned i = warm; i < all; i++)
        say(fds[i] = dial(), POLL);
    run();
    /* Under sanitizers and valgrind the C library's heap stays empty: 0, which passes. */
    size_t each = (mallinfo2().uordblks - before) / (all - warm);
    ck_assert_msg(each <= 2950, "%zu bytes of heap for each of %u parked polls", each, all);
    struct http_stats stats;
    http_server_stats(server, &stats);
    ck_assert_uint_eq(stats.connections_open, all);
    ck_assert_uint_eq(http_server_pending(server), all);
    int64_t start = clock_mono();
    for (unsigned i = 0; i < all; i++)
        close(fds[i]);
    run(); /* until all are gone */
    ck_assert_int_lt(clock_mono() - start, NS_PER_S);
    ck_assert_uint_eq(n_gone, all);
    http_server_stats(server, &stats);
    ck_assert_uint_eq(stats.connections_open, 0);
}
END_TEST

START_TEST(a_reset_while_parked_is_noticed)
{
    target = 1;
    int fd = dial();
    say(fd, POLL);
    run();
    struct linger reset = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    run();
    ck_assert_uint_eq(n_gone, 1);
    ck_assert_uint_eq(http_server_pending(server), 0);
}
END_TEST

/* The bytes of the poll wake both events of its connection; the second must not take them for another
 * request and go to sleep until it looks again. */
START_TEST(a_client_that_leaves_its_second_poll_is_noticed_at_once)
{
    int fd = dial();
    target = 1;
    say(fd, POLL);
    run();
    reply_empty(held[0], 204);
    hear(fd);
    target = 2;
    say(fd, POLL);
    run();
    struct timer *t = timer_new(loop, on_stop, loop);
    timer_set(t, 20 * NS_PER_MS); /* whatever is still to be called is called */
    run();
    int64_t start = clock_mono();
    n_gone = 0, target = 1;
    close(fd);
    run();
    ck_assert_uint_eq(n_gone, 1);
    ck_assert_int_lt(clock_mono() - start, 200 * NS_PER_MS);
    timer_free(t);
}
END_TEST

START_TEST(a_connection_is_used_again_after_a_parked_poll)
{
    int fd = dial();
    for (unsigned i = 1; i <= 20; i++) {
        target = i;
        say(fd, POLL);
        run();
        reply_empty(held[i - 1], 204);
        const char *answer = hear(fd);
        ck_assert_msg(strncmp(answer, "HTTP/1.1 204 No Content\r\n", 25) == 0, "%s", answer);
        ck_assert_ptr_nonnull(strstr(answer, "X-Request-ID: 0198a3de-7b5c-7000-8000-000000000001\r\n"));
        ck_assert_ptr_null(strstr(answer, "Connection"));
    }
    close(fd);
}
END_TEST

static int64_t cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

START_TEST(a_poll_that_is_sent_behind_a_parked_one_waits_its_turn)
{
    int fd = dial();
    target = 1;
    say(fd, POLL);
    run();
    say(fd, POLL); /* seen once, left where it is */
    struct timer *t = timer_new(loop, on_stop, loop);
    timer_set(t, 200 * NS_PER_MS);
    int64_t before = cpu_ns();
    run();
    ck_assert_int_lt(cpu_ns() - before, 100 * NS_PER_MS); /* nothing spins */
    ck_assert_uint_eq(n_held, 1);
    target = 2;
    reply_empty(held[0], 204);
    run();
    ck_assert_uint_eq(n_held, 2);
    struct linger reset = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    target = 1;
    close(fd);
    run();
    ck_assert_uint_eq(n_gone, 1);
    timer_free(t);
}
END_TEST

START_TEST(an_answer_after_the_client_left_goes_nowhere)
{
    int fd = dial();
    say(fd, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    run();
    struct linger reset = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    reply_empty(held[0], 204);
    struct timer *t = timer_new(loop, on_stop, loop);
    timer_set(t, 20 * NS_PER_MS);
    run();
    struct http_stats stats;
    http_server_stats(server, &stats);
    ck_assert_uint_eq(stats.connections_open, 0);
    timer_free(t);
}
END_TEST

START_TEST(an_answer_after_the_server_is_gone_goes_nowhere)
{
    int fd = dial();
    say(fd, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    run();
    target = 1;
    int parked = dial();
    say(parked, POLL);
    held[1] = NULL;
    target = 2;
    run();
    http_server_free(server);
    server = NULL;
    ck_assert_uint_eq(n_gone, 1); /* the parked one was told */
    reply_empty(held[0], 204);
    close(fd);
    close(parked);
}
END_TEST

START_TEST(a_draining_server_answers_and_closes)
{
    int fd = dial();
    target = 1;
    say(fd, POLL);
    run();
    http_server_drain(server, false);
    ck_assert_uint_eq(http_server_pending(server), 1);
    struct buf body CLEANUP_BUF;
    buf_init(&body, 10);
    buf_adds(&body, "[]");
    reply_json(held[0], 200, &body);
    const char *answer = hear(fd);
    ck_assert_ptr_nonnull(strstr(answer, "\r\nConnection: close\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\n[]"));
    ck_assert_str_eq(hear(fd), "");
    ck_assert_uint_eq(http_server_pending(server), 0);
    close(fd);
}
END_TEST

/* Run until the server has nothing more to wait for; how long that took. */
static int64_t run_drain(struct loop *l, struct http_server *s)
{
    int64_t start = clock_mono();
    struct timer *t = timer_new(l, on_stop, l);
    while (http_server_pending(s) > 0) {
        timer_set(t, 5 * NS_PER_MS);
        ck_assert_int_eq(loop_run(l, NULL), 0);
        ck_assert_int_lt(clock_mono() - start, 5 * NS_PER_S);
    }
    timer_free(t);
    return clock_mono() - start;
}

START_TEST(a_draining_server_waits_for_the_next_request_of_who_has_just_been_answered)
{
    int fd = dial();
    target = 1;
    say(fd, POLL);
    run();
    reply_empty(held[0], 204);
    ck_assert_ptr_null(strstr(hear(fd), "Connection: close"));
    http_server_drain(server, false);
    target = 2;
    say(fd, POLL);
    run();
    reply_empty(held[1], 204);
    ck_assert_ptr_nonnull(strstr(hear(fd), "HTTP/1.1 204"));
    ck_assert_uint_eq(http_server_pending(server), 0);
    close(fd);
}
END_TEST

START_TEST(a_draining_server_closes_its_side_of_quiet_connections_and_resets_nobody)
{
    int fd = dial();
    target = 1;
    say(fd, POLL);
    run();
    reply_empty(held[0], 204);
    ck_assert_ptr_nonnull(strstr(hear(fd), "HTTP/1.1 204"));
    http_server_drain(server, false);
    struct timer *t = timer_new(loop, on_stop, loop);
    timer_set(t, 350 * NS_PER_MS);
    run();
    timer_free(t);
    char c;
    ck_assert_int_eq(read(fd, &c, 1), 0); /* the end, in order */
    say(fd, POLL);                        /* it crossed the end on its way */
    ck_assert_int_lt(run_drain(loop, server), NS_PER_S);
    ck_assert_int_eq(read(fd, &c, 1), 0);
    ck_assert_uint_eq(n_held, 1);
    close(fd);
}
END_TEST

START_TEST(a_draining_server_answers_who_is_in_its_queue_and_then_listens_no_more)
{
    uint16_t port = http_server_port(server);
    int fd = dial();
    say(fd, POLL);
    http_server_drain(server, false);
    target = 1;
    run();
    reply_empty(held[0], 204);
    ck_assert_ptr_nonnull(strstr(hear(fd), "\r\nConnection: close\r\n"));
    run_drain(loop, server);
    ck_assert_int_eq(dial_port(port), -1);
    close(fd);
}
END_TEST

START_TEST(a_socket_that_outlives_the_server_keeps_its_queue_for_the_next_one)
{
    struct err err = { 0 };
    int socket_fd = http_listen("127.0.0.1", 0, true, &err);
    ck_assert_msg(socket_fd >= 0, "%s", err.msg);
    struct loop *other = loop_new(NULL); /* as in another process */
    struct http_server *old = server_on(other, dup(socket_fd));
    uint16_t port = http_server_port(old);
    http_server_drain(old, false);
    int fd = dial_port(port);
    ck_assert_int_ge(fd, 0);
    say(fd, POLL);
    ck_assert_uint_eq(http_server_pending(old), 0);
    http_server_free(old);
    loop_free(other);
    struct http_server *next = server_on(loop, dup(socket_fd));
    ck_assert_uint_eq(http_server_port(next), port);
    target = 1;
    run();
    reply_empty(held[0], 204);
    ck_assert_ptr_nonnull(strstr(hear(fd), "HTTP/1.1 204"));
    http_server_free(next);
    close(socket_fd);
    close(fd);
}
END_TEST

START_TEST(many_may_listen_on_one_port_if_all_say_so)
{
    char address[HTTP_ADDRESS_MAX];
    uint16_t port = 0;
    struct err err = { 0 };
    int a = http_listen("127.0.0.1", 0, true, &err);
    ck_assert(http_listen_name(a, address, &port));
    ck_assert_str_eq(address, "127.0.0.1");
    int b = http_listen("127.0.0.1", port, true, &err);
    ck_assert_msg(b >= 0, "%s", err.msg);
    ck_assert_int_eq(http_listen("127.0.0.1", port, false, &err), ERR_CONFIG);
    ck_assert_int_eq(http_listen("localhost", port, false, &err), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.msg, "no numeric address"));
    close(a);
    close(b);
}
END_TEST

START_TEST(an_answer_that_the_kernel_does_not_take_at_once_arrives_whole)
{
    int fd = dial();
    say(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    run();
    ck_assert_uint_eq(http_server_pending(server), 1); /* some of it is still ours */
    size_t got = 0;
    while (got < (4U << 20)) {
        struct timer *t = timer_new(loop, on_stop, loop);
        timer_set(t, 2 * NS_PER_MS);
        run();
        timer_free(t);
        static char text[1 << 20];
        ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);
        ck_assert(n != 0);
        got += n > 0 ? (size_t)n : 0;
    }
    ck_assert_uint_eq(http_server_pending(server), 0);
    target = 1;
    say(fd, POLL); /* and the connection is still good */
    run();
    close(fd);
}
END_TEST

START_TEST(half_a_request_is_cut_off_at_the_deadline)
{
    int fd = dial();
    say(fd, "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    struct timer *t = timer_new(loop, on_stop, loop);
    timer_every(t, 50 * NS_PER_MS, 50 * NS_PER_MS);
    struct http_stats stats = { 0 };
    int64_t start = clock_mono();
    do {
        run();
        http_server_stats(server, &stats);
    } while (stats.connections_open > 0 || stats.connections_total == 0);
    int64_t took = clock_mono() - start;
    ck_assert_int_gt(took, NS_PER_S / 2);
    ck_assert_int_lt(took, 10 * NS_PER_S);
    timer_free(t);
    close(fd);
}
END_TEST


START_TEST(counters_tell_what_happened)
{
    int fd = dial();
    target = 1;
    say(fd, POLL);
    run();
    reply_empty(held[0], 204);
    say(fd, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    struct timer *t = timer_new(loop, on_stop, loop);
    timer_set(t, 20 * NS_PER_MS);
    run();
    timer_free(t);
    struct http_stats stats;
    http_server_stats(server, &stats);
    ck_assert_uint_eq(stats.requests_total, 2);
    ck_assert_uint_eq(http_route_answers(server, 0, 2), 1);
    ck_assert_uint_gt(http_route_duration_ns(server, 0), 0);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("server");
    TCase *t = tcase_create("server");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_parked_poll_holds_at_most_2950_bytes);
    tcase_add_test(t, a_reset_while_parked_is_noticed);
    tcase_add_test(t, a_client_that_leaves_its_second_poll_is_noticed_at_once);
    tcase_add_test(t, a_connection_is_used_again_after_a_parked_poll);
    tcase_add_test(t, a_poll_that_is_sent_behind_a_parked_one_waits_its_turn);
    tcase_add_test(t, an_answer_after_the_client_left_goes_nowhere);
    tcase_add_test(t, an_answer_after_the_server_is_gone_goes_nowhere);
    tcase_add_test(t, a_draining_server_answers_and_closes);
    tcase_add_test(t, a_draining_server_waits_for_the_next_request_of_who_has_just_been_answered);
    tcase_add_test(t, a_draining_server_closes_its_side_of_quiet_connections_and_resets_nobody);
    tcase_add_test(t, a_draining_server_answers_who_is_in_its_queue_and_then_listens_no_more);
    tcase_add_test(t, a_socket_that_outlives_the_server_keeps_its_queue_for_the_next_one);
    tcase_add_test(t, many_may_listen_on_one_port_if_all_say_so);
    tcase_add_test(t, an_answer_that_the_kernel_does_not_take_at_once_arrives_whole);
    tcase_add_test(t, half_a_request_is_cut_off_at_the_deadline);
    tcase_add_test(t, counters_tell_what_happened);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
