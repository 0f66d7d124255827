/* SPDX-License-Identifier: Apache-2.0 */
/** @file write.h
 * A document as text. Strings are always quoted, so that none of them turns into a number, a date or a
 * comment; what had no quotes and is a number, a boolean or null stays so. The same tree gives the same
 * bytes. Pure.
 */
#ifndef PHOENIX_OTELCOL_WRITE_H
#define PHOENIX_OTELCOL_WRITE_H
#include <stdio.h>
#include "plugins/collector/common/doc.h"

/** A text in quotes, its bytes of @p doubled (NULL: none) twice. */
void write_quoted(FILE *out, const char *text, const char *doubled);
/** Block style; @p root is a map or a list. malloc'd; NULL: out of memory. */
char *write_yaml(const struct doc_node *root, size_t *ret_len);
char *write_json(const struct doc_node *root, size_t *ret_len); /**< as above; one line, without its end */
#endif
