/* SPDX-License-Identifier: Apache-2.0 */
/** @file censuses.h
 * GET /api/v1/metrics/cardinality and /cost-flow: the newest censuses of an experiment, read in pages and
 * put together on a lane. A few at a time; more are answered 503. [loop]
 */
#ifndef PHOENIX_API_CENSUSES_H
#define PHOENIX_API_CENSUSES_H
#include "core/api/api.h"

int censuses_start(struct api *api, struct err *err) MUST_CHECK;
void censuses_stop(struct api *api);
#endif
