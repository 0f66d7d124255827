/* SPDX-License-Identifier: Apache-2.0 */
/** @file collector.h
 * One collector under supervision: for supervisor.c, collector.c and launch.c only.
 */
#ifndef PHOENIX_AGENT_COLLECTOR_H
#define PHOENIX_AGENT_COLLECTOR_H
#include "core/agent/backoff.h"
#include "core/agent/ports.h"
#include "core/agent/supervisor.h"
#include "core/loop/child.h"

/** What the process is doing now; the timer belongs to the step. */
enum collector_step {
    STEP_REST,   /**< no process; none is wanted now */
    STEP_VERIFY, /**< the collector's own validator runs */
    STEP_PROBE,  /**< the process runs; asked until it is healthy */
    STEP_UP,     /**< healthy */
    STEP_WAIT,   /**< back-off before the next start */
    STEP_STOP    /**< asked to stop; killed when the grace is over */
};
/** What comes after STEP_STOP. */
enum collector_then { THEN_REMOVE, THEN_FAIL, THEN_WAIT, THEN_REPLACE, THEN_REST };

struct collector {
    struct supervisor *sup;
    struct collector *prev, *next;
    struct spec spec;
    char *dir;
    enum collector_status status;
    enum collector_step step;
    enum collector_then then;
    bool kept, was_up;         /* was_up: healthy at least once since it was asked for */
    unsigned restarts, starts; /* starts: processes since it was asked for */
    struct backoff backoff;
    int64_t since_ns, up_mono, deadline_mono, probe_wait_ns;
    char *reason;     /* why it does not run; NULL: none */
    struct err fault; /* of THEN_FAIL */
    uint16_t ports[SPEC_PORTS]; /* 0: none yet */
    char *ready_url, *metrics_url, *otlp_url, *self_url;
    char *rank;  /* how its processes are ranked; NULL: they are not */
    char *names; /* JSON array: what it was told last; NULL: nothing, or not known any more */
    struct ranking *ranking;
    int stop_signal;
    struct plan *plan; /* between preparing and spawning */
    struct child *child, *verifier;
    pid_t pid;
    struct fetch *probe;
    char probe_said[96]; /* last answer that was not healthy */
    struct timer *timer;
    uint64_t log_from;        /* size of the log when the process was started */
    uint64_t bytes_read;      /* of its exposition, since then or since it was adopted */
    struct json *replacement; /* document of THEN_REPLACE */
    supervisor_done_fn *started, *stopped;
    void *started_arg, *stopped_arg;
};
/** @p doc is stored in the collector's folder. */
struct collector *collector_new(struct supervisor *s, const struct json *doc, struct err *err);
void collector_free(struct collector *c);  /**< leaves the process running */
void collector_begin(struct collector *c); /**< start it, from STEP_REST */
void collector_stop(struct collector *c, enum collector_then then);
void collector_replace(struct collector *c, const struct json *doc);
/** Give it another task's word: id of the task, whether it is kept. */
void collector_renew(struct collector *c, const struct json *doc);
/** Take up a process of an earlier agent. False: it is gone or not the one. */
bool collector_adopt(struct collector *c, pid_t pid, uint64_t start_ticks);
void collector_save(const struct collector *c, struct jw *w); /**< its record in state.json */
struct collector *collector_restore(struct supervisor *s, const struct json *record, struct err *err);

/* ---- launch.c */
/** Choose a port, ask the backend, write the files: c->plan. */
int launch_prepare(struct collector *c, struct err *err) MUST_CHECK;
/** The deploy document of the task's document, on the ports that were chosen. */
void launch_deploy(const struct collector *c, const struct json *doc, const char *processes,
                   struct buf *out);
int launch_files(const struct collector *c, const struct plan *p, struct err *err) MUST_CHECK;
/** The collector itself outlives the agent; its validator does not. */
int launch_collector(struct collector *c, child_exit_fn *on_exit, struct err *err) MUST_CHECK;
int launch_validator(struct collector *c, child_exit_fn *on_exit, struct err *err) MUST_CHECK;
/** "exit status 1" or "killed by signal 9", and the last lines of its output. */
void launch_obituary(const struct collector *c, const struct child_exit *how, struct buf *out);

/* ---- retell.c */
/** Rank the processes as c->plan wants it, for the first time: c->names. */
int retell_first(struct collector *c, struct err *err) MUST_CHECK;
/** It is healthy: tell it names that change. Nothing if its processes are not ranked. */
void retell_begin(struct collector *c);
void retell_end(struct collector *c);

/* ---- supervisor.c */
const struct supervisor_conf *supervisor__conf(const struct supervisor *s);
struct instance *supervisor__backend(struct supervisor *s, const char *name, struct err *err);
/** Into c->ports: as they are, if all are free. */
int supervisor__ports(struct supervisor *s, struct collector *c, struct err *err) MUST_CHECK;
void supervisor__changed(struct supervisor *s); /**< state and heartbeat */
void supervisor__stopped(struct collector *c);  /**< STEP_STOP is over with THEN_REMOVE or THEN_REST */
#endif
