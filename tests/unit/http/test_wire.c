/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/wire.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/str.h"

static const struct wire_limits limits = { .max_head = 400, .max_lines = 10, .max_body = 100 };
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct good {
    struct str bytes;
    unsigned requests;
    bool in_request; /* something has begun that is not complete */
} good[] = {
    { STR(""), 0, false },
    { STR("G"), 0, true },
    { STR(GET "\r\n"), 1, false },
    { STR("GET / HTTP/1.0\r\n\r\n"), 1, false },
    { STR(GET "\r\n" GET "\r\n" GET "\r\n"), 3, false },
    { STR("OPTIONS /a?b=%20c HTTP/1.1\r\nX-Y_z!#: \t v \x80\xff\t\r\nEmpty:\r\n\r\n"), 1, false },
    { STR(POST "Content-Length: 3\r\n\r\nab"), 0, true },
    { STR(POST "Content-Length: 3\r\n\r\nabc"), 1, false },
    { STR(POST "content-LENGTH:  \t3 \r\n\r\n\n\0\r"), 1, false },
    { STR(POST "Content-Length: 0\r\n\r\n" GET "\r\n"), 2, false },
    { STR(POST "Content-Length: 100\r\n\r\n"), 0, true },
    { STR(POST "Content-Length: 003\r\n\r\nabc"), 1, false },
    { STR(GET "Content-Length: 0\r\n\r\n"), 1, false },
    { STR(CHUNKED "3\r\nabc\r\n0\r\n\r\n"), 1, false },
    { STR(CHUNKED "A\r\n0123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n" GET "\r\n"), 2, false },
    { STR(CHUNKED "00000003\r\nabc\r\n0\r\n"), 0, true },
    { STR(POST "Transfer-Encoding: Chunked \r\n\r\n0\r\n\r\n"), 1, false },
    { STR(POST "X-Content-Length: 9\r\nContent-Length2: +8\r\n\r\n"), 1, false },
};

