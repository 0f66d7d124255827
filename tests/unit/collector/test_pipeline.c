/* SPDX-License-Identifier: Apache-2.0 */
/* The native pipeline's document: read strictly, written so that it reads back the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/collector/native/pipeline.h"
#include "tests/unit/unit.h"

static struct pipeline pipeline;
static char first[320]; /* the first fault, with its place */

static void on_fault(void *arg, unsigned line, unsigned column, const char *text)
{
    if (!first[0]) snprintf(first, sizeof first, "%u:%u: %s", line, column, text);
}

static bool parse(const char *text, size_t n)
{
    struct doc_faults faults = { on_fault, NULL, 0 };
    first[0] = 0;
    bool ok = pipeline_parse(&pipeline, text, n, &faults);
    ck_assert_int_eq(ok, faults.n == 0);
    return ok;
}

static void accepts(const char *text)
{
    ck_assert_msg(parse(text, strlen(text)), "%s: %s", text, first);
}

static void refuses(const char *text, const char *fault)
{
    ck_assert_msg(!parse(text, strlen(text)), "%s passes", text);
    ck_assert_msg(strstr(first, fault) != NULL, "%s: %s", text, first);
}

START_TEST(an_empty_map_is_a_pipeline_with_defaults)
{
    accepts("{}");
    ck_assert_str_eq(pipeline.name, "native");
    ck_assert_uint_eq(pipeline.min_interval_ms, 100);
    ck_assert_uint_eq(pipeline.n_steps, 0);
    accepts("processors: [{ type: topk }, { type: adaptive }]");
    ck_assert_uint_eq(pipeline.steps[0].k, 20);
    ck_assert(pipeline.steps[0].by_cpu && pipeline.steps[0].by_memory);
    ck_assert_double_eq(pipeline.steps[1].release, 0.8);
    accepts("processors: [{ type: priority }, { type: sample }, { type: hybrid }]");
    ck_assert_int_eq(pipeline.steps[0].keep, CLASS_MEDIUM);
    ck_assert_uint_eq(pipeline.steps[1].percent, 20);
    ck_assert(pipeline.steps[2].k == 20 && pipeline.steps[2].by_cpu && pipeline.steps[2].memory_mib > 63);
}
END_TEST

START_TEST(json_reads_like_yaml)
{
    accepts("{\"name\":\"t\",\"critical\":[\"sshd\",\"kube*\"],\"processors\":[{\"type\":\"topk\",\"k\":7,"
            "\"by\":[\"memory\"]}]}");
    ck_assert_uint_eq(pipeline.critical.n, 2);
    ck_assert_str_eq(pipeline.critical.at[1], "kube*");
    ck_assert_uint_eq(pipeline.steps[0].k, 7);
    ck_assert(!pipeline.steps[0].by_cpu);
}
END_TEST

START_TEST(what_is_written_reads_back_as_the_same_bytes)
{
    static const char *const documents[] = {
        "{}",
        "{ name: 'with \"quotes\" and \\', critical: ['a\"b', '#x', '- y', 'true', \"1\"] }",
        "processors: [{ type: topk, k: 10000, by: [memory] }]",
        "processors: [{ type: adaptive, cpu_percent: 0.123456789, memory_mib: 1e9, hold_s: 0.5 }]",
        "processors: [{ type: topk }]",
        "processors: [{ type: hybrid, k: 3, by: [cpu], hold_s: 1 }]",
        "processors: [{ type: priority, high: ['a\"b', '*'], medium: [x], keep: low, memory_mib: 1.5 }]",
        "processors: [{ type: sample, percent: 0 }, { type: aggregate }, { type: rollup }]",
    };
    for (unsigned i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        size_t n, again_n;
        accepts(documents[i]);
        char *text = pipeline_write(&pipeline, &n);
        ck_assert_msg(parse(text, n), "%s: %s", text, first);
        char *again = pipeline_write(&pipeline, &again_n);
        ck_assert_str_eq(text, again);
        free(text);
        free(again);
    }
}
END_TEST

START_TEST(a_written_pipeline_spells_out_everything)
{
    size_t n;
    accepts("processors: [{ type: topk, k: 5 }]");
    char *text = pipeline_write(&pipeline, &n);
    ck_assert_str_eq(text, "name: \"native\"\nmin_interval_ms: 100\ncritical: []\nprocessors:\n"
                           "  - type: topk\n    k: 5\n    by: [cpu, memory]\n");
    free(text);
    accepts("processors: [{ type: priority, high: ['ssh*'] }, { type: rollup }]");
    text = pipeline_write(&pipeline, &n);
    ck_assert_str_eq(text, "name: \"native\"\nmin_interval_ms: 100\ncritical: []\nprocessors:\n"
                           "  - type: priority\n    high:\n      - \"ssh*\"\n    medium: []\n"
                           "    keep: medium\n    memory_mib: 0\n  - type: rollup\n");
    free(text);
}
END_TEST

