/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json.h"
#include "tests/unit/unit.h"

static int code_of(const char *text)
{
    struct err e = { 0 };
    return json_check(str_of(text), NULL, &e);
}

START_TEST(what_is_not_json_is_refused)
{
    static const char *const bad[] = {
        "",          " ",          "[",         "{",         "[1,]", "{\"a\":1,}", "{'a':1}",
        "NaN",       "[Infinity]", "-Infinity", "\"a\nb\"",  "01",   "-",          "1.",
        "1.e3",      ".5",         "+1",        "1e",        "TRUE", "tru",        "nul",
        "[1 2]",     "{\"a\" 1}",  "{\"a\":}",  "{1:2}",     "[1]]", "1 1",        "\"\\x\"",
        "\"\\u12\"", "\"abc",      "// c\n1",   "1 /* c */", "[1}",  "{\"a\":1]",  "\xEF\xBB\xBF{}",
        ",",         "{,}",        "[,1]",      "{\"a\"}",   "]",    "\"\t\"",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(code_of(bad[i]) == ERR_INVAL, "%s", bad[i]);
}
END_TEST

START_TEST(what_json_c_would_let_through_is_refused)
{
    ck_assert_int_eq(code_of("{\"a\":1,\"a\":2}"), ERR_INVAL);
    ck_assert_int_eq(code_of("99999999999999999999"), ERR_INVAL);
    ck_assert_int_eq(code_of("1e999"), ERR_INVAL);
    ck_assert_int_eq(code_of("\"\\ud800\""), ERR_INVAL);
    ck_assert_int_eq(code_of("\"\\ud800\\u0041\""), ERR_INVAL);
    ck_assert_int_eq(code_of("\"\\udc00\""), ERR_INVAL);
    ck_assert_int_eq(code_of("\"\\u0000\""), ERR_INVAL);
    ck_assert_int_eq(json_check((struct str){ "\"a\0b\"", 5 }, NULL, NULL), ERR_INVAL);
    ck_assert_int_eq(json_check((struct str){ "{}\0", 3 }, NULL, NULL), ERR_INVAL);
    ck_assert_int_eq(code_of("\"\xC0\x80\""), ERR_INVAL);
    ck_assert_int_eq(code_of("\"\xED\xA0\x80\""), ERR_INVAL);
}
END_TEST

START_TEST(duplicate_keys_are_refused_in_any_spelling_at_any_depth)
{
    struct err e = { 0 };
    ck_assert_int_eq(code_of("{\"a\":1,\"\\u0061\":2}"), ERR_INVAL);
    ck_assert_int_eq(code_of("[{\"x\":{\"b\":1,\"c\":[{}],\"b\":3}}]"), ERR_INVAL);
    ck_assert_int_eq(code_of("{\"\\/\":1,\"/\":2}"), ERR_INVAL);
    ck_assert_int_eq(json_check(STR("{\"k\":1,\n \"k\":2}"), NULL, &e), ERR_INVAL);
    ck_assert_str_eq(e.msg, "line 2:2: the key \"k\" stands twice in one object");
    ck_assert_int_eq(code_of("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}"), 0);
}
END_TEST

START_TEST(limits_of_size_depth_and_count_hold)
{
    ck_assert_int_eq(json_check(STR("[[[1]]]"), &(struct json_limits){ .max_depth = 2 }, NULL), ERR_LIMIT);
    ck_assert_int_eq(json_check(STR("[[[1]]]"), &(struct json_limits){ .max_depth = 3 }, NULL), 0);
    ck_assert_int_eq(json_check(STR("[1,2,3]"), &(struct json_limits){ .max_nodes = 3 }, NULL), ERR_LIMIT);
    ck_assert_int_eq(json_check(STR("[1,2,3]"), &(struct json_limits){ .max_bytes = 6 }, NULL), ERR_LIMIT);
    char deep[101];
    memset(deep, '[', 100);
    deep[100] = '\0';
    ck_assert_int_eq(json_check(str_of(deep), &(struct json_limits){ .max_depth = 1000 }, NULL), ERR_LIMIT);
}
END_TEST

START_TEST(the_scanner_yields_tokens_with_their_values)
{
    struct js s;
    char out[64];
    js_init(&s, STR(" {\"k\\n\":[1,-2.5e1,true,null,\"\\ud83d\\ude00\"],\"e\":{}} "), 8);
    ck_assert_int_eq(js_next(&s), JS_OBJECT);
    ck_assert_int_eq(js_next(&s), JS_KEY);
    ck_assert(s.escaped && str_eqz(js_unescape(s.text, out), "k\n"));
    ck_assert_int_eq(js_next(&s), JS_ARRAY);
    ck_assert(js_next(&s) == JS_INT && s.i == 1 && s.r == 1.0);
    ck_assert(js_next(&s) == JS_REAL && s.r == -25.0 && str_eqz(s.text, "-2.5e1"));
    ck_assert_int_eq(js_next(&s), JS_TRUE);
    ck_assert_int_eq(js_next(&s), JS_NULL);
    ck_assert(js_next(&s) == JS_STRING && str_eqz(js_unescape(s.text, out), "\xF0\x9F\x98\x80"));
    ck_assert_int_eq(js_next(&s), JS_ARRAY_END);
    ck_assert(js_next(&s) == JS_KEY && !s.escaped && str_eqz(s.text, "e"));
    ck_assert(js_skip(&s));
    ck_assert_int_eq(js_next(&s), JS_OBJECT_END);
    ck_assert_int_eq(js_next(&s), JS_END);
}
END_TEST

START_TEST(an_error_of_the_scanner_stays_and_says_where)
{
    struct js s;
    unsigned line, column;
    js_init(&s, STR("[1,\n  x]"), 8);
    js_next(&s);
    js_next(&s);
    ck_assert_int_eq(js_next(&s), JS_ERROR);
    ck_assert_int_eq(js_next(&s), JS_ERROR);
    js_where(&s, &line, &column);
    ck_assert(line == 2 && column == 3);
    js_init(&s, STR("{\"a\":[1,{}],\"b\":[}"), 8);
    js_next(&s);
    js_next(&s);
    ck_assert(js_skip(&s));
    js_next(&s);
    ck_assert(!js_skip(&s));
}
END_TEST

START_TEST(every_byte_may_be_the_last_one)
{
    static const char text[] = "{\"a\\u00e9\":[1.5e3,true,\"\xC3\xA9\\ud83d\\ude00\",null,{}],\"b\":-7}";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *exact = malloc(n + 1); /* a read beyond the end is seen by the sanitizer */
        memcpy(exact, text, n);
        ck_assert_int_eq(json_check((struct str){ exact, n }, NULL, NULL), ERR_INVAL);
        free(exact);
    }
    ck_assert_int_eq(json_check(str_of(text), NULL, NULL), 0);
}
END_TEST

