/* SPDX-License-Identifier: Apache-2.0 */
/* One step of one experiment, as a chain: the experiment, when its hosts were heard of, its tasks, its
 * pipelines, a look at the samples if one is due; then experiment_step() decides, and one transaction
 * carries it out, on the condition that the experiment is still as it was read. That condition is what
 * keeps processes apart that step the same experiment: nothing is written outside of the transaction.
 * Each link starts the next and returns.
 */
#include "core/api/agents.h"
#include "core/api/scheduler_priv.h"
#include "core/api/taskq.h"
#include "core/base/clock.h"
#include "core/base/log.h"

static void on_experiment(void *arg, const struct result *res);
static void on_seen(void *arg, const struct err *err);
static void on_tasks(void *arg, const struct result *res);
static void on_pipelines(void *arg, const struct result *res);
static void on_looked(struct step *step, const struct err *err);
static void decide(struct step *step);
static void on_deployments(void *arg, const struct result *res);
static void commit(struct step *step);
static void on_committed(void *arg, const struct result *res);

static struct store *store_of(const struct step *step)
{
    return step->run->s->api->store;
}

static void fail(struct step *step, const struct err *err)
{
    scheduler__stepped(step, err->code, false, err);
}

static void free_tree(void *j)
{
    json_free(*(struct json **)j);
}

void step__begin(struct run *run)
{
    struct arena *arena = arena_new();
    struct step *step = arena_alloc(arena, sizeof *step);
    step->run = run;
    step->arena = arena;
    arena_on_free(arena, free_tree, &step->result);
    arena_on_free(arena, free_tree, &step->kept);
    step->cmd = run->commands;
    if (step->cmd) LL_DELETE(run->commands, step->cmd);
    struct query *q = q_get(run->s->api->store, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, run->id);
    store_run(q, on_experiment, step);
}

static void on_experiment(void *arg, const struct result *res)
{
    struct step *step = arg;
    struct err err = res->err;
    if (res->rc == ERR_NOTFOUND) err_set(&err, ERR_NOTFOUND, "there is no experiment \"%s\"", step->run->id);
    if (res->rc != 0 || exp_doc_read(&res->rows[0], step->arena, &step->doc, &err) != 0 ||
        facts__begin(step, &err) != 0) {
        fail(step, &err);
        return;
    }
    scheduler__keep_hosts(step->run, &step->spec);
    agents_seen(step->run->s->api, step->spec.hosts, step->spec.n_hosts, step->seen, on_seen, step);
}

static void on_seen(void *arg, const struct err *err)
{
    static const int fields[] = { F_TASKS_ID,     F_TASKS_HOST_ID,       F_TASKS_TYPE,   F_TASKS_ACTION,
                                  F_TASKS_STATUS, F_TASKS_ERROR_MESSAGE, F_TASKS_VARIANT };
    struct step *step = arg;
    if (err) {
        fail(step, err);
        return;
    }
    facts__seen(step);
    struct query *q = q_scan(store_of(step), C_TASKS);
    q_where_text(q, F_TASKS_EXPERIMENT_ID, PHX_EQ, step->doc.id);
    q_order(q, F_TASKS_ID);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) q_only(q, fields[i]);
    store_run(q, on_tasks, step);
}

static void on_tasks(void *arg, const struct result *res)
{
    struct step *step = arg;
    if (res->rc != 0) {
        fail(step, &res->err);
        return;
    }
    facts__tasks(step, res);
    struct query *q = q_scan(store_of(step), C_PIPELINES);
    q_where_text(q, F_PIPELINES_EXPERIMENT_ID, PHX_EQ, step->doc.id);
    q_only(q, F_PIPELINES_HOST_ID);
    q_only(q, F_PIPELINES_VARIANT);
    q_only(q, F_PIPELINES_STATUS);
    q_only(q, F_PIPELINES_PROCESS_INFO);
    store_run(q, on_pipelines, step);
}

/* While it runs, a look now and then; at the end, the one that counts. */
static bool look_due(const struct step *step)
{
    bool looks_at = step->doc.phase == PHASE_RUNNING || step->doc.phase == PHASE_ANALYZING;
    return !step->cmd && looks_at && step->facts.now_ns >= looks_due(step->run->s->looks, step);
}

static void on_pipelines(void *arg, const struct result *res)
{
    struct step *step = arg;
    if (res->rc != 0) {
        fail(step, &res->err);
        return;
    }
    facts__pipelines(step, res);
    if (look_due(step)) looks_take(step->run->s->looks, step, on_looked);
    else decide(step);
}

