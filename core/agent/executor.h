/* SPDX-License-Identifier: Apache-2.0 */
/** @file executor.h
 * Tasks: acknowledged, executed once, reported until the API has heard it. [loop]
 */
#ifndef PHOENIX_AGENT_EXECUTOR_H
#define PHOENIX_AGENT_EXECUTOR_H
#include "core/agent/loads.h"
#include "core/agent/supervisor.h"
#include "core/agent/uplink.h"

struct executor_conf {
    struct loop *loop;
    struct uplink *uplink;
    struct supervisor *supervisor;
    struct loads *loads;
    struct state *state;
};
struct executor;
struct executor *executor_new(const struct executor_conf *conf);
void executor_free(struct executor *e); /**< NULL allowed; the fetcher goes before */
/** Tasks of an earlier start: results that were not heard are sent, interrupted ones done again. */
void executor_load(struct executor *e, const struct json *state);
/** A task as it came from the API; what is no task is logged and ignored. True if it was new or came
 *  with a higher epoch than before. */
bool executor_take(struct executor *e, const struct json *task);
/** No new work, no reports: what is unfinished stays in the state for the next start. */
void executor_stop(struct executor *e);
/** Is there a task of which the API has not heard all? */
bool executor_has_news(const struct executor *e);
/** Array of { "id", "epoch" } of what is not reported yet. */
void executor_write_active(const struct executor *e, struct jw *w);
#endif
