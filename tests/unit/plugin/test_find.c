/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "core/base/limits.h"
#include "core/plugin/plugin_priv.h"
#include "tests/unit/plugin/tmpdir.h"

static struct arena *arena;
static struct refusal why;

static void set_up(void)
{
    memset(&why, 0, sizeof why);
    arena = arena_new();
    tmp_make();
}

static void tear_down(void)
{
    tmp_remove();
    arena_free(arena);
}

static void assert_complete(void)
{
    ck_assert_str_ne(why.wanted, "");
    ck_assert_str_ne(why.found, "");
    ck_assert_str_ne(why.remedy, "");
}

START_TEST(plugins_of_a_directory_come_sorted_and_nothing_else_comes)
{
    tmp_write("b.so", "x", 1, 0644);
    tmp_write("a.so", "x", 1, 0644);
    tmp_write(".hidden.so", "x", 1, 0644);
    tmp_write("a.la", "x", 1, 0644);
    tmp_write("so", "x", 1, 0644);
    char **paths = find__plugins(arena, tmp_dir, &why);
    ck_assert_ptr_nonnull(paths);
    ck_assert_str_eq(paths[0], tmp_path("a.so"));
    ck_assert_str_eq(paths[1], tmp_path("b.so"));
    ck_assert_ptr_null(paths[2]);
}
END_TEST

START_TEST(a_safe_file_below_a_sticky_directory_passes)
{
    tmp_write("a.so", "x", 1, 0644);
    ck_assert_int_eq(find__file(tmp_path("a.so"), &why), 0);
}
END_TEST

START_TEST(a_group_writable_file_is_refused)
{
    tmp_write("a.so", "x", 1, 0664);
    ck_assert_int_eq(find__file(tmp_path("a.so"), &why), -1);
    assert_complete();
    ck_assert_ptr_nonnull(strstr(why.found, "a.so has mode 0664"));
}
END_TEST

START_TEST(a_world_writable_file_is_refused)
{
    tmp_write("a.so", "x", 1, 0646);
    ck_assert_int_eq(find__file(tmp_path("a.so"), &why), -1);
    assert_complete();
}
END_TEST

START_TEST(a_group_writable_directory_is_refused_by_name)
{
    ck_assert_int_eq(chmod(tmp_dir, 0775), 0);
    ck_assert_ptr_null(find__plugins(arena, tmp_dir, &why));
    assert_complete();
    ck_assert_ptr_nonnull(strstr(why.found, tmp_dir));
}
END_TEST

START_TEST(a_sticky_directory_is_no_directory_of_plugins)
{
    ck_assert_ptr_null(find__plugins(arena, "/tmp", &why));
    assert_complete();
}
END_TEST

START_TEST(a_writable_directory_above_is_refused)
{
    ck_assert_int_eq(mkdir(tmp_path("below"), 0755), 0);
    ck_assert_ptr_nonnull(find__plugins(arena, tmp_path("below"), &why));
    ck_assert_int_eq(chmod(tmp_dir, 0777), 0);
    ck_assert_ptr_null(find__plugins(arena, tmp_path("below"), &why));
    assert_complete();
}
END_TEST

START_TEST(a_link_in_place_of_a_file_is_refused)
{
    tmp_write("real", "x", 1, 0644);
    ck_assert_int_eq(symlink(tmp_path("real"), tmp_path("a.so")), 0);
    ck_assert_int_eq(find__file(tmp_path("a.so"), &why), -1);
    assert_complete();
}
END_TEST

START_TEST(a_pipe_in_place_of_a_file_is_refused_without_waiting_for_it)
{
    ck_assert_int_eq(mkfifo(tmp_path("a.so"), 0600), 0);
    ck_assert_int_eq(find__file(tmp_path("a.so"), &why), -1);
    assert_complete();
}
END_TEST

START_TEST(what_belongs_to_another_user_is_refused)
{
    if (geteuid() != 0) {
        return;
    }
    tmp_write("a.so", "x", 1, 0644);
    ck_assert_int_eq(chown(tmp_path("a.so"), 12345, 0), 0);
    ck_assert_int_eq(find__file(tmp_path("a.so"), &why), -1);
    ck_assert_ptr_nonnull(strstr(why.found, "belongs to user 12345"));
}
END_TEST

START_TEST(a_relative_path_and_a_missing_directory_are_refused)
{
    ck_assert_ptr_null(find__plugins(arena, "plugins", &why));
    assert_complete();
    ck_assert_ptr_null(find__plugins(arena, tmp_path("missing"), &why));
    assert_complete();
    ck_assert_int_eq(find__file("a.so", &why), -1);
    assert_complete();
}
END_TEST

START_TEST(a_directory_with_too_many_files_is_refused)
{
    for (int i = 0; i <= LIMIT_PLUGIN_FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "p%d.so", i);
        tmp_write(name, "x", 1, 0644);
        if (i == LIMIT_PLUGIN_FILES - 1) {
            ck_assert_ptr_nonnull(find__plugins(arena, tmp_dir, &why));
        }
    }
    ck_assert_ptr_null(find__plugins(arena, tmp_dir, &why));
    assert_complete();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("plugin/find");
    TCase *tc = tcase_create("find");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, plugins_of_a_directory_come_sorted_and_nothing_else_comes);
    tcase_add_test(tc, a_safe_file_below_a_sticky_directory_passes);
    tcase_add_test(tc, a_group_writable_file_is_refused);
    tcase_add_test(tc, a_world_writable_file_is_refused);
    tcase_add_test(tc, a_group_writable_directory_is_refused_by_name);
    tcase_add_test(tc, a_sticky_directory_is_no_directory_of_plugins);
    tcase_add_test(tc, a_writable_directory_above_is_refused);
    tcase_add_test(tc, a_link_in_place_of_a_file_is_refused);
    tcase_add_test(tc, a_pipe_in_place_of_a_file_is_refused_without_waiting_for_it);
    tcase_add_test(tc, what_belongs_to_another_user_is_refused);
    tcase_add_test(tc, a_relative_path_and_a_missing_directory_are_refused);
    tcase_add_test(tc, a_directory_with_too_many_files_is_refused);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
