/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include "core/agent/files.h"
#include "core/agent/plan.h"

static struct plan *plan;

static void before(void)
{
    plan = plan_new();
}

static void after(void)
{
    plan_free(plan);
}

static phx_status put(const char *what, const char *key, const char *value)
{
    return plan->sink.put(&plan->sink, what, (phx_str){ key, strlen(key) },
                          (phx_str){ value, strlen(value) });
}

static void put_minimum(void)
{
    ck_assert_int_eq(put("arg", "", "/bin/collector"), 0);
    ck_assert_int_eq(put("ready", "http", "http://127.0.0.1:1/ready"), 0);
    ck_assert_int_eq(put("metrics", "own", "http://127.0.0.1:1/metrics"), 0);
}

START_TEST(a_whole_plan_is_taken)
{
    put_minimum();
    ck_assert_int_eq(put("arg", "", "--config=x"), 0);
    ck_assert_int_eq(put("verify-arg", "", "/bin/collector"), 0);
    ck_assert_int_eq(put("env", "NAME", "value"), 0);
    ck_assert_int_eq(put("file", "a.yaml", "one"), 0);
    ck_assert_int_eq(put("file", "a.yaml", "two"), 0);
    ck_assert_int_eq(put("stop-signal", "", "INT"), 0);
    ck_assert_int_eq(put("limit.memory", "", "512MiB"), 0);
    ck_assert_int_eq(plan_check(plan, NULL), 0);
    ck_assert_str_eq(plan->argv[1], "--config=x");
    ck_assert_ptr_null(plan->argv[2]);
    ck_assert_str_eq(plan->env[0], "NAME=value");
    ck_assert_uint_eq(plan->n_files, 1);
    ck_assert(str_eqz(plan->files[0].content, "two"));
    ck_assert_int_eq(plan->stop_signal, SIGINT);
    ck_assert_uint_eq(plan->max_memory, 512 << 20);
}
END_TEST

START_TEST(where_it_takes_otlp_is_kept)
{
    put_minimum();
    ck_assert_ptr_null(plan->otlp_url);
    ck_assert_int_eq(put("otlp", "grpc", "http://127.0.0.1:4317"), PHX_E_UNSUPPORTED);
    ck_assert_int_eq(put("otlp", "http", "http://127.0.0.1:4318"), 0);
    ck_assert_str_eq(plan->otlp_url, "http://127.0.0.1:4318");
    ck_assert_int_eq(put("otlp", "http", "127.0.0.1:4318"), PHX_E_INVAL);
}
END_TEST

START_TEST(the_first_program_that_is_there_comes_first)
{
    struct err err = { 0 };
    ck_assert_int_eq(put("program", "", "no-such-collector"), 0);
    ck_assert_int_eq(put("program", "", "sh"), 0);
    ck_assert_int_eq(put("arg", "", "--config=x"), 0);
    ck_assert_int_eq(put("verify-arg", "", "validate"), 0);
    ck_assert_int_eq(put("ready", "http", "http://127.0.0.1:1/ready"), 0);
    ck_assert_int_eq(put("metrics", "prometheus", "http://127.0.0.1:1/metrics"), 0);
    ck_assert_int_eq(plan_check(plan, NULL), 0);
    ck_assert_int_eq(plan_program(plan, "/nowhere", "bin::/usr/nowhere", &err), ERR_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(err.msg, "no-such-collector, sh"));
    ck_assert_int_eq(plan_program(plan, "/nowhere", "/usr/nowhere:/bin", &err), 0);
    ck_assert_str_eq(plan->argv[0], "/bin/sh");
    ck_assert_str_eq(plan->argv[1], "--config=x");
    ck_assert_ptr_null(plan->argv[2]);
    ck_assert_str_eq(plan->verify[0], "/bin/sh");
    ck_assert_str_eq(plan->verify[1], "validate");
}
END_TEST

START_TEST(own_telemetry_and_secrets_are_kept_apart)
{
    put_minimum();
    ck_assert_int_eq(put("metrics", "self", "http://127.0.0.1:2/metrics"), 0);
    ck_assert_int_eq(put("secret", "PHX_SECRET_1", "nr.key"), 0);
    ck_assert_str_eq(plan->self_url, "http://127.0.0.1:2/metrics");
    ck_assert_str_eq(plan->metrics_url, "http://127.0.0.1:1/metrics");
    ck_assert_uint_eq(plan->n_secrets, 1);
    ck_assert_str_eq(plan->secrets[0].variable, "PHX_SECRET_1");
    ck_assert_str_eq(plan->secrets[0].name, "nr.key");
    ck_assert_uint_eq(plan->n_env, 0);
}
END_TEST

