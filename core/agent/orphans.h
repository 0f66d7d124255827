/* SPDX-License-Identifier: Apache-2.0 */
/** @file orphans.h
 * Collectors that the state file does not know, because the agent died between starting them and
 * writing that down. Each carries PHOENIX_INSTANCE=FOLDER in its environment, and leads its group.
 */
#ifndef PHOENIX_AGENT_ORPHANS_H
#define PHOENIX_AGENT_ORPHANS_H
#include "core/agent/supervisor.h"

/** The process that was started for the instance folder @p dir; 0: none. */
pid_t orphan_find(const char *dir);
uint64_t orphan_start_ticks(pid_t pid); /**< 0: gone */
/** End all processes of instances below @p dir that @p s does not supervise. */
void orphans_kill(const char *dir, struct supervisor *s);
#endif
