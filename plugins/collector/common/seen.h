/* SPDX-License-Identifier: Apache-2.0 */
/** @file seen.h
 * health() of a collector backend: the process runs or not, was ready or not, answers probes or not. Pure.
 */
#ifndef PHOENIX_COLLECTOR_SEEN_H
#define PHOENIX_COLLECTOR_SEEN_H
#include <phoenix/plugin.h>

/** As phx_collector_ops.health: the seen document to PHX_UP ... PHX_DOWN, and the word "reason". */
phx_status seen_health(const phx_host *host, phx_str seen, const phx_sink *out, uint32_t *ret_state);
#endif
