/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/agent/files.h"
#include "core/agent/secrets.h"

static char dir[] = "/tmp/phoenix-secrets-XXXXXX";
static struct secrets *s;
static struct err err;
static struct str text;

static void put(const char *name, const char *content)
{
    ck_assert_int_eq(file_write(dir, name, str_of(content), false, &err), 0);
}

static void setup(void)
{
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    err = (struct err){ 0 };
    put("key", "NRAK-1234\n");
    s = secrets_new(dir);
}

static void teardown(void)
{
    secrets_free(s);
    folder_remove(dir, &err);
}

static void assert_cut(const char *in, const char *out)
{
    CLEANUP_BUF struct buf b;
    buf_init(&b, 4096);
    secrets_cut(s, str_of(in), &b);
    ck_assert_str_eq(buf_cstr(&b), out);
}

START_TEST(a_secret_is_a_line_of_a_file)
{
    ck_assert_int_eq(secrets_get(s, "key", &text, &err), 0);
    ck_assert(str_eqz(text, "NRAK-1234"));
}
END_TEST

START_TEST(what_is_no_secret_is_refused_and_named)
{
    char path[100];
    put("short", "abc");
    put("lines", "abcd\nefgh");
    put("open", "abcdef");
    snprintf(path, sizeof path, "%s/open", dir);
    ck_assert_int_eq(chmod(path, 0640), 0);
    snprintf(path, sizeof path, "%s/link", dir);
    ck_assert_int_eq(symlink("key", path), 0);
    static const struct {
        const char *name;
        int code;
    } bad[] = { { "short", ERR_INVALID }, { "lines", ERR_INVALID }, { "open", ERR_FORBIDDEN },
                { "link", ERR_NOTFOUND }, { "none", ERR_NOTFOUND }, { "../key", ERR_NOTFOUND } };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(secrets_get(s, bad[i].name, &text, &err), bad[i].code);
        ck_assert_ptr_nonnull(strstr(err.msg, bad[i].name));
    }
}
END_TEST

START_TEST(secrets_are_cut_out_also_those_that_were)
{
    assert_cut("", "");
    assert_cut("api-key: NRAK-1234, NRAK-1234NRAK-123", "api-key: [secret], [secret]NRAK-123");
    put("key", "NRAK-1234-and-more");
    ck_assert_int_eq(secrets_get(s, "key", &text, &err), 0);
    assert_cut("NRAK-1234 NRAK-1234-and-more", "[secret] [secret]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("secrets");
    TCase *t = tcase_create("secrets");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_secret_is_a_line_of_a_file);
    tcase_add_test(t, what_is_no_secret_is_refused_and_named);
    tcase_add_test(t, secrets_are_cut_out_also_those_that_were);
    suite_add_tcase(suite, t);
    SRunner *r = srunner_create(suite);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
