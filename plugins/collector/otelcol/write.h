/* SPDX-License-Identifier: Apache-2.0 */
/** @file write.h
 * A document as text. Strings are always quoted, so that none of them turns into a number, a date or a
 * comment; what had no quotes and is a number, a boolean or null stays so. The same tree gives the same
 * bytes. malloc'd; NULL: out of memory. Pure.
 */
#ifndef PHOENIX_OTELCOL_WRITE_H
#define PHOENIX_OTELCOL_WRITE_H
#include "plugins/collector/common/doc.h"

/** Block style; @p root is a map or a list. */
char *write_yaml(const struct doc_node *root, size_t *ret_len);
char *write_json(const struct doc_node *root, size_t *ret_len); /**< one line, without its end */
#endif
