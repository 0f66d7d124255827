/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "phoenix/plugin.h"
#include "tests/unit/unit.h"

START_TEST(times_read_back_what_they_write)
{
    char out[32];
    int64_t ns;
    ck_assert_str_eq(rfc3339_format(0, out), "1970-01-01T00:00:00.000Z");
    ck_assert_str_eq(rfc3339_format(-1, out), "1969-12-31T23:59:59.999Z");
    ck_assert_str_eq(rfc3339_format(INT64_C(951782400123456789), out), "2000-02-29T00:00:00.123Z");
    for (int64_t t = INT64_C(-9000000000000) * 1000000; t < INT64_C(9000000000000) * 1000000;
         t += INT64_C(86399123) * 1000000 * 97) {
        ck_assert(rfc3339_parse(str_of(rfc3339_format(t, out)), &ns));
        ck_assert_int_eq(ns, t);
    }
}
END_TEST

START_TEST(times_take_offsets_fractions_and_leap_seconds)
{
    int64_t a, b;
    ck_assert(rfc3339_parse(STR("2026-11-23T08:15:30.5+01:30"), &a) &&
              rfc3339_parse(STR("2026-11-23t06:45:30.500000000z"), &b) && a == b);
    ck_assert(rfc3339_parse(STR("2016-12-31T23:59:60Z"), &a) &&
              rfc3339_parse(STR("2017-01-01T00:00:00Z"), &b) && a == b);
}
END_TEST

START_TEST(times_that_are_none_are_refused)
{
    static const char *const bad[] = { "",
                                       "2026-11-23",
                                       "2026-02-29T00:00:00Z",
                                       "2026-13-01T00:00:00Z",
                                       "2026-01-00T00:00:00Z",
                                       "2026-01-01T24:00:00Z",
                                       "2026-01-01T00:60:00Z",
                                       "2026-01-01T00:00:00",
                                       "2026-01-01T00:00:00.Z",
                                       "2026-01-01T00:00:00.1234567890Z",
                                       "2026-01-01T00:00:00Zx",
                                       "2026-01-01 00:00:00Z",
                                       "9999-01-01T00:00:00Z",
                                       "2026-01-01T00:00:00+24:00",
                                       "1900-02-29T00:00:00Z" };
    int64_t ns;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!rfc3339_parse(str_of(bad[i]), &ns), "%s", bad[i]);
}
END_TEST

START_TEST(uuids_sort_by_time_and_are_valid)
{
    char before[UUID_LEN + 1] = "", now[UUID_LEN + 1];
    for (int i = 0; i < 10000; i++) {
        uuid7_new(now);
        ck_assert(uuid_valid(str_of(now)) && now[14] == '7' && strchr("89ab", now[19]));
        ck_assert_str_lt(before, now);
        memcpy(before, now, sizeof now);
    }
    ck_assert(!uuid_valid(STR("")) && !uuid_valid(STR("0190163D-8694-739B-AEA5-966C26F8AD91")));
    ck_assert(!uuid_valid(STR("0190163d-8694-739b-aea5-966c26f8ad9")) &&
              !uuid_valid(STR("0190163d-8694-739b-aea5_966c26f8ad91")));
}
END_TEST

