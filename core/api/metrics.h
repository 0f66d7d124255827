/* SPDX-License-Identifier: Apache-2.0 */
/** @file metrics.h
 * /metrics in Prometheus' text format, from metrics.def.
 */
#ifndef PHOENIX_API_METRICS_H
#define PHOENIX_API_METRICS_H
#include <stdio.h>
#include "core/api/api.h"

/** The manual's table. */
void metrics_dump(FILE *out);
#endif
