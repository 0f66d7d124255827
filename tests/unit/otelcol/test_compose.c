/* SPDX-License-Identifier: Apache-2.0 */
/* render(): the document's parts and ours, as one config. */
#include "plugins/collector/otelcol/compose.h"
#include "tests/unit/otelcol/backend.h"

static void renders(const char *pipeline)
{
    phx_status status = compose(&HOST, text_of(pipeline), &SINK);
    ck_assert_msg(status == PHX_OK, "%d: %s", status, why);
}

static void is_refused(const char *pipeline, const char *reason)
{
    ck_assert_int_eq(compose(&HOST, text_of(pipeline), &SINK), PHX_E_CONFIG);
    ck_assert_str_eq(words, "");
    assert_holds(why, reason);
}

START_TEST(our_parts_come_after_those_of_the_document)
{
    renders("{\"receivers\":{\"hostmetrics\":{\"collection_interval\":\"2s\"}},"
            "\"service\":{\"pipelines\":{\"metrics\":{\"receivers\":[\"hostmetrics\"]}}}}");
    ck_assert_str_eq(words, "file config.yaml=receivers:\n"
                            "  hostmetrics:\n"
                            "    collection_interval: \"2s\"\n"
                            "service:\n"
                            "  pipelines:\n"
                            "    metrics:\n"
                            "      receivers:\n"
                            "        - \"hostmetrics\"\n"
                            "      exporters:\n"
                            "        - \"prometheus\"\n"
                            "  extensions:\n"
                            "    - \"health_check\"\n"
                            "  telemetry:\n"
                            "    metrics:\n"
                            "      readers:\n"
                            "        - pull:\n"
                            "            exporter:\n"
                            "              prometheus:\n"
                            "                host: \"${env:PHX_ADDRESS}\"\n"
                            "                port: \"${env:PHX_TELEMETRY_PORT}\"\n"
                            "                without_scope_info: true\n"
                            "                without_type_suffix: true\n"
                            "                without_units: true\n"
                            "      level: \"normal\"\n"
                            "    logs:\n"
                            "      encoding: \"json\"\n"
                            "extensions:\n"
                            "  health_check:\n"
                            "    endpoint: \"${env:PHX_ADDRESS}:${env:PHX_HEALTH_PORT}\"\n"
                            "exporters:\n"
                            "  prometheus:\n"
                            "    endpoint: \"${env:PHX_ADDRESS}:${env:PHX_EXPORT_PORT}\"\n"
                            "    metric_expiration: \"30s\"\n"
                            "    without_scope_info: true\n\n"
                            "file phoenix.json={}\n");
}
END_TEST

START_TEST(settings_of_the_document_win_over_defaults)
{
    renders("{exporters: {prometheus: {metric_expiration: 5m, send_timestamps: true}},"
            " extensions: {zpages: ~},"
            " service: {extensions: [zpages], telemetry: {logs: {encoding: console, level: debug}}}}");
    assert_holds(words, "prometheus:\n    metric_expiration: \"5m\"\n    send_timestamps: true\n    "
                        "endpoint");
    assert_holds(words, "extensions:\n    - \"zpages\"\n    - \"health_check\"\n");
    assert_holds(words, "encoding: \"console\"\n      level: \"debug\"\n");
}
END_TEST

START_TEST(what_is_ours_to_say_is_refused)
{
    is_refused("{exporters: {prometheus: {endpoint: '0.0.0.0:8889'}}}", "exporters.prometheus.endpoint: is "
                                                                        "for Phoenix to set");
    is_refused("{extensions: {health_check: {}}}", "health_check is for Phoenix to set");
    is_refused("{receivers: {otlp: {protocols: {http: {endpoint: '0.0.0.0:4318'}}}}}",
               "receivers.otlp.protocols.http.endpoint: is for Phoenix to set");
    is_refused("{receivers: {otlp: ~, otlp/two: ~}}", "receivers.otlp/two: an instance has the ports of "
                                                      "one");
    is_refused("{service: []}", "service must be a map");
    is_refused("{service: {pipelines: {metrics: {exporters: {}}}}}", "service.pipelines.metrics: exporters "
                                                                     "must be a list");
    is_refused("{receivers: x}", "receivers must be a map");
    is_refused("[]", "must be a map");
    is_refused("{a", "");
}
END_TEST

START_TEST(each_pipeline_of_metrics_that_ends_here_is_exported)
{
    renders("{connectors: {count: ~}, service: {pipelines: {metrics/in: {exporters: [count]},"
            " metrics/out: {exporters: [otlphttp]}, metrics: ~, logs: {exporters: [debug]}}}}");
    assert_holds(words, "metrics/in:\n      exporters:\n        - \"count\"\n    metrics/out");
    assert_holds(words, "metrics/out:\n      exporters:\n        - \"otlphttp\"\n        - "
                        "\"prometheus\"\n");
    assert_holds(words, "logs:\n      exporters:\n        - \"debug\"\n  extensions");
}
END_TEST

