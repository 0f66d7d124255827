/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "core/base/log.h"
#include "core/plugin/plugin_priv.h"
#include "tests/unit/plugin/tmpdir.h"

static const char *dirs[] = { tmp_dir, NULL };
static struct registry *registry;
static int n_log_lines;

static void on_line(void *arg, const char *line)
{
    n_log_lines++;
}

static void set_up(void)
{
    log_capture(on_line, NULL);
    tmp_make();
}

static void tear_down(void)
{
    registry_free(registry);
    tmp_remove();
}

/* Put a module that was built for these tests, or the template, into the folder. */
static void install(const char *built, const char *as)
{
    char path[512];
    const char *top = getenv("top_builddir");
    snprintf(path, sizeof path, "%s/%s.so", top ? top : ".", built);
    tmp_copy(path, as, 0755);
}

static void install_bad(const char *name)
{
    char built[128], as[128];
    snprintf(built, sizeof built, "tests/unit/plugin/.libs/bad_%s", name);
    snprintf(as, sizeof as, "bad_%s.so", name);
    install(built, as);
}

#define TEMPLATE "plugins/template/.libs/kpi_template"

static void load(void)
{
    struct registry_conf conf = { .program = "test", .version = "1", .dirs = dirs };
    registry = registry_new(&conf, NULL);
    ck_assert_ptr_nonnull(registry);
}

static const struct refused *only_refused(void)
{
    ck_assert_uint_eq(registry_refused_count(registry), 1);
    const struct refused *x = registry_refused_at(registry, 0);
    ck_assert_str_ne(x->path, "");
    ck_assert_str_ne(x->wanted, "");
    ck_assert_str_ne(x->found, "");
    ck_assert_str_ne(x->remedy, "");
    return x;
}

START_TEST(a_plugin_is_found_loaded_and_described)
{
    install(TEMPLATE, "kpi_template.so");
    load();
    ck_assert_uint_eq(registry_refused_count(registry), 0);
    ck_assert_uint_eq(registry_count(registry), 1);
    struct err err = { 0 };
    const struct component *c = registry_find(registry, PHX_KPI, "template", &err);
    ck_assert_ptr_nonnull(c);
    ck_assert_str_eq(c->plugin_id, "org.example.phoenix-template");
    ck_assert_str_eq(c->path, tmp_path("kpi_template.so"));
    ck_assert_ptr_nonnull(c->schema);
    struct buf out;
    struct jw w;
    buf_init(&out, 1 << 16);
    jw_init(&w, &out);
    component_write(c, &w);
    struct json *j = json_parse(buf_str(&out), NULL, &err);
    ck_assert_msg(j != NULL, "%s: %s", err.msg, buf_cstr(&out));
    ck_assert_str_eq(json_get_str(j, "license", ""), "Apache-2.0");
    ck_assert_ptr_nonnull(json_path(j, "parameters.properties.factor"));
    json_free(j);
    buf_done(&out);
}
END_TEST

static const struct {
    const char *name, *found;
} bad[] = {
    { "none", "no such symbol" },
    { "size", "" },
    { "big", "size 4000" },
    { "minor", "it needs 1.999" },
    { "license", "none" },
    { "kind", "org.example.alerting/1" },
    { "schema", "the schema of component" },
    { "crash", "" }, /* with a sanitizer it exits, without it is killed */
    { "exit", "ends the process" },
    { "pointer", "" },
};

START_TEST(a_bad_plugin_is_listed_with_the_reason_and_the_good_one_stays)
{
    install(TEMPLATE, "kpi_template.so");
    install_bad(bad[_i].name);
    n_log_lines = 0;
    load();
    const struct refused *x = only_refused();
    ck_assert_ptr_nonnull(strstr(x->path, bad[_i].name));
    ck_assert_msg(strstr(x->found, bad[_i].found), "found: %s", x->found);
    ck_assert_uint_eq(registry_count(registry), 1);
    ck_assert_str_eq(registry_at(registry, 0)->name, "template");
    ck_assert_int_ge(n_log_lines, 1);
}
END_TEST

START_TEST(a_text_file_is_no_plugin)
{
    tmp_write("readme.so", "hello\n", 6, 0644);
    load();
    ck_assert_ptr_nonnull(strstr(only_refused()->path, "readme.so"));
    ck_assert_uint_eq(registry_count(registry), 0);
}
END_TEST

START_TEST(an_unsafe_file_is_refused_before_it_is_mapped)
{
    install_bad("exit");
    ck_assert_int_eq(chmod(tmp_path("bad_exit.so"), 0666), 0);
    load();
    ck_assert_ptr_nonnull(strstr(only_refused()->found, "mode 0666"));
}
END_TEST

START_TEST(an_unsafe_directory_is_refused_as_a_whole)
{
    install(TEMPLATE, "kpi_template.so");
    ck_assert_int_eq(chmod(tmp_dir, 0777), 0);
    load();
    ck_assert_str_eq(only_refused()->path, tmp_dir);
    ck_assert_uint_eq(registry_count(registry), 0);
}
END_TEST

START_TEST(of_two_components_with_one_name_the_first_counts)
{
    install(TEMPLATE, "a.so");
    install_bad("duplicate");
    load();
    const struct refused *x = only_refused();
    ck_assert_ptr_nonnull(strstr(x->path, "duplicate"));
    ck_assert_ptr_nonnull(strstr(x->found, "a.so"));
    ck_assert_str_eq(registry_find(registry, PHX_KPI, "template", NULL)->plugin_id,
                     "org.example.phoenix-template");
}
END_TEST

START_TEST(of_two_plugins_with_one_id_the_first_counts)
{
    install(TEMPLATE, "a.so");
    install_bad("twin");
    load();
    ck_assert_ptr_nonnull(strstr(only_refused()->found, "org.example.phoenix-template"));
    ck_assert_uint_eq(registry_count(registry), 1);
}
END_TEST

START_TEST(what_is_not_there_is_answered_with_what_is)
{
    install(TEMPLATE, "a.so");
    load();
    struct err err = { 0 };
    ck_assert_ptr_null(registry_find(registry, PHX_KPI, "cost", &err));
    ck_assert_int_eq(err.code, ERR_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(err.remedy, "template"));
}
END_TEST

START_TEST(a_missing_directory_is_listed_and_not_fatal)
{
    static const char *missing[] = { "/nonexistent/phoenix", NULL };
    struct registry_conf conf = { .program = "test", .version = "1", .dirs = missing };
    registry = registry_new(&conf, NULL);
    only_refused();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("plugin/registry");
    TCase *tc = tcase_create("registry");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_plugin_is_found_loaded_and_described);
    tcase_add_loop_test(tc, a_bad_plugin_is_listed_with_the_reason_and_the_good_one_stays, 0,
                        sizeof bad / sizeof bad[0]);
    tcase_add_test(tc, a_text_file_is_no_plugin);
    tcase_add_test(tc, an_unsafe_file_is_refused_before_it_is_mapped);
    tcase_add_test(tc, an_unsafe_directory_is_refused_as_a_whole);
    tcase_add_test(tc, of_two_components_with_one_name_the_first_counts);
    tcase_add_test(tc, of_two_plugins_with_one_id_the_first_counts);
    tcase_add_test(tc, what_is_not_there_is_answered_with_what_is);
    tcase_add_test(tc, a_missing_directory_is_listed_and_not_fatal);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
