/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/gate.h"
#include <check.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <sys/queue.h>

static struct evkeyvalq headers;
static struct arena *arena;

static void setup(void)
{
    TAILQ_INIT(&headers);
    arena = arena_new();
}

static void teardown(void)
{
    evhttp_clear_headers(&headers);
    arena_free(arena);
}

START_TEST(each_header_that_must_stand_once_is_refused_twice)
{
    static const char *const names[] = { "Host", "authorization", "Content-Type", "Content-Encoding",
                                         "Content-Length", "X-Agent-Host-ID", "If-Match",
                                         "Idempotency-Key", "X-Request-ID", "Connection" };
    struct gate_headers h;
    struct err err = { 0 };
    evhttp_add_header(&headers, "Host", "a");
    if (_i > 0)
        evhttp_add_header(&headers, names[_i], "x");
    ck_assert_int_eq(gate_headers(&headers, true, &h, &err), 0);
    evhttp_add_header(&headers, names[_i], "x");
    ck_assert_int_eq(gate_headers(&headers, true, &h, &err), ERR_INVAL);
}
END_TEST

START_TEST(host_is_demanded_in_http_1_1_only)
{
    struct gate_headers h;
    struct err err = { 0 };
    evhttp_add_header(&headers, "Accept", "a");
    evhttp_add_header(&headers, "Accept", "b"); /* lists may stand twice */
    ck_assert_int_eq(gate_headers(&headers, true, &h, &err), ERR_INVAL);
    ck_assert_int_eq(gate_headers(&headers, false, &h, &err), 0);
    evhttp_add_header(&headers, "hOST", "a:80");
    ck_assert_int_eq(gate_headers(&headers, true, &h, &err), 0);
    ck_assert_str_eq(h.host, "a:80");
    ck_assert_ptr_null(h.authorization);
}
END_TEST

START_TEST(targets_are_split_and_decoded_once)
{
    struct gate_target t;
    ck_assert_int_eq(gate_target(STR("/"), NULL, &t, NULL), 0);
    ck_assert_uint_eq(t.n, 0);
    ck_assert_int_eq(gate_target(STR("/a/b?c=d?e"), NULL, &t, NULL), 0);
    ck_assert_uint_eq(t.n, 2);
    ck_assert(str_eqz(t.segment[1], "b") && str_eqz(t.query, "c=d?e"));
    ck_assert_int_eq(gate_target(STR("/%61%2520/%C3%a4"), arena, &t, NULL), 0);
    ck_assert(str_eqz(t.segment[0], "a%20") && str_eqz(t.segment[1], "\xc3\xa4"));
    ck_assert_int_eq(gate_target(STR("/..."), NULL, &t, NULL), 0);
}
END_TEST

static const char *const bad_targets[] = {
    "", "*", "http://evil/", "a", "//evil", "/a//b", "/a/", "/.", "/..", "/a/../b", "/a/./b", "/%2e%2e/x",
    "/%2E", "/a%2fb", "/a%5cb", "/a\\b", "/%00", "/a%0d%0a", "/%7f", "/%", "/%2", "/%zz", "/%ff", "/%c0%af",
    "/%ed%a0%80", "/a#b", "/a\x01",
};
START_TEST(targets_that_mean_two_things_are_refused)
{
    struct gate_target t;
    struct err err = { 0 };
    ck_assert_int_eq(gate_target(str_of(bad_targets[_i]), arena, &t, &err), ERR_INVAL);
}
END_TEST

START_TEST(a_path_may_be_as_deep_as_the_limit)
{
    char path[64] = "";
    struct gate_target t;
    for (int i = 0; i < LIMIT_HTTP_SEGMENTS; i++)
        memcpy(path + 2 * i, "/a", 3);
    ck_assert_int_eq(gate_target(str_of(path), NULL, &t, NULL), 0);
    memcpy(path + 2 * LIMIT_HTTP_SEGMENTS, "/a", 3);
    ck_assert_int_eq(gate_target(str_of(path), NULL, &t, NULL), ERR_NOTFOUND);
}
END_TEST

START_TEST(queries_are_decoded)
{
    struct gate_param p[LIMIT_HTTP_QUERY];
    unsigned n = 0;
    ck_assert_int_eq(gate_query(STR("a=1&b=x+y%26&&c&d=e=f"), arena, p, &n, NULL), 0);
    ck_assert_uint_eq(n, 4);
    ck_assert_str_eq(p[0].value, "1");
    ck_assert_str_eq(p[1].value, "x y&");
    ck_assert_str_eq(p[2].value, "");
    ck_assert_str_eq(p[3].value, "e=f");
}
END_TEST

static const char *const bad_queries[] = { "a=%00", "a=%0a", "a=%", "%ff=1", "=1", "a=1&a=2", "a=1&%61=2" };
START_TEST(bad_queries_are_refused)
{
    struct gate_param p[LIMIT_HTTP_QUERY];
    unsigned n = 0;
    ck_assert_int_eq(gate_query(str_of(bad_queries[_i]), arena, p, &n, NULL), ERR_INVAL);
}
END_TEST

START_TEST(a_query_may_have_as_many_parameters_as_the_limit)
{
    struct gate_param p[LIMIT_HTTP_QUERY];
    char text[LIMIT_HTTP_QUERY * 4 + 8];
    unsigned n = 0;
    size_t len = 0;
    for (int i = 0; i <= LIMIT_HTTP_QUERY; i++) {
        text[len++] = (char)('a' + i / 26);
        text[len++] = (char)('a' + i % 26);
        text[len++] = '&';
        int rc = gate_query((struct str){ text, len }, arena, p, &n, NULL);
        ck_assert_int_eq(rc, i < LIMIT_HTTP_QUERY ? 0 : ERR_INVAL);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gate");
    TCase *t = tcase_create("gate");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, each_header_that_must_stand_once_is_refused_twice, 0, 10);
    tcase_add_test(t, host_is_demanded_in_http_1_1_only);
    tcase_add_test(t, targets_are_split_and_decoded_once);
    tcase_add_loop_test(t, targets_that_mean_two_things_are_refused, 0,
                        sizeof bad_targets / sizeof *bad_targets);
    tcase_add_test(t, a_path_may_be_as_deep_as_the_limit);
    tcase_add_test(t, queries_are_decoded);
    tcase_add_loop_test(t, bad_queries_are_refused, 0, sizeof bad_queries / sizeof *bad_queries);
    tcase_add_test(t, a_query_may_have_as_many_parameters_as_the_limit);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
