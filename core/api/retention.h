/* SPDX-License-Identifier: Apache-2.0 */
/** @file retention.h
 * Deletes samples, logs, batch numbers, idempotency keys and finished tasks that are older than the
 * setting `retention`: now and then, in chunks, one collection after the other.
 */
#ifndef PHOENIX_API_RETENTION_H
#define PHOENIX_API_RETENTION_H
#include "core/api/api.h"

int retention_start(struct api *api, struct err *err);
void retention_stop(struct api *api);
#endif