static void on_looked(struct step *step, const struct err *err)
{
    bool final = step->doc.phase == PHASE_ANALYZING;
    struct err ending = { 0 };
    if (!err && step->run->s->stopping) { /* the store may be closed by now */
        err_set(&ending, ERR_CANCELLED, "the program is ending");
        err = &ending;
    }
    if (err) {
        fail(step, err);
        return;
    }
    step->run->look_ns = step->facts.now_ns + looks_interval(&step->spec);
    if (step->unseen) {
        decide(step);
        return;
    }
    step->facts.look = (struct look_fact){ .breached = step->verdict.breached && !final,
                                           .certain = step->verdict.certain,
                                           .stored = final,
                                           .why = step->verdict.text };
    decide(step);
}

static void decide(struct step *step)
{
    struct err err = { 0 };
    int rc = experiment_step(&step->facts, &step->plan, &err);
    if (rc == 0 && step->plan.start_arms) rc = plan__render(step, &err);
    if (rc != 0) {
        fail(step, &err);
        return;
    }
    bool nothing = step->plan.input == INPUT_NONE && step->plan.n_out == 0 && !step->result;
    if (nothing) {
        scheduler__stepped(step, 0, false, NULL);
        return;
    }
    if (!step->plan.keep_arm[ARM_BASELINE] && !step->plan.keep_arm[ARM_CANDIDATE]) {
        commit(step);
        return;
    }
    struct query *q = q_scan(store_of(step), C_DEPLOYMENTS);
    struct str *hosts = arena_calloc(step->arena, step->spec.n_hosts, sizeof *hosts);
    for (size_t i = 0; i < step->spec.n_hosts; i++) hosts[i] = str_of(step->spec.hosts[i]);
    q_where_in(q, F_DEPLOYMENTS_HOST_ID, hosts, step->spec.n_hosts);
    store_run(q, on_deployments, step);
}

static void on_deployments(void *arg, const struct result *res)
{
    struct step *step = arg;
    if (res->rc != 0) {
        fail(step, &res->err);
        return;
    }
    step->kept = json_object();
    for (size_t i = 0; i < res->n_rows; i++) {
        const struct row *r = &res->rows[i];
        char *id = arena_printf(step->arena, "%s-%s", row_text(r, F_DEPLOYMENTS_EXPERIMENT_ID),
                                row_text(r, F_DEPLOYMENTS_VARIANT));
        json_set_str(step->kept, row_text(r, F_DEPLOYMENTS_HOST_ID), id);
    }
    commit(step);
}

static void commit(struct step *step)
{
    store_run(plan__batch(step), on_committed, step);
}

/* The first members of a start are the locks on the hosts: one that is there belongs to another. */
static void refuse_overlap(const struct step *step, int failed, struct err *err)
{
    err_set(err, ERR_CONFLICT, "host \"%s\" takes part in another live experiment", step->spec.hosts[failed]);
    err_remedy(err, "stop that experiment or wait for its end: phoenix experiment list --phase live");
}

/* A lock may also be this experiment's own: another process has just started it. Reading again tells. */
static bool is_first_conflict(const struct step *step)
{
    return store_is_shared(store_of(step)) && step->run->outrun == 0;
}

static void on_committed(void *arg, const struct result *res)
{
    struct step *step = arg;
    struct scheduler *s = step->run->s;
    struct err err = res->err;
    if (res->rc != 0) {
        bool lock = res->rc == ERR_CONFLICT && step->plan.start_arms && res->failed >= 0 &&
                    (size_t)res->failed < step->spec.n_hosts;
        bool again = res->rc == ERR_CONFLICT && (!lock || is_first_conflict(step));
        if (again && scheduler__outrun(step)) return;
        if (lock) refuse_overlap(step, res->failed, &err);
        fail(step, &err);
        return;
    }
    bool moved = step->plan.input != INPUT_NONE;
    if (moved) {
        struct log_ctx ctx = { .exp = step->doc.id };
        log_event(EV_PHASE, &ctx, "%s: %s", phase_name(step->doc.phase), step->plan.why);
        step->run->look_ns = step->facts.now_ns + looks_interval(&step->spec);
        step->run->retry_ns = 0;
    }
    for (size_t i = 0; i < step->spec.n_hosts; i++)
        if (step->touched[i]) taskq_wake(s->api, step->spec.hosts[i]);
    scheduler__published(s, step->doc.id);
    store_signal(s->api->store, TOPIC_EXPERIMENTS, step->doc.id);
    scheduler__stepped(step, 0, moved, NULL);
}
