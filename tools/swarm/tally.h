/* SPDX-License-Identifier: Apache-2.0 */
/** @file tally.h
 * What one swarm counts. Fixed size and without pointers: it lies in memory that the swarm's process
 * shares with the one that reports, and the tallies of several swarms are added up.
 */
#ifndef PHOENIX_SWARM_TALLY_H
#define PHOENIX_SWARM_TALLY_H
#include "tools/swarm/conn.h"
#include "tools/swarm/hist.h"

enum { TARGETS_MAX = 16 };
/** What is asked of the API. Names in kind_names. */
enum kind {
    KIND_POLL, KIND_HEARTBEAT, KIND_SAMPLES, KIND_LOGS, KIND_ACK, KIND_REPORT, KIND_ENQUEUE, KIND_COUNT
};
extern const char *const kind_names[KIND_COUNT];

/* Times, from when something was due; only of requests that were due while it is measured. */
#define TALLY_TIMES(X)                                                                             \
    X(dispatch, "a task: enqueue due -> in the answer to its host's poll")                         \
    X(done, "a task: enqueue due -> its last report is taken")                                     \
    X(enqueue, "POST loadsimulations: due -> 201")                                                 \
    X(heartbeat, "POST heartbeat: due -> 204")                                                     \
    X(samples, "POST metrics: due -> 202")                                                         \
    X(logs, "POST logs: due -> 202")                                                               \
    X(report, "POST status: wanted -> 204")                                                        \
    X(lag, "how late the swarm itself was: a timer was due -> it was looked at")

#define TALLY_COUNTS(X)                                                                            \
    X(connections, "polling connections opened")                                                   \
    X(due, "tasks that were due to be enqueued")                                                   \
    X(enqueued, "tasks that the API took (201)")                                                   \
    X(rejected, "tasks that the API refused")                                                       \
    X(unknown, "tasks whose enqueue had no answer: the API may have them or not")                  \
    X(received, "tasks delivered, each once")                                                      \
    X(executed, "tasks executed")                                                                  \
    X(completed, "tasks whose end the API took as completed")                                      \
    X(failed, "tasks whose end the API took as failed")                                            \
    X(repeated, "deliveries of a task that was there before; answered with what was done")         \
    X(twice, "enqueues that became two tasks, or came to the wrong host")                          \
    X(reopened, "deliveries of a task whose end the API had taken")                                \
    X(foreign, "deliveries of tasks that are not of this run; they are failed")                    \
    X(lost, "tasks that the API took and whose end was never reported")                            \
    X(stale, "reports answered 409: the delivery was not the agent's any more")                    \
    X(bad_tasks, "answers to polls that are no array of tasks")                                    \
    X(vanished, "broken agents: gone without a word (or by a reset)")                              \
    X(half_closed, "broken agents: their side closed while the poll waits")                        \
    X(garbage, "broken agents: bytes that are no HTTP")                                            \
    X(deaf, "broken agents: requests whose answers are never read")                                \
    X(slow, "slow agents: polls begun, a byte a second")                                           \
    X(broken_ended, "broken and slow agents that the API answered or hung up on")

enum tally_time {
#define X(name, meaning) TIME_##name,
    TALLY_TIMES(X)
#undef X
    TIME_COUNT
};
enum phase { PHASE_JOINING, PHASE_MEASURING, PHASE_DRAINING, PHASE_OVER };

struct tally {
    struct {
#define X(name, meaning) uint64_t name;
        TALLY_COUNTS(X)
#undef X
    } count;
    uint64_t answers[KIND_COUNT][OUTCOME_COUNT], target_answers[TARGETS_MAX][OUTCOME_COUNT];
    struct hist times[TIME_COUNT], target_dispatch[TARGETS_MAX], target_heartbeat[TARGETS_MAX];
    uint64_t parked, agents; /**< now; agents that are sound */
    /** From the first connect, or from the restart, until all were parked; 0: never. */
    int64_t join_ns, restart_ns;
    enum phase phase;
};
/** Add @p other to @p t; join_ns and restart_ns become those of the slowest, 0 if one never was. */
void tally_merge(struct tally *t, const struct tally *other);
uint64_t tally_outcomes(const struct tally *t, enum outcome o); /**< of all kinds */
uint64_t tally_kind(const struct tally *t, enum kind k);        /**< of all outcomes */
#endif
