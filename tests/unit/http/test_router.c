/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/router.h"
#include <check.h>
#include <stdlib.h>

#define R(i, m, p) { .id = i, .method = m, .path = p }
static const struct route routes[] = {
    R("list", HTTP_GET, "/tasks"),         R("make", HTTP_POST, "/tasks"),
    R("get", HTTP_GET, "/tasks/{id}"),     R("queue", HTTP_GET, "/tasks/queue"),
    R("del", HTTP_DELETE, "/tasks/{id}"),  R("log", HTTP_GET, "/tasks/{id}/log/{line}"),
    R("deep", HTTP_GET, "/tasks/queue/depth"), R("root", HTTP_GET, "/"),
};
static struct router *router;
static struct router_match m;

static void setup(void)
{
    router = router_new(routes, sizeof routes / sizeof *routes, NULL);
    ck_assert_ptr_nonnull(router);
}

static void teardown(void)
{
    router_free(router);
}

static const char *match(unsigned method, const char *path)
{
    struct gate_target t;
    ck_assert_int_eq(gate_target(str_of(path), NULL, &t, NULL), 0);
    router_match(router, &t, method, &m);
    return m.route ? m.route->id : m.methods ? "405" : "404";
}

START_TEST(paths_find_their_routes)
{
    ck_assert_str_eq(match(HTTP_GET, "/tasks"), "list");
    ck_assert_str_eq(match(HTTP_POST, "/tasks"), "make");
    ck_assert_str_eq(match(HTTP_GET, "/"), "root");
    ck_assert_str_eq(match(HTTP_GET, "/tasks/7"), "get");
    ck_assert(m.n_params == 1 && str_eqz(m.param[0], "7") && str_eqz(m.param_name[0], "id"));
    ck_assert_str_eq(match(HTTP_GET, "/tasks/7/log/9"), "log");
    ck_assert(m.n_params == 2 && str_eqz(m.param[1], "9") && str_eqz(m.param_name[1], "line"));
}
END_TEST

START_TEST(a_literal_beats_a_parameter_and_steps_back)
{
    ck_assert_str_eq(match(HTTP_GET, "/tasks/queue"), "queue");
    ck_assert_str_eq(match(HTTP_GET, "/tasks/queue/depth"), "deep");
    ck_assert_str_eq(match(HTTP_GET, "/tasks/queue/log/1"), "log");
    ck_assert(str_eqz(m.param[0], "queue"));
}
END_TEST

START_TEST(unknown_paths_and_methods_differ)
{
    ck_assert_str_eq(match(HTTP_GET, "/task"), "404");
    ck_assert_str_eq(match(HTTP_GET, "/tasks/7/log"), "404");
    ck_assert_str_eq(match(HTTP_GET, "/tasks/7/log/9/x"), "404");
    ck_assert_str_eq(match(HTTP_PUT, "/tasks"), "405");
    char allow[40];
    ck_assert_str_eq(router_allow(m.methods, allow), "GET, HEAD, POST");
    ck_assert_str_eq(match(0, "/tasks/7"), "405");
    ck_assert_str_eq(router_allow(m.methods, allow), "GET, HEAD, DELETE");
    ck_assert_str_eq(router_allow(15, allow), "GET, HEAD, POST, PUT, DELETE");
}
END_TEST

START_TEST(tables_that_contradict_themselves_are_refused)
{
    static const struct route twice[] = { R("a", HTTP_GET, "/x/{a}"), R("b", HTTP_GET, "/x/{b}") };
    static const struct route many[] = { R("a", HTTP_GET, "/{a}/{b}/{c}/{d}") };
    static const struct route relative[] = { R("a", HTTP_GET, "x") };
    struct err err = { 0 };
    ck_assert_ptr_null(router_new(twice, 2, &err));
    ck_assert_int_eq(err.code, ERR_CONFIG);
    ck_assert_ptr_null(router_new(many, 1, &err));
    ck_assert_ptr_null(router_new(relative, 1, &err));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("router");
    TCase *t = tcase_create("router");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, paths_find_their_routes);
    tcase_add_test(t, a_literal_beats_a_parameter_and_steps_back);
    tcase_add_test(t, unknown_paths_and_methods_differ);
    tcase_add_test(t, tables_that_contradict_themselves_are_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
