/* SPDX-License-Identifier: Apache-2.0 */
/** @file agents_priv.h
 * The liveness map, shared by agents.c (who lives), agents_seen.c (the same, across processes), heartbeats.c
 * (what they say), agents_list.c (what is shown).
 */
#ifndef PHOENIX_API_AGENTS_PRIV_H
#define PHOENIX_API_AGENTS_PRIV_H
#include <uthash.h>
#include "core/api/agents.h"
#include "core/api/heartbeat.h"
#include "core/base/ids.h"

struct active_task {
    char id[UUID_LEN + 1];
    int64_t epoch;
};
struct agent {
    UT_hash_handle hh;
    int64_t last_seen, created_at;  /**< wall */
    struct agent *dirty_next;
    bool dirty;  /**< in the list of the next flush */
    bool stored; /**< agent_status has its row */
    bool lost;   /**< the operator has been told */
    uint8_t mood;
    uint16_t n_active;
    struct active_task *active; /**< what its last heartbeat listed; NULL when nothing */
    char *version;              /**< NULL: not said */
    struct host_usage usage;
    char host[];
};
struct agents {
    struct api *api;
    struct agent *by_host;
    struct agent *dirty;
    struct timer *flush, *watch;
    bool flush_in_flight, refreshing;
    struct heartbeat heard; /**< scratch: too large for a stack that the compiler clears each time */
    struct faults faults;   /**< scratch, too: ten kilobytes, and thousands of full heartbeats may wait */
    struct agents_stats stats;
    loop_fn *loaded;
    void *loaded_arg;
};
enum { AGENTS_MAX = 200000 }; /* about 70 MB; more hosts are refused */

struct agent *agent__find(struct agents *as, const char *host_id);
/** NULL: there are AGENTS_MAX already. */
struct agent *agent__get(struct agents *as, const char *host_id);
/** Write the agent's liveness within half a second, with others'. */
void agent__dirty(struct agents *as, struct agent *a);
struct json *agent__active_json(const struct agent *a);
/* agents_seen.c */
/** A scan of what agent__learn() wants of the rows, in order. */
struct query *agent__scan(struct agents *as);
void agent__learn(struct agents *as, const struct row *r);
/** Log who was lost and who came back: once in a heartbeat interval. */
void agent__watch(void *agents);
#endif
