/* SPDX-License-Identifier: Apache-2.0 */
/* check(): diagnostics with line and column. */
#include "plugins/collector/otelcol/check.h"
#include "tests/unit/otelcol/backend.h"

#define PIPELINE(receivers, processors, exporters)                                                          \
    "receivers: {otlp: {}}\nprocessors: {memory_limiter: {}, probabilistic_sampler: {}}\n"                  \
    "exporters: {debug: {}}\nservice: {pipelines: {metrics: {receivers: " receivers                         \
    ", processors: " processors ", exporters: " exporters "}}}\n"

static void says(const char *config, const char *want)
{
    ck_assert_int_eq(check_config(text_of(config), &SINK), PHX_OK);
    ck_assert_str_eq(words, want);
}

START_TEST(a_good_config_gets_no_word)
{
    says(PIPELINE("[otlp]", "[memory_limiter]", "[debug]"), "");
    says("receivers: {otlp/a: ~}\nexporters: {debug: ~}\nconnectors: {count: ~}\n"
         "service: {pipelines: {traces: {receivers: [otlp/a], exporters: [count]},"
         " metrics/b: {receivers: [count], exporters: [debug, '${env:PHX_VARIANT}']}}}",
         "");
}
END_TEST

START_TEST(what_is_no_yaml_or_no_config_is_an_error_with_its_place)
{
    says("a: [1\nb: 2\n", "error 2:2=did not find expected ',' or ']'\n");
    says("a: &x 1\n", "error 1:4=anchors and tags are not allowed here\n");
    says("- 1\n", "error 1:1=must be a map\n");
    says("", "error 1:1=the document is empty\n");
}
END_TEST

START_TEST(sections_are_those_of_a_collector)
{
    says("receivrs: {}\n" PIPELINE("[otlp]", "[]", "[debug]"), "error 1:11=receivrs: is no section of a "
                                                               "collector's config\n");
    says("extensions: [zpages]\n" PIPELINE("[otlp]", "[]", "[debug]"), "error 1:13=extensions: must be a "
                                                                       "map\n");
    says("receivers: {}\n", "error 1:1=service: there are no pipelines\n");
}
END_TEST

START_TEST(references_must_be_defined)
{
    says(PIPELINE("[otlp/b]", "[batch]", "[debug, prometheus]"),
         "error 4:45=service.pipelines.metrics.receivers: \"otlp/b\" is not defined in receivers\n"
         "error 4:67=service.pipelines.metrics.processors: \"batch\" is not defined in processors\n"
         "error 4:94=service.pipelines.metrics.exporters: \"prometheus\" is not defined in exporters\n");
    says("extensions: {}\nreceivers: {a: ~}\nexporters: {b: ~}\n"
         "service: {extensions: [zpages], pipelines: {logs: {receivers: [a], exporters: [b]}}}\n",
         "error 4:24=service.extensions: \"zpages\" is not defined in extensions\n");
}
END_TEST

START_TEST(a_pipeline_has_both_ends_and_a_signal)
{
    says(PIPELINE("[]", "[]", "~"), "error 4:32=service.pipelines.metrics: it has no receivers\n"
                                    "error 4:32=service.pipelines.metrics: it has no exporters\n");
    says("receivers: {a: ~}\nexporters: {b: ~}\nservice: {pipelines: {metric: {receivers: [a], exporters: "
         "[b]}}}",
         "error 3:31=service.pipelines.metric: a pipeline is of metrics, traces, logs or profiles\n");
    says(PIPELINE("otlp", "[]", "[debug]"), "error 4:44=service.pipelines.metrics.receivers: must be a "
                                            "list\n");
}
END_TEST

START_TEST(known_mistakes_are_named)
{
    says("receivers: {a: ~}\nprocessors: {probabilistic_sampler: ~}\nexporters: {b: ~}\n"
         "service: {pipelines: {logs: {receivers: [a], processors: [probabilistic_sampler],"
         " exporters: [b]}}}\n",
         "");
    says(PIPELINE("[otlp]", "[probabilistic_sampler, memory_limiter]", "[debug]"),
         "error 4:65=service.pipelines.metrics: probabilistic_sampler takes traces and logs, not metrics\n"
         "warning 4:88=service.pipelines.metrics: memory_limiter guards only what comes after it: put it "
         "first\n");
    says("receivers: {a: ~}\nexporters: {b: ~}\nservice:\n  telemetry: {metrics: {address: ':8888'}}\n"
         "  pipelines: {logs: {receivers: [a], exporters: [b]}}\n",
         "error 4:34=service: telemetry.metrics.address is of collectors before 0.123: name a reader "
         "instead\n");
}
END_TEST

START_TEST(fixed_ports_are_warned_of_where_something_listens)
{
    says("extensions: {zpages: {endpoint: 'localhost:55679'}}\nreceivers: {a: {endpoint: '0.0.0.0:4318'}}\n"
         "exporters: {b: {endpoint: 'http://far:4318'}}\nservice:\n  telemetry: {metrics: {readers: [{port: "
         "8888}]}}\n"
         "  pipelines: {logs: {receivers: [a], exporters: [b]}}\n",
         "warning 1:33=extensions.zpages.endpoint: a fixed port, on which two instances collide: use "
         "${env:PHX_..._PORT}\n"
         "warning 2:27=receivers.a.endpoint: a fixed port, on which two instances collide: use "
         "${env:PHX_..._PORT}\n"
         "warning 5:42=service.telemetry.metrics.readers.port: a fixed port, on which two instances "
         "collide: use "
         "${env:PHX_..._PORT}\n");
    says("receivers: {a: {endpoint: 'x:${env:PHX_OTLP_HTTP_PORT}'}}\nexporters: {b: ~}\n"
         "service: {pipelines: {logs: {receivers: [a], exporters: [b]}}}\n",
         "");
}
END_TEST

START_TEST(variables_that_nobody_sets_are_warned_of)
{
    says("receivers: {a: {k: '$HOME ${env:HOME} $$x ${env:PHX_SECRET_1} ${env:PHX_HOST_ID}'}}\nexporters: "
         "{b: ~}\n"
         "service: {pipelines: {logs: {receivers: [a], exporters: [b]}}}\n",
         "warning 1:20=receivers.a.k: $NAME is not replaced: write ${env:NAME}, or $$ for a $\n"
         "warning 1:20=receivers.a.k: ${...} of something that Phoenix does not set\n");
}
END_TEST

START_TEST(a_word_that_the_host_refuses_is_reported)
{
    refused_word = "error";
    ck_assert_int_eq(check_config(text_of("- 1"), &SINK), PHX_E_UNSUPPORTED);
    refused_word = "";
}
END_TEST

UNIT_MAIN("otelcol/check", a_good_config_gets_no_word,
          what_is_no_yaml_or_no_config_is_an_error_with_its_place, sections_are_those_of_a_collector,
          references_must_be_defined, a_pipeline_has_both_ends_and_a_signal, known_mistakes_are_named,
          fixed_ports_are_warned_of_where_something_listens, variables_that_nobody_sets_are_warned_of,
          a_word_that_the_host_refuses_is_reported)
