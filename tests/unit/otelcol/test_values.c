/* SPDX-License-Identifier: Apache-2.0 */
/* Special scalars: values become literals, secrets become names, and nothing reaches for more. */
#include <stdio.h>
#include <string.h>
#include "plugins/collector/otelcol/values.h"
#include "plugins/collector/otelcol/write.h"
#include "tests/unit/unit.h"

static struct doc_first first;
static struct values values;
static struct doc doc;

static const char *resolved(const char *text)
{
    doc_done(&doc);
    doc_first_init(&first);
    ck_assert_msg(doc_parse(&doc, text, strlen(text), &first.faults), "%s in %s", first.text, text);
    values = (struct values){ .faults = &first.faults };
    values_resolve(&values, doc.root);
    return doc.root->child->text ? doc.root->child->text : "";
}

static void becomes(const char *value, const char *literal)
{
    char text[512], want[512];
    snprintf(text, sizeof text, "{a: {ottl: 'f({v}) where {v}', with: {v: %s}}}", value);
    snprintf(want, sizeof want, "f(%s) where %s", literal, literal);
    ck_assert_str_eq(resolved(text), want);
    ck_assert_str_eq(first.text, "");
}

static void is_refused(const char *text, const char *reason)
{
    resolved(text);
    ck_assert_msg(strstr(first.text, reason) != NULL, "%s\n\"%s\" is not in \"%s\"", text, reason,
                  first.text);
}

START_TEST(numbers_are_those_of_ottl)
{
    becomes("5", "5");
    becomes("-5", "-5");
    becomes("0.05", "0.05");
    becomes("1e-05", "1.0e-05");
    becomes("-2E6", "-2.0E6");
    becomes("1.5e3", "1.5e3");
    becomes("9223372036854775807", "9223372036854775807");
    becomes("9223372036854775808", "9223372036854775808.0");
}
END_TEST

START_TEST(texts_are_quoted_and_dollars_doubled)
{
    becomes("java", "\"java\"");
    becomes("\"5\"", "\"5\"");
    becomes("\"a \\\"b\\\" \\\\ c\"", "\"a \\\"b\\\" \\\\ c\"");
    becomes("\"\\\") or true or (\\\"\"", "\"\\\") or true or (\\\"\"");
    becomes("\"${env:HOME} $X $\"", "\"$${env:HOME} $$X $$\"");
    becomes("\"a\\nb\\x7F\\u0001\"", "\"a\\u000ab\\u007f\\u0001\"");
    becomes("\"{v} {w}\"", "\"{v} {w}\"");
    becomes("\"\"", "\"\"");
    becomes("'\xC3\xA9'", "\"\xC3\xA9\"");
}
END_TEST

START_TEST(lists_booleans_and_null_have_literals_too)
{
    becomes("[a, 1, [true]]", "[\"a\", 1, [true]]");
    becomes("[]", "[]");
    becomes("false", "false");
    becomes("null", "nil");
}
END_TEST

START_TEST(globs_are_one_expression_for_the_whole_name)
{
    becomes("{globs: [sshd, 'kube*', 'a?']}", "\"^(?s:sshd|kube.*|a.)$$\"");
    becomes("{globs: ['a.b+(c)|[d]{2}^\\']}", "\"^(?s:a\\\\.b\\\\+\\\\(c\\\\)\\\\|\\\\[d\\\\]\\\\{2\\\\}"
                                              "\\\\^\\\\\\\\)$$\"");
    becomes("{globs: ['$x\"']}", "\"^(?s:\\\\$$x\\\")$$\"");
    becomes("{globs: []}", "\"[^\\\\s\\\\S]\"");
}
END_TEST

START_TEST(braces_that_are_not_a_name_are_left_alone)
{
    ck_assert_str_eq(resolved("{a: {ottl: 'f({\"k\": 1}, \"a{2}\", {}, { v }, {v', with: {v: 1}}}"),
                     "f({\"k\": 1}, \"a{2}\", {}, { v }, {v");
    ck_assert_str_eq(resolved("{a: {ottl: 'f(\"${env:PHX_HOST_ID}\")'}}"), "f(\"${env:PHX_HOST_ID}\")");
    ck_assert_str_eq(first.text, "");
}
END_TEST