START_TEST(faults_name_their_place)
{
    refuses("name: x\nprocessors:\n  - type: topk\n    k: 0\n",
            "4:8: k: must be a whole number from 1 to 10000");
    refuses("nmae: x", "1:7: unknown key \"nmae\"");
    refuses("processors: [{ type: topk, kk: 1 }]", "unknown key \"kk\"");
    refuses("processors: [{ type: magic }]", "each needs a type");
    refuses("processors: [{ type: topk }, { type: topk }]", "may stand only once");
    refuses("processors: [{ type: topk, by: [cpu, cpu] }]", "each once");
    refuses("processors: [{ type: topk, by: [] }]", "must be a list of cpu, memory");
    refuses("processors: [{ type: topk, by: cpu }]", "must be a list");
    refuses("processors: {}", "must be a list");
    refuses("processors: [{ type: sample, percent: 101 }]", "from 0 to 100");
    refuses("processors: [{ type: sample, percent: 2.5 }]", "whole number");
    refuses("processors: [{ type: priority, keep: some }]", "critical, high, medium or low");
    refuses("processors: [{ type: priority, keep: [high] }]", "critical, high, medium or low");
    refuses("processors: [{ type: priority, high: sshd }]", "high: must be a list");
    refuses("processors: [{ type: aggregate, by: [cpu] }]", "unknown key \"by\"");
    refuses("processors: [{ type: rollup }, { type: topk }]", "topk: must stand before");
    refuses("processors: [{ type: aggregate }, { type: sample }]", "sample: must stand before");
    refuses("critical: sshd", "must be a list");
    refuses("critical: ['']", "1 to 63 bytes");
    refuses("critical: [\"a\\nb\"]", "1 to 63 bytes");
    refuses("min_interval_ms: 60001", "from 0 to 60000");
    refuses("min_interval_ms: '5'", "whole number");
    refuses("min_interval_ms: 0x10", "whole number");
    refuses("processors: [{ type: adaptive, release: .nan }]", "number");
    refuses("processors: [{ type: adaptive, release: 1.01 }]", "from 0 to 1");
    refuses("[]", "must be a map");
}
END_TEST

START_TEST(hostile_documents_are_refused)
{
    refuses("", "empty");
    refuses("name: x\nname: y", "stands here twice");
    refuses("name: &a x", "anchors");
    refuses("name: *a", "aliases");
    refuses("name: !!str x", "tags");
    refuses("name: \"a\\0b\"", "NUL");
    refuses("name: x\n---\nname: y", "more than one document");
    refuses("? [a]\n: b", "key");
    refuses("name: [", "1:");
    refuses("\x80\x81", "1:1");
    ck_assert(!parse("name: a\0b", 9));
}
END_TEST

START_TEST(size_depth_and_number_of_nodes_are_limited)
{
    static char text[DOC_MAX_BYTES + 2];
    memset(text, '[', 5000);
    ck_assert(!parse(text, 5000));
    ck_assert_ptr_nonnull(strstr(first, "nested too deeply"));
    memset(text, ' ', sizeof text);
    ck_assert(!parse(text, sizeof text));
    ck_assert_ptr_nonnull(strstr(first, "larger than 1 MiB"));
    size_t n = (size_t)snprintf(text, sizeof text, "critical: [");
    for (unsigned i = 0; i < DOC_MAX_NODES; i++) n += (size_t)snprintf(text + n, sizeof text - n, "a,");
    ck_assert(!parse(text, n));
    ck_assert_ptr_nonnull(strstr(first, "too many nodes"));
    n = (size_t)snprintf(text, sizeof text, "critical: [");
    for (unsigned i = 0; i <= PIPELINE_MAX_GLOBS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "a,");
    text[n++] = ']';
    ck_assert(!parse(text, n));
    ck_assert_ptr_nonnull(strstr(first, "more than 256"));
}
END_TEST

UNIT_MAIN("collector/pipeline", an_empty_map_is_a_pipeline_with_defaults, json_reads_like_yaml,
          what_is_written_reads_back_as_the_same_bytes, a_written_pipeline_spells_out_everything,
          faults_name_their_place, hostile_documents_are_refused, size_depth_and_number_of_nodes_are_limited)
