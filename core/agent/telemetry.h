/* SPDX-License-Identifier: Apache-2.0 */
/** @file telemetry.h
 * What an OpenTelemetry Collector tells of itself, whatever its version calls it. The text is not trusted.
 * Pure.
 */
#ifndef PHOENIX_AGENT_TELEMETRY_H
#define PHOENIX_AGENT_TELEMETRY_H
#include "core/base/str.h"

struct telemetry { /**< counters; NAN: not shown */
    double points;    /**< of metrics, that the exporter `prometheus` took: what is sampled */
    double points_in; /**< that its receivers took */
    double dropped;   /**< that went into a processor and did not come out */
};
void telemetry_scan(struct str exposition, struct telemetry *ret);
#endif
