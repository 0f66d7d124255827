/* SPDX-License-Identifier: Apache-2.0 */
/** @file idempotency.h
 * Idempotency-Key on POSTs of routes with ROUTE_IDEMPOTENT: a request that comes again makes nothing
 * new, and gets the object that the first one made.
 *
 *   idempotency_begin(rq, on_checked)          on_checked(rq, NULL): create; (rq, id): answer that one
 *   q_add(batch, idempotency_insert(rq, id))   in the batch that stores the object; NULL without key
 *   CONFLICT of that batch and idempotency_is(rq): idempotency_begin() again; somebody was first
 */
#ifndef PHOENIX_API_IDEMPOTENCY_H
#define PHOENIX_API_IDEMPOTENCY_H
#include "core/api/api.h"

/** @p object_id: what an earlier request with this key made; NULL: go on. Lent. */
typedef void idempotency_fn(struct request *rq, const char *object_id);
/** Calls @p next later, or answers itself: 422 for a key used with another body or a bad key. */
void idempotency_begin(struct request *rq, idempotency_fn *next);
/** NULL: the request carries no key. */
struct query *idempotency_insert(struct request *rq, const char *object_id);
bool idempotency_is(struct request *rq);
#endif
