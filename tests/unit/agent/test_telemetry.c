/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include "core/agent/telemetry.h"
#include "core/base/buf.h"

/* What its versions put behind a name. */
static const char *const suffixes[] = { "", "_total", "__datapoints__total", "__items__total" };

static struct telemetry scan(const char *text)
{
    struct telemetry t;
    telemetry_scan(str_of(text), &t);
    return t;
}

START_TEST(the_names_of_all_versions_mean_the_same)
{
    static const struct {
        const char *name, *rest;
    } lines[] = {
        { "exporter_sent_metric_points", "{exporter=\"prometheus\",service_version=\"0.1\"} 70" },
        { "exporter_sent_metric_points", "{exporter=\"otlp_http\"} 60" },
        { "receiver_accepted_metric_points", "{receiver=\"otlp\",transport=\"http\"} 1e+02" },
        { "receiver_accepted_metric_points", "{receiver=\"host_metrics\",transport=\"\"} 20" },
        { "processor_incoming_%s", "{otel_signal=\"metrics\",processor=\"filter\"} 120" },
        { "processor_outgoing_%s", "{otel_signal=\"metrics\",processor=\"filter\"} 70" },
        { "processor_incoming_%s", "{otel_signal=\"traces\",processor=\"filter\"} 9000" },
        { "processor_incoming_%s", "{processor=\"transform/copies\"} 70" },
        { "processor_outgoing_%s", "{processor=\"transform/copies\"} 90" },
    };
    CLEANUP_BUF struct buf text;
    buf_init(&text, 4096);
    buf_adds(&text, "# TYPE otelcol_exporter_sent_metric_points counter\n");
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct str name = str_of(lines[i].name), part;
        buf_adds(&text, "otelcol_");
        while (str_split(&name, '%', &part)) {
            if (part.n > 0 && part.p[0] == 's')
                buf_adds(&text, _i < 4 ? "items" : "metric_points");
            else
                buf_add_str(&text, part);
        }
        buf_addf(&text, "%s%s\n", suffixes[_i % 4], lines[i].rest);
    }
    struct telemetry t = scan(buf_cstr(&text));
    ck_assert_double_eq(t.points, 70);
    ck_assert_double_eq(t.points_in, 120);
    ck_assert_double_eq(t.dropped, 50);
}
END_TEST

START_TEST(what_is_not_shown_is_not_known)
{
    struct telemetry t = scan("otelcol_exporter_sent_metric_points{exporter=\"debug\"} 1\n"
                              "otelcol_exporter_sent_metric_points_bucket{exporter=\"prometheus\"} 1\n"
                              "otelcol_exporter_sent_metric_points{exporter=\"prometheus\"} NaN\n"
                              "otelcol_exporter_sent_metric_points{exporter=\"prometheus} 5\n"
                              "otelcol_receiver_accepted_metric_points{receiver=\"otlp\"} -1\n"
                              "otelcol_processor_incoming_items");
    ck_assert_double_nan(t.points);
    ck_assert_double_nan(t.points_in);
    ck_assert_double_nan(t.dropped);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("telemetry");
    TCase *c = tcase_create("telemetry");
    tcase_add_loop_test(c, the_names_of_all_versions_mean_the_same, 0, 8);
    tcase_add_test(c, what_is_not_shown_is_not_known);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
