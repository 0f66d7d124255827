/* SPDX-License-Identifier: Apache-2.0 */
/** @file expose_priv.h  Between expose.c (lines, processes) and expose_host.c (host, own metrics). */
#ifndef PHOENIX_COLLECTOR_EXPOSE_PRIV_H
#define PHOENIX_COLLECTOR_EXPOSE_PRIV_H
#include "collector/expose.h"

/** v / 10^places: 105 with 2 places is "1.05". */
struct number {
    uint64_t v;
    unsigned places;
};
struct number expose__ticks(uint64_t ticks, uint64_t hz); /**< seconds */
void expose__head(struct buf *out, const char *name, const char *type, const char *help);
/** One line; @p labels and @p more may be empty. */
void expose__sample(struct buf *out, struct str name, struct str labels, struct str more, struct number n);
void expose__processes(const struct collector *c, struct buf *out);
#endif