static const struct bad {
    struct str bytes;
    int32_t code;
    const char *why; /* part of the reason */
} bad[] = {
    { STR("GET / HTTP/1.1\nHost: a\n\n"), ERR_INVAL, "bare LF" },
    { STR("GET / HTTP/1.1\r\nHost: a\n\r\n"), ERR_INVAL, "bare LF" },
    { STR(GET "\n"), ERR_INVAL, "bare LF" },
    { STR("GET / HTTP/1.1\r\nHost: a\r \n\r\n"), ERR_INVAL, "bare CR" },
    { STR(GET "\r\r"), ERR_INVAL, "bare CR" },
    { STR(GET "X: a\r\n b\r\n\r\n"), ERR_INVAL, "folded" },
    { STR(GET "X: a\r\n\tb\r\n\r\n"), ERR_INVAL, "folded" },
    { STR("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), ERR_INVAL, "folded" },
    { STR(GET "X: a\0b\r\n\r\n"), ERR_INVAL, "NUL" },
    { STR(GET "X\0: a\r\n\r\n"), ERR_INVAL, "NUL" },
    { STR("GET /\0 HTTP/1.1\r\n\r\n"), ERR_INVAL, "NUL" },
    { STR(GET "X: a\x01\r\n\r\n"), ERR_INVAL, "control" },
    { STR(GET "X: a\x7f\r\n\r\n"), ERR_INVAL, "control" },
    { STR(GET "Y : q\r\n\r\n"), ERR_INVAL, "token" },
    { STR(GET ": q\r\n\r\n"), ERR_INVAL, "token" },
    { STR(GET "nonsense\r\n\r\n"), ERR_INVAL, "token" },
    { STR(GET "X(y): q\r\n\r\n"), ERR_INVAL, "token" },
    { STR("\r\n" GET "\r\n"), ERR_INVAL, "method" },
    { STR(" GET / HTTP/1.1\r\n\r\n"), ERR_INVAL, "method" },
    { STR("GET  / HTTP/1.1\r\n\r\n"), ERR_INVAL, "path" },
    { STR("GET http://evil/ HTTP/1.1\r\n\r\n"), ERR_INVAL, "path" },
    { STR("OPTIONS * HTTP/1.1\r\n\r\n"), ERR_INVAL, "path" },
    { STR("CONNECT a:80 HTTP/1.1\r\n\r\n"), ERR_INVAL, "path" },
    { STR("GET /\xc3\xa4 HTTP/1.1\r\n\r\n"), ERR_INVAL, "percent" },
    { STR("GET /a b HTTP/1.1\r\n\r\n"), ERR_INVAL, "version" },
    { STR("GET /\r\n"), ERR_INVAL, "percent" },
    { STR("GET / HTTP/2.0\r\n\r\n"), ERR_INVAL, "version" },
    { STR("GET / HTTP/1.10\r\n\r\n"), ERR_INVAL, "version" },
    { STR("GET / http/1.1\r\n\r\n"), ERR_INVAL, "version" },
    { STR("GET / HTTP/1.1 \r\n\r\n"), ERR_INVAL, "version" },
    { STR(POST "Content-Length: 3\r\nContent-Length: 5\r\n\r\n"), ERR_INVAL, "two Content-Length" },
    { STR(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"), ERR_INVAL, "two Content-Length" },
    { STR(POST "Content-Length: 3, 3\r\n\r\n"), ERR_INVAL, "digits" },
    { STR(POST "Content-Length: +3\r\n\r\n"), ERR_INVAL, "digits" },
    { STR(POST "Content-Length: -3\r\n\r\n"), ERR_INVAL, "digits" },
    { STR(POST "Content-Length: 0x3\r\n\r\n"), ERR_INVAL, "digits" },
    { STR(POST "Content-Length: 3 3\r\n\r\n"), ERR_INVAL, "digits" },
    { STR(POST "Content-Length: \r\n\r\n"), ERR_INVAL, "digits" },
    { STR(POST "Content-Length: 18446744073709551616\r\n\r\n"), ERR_INVAL, "digits" },
    { STR(POST "Content-Length: 0000000000000000000000000000003\r\n\r\n"), ERR_INVAL, "digits" },
    { STR(POST "Content-Length: 18446744073709551615\r\n\r\n"), ERR_LIMIT, "body" },
    { STR(POST "Content-Length: 101\r\n\r\n"), ERR_LIMIT, "body" },
    { STR(GET "Content-Length: 3\r\n\r\n"), ERR_INVAL, "no body" },
    { STR("HEAD / HTTP/1.1\r\nContent-Length: 3\r\n\r\n"), ERR_INVAL, "no body" },
    { STR(GET "Transfer-Encoding: chunked\r\n\r\n"), ERR_INVAL, "no body" },
    { STR(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), ERR_UNSUPPORTED, "chunked" },
    { STR(POST "Transfer-Encoding: xchunked\r\n\r\n"), ERR_UNSUPPORTED, "chunked" },
    { STR(POST "Transfer-Encoding: identity\r\n\r\n"), ERR_UNSUPPORTED, "chunked" },
    { STR(POST "Transfer-Encoding:\r\n\r\n"), ERR_UNSUPPORTED, "chunked" },
    { STR(POST "Transfer-Encoding: chunked and a long tail of words\r\n\r\n"), ERR_UNSUPPORTED, "chunked" },
    { STR(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), ERR_INVAL,
      "two Transfer" },
    { STR(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), ERR_INVAL, "beside" },
    { STR(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), ERR_INVAL, "beside" },
    { STR("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), ERR_INVAL, "HTTP/1.0" },
    { STR(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "+3\r\nabc\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED " 3\r\nabc\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "3 \r\nabc\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "3;a=b\r\nabc\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "\r\nabc\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "3\nabc\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "3\r\nabcd\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "3\r\nabc\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "000000003\r\nabc\r\n0\r\n\r\n"), ERR_INVAL, "chunk" },
    { STR(CHUNKED "ffffffff\r\n"), ERR_LIMIT, "body" },
    { STR(CHUNKED "3\r\nabc\r\n62\r\n"), ERR_LIMIT, "body" },
    { STR(CHUNKED "3\r\nabc\r\n0\r\nX-Admin: 1\r\n\r\n"), ERR_INVAL, "trailer" },
    { STR(GET "a:\r\nb:\r\nc:\r\nd:\r\ne:\r\nf:\r\ng:\r\nh:\r\ni:\r\nj:\r\n\r\n"), ERR_LIMIT,
      "header lines" },
};

/* Feed in portions of @p step bytes. */
static struct wire feed(struct str s, size_t step)
{
    struct wire w = { 0 };
    for (size_t i = 0; i < s.n; i += step) {
        size_t n = s.n - i < step ? s.n - i : step;
        if (!wire_feed(&w, &limits, s.p + i, n))
            break;
    }
    return w;
}

START_TEST(good_requests_pass_in_any_portions)
{
    const struct good *g = &good[_i];
    for (size_t step = 1; step <= g->bytes.n + 1; step++) {
        struct wire w = feed(g->bytes, step);
        ck_assert_msg(w.code == 0, "in portions of %zu: %s", step, w.why ? w.why : "");
        ck_assert_uint_eq(w.complete, g->requests);
        ck_assert(wire_in_request(&w) == g->in_request);
    }
}
END_TEST

START_TEST(bad_requests_are_refused_in_any_portions)
{
    const struct bad *b = &bad[_i];
    for (size_t step = 1; step <= b->bytes.n; step++) {
        struct wire w = feed(b->bytes, step);
        ck_assert_msg(w.code == b->code, "%.*s: code %d", (int)b->bytes.n, b->bytes.p, w.code);
        ck_assert_msg(strstr(w.why, b->why) != NULL, "%.*s: %s", (int)b->bytes.n, b->bytes.p, w.why);
        ck_assert_uint_eq(w.complete, 0);
    }
}
END_TEST

START_TEST(a_refused_connection_stays_refused)
{
    struct wire w = { 0 };
    ck_assert(!wire_feed(&w, &limits, "\n", 1));
    ck_assert(!wire_feed(&w, &limits, GET "\r\n", sizeof GET + 1));
    ck_assert_uint_eq(w.complete, 0);
}
END_TEST

START_TEST(a_good_request_before_a_bad_one_counts)
{
    struct wire w = feed(STR(GET "\r\n" "BAD\n"), 1000);
    ck_assert_int_eq(w.code, ERR_INVAL);
    ck_assert_uint_eq(w.complete, 1);
}
END_TEST

START_TEST(the_head_may_have_exactly_its_limit)
{
    char text[512];
    for (int extra = 0; extra < 2; extra++) {
        int pad = (int)(limits.max_head - strlen(GET "X: \r\n\r\n")) + extra;
        int n = snprintf(text, sizeof text, GET "X: %0*d\r\n\r\n", pad, 0);
        ck_assert_int_eq(n, (int)limits.max_head + extra);
        struct wire w = feed((struct str){ text, (size_t)n }, 7);
        ck_assert_int_eq(w.code, extra ? ERR_LIMIT : 0);
        ck_assert_int_eq(w.complete, extra ? 0 : 1);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("wire");
    TCase *t = tcase_create("wire");
    tcase_add_loop_test(t, good_requests_pass_in_any_portions, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(t, bad_requests_are_refused_in_any_portions, 0, sizeof bad / sizeof *bad);
    tcase_add_test(t, a_refused_connection_stays_refused);
    tcase_add_test(t, a_good_request_before_a_bad_one_counts);
    tcase_add_test(t, the_head_may_have_exactly_its_limit);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
