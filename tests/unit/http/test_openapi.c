/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include "core/http/http.h"

static const struct field a_fields[] = { { .name = "name", .kind = F_NAME, .flags = F_REQUIRED },
                                         { .name = NULL } };
static const struct schema a_type = { .name = "a", .fields = a_fields };
static const struct field q_fields[] = {
    { .name = "limit", .kind = F_INT, .min = 1, .max = 9, .help = "at most" }, { .name = NULL }
};
static const struct schema q_type = { .name = "q", .fields = q_fields };
static const struct field no_fields[] = { { .name = NULL } };
static const struct schema none = { .name = "none", .fields = no_fields };
static const struct route routes[] = {
    { .id = "a_get",
      .method = HTTP_GET,
      .path = "/a/{id}",
      .scope = SCOPE_AGENT,
      .body = &none,
      .query = &q_type,
      .reply = &a_type,
      .status = 200,
      .summary = "get it" },
    { .id = "b",
      .method = HTTP_POST,
      .path = "/b",
      .body = &a_type,
      .query = &none,
      .reply = &none,
      .status = 204,
      .flags = ROUTE_IDEMPOTENT,
      .summary = "do it" },
    { .id = "a_put",
      .method = HTTP_PUT,
      .path = "/a/{id}",
      .body = &a_type,
      .reply = &a_type,
      .status = 200,
      .summary = "put it" },
};

/* Member by member: the names of paths and types may hold dots and slashes. */
static const struct json *down(const struct json *j, const char *const *keys)
{
    for (; *keys; keys++)
        j = json_get(j, *keys);
    return j;
}
#define DOWN(j, ...) down(j, (const char *const[]){ __VA_ARGS__, NULL })

START_TEST(the_document_shows_routes_parameters_and_types)
{
    struct buf out CLEANUP_BUF;
    buf_init(&out, 1 << 20);
    openapi_write(routes, 3, "1.2.3", &out);
    struct err err = { 0 };
    struct json *j CLEANUP_JSON = json_parse(buf_str(&out), NULL, &err);
    ck_assert_msg(j != NULL, "%s in %s", err.msg, buf_cstr(&out));
    ck_assert_str_eq(json_get_str(j, "openapi", ""), "3.1.0");
    ck_assert_uint_eq(json_len(json_get(j, "paths")), 2);
    const struct json *get = DOWN(j, "paths", "/a/{id}", "get");
    ck_assert_str_eq(json_get_str(get, "operationId", ""), "a_get");
    const struct json *parameters = json_get(get, "parameters");
    ck_assert_uint_eq(json_len(parameters), 3);
    ck_assert_str_eq(json_get_str(json_at(parameters, 0), "in", ""), "path");
    ck_assert_str_eq(json_get_str(json_at(parameters, 1), "name", ""), "X-Agent-Host-ID");
    ck_assert_int_eq(json_get_int(json_get(json_at(parameters, 2), "schema"), "maximum", 0), 9);
    ck_assert_ptr_nonnull(DOWN(get, "responses", "200", "content"));
    ck_assert_ptr_nonnull(DOWN(get, "responses", "default", "content", "application/problem+json"));
    ck_assert_ptr_null(json_get(get, "requestBody"));
    ck_assert_str_eq(json_str(DOWN(j, "paths", "/b", "post", "requestBody", "content", "application/json",
                                   "schema", "$ref"),
                              ""),
                     "#/components/schemas/a");
    ck_assert_ptr_null(DOWN(j, "paths", "/b", "post", "responses", "204", "content"));
    ck_assert_uint_eq(json_len(DOWN(j, "components", "schemas")), 2);
    ck_assert_ptr_nonnull(DOWN(j, "components", "schemas", "problem"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("openapi");
    TCase *t = tcase_create("openapi");
    tcase_add_test(t, the_document_shows_routes_parameters_and_types);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
