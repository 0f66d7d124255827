/* SPDX-License-Identifier: Apache-2.0 */
/* Whole scans of a made-up /proc. */
#include "collector/collect.h"
#include "collector/expose.h"
#include "core/base/clock.h"
#include "tests/unit/collector/fakeproc.h"
#include "tests/unit/collector/grammar.h"
#include "tests/unit/unit.h"

/* Counted by the linker's --wrap. */
static unsigned long allocations;
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}
void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t n)
{
    allocations++;
    return __real_realloc(p, n);
}

static struct collector *collector;

static void start(const char *pipeline)
{
    struct doc_faults faults = { NULL, NULL, 0 };
    collector = mem_alloc(sizeof *collector);
    ck_assert(pipeline_parse(&collector->pipeline, pipeline, strlen(pipeline), &faults));
    ck_assert_int_eq(collect_init(collector, fake_root, NULL), 0);
}

static void stop(void)
{
    collect_done(collector);
    free(collector);
    fake_remove();
}

static struct str text_at(double seconds)
{
    struct str text = collect_text(collector, (int64_t)(seconds * NS_PER_S));
    ck_assert_ptr_nonnull(text.p);
    return text;
}

static bool holds(struct str text, const char *what)
{
    return memmem(text.p, text.n, what, strlen(what)) != NULL;
}
#define ASSERT_HOLDS(text, what) ck_assert_msg(holds(text, what), "lacks %s", what)

static double value_of(struct str text, const char *series)
{
    size_t n = strlen(series);
    struct str line;
    double value;
    while (str_split(&text, '\n', &line))
        if (line.n > n && !memcmp(line.p, series, n) && line.p[n] == ' ') {
            ck_assert(parse_real((struct str){ line.p + n + 1, line.n - n - 1 }, &value));
            return value;
        }
    ck_abort_msg("lacks %s", series);
    return 0;
}

START_TEST(every_measured_value_is_exported_under_its_translated_name)
{
    fake_make();
    fake_process(&(struct fake){ 42, "nginx", 150, 25, 10, 90000, 3 });
    fake_descriptors(42, 5);
    start("{}");
    struct str text = text_at(1);
    ASSERT_HOLDS(text,
                 "\nprocess_cpu_time_seconds_total{process_pid=\"42\",process_executable_name=\"nginx\","
                 "state=\"user\"} 1.50\n");
    ASSERT_HOLDS(text, "state=\"system\"} 0.25\n");
    ASSERT_HOLDS(
        text, "\nprocess_memory_usage_bytes{process_pid=\"42\",process_executable_name=\"nginx\"} 40960\n");
    ASSERT_HOLDS(
        text,
        "\nprocess_memory_virtual_bytes{process_pid=\"42\",process_executable_name=\"nginx\"} 4096000\n");
    ASSERT_HOLDS(text, "\nprocess_threads{process_pid=\"42\",process_executable_name=\"nginx\"} 3\n");
    ASSERT_HOLDS(
        text, "\nprocess_open_file_descriptors{process_pid=\"42\",process_executable_name=\"nginx\"} 5\n");
    ASSERT_HOLDS(text, "\nprocess_disk_io_bytes_total{process_pid=\"42\",process_executable_name=\"nginx\","
                       "direction=\"read\"} 1000\n");
    ASSERT_HOLDS(text, "\nprocess_paging_faults_total{process_pid=\"42\",process_executable_name=\"nginx\","
                       "type=\"major\"} 13\n");
    ASSERT_HOLDS(text,
                 "\nprocess_uptime_seconds{process_pid=\"42\",process_executable_name=\"nginx\"} 100.00\n");
    ASSERT_HOLDS(text, "\nsystem_cpu_time_seconds_total{state=\"idle\"} 40.00\n");
    ASSERT_HOLDS(text, "\nsystem_memory_usage_bytes{state=\"used\"} 614400\n");
    ASSERT_HOLDS(text, "\nsystem_cpu_load_average_5m 1.05\n");
    ASSERT_HOLDS(text, "\nsystem_processes_count{status=\"sleeping\"} 1\n");
    ASSERT_HOLDS(text, "\nsystem_processes_created_total 4242\n");
    ASSERT_HOLDS(text, "\nsystem_uptime_seconds 1000.00\n");
    stop();
}
END_TEST