START_TEST(wrong_values_are_refused_with_their_place)
{
    is_refused("{a: {ottl: 'f({w})', with: {v: 1}}}", "1:12: a: with has no value for {w}");
    is_refused("{a: {ottl: 'f({v})'}}", "with has no value for {v}");
    is_refused("{a: {ottl: [1]}}", "ottl takes a text");
    is_refused("{a: {ottl: x, with: [1]}}", "with takes a map");
    is_refused("{a: {ottl: '{v}', with: {v: {globs: x}}}}", "globs takes a list");
    is_refused("{a: {ottl: '{v}', with: {v: {globs: [[x]]}}}}", "globs takes a list");
    is_refused("{a: {ottl: '{v}', with: {v: {x: 1}}}}", "a value of OTTL is");
}
END_TEST

START_TEST(maps_that_only_look_special_are_maps)
{
    ck_assert_str_eq(resolved("{a: {ottl: x, other: y}, b: {secret: x, other: 1}}"), "");
    ck_assert_str_eq(first.text, "");
    ck_assert_int_eq(doc.root->child->kind, DOC_MAP);
    ck_assert_uint_eq(values.n_secrets, 0);
}
END_TEST

START_TEST(secrets_become_variables_and_equal_ones_share_one)
{
    resolved("{h: {a: {secret: licence.key}, b: {secret: other}, c: {secret: licence.key}}}");
    size_t n;
    char *json = write_json(doc.root, &n);
    ck_assert_str_eq(json, "{\"h\":{\"a\":\"${env:PHX_SECRET_1}\",\"b\":\"${env:PHX_SECRET_2}\","
                           "\"c\":\"${env:PHX_SECRET_1}\"}}");
    free(json);
    ck_assert_uint_eq(values.n_secrets, 2);
    ck_assert_str_eq(values.secrets[0], "licence.key");
    ck_assert_str_eq(values.secrets[1], "other");
}
END_TEST

START_TEST(a_secret_is_named_like_a_file)
{
    static const char *const bad[] = { "''", ".hidden", "'../x'", "a/b", "'a b'", "5", "[x]" };
    char text[128];
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "{a: {secret: %s}}", bad[i]);
        is_refused(text, "a secret is named by");
    }
}
END_TEST

START_TEST(there_are_at_most_eight_secrets)
{
    char text[1024] = "{";
    for (int i = 0; i < 9; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "k%d: {secret: s%d}, ", i, i);
    snprintf(text + strlen(text), sizeof text - strlen(text), "}");
    is_refused(text, "k8: there are more than 8 secrets");
}
END_TEST

START_TEST(a_text_reaches_for_our_variables_only)
{
    static const char *const bad[] = {
        "${file:/etc/shadow}",    "${env:PHX_SECRET_1}",         "${env:HOME}",         "${HOME}",
        "a $$${env:HOME}",        "${env:PHX_HOST_ID:-x}",       "${env:PHX_${env:A}}", "${yaml:a}",
        "$$ ${http://127.0.0.1/", "${env:PHX_HOST_ID} ${env:X}", "${env:PHX_SECRET_1",
    };
    char text[128];
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "{a: {b: ['%s']}}", bad[i]);
        is_refused(text, "a.b: ${...} names a variable");
        snprintf(text, sizeof text, "{a: {ottl: 'f(\"%s\")'}}", bad[i]);
        is_refused(text, "a: ${...} names a variable");
    }
    resolved("{a: '${env:PHX_ADDRESS}:${env:PHX_HEALTH_PORT} $${file:/x} ^a$$ $1 $'}");
    ck_assert_str_eq(first.text, "");
}
END_TEST

START_TEST(keys_are_short)
{
    char text[400] = "{'";
    memset(text + 2, 'k', 257);
    strncat(text, "': 1}", 6);
    is_refused(text, "a key has more than 256 bytes");
}
END_TEST

UNIT_MAIN("otelcol/values", numbers_are_those_of_ottl, texts_are_quoted_and_dollars_doubled,
          lists_booleans_and_null_have_literals_too, globs_are_one_expression_for_the_whole_name,
          braces_that_are_not_a_name_are_left_alone, wrong_values_are_refused_with_their_place,
          maps_that_only_look_special_are_maps, secrets_become_variables_and_equal_ones_share_one,
          a_secret_is_named_like_a_file, there_are_at_most_eight_secrets,
          a_text_reaches_for_our_variables_only, keys_are_short)
