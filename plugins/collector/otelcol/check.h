/* SPDX-License-Identifier: Apache-2.0 */
/** @file check.h
 * check(): what can be said of a collector's config without the collector, by place. The collector's own
 * validation, on the host, says the rest. Pure.
 */
#ifndef PHOENIX_OTELCOL_CHECK_H
#define PHOENIX_OTELCOL_CHECK_H
#include <phoenix/plugin.h>

/** As phx_collector_ops.check. */
phx_status check_config(phx_str config, const phx_sink *out);
#endif
