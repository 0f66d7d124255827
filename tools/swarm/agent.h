/* SPDX-License-Identifier: Apache-2.0 */
/** @file agent.h
 * One agent of a swarm, in about half a kilobyte: its poll, its heartbeats, its batches, its tasks. It
 * waits, retries and gives up as core/agent does, with the same back-off.
 */
#ifndef PHOENIX_SWARM_AGENT_H
#define PHOENIX_SWARM_AGENT_H
#include "core/base/json.h"
#include "tools/swarm/swarm.h"

enum { HOST_NAME_MAX_BYTES = 64 };
/** How core/agent's uplink takes an answer. */
enum verdict { VERDICT_OK, VERDICT_AWAY, VERDICT_REFUSED };

/** Numbered batches of one stream. */
struct stream {
    struct alarm next;
    struct post post;
    struct agent *agent;
    int64_t due_ns, ts_ns; /**< of the batch that is next or under way; its wall time */
    uint32_t seq;
    uint8_t tries;
};
struct agent {
    struct swarm *swarm;
    struct conn poll;
    struct alarm next_poll, next_beat;
    struct post beat;
    int64_t interval_ns, asked_ns; /**< of heartbeats; when the poll went out */
    struct stream samples, logs;
    struct job *jobs;
    uint32_t index;       /**< in swarm->agents */
    uint8_t target, poll_tries, beat_tries;
    bool was_heard;       /**< a poll was answered: the next one may wait */
    bool is_parked;
    bool is_changed;      /**< the next heartbeat is a full one */
    uint8_t step;         /**< of an odd agent, see broken.c */
};

/* agent.c */
void agent_init(struct agent *a, struct swarm *s, uint32_t index);
void agent_start(struct agent *a);
void agent_restart(struct agent *a); /**< its connections broke; it comes back after a while */
void agent_done(struct agent *a);
const char *agent_host(const struct swarm *s, uint32_t index, char out[HOST_NAME_MAX_BYTES]);
void agent_changed(struct agent *a); /**< something that full heartbeats tell of */
enum verdict agent_judge(const struct reply *reply);
/** After a connection to @p target failed: the agent's next request goes to another one. */
void agent_moves_on(struct agent *a, unsigned target, const struct reply *reply);
/** When to try again: after the back-off, and not before what the server asks for. Counts the try. */
int64_t agent_retry_at(struct swarm *s, uint8_t *io_tries, int64_t first_ns, int64_t cap_ns,
                       const struct reply *reply);
struct route agent_route(const struct agent *a);
void agent_poll_text(const struct agent *a, bool waits, struct buf *out);

/* body.c */
void heartbeat_write(struct agent *a, bool is_full, struct buf *out);
void samples_write(struct agent *a, struct buf *out);
void logs_write(struct agent *a, struct buf *out);

/* job.c */
/** The answer to a poll: how many tasks in it were new to this agent; -1: it is no array of tasks. */
int jobs_take(struct agent *a, struct str body);
void jobs_write_active(const struct agent *a, struct jw *w);
void jobs_write_loads(struct agent *a, struct jw *w); /**< those that ended; they count as told */
void jobs_told(struct agent *a, bool is_heard);       /**< the full heartbeat was answered */
void jobs_done(struct agent *a);

/* broken.c: agents from swarm->n_sound on */
void odd_start(struct agent *a);
#endif