START_TEST(a_document_that_says_where_it_exports_is_left_alone)
{
    renders("{service: {pipelines: {metrics/a: {exporters: [debug]}, metrics/b: {exporters: "
            "[prometheus]}}}}");
    assert_holds(words, "metrics/a:\n      exporters:\n        - \"debug\"\n    metrics/b");
}
END_TEST

START_TEST(an_otlp_receiver_gets_the_ports_of_its_protocols)
{
    static const char http[] = "http:\n        endpoint: \"${env:PHX_ADDRESS}:${env:PHX_OTLP_HTTP_PORT}\"\n",
                      grpc[] = "grpc:\n        endpoint: \"${env:PHX_ADDRESS}:${env:PHX_OTLP_GRPC_PORT}\"\n";
    static const struct {
        const char *receiver;
        bool http, grpc;
    } cases[] = {
        { "otlp: ~", true, true },
        { "otlp/in: {protocols: ~}", true, true },
        { "otlp: {protocols: {http: ~}}", true, false },
        { "otlp: {protocols: {grpc: {}}}", false, true },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "{receivers: {%s}}", cases[i].receiver);
        renders(text);
        ck_assert_int_eq(strstr(words, http) != NULL, cases[i].http);
        ck_assert_int_eq(strstr(words, grpc) != NULL, cases[i].grpc);
        ck_assert_int_eq(strstr(words, "{\"otlp_http\":true}") != NULL, cases[i].http);
    }
}
END_TEST

START_TEST(what_is_for_launch_travels_beside_the_config)
{
    renders("{phoenix: {rank: {k: 5, by: [cpu]}, gates: [a.b, -c], memory_mib: 300},"
            " receivers: {hostmetrics/p: {scrapers: {process: ~}}, host_metrics: {scrapers: {process: {}}},"
            " hostmetrics: {scrapers: {cpu: ~}}}, exporters: {otlphttp: {headers: {api-key: {secret: "
            "key}}}}}");
    assert_holds(words, "file "
                        "phoenix.json={\"rank\":{\"k\":5,\"by\":[\"cpu\"],\"critical\":[],\"every\":\"10s\"}"
                        ","
                        "\"gates\":[\"a.b\",\"-c\"],\"memory_mib\":300,"
                        "\"ranked\":[\"hostmetrics/p\",\"host_metrics\"],\"secrets\":[\"key\"]}\n");
    assert_holds(words, "api-key: \"${env:PHX_SECRET_1}\"");
    assert_lacks(words, "phoenix:");
}
END_TEST

START_TEST(names_that_are_ranked_may_be_any_text)
{
    renders("{phoenix: {rank: {critical: ['${env:HOME}', {ottl: '{n}s', with: {n: 5}}]}},"
            " receivers: {hostmetrics: {scrapers: {process: ~}}}}");
    assert_holds(words, "\"critical\":[\"${env:HOME}\",\"5s\"]");
    is_refused("{a: '${env:HOME}', phoenix: {}}", "a: ${...} names a variable");
}
END_TEST

START_TEST(extras_that_make_no_sense_are_refused)
{
    is_refused("{phoenix: {x: 1}}", "phoenix.x: is not known here");
    is_refused("{phoenix: []}", "phoenix must be a map");
    is_refused("{phoenix: {rank: {}}}", "needs a hostmetrics receiver");
    is_refused("{phoenix: {rank: {k: 0}}}", "phoenix.rank.k: must be a whole number from 1 to 10000");
    is_refused("{phoenix: {rank: {by: []}}}", "phoenix.rank.by: must be");
    is_refused("{phoenix: {rank: {by: [disk]}}}", "phoenix.rank.by: must be");
    is_refused("{phoenix: {rank: {critical: ['']}}}", "phoenix.rank.critical: must be");
    is_refused("{phoenix: {rank: {every: often}}}", "phoenix.rank.every: must be a duration");
    is_refused("{phoenix: {rank: 5}}", "phoenix.rank: must be a map");
    is_refused("{phoenix: {gates: ['a,b']}}", "phoenix.gates: must be");
    is_refused("{phoenix: {memory_mib: 15}}", "phoenix.memory_mib: must be");
}
END_TEST

START_TEST(a_word_that_the_host_refuses_is_reported)
{
    refused_word = "file";
    ck_assert_int_eq(compose(&HOST, text_of("{}"), &SINK), PHX_E_UNSUPPORTED);
    refused_word = "";
}
END_TEST

UNIT_MAIN("otelcol/compose", our_parts_come_after_those_of_the_document,
          settings_of_the_document_win_over_defaults, what_is_ours_to_say_is_refused,
          each_pipeline_of_metrics_that_ends_here_is_exported,
          a_document_that_says_where_it_exports_is_left_alone,
          an_otlp_receiver_gets_the_ports_of_its_protocols, what_is_for_launch_travels_beside_the_config,
          names_that_are_ranked_may_be_any_text, extras_that_make_no_sense_are_refused,
          a_word_that_the_host_refuses_is_reported)
