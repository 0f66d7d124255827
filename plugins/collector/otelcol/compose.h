/* SPDX-License-Identifier: Apache-2.0 */
/** @file compose.h
 * render(): the pipeline document to a config of the collector, and beside it what launch() needs to know.
 * Pure.
 */
#ifndef PHOENIX_OTELCOL_COMPOSE_H
#define PHOENIX_OTELCOL_COMPOSE_H
#include <phoenix/plugin.h>

#define CONFIG_FILE "config.yaml"
/** As phx_collector_ops.render. */
phx_status compose(const phx_host *host, phx_str pipeline, const phx_sink *out);
#endif
