/* SPDX-License-Identifier: Apache-2.0 */
/* launch() and reload(): deploy documents to plans. */
#include "plugins/collector/otelcol/deploy.h"
#include "tests/unit/otelcol/backend.h"

/* `extras` is the content of phoenix.json within a JSON string, `more` members of the document. */
#define DEPLOY_AT(address, ports, extras, more)                                                             \
    "{\"id\":\"x\",\"experiment_id\":\"e\",\"variant\":\"candidate\",\"host_id\":\"web-1\",\"dir\":\"/d/"   \
    "x\","                                                                                                  \
    "\"address\":\"" address "\",\"port\":42000,\"ports\":" ports                                           \
    ",\"files\":[{\"name\":\"config.yaml\",\"content\":\"\"},{\"name\":\"phoenix.json\",\"content\":"       \
    "\"" extras "\"}]" more "}"
#define PORTS "[42000,42001,42002,42003,42004,42005]"
#define DEPLOY(extras, more) DEPLOY_AT("127.0.0.1", PORTS, extras, more)
#define RANK                                                                                                \
    "{\\\"rank\\\":{\\\"k\\\":5,\\\"by\\\":[\\\"cpu\\\"]},\\\"ranked\\\":[\\\"hostmetrics\\\",\\\"h/"       \
    "2\\\"]}"

static const char *const PROGRAMS[] = { "otelcol-contrib", "otelcol-phoenix", NULL };

static void launches(const char *deploy)
{
    phx_status status = deploy_launch(&HOST, PROGRAMS, text_of(deploy), &SINK);
    ck_assert_msg(status == PHX_OK, "%d: %s", status, why);
}

START_TEST(launch_plans_program_config_environment_and_urls)
{
    launches(DEPLOY("{}", ",\"more\":null"));
    ck_assert_str_eq(words, "program =otelcol-contrib\n"
                            "program =otelcol-phoenix\n"
                            "arg =--config=/d/x/config.yaml\n"
                            "verify-arg =validate\n"
                            "verify-arg =--config=/d/x/config.yaml\n"
                            "env PHX_ADDRESS=127.0.0.1\n"
                            "env PHX_EXPORT_PORT=42000\n"
                            "env PHX_TELEMETRY_PORT=42001\n"
                            "env PHX_HEALTH_PORT=42002\n"
                            "env PHX_OTLP_HTTP_PORT=42003\n"
                            "env PHX_OTLP_GRPC_PORT=42004\n"
                            "env PHX_HOST_ID=web-1\n"
                            "env PHX_EXPERIMENT=e\n"
                            "env PHX_VARIANT=candidate\n"
                            "ready http=http://127.0.0.1:42002/\n"
                            "metrics prometheus=http://127.0.0.1:42000/metrics\n"
                            "metrics self=http://127.0.0.1:42001/metrics\n"
                            "stop-signal =TERM\n");
}
END_TEST

START_TEST(what_the_document_asked_for_becomes_words)
{
    launches(DEPLOY("{\\\"otlp_http\\\":true,\\\"memory_mib\\\":300,\\\"gates\\\":[\\\"a.b\\\",\\\"-c\\\"],"
                    "\\\"secrets\\\":[\\\"licence\\\",\\\"other\\\"]}",
                    ""));
    assert_holds(words, "\narg =--feature-gates=a.b,-c\n");
    assert_holds(words, "\nverify-arg =--feature-gates=a.b,-c\n");
    assert_holds(words, "\nenv GOMEMLIMIT=300MiB\n");
    assert_holds(words, "\nsecret PHX_SECRET_1=licence\nsecret PHX_SECRET_2=other\n");
    assert_holds(words, "\notlp http=http://127.0.0.1:42003\n");
    assert_lacks(words, "limit.memory");
}
END_TEST

START_TEST(an_ipv6_address_is_put_in_brackets)
{
    launches(DEPLOY_AT("::1", PORTS, "{}", ""));
    assert_holds(words, "\nenv PHX_ADDRESS=[::1]\n");
    assert_holds(words, "\nready http=http://[::1]:42002/\n");
}
END_TEST

START_TEST(ranked_names_come_as_a_file_that_replaces_those_of_the_scraper)
{
    launches(DEPLOY(RANK, ",\"processes\":[\"java\",\"a\\\"$b\"]"));
    assert_holds(words, "\narg =--config=/d/x/config.yaml\narg =--config=/d/x/names.yaml\n"
                        "arg =--feature-gates=service.partialReload\nverify-arg =validate\n"
                        "verify-arg =--config=/d/x/config.yaml\nverify-arg =--config=/d/x/names.yaml\n"
                        "verify-arg =--feature-gates=service.partialReload\n");
    assert_holds(words, "\nrank ={\"k\":5,\"by\":[\"cpu\"]}\n");
    assert_holds(words, "\nfile names.yaml=receivers:\n  \"hostmetrics\":\n    scrapers:\n      process:\n"
                        "        include:\n          match_type: strict\n          names:\n"
                        "            - \"no process has been ranked yet\"\n"
                        "            - \"java\"\n            - \"a\\\"$$b\"\n  \"h/2\":\n");
}
END_TEST

START_TEST(the_list_of_names_is_never_empty)
{
    launches(DEPLOY(RANK, ""));
    assert_holds(words, "          names:\n            - \"no process has been ranked yet\"\n  \"h/2\":");
    launches(DEPLOY(RANK, ",\"processes\":[]"));
    assert_holds(words, "          names:\n            - \"no process has been ranked yet\"\n  \"h/2\":");
}
END_TEST

