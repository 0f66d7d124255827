/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix agent, task, pipeline list and templates, load, plugin: what there is. Each is a row here. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "cli/table.h"

#define COLUMNS_END { NULL, NULL, COL_TEXT }
static const struct column agents[] = {
    { "HOST", "host_id", COL_TEXT },
    { "STATUS", "status", COL_TEXT },
    { "HEARD", "last_heartbeat", COL_AGE },
    { "VERSION", "agent_version", COL_TEXT },
    { ">CPU%", "resource_usage.cpu_percent", COL_NUMBER },
    { ">MEM%", "resource_usage.memory_percent", COL_NUMBER },
    { ">TASKS", "active_tasks", COL_COUNT },
    { "LABELS", "labels", COL_MAP },
    COLUMNS_END,
};
static const struct column agent[] = {
    { "host", "host_id", COL_TEXT },
    { "hostname", "hostname", COL_TEXT },
    { "status", "status", COL_TEXT },
    { "heard of", "last_heartbeat", COL_TIME },
    { "known since", "created_at", COL_TIME },
    { "version", "agent_version", COL_TEXT },
    { "labels", "labels", COL_MAP },
    { "capabilities", "capabilities", COL_MAP },
    { "usage", "resource_usage", COL_MAP },
    { "active tasks", "active_tasks", COL_COUNT },
    COLUMNS_END,
};
static const struct column agent_pipelines[] = {
    { "PIPELINE", "id", COL_TEXT },     { "VARIANT", "variant", COL_TEXT }, { "STATUS", "status", COL_TEXT },
    { ">PORT", "port", COL_NUMBER },    { ">RESTARTS", "restarts", COL_NUMBER },
    { "REASON", "reason", COL_TEXT },   COLUMNS_END,
};
static const struct column tasks[] = {
    { "ID", "id", COL_TEXT },
    { "HOST", "host_id", COL_TEXT },
    { "TYPE", "type", COL_TEXT },
    { "ACTION", "action", COL_TEXT },
    { "STATUS", "status", COL_TEXT },
    { ">FAILED", "retry_count", COL_NUMBER },
    { "AGE", "created_at", COL_AGE },
    { "ERROR", "error_message", COL_TEXT },
    COLUMNS_END,
};
static const struct column task[] = {
    { "id", "id", COL_TEXT },
    { "host", "host_id", COL_TEXT },
    { "experiment", "experiment_id", COL_TEXT },
    { "type", "type", COL_TEXT },
    { "action", "action", COL_TEXT },
    { "status", "status", COL_TEXT },
    { "priority", "priority", COL_NUMBER },
    { "epoch", "epoch", COL_NUMBER },
    { "failed", "retry_count", COL_NUMBER },
    { "attempts in all", "max_attempts", COL_NUMBER },
    { "enqueued", "created_at", COL_TIME },
    { "delivered", "assigned_at", COL_TIME },
    { "acknowledged", "started_at", COL_TIME },
    { "ended", "completed_at", COL_TIME },
    { "result", "result", COL_MAP },
    { "error", "error_message", COL_TEXT },
    COLUMNS_END,
};
static const struct column queue[] = {
    { "pending", "pending", COL_NUMBER },
    { "assigned", "assigned", COL_NUMBER },
    { "running", "running", COL_NUMBER },
    { "completed", "completed", COL_NUMBER },
    { "failed", "failed", COL_NUMBER },
    { "cancelled", "cancelled", COL_NUMBER },
    { "expired", "expired", COL_NUMBER },
    { "oldest pending, s", "oldest_pending_seconds", COL_NUMBER },
    { "average wait, s", "avg_wait_time", COL_NUMBER },
    { "average execution, s", "avg_execution_time", COL_NUMBER },
    { "completed per hour", "throughput_per_hour", COL_NUMBER },
    COLUMNS_END,
};
static const struct column pipelines[] = {
    { "HOST", "host_id", COL_TEXT },
    { "PIPELINE", "id", COL_TEXT },
    { "VARIANT", "variant", COL_TEXT },
    { "STATUS", "status", COL_TEXT },
    { "CONFIG", "config_url", COL_TEXT },
    { "SEEN", "updated_at", COL_AGE },
    COLUMNS_END,
};
static const struct column templates[] = {
    { "NAME", "name", COL_TEXT },
    { "COLLECTOR", "collector", COL_TEXT },
    { "SUMMARY", "summary", COL_TEXT },
    COLUMNS_END,
};
static const struct column loads[] = {
    { "ID", "id", COL_TEXT },
    { "PROFILE", "profile", COL_TEXT },
    { "STATUS", "status", COL_TEXT },
    { ">HOSTS", "target_hosts", COL_COUNT },
    { "DURATION", "duration", COL_TEXT },
    { "AGE", "created_at", COL_AGE },
    COLUMNS_END,
};
static const struct column profiles[] = {
    { "NAME", "name", COL_TEXT },
    { "ALIASES", "aliases", COL_MAP },
    { "PLUGIN", "plugin", COL_TEXT },
    { "DESCRIPTION", "description", COL_TEXT },
    COLUMNS_END,
};
static const struct column plugins[] = {
    { "KIND", "kind", COL_TEXT },       { "NAME", "name", COL_TEXT },       { "PLUGIN", "plugin", COL_TEXT },
    { "VERSION", "version", COL_TEXT }, { "SUMMARY", "summary", COL_TEXT }, COLUMNS_END,
};
static const struct column refused[] = {
    { "REFUSED", "path", COL_TEXT },
    { "WANTED", "wanted", COL_TEXT },
    { "FOUND", "found", COL_TEXT },
    { "REMEDY", "remedy", COL_TEXT },
    COLUMNS_END,
};
static const struct column component[] = {
    { "name", "name", COL_TEXT },
    { "kind", "kind", COL_TEXT },
    { "summary", "summary", COL_TEXT },
    { "plugin", "plugin", COL_TEXT },
    { "version", "version", COL_TEXT },
    { "license", "license", COL_TEXT },
    { "vendor", "vendor", COL_TEXT },
    { "source", "source", COL_TEXT },
    { "revision", "revision", COL_TEXT },
    { "path", "path", COL_TEXT },
    COLUMNS_END,
};