START_TEST(sha256_is_sha256)
{
    char hex[SHA256_HEX_LEN + 1];
    sha256_hex(STR("abc"), hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(an_error_carries_code_message_detail_and_remedy)
{
    struct err e = { 0 };
    ck_assert_int_eq(err_set(&e, ERR_CONFLICT, "x \"%s\"", "a"), ERR_CONFLICT);
    err_detail(&e, "row %d", 3);
    err_remedy(&e, "stop it");
    err_prefix(&e, "f:%d: ", 7);
    ck_assert_str_eq(e.msg, "f:7: x \"a\"");
    ck_assert_str_eq(e.detail, "row 3");
    ck_assert_str_eq(e.remedy, "stop it");
    ck_assert_int_eq(err_set(NULL, ERR_LIMIT, "x"), ERR_LIMIT);
    err_errno(&e, ERR_IO, ENOENT, "could not open \"%s\"", "f");
    ck_assert_str_eq(e.msg, "could not open \"f\": No such file or directory");
    ck_assert_str_eq(e.remedy, "");
}
END_TEST

START_TEST(a_message_that_is_cut_ends_with_a_whole_character)
{
    struct err e = { 0 };
    char text[400] = "";
    for (unsigned shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (unsigned i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4);
        err_set(&e, ERR_INVAL, "%s", text);
        ck_assert(utf8_valid(str_of(e.msg)));
        ck_assert_uint_gt(strlen(e.msg), sizeof e.msg - 5);
    }
}
END_TEST

START_TEST(each_code_has_one_row_and_each_plugin_status_a_code)
{
    const struct err_info *row;
    for (unsigned i = 0; (row = err_info_at(i)) != NULL; i++) {
        ck_assert_ptr_eq(err_info(row->code), row);
        ck_assert(row->http_status >= 400 && row->http_status < 600 && row->exit_code > 0);
    }
    ck_assert_int_eq(err_info(12345)->code, ERR_INTERNAL);
    ck_assert_int_eq(err_from_abi(PHX_OK), ERR_OK);
    ck_assert_int_eq(err_from_abi(PHX_E_NOTFOUND), ERR_NOTFOUND);
    ck_assert_int_eq(err_from_abi(-999), ERR_INTERNAL);
}
END_TEST

static char captured[1024];
static void capture(void *arg, const char *line)
{
    (void)arg;
    str_copy(captured, sizeof captured, str_of(line));
}

START_TEST(a_log_line_escapes_what_it_was_given)
{
    struct err e = { 0 };
    struct log_ctx ctx = { .exp = "e1", .host = "h\n1" };
    log_capture(capture, NULL);
    err_set(&e, ERR_IO, "disk\x1b[31m full");
    err_remedy(&e, "free some");
    err_detail(&e, "errno 28");
    log_error(EV_STORE_FAILED, &ctx, &e, "could not %s", "put");
    ck_assert_ptr_nonnull(strstr(
        captured, " level=error event=STORE_FAILED msg=\"could not put: disk\\u001b[31m full (free some)\""));
    ck_assert_ptr_nonnull(strstr(captured, " exp=e1 host=\"h\\n1\" detail=\"errno 28\""));
    log_init("t", LOG_LEVEL_WARN, LOG_FORMAT_JSON);
    captured[0] = '\0';
    log_event(EV_STARTED, NULL, "not shown");
    ck_assert_str_eq(captured, "");
    log_event(EV_AGENT_LOST, NULL, "a\"b");
    ck_assert_ptr_nonnull(strstr(captured, "\"msg\":\"a\\\"b\",\"program\":\"t\"}"));
    log_capture(NULL, NULL);
}
END_TEST

START_TEST(a_repeated_complaint_is_held_back_and_counted)
{
    struct log_limit l = { .interval_ns = 3600 * NS_PER_S };
    unsigned held = 99;
    ck_assert(log_limit_ok(&l, &held) && held == 0);
    ck_assert(!log_limit_ok(&l, &held) && !log_limit_ok(&l, &held));
    l.next_ns = 0;
    ck_assert(log_limit_ok(&l, &held) && held == 2);
}
END_TEST

UNIT_MAIN("base/core", times_read_back_what_they_write, times_take_offsets_fractions_and_leap_seconds,
          times_that_are_none_are_refused, uuids_sort_by_time_and_are_valid, sha256_is_sha256,
          an_error_carries_code_message_detail_and_remedy, a_message_that_is_cut_ends_with_a_whole_character,
          each_code_has_one_row_and_each_plugin_status_a_code, a_log_line_escapes_what_it_was_given,
          a_repeated_complaint_is_held_back_and_counted)
