/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "plugins/collector/otelcol/tree.h"
#include "plugins/collector/otelcol/write.h"
#include "tests/unit/unit.h"

static struct doc_first first;

static struct doc parsed(const char *text)
{
    struct doc d;
    doc_first_init(&first);
    ck_assert_msg(doc_parse(&d, text, strlen(text), &first.faults), "%s in %s", first.text, text);
    return d;
}

static void merges(enum merge how, const char *into, const char *from, const char *want, const char *fault)
{
    static const struct place place = { NULL, "top" };
    struct doc a = parsed(into), b = parsed(from);
    size_t n;
    tree_merge(a.root, b.root, how, &place, &first.faults);
    char *got = write_json(a.root, &n);
    ck_assert_str_eq(got, want);
    ck_assert_str_eq(first.text, fault);
    free(got);
    doc_done(&a);
    doc_done(&b);
}

START_TEST(what_is_absent_is_added_at_any_depth)
{
    merges(MERGE_OWN, "{a: {b: 1}}", "{a: {c: 2, d: {e: 3}}, f: [4]}",
           "{\"a\":{\"b\":1,\"c\":2,\"d\":{\"e\":3}},\"f\":[4]}", "");
    merges(MERGE_OWN, "{a: null}", "{a: {b: 1}}", "{\"a\":{\"b\":1}}", "");
}
END_TEST

START_TEST(lists_grow_by_what_they_lack)
{
    merges(MERGE_OWN, "{a: [x, y]}", "{a: [y, z]}", "{\"a\":[\"x\",\"y\",\"z\"]}", "");
}
END_TEST

START_TEST(our_own_values_may_be_repeated_but_not_changed)
{
    merges(MERGE_OWN, "{a: {b: x}}", "{a: {b: x}}", "{\"a\":{\"b\":\"x\"}}", "");
    merges(MERGE_OWN, "{a: {b: x}}", "{a: {b: y}}", "{\"a\":{\"b\":\"x\"}}",
           "1:9: top.a.b: is for Phoenix to set: leave it out");
}
END_TEST

START_TEST(defaults_give_way)
{
    merges(MERGE_DEFAULT, "{a: [x]}", "{a: [y]}", "{\"a\":[\"x\"]}", "");
    merges(MERGE_DEFAULT, "{a: {b: x}}", "{a: {b: y, c: z}}", "{\"a\":{\"b\":\"x\",\"c\":\"z\"}}", "");
}
END_TEST

START_TEST(another_kind_is_refused)
{
    merges(MERGE_DEFAULT, "{a: []}", "{a: {b: y}}", "{\"a\":[]}", "1:5: top.a: must be a map");
    merges(MERGE_OWN, "{a: x}", "{a: [y]}", "{\"a\":\"x\"}", "1:5: top.a: must be a list");
}
END_TEST

START_TEST(members_are_taken_from_any_position)
{
    static const char *const keys[] = { "a", "b", "c" };
    for (unsigned i = 0; i < 3; i++) {
        struct doc d = parsed("{a: 1, b: 2, c: 3}");
        struct doc_node *node = tree_take(d.root, keys[i]);
        ck_assert_str_eq(node->key, keys[i]);
        ck_assert_ptr_null(node->next);
        ck_assert_ptr_null(tree_get(d.root, keys[i]));
        ck_assert_ptr_nonnull(tree_get(d.root, keys[(i + 1) % 3]));
        ck_assert_ptr_nonnull(tree_get(d.root, keys[(i + 2) % 3]));
        ck_assert_ptr_null(tree_take(d.root, "d"));
        doc_done(&d);
    }
}
END_TEST

START_TEST(trees_are_equal_by_order_keys_text_and_quotes)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        { "{a: [1, x]}", "{a: [1, x]}", true },
        { "{a: 1}", "{b: 1}", false },
        { "{a: 1}", "{a: 1, b: 2}", false },
        { "{a: 1, b: 2}", "{b: 2, a: 1}", false },
        { "{a: 1}", "{a: \"1\"}", false }, { "[x, ~]", "[\"x\", null]", true },
        { "[1]", "{a: 1}", false },
        { "[]", "[]", true },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct doc a = parsed(cases[i].a), b = parsed(cases[i].b);
        ck_assert_int_eq(tree_equal(a.root, b.root), cases[i].equal);
        ck_assert_int_eq(tree_equal(b.root, a.root), cases[i].equal);
        doc_done(&a);
        doc_done(&b);
    }
}
END_TEST

START_TEST(a_type_ends_at_the_slash)
{
    struct doc d = parsed("{otlp: 1, otlp/in: 2, otlphttp: 3}");
    ck_assert(tree_is_type(d.root->child, "otlp"));
    ck_assert(tree_is_type(d.root->child->next, "otlp"));
    ck_assert(!tree_is_type(d.root->child->next->next, "otlp"));
    doc_done(&d);
}
END_TEST

START_TEST(a_place_of_any_length_fits)
{
    char text[16];
    struct place at[DOC_MAX_DEPTH + 4];
    for (unsigned i = 0; i < DOC_MAX_DEPTH + 4; i++) at[i] = (struct place){ i ? &at[i - 1] : NULL, "key" };
    place_text(&at[1], text, sizeof text);
    ck_assert_str_eq(text, "key.key");
    place_text(&at[DOC_MAX_DEPTH + 3], text, sizeof text);
    ck_assert_str_eq(text, "key.key.key.key");
}
END_TEST

UNIT_MAIN("otelcol/tree", what_is_absent_is_added_at_any_depth, lists_grow_by_what_they_lack,
          our_own_values_may_be_repeated_but_not_changed, defaults_give_way, another_kind_is_refused,
          members_are_taken_from_any_position, trees_are_equal_by_order_keys_text_and_quotes,
          a_type_ends_at_the_slash, a_place_of_any_length_fits)
