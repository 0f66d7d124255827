/* SPDX-License-Identifier: Apache-2.0 */
/** @file grammar.h
 * A strict reader of the Prometheus text format, written from its specification (exposition formats,
 * text 0.0.4): every line is a HELP, a TYPE or a sample of the family that was opened last; families and
 * series stand once; names, label escapes, UTF-8 and numbers are as they must be.
 */
#ifndef PHOENIX_TESTS_GRAMMAR_H
#define PHOENIX_TESTS_GRAMMAR_H
#include <check.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/mem.h"
#include "core/base/str.h"

/* Check notes where every passed assertion stood: too slow for a million of them. */
#define GRAMMAR(truth, ...)                    \
    do {                                       \
        if (!(truth)) ck_abort_msg(__VA_ARGS__); \
    } while (0)

static inline int grammar_compare(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static inline void grammar_no_twins(struct str *items, size_t n)
{
    qsort(items, n, sizeof *items, grammar_compare);
    for (size_t i = 1; i < n; i++)
        GRAMMAR(!str_eq(items[i - 1], items[i]), "twice: %.*s", (int)items[i].n, items[i].p);
}

static inline const char *grammar_name(const char *p, const char *end, bool colon)
{
    GRAMMAR(p < end && (isalpha((unsigned char)*p) || *p == '_'), "no name at %.20s", p);
    while (p < end && (isalnum((unsigned char)*p) || *p == '_' || (colon && *p == ':'))) p++;
    return p;
}

static inline const char *grammar_label(const char *p, const char *end)
{
    p = grammar_name(p, end, false);
    GRAMMAR(end - p > 2 && p[0] == '=' && p[1] == '"', "bad line");
    const char *value = p += 2;
    for (; p < end && *p != '"'; p++)
        if (*p == '\\') GRAMMAR(++p < end && strchr("\\\"n", *p), "escape in %.40s", value);
    GRAMMAR(p < end, "a label does not end");
    GRAMMAR(utf8_valid((struct str){ value, (size_t)(p - value) }), "bad UTF-8 in %.40s", value);
    return p + 1;
}

/* Returns the series: name and labels. */
static inline struct str grammar_sample(struct str line, struct str family)
{
    const char *end = line.p + line.n, *p = grammar_name(line.p, end, true);
    GRAMMAR(str_eq((struct str){ line.p, (size_t)(p - line.p) }, family), "foreign line %.40s", line.p);
    if (p < end && *p == '{') {
        do p = grammar_label(p + 1, end);
        while (p < end && *p == ',');
        GRAMMAR(p < end && *p == '}', "bad line");
        p++;
    }
    struct str series = { line.p, (size_t)(p - line.p) };
    GRAMMAR(p < end && *p == ' ', "bad line");
    double value;
    GRAMMAR(parse_real((struct str){ p + 1, (size_t)(end - p - 1) }, &value), "value in %.*s",
                  (int)line.n, line.p);
    return series;
}

/* Checks all; returns how many samples there are. */
static inline size_t grammar_check(struct str text)
{
    size_t cap = 1, n_series = 0, n_families = 0;
    for (size_t i = 0; i < text.n; i++) cap += text.p[i] == '\n';
    GRAMMAR(text.n && text.p[text.n - 1] == '\n', "bad line");
    struct str *series = mem_calloc(cap, sizeof *series), *families = mem_calloc(cap, sizeof *families);
    struct str rest = text, line, family = { "", 0 };
    while (str_split(&rest, '\n', &line)) {
        struct str word, name, type;
        if (!line.n) break;
        if (line.p[0] != '#') {
            series[n_series++] = grammar_sample(line, family);
            continue;
        }
        GRAMMAR(str_split(&line, ' ', &word) && str_split(&line, ' ', &word), "bad line");
        GRAMMAR(str_split(&line, ' ', &name), "bad line");
        if (str_eqz(word, "HELP")) {
            families[n_families++] = family = name;
            continue;
        }
        GRAMMAR(str_eqz(word, "TYPE") && str_eq(name, family) && str_split(&line, ' ', &type), "bad line");
        GRAMMAR(str_eqz(type, "counter") || str_eqz(type, "gauge"), "bad line");
        bool total = name.n > 6 && !memcmp(name.p + name.n - 6, "_total", 6);
        GRAMMAR(total == str_eqz(type, "counter"), "%.*s", (int)name.n, name.p);
    }
    grammar_no_twins(series, n_series);
    grammar_no_twins(families, n_families);
    free(series);
    free(families);
    return n_series;
}
#endif
