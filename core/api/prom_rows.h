/* SPDX-License-Identifier: Apache-2.0 */
/** @file prom_rows.h
 * Answers of Prometheus become samples. What is scraped of an arm at one time is one row; its time is not
 * that of the scrape but that of the tick, which the agent pushed with it. A row whose tick was there before
 * is a repeat: a Pushgateway shows the last push until the next one. Pure; any thread.
 */
#ifndef PHOENIX_API_PROM_ROWS_H
#define PHOENIX_API_PROM_ROWS_H
#include "core/experiment/analysis.h"

struct prom_rows;
/** @p hosts, in the order of strcmp(), are borrowed until the rows are freed. */
struct prom_rows *prom_rows_new(const char **hosts, size_t n_hosts);
void prom_rows_free(struct prom_rows *rows); /**< NULL allowed */
/** Add what a range query answered; not trusted. Errors: INVALID (no such answer), LIMIT (too many rows). */
int prom_rows_add(struct prom_rows *rows, struct str answer, struct err *err) MUST_CHECK;
/** All samples so far; borrowed until the next call of any kind. */
const struct sample *prom_rows_samples(struct prom_rows *rows, size_t *ret_n);
/** Arms that were none of the hosts': somebody else's labels stand where the agent's should. */
size_t prom_rows_foreign(const struct prom_rows *rows);
#endif
