/* SPDX-License-Identifier: Apache-2.0 */
/* The backend as the host sees it: documents in, words out. Linked in under a name of its own. */
#include <stdio.h>
#include <string.h>
#include "phoenix/plugin.h"
#include "tests/unit/unit.h"

extern const phx_plugin phoenix_plugin_v1_native;
static const phx_collector_ops *ops;
static phx_self *self;
static char words[4096], why[512];
static const char *refused_word = "";

static void on_fail(const phx_host *host, phx_status status, phx_str text)
{
    snprintf(why, sizeof why, "%.*s", (int)text.n, text.p);
}
static const phx_host HOST = { .size = sizeof HOST, .fail = on_fail };

static phx_status on_put(const phx_sink *sink, const char *what, phx_str key, phx_str value)
{
    size_t n = strlen(words);
    if (!strcmp(what, refused_word)) return PHX_E_UNSUPPORTED;
    snprintf(words + n, sizeof words - n, "%s %.*s=%.*s\n", what, (int)key.n, key.p, (int)value.n, value.p);
    return PHX_OK;
}
static const phx_sink SINK = { .size = sizeof SINK, .put = on_put };

static phx_str text_of(const char *z)
{
    words[0] = why[0] = 0;
    return (phx_str){ z, strlen(z) };
}

static void set_up(void)
{
    const phx_component *component = phoenix_plugin_v1_native.components[0];
    ops = component->ops;
    ck_assert_int_eq(component->create(&HOST, NULL, &self), PHX_OK);
}

static void tear_down(void)
{
    phoenix_plugin_v1_native.components[0]->destroy(self);
}

#define DEPLOY(port)                                                                                     \
    "{\"id\":\"x\",\"dir\":\"/var/lib/p/x\",\"libexec_dir\":\"/usr/libexec/phoenix\","                   \
    "\"address\":\"127.0.0.1\",\"port\":" port ",\"files\":[{\"name\":\"collector.yaml\","               \
    "\"content\":\"name: \\\"x\\\"\\n\"}],\"more\":null}"

START_TEST(render_writes_one_file_that_check_accepts)
{
    ck_assert_int_eq(
        ops->render(self, text_of("{\"name\":\"t\",\"processors\":[{\"type\":\"topk\"}]}"), &SINK), PHX_OK);
    ck_assert_str_eq(words,
                     "file collector.yaml=name: \"t\"\nmin_interval_ms: 100\ncritical: []\nprocessors:\n"
                     "  - type: topk\n    k: 20\n    by: [cpu, memory]\n\n");
    char config[4096];
    snprintf(config, sizeof config, "%s", strchr(words, '=') + 1);
    ck_assert_int_eq(ops->check(self, text_of(config), &SINK), PHX_OK);
    ck_assert_str_eq(words, "");
}
END_TEST

START_TEST(render_says_what_is_wrong_with_a_pipeline)
{
    ck_assert_int_eq(ops->render(self, text_of("{\"processors\":[{\"type\":\"topk\",\"k\":-1}]}"), &SINK),
                     PHX_E_CONFIG);
    ck_assert_str_eq(words, "");
    ck_assert_str_eq(why,
                     "the pipeline is not a native one: 1:35: k: must be a whole number from 1 to 10000");
}
END_TEST

START_TEST(check_reports_each_fault_with_its_place)
{
    ck_assert_int_eq(ops->check(self, text_of("a: 1\nmin_interval_ms: x\n"), &SINK), PHX_OK);
    ck_assert_str_eq(words, "error 1:4=unknown key \"a\"\n"
                            "error 2:18=min_interval_ms: must be a whole number from 0 to 60000\n");
}
END_TEST

START_TEST(launch_plans_program_check_probe_and_metrics)
{
    ck_assert_int_eq(ops->launch(self, text_of(DEPLOY("42000")), &SINK), PHX_OK);
    ck_assert_str_eq(words, "arg =/usr/libexec/phoenix/phoenix-collector\n"
                            "arg =--config=/var/lib/p/x/collector.yaml\n"
                            "arg =--listen=127.0.0.1:42000\n"
                            "verify-arg =/usr/libexec/phoenix/phoenix-collector\n"
                            "verify-arg =--config=/var/lib/p/x/collector.yaml\n"
                            "verify-arg =--validate\n"
                            "ready http=http://127.0.0.1:42000/healthz\n"
                            "metrics prometheus=http://127.0.0.1:42000/metrics\n"
                            "stop-signal =TERM\n");
}
END_TEST

START_TEST(launch_refuses_what_it_cannot_use)
{
    static const char *const bad[] = {
        DEPLOY("0"), DEPLOY("65536"), DEPLOY("\"42000\""), "{}", "[]", "{\"dir\":", ""
    };
    for (unsigned i = 0; i < 7; i++) {
        ck_assert_int_eq(ops->launch(self, text_of(bad[i]), &SINK), PHX_E_INVAL);
        ck_assert_str_eq(words, "");
        ck_assert_str_ne(why, "");
    }
}
END_TEST

START_TEST(a_word_that_the_host_refuses_is_reported)
{
    refused_word = "ready";
    ck_assert_int_eq(ops->launch(self, text_of(DEPLOY("42000")), &SINK), PHX_E_UNSUPPORTED);
    refused_word = "";
}
END_TEST

START_TEST(any_difference_is_a_restart)
{
    phx_str a = { DEPLOY("42000"), strlen(DEPLOY("42000")) };
    ck_assert_int_eq(ops->reload(self, a, text_of(DEPLOY("42000")), &SINK), PHX_OK);
    ck_assert_str_eq(words, "");
    ck_assert_int_eq(ops->reload(self, a, text_of(DEPLOY("42001")), &SINK), PHX_OK);
    ck_assert_str_eq(words, "restart =\n");
}
END_TEST

START_TEST(health_follows_from_what_was_seen)
{
    static const struct {
        const char *seen;
        uint32_t state;
        const char *words;
    } cases[] = {
        { "{\"alive\":true,\"ready\":true,\"probe_failures\":0}", PHX_UP, "" },
        { "{\"alive\":true,\"ready\":false}", PHX_STARTING,
          "reason =its health page has not answered yet\n" },
        { "{\"alive\":true,\"ready\":true,\"probe_failures\":3}", PHX_DEGRADED,
          "reason =3 probes in a row failed\n" },
        { "{\"alive\":false,\"exit_code\":1}", PHX_DOWN, "reason =it ended with status 1\n" },
        { "{\"alive\":false,\"signal\":9}", PHX_DOWN, "reason =it was ended by signal 9\n" },
        { "{}", PHX_DOWN, "reason =it does not run\n" },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t state = 99;
        ck_assert_int_eq(ops->health(self, text_of(cases[i].seen), &SINK, &state), PHX_OK);
        ck_assert_uint_eq(state, cases[i].state);
        ck_assert_str_eq(words, cases[i].words);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("collector/native");
    TCase *tc = tcase_create("native");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, render_writes_one_file_that_check_accepts);
    tcase_add_test(tc, render_says_what_is_wrong_with_a_pipeline);
    tcase_add_test(tc, check_reports_each_fault_with_its_place);
    tcase_add_test(tc, launch_plans_program_check_probe_and_metrics);
    tcase_add_test(tc, launch_refuses_what_it_cannot_use);
    tcase_add_test(tc, a_word_that_the_host_refuses_is_reported);
    tcase_add_test(tc, any_difference_is_a_restart);
    tcase_add_test(tc, health_follows_from_what_was_seen);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
