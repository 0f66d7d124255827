/* SPDX-License-Identifier: Apache-2.0 */
/** @file scheduler.h
 * Steps live experiments: gathers facts from the store, lets experiment_step() decide, carries the
 * plan out in one transaction, wakes the hosts. One step of an experiment at a time; it is stepped
 * when something it depends on changes, or when time alone is due. Of several processes that share the
 * store the one that leads does that (peers.h); the others carry out the commands that come to them, and
 * tell it what they hear. All [loop].
 */
#ifndef PHOENIX_API_SCHEDULER_H
#define PHOENIX_API_SCHEDULER_H
#include "core/base/err.h"
#include "core/base/json.h"
#include "core/experiment/machine.h"

struct api;
struct scheduler;
/** Makes the KPI calculators; nothing is stepped before scheduler_look(). */
int scheduler_start(struct api *api, struct err *err) MUST_CHECK;
/** Tell every watcher, so that nobody is left waiting when the server drains. */
void scheduler_drain(struct api *api);
/** No step starts any more; those in flight end on their own. */
void scheduler_stop(struct api *api);

/** As the one that leads: step every experiment that is live. */
void scheduler_look(struct api *api);
/** This process does not lead any more: forget the experiments. Steps on their way end by themselves. */
void scheduler_lost(struct api *api);
/** Another process stored something about this experiment. */
void scheduler_peer_wrote(struct api *api, const char *experiment_id);

/** A task of this experiment reached another state. NULL is ignored. */
void scheduler_task_changed(struct api *api, const char *experiment_id);
/** The pipelines or loads of this host changed, or it was heard of after it had been lost. */
void scheduler_host_changed(struct api *api, const char *host_id);

/** err NULL: done, and the experiment has its new phase. */
typedef void command_done_fn(void *arg, const struct err *err);
/** A user's command: carried out as the next step of the experiment. @p reason may be NULL. */
void scheduler_command(struct scheduler *s, const char *experiment_id, enum input command, const char *actor,
                       const char *reason, command_done_fn *done, void *arg);

/** Tell me once when something happens to this experiment (or to any, NULL). The watcher is removed
 *  before fn(arg) is called. */
struct event_watch;
struct event_watch *scheduler_watch(struct scheduler *s, const char *experiment_id, void (*fn)(void *arg),
                                    void *arg);
void scheduler_unwatch(struct event_watch *w); /**< not after fn was called */
size_t scheduler_live(const struct scheduler *s); /**< experiments that are live, for /metrics */
#endif
