/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan to one transaction: the experiment with its new state, its events, the locks on hosts,
 * tasks to cancel and tasks to send. Order matters in two places: the locks come first, so that the
 * position of a failed member names the host, and cancelling comes before new tasks.
 */
#include <stdio.h>

#include "core/api/loads.h"
#include "core/api/scheduler_priv.h"
#include "core/api/taskq.h"
#include "core/api/templates.h"
#include "core/base/mem.h"

static struct store *store_of(const struct step *step)
{
    return step->run->s->api->store;
}

/* "EXPERIMENT-baseline": names a collector on its host for ever. */
static const char *instance_id(const struct step *step, enum arm arm)
{
    return arena_printf(step->arena, "%s-%s", step->doc.id, arm_name(arm));
}

static const char *load_id(const struct step *step)
{
    return arena_printf(step->arena, "%s-load", step->doc.id);
}

/* ---- rendering, once, at the start */

static int render_arm(struct step *step, enum arm arm, struct json *arms, struct err *err)
{
    const struct spec_ref *ref = &step->spec.template[arm];
    struct json *extra = json_object(), *out = json_object();
    struct rendered r = { 0 };
    struct faults faults = { 0 };
    json_set(extra, "critical", step->spec.critical ? json_ref(step->spec.critical) : json_array());
    struct render_ask ask = { .collector = step->spec.collector, .name = ref->name, .parameters = ref->params,
                              .extra = extra, .pointer = "" };
    int rc = template_render(step->run->s->api, &ask, &r, &faults, err);
    if (rc == ERR_INVALID && faults.n)
        err_set(err, ERR_INVALID, "%s%s: %s", arm_name(arm), faults.at[0].pointer, faults.at[0].msg);
    if (rc == 0) {
        json_set_str(out, "pipeline", ref->name);
        json_set(out, "files", json_ref(r.files));
        json_set_str(out, "config_hash", r.config_hash);
        json_set(arms, arm_name(arm), json_ref(out));
    }
    json_free(extra);
    json_free(out);
    rendered_done(&r);
    return rc;
}

int plan__render(struct step *step, struct err *err)
{
    struct json *arms = json_object();
    int rc = 0;
    for (int a = 0; a < ARM_COUNT && rc == 0; a++) rc = render_arm(step, (enum arm)a, arms, err);
    if (rc == 0) json_set(step->doc.state, "arms", arms);
    else json_free(arms);
    return rc;
}

/* ---- tasks */

static void send_task(struct step *step, struct query *batch, size_t host, enum task_action action,
                      const struct json *config)
{
    char id[UUID_LEN + 1];
    struct new_task t = { .host_id = step->spec.hosts[host], .experiment_id = step->doc.id, .action = action,
                          .config = config };
    q_add(batch, taskq_insert(step->run->s->api, &t, id));
    step->touched[host] = true;
}

/* Of a short run too there is a census from near its end. */
static int64_t census_interval(const struct step *step)
{
    int64_t ns = step->run->s->api->settings->census_interval, quarter_ns = step->spec.duration_ns / 4;
    return ns < quarter_ns ? ns : quarter_ns;
}

/* What an agent needs to run one arm. */
static struct json *collector_config(const struct step *step, enum arm arm)
{
    const struct json *as = json_get(json_get(step->doc.state, "arms"), arm_name(arm));
    struct json *config = json_object(), *sampling = json_object();
    json_set_str(config, "id", instance_id(step, arm));
    json_set_str(config, "variant", arm_name(arm));
    json_set_str(config, "collector", step->spec.collector);
    json_set_str(config, "pipeline", json_get_str(as, "pipeline", ""));
    json_set(config, "files", json_ref(json_get(as, "files")));
    json_set_str(config, "config_hash", json_get_str(as, "config_hash", ""));
    json_set_duration(sampling, "interval", step->spec.sample_interval_ns);
    json_set(sampling, "critical", step->spec.critical ? json_ref(step->spec.critical) : json_array());
    if (census_interval(step) > 0) json_set_duration(sampling, "census", census_interval(step));
    json_set(config, "sampling", sampling);
    json_set_duration(config, "ready_timeout", step->spec.deploy_timeout_ns);
    return config;
}

static struct json *stop_config(const char *id, const char *variant)
{
    struct json *config = json_object();
    json_set_str(config, "id", id);
    if (variant) json_set_str(config, "variant", variant);
    return config;
}

static void start_arms(struct step *step, struct query *batch)
{
    for (int a = 0; a < ARM_COUNT; a++) {
        CLEANUP_JSON struct json *config = collector_config(step, (enum arm)a);
        for (size_t h = 0; h < step->spec.n_hosts; h++)
            send_task(step, batch, h, TASK_COLLECTOR_START, config);
    }
}

