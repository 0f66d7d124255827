/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include "core/api/heartbeat.h"
#include "core/api/types.h"

#define ID "0190c9a0-0000-7000-8000-00000000000"
static const char FULL_SHORT[] =
    "{\"host_id\":\"web-1\",\"agent_version\":\"0.1.0\",\"status\":\"degraded\","
    "\"active_tasks\":[{\"id\":\"" ID "1\",\"epoch\":1},{\"epoch\":7,\"id\":\"" ID "2\"}],"
    "\"resource_usage\":{\"cpu_percent\":3.5,\"memory_percent\":40,\"memory_bytes\":123,\"disk_percent\":50."
    "25,\"disk_bytes\":4567},"
    "\"spool\":{\"batches\":1,\"bytes\":2,\"dropped\":3}}";

static void assert_full_short(const struct heartbeat *h)
{
    ck_assert(str_eqz(h->host_id, "web-1"));
    ck_assert(str_eqz(h->agent_version, "0.1.0"));
    ck_assert_int_eq(h->mood, AGENT_DEGRADED);
    ck_assert_uint_eq(h->n_tasks, 2);
    ck_assert(str_eqz(h->tasks[1].id, ID "2"));
    ck_assert_int_eq(h->tasks[1].epoch, 7);
    ck_assert_double_eq(h->usage.cpu_percent, 3.5);
    ck_assert_double_eq(h->usage.memory_percent, 40);
    ck_assert_double_eq(h->usage.disk_percent, 50.25);
    ck_assert_int_eq(h->usage.memory_bytes, 123);
    ck_assert_int_eq(h->usage.disk_bytes, 4567);
    ck_assert_int_eq(h->spool.batches, 1);
    ck_assert_int_eq(h->spool.bytes, 2);
    ck_assert_int_eq(h->spool.dropped, 3);
}

START_TEST(the_short_form_is_scanned)
{
    struct heartbeat h;
    ck_assert(heartbeat_scan(str_of(FULL_SHORT), &h));
    assert_full_short(&h);
}
END_TEST

START_TEST(scanner_and_tree_read_the_same)
{
    struct heartbeat h;
    CLEANUP_JSON struct json *doc = json_parse(str_of(FULL_SHORT), NULL, NULL);
    heartbeat_read(doc, &h);
    assert_full_short(&h);
}
END_TEST

START_TEST(what_is_not_said_is_absent)
{
    struct heartbeat h;
    ck_assert(heartbeat_scan(STR("{\"host_id\":\"a\",\"status\":\"healthy\"}"), &h));
    ck_assert_ptr_null(h.agent_version.p);
    ck_assert_ptr_null(host_usage_json(&h.usage));
    ck_assert_uint_eq(h.n_tasks, 0);
}
END_TEST

#define WITH(x) "{\"host_id\":\"a\",\"status\":\"healthy\"," x "}"
static const char *const not_short[] = {
    "",
    "[]",
    "{}",
    "{\"host_id\":\"a\"}",
    "{\"status\":\"healthy\"}",
    "{\"host_id\":\"a\",\"status\":\"healthy\"",
    "{\"host_id\":\"a\",\"status\":\"healthy\"} x",
    "{\"host_id\":\"-a\",\"status\":\"healthy\"}",
    "{\"host_id\":7,\"status\":\"healthy\"}",
    "{\"host_id\":\"a\",\"status\":\"great\"}",
    WITH("\"status\":\"healthy\""),
    WITH("\"host\\u005fid\":\"a\""),
    WITH("\"labels\":{}"),
    WITH("\"pipelines\":[]"),
    WITH("\"unknown\":1"),
    WITH("\"active_tasks\":{}"),
    WITH("\"active_tasks\":[1]"),
    WITH("\"active_tasks\":[{\"id\":\"x\",\"epoch\":1}]"),
    WITH("\"active_tasks\":[{\"id\":\"" ID "1\"}]"),
    WITH("\"active_tasks\":[{\"id\":\"" ID "1\",\"epoch\":1.5}]"),
    WITH("\"active_tasks\":[{\"id\":\"" ID "1\",\"epoch\":1,\"epoch\":1}]"),
    WITH("\"active_tasks\":[{\"id\":\"" ID "1\",\"epoch\":99999999999999999999}]"),
    WITH("\"resource_usage\":{\"cpu_percent\":NaN}"),
    WITH("\"resource_usage\":{\"cpu_percent\":\"1\"}"),
    WITH("\"resource_usage\":{\"memory_bytes\":1.5}"),
    WITH("\"resource_usage\":{\"x\":1}"),
    WITH("\"resource_usage\":{\"cpu_percent\":1,\"cpu_percent\":1}"),
    WITH("\"spool\":{\"batches\":-1}"),
    WITH("\"spool\":null"),
    WITH("\"spool\":{\"batches\":{\"a\":{\"b\":{}}}}"),
};

START_TEST(anything_else_is_left_to_the_schema)
{
    struct heartbeat h;
    ck_assert_msg(!heartbeat_scan(str_of(not_short[_i]), &h), "%s", not_short[_i]);
}
END_TEST

START_TEST(more_tasks_than_the_limit_are_left_to_the_schema)
{
    CLEANUP_BUF struct buf text;
    struct heartbeat h;
    for (int n = HEARTBEAT_TASKS_MAX; n <= HEARTBEAT_TASKS_MAX + 1; n++) {
        buf_init(&text, 1 << 20);
        buf_adds(&text, "{\"host_id\":\"a\",\"status\":\"healthy\",\"active_tasks\":[");
        for (int i = 0; i < n; i++) {
            buf_addf(&text, "%s{\"id\":\"" ID "1\",\"epoch\":1}", i ? "," : "");
        }
        buf_adds(&text, "]}");
        ck_assert_int_eq(heartbeat_scan(buf_str(&text), &h), n == HEARTBEAT_TASKS_MAX);
        buf_done(&text);
    }
    buf_init(&text, 1);
}
END_TEST

/* What the scanner takes, the schema takes: the fast path opens no door. */
START_TEST(the_scanner_takes_nothing_that_the_schema_refuses)
{
    static struct faults faults;
    CLEANUP_JSON struct json *doc = json_parse(str_of(FULL_SHORT), NULL, NULL);
    ck_assert(schema_check(&type_heartbeat, doc, &faults));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("heartbeat");
    TCase *t = tcase_create("heartbeat");
    tcase_add_test(t, the_short_form_is_scanned);
    tcase_add_test(t, scanner_and_tree_read_the_same);
    tcase_add_test(t, what_is_not_said_is_absent);
    tcase_add_loop_test(t, anything_else_is_left_to_the_schema, 0, sizeof not_short / sizeof not_short[0]);
    tcase_add_test(t, more_tasks_than_the_limit_are_left_to_the_schema);
    tcase_add_test(t, the_scanner_takes_nothing_that_the_schema_refuses);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
