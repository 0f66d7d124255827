/* SPDX-License-Identifier: Apache-2.0 */
/** @file plan.h
 * A launch plan: what a collector backend wants to be run, word by word, checked. Pure but for
 * plan_make(), which calls the plugin.
 */
#ifndef PHOENIX_AGENT_PLAN_H
#define PHOENIX_AGENT_PLAN_H
#include "core/base/arena.h"
#include "core/plugin/plugin.h"

enum { PLAN_ARGS_MAX = 64, PLAN_ENV_MAX = 64, PLAN_FILES_MAX = 32, PLAN_FILE_BYTES = 1 << 20 };
enum { PLAN_PROGRAMS_MAX = 8, PLAN_SECRETS_MAX = 16 };
struct plan_file {
    const char *name;
    struct str content;
};
struct plan_secret {
    const char *variable, *name;
};
struct plan {
    struct arena *arena;
    phx_sink sink; /**< words arrive here */
    const char *programs[PLAN_PROGRAMS_MAX];                         /**< best first; none: argv has it */
    const char *argv[PLAN_ARGS_MAX + 2], *verify[PLAN_ARGS_MAX + 2]; /**< room for the program */
    const char *env[PLAN_ENV_MAX + 1]; /**< NAME=value */
    struct plan_file files[PLAN_FILES_MAX];
    struct plan_secret secrets[PLAN_SECRETS_MAX];
    unsigned n_programs, n_args, n_verify, n_env, n_files, n_secrets;
    const char *ready_url, *metrics_url;
    const char *otlp_url; /**< where it takes OTLP/HTTP, without the path; NULL: nowhere */
    const char *self_url; /**< the collector's own telemetry; NULL: with the rest */
    const char *rank;     /**< JSON: how the host's processes are to be ranked; NULL: not */
    int stop_signal;
    int signal; /**< of a change: takes it up; 0: none */
    uint64_t max_memory;
    struct err err; /**< the first word that was refused */
};
struct plan *plan_new(void);
void plan_free(struct plan *p); /**< NULL allowed */
/** Add a file by name; the last one of a name wins. Errors: INVAL, LIMIT. */
int plan_file(struct plan *p, struct str name, struct str content, struct err *err) MUST_CHECK;
/** Add one variable of the environment. */
int plan_env(struct plan *p, const char *name, struct str value, struct err *err) MUST_CHECK;
/** Of the programs that will do, the first that is there becomes the first argument: an absolute path as it
 *  is, a name in @p libexec_dir, then in the folders of @p path. Errors: NOTFOUND. */
int plan_program(struct plan *p, const char *libexec_dir, const char *path, struct err *err) MUST_CHECK;
/** All words are in: is it a plan? Errors: INVAL, or that of the first bad word. */
int plan_check(const struct plan *p, struct err *err) MUST_CHECK;
/** Ask the backend for its plan of a deploy document (doc/rooms/agent.md). */
int plan_make(struct plan *p, struct instance *backend, struct str deploy, struct err *err) MUST_CHECK;
/** Ask the backend what takes a running collector from one deploy document to another: files, signal. Errors:
 *  UNSUPPORTED: it would have to be started anew. */
int plan_change(struct plan *p, struct instance *backend, struct str old, struct str deploy,
                struct err *err) MUST_CHECK;
#endif