static void start_load(struct step *step, struct query *batch)
{
    CLEANUP_JSON struct json *config = json_object();
    json_set_str(config, "id", load_id(step));
    json_set_str(config, "profile", load_profile_name(step->run->s->api, step->spec.load.name));
    json_set(config, "parameters", step->spec.load.params ? json_ref(step->spec.load.params) : json_object());
    json_set_duration(config, "duration",
                      step->spec.warmup_ns + step->spec.duration_ns + step->spec.deploy_timeout_ns);
    json_set_int(config, "seed", 1);
    for (size_t h = 0; h < step->spec.n_hosts; h++)
        if (!step->facts.hosts[h].out) send_task(step, batch, h, TASK_LOAD_START, config);
}

static void stop_load(struct step *step, struct query *batch)
{
    CLEANUP_JSON struct json *config = stop_config(load_id(step), NULL);
    for (size_t h = 0; h < step->spec.n_hosts; h++) send_task(step, batch, h, TASK_LOAD_STOP, config);
}

/* Hosts that are out lose both arms, whatever the plan is for the others. */
static void stop_arms(struct step *step, struct query *batch, bool only_new_out, const bool *was_out)
{
    for (int a = 0; a < ARM_COUNT; a++) {
        CLEANUP_JSON struct json *config = stop_config(instance_id(step, (enum arm)a), arm_name((enum arm)a));
        for (size_t h = 0; h < step->spec.n_hosts; h++) {
            bool out = step->facts.hosts[h].out;
            bool stop = only_new_out ? out && !was_out[h] : out || step->plan.stop_arm[a];
            if (stop) send_task(step, batch, h, TASK_COLLECTOR_STOP, config);
        }
    }
}

/* ---- what stays */

static void put_deployment(struct step *step, struct query *batch, size_t host, enum arm arm)
{
    const struct json *as = json_get(json_get(step->doc.state, "arms"), arm_name(arm));
    struct query *q = q_put(store_of(step), C_DEPLOYMENTS);
    q_text(q, F_DEPLOYMENTS_HOST_ID, step->spec.hosts[host]);
    q_text(q, F_DEPLOYMENTS_EXPERIMENT_ID, step->doc.id);
    q_text(q, F_DEPLOYMENTS_VARIANT, arm_name(arm));
    q_text(q, F_DEPLOYMENTS_PIPELINE, json_get_str(as, "pipeline", ""));
    q_text(q, F_DEPLOYMENTS_CONFIG_HASH, json_get_str(as, "config_hash", ""));
    q_text(q, F_DEPLOYMENTS_STATUS, "deploying");
    q_time(q, F_DEPLOYMENTS_CREATED_AT, step->facts.now_ns);
    q_add(batch, q);
}

static void keep_arm(struct step *step, struct query *batch, enum arm arm)
{
    for (size_t h = 0; h < step->spec.n_hosts; h++) {
        if (step->facts.hosts[h].out) continue;
        CLEANUP_JSON struct json *config = collector_config(step, arm);
        const char *old = json_get_str(step->kept, step->spec.hosts[h], NULL);
        struct json *replaces = json_array();
        if (old) json_add_str(replaces, old);
        json_set(config, "replaces", replaces);
        send_task(step, batch, h, TASK_DEPLOYMENT_DEPLOY, config);
        put_deployment(step, batch, h, arm);
    }
}

/* Deployments are settled when every host has reported, and gone when the experiment is stopped. */
static void settle_deployments(struct step *step, struct query *batch)
{
    bool kept = step->plan.to == PHASE_PROMOTED || step->plan.to == PHASE_ROLLED_BACK;
    if (!kept && step->plan.to != PHASE_STOPPING) return;
    struct store *store = store_of(step);
    struct query *q = kept ? q_update(store, C_DEPLOYMENTS) : q_delete(store, C_DEPLOYMENTS);
    q_where_text(q, F_DEPLOYMENTS_EXPERIMENT_ID, PHX_EQ, step->doc.id);
    if (kept) {
        q_set_text(q, F_DEPLOYMENTS_STATUS, "active");
        q_flags(q, PHX_NO_ROWS);
    }
    q_add(batch, q);
}

/* ---- locks, state and events */

static void lock_hosts(struct step *step, struct query *batch)
{
    for (size_t h = 0; h < step->spec.n_hosts; h++) {
        struct query *q = q_insert(store_of(step), C_EXPERIMENT_HOSTS);
        q_text(q, F_EXPERIMENT_HOSTS_HOST_ID, step->spec.hosts[h]);
        q_text(q, F_EXPERIMENT_HOSTS_EXPERIMENT_ID, step->doc.id);
        q_time(q, F_EXPERIMENT_HOSTS_SINCE, step->facts.now_ns);
        q_add(batch, q);
    }
}

static void release_hosts(struct step *step, struct query *batch)
{
    struct query *q = q_delete(store_of(step), C_EXPERIMENT_HOSTS);
    q_where_text(q, F_EXPERIMENT_HOSTS_EXPERIMENT_ID, PHX_EQ, step->doc.id);
    q_add(batch, q);
}

static void add_event(struct step *step, struct query *batch, const char *type, const char *from,
                      const char *to, const char *message)
{
    const char *actor = step->cmd ? step->cmd->actor : "scheduler";
    q_add(batch, exp_event(store_of(step), step->doc.id, step->facts.now_ns, type, from, to, actor, message));
}