static void assert_round(const char *text, const char *want)
{
    struct err e = { 0 };
    struct buf b CLEANUP_BUF;
    struct json *j CLEANUP_JSON = json_parse(str_of(text), NULL, &e);
    ck_assert_msg(j != NULL, "%s", e.msg);
    buf_init(&b, 10000);
    json_write(j, &b);
    ck_assert_str_eq(buf_cstr(&b), want);
}

START_TEST(a_tree_writes_what_was_read)
{
    assert_round(" { \"b\" : [ 1 , -2.50, 1e3,true ,false,null ] ,\"a\":{}}",
                 "{\"b\":[1,-2.5,1000,true,false,null],\"a\":{}}");
    assert_round("\"\\u0001\\n\\/\\\"\\\\\\ud83d\\ude00\"", "\"\\u0001\\n/\\\"\\\\\xF0\x9F\x98\x80\"");
    assert_round("-9223372036854775808", "-9223372036854775808");
    assert_round("[]", "[]");
}
END_TEST

START_TEST(pretty_text_is_the_same_document)
{
    struct buf b CLEANUP_BUF;
    struct json *j CLEANUP_JSON = json_parse(STR("{\"a\":[1,{\"b\":null}],\"c\":{}}"), NULL, NULL);
    buf_init(&b, 10000);
    json_write_pretty(j, &b);
    ck_assert_str_eq(buf_cstr(&b),
                     "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {}\n}");
}
END_TEST

