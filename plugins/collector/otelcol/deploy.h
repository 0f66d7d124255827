/* SPDX-License-Identifier: Apache-2.0 */
/** @file deploy.h
 * launch() and reload(): deploy documents (doc/rooms/agent.md) to plans. Pure.
 */
#ifndef PHOENIX_OTELCOL_DEPLOY_H
#define PHOENIX_OTELCOL_DEPLOY_H
#include <phoenix/plugin.h>

/** As phx_collector_ops.launch; @p programs: what will do, best first, ended by NULL. */
phx_status deploy_launch(const phx_host *host, const char *const *programs, phx_str deploy,
                         const phx_sink *out);
/** As phx_collector_ops.reload. */
phx_status deploy_reload(const phx_host *host, phx_str old_deploy, phx_str deploy, const phx_sink *out);
#endif
