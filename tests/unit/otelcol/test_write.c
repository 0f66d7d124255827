/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as text: what is written reads back as the same tree. */
#include <string.h>
#include "plugins/collector/otelcol/tree.h"
#include "plugins/collector/otelcol/write.h"
#include "tests/unit/unit.h"

static struct doc parsed(const char *text)
{
    struct doc_first first;
    struct doc d;
    doc_first_init(&first);
    ck_assert_msg(doc_parse(&d, text, strlen(text), &first.faults), "%s in:\n%s", first.text, text);
    return d;
}

static void writes(const char *text, const char *yaml, const char *json)
{
    struct doc d = parsed(text);
    size_t n;
    char *got = write_yaml(d.root, &n);
    ck_assert_str_eq(got, yaml);
    ck_assert_uint_eq(n, strlen(yaml));
    struct doc again = parsed(got);
    ck_assert(tree_equal(d.root, again.root));
    free(got);
    got = write_json(d.root, &n);
    ck_assert_str_eq(got, json);
    free(got);
    doc_done(&d);
    doc_done(&again);
}

START_TEST(containers_are_indented_by_two)
{
    writes("{a: {b: [1, {c: x, d: []}, [2, [3]]], e: {}}, f: ~}",
           "a:\n  b:\n    - 1\n    - c: \"x\"\n      d: []\n    - - 2\n      - - 3\n  e: {}\nf: null\n",
           "{\"a\":{\"b\":[1,{\"c\":\"x\",\"d\":[]},[2,[3]]],\"e\":{}},\"f\":null}");
    writes("{}", "{}\n", "{}");
    writes("[]", "[]\n", "[]");
}
END_TEST

START_TEST(numbers_and_booleans_stay_what_they_are_and_all_else_is_quoted)
{
    writes("[5, -0.05, 1e9, true, false, 10s, 0x1F, yes, 2026-01-01, \"5\", 'true']",
           "- 5\n- -0.05\n- 1e9\n- true\n- false\n- \"10s\"\n- \"0x1F\"\n- \"yes\"\n- \"2026-01-01\"\n"
           "- \"5\"\n- \"true\"\n",
           "[5,-0.05,1e9,true,false,\"10s\",\"0x1F\",\"yes\",\"2026-01-01\",\"5\",\"true\"]");
}
END_TEST

START_TEST(keys_stand_bare_only_when_nobody_can_mistake_them)
{
    writes("{otlp/in.2-a: 1, no: 2, \"5\": 3, \"a: b\": 4, Upper: 5, \"\": 6}",
           "otlp/in.2-a: 1\n\"no\": 2\n\"5\": 3\n\"a: b\": 4\n\"Upper\": 5\n\"\": 6\n",
           "{\"otlp/in.2-a\":1,\"no\":2,\"5\":3,\"a: b\":4,\"Upper\":5,\"\":6}");
}
END_TEST

START_TEST(any_text_reads_back_the_same)
{
    static const char *const texts[] = {
        "",
        " a ",
        "a: b",
        "# c",
        "- x",
        "\"",
        "\\",
        "a\nb\tc\r",
        "\x01\x1f\x7f",
        "\xC2\x80",
        "\xC2\x85x",
        "\xC2\x9Fx",
        "\xC2\xA0x",
        "\xEF\xBB\xBF",
        "\xEF\xBF\xBE",
        "\xEF\xBF\xBF",
        "\xEF\xBF\xBDx",
        "\xE2\x80\xA8",
        "\xF0\x9F\x98\x80",
        "null",
        "~",
        "{a}",
        "${env:X}",
        "%",
        "@",
        "*a",
        "&a",
        "!t",
        "'",
        "|",
        ">",
    };
    struct doc made = { 0 };
    struct doc_node *root = tree_make(&made, DOC_MAP, NULL, NULL);
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        tree_add(root, tree_make(&made, DOC_SCALAR, texts[i], texts[i]));
    size_t n;
    char *yaml = write_yaml(root, &n), *json = write_json(root, &n);
    struct doc from_yaml = parsed(yaml), from_json = parsed(json);
    ck_assert(tree_equal(root, from_yaml.root));
    ck_assert(tree_equal(root, from_json.root));
    free(yaml);
    free(json);
    doc_done(&made);
    doc_done(&from_yaml);
    doc_done(&from_json);
}
END_TEST

UNIT_MAIN("otelcol/write", containers_are_indented_by_two,
          numbers_and_booleans_stay_what_they_are_and_all_else_is_quoted,
          keys_stand_bare_only_when_nobody_can_mistake_them, any_text_reads_back_the_same)
