/* SPDX-License-Identifier: Apache-2.0 */
/** @file describe_priv.h  Reading of values, shared by describe.c and describe_metric.c. */
#ifndef PHOENIX_OTLPGEN_DESCRIBE_PRIV_H
#define PHOENIX_OTLPGEN_DESCRIBE_PRIV_H
#include "plugins/otlpgen/describe.h"

/** A fault at @p at. Always false. */
bool describe__fault(struct doc_faults *f, const struct doc_node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** @p map is a map that has no member but those in @p known (NULL-terminated). */
bool describe__members(struct doc_faults *f, const struct doc_node *map, const char *const *known);
/** *ret is the number of that name, if there is one; else it stays. Both limits are included. */
bool describe__number(struct doc_faults *f, const struct doc_node *map, const char *key, double least,
                      double most, double *ret);
bool describe__count(struct doc_faults *f, const struct doc_node *map, const char *key, uint64_t least,
                     uint64_t most, uint64_t *ret);
/** A copy of the text of a scalar, as a name or a label's value: not longer than PLAN_NAME_BYTES, UTF-8 of
 *  printable characters. NULL after a fault. */
char *describe__text(struct doc_faults *f, const struct doc_node *at);
bool describe__metrics(struct doc_faults *f, const struct doc_node *root, struct plan *p);
#endif
