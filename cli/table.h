/* SPDX-License-Identifier: Apache-2.0 */
/** @file table.h
 * Text for a terminal: safe, and in columns.
 */
#ifndef PHOENIX_CLI_TABLE_H
#define PHOENIX_CLI_TABLE_H
#include <stdbool.h>
#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/json.h"

/** Add @p s so that it cannot move the cursor or hide text: control characters and the marks that turn
 *  the direction of text become \x1b or \u202e, bytes that are not UTF-8 become U+FFFD. */
void text_escape(struct buf *out, struct str s);
/** Columns that UTF-8 text takes: 2 for East Asian wide and emoji, 0 for what combines. */
size_t text_width(struct str s);

#define TABLE_COLUMNS 12
struct table {
    struct arena *arena;
    const char *const *titles; /* NULL-terminated; one that starts with '>' is right-aligned */
    size_t columns, n, cap;
    const char **cells; /* row by row */
};
void table_init(struct table *t, const char *const *titles);
void table_done(struct table *t);
/** The next cell, left to right, escaped. NULL: "-". */
void table_cell(struct table *t, const char *text);
void table_cellf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void table_print(const struct table *t, bool colour, FILE *out);

/** How a member is shown. */
enum column_kind { COL_TEXT, COL_NUMBER, COL_TIME, COL_AGE, COL_COUNT, COL_NAMED, COL_MAP };
struct column {
    const char *title, *path; /**< path: dotted */
    enum column_kind kind;
};
/** A member as text, into @p out: a time without fraction, an age, the number of elements, the name of
 *  a string or {name}, the pairs of a map. "-" when there is none. */
void column_text(const struct json *row, const struct column *col, struct buf *out);
/** A table with a row for each element; @p cols ends with a row without title. */
void print_rows(const struct json *rows, const struct column *cols, bool colour, FILE *out);
/** One document, a line for each member. */
void print_record(const struct json *doc, const struct column *cols, FILE *out);
#endif
