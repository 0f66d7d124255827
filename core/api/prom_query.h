/* SPDX-License-Identifier: Apache-2.0 */
/** @file prom_query.h
 * Questions to Prometheus' HTTP API as text. A value gets into PromQL through promql_quote() alone, and the
 * whole question into a form through form_add(): nothing is pasted. Pure.
 */
#ifndef PHOENIX_API_PROM_QUERY_H
#define PHOENIX_API_PROM_QUERY_H
#include <stdint.h>
#include "core/base/buf.h"

/** A string literal of PromQL. */
void promql_quote(struct str value, struct buf *out);
/** name=value of application/x-www-form-urlencoded, with & between two. */
void form_add(const char *name, struct str value, struct buf *out);

/** All raw samples that Prometheus has of the measures of an experiment's arms, scraped from @p from_ns
 *  (wall) to @p to_ns: the body of POST /api/v1/query. */
void prom_query_arms(const char *experiment_id, int64_t from_ns, int64_t to_ns, struct buf *out);
#endif
