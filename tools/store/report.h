/* SPDX-License-Identifier: Apache-2.0 */
/** @file report.h
 * What a command found, on stdout: a table, or with --json one document.
 */
#ifndef PHOENIX_TOOLS_STORE_REPORT_H
#define PHOENIX_TOOLS_STORE_REPORT_H
#include "tools/store/tool.h"

/** Do both hold the same? */
bool sides_equal(const struct side *a, const struct side *b);
/** Collections with rows and hashes; one that differs has a line for each store. @p to may be NULL. */
void report_table(const struct side *from, const struct side *to);
void report_json(const struct side *from, const struct side *to, int64_t elapsed_ns);
#endif
