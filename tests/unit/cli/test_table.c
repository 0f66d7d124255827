/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"
#include "cli/ctx.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "core/base/clock.h"
#include "tests/unit/unit.h"

static void assert_escaped(struct str raw, const char *want)
{
    struct buf b CLEANUP_BUF;
    buf_init(&b, 1000);
    text_escape(&b, raw);
    ck_assert_str_eq(buf_cstr(&b), want);
}

START_TEST(text_cannot_move_the_cursor_or_hide)
{
    assert_escaped(STR("\x1b[2J\r\n\t\x7f"), "\\x1b[2J\\x0d\\x0a\\x09\\x7f");
    assert_escaped(STR("a\0b"), "a\\x00b");
    assert_escaped(STR("\xC2\x9B" "31m"), "\\x9b31m");              /* the one-character CSI */
    assert_escaped(STR("\xE2\x80\xAE" "txt.exe"), "\\u202etxt.exe"); /* right to left */
    assert_escaped(STR("\xFF\xC3\xA9\xE2\x82"), "\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD");
}
END_TEST

START_TEST(width_counts_columns)
{
    ck_assert_uint_eq(text_width(STR("abc")), 3);
    ck_assert_uint_eq(text_width(STR("\xC3\xA9")), 1);
    ck_assert_uint_eq(text_width(STR("e\xCC\x81")), 1);              /* e and a combining accent */
    ck_assert_uint_eq(text_width(STR("\xE6\x97\xA5\xE6\x9C\xAC")), 4); /* two wide ones */
    ck_assert_uint_eq(text_width(STR("\xF0\x9F\x98\x80")), 2);
    ck_assert_uint_eq(text_width(STR("\xFF")), 1);
}
END_TEST

START_TEST(columns_are_aligned_and_numbers_to_the_right)
{
    static const char *const titles[] = { "NAME", ">N", "WHY", NULL };
    struct table t;
    char *text = NULL;
    size_t n;
    table_init(&t, titles);
    table_cell(&t, "\xE6\x97\xA5");
    table_cell(&t, "5");
    table_cell(&t, "x\ny");
    table_cell(&t, "longer");
    table_cellf(&t, "%d", 1234);
    table_cell(&t, NULL);
    FILE *f = open_memstream(&text, &n);
    table_print(&t, false, f);
    fclose(f);
    ck_assert_str_eq(text, "NAME       N  WHY\n\xE6\x97\xA5         5  x\\x0ay\nlonger  1234  -\n");
    free(text);
    table_done(&t);
}
END_TEST

static const char *shown(const char *json, enum column_kind kind)
{
    static char out[256];
    struct buf b CLEANUP_BUF;
    struct json *doc CLEANUP_JSON = json_parse(str_of(json), NULL, NULL);
    buf_init(&b, 1000);
    column_text(doc, &(struct column){ "T", "a.b", kind }, &b);
    str_copy(out, sizeof out, buf_str(&b));
    return out;
}

START_TEST(members_are_shown_by_their_kind)
{
    ck_assert_str_eq(shown("{\"a\":{\"b\":\"x\"}}", COL_TEXT), "x");
    ck_assert_str_eq(shown("{}", COL_TEXT), "-");
    ck_assert_str_eq(shown("{\"a\":{\"b\":3.14159265}}", COL_NUMBER), "3.142");
    ck_assert_str_eq(shown("{\"a\":{\"b\":[1,2]}}", COL_COUNT), "2");
    ck_assert_str_eq(shown("{\"a\":{\"b\":{\"name\":\"t\"}}}", COL_NAMED), "t");
    ck_assert_str_eq(shown("{\"a\":{\"b\":\"t\"}}", COL_NAMED), "t");
    ck_assert_str_eq(shown("{\"a\":{\"b\":{\"k\":\"v\",\"n\":1}}}", COL_MAP), "k=v, n=1");
    ck_assert_str_eq(shown("{\"a\":{\"b\":\"2026-11-23T08:15:30.123Z\"}}", COL_TIME), "2026-11-23 08:15:30Z");
    ck_assert_str_eq(shown("{\"a\":{\"b\":\"never\"}}", COL_AGE), "-");
}
END_TEST