START_TEST(a_config_without_the_second_file_will_do)
{
    launches("{\"dir\":\"/d\",\"address\":\"127.0.0.1\",\"ports\":" PORTS ",\"files\":[]}");
    assert_holds(words, "arg =--config=/d/config.yaml\n");
}
END_TEST

START_TEST(launch_refuses_what_it_cannot_use)
{
    static const char *const bad[] = {
        DEPLOY_AT("", PORTS, "{}", ""),
        DEPLOY_AT("127.0.0.1", "[1,2,3,4]", "{}", ""),
        DEPLOY_AT("127.0.0.1", "[1,2,3,4,65536]", "{}", ""),
        DEPLOY_AT("127.0.0.1", "[1,2,0,4,5]", "{}", ""),
        DEPLOY_AT("127.0.0.1", "{}", "{}", ""),
        DEPLOY("[", ""),
        DEPLOY("[]", ""),
        "{}",
        "[]",
        "{\"dir\":",
        "",
        "{\"dir\":\"d\",\"address\":\"127.0.0.1\",\"ports\":" PORTS "}",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(deploy_launch(&HOST, PROGRAMS, text_of(bad[i]), &SINK), PHX_E_INVAL);
        ck_assert_str_eq(words, "");
        ck_assert_str_ne(why, "");
    }
}
END_TEST

START_TEST(extras_of_the_wrong_shape_are_survived)
{
    launches(DEPLOY("{\\\"rank\\\":5,\\\"ranked\\\":[[1]],\\\"gates\\\":[{}],\\\"secrets\\\":{\\\"a\\\":[]}"
                    "}",
                    ",\"processes\":{\"a\":[]}"));
}
END_TEST

START_TEST(a_word_that_the_host_refuses_is_reported)
{
    static const char *const some[] = { "program", "arg", "env", "rank", "file" };
    for (unsigned i = 0; i < sizeof some / sizeof some[0]; i++) {
        refused_word = some[i];
        ck_assert_int_eq(deploy_launch(&HOST, PROGRAMS, text_of(DEPLOY(RANK, "")), &SINK),
                         PHX_E_UNSUPPORTED);
    }
    refused_word = "";
}
END_TEST

static void reloads(const char *old, const char *new)
{
    phx_str before = { old, strlen(old) };
    ck_assert_int_eq(deploy_reload(&HOST, before, text_of(new), &SINK), PHX_OK);
}

START_TEST(nothing_is_done_for_equal_documents)
{
    reloads(DEPLOY(RANK, ",\"processes\":[\"a\"]"), DEPLOY(RANK, ",\"processes\":[\"a\"]"));
    ck_assert_str_eq(words, "");
    reloads(DEPLOY("{}", ",\"processes\":[\"a\"]"), DEPLOY("{}", ",\"processes\":[\"b\"]"));
    ck_assert_str_eq(words, "");
}
END_TEST

START_TEST(other_processes_are_a_file_and_a_signal)
{
    static const char *const olds[] = { ",\"processes\":[\"a\"]", "" };
    char old[1024];
    for (unsigned i = 0; i < 2; i++) {
        snprintf(old, sizeof old, "%.*s%s}", (int)strlen(DEPLOY(RANK, "")) - 1, DEPLOY(RANK, ""), olds[i]);
        reloads(old, DEPLOY(RANK, ",\"processes\":[\"b\"]"));
        ck_assert_ptr_eq(strstr(words, "file names.yaml=receivers:\n"), words);
        assert_holds(words, "            - \"b\"\n");
        assert_holds(words, "\nsignal =HUP\n");
        assert_lacks(words, "restart");
    }
}
END_TEST

START_TEST(anything_else_is_a_restart)
{
    reloads(DEPLOY(RANK, ""), DEPLOY_AT("127.0.0.1", "[1,2,3,4,5]", RANK, ",\"processes\":[\"b\"]"));
    ck_assert_str_eq(words, "restart =\n");
    reloads(DEPLOY("{}", ""), DEPLOY("{\\\"memory_mib\\\":20}", ""));
    ck_assert_str_eq(words, "restart =\n");
}
END_TEST

START_TEST(reload_refuses_what_launch_refuses)
{
    phx_str good = { DEPLOY("{}", ""), strlen(DEPLOY("{}", "")) }, bad = { "{}", 2 };
    ck_assert_int_eq(deploy_reload(&HOST, good, bad, &SINK), PHX_E_INVAL);
    ck_assert_int_eq(deploy_reload(&HOST, bad, good, &SINK), PHX_E_INVAL);
}
END_TEST

UNIT_MAIN("otelcol/deploy", launch_plans_program_config_environment_and_urls,
          what_the_document_asked_for_becomes_words, an_ipv6_address_is_put_in_brackets,
          ranked_names_come_as_a_file_that_replaces_those_of_the_scraper, the_list_of_names_is_never_empty,
          a_config_without_the_second_file_will_do, launch_refuses_what_it_cannot_use,
          extras_of_the_wrong_shape_are_survived, a_word_that_the_host_refuses_is_reported,
          nothing_is_done_for_equal_documents, other_processes_are_a_file_and_a_signal,
          anything_else_is_a_restart, reload_refuses_what_launch_refuses)
