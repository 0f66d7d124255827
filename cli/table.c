/* SPDX-License-Identifier: Apache-2.0 */
/* Aligned columns, and documents of the API in them. */
#include "cli/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

#define CELL_MAX 65536

void table_init(struct table *t, const char *const *titles)
{
    *t = (struct table){ .arena = arena_new(), .titles = titles };
    while (titles[t->columns])
        t->columns++;
    assert(t->columns > 0 && t->columns <= TABLE_COLUMNS);
}

void table_done(struct table *t)
{
    arena_free(t->arena);
    free(t->cells);
}

void table_cell(struct table *t, const char *text)
{
    struct buf safe CLEANUP_BUF;
    buf_init(&safe, CELL_MAX);
    text_escape(&safe, text && *text ? str_of(text) : STR("-"));
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        t->cells = mem_realloc(t->cells, t->cap, sizeof *t->cells);
    }
    t->cells[t->n++] = arena_strndup(t->arena, buf_str(&safe));
}

void table_cellf(struct table *t, const char *fmt, ...)
{
    struct buf text CLEANUP_BUF;
    va_list ap;
    buf_init(&text, CELL_MAX);
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    table_cell(t, buf_cstr(&text));
}

static bool is_right(const char *title)
{
    return title[0] == '>';
}

static const char *title_text(const char *title)
{
    return is_right(title) ? title + 1 : title;
}

static void print_padded(const char *text, size_t width, bool right, bool last, FILE *out)
{
    size_t own = text_width(str_of(text));
    int pad = (int)(own < width ? width - own : 0);
    if (right)
        fprintf(out, "%*s%s", pad, "", text);
    else
        fprintf(out, "%s%*s", text, last ? 0 : pad, "");
    fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *t, bool colour, FILE *out)
{
    size_t widths[TABLE_COLUMNS];
    assert(t->n % t->columns == 0);
    for (size_t c = 0; c < t->columns; c++)
        widths[c] = text_width(str_of(title_text(t->titles[c])));
    for (size_t i = 0; i < t->n; i++) {
        size_t width = text_width(str_of(t->cells[i]));
        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
    fputs(colour ? "\x1b[1m" : "", out);
    for (size_t c = 0; c < t->columns; c++)
        print_padded(title_text(t->titles[c]), widths[c], is_right(t->titles[c]), c + 1 == t->columns, out);
    fputs(colour ? "\x1b[0m" : "", out);
    for (size_t i = 0; i < t->n; i++) {
        size_t c = i % t->columns;
        print_padded(t->cells[i], widths[c], is_right(t->titles[c]), c + 1 == t->columns, out);
    }
}

/* ---- documents */

static void add_age(struct str text, struct buf *out)
{
    int64_t then;
    char age[32];
    if (!rfc3339_parse(text, &then)) {
        buf_adds(out, "-");
        return;
    }
    int64_t ns = clock_wall() - then;
    int64_t unit = ns < 600 * NS_PER_S ? NS_PER_S : ns < 86400 * NS_PER_S ? 60 * NS_PER_S : 3600 * NS_PER_S;
    buf_adds(out, format_duration(ns < 0 ? 0 : ns / unit * unit, age));
}

/* "2026-11-23T08:15:30.123Z" without the fraction */
static void add_time(struct str text, struct buf *out)
{
    char tidy[32];
    int64_t ns;
    if (!rfc3339_parse(text, &ns)) {
        buf_adds(out, "-");
        return;
    }
    rfc3339_format(ns, tidy);
    buf_addf(out, "%.10s %.8sZ", tidy, tidy + 11);
}

static void add_value(const struct json *v, struct buf *out)
{
    if (json_is(v, JSON_STRING))
        buf_add_str(out, json_text(v));
    else if (json_is(v, JSON_NULL))
        buf_adds(out, "-");
    else
        json_write(v, out);
}

static void add_elements(const struct json *v, struct buf *out)
{
    const struct json *value;
    const char *key;
    for (size_t i = 0; i < json_len(v) && json_is(v, JSON_ARRAY); i++) {
        buf_adds(out, i ? ", " : "");
        add_value(json_at(v, i), out);
    }
    for (size_t i = 0; json_member(v, &i, &key, &value);) {
        buf_addf(out, "%s%s=", out->len ? ", " : "", key);
        add_value(value, out);
    }
}

void column_text(const struct json *row, const struct column *col, struct buf *out)
{
    const struct json *v = json_path(row, col->path);
    char number[32];
    switch (col->kind) {
    case COL_TIME: add_time(json_text(v), out); return;
    case COL_AGE: add_age(json_text(v), out); return;
    case COL_COUNT: buf_add_int(out, (int64_t)json_len(v)); return;
    case COL_NAMED: add_value(json_is(v, JSON_OBJECT) ? json_get(v, "name") : v, out); return;
    case COL_MAP: add_elements(v, out); return;
    case COL_NUMBER:
        if (json_kind(v) == JSON_REAL) {
            snprintf(number, sizeof number, "%.4g", json_real(v, 0));
            buf_adds(out, number);
            return;
        }
        break;
    case COL_TEXT: break;
    }
    add_value(v, out);
}

void print_rows(const struct json *rows, const struct column *cols, bool colour, FILE *out)
{
    const char *titles[TABLE_COLUMNS + 1] = { NULL };
    struct table t;
    for (size_t c = 0; cols[c].title && c < TABLE_COLUMNS; c++)
        titles[c] = cols[c].title;
    table_init(&t, titles);
    for (size_t i = 0; i < json_len(rows); i++) {
        for (size_t c = 0; c < t.columns; c++) {
            struct buf text CLEANUP_BUF;
            buf_init(&text, CELL_MAX);
            column_text(json_at(rows, i), &cols[c], &text);
            table_cell(&t, buf_cstr(&text));
        }
    }
    table_print(&t, colour, out);
    table_done(&t);
}

void print_record(const struct json *doc, const struct column *cols, FILE *out)
{
    size_t width = 0;
    for (const struct column *c = cols; c->title; c++)
        if (strlen(c->title) > width)
            width = strlen(c->title);
    for (const struct column *c = cols; c->title; c++) {
        struct buf raw CLEANUP_BUF, safe CLEANUP_BUF;
        buf_init(&raw, CELL_MAX);
        buf_init(&safe, CELL_MAX * 6);
        column_text(doc, c, &raw);
        text_escape(&safe, raw.len ? buf_str(&raw) : STR("-"));
        fprintf(out, "%-*s  %s\n", (int)width, c->title, buf_cstr(&safe));
    }
}
