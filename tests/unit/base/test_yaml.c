/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/yaml.h"
#include "tests/unit/unit.h"

static void assert_yaml(const char *text, const char *json)
{
    struct err e = { 0 };
    struct buf b CLEANUP_BUF;
    struct json *j CLEANUP_JSON = yaml_parse(str_of(text), NULL, &e);
    ck_assert_msg(j != NULL, "%s: %s", text, e.msg);
    buf_init(&b, 10000);
    json_write(j, &b);
    ck_assert_str_eq(buf_cstr(&b), json);
}

START_TEST(scalars_resolve_as_in_the_core_schema)
{
    assert_yaml("[1, -2, +3, 007, 0x1F, 0o17, 0xZZ]", "[1,-2,3,7,31,15,\"0xZZ\"]");
    assert_yaml("[1.5, .5, 1., 1e3, -.5e1, 1.5.2, 1_000, e3]",
                "[1.5,0.5,1,1000,-5,\"1.5.2\",\"1_000\",\"e3\"]");
    assert_yaml("[~, null, true, False, yes, on, NO]", "[null,null,true,false,\"yes\",\"on\",\"NO\"]");
    assert_yaml("['1', \"true\", 90s, 12:30]", "[\"1\",\"true\",\"90s\",\"12:30\"]");
    assert_yaml("a: |\n  x\n   y\nb: {c: []}\n", "{\"a\":\"x\\n y\\n\",\"b\":{\"c\":[]}}");
    assert_yaml("", "{}");
    assert_yaml("# nothing\n", "{}");
}
END_TEST

START_TEST(what_configuration_does_not_need_is_refused)
{
    static const char *const bad[] = {
        "a: &x 1",
        "a: *x",
        "a: !!str 1",
        "a: !x 1",
        "&a {b: 1}",
        "!!map {b: 1}",
        "a: .nan",
        "a: -.inf",
        "a: 1\na: 2",
        "{a: 1, \"a\": 2}",
        "? [a]\n: 1",
        "{{a: 1}: 2}",
        "--- 1\n--- 2",
        "<<: {a: 1}",
        "a: \"\\0\"",
        "a: \"\\uD800\"",
        "a: 99999999999999999999",
        "a: 0xFFFFFFFFFFFFFFFFF",
        "null",
        "\"a",
        "[1",
        "a:\n\t- b",
        "\xFF\xFE",
        "a: \xC0\x80",
        ": 1",
        "a: @b",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = { 0 };
        struct json *j CLEANUP_JSON = yaml_parse(str_of(bad[i]), NULL, &e);
        ck_assert_msg(j == NULL && strncmp(e.msg, "line ", 5) == 0, "%s: %s", bad[i], e.msg);
    }
}
END_TEST

START_TEST(deep_nesting_is_stopped_before_it_costs_time)
{
    static char text[200000];
    struct err e = { 0 };
    memset(text, '[', sizeof text);
    int64_t before = clock_mono();
    ck_assert_ptr_null(yaml_parse((struct str){ text, sizeof text }, NULL, &e));
    ck_assert_int_eq(e.code, ERR_LIMIT);
    ck_assert_int_lt(clock_mono() - before, NS_PER_S); /* unstopped: over 18 s */
}
END_TEST

START_TEST(size_and_count_have_limits)
{
    struct err e = { 0 };
    ck_assert_ptr_null(yaml_parse(STR("[1,2,3]"), &(struct json_limits){ .max_nodes = 3 }, &e));
    ck_assert_int_eq(e.code, ERR_LIMIT);
    ck_assert_ptr_null(yaml_parse(STR("[1,2,3]"), &(struct json_limits){ .max_bytes = 3 }, &e));
    ck_assert_int_eq(e.code, ERR_LIMIT);
}
END_TEST

START_TEST(nodes_know_their_line)
{
    struct json *j CLEANUP_JSON = yaml_parse(STR("a: 1\nb:\n  - x\n  - c: 2\n"), NULL, NULL);
    ck_assert_uint_eq(json_line(json_get(j, "a")), 1);
    ck_assert_uint_eq(json_line(json_get(json_at(json_get(j, "b"), 1), "c")), 4);
}
END_TEST

START_TEST(text_that_looks_like_something_else_is_quoted)
{
    static const char *const texts[] = { "",         "1",
                                         "-1",       "0x1F",
                                         "1.5",      "1_000",
                                         "12:30",    "true",
                                         "yes",      "Off",
                                         "n",        "null",
                                         "~",        ".inf",
                                         "<<",       "- a",
                                         "a: b",     "#c",
                                         " a",       "a ",
                                         "a\nb",     "\x01",
                                         "'",        "\"",
                                         "é",        "&a",
                                         "*a",       "!a",
                                         "%a",       "@a",
                                         "---",      "...",
                                         "[",        "{",
                                         "}",        "\xEF\xBB\xBFz",
                                         "\xC2\x85", "\xE2\x80\xA8",
                                         "plain" };
    struct json *j CLEANUP_JSON = json_object(), *list = json_array();
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_add_str(list, texts[i]);
        json_set_str(j, texts[i], texts[i]);
    }
    json_set(j, "list", list);
    struct buf b CLEANUP_BUF;
    struct err e = { 0 };
    buf_init(&b, 100000);
    yaml_write(j, &b);
    struct json *back CLEANUP_JSON = yaml_parse(buf_str(&b), NULL, &e);
    ck_assert_msg(json_equal(j, back), "%s %s", e.msg, buf_cstr(&b));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "\n\"yes\": \"yes\"\n"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "\nplain: plain\n"));
}
END_TEST

START_TEST(bytes_that_are_not_utf8_do_not_stop_the_writer)
{
    struct json *j CLEANUP_JSON = json_new_str(STR("a\xFF"));
    struct buf b CLEANUP_BUF;
    buf_init(&b, 1000);
    yaml_write(j, &b);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&b), "a\xEF\xBF\xBD"));
}
END_TEST

START_TEST(only_whole_regular_files_within_the_limit_are_read)
{
    char path[] = "/tmp/phoenix-file-XXXXXX";
    int fd = mkstemp(path);
    struct buf b;
    struct err e = { 0 };
    ck_assert_int_eq(write(fd, "0123456789", 10), 10);
    close(fd);
    ck_assert_int_eq(file_read(path, 10, &b, &e), 0);
    ck_assert_str_eq(buf_cstr(&b), "0123456789");
    buf_done(&b);
    ck_assert_int_eq(file_read(path, 9, &b, &e), ERR_LIMIT);
    buf_done(&b);
    unlink(path);
    ck_assert_int_eq(file_read(path, 9, &b, &e), ERR_NOTFOUND);
    buf_done(&b);
    ck_assert_int_eq(file_read("/tmp", 9, &b, &e), ERR_INVAL);
    buf_done(&b);
}
END_TEST

UNIT_MAIN("base/yaml", scalars_resolve_as_in_the_core_schema, what_configuration_does_not_need_is_refused,
          deep_nesting_is_stopped_before_it_costs_time, size_and_count_have_limits, nodes_know_their_line,
          text_that_looks_like_something_else_is_quoted, bytes_that_are_not_utf8_do_not_stop_the_writer,
          only_whole_regular_files_within_the_limit_are_read)
