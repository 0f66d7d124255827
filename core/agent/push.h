/* SPDX-License-Identifier: Apache-2.0 */
/** @file push.h
 * Pushes what the sampler reads to a Pushgateway, a group for each arm, and deletes the group when the arm
 * is over. Sampling never waits for it: of an arm one push is on its way or none, and a tick that comes
 * meanwhile is not pushed. [loop]
 */
#ifndef PHOENIX_AGENT_PUSH_H
#define PHOENIX_AGENT_PUSH_H
#include "core/agent/supervisor.h"

struct push_conf {
    struct loop *loop;
    struct fetcher *fetcher;
    struct supervisor *supervisor;
    struct state *state;
    const char *url;     /**< "http://127.0.0.1:9091", with or without a slash at its end */
    const char *host_id;
    int64_t interval_ns; /**< between two pushes of an arm, at most */
    bool is_on;          /**< off: only deletes what was pushed when it was on */
};
struct push;
/** Errors: CONFIG. */
struct push *push_new(const struct push_conf *conf, struct err *err);
void push_free(struct push *p); /**< NULL allowed; the fetcher goes before */
/** Groups that an earlier agent left behind, from state.json; the supervisor has been loaded. */
void push_load(struct push *p, const struct json *state);
/** Collectors came, went or changed: delete the groups that belong to none. */
void push_changed(struct push *p);

struct push_tick {
    const char *experiment_id, *variant;
    int64_t tick_ns, interval_ns; /**< wall time of the tick; time until the next */
};
/** An arm has answered. Call it before push_measures() of the same tick; not at all: it did not answer. */
void push_exposition(struct push *p, const struct push_tick *t, struct str text);
/** The tick is over. @p values: MEASURE_COUNT, NAN: not measured. */
void push_measures(struct push *p, const struct push_tick *t, const double *values);

/** Delete all groups, waiting a few seconds at most, then call done(arg). What cannot be deleted stays in
 *  the state, for the next start. Nothing is pushed any more. */
void push_shutdown(struct push *p, loop_fn *done, void *arg);
#endif
