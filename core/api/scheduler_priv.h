/* SPDX-License-Identifier: Apache-2.0 */
/** @file scheduler_priv.h
 * What the files of the scheduler share: scheduler.c (who is stepped when), step.c (one step, from
 * facts to commit), step_facts.c (rows to facts), step_plan.c (plan to queries), looks.c (samples to
 * a verdict).
 */
#ifndef PHOENIX_API_SCHEDULER_PRIV_H
#define PHOENIX_API_SCHEDULER_PRIV_H
#include <uthash.h>
#include <utlist.h>

#include "core/api/api.h"
#include "core/api/experiment_doc.h"
#include "core/api/scheduler.h"
#include "core/experiment/analysis.h"

/** A user's command that waits for its step. */
struct command {
    struct command *next;
    enum input input;
    char actor[64], reason[512];
    command_done_fn *done;
    void *arg;
};
/** An experiment that is live, or has a command to carry out. */
struct run {
    UT_hash_handle hh;
    char id[UUID_LEN + 1];
    struct scheduler *s;
    struct timer *timer;
    struct command *commands; /**< oldest first */
    bool stepping, again;
    int64_t look_ns;          /**< wall time of the next look; 0: at once */
    int64_t retry_ns;         /**< not before this is the last look tried again */
    unsigned failures;        /**< steps that failed in a row, for the back-off */
    unsigned outrun;          /**< steps in a row for which another process was faster */
    char **hosts;             /**< of its spec, in its order; NULL: not read yet */
    size_t n_hosts;
};
struct scheduler {
    struct api *api;
    struct looks *looks;
    struct run *runs;         /**< by id */
    struct event_watch *watches;
    struct timer *take_up;    /**< reads the live experiments again if the store was away */
    bool taking_up;
    unsigned steps;           /**< in flight: the scheduler is freed after the last */
    bool stopping;
};

/** Everything that one step gathers and decides; gone when it ends. */
struct step {
    struct run *run;
    struct arena *arena;
    struct command *cmd;      /**< NULL: none */
    struct exp_doc doc;
    struct spec spec;
    struct exp_facts facts;
    struct exp_plan plan;
    struct json *result;      /**< of the look, NULL: none was taken */
    struct verdict verdict;
    bool unseen;              /**< a look was due, but its samples could not be read */
    struct json *kept;        /**< { host: instance id }: deployments that a new one replaces */
    bool *touched;            /**< hosts that get tasks, as in spec.hosts */
    int64_t *seen;            /**< when they were heard of last, as in spec.hosts */
};

/* step.c */
/** Start a step; the run has none in flight. Ends in scheduler__stepped(). */
void step__begin(struct run *run);
/* scheduler.c */
/** @p rc 0: committed, or nothing to do; @p moved: a transition was made, step again. */
void scheduler__stepped(struct step *step, int rc, bool moved, const struct err *err);
/** Another process changed what the step rests on before it was committed: read it again. False: that
 *  has been so too often. */
bool scheduler__outrun(struct step *step);
/** Remember the hosts of the run, once. */
void scheduler__keep_hosts(struct run *run, const struct spec *spec);
/** Something was stored about this experiment; NULL: tell everybody. */
void scheduler__published(struct scheduler *s, const char *experiment_id);

/* step_facts.c */
/** Decode spec and state into facts, with nothing known of agents, tasks and pipelines yet. */
int facts__begin(struct step *step, struct err *err);
void facts__seen(struct step *step); /**< step->seen has been filled */
void facts__tasks(struct step *step, const struct result *tasks);
void facts__pipelines(struct step *step, const struct result *pipelines);
/** Position of a host in spec.hosts; -1: not of this experiment. */
int facts__host(const struct spec *spec, const char *host_id);

/* step_plan.c */
/** Change the stored state as the plan says, and build the transaction. The first spec.n_hosts
 *  members are the locks on the hosts when the plan starts the arms. */
struct query *plan__batch(struct step *step);
/** Render both arms into the state, for a start. */
int plan__render(struct step *step, struct err *err);

/* looks.c */
struct looks;
int looks_start(struct api *api, struct looks **ret, struct err *err) MUST_CHECK;
void looks_stop(struct looks *l);
/** The calculators, for checking an analysis section. Borrowed. */
const struct kpi_def *looks_kpis(const struct looks *l, size_t *ret_n);
/** How often a running experiment is looked at, ns. */
int64_t looks_interval(const struct spec *spec);
/** How far apart an arm's samples are where they are read: agents' interval, or what Prometheus shows. */
int64_t looks_sample_interval(const struct looks *l, const struct spec *spec);
/** Wall time from which a look is due while the experiment is running or analyzing; 0 in other phases. */
int64_t looks_due(const struct looks *l, const struct step *step);
/** The program ends: a look that waits for Prometheus ends soon. */
void looks_drain(struct looks *l);
/** Read the samples, analyse them on the lane, fill step->result and step->verdict, then next(step,
 *  err). err NULL: fine, or step->unseen is set and there is nothing. */
void looks_take(struct looks *l, struct step *step, void (*next)(struct step *step, const struct err *err));
#endif