/* ---- the two shapes of a command that shows something */

/* A list in pages; @p filters: flag and query parameter, NULL-terminated. */
static int show_list(struct ctx *c, const char *path, const char *member, const char *const (*filters)[2],
                     const struct column *cols)
{
    struct err err = { 0 };
    struct target t;
    int64_t limit = 100;
    target_init(&t, path, NULL);
    for (; (*filters)[0]; filters++)
        target_query(&t, (*filters)[1], args_get(&c->args, (*filters)[0]));
    parse_int(str_of(args_get(&c->args, "limit")), &limit);
    struct json *doc CLEANUP_JSON = client_list(c->client, &t, member, limit, &err);
    if (!doc)
        return print_error(c, &err);
    if (!print_document(c, doc))
        print_rows(json_get(doc, member), cols, c->colour, stdout);
    return EXIT_PASS;
}

static struct json *get(struct ctx *c, const char *fmt, const char *arg, int *ret_code)
{
    struct err err = { 0 };
    struct target t;
    target_init(&t, fmt, arg);
    struct json *doc = client_get(c->client, &t, &err);
    *ret_code = doc ? EXIT_PASS : print_error(c, &err);
    return doc;
}

static int show_record(struct ctx *c, const char *fmt, const struct column *cols)
{
    int code;
    struct json *doc CLEANUP_JSON = get(c, fmt, c->args.words[0], &code);
    if (doc && !print_document(c, doc))
        print_record(doc, cols, stdout);
    return code;
}

static int show_all(struct ctx *c, const char *path, const char *member, const struct column *cols)
{
    int code;
    struct json *doc CLEANUP_JSON = get(c, path, NULL, &code);
    if (doc && !print_document(c, doc))
        print_rows(json_get(doc, member), cols, c->colour, stdout);
    return code;
}

/* Parameters as a JSON Schema: one row for each. */
static void print_parameters(const struct ctx *c, const struct json *schema)
{
    static const char *const titles[] = { "PARAMETER", "TYPE", "DEFAULT", "MEANING", NULL };
    const struct json *value;
    const char *name;
    struct table t;
    if (json_len(json_get(schema, "properties")) == 0)
        return;
    table_init(&t, titles);
    for (size_t i = 0; json_member(json_get(schema, "properties"), &i, &name, &value);) {
        struct buf dflt CLEANUP_BUF;
        buf_init(&dflt, 65536);
        if (json_get(value, "default"))
            json_write(json_get(value, "default"), &dflt);
        table_cell(&t, name);
        table_cell(&t, json_get_str(value, "format", json_get_str(value, "type", "any")));
        table_cell(&t, buf_cstr(&dflt));
        table_cell(&t, json_get_str(value, "description", NULL));
    }
    putchar('\n');
    table_print(&t, c->colour, stdout);
    table_done(&t);
}

