/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/store/address.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include "tests/unit/unit.h"

static struct address a;
static struct err err;

static int parse(const char *text)
{
    err = (struct err){ 0 };
    return address_parse(text, &a, &err);
}

static void assert_config(const char *text, const char *driver, const char *key, const char *value)
{
    ck_assert_msg(parse(text) == 0, "%s: %s", text, err.msg);
    ck_assert_str_eq(a.driver, driver);
    ck_assert_str_eq(json_get_str(a.config, key, "(none)"), value);
    ck_assert_uint_eq(json_len(a.config), 1);
    address_done(&a);
}

START_TEST(each_form_is_a_driver_and_its_config)
{
    assert_config("sqlite:/var/lib/phoenix.db", "sqlite", "path", "/var/lib/phoenix.db");
    assert_config("sqlite:/a:b c", "sqlite", "path", "/a:b c");
    assert_config("pg:", "pg", "conninfo", "");
    assert_config("pg:host=a,b dbname='x y'", "pg", "conninfo", "host=a,b dbname='x y'");
    assert_config("pg:postgresql://a/b", "pg", "conninfo", "postgresql://a/b");
    assert_config("postgresql://u:p@h:5432/d?a=b", "pg", "conninfo", "postgresql://u:p@h:5432/d?a=b");
    assert_config("postgres://h/d", "pg", "conninfo", "postgres://h/d");
    assert_config("other:{\"a\":\"b\"}", "other", "a", "b");
    assert_config("sqlite:{\"path\":\"/x\"}", "sqlite", "path", "/x");
    ck_assert_int_eq(parse("memory:"), 0);
    ck_assert_uint_eq(json_len(a.config), 0);
    address_done(&a);
}
END_TEST

START_TEST(a_relative_file_is_in_the_current_folder)
{
    char here[PATH_MAX], whole[PATH_MAX + 8];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    snprintf(whole, sizeof whole, "%s/x.db", here);
    assert_config("sqlite:x.db", "sqlite", "path", whole);
}
END_TEST

START_TEST(what_is_no_address_is_refused_and_not_repeated)
{
    static const char *const bad[] = {
        "", ":", "hunter2", "/hunter2/x.db", "sqlite:", "other:hunter2", "hunter2@x:{}", "other:{\"hunter2\"",
        "other:{\"a\":hunter2}", "pg:{]", "mysql://u:hunter2@h/d",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(parse(bad[i]) == ERR_USAGE, "%s", bad[i]);
        ck_assert_msg(!strstr(err.msg, "hunter2") && !strstr(err.detail, "hunter2"), "%s", err.msg);
        ck_assert_ptr_nonnull(strstr(err.remedy, "sqlite:PATH"));
        address_done(&a);
    }
}
END_TEST

START_TEST(what_is_shown_names_a_file_but_never_a_conninfo)
{
    ck_assert_int_eq(parse("sqlite:/x.db"), 0);
    ck_assert_str_eq(a.shown, "sqlite:/x.db");
    ck_assert_str_eq(a.file, "/x.db");
    address_done(&a);
    ck_assert_int_eq(parse("pg:password=hunter2"), 0);
    ck_assert_str_eq(a.shown, "pg");
    ck_assert_ptr_null(a.file);
    address_done(&a);
    ck_assert_int_eq(parse("other:{\"password\":\"hunter2\"}"), 0);
    ck_assert_str_eq(a.shown, "other");
    address_done(&a);
}
END_TEST

static int parse_file(const char *content, size_t n)
{
    char path[] = "/tmp/test_address_XXXXXX", text[64];
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, content, n), n);
    close(fd);
    snprintf(text, sizeof text, "pg:@%s", path);
    int rc = parse(text);
    unlink(path);
    return rc;
}

START_TEST(a_conninfo_can_come_from_a_file)
{
    ck_assert_int_eq(parse_file(" host=db password=x \n", 21), 0);
    ck_assert_str_eq(json_get_str(a.config, "conninfo", NULL), "host=db password=x");
    address_done(&a);
    ck_assert_int_eq(parse_file("host=db", 7), 0);
    ck_assert_str_eq(json_get_str(a.config, "conninfo", NULL), "host=db");
    address_done(&a);
    ck_assert_int_eq(parse_file("a\nb\n", 4), ERR_USAGE);
    address_done(&a);
    ck_assert_int_eq(parse_file("a\0b\n", 4), ERR_USAGE);
    address_done(&a);
    ck_assert_int_eq(parse("pg:@/nonexistent"), ERR_NOTFOUND);
    address_done(&a);
}
END_TEST

UNIT_MAIN("storetool/address", each_form_is_a_driver_and_its_config, a_relative_file_is_in_the_current_folder,
          what_is_no_address_is_refused_and_not_repeated, what_is_shown_names_a_file_but_never_a_conninfo,
          a_conninfo_can_come_from_a_file)
