/* SPDX-License-Identifier: Apache-2.0 */
/** @file machine.h
 * The state machine of an experiment: facts and a time in, actions out. Pure.
 *
 * phases.def has all phases, inputs and transitions; experiment_step() is the only one that decides
 * on a phase. What it decides, core/api/scheduler.c carries out in one transaction.
 */
#ifndef PHOENIX_EXPERIMENT_MACHINE_H
#define PHOENIX_EXPERIMENT_MACHINE_H
#include "core/base/err.h"
#include "core/experiment/spec.h"

enum phase {
#define PHASE(id, name, live, meaning) PHASE_##id,
#include "core/tables/phases.def"
    PHASE_COUNT
};
enum input {
    INPUT_NONE,
#define INPUT(id, name, meaning) INPUT_##id,
#include "core/tables/phases.def"
    INPUT_COUNT
};
const char *phase_name(enum phase p);
bool phase_parse(const char *name, enum phase *ret);
/** Something runs on hosts, or waits to. The other phases are at rest. */
bool phase_is_live(enum phase p);
const char *input_name(enum input i);
/** Where @p input leads from @p from; false: nowhere. @p ret_text: why, for the event. */
bool transition_find(enum phase from, enum input input, enum phase *ret_to, const char **ret_text);
/** CONFLICT that lists what is possible: cannot promote an experiment that is running (possible: stop). */
int transition_refuse(enum phase from, enum input input, struct err *err);

/** The last look waits so long after the end of measuring: agents close a batch each second. */
#define ANALYZE_AFTER_NS INT64_C(1500000000)

/** How a task that the experiment enqueued stands. */
enum task_fact { FACT_ABSENT, FACT_OPEN, FACT_DONE, FACT_FAILED };
/** What the agent says of a collector. */
enum pipeline_fact {
    PIPELINE_UNKNOWN, PIPELINE_STARTING, PIPELINE_RUNNING, PIPELINE_FAILED, PIPELINE_STOPPED
};

struct arm_fact {
    enum task_fact start, stop, keep;
    enum pipeline_fact pipeline;
    const char *why; /**< of what failed; NULL: nothing did */
};
struct host_fact {
    const char *host_id;
    bool out;              /**< does not take part any more */
    int64_t last_seen_ns;  /**< wall; 0: never */
    struct arm_fact arm[ARM_COUNT];
    enum task_fact load_stop;
};
/** What the last look at the samples said. */
struct look_fact {
    bool breached;      /**< a guardrail is breached, with enough evidence */
    bool certain;       /**< the decision cannot change by waiting, and early_stop is on */
    bool stored;        /**< the final analysis is part of this step */
    const char *why;    /**< one sentence */
};
struct exp_facts {
    enum phase phase;
    const struct spec *spec;
    int64_t now_ns, phase_since_ns; /**< wall */
    bool failed;                    /**< STOPPING because of a failure */
    enum input command;             /**< of a user, INPUT_NONE: none */
    struct look_fact look;
    struct host_fact *hosts; /**< spec->n_hosts of them, in the spec's order; `out` is updated */
};
/** What is to be done now, besides storing the phase. */
struct exp_plan {
    enum input input;      /**< INPUT_NONE: the phase stays */
    enum phase to;
    char why[320];         /**< for the event and for people */
    bool cancel_tasks;     /**< all open tasks of the experiment, before the new ones */
    bool start_arms;       /**< collector start on all hosts that take part */
    bool start_load;
    bool stop_load;
    bool stop_arm[ARM_COUNT];
    bool keep_arm[ARM_COUNT]; /**< make it a deployment */
    bool failed;           /**< from now on `failed` is true */
    bool release_hosts;    /**< give up the locks on the hosts */
    size_t n_out;          /**< hosts[i].out has become true for so many: stop both arms there */
    int64_t wake_ns;       /**< wall time at which time alone changes something; 0: never */
};
/**
 * Decide. A command that is not possible: CONFLICT. Call again after a transition, until there is
 * none: several may be due at once (after a restart, say).
 */
int experiment_step(struct exp_facts *facts, struct exp_plan *ret, struct err *err) MUST_CHECK;
#endif
