/* SPDX-License-Identifier: Apache-2.0 */
/** @file world.h
 * The world outside of a run: the clock, signals, who listens and who wants a change. Lines of JSON:
 * status lines and answers go to standard output, wishes come on standard input. [loop]
 */
#ifndef PHOENIX_LOADHOST_WORLD_H
#define PHOENIX_LOADHOST_WORLD_H
#include "core/plugin/plugin.h"
#include "tools/loadhost/run.h"

struct world;
/** From here on SIGTERM, SIGINT and SIGCHLD are blocked, and waited for in wait(). */
struct world *world_new(struct loop *loop, struct err *err);
void world_free(struct world *w); /**< NULL allowed */
struct run_env world_env(struct world *w);
/** @p instance: whose words a refused change is explained with. */
void world_introduce(struct world *w, struct instance *instance);
/** A status line; @p reason NULL: what the profile told, if it did. */
void world_print(const struct run_status *s, const char *reason);
#endif