START_TEST(the_text_obeys_the_grammar_and_its_series_are_counted)
{
    static const char *const names[] = { "a\"b\\c",     "new\nline",    "\xff\xfe",
                                         "gr\xc3\xbcn", "x{y=\"z\"} 1", "" };
    fake_make();
    for (unsigned i = 0; i < 6; i++) {
        fake_process(&(struct fake){ i + 10, names[i], i, i, i, i, 1 });
        fake_descriptors(i + 10, i);
    }
    start("min_interval_ms: 0");
    double points = 0;
    for (unsigned scan = 1; scan <= 3; scan++) {
        struct str text = text_at(scan);
        size_t own = 14, all = grammar_check(text);
        ck_assert_double_eq(value_of(text, "phoenix_collector_series"), (double)(all - own));
        points += (double)(all - own);
        ck_assert_double_eq(value_of(text, "phoenix_collector_points_total"), points);
        ck_assert_double_eq(value_of(text, "phoenix_collector_points_in_total"), points);
        ck_assert_double_eq(value_of(text, "phoenix_collector_dropped_total"), 0);
    }
    ASSERT_HOLDS(text_at(4), "name=\"a\\\"b\\\\c\"");
    ASSERT_HOLDS(text_at(5), "name=\"new\\nline\"");
    ASSERT_HOLDS(text_at(6), "name=\"\xef\xbf\xbd\xef\xbf\xbd\"");
    stop();
}
END_TEST

START_TEST(utilization_is_the_share_of_all_cpus_since_the_last_scan)
{
    struct fake f = { 42, "busy", 100, 50, 1, 1, 1 };
    fake_make();
    fake_process(&f);
    start("{}");
    collector->cpus = 4;
    ck_assert(!holds(text_at(1), "\nprocess_cpu_utilization_ratio{"));
    f.user += 100; /* a second of CPU in two seconds on four CPUs */
    fake_stat(&f);
    ASSERT_HOLDS(text_at(3), "name=\"busy\",state=\"user\"} 0.125000\n");
    f.user = 1; /* a counter that goes back used nothing */
    fake_stat(&f);
    ASSERT_HOLDS(text_at(4), "name=\"busy\",state=\"user\"} 0.000000\n");
    stop();
}
END_TEST

START_TEST(a_scrape_within_the_minimal_interval_gets_the_same_text)
{
    fake_make();
    fake_process(&(struct fake){ 42, "a", 1, 1, 1, 1, 1 });
    start("min_interval_ms: 100");
    (void)text_at(1);
    fake_process(&(struct fake){ 43, "b", 1, 1, 1, 1, 1 });
    ck_assert_double_eq(value_of(text_at(1.099), "phoenix_collector_processes"), 1);
    struct str text = text_at(1.1);
    ck_assert_double_eq(value_of(text, "phoenix_collector_processes"), 2);
    ck_assert_double_eq(value_of(text, "phoenix_collector_scans_total"), 2);
    stop();
}
END_TEST

START_TEST(dropped_points_are_counted_as_if_they_had_been_read)
{
    fake_make();
    for (unsigned pid = 1; pid <= 10; pid++) fake_process(&(struct fake){ pid, "p", pid, 0, 1, 1, 1 });
    start("{ min_interval_ms: 0, processors: [{ type: topk, k: 3, by: [cpu] }] }");
    struct str text = text_at(1);
    double series = value_of(text, "phoenix_collector_series"), host = series - 3 * 11;
    ck_assert_double_eq(value_of(text, "phoenix_collector_points_in_total"), host + 10 * 11);
    ck_assert_double_eq(value_of(text, "phoenix_collector_dropped_total"), 7 * 11);
    ck_assert_double_eq(value_of(text, "phoenix_collector_processes_kept"), 3);
    text = text_at(2); /* and now with two points of utilization each */
    ck_assert_double_eq(value_of(text, "phoenix_collector_dropped_total"), 7 * 11 + 7 * 13);
    stop();
}
END_TEST