/* ---- commands */

int cmd_agent_list(struct ctx *c)
{
    static const char *const filters[][2] = { { "status", "status" },
                                              { "selector", "selector" },
                                              { NULL, NULL } };
    return show_list(c, "/api/v1/agents", "agents", filters, agents);
}

int cmd_agent_get(struct ctx *c)
{
    int code;
    struct json *doc CLEANUP_JSON = get(c, "/api/v1/agents/%s", c->args.words[0], &code);
    if (!doc || print_document(c, doc))
        return code;
    print_record(doc, agent, stdout);
    if (json_len(json_get(doc, "pipelines"))) {
        putchar('\n');
        print_rows(json_get(doc, "pipelines"), agent_pipelines, c->colour, stdout);
    }
    return code;
}

int cmd_task_list(struct ctx *c)
{
    static const char *const filters[][2] = {
        { "status", "status" }, { "host", "host_id" }, { "experiment", "experiment_id" }, { NULL, NULL }
    };
    return show_list(c, "/api/v1/tasks", "tasks", filters, tasks);
}

int cmd_task_get(struct ctx *c)
{
    return show_record(c, "/api/v1/tasks/%s", task);
}

int cmd_task_queue(struct ctx *c)
{
    return show_record(c, "/api/v1/tasks/queue", queue);
}

int cmd_pipeline_list(struct ctx *c)
{
    static const char *const filters[][2] = { { "host", "host_id" },
                                              { "experiment", "experiment_id" },
                                              { NULL, NULL } };
    return show_list(c, "/api/v1/pipelines", "pipelines", filters, pipelines);
}

int cmd_pipeline_templates(struct ctx *c)
{
    if (c->args.n_words == 0)
        return show_all(c, "/api/v1/pipelines/templates", "templates", templates);
    struct err err = { 0 };
    struct target t;
    target_init(&t, "/api/v1/pipelines/templates/%s", c->args.words[0]);
    target_query(&t, "collector", args_get(&c->args, "collector"));
    struct json *doc CLEANUP_JSON = client_get(c->client, &t, &err);
    if (!doc)
        return print_error(c, &err);
    if (print_document(c, doc))
        return EXIT_PASS;
    print_record(doc, templates, stdout);
    print_parameters(c, json_get(doc, "parameters"));
    return EXIT_PASS;
}

int cmd_load_list(struct ctx *c)
{
    static const char *const filters[][2] = { { "experiment", "experiment_id" },
                                              { "status", "status" },
                                              { NULL, NULL } };
    return show_list(c, "/api/v1/loadsimulations", "load_simulations", filters, loads);
}

int cmd_load_profiles(struct ctx *c)
{
    return show_all(c, "/api/v1/loadsimulations/profiles", "profiles", profiles);
}

int cmd_plugin_list(struct ctx *c)
{
    int code;
    struct json *doc CLEANUP_JSON = get(c, "/api/v1/plugins", NULL, &code);
    if (!doc || print_document(c, doc))
        return code;
    print_rows(json_get(doc, "plugins"), plugins, c->colour, stdout);
    if (json_len(json_get(doc, "refused"))) {
        putchar('\n');
        print_rows(json_get(doc, "refused"), refused, c->colour, stdout);
    }
    return code;
}

int cmd_plugin_describe(struct ctx *c)
{
    int code;
    bool found = false;
    struct json *doc CLEANUP_JSON = get(c, "/api/v1/plugins", NULL, &code);
    for (size_t i = 0; doc && i < json_len(json_get(doc, "plugins")); i++) {
        const struct json *p = json_at(json_get(doc, "plugins"), i);
        if (strcmp(json_get_str(p, "name", ""), c->args.words[0]) != 0)
            continue;
        if (!print_document(c, p)) {
            fputs(found ? "\n" : "", stdout);
            print_record(p, component, stdout);
            print_parameters(c, json_get(p, "parameters"));
        }
        found = true;
    }
    if (!doc || found)
        return code;
    struct err err = { 0 };
    err_set(&err, ERR_NOTFOUND, "no plugin has a component \"%s\"", c->args.words[0]);
    err_remedy(&err, "phoenix plugin list names them");
    return print_error(c, &err);
}
