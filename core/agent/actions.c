/* SPDX-License-Identifier: Apache-2.0 */
/* What each row of tasks.def does. An action ends in exactly one task_end(), maybe at once. */
#include "core/agent/task.h"
#include "core/base/err.h"

static struct json *result_of_stop(bool ran)
{
    struct json *result = json_object();
    json_set_str(result, "status", ran ? "stopped" : "not-running");
    return result;
}

static struct json *result_of_start(const struct collector *c)
{
    struct json *result = json_object();
    json_set_int(result, "pid", collector_pid(c));
    json_set_int(result, "port", collector_port(c));
    json_set_str(result, "config_hash", collector_spec(c)->config_hash);
    return result;
}

/* ------------------------------------------------------------------------------- collectors */

static void on_collector_started(void *arg, struct collector *c, const struct err *err)
{
    struct task *t = arg;
    if (err)
        task_end(t, NULL, err, c ? collector_reason(c) : NULL);
    else
        task_end(t, result_of_start(c), NULL, NULL);
}

static void on_collector_stopped(void *arg, struct collector *c, const struct err *err)
{
    task_end(arg, result_of_stop(c != NULL), NULL, NULL);
}

static void replace_next(struct task *t);

static void on_replaced(void *arg, struct collector *c, const struct err *err)
{
    replace_next(arg);
}

/** The new one is healthy: stop those that it replaces, one after the other. */
static void replace_next(struct task *t)
{
    const struct executor_conf *conf = executor__conf(t->executor);
    const struct json *replaces = json_get(t->config, "replaces");
    const char *own = json_get_str(t->config, "id", "");
    while (t->n_replaced < json_len(replaces)) {
        const char *id = json_str(json_at(replaces, t->n_replaced++), "");
        if (str_eqz(str_of(id), own) || !supervisor_find(conf->supervisor, id))
            continue;
        supervisor_stop(conf->supervisor, id, on_replaced, t);
        return;
    }
    struct collector *c = supervisor_find(conf->supervisor, own);
    if (c) {
        task_end(t, result_of_start(c), NULL, NULL);
    } else {
        struct err err = { 0 };
        err_set(&err, ERR_CANCELLED, "deployment %s was stopped while it replaced others", own);
        task_end(t, NULL, &err, NULL);
    }
}

static void on_deployed(void *arg, struct collector *c, const struct err *err)
{
    if (err)
        task_end(arg, NULL, err, c ? collector_reason(c) : NULL);
    else
        replace_next(arg);
}

/* ------------------------------------------------------------------------------------ loads */

static void on_load_stopped(void *arg, bool ran)
{
    task_end(arg, result_of_stop(ran), NULL, NULL);
}

static void load_start(struct task *t, const struct json *doc)
{
    struct err err = { 0 };
    int pid = 0;
    if (loads_start(executor__conf(t->executor)->loads, doc, &pid, &err) != 0) {
        task_end(t, NULL, &err, NULL);
        return;
    }
    struct json *result = json_object();
    json_set_int(result, "pid", pid);
    task_end(t, result, NULL, NULL);
}

static void on_load_adjusted(void *arg, const struct err *err)
{
    struct json *result = err ? NULL : json_object();
    if (result)
        json_set_str(result, "status", "adjusted");
    task_end(arg, result, err, NULL);
}

void task_run(struct task *t)
{
    const struct executor_conf *conf = executor__conf(t->executor);
    const char *id = json_get_str(t->config, "id", "");
    struct err err = { 0 };
    CLEANUP_JSON struct json *doc = task_document(t);
    t->phase = PHASE_RUNNING;
    t->n_replaced = 0;
    switch (t->kind) {
    case TASK_COLLECTOR_START:
        supervisor_start(conf->supervisor, doc, false, on_collector_started, t);
        break;
    case TASK_DEPLOYMENT_DEPLOY: supervisor_start(conf->supervisor, doc, true, on_deployed, t); break;
    case TASK_COLLECTOR_STOP:
    case TASK_DEPLOYMENT_UNDEPLOY: supervisor_stop(conf->supervisor, id, on_collector_stopped, t); break;
    case TASK_LOAD_START: load_start(t, doc); break;
    case TASK_LOAD_STOP: loads_stop(conf->loads, id, on_load_stopped, t); break;
    case TASK_LOAD_ADJUST: loads_adjust(conf->loads, t->config, on_load_adjusted, t); break;
    case TASK_UNKNOWN:
        err_set(&err, ERR_UNSUPPORTED, "this agent knows no task \"%s\" \"%s\"", t->type, t->action);
        task_end(t, NULL, &err, NULL);
        break;
    }
}