START_TEST(a_tail_that_is_rolled_up_keeps_the_totals)
{
    fake_make();
    for (unsigned pid = 1; pid <= 10; pid++) {
        fake_process(&(struct fake){ pid, "p", pid * 100, 0, pid, 1, 2 });
        fake_descriptors(pid, pid);
    }
    start("{ min_interval_ms: 0, processors: [{ type: topk, k: 3, by: [cpu] }, { type: rollup }] }");
    struct str text = text_at(1);
    grammar_check(text);
#define OTHER "{process_executable_name=\"_other\""
    ck_assert_double_eq(value_of(text, "process_cpu_time_seconds_total" OTHER ",state=\"user\"}"), 28);
    ck_assert_double_eq(value_of(text, "process_memory_usage_bytes" OTHER "}"), 28 * 4096);
    ck_assert_double_eq(value_of(text, "process_threads" OTHER "}"), 14);
    ck_assert_double_eq(value_of(text, "process_open_file_descriptors" OTHER "}"), 28);
    ck_assert_double_eq(value_of(text, "process_disk_io_bytes_total" OTHER ",direction=\"read\"}"), 7000);
    ck_assert_double_eq(value_of(text, "phoenix_collector_processes_kept"), 3);
    ck_assert(!holds(text, "process_cpu_utilization_ratio" OTHER));
    ck_assert(!holds(text, "process_uptime_seconds" OTHER));
    double host = value_of(text, "phoenix_collector_points_in_total") - 10 * 12;
    ck_assert_double_eq(value_of(text, "phoenix_collector_points_total"), host + 3 * 12 + 11);
    fake_end(1);
    text = text_at(2);
    ck_assert_double_eq(value_of(text, "process_cpu_time_seconds_total" OTHER ",state=\"user\"}"), 28);
    ck_assert_double_eq(value_of(text, "process_memory_usage_bytes" OTHER "}"), 27 * 4096);
    ASSERT_HOLDS(text, "process_cpu_utilization_ratio" OTHER);
    for (unsigned pid = 2; pid <= 7; pid++) fake_end(pid);
    ck_assert(!holds(text_at(3), OTHER));
    stop();
}
END_TEST

START_TEST(processes_of_a_name_are_one_series)
{
    fake_make();
    for (unsigned pid = 1; pid <= 6; pid++)
        fake_process(&(struct fake){ pid, pid % 2 ? "odd" : "even", pid, pid, pid, 1, 1 });
    fake_process(&(struct fake){ 7, "crit", 1, 1, 1, 1, 1 });
    start("{ min_interval_ms: 0, critical: [crit], processors: [{ type: aggregate }] }");
    struct str text = text_at(1);
    grammar_check(text);
    ck_assert_double_eq(value_of(text, "process_threads{process_executable_name=\"odd\"}"), 3);
    ASSERT_HOLDS(text, "\nprocess_memory_usage_bytes{process_executable_name=\"odd\"} 36864\n");
    ASSERT_HOLDS(text, "\nprocess_memory_usage_bytes{process_executable_name=\"even\"} 49152\n");
    ASSERT_HOLDS(text, "\nprocess_threads{process_pid=\"7\",process_executable_name=\"crit\"} 1\n");
    ck_assert_double_eq(value_of(text, "phoenix_collector_critical_seen"), 1);
    stop();
}
END_TEST

START_TEST(points_in_are_the_same_in_every_pipeline)
{
    static const char *const steps[] = {
        "",
        "{ type: topk, k: 1 }",
        "{ type: hybrid, k: 1, memory_mib: 1000 }",
        "{ type: priority, keep: high }",
        "{ type: sample, percent: 30 }",
        "{ type: sample, percent: 30 }, { type: rollup }",
        "{ type: aggregate }",
        "{ type: topk, k: 5 }, { type: aggregate }, { type: rollup }",
    };
    double points[5] = { 0 };
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char text[256];
        fake_make();
        for (unsigned pid = 1; pid <= 20; pid++) fake_process(&(struct fake){ pid, "p", pid, 0, pid, 1, 1 });
        snprintf(text, sizeof text, "{ min_interval_ms: 0, processors: [%s] }", steps[i]);
        start(text);
        for (unsigned scan = 1; scan < 5; scan++) {
            if (scan == 2) fake_process(&(struct fake){ 30, "q", 1, 0, 1, 1, 1 });
            if (scan == 3) fake_end(2);
            double in = value_of(text_at(scan), "phoenix_collector_points_in_total");
            if (!i) points[scan] = in;
            ck_assert_double_eq(in, points[scan]);
        }
        stop();
    }
}
END_TEST

START_TEST(processes_come_go_and_change_their_names)
{
    struct fake f = { 42, "before", 1, 1, 1, 500, 1 };
    fake_make();
    fake_process(&f);
    fake_process(&(struct fake){ 43, "other", 1, 1, 1, 1, 1 });
    start("{ min_interval_ms: 0, critical: [after] }");
    ck_assert_double_eq(value_of(text_at(1), "phoenix_collector_critical_seen"), 0);
    f.name = "after";
    fake_stat(&f);
    fake_end(43);
    struct str text = text_at(2);
    ASSERT_HOLDS(text, "process_executable_name=\"after\"");
    ck_assert(!holds(text, "before") && !holds(text, "other"));
    ck_assert_double_eq(value_of(text, "phoenix_collector_critical_seen"), 1);
    f.start = 600; /* the pid is used again */
    fake_stat(&f);
    ck_assert(!holds(text_at(3), "\nprocess_cpu_utilization_ratio{"));
    stop();
}
END_TEST