START_TEST(a_ranking_and_a_change_are_kept)
{
    put_minimum();
    ck_assert_int_eq(put("rank", "", "{\"k\":3}"), 0);
    ck_assert_int_eq(put("signal", "", "HUP"), 0);
    ck_assert_str_eq(plan->rank, "{\"k\":3}");
    ck_assert_int_eq(plan->signal, SIGHUP);
    ck_assert_int_eq(plan->stop_signal, SIGTERM);
    ck_assert_int_eq(put("restart", "", ""), PHX_E_INVAL);
    ck_assert_int_eq(plan_check(plan, NULL), ERR_UNSUPPORTED);
}
END_TEST

START_TEST(the_first_metrics_url_counts)
{
    put_minimum();
    ck_assert_int_eq(put("metrics", "other", "http://127.0.0.1:2/other"), 0);
    ck_assert_str_eq(plan->metrics_url, "http://127.0.0.1:1/metrics");
}
END_TEST

START_TEST(unknown_words_are_said_to_be_unknown_and_do_no_harm)
{
    put_minimum();
    ck_assert_int_eq(put("cgroup", "a", "b"), PHX_E_UNSUPPORTED);
    ck_assert_int_eq(plan_check(plan, NULL), 0);
}
END_TEST

START_TEST(file_names_cannot_leave_the_folder)
{
    static const char *const bad[] = { "",     ".",    "..",  "a/b",         "/etc/passwd", "../x",
                                       ".new", "a\nb", "a b", "caf\xc3\xa9", "a\\b" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!file_name_ok(str_of(bad[i])), "\"%s\"", bad[i]);
    ck_assert(!file_name_ok((struct str){ "a\0b", 3 }));
    ck_assert(file_name_ok(STR("collector-1_b.yaml")));
    put_minimum();
    ck_assert_int_eq(put("file", "../x", "y"), PHX_E_INVAL);
    ck_assert_int_ne(plan_check(plan, NULL), 0);
}
END_TEST

START_TEST(a_bad_word_spoils_the_plan)
{
    static const char *const bad[][3] = {
        { "ready", "http", "file:///etc/passwd" },
        { "metrics", "", "https//x" },
        { "stop-signal", "", "KILL" },
        { "limit.memory", "", "much" },
        { "env", "LD_PRELOAD", "x" },
        { "env", "A=B", "x" },
        { "env", "", "x" },
        { "env", "1A", "x" },
        { "secret", "A", "../x" },
        { "secret", "LD_PRELOAD", "x" },
        { "program", "", "a/b" },
        { "program", "", "" },
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = { 0 };
        put_minimum();
        ck_assert_msg(put(bad[i][0], bad[i][1], bad[i][2]) == PHX_E_INVAL, "%s %s", bad[i][0], bad[i][2]);
        ck_assert_int_ne(plan_check(plan, &err), 0);
        ck_assert_str_ne(err.msg, "");
        after();
        before();
    }
}
END_TEST

START_TEST(what_is_missing_is_named)
{
    struct err err = { 0 };
    ck_assert_int_eq(plan_check(plan, &err), ERR_INVAL);
    ck_assert_int_eq(put("arg", "", "relative"), 0);
    ck_assert_int_eq(plan_check(plan, &err), ERR_INVAL);
    ck_assert_ptr_nonnull(strstr(err.msg, "absolute"));
}
END_TEST

START_TEST(there_are_limits)
{
    put_minimum();
    for (unsigned i = 1; i < PLAN_ARGS_MAX; i++)
        ck_assert_int_eq(put("arg", "", "x"), 0);
    ck_assert_int_eq(put("arg", "", "x"), PHX_E_INVAL);
    ck_assert_int_eq(plan_check(plan, NULL), ERR_LIMIT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("plan");
    TCase *c = tcase_create("plan");
    tcase_add_checked_fixture(c, before, after);
    tcase_add_test(c, a_whole_plan_is_taken);
    tcase_add_test(c, where_it_takes_otlp_is_kept);
    tcase_add_test(c, the_first_program_that_is_there_comes_first);
    tcase_add_test(c, own_telemetry_and_secrets_are_kept_apart);
    tcase_add_test(c, a_ranking_and_a_change_are_kept);
    tcase_add_test(c, the_first_metrics_url_counts);
    tcase_add_test(c, unknown_words_are_said_to_be_unknown_and_do_no_harm);
    tcase_add_test(c, file_names_cannot_leave_the_folder);
    tcase_add_test(c, a_bad_word_spoils_the_plan);
    tcase_add_test(c, what_is_missing_is_named);
    tcase_add_test(c, there_are_limits);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
