/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/wire.h"
#include <stdio.h>
#include "core/base/clock.h"
#include "tests/unit/unit.h"

enum { BODY_MAX = 1000 };
static struct answer a;

static enum wire parse(const char *text)
{
    return answer_parse(str_of(text), BODY_MAX, &a);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define assert_bad(text) ck_assert_msg(parse(text) == WIRE_BAD, "taken: %s", text)

START_TEST(an_answer_is_whole_at_its_last_byte_and_not_before)
{
    static const char text[] = OK "Content-Length: 7\r\nX-Other:\r\nRetry-After: 3\r\n\r\n[1,\r\n2]";
    size_t n = sizeof text - 1;
    for (size_t i = 1; i < n; i++) {
        char *part = malloc(i); /* a sanitizer sees a look past its end */
        ck_assert_ptr_nonnull(part);
        memcpy(part, text, i);
        ck_assert_msg(answer_parse((struct str){ part, i }, BODY_MAX, &a) == WIRE_MORE, "at byte %zu", i);
        free(part);
    }
    ck_assert_int_eq(parse(text), WIRE_DONE);
    ck_assert_uint_eq(a.total, n);
    ck_assert(str_eqz(a.body, "[1,\r\n2]"));
    ck_assert_int_eq(a.status, 200);
    ck_assert_int_eq(a.retry_after_ns, 3 * NS_PER_S);
}
END_TEST

START_TEST(what_follows_an_answer_is_not_a_part_of_it)
{
    ck_assert_int_eq(parse(OK "content-length:2\r\n\r\n[]HTTP/1.1 204 No Content\r\n\r\n"), WIRE_DONE);
    ck_assert(str_eqz(a.body, "[]"));
    ck_assert_uint_eq(a.total, strlen(OK "content-length:2\r\n\r\n[]"));
}
END_TEST

START_TEST(an_answer_without_content_ends_with_its_head)
{
    ck_assert_int_eq(parse("HTTP/1.1 204 No Content\r\n\r\n"), WIRE_DONE);
    ck_assert_uint_eq(a.body.n, 0);
    ck_assert_int_eq(parse("HTTP/1.1 304\r\nContent-Length: 50\r\n\r\n"), WIRE_DONE);
    ck_assert_uint_eq(a.body.n, 0);
    ck_assert_int_eq(a.status, 304);
}
END_TEST

START_TEST(bodies_of_unknown_length_are_refused)
{
    assert_bad(OK "\r\n");
    assert_bad(OK "Content-Length : 2\r\n\r\n[]");
    assert_bad(OK "Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n");
    assert_bad(OK "Content-Length: 2\r\ntransfer-encoding: identity\r\n\r\n[]");
}
END_TEST

START_TEST(lengths_that_are_no_length_are_refused)
{
    static const char *const lengths[] = { "", "-1", "-0", "+2", "0x2", "2;", "2,2", "2.0", "1e1", "two",
                                           "18446744073709551618", "99999999999999999999999" };
    char text[200];
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        snprintf(text, sizeof text, OK "Content-Length: %s\r\n\r\n[]", lengths[i]);
        assert_bad(text);
    }
}
END_TEST

START_TEST(bodies_are_limited_before_they_arrive)
{
    ck_assert_int_eq(parse(OK "Content-Length: 1000\r\n\r\n"), WIRE_MORE);
    assert_bad(OK "Content-Length: 1001\r\n\r\n");
    assert_bad(OK "Content-Length: 18446744073709551615\r\n\r\n");
}
END_TEST

START_TEST(two_lengths_must_be_the_same)
{
    ck_assert_int_eq(parse(OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]"), WIRE_DONE);
    assert_bad(OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]");
    assert_bad(OK "Content-Length: 0\r\nContent-Length: 2\r\n\r\n[]");
    assert_bad(OK "Content-Length: x\r\nContent-Length: 2\r\n\r\n[]");
}
END_TEST

START_TEST(what_is_no_http_is_refused_at_the_first_byte_that_shows_it)
{
    assert_bad("x");
    assert_bad("HTTP/2");
    assert_bad("HTTP/1x");
    assert_bad(" HTTP/1.1 200 OK\r\n");
    assert_bad("SSH-2.0-OpenSSH_9.2\r\n");
    ck_assert_int_eq(answer_parse((struct str){ "\0\0", 2 }, BODY_MAX, &a), WIRE_BAD);
    ck_assert_int_eq(parse("H"), WIRE_MORE);
    ck_assert_int_eq(parse("HTTP/1."), WIRE_MORE);
}
END_TEST

START_TEST(status_lines_are_read_exactly)
{
    static const char *const bad[] = { "HTTP/1.1",         "HTTP/1.1 20",      "HTTP/1.1  200 OK",
                                       "HTTP/1.1 2000 OK", "HTTP/1.1 -20 OK",  "HTTP/1.1 abc",
                                       "HTTP/1.1 100 Go",  "HTTP/1.1 600 Odd", "HTTP/1.10 200 OK" };
    char text[100];
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "%s\r\nContent-Length: 0\r\n\r\n", bad[i]);
        assert_bad(text);
    }
    ck_assert_int_eq(parse("HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n"), WIRE_DONE);
    ck_assert_int_eq(a.status, 599);
}
END_TEST