START_TEST(what_cannot_be_read_is_skipped_and_counted)
{
    fake_make();
    fake_process(&(struct fake){ 42, "fine", 1, 1, 1, 1, 1 }); /* without fd/: one */
    fake_process(&(struct fake){ 43, "cut", 1, 1, 1, 1, 1 });
    fake_write("43/stat", "43 (cut) S 1 2 3"); /* two */
    fake_process(&(struct fake){ 44, "noio", 1, 1, 1, 1, 1 });
    char path[128];
    snprintf(path, sizeof path, "%s/44/io", fake_root);
    ck_assert_int_eq(unlink(path), 0); /* three, and four: its fd/ */
    fake_write("45", "a file where a folder should be"); /* five */
    start("min_interval_ms: 0");
    struct str text = text_at(1);
    ck_assert_double_eq(value_of(text, "phoenix_collector_processes"), 2);
    ck_assert_double_eq(value_of(text, "phoenix_collector_unreadable_total"), 5);
    grammar_check(text);
    stop();
}
END_TEST

START_TEST(a_host_without_its_files_still_has_processes)
{
    fake_make();
    fake_process(&(struct fake){ 42, "a", 1, 1, 1, 1, 1 });
    fake_write("stat", "garbage");
    fake_write("meminfo", "");
    fake_write("loadavg", "x");
    fake_write("uptime", "");
    start("{}");
    struct str text = text_at(1);
    ck_assert(!holds(text, "\nsystem_memory") && !holds(text, "\nsystem_cpu"));
    ck_assert_double_eq(value_of(text, "phoenix_collector_processes"), 1);
    ck_assert_uint_eq(grammar_check(text), (size_t)value_of(text, "phoenix_collector_series") + 14);
    stop();
}
END_TEST

START_TEST(a_warm_scan_allocates_nothing)
{
    fake_make();
    for (unsigned pid = 1; pid <= 1000; pid++)
        fake_process(&(struct fake){ pid, "proc", pid, pid, pid, 1, 1 });
    start("{ min_interval_ms: 0, processors: [{ type: hybrid, memory_mib: 1 }, { type: topk, k: 800 }, "
          "{ type: sample, percent: 50 }, { type: priority, keep: low }, { type: aggregate }, "
          "{ type: rollup }] }");
    (void)text_at(1);
    (void)text_at(2);
    fake_end(500);
    unsigned long before = allocations;
    for (int64_t s = 3; s < 8; s++) (void)collect_text(collector, s * NS_PER_S); /* Check allocates, too */
    ck_assert_uint_eq(allocations - before, 0);
    stop();
}
END_TEST

START_TEST(fifty_thousand_processes_are_exported)
{
    fake_make();
    fake_process(&(struct fake){ 1, "proc", 1, 1, 1, 1, 1 });
    for (unsigned pid = 2; pid <= 50000; pid++) { /* links: 50,000 folders take half a minute */
        char path[128];
        snprintf(path, sizeof path, "%s/%u", fake_root, pid);
        ck_assert_int_eq(symlink("1", path), 0);
    }
    start("min_interval_ms: 0");
    (void)text_at(1);
    struct str text = text_at(2);
    ck_assert_double_eq(value_of(text, "phoenix_collector_processes"), 50000);
    ck_assert_uint_eq(grammar_check(text), (size_t)value_of(text, "phoenix_collector_series") + 14);
    stop();
}
END_TEST

START_TEST(a_root_that_is_not_there_is_an_error)
{
    struct err err = { 0 };
    collector = mem_alloc(sizeof *collector);
    ck_assert_int_eq(collect_init(collector, "/nowhere/at/all", &err), ERR_IO);
    collect_done(collector);
    free(collector);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        every_measured_value_is_exported_under_its_translated_name,
        the_text_obeys_the_grammar_and_its_series_are_counted,
        utilization_is_the_share_of_all_cpus_since_the_last_scan,
        a_scrape_within_the_minimal_interval_gets_the_same_text,
        dropped_points_are_counted_as_if_they_had_been_read,
        a_tail_that_is_rolled_up_keeps_the_totals,
        processes_of_a_name_are_one_series,
        points_in_are_the_same_in_every_pipeline,
        processes_come_go_and_change_their_names,
        what_cannot_be_read_is_skipped_and_counted,
        a_host_without_its_files_still_has_processes,
        a_warm_scan_allocates_nothing,
        a_root_that_is_not_there_is_an_error,
        fifty_thousand_processes_are_exported,
    };
    setenv("CK_DEFAULT_TIMEOUT", "60", 0); /* for a busy machine and sanitizers */
    return unit_run("collector/collect", tests, sizeof tests / sizeof tests[0]);
}