static void assert_progress(const char *phase, int64_t seconds, int64_t total, const char *want)
{
    struct buf b CLEANUP_BUF;
    buf_init(&b, 1000);
    progress_text(&b, phase, seconds * NS_PER_S, total * NS_PER_S);
    ck_assert_str_eq(buf_cstr(&b), want);
}

START_TEST(progress_stays_within_its_bar)
{
    assert_progress("running", 12, 30, "running  [########------------]  40 %, 12s of 30s");
    assert_progress("running", 99, 30, "running  [####################] 100 %, 30s of 30s");
    assert_progress("running", -5, 30, "running  [--------------------]   0 %, 0s of 30s");
    assert_progress("deploying", 61, 0, "deploying  1m1s");
    assert_progress("\x1b[2J", 1, 0, "\\x1b[2J  1s");
}
END_TEST

START_TEST(paths_and_queries_are_escaped)
{
    struct target t;
    target_init(&t, "/api/v1/tasks/%s/x", "../a?b#c d\xC3\xA9%");
    target_query(&t, "k", "a&b=c");
    target_query(&t, "none", NULL);
    target_query(&t, "l", "2");
    ck_assert_str_eq(buf_cstr(&t.text), "/api/v1/tasks/..%2Fa%3Fb%23c%20d%C3%A9%25/x?k=a%26b%3Dc&l=2");
    target_done(&t);
    target_init(&t, "/api/v1/tasks/%s", "..");
    ck_assert_str_eq(buf_cstr(&t.text), "/api/v1/tasks/");
    target_done(&t);
}
END_TEST

START_TEST(a_problem_becomes_message_remedy_and_faults)
{
    struct json *doc CLEANUP_JSON =
        json_parse(STR("{\"type\":\"urn:phoenix:problem:conflict\",\"detail\":\"d\",\"remedy\":\"r\","
                       "\"errors\":[{\"pointer\":\"/a\",\"message\":\"m\"}]}"),
                   NULL, NULL);
    struct buf faults CLEANUP_BUF;
    struct err err = { 0 };
    buf_init(&faults, 1000);
    ck_assert_int_eq(problem_to_err(409, doc, &faults, &err), ERR_CONFLICT);
    ck_assert_str_eq(err.msg, "d");
    ck_assert_str_eq(err.remedy, "r");
    ck_assert_str_eq(buf_cstr(&faults), "/a: m\n");
    ck_assert_int_eq(problem_to_err(503, NULL, &faults, &err), ERR_NOMEM);
    ck_assert_str_eq(err.msg, "the API answered 503 without a reason");
}
END_TEST

START_TEST(pairs_are_scalars_of_yaml)
{
    struct json *j CLEANUP_JSON = json_object();
    struct err err = { 0 };
    ck_assert_int_eq(add_pair(j, "k=5", "param", &err), 0);
    ck_assert_int_eq(add_pair(j, "t=a=b: c", "param", &err), 0);
    ck_assert_int_eq(add_pair(j, "e=", "param", &err), 0);
    ck_assert_int_eq(add_pair(j, "b=true", "param", &err), 0);
    ck_assert(json_get_int(j, "k", 0) == 5 && json_get_bool(j, "b", false));
    ck_assert_str_eq(json_get_str(j, "t", ""), "a=b: c");
    ck_assert_str_eq(json_get_str(j, "e", "x"), "");
    ck_assert_int_eq(add_pair(j, "novalue", "param", &err), ERR_USAGE);
    ck_assert_int_eq(add_pair(j, "=x", "param", &err), ERR_USAGE);
}
END_TEST

START_TEST(verdicts_have_exit_codes)
{
    ck_assert_int_eq(verdict_exit("promote"), 0);
    ck_assert_int_eq(verdict_exit("reject"), 3);
    ck_assert_int_eq(verdict_exit("inconclusive"), 4);
    ck_assert_int_eq(verdict_exit("invalid"), 4);
    ck_assert_int_eq(verdict_exit(NULL), 4);
}
END_TEST

UNIT_MAIN("cli/table", text_cannot_move_the_cursor_or_hide, width_counts_columns,
          columns_are_aligned_and_numbers_to_the_right, members_are_shown_by_their_kind,
          progress_stays_within_its_bar, paths_and_queries_are_escaped,
          a_problem_becomes_message_remedy_and_faults, pairs_are_scalars_of_yaml, verdicts_have_exit_codes)
