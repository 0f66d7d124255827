/* SPDX-License-Identifier: Apache-2.0 */
/** @file supervisor.h
 * The collectors of this host: started, watched, restarted, adopted, stopped. [loop]
 */
#ifndef PHOENIX_AGENT_SUPERVISOR_H
#define PHOENIX_AGENT_SUPERVISOR_H
#include <sys/types.h>
#include "core/agent/secrets.h"
#include "core/agent/spec.h"
#include "core/agent/state.h"
#include "core/loop/fetch.h"

struct supervisor_conf {
    struct loop *loop;
    struct fetcher *fetcher;
    struct registry *registry;
    struct state *state;
    struct secrets *secrets;
    const char *dir; /**< folder of the instances' folders */
    const char *host_id, *libexec_dir, *address;
    const char *allowed;        /**< backends, comma-separated */
    const char *ports;          /**< range */
    const struct json *plugins; /**< configs of backends by name; may be NULL */
    int64_t grace_ns;           /**< between stop signal and SIGKILL */
    int64_t restart_ns;         /**< first restart back-off */
    unsigned restart_limit;     /**< failures in a row after which a collector is given up */
    loop_fn *changed;           /**< what a heartbeat shows has changed */
    void *changed_arg;
};
struct supervisor;
struct collector;
struct supervisor *supervisor_new(const struct supervisor_conf *conf, struct err *err);
void supervisor_free(struct supervisor *s); /**< leaves processes running; NULL allowed */
/** Take up what state.json knows: adopt what runs, start again what should. */
void supervisor_load(struct supervisor *s, const struct json *state);

/** How a request ended; @p err is NULL on success. @p c is NULL if there is no such collector. */
typedef void supervisor_done_fn(void *arg, struct collector *c, const struct err *err);
/** Make the collector of @p doc (see spec_parse()) run; done() comes once, maybe at once, when it is
 *  healthy or has failed for good. One that runs with the same config is taken as it is. */
void supervisor_start(struct supervisor *s, const struct json *doc, bool keep, supervisor_done_fn *done,
                      void *arg);
/** Stop it and remove its folder; a start that waits ends with CANCELLED. done() comes once; with a
 *  NULL collector when nothing ran. */
void supervisor_stop(struct supervisor *s, const char *id, supervisor_done_fn *done, void *arg);
/** Stop all processes, keep their records for the next start; then call done(arg). */
void supervisor_shutdown(struct supervisor *s, loop_fn *done, void *arg);

/* ---- reading, for heartbeat, sampler and logs */
enum collector_status {
    COLLECTOR_STARTING,
    COLLECTOR_RUNNING,
    COLLECTOR_RESTARTING,
    COLLECTOR_FAILED,
    COLLECTOR_STOPPED
};
struct collector *supervisor_first(struct supervisor *s);
struct collector *collector_next(const struct collector *c);
struct collector *supervisor_find(struct supervisor *s, const char *id);
const struct spec *collector_spec(const struct collector *c);
enum collector_status collector_status(const struct collector *c);
const char *collector_reason(const struct collector *c); /**< why it does not run; NULL: none */
bool collector_is_kept(const struct collector *c);
unsigned collector_restarts(const struct collector *c);
pid_t collector_pid(const struct collector *c); /**< 0: no process */
uint16_t collector_port(const struct collector *c);
const char *collector_metrics_url(const struct collector *c); /**< NULL: not known yet */
/** Where it takes OTLP/HTTP, without the path; NULL: nowhere, or not known yet. */
const char *collector_otlp_url(const struct collector *c);
/** Where its own telemetry is; NULL: with its metrics, or not known yet. */
const char *collector_self_url(const struct collector *c);
bool collector_is_ranked(const struct collector *c); /**< it reads only processes that rank */
/** @p n bytes more of its exposition were read. How many in all, by this agent from this process. */
uint64_t collector_bytes_read(struct collector *c, size_t n);
/** Path of the file with its stdout and stderr. */
void collector_log_path(const struct collector *c, char *out, size_t cap);
/** As doc/protocol.md has it. */
void collector_write(const struct collector *c, struct jw *w);
/** True if some collector is restarting or was given up. */
bool supervisor_is_degraded(struct supervisor *s);
#endif
