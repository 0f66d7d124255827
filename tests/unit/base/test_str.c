/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/str.h"
#include "tests/unit/unit.h"

START_TEST(utf8_refuses_overlong_forms_surrogates_and_cut_sequences)
{
    static const char *const good[] = {
        "", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"
    };
    static const char *const bad[] = {
        "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80",         "a\xFF",        "\xC3",
        "\xE2\x82",         "\xF0\x9F\x98"
    };
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(utf8_valid(str_of(good[i])), "good %u", i);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!utf8_valid(str_of(bad[i])), "bad %u", i);
}
END_TEST

START_TEST(split_yields_each_part_also_empty_ones)
{
    struct str rest = STR("a,,b"), part;
    ck_assert(str_split(&rest, ',', &part) && str_eqz(part, "a"));
    ck_assert(str_split(&rest, ',', &part) && part.n == 0);
    ck_assert(str_split(&rest, ',', &part) && str_eqz(part, "b"));
    ck_assert(!str_split(&rest, ',', &part));
}
END_TEST

START_TEST(copy_cuts_and_says_so)
{
    char out[4];
    ck_assert(str_copy(out, sizeof out, STR("abc")));
    ck_assert(!str_copy(out, sizeof out, STR("abcd")));
    ck_assert_str_eq(out, "abc");
}
END_TEST

START_TEST(integers_are_strict_and_do_not_overflow)
{
    int64_t v;
    ck_assert(parse_int(STR("-9223372036854775808"), &v) && v == INT64_MIN);
    ck_assert(parse_int(STR("9223372036854775807"), &v) && v == INT64_MAX);
    static const char *const bad[] = {
        "", "-", "+1", " 1", "1 ", "0x1", "9223372036854775808", "-9223372036854775809", "1.0"
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!parse_int(str_of(bad[i]), &v), "%s", bad[i]);
    uint64_t u;
    ck_assert(parse_uint(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    ck_assert(!parse_uint(STR("18446744073709551616"), &u));
}
END_TEST

START_TEST(reals_have_the_grammar_of_json)
{
    double v;
    ck_assert(parse_real(STR("-0.25e2"), &v) && v == -25.0);
    ck_assert(parse_real(STR("0.1"), &v) && v == 0.1);
    static const char *const bad[] = {
        "", ".5", "1.", "01", "+1", "1e", "nan", "inf", "0x1p3", "1e999", "1,5"
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!parse_real(str_of(bad[i]), &v), "%s", bad[i]);
}
END_TEST

START_TEST(durations_read_back_what_they_write)
{
    static const struct { const char *text; int64_t ns; } good[] = {
        { "90s", INT64_C(90000000000) }, { "1h30m", INT64_C(5400000000000) }, { "250ms", 250000000 },
        { "2d", INT64_C(172800000000000) }, { "0s", 0 }, { "1us5ns", 1005 },
    };
    static const char *const bad[] = {
        "", "s", "1", "1x", "-1s", "1m1h", "1s1s", "1.5s", "1 s", "106752d", "9999999999999999999s"
    };
    int64_t ns, again;
    char out[32];
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(parse_duration(str_of(good[i].text), &ns) && ns == good[i].ns, "%s", good[i].text);
        ck_assert(parse_duration(str_of(format_duration(ns, out)), &again) && again == ns);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!parse_duration(str_of(bad[i]), &ns), "%s", bad[i]);
    ck_assert(parse_duration(str_of(format_duration(INT64_MAX, out)), &again) && again == INT64_MAX);
}
END_TEST

START_TEST(sizes_count_by_1024_or_by_1000)
{
    uint64_t v;
    ck_assert(parse_size(STR("64k"), &v) && v == 65536);
    ck_assert(parse_size(STR("512MiB"), &v) && v == 536870912);
    ck_assert(parse_size(STR("10MB"), &v) && v == 10000000);
    ck_assert(parse_size(STR("7"), &v) && v == 7);
    ck_assert(!parse_size(STR("1Mb"), &v) && !parse_size(STR("-1"), &v) &&
              !parse_size(STR("18014398509481985k"), &v));
}
END_TEST

START_TEST(names_start_with_a_letter_or_digit)
{
    char longest[65];
    memset(longest, 'a', sizeof longest);
    ck_assert(name_valid(STR("a"), false) && name_valid(STR("web-1.eu_x"), false) &&
              name_valid(STR("Web1"), true));
    ck_assert(!name_valid(STR("Web1"), false) && !name_valid(STR("-a"), true) && !name_valid(STR(""), true));
    ck_assert(!name_valid(STR("a/b"), true) && !name_valid(STR("a b"), true));
    ck_assert(name_valid((struct str){ longest, 63 }, false) &&
              !name_valid((struct str){ longest, 64 }, false));
}
END_TEST

START_TEST(the_hash_is_the_published_one)
{
    ck_assert_uint_eq(str_hash(STR("")), UINT64_C(0xcbf29ce484222325)); /* vectors of FNV-1a's authors */
    ck_assert_uint_eq(str_hash(STR("a")), UINT64_C(0xaf63dc4c8601ec8c));
    ck_assert_uint_eq(str_hash(STR("foobar")), UINT64_C(0x85944171f73967e8));
}
END_TEST

START_TEST(globs_match_and_never_explode)
{
    ck_assert(glob_match(STR("*"), STR("")) && glob_match(STR("a*c?"), STR("abbcd")) &&
              glob_match(STR("x"), STR("x")));
    ck_assert(!glob_match(STR("a*c"), STR("abd")) && !glob_match(STR(""), STR("a")) &&
              !glob_match(STR("?"), STR("")));
    char text[5001], pattern[101];
    memset(text, 'a', 5000);
    for (unsigned i = 0; i < 100; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    ck_assert(!glob_match((struct str){ pattern, 99 }, (struct str){ "b", 1 }));
    pattern[99] = 'b'; /* exponential in a matcher that recurses */
    ck_assert(!glob_match((struct str){ pattern, 100 }, (struct str){ text, 5000 }));
}
END_TEST

START_TEST(slips_are_close_and_other_words_are_not)
{
    ck_assert_uint_eq(str_distance(STR("listen"), STR("lisetn")), 1);
    ck_assert_uint_eq(str_distance(STR(""), STR("abc")), 3);
    ck_assert(str_close(STR("log.levl"), STR("log.level")) && !str_close(STR("ab"), STR("ac")));
    ck_assert(!str_close(STR("retention"), STR("listen")));
}
END_TEST

UNIT_MAIN("base/str", utf8_refuses_overlong_forms_surrogates_and_cut_sequences,
          split_yields_each_part_also_empty_ones, copy_cuts_and_says_so,
          integers_are_strict_and_do_not_overflow, reals_have_the_grammar_of_json,
          durations_read_back_what_they_write, sizes_count_by_1024_or_by_1000,
          names_start_with_a_letter_or_digit, the_hash_is_the_published_one, globs_match_and_never_explode,
          slips_are_close_and_other_words_are_not)