START_TEST(lookups_may_be_chained_through_what_is_not_there)
{
    struct json *j CLEANUP_JSON =
        json_parse(STR("{\"a\":{\"b\":[10,20]},\"n\":null,\"d\":\"90s\",\"r\":1.5}"), NULL, NULL);
    ck_assert_int_eq(json_int(json_at(json_get(json_get(j, "a"), "b"), 1), 0), 20);
    ck_assert_int_eq(json_int(json_at(json_path(j, "a.b"), 0), 0), 10);
    ck_assert_ptr_null(json_get(json_get(json_get(j, "x"), "y"), "z"));
    ck_assert_ptr_null(json_path(j, "a.c.d"));
    ck_assert_ptr_null(json_get(j, "n"));
    ck_assert_ptr_null(json_at(json_path(j, "a.b"), 2));
    ck_assert_int_eq(json_get_duration(j, "d", 0), INT64_C(90000000000));
    ck_assert_int_eq(json_get_duration(j, "r", 7), 7);
    ck_assert_double_eq(json_get_real(j, "r", 0), 1.5);
    ck_assert_int_eq(json_get_int(j, "r", -1), -1); /* exactly that kind */
    ck_assert(json_is(json_at(json_path(j, "a.b"), 0), JSON_REAL));
    ck_assert(json_is(NULL, JSON_NULL));
}
END_TEST

START_TEST(a_copy_is_equal_and_apart)
{
    struct json *a CLEANUP_JSON =
        json_parse(STR("{\"x\":[1,null,\"s\",{\"y\":2.5}],\"z\":true}"), NULL, NULL);
    json_set_line(a, 9);
    struct json *b CLEANUP_JSON = json_copy(a);
    ck_assert(json_equal(a, b) && json_line(b) == 9);
    json_set(b, "z", NULL);
    ck_assert(!json_equal(a, b) && json_get_bool(a, "z", false));
    struct json *i CLEANUP_JSON = json_new_int(1), *r CLEANUP_JSON = json_new_real(1.0);
    ck_assert(json_equal(i, r));
}
END_TEST

START_TEST(members_come_in_their_order)
{
    struct json *j CLEANUP_JSON = json_object();
    const char *key;
    const struct json *value;
    char seen[8] = "";
    json_set_int(j, "z", 1);
    json_set_str(j, "a", NULL);
    json_set_bool(j, "m", true);
    json_del(j, "nothing");
    for (size_t i = 0; json_member(j, &i, &key, &value);)
        strncat(seen, key, 1);
    ck_assert_str_eq(seen, "zam");
    struct json *none CLEANUP_JSON = json_object();
    size_t i = 0;
    ck_assert(!json_member(none, &i, &key, &value) && !json_member(NULL, &i, &key, &value));
}
END_TEST

START_TEST(the_writer_puts_the_commas)
{
    struct buf b CLEANUP_BUF;
    struct jw w;
    buf_init(&b, 1000);
    jw_init(&w, &b);
    jw_open(&w, '{');
    jw_kstr(&w, "a", "x\x7f\xFF");
    jw_key(&w, "b");
    jw_open(&w, '[');
    jw_int(&w, 1);
    jw_open(&w, '{');
    jw_close(&w, '}');
    jw_real(&w, 1.0 / 0.0);
    jw_raw(&w, STR("[2]"));
    jw_close(&w, ']');
    jw_ktime(&w, "t", 0);
    jw_kbool(&w, "c", false);
    jw_close(&w, '}');
    ck_assert_str_eq(buf_cstr(&b),
                     "{\"a\":\"x\\u007f\xEF\xBF\xBD\",\"b\":[1,{},null,[2]],\"t\":null,\"c\":false}");
}
END_TEST

UNIT_MAIN("base/json", what_is_not_json_is_refused, what_json_c_would_let_through_is_refused,
          duplicate_keys_are_refused_in_any_spelling_at_any_depth, limits_of_size_depth_and_count_hold,
          the_scanner_yields_tokens_with_their_values, an_error_of_the_scanner_stays_and_says_where,
          every_byte_may_be_the_last_one, a_tree_writes_what_was_read, pretty_text_is_the_same_document,
          lookups_may_be_chained_through_what_is_not_there, a_copy_is_equal_and_apart,
          members_come_in_their_order, the_writer_puts_the_commas)
