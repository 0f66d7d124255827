/* SPDX-License-Identifier: Apache-2.0 */
/* From rows to what experiment_step() wants to know. */
#include <stdlib.h>

#include "core/api/scheduler_priv.h"
#include "core/api/taskq.h"
#include "core/base/clock.h"

static int by_name(const void *key, const void *elem)
{
    return strcmp(key, *(const char *const *)elem);
}

int facts__host(const struct spec *spec, const char *host_id)
{
    const char **at = bsearch(host_id, spec->hosts, spec->n_hosts, sizeof *spec->hosts, by_name);
    return at ? (int)(at - spec->hosts) : -1;
}

int facts__begin(struct step *step, struct err *err)
{
    struct json *state = step->doc.state;
    struct faults faults = { 0 };
    if (!spec_decode(json_get(step->doc.spec, "config"), "/config", step->arena, &step->spec, &faults))
        return err_set(err, ERR_INTERNAL, "the stored config of experiment \"%s\" is not valid: %s",
                       step->doc.id, faults.at[0].msg);
    size_t n = step->spec.n_hosts;
    step->seen = arena_calloc(step->arena, n, sizeof *step->seen);
    step->touched = arena_calloc(step->arena, n, sizeof *step->touched);
    step->facts = (struct exp_facts){
        .phase = step->doc.phase,
        .spec = &step->spec,
        .now_ns = clock_wall(),
        .phase_since_ns = json_get_int(state, "phase_since", step->doc.created_ns),
        .failed = json_get_bool(state, "failed", false),
        .command = step->cmd ? step->cmd->input : INPUT_NONE,
        .hosts = arena_calloc(step->arena, n, sizeof *step->facts.hosts),
    };
    for (size_t i = 0; i < n; i++) {
        const char *host = step->spec.hosts[i];
        step->facts.hosts[i] = (struct host_fact){
            .host_id = host,
            .out = json_get(json_get(state, "out"), host),
        };
    }
    return 0;
}

/* Nobody is lost because it could not be heard: the API was away, or the clock was set. */
void facts__seen(struct step *step)
{
    int64_t since = taskq_heard_since(step->run->s->api);
    for (size_t i = 0; i < step->spec.n_hosts; i++) {
        int64_t seen = step->seen[i];
        step->facts.hosts[i].last_seen_ns = seen && seen < since ? since : seen;
    }
}

static enum task_fact fact_of(struct str status)
{
    if (str_eqz(status, TASK_COMPLETED)) return FACT_DONE;
    return task_status_final(status) ? FACT_FAILED : FACT_OPEN;
}

/* Which fact a task is about; NULL: none that decides anything. */
static enum task_fact *fact_at(struct host_fact *h, int action, const char *variant)
{
    enum arm arm;
    if (action == TASK_LOAD_STOP) return &h->load_stop;
    if (!arm_parse(variant, &arm)) return NULL;
    switch (action) {
    case TASK_COLLECTOR_START: return &h->arm[arm].start;
    case TASK_COLLECTOR_STOP: return &h->arm[arm].stop;
    case TASK_DEPLOYMENT_DEPLOY: return &h->arm[arm].keep;
    default: return NULL;
    }
}

/* Tasks come oldest first: a later one of the same kind replaces the earlier. Cancelled ones never
 * were. */
void facts__tasks(struct step *step, const struct result *tasks)
{
    for (size_t i = 0; i < tasks->n_rows; i++) {
        const struct row *r = &tasks->rows[i];
        int host = facts__host(&step->spec, row_text(r, F_TASKS_HOST_ID));
        if (host < 0 || str_eqz(row_str(r, F_TASKS_STATUS), TASK_CANCELLED)) continue;
        const char *variant = row_text(r, F_TASKS_VARIANT);
        int action = task_action_of(row_text(r, F_TASKS_TYPE), row_text(r, F_TASKS_ACTION));
        struct host_fact *h = &step->facts.hosts[host];
        enum task_fact *fact = fact_at(h, action, variant);
        enum arm arm;
        if (!fact) continue;
        *fact = fact_of(row_str(r, F_TASKS_STATUS));
        if (*fact == FACT_FAILED && arm_parse(variant, &arm))
            h->arm[arm].why =
                arena_printf(step->arena, "%s: %s", variant, row_text(r, F_TASKS_ERROR_MESSAGE));
    }
}

static enum pipeline_fact pipeline_of(struct str status)
{
    if (str_eqz(status, "running")) return PIPELINE_RUNNING;
    if (str_eqz(status, "failed")) return PIPELINE_FAILED;
    if (str_eqz(status, "stopped")) return PIPELINE_STOPPED;
    return PIPELINE_STARTING;
}

void facts__pipelines(struct step *step, const struct result *pipelines)
{
    for (size_t i = 0; i < pipelines->n_rows; i++) {
        const struct row *r = &pipelines->rows[i];
        int host = facts__host(&step->spec, row_text(r, F_PIPELINES_HOST_ID));
        enum arm arm;
        if (host < 0 || !arm_parse(row_text(r, F_PIPELINES_VARIANT), &arm)) continue;
        struct arm_fact *fact = &step->facts.hosts[host].arm[arm];
        fact->pipeline = pipeline_of(row_str(r, F_PIPELINES_STATUS));
        if (fact->pipeline != PIPELINE_FAILED || fact->why) continue;
        struct json *info = row_json(r, F_PIPELINES_PROCESS_INFO);
        fact->why = arena_printf(step->arena, "%s: %s", arm_name(arm),
                                 json_get_str(info, "reason", "the collector failed"));
        json_free(info);
    }
}