static void note_hosts_out(struct step *step, struct query *batch, bool *ret_was_out)
{
    const struct json *before = json_get(step->doc.state, "out");
    struct json *out = before ? json_copy(before) : json_object();
    for (size_t h = 0; h < step->spec.n_hosts; h++) {
        const struct host_fact *fact = &step->facts.hosts[h];
        ret_was_out[h] = json_get(before, fact->host_id) != NULL;
        if (!fact->out || ret_was_out[h]) continue;
        json_set_str(out, fact->host_id, step->plan.why);
        add_event(step, batch, "host_out", NULL, NULL, step->plan.why);
    }
    json_set(step->doc.state, "out", out);
}

/* The look goes into the state as a summary, and as a whole into experiment_results. */
static void note_look(struct step *step, struct query *batch)
{
    struct json *state = step->doc.state, *kpis = json_object();
    const struct json *verdict = json_get(step->result, "verdict"), *list = json_get(step->result, "kpis");
    const char *before = json_get_str(json_get(state, "verdict"), "decision", "");
    const char *decision = json_get_str(verdict, "decision", "");
    if (strcmp(before, decision) != 0) add_event(step, batch, "look", NULL, NULL, step->verdict.text);
    json_set(state, "verdict", json_copy(verdict));
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *kpi = json_at(list, i), *reduction = json_get(kpi, "reduction");
        json_set(kpis, json_get_str(kpi, "name", ""), reduction ? json_copy(reduction) : NULL);
    }
    json_set(state, "kpis", kpis);
    struct query *q = q_put(store_of(step), C_RESULTS);
    q_text(q, F_RESULTS_EXPERIMENT_ID, step->doc.id);
    q_time(q, F_RESULTS_CALCULATED_AT, step->facts.now_ns);
    q_json(q, F_RESULTS_RESULT, step->result);
    q_add(batch, q);
}

/* A breaker has no figures: its verdict says so. */
static void note_breach(struct step *step)
{
    if (step->plan.input != INPUT_BREACHED) return;
    json_set_str(step->doc.state, "error", step->plan.why);
    if (step->facts.look.breached) return;
    struct json *verdict = json_object(), *reasons = json_array();
    json_add_str(reasons, step->plan.why);
    json_set_str(verdict, "decision", decision_name(DECISION_REJECT));
    json_set_str(verdict, "reason", "breaker");
    json_set(verdict, "reasons", reasons);
    json_set(step->doc.state, "verdict", verdict);
}

static void move(struct step *step, struct query *batch)
{
    struct json *state = step->doc.state;
    const struct exp_plan *plan = &step->plan;
    char message[sizeof plan->why + sizeof step->cmd->reason + 4];
    bool said = step->cmd && *step->cmd->reason;
    snprintf(message, sizeof message, "%s%s%s", plan->why, said ? ": " : "", said ? step->cmd->reason : "");
    add_event(step, batch, "phase", phase_name(step->doc.phase), phase_name(plan->to), message);
    note_breach(step);
    if (plan->failed && !step->facts.failed) json_set_str(state, "error", plan->why);
    json_set_bool(state, "failed", plan->failed);
    json_set_int(state, "phase_since", step->facts.now_ns);
    if (plan->to == PHASE_DEPLOYING) json_set_int(state, "started", step->facts.now_ns);
    if (plan->to == PHASE_RUNNING) json_set_int(state, "running_since", step->facts.now_ns);
    if (step->doc.phase == PHASE_RUNNING) json_set_int(state, "ended", step->facts.now_ns);
    step->doc.phase = plan->to;
}

struct query *plan__batch(struct step *step)
{
    const struct exp_plan *plan = &step->plan;
    struct query *batch = q_batch(store_of(step));
    bool *was_out = arena_calloc(step->arena, step->spec.n_hosts, sizeof *was_out);
    bool stops = plan->stop_arm[ARM_BASELINE] || plan->stop_arm[ARM_CANDIDATE];
    if (plan->start_arms) lock_hosts(step, batch);
    if (plan->release_hosts) release_hosts(step, batch);
    if (plan->cancel_tasks) q_add(batch, taskq_cancel_of(step->run->s->api, step->doc.id));
    note_hosts_out(step, batch, was_out);
    if (step->result) note_look(step, batch);
    if (plan->start_arms) start_arms(step, batch);
    if (plan->start_load) start_load(step, batch);
    if (plan->stop_load) stop_load(step, batch);
    for (int a = 0; a < ARM_COUNT; a++)
        if (plan->keep_arm[a]) keep_arm(step, batch, (enum arm)a);
    if (stops || plan->n_out) stop_arms(step, batch, !stops, was_out);
    if (plan->input != INPUT_NONE) {
        settle_deployments(step, batch);
        move(step, batch);
    }
    step->doc.updated_ns = step->facts.now_ns;
    q_add(batch, exp_doc_put(store_of(step), &step->doc));
    return batch;
}