START_TEST(a_line_without_a_colon_is_no_header)
{
    assert_bad(OK "Content-Length: 0\r\nnonsense\r\n\r\n");
    assert_bad(OK "Content-Length: 0\r\n folded\r\n\r\n");
}
END_TEST

/* A head of @p n bytes before its empty line. */
static enum wire parse_head_of(size_t n, bool is_whole)
{
    static const char start[] = OK "Content-Length: 0\r\nX: ";
    char *text = malloc(n + 4);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', n);
    memcpy(text, start, sizeof start - 1);
    memcpy(text + n, "\r\n\r\n", 4);
    enum wire got = answer_parse((struct str){ text, is_whole ? n + 4 : n }, BODY_MAX, &a);
    free(text);
    return got;
}

START_TEST(heads_are_limited)
{
    ck_assert_int_eq(parse_head_of(WIRE_HEAD_MAX, true), WIRE_DONE);
    ck_assert_int_eq(parse_head_of(WIRE_HEAD_MAX, false), WIRE_MORE);
    ck_assert_int_eq(parse_head_of(WIRE_HEAD_MAX + 1, true), WIRE_BAD);
    ck_assert_int_eq(parse_head_of(WIRE_HEAD_MAX + 1, false), WIRE_BAD);
}
END_TEST

START_TEST(the_server_says_when_it_hangs_up)
{
    ck_assert_int_eq(parse("HTTP/1.1 204 x\r\n\r\n"), WIRE_DONE);
    ck_assert(!a.closes);
    ck_assert_int_eq(parse("HTTP/1.1 204 x\r\nconnection: Close\r\n\r\n"), WIRE_DONE);
    ck_assert(a.closes);
    ck_assert_int_eq(parse("HTTP/1.0 204 x\r\n\r\n"), WIRE_DONE);
    ck_assert(a.closes);
    ck_assert_int_eq(parse("HTTP/1.0 204 x\r\nConnection: keep-alive\r\n\r\n"), WIRE_DONE);
    ck_assert(!a.closes);
}
END_TEST

static void assert_waits(const char *retry, const char *interval, int64_t retry_ns, int64_t interval_ns)
{
    char text[200];
    snprintf(text, sizeof text,
             "HTTP/1.1 204 x\r\nRetry-After: %s\r\nX-Phoenix-Heartbeat-Interval: %s\r\n\r\n", retry,
             interval);
    ck_assert_int_eq(parse(text), WIRE_DONE);
    ck_assert_int_eq(a.retry_after_ns, retry_ns);
    ck_assert_int_eq(a.interval_ns, interval_ns);
}

START_TEST(times_that_the_server_asks_for_are_bounded_or_left_out)
{
    assert_waits("1", "15s", NS_PER_S, 15 * NS_PER_S);
    assert_waits("999999999999", "50ms", 86400 * NS_PER_S, 50 * NS_PER_MS);
    assert_waits("-1", "49ms", 0, 0);
    assert_waits("Wed, 21 Oct 2015 07:28:00 GMT", "1h", 0, 3600 * NS_PER_S);
    assert_waits("99999999999999999999999", "1h1s", 0, 0);
    assert_waits("", "never", 0, 0);
}
END_TEST

UNIT_MAIN("swarm/wire", an_answer_is_whole_at_its_last_byte_and_not_before,
          what_follows_an_answer_is_not_a_part_of_it, an_answer_without_content_ends_with_its_head,
          bodies_of_unknown_length_are_refused, lengths_that_are_no_length_are_refused,
          bodies_are_limited_before_they_arrive, two_lengths_must_be_the_same,
          what_is_no_http_is_refused_at_the_first_byte_that_shows_it, status_lines_are_read_exactly,
          a_line_without_a_colon_is_no_header, heads_are_limited, the_server_says_when_it_hangs_up,
          times_that_the_server_asks_for_are_bounded_or_left_out)
