/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix experiment, but create, kpis and watch. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "cli/table.h"

static int64_t limit_of(const struct ctx *c)
{
    int64_t limit = 100;
    const char *text = args_get(&c->args, "limit");
    return text && parse_int(str_of(text), &limit) ? limit : 100;
}

static const struct column list_columns[] = {
    { "ID", "id", COL_TEXT },
    { "NAME", "name", COL_TEXT },
    { "PHASE", "phase", COL_TEXT },
    { "BASELINE", "config.baseline_template", COL_NAMED },
    { "CANDIDATE", "config.candidate_template", COL_NAMED },
    { ">HOSTS", "config.target_hosts", COL_COUNT },
    { "VERDICT", "status.verdict.decision", COL_TEXT },
    { "AGE", "created_at", COL_AGE },
    { NULL, NULL, COL_TEXT },
};
static const struct column record_columns[] = {
    { "id", "id", COL_TEXT },
    { "name", "name", COL_TEXT },
    { "description", "description", COL_TEXT },
    { "phase", "phase", COL_TEXT },
    { "since", "status.phase_since", COL_TIME },
    { "baseline", "config.baseline_template", COL_NAMED },
    { "candidate", "config.candidate_template", COL_NAMED },
    { "load", "config.load_profile", COL_NAMED },
    { "collector", "config.collector", COL_TEXT },
    { "hosts", "config.target_hosts", COL_MAP },
    { "hosts out", "status.hosts_out", COL_MAP },
    { "warm-up", "config.warmup_duration", COL_TEXT },
    { "duration", "config.duration", COL_TEXT },
    { "verdict", "status.verdict.decision", COL_TEXT },
    { "because", "status.verdict.reason", COL_TEXT },
    { "error", "status.error", COL_TEXT },
    { "labels", "metadata", COL_MAP },
    { "created", "created_at", COL_TIME },
    { "started", "status.start_time", COL_TIME },
    { "ended", "status.end_time", COL_TIME },
    { NULL, NULL, COL_TEXT },
};
static const struct column event_columns[] = {
    { "AT", "at", COL_TIME },     { "TYPE", "type", COL_TEXT },   { "FROM", "from", COL_TEXT },
    { "TO", "to", COL_TEXT },     { "ACTOR", "actor", COL_TEXT }, { "MESSAGE", "message", COL_TEXT },
    { NULL, NULL, COL_TEXT },
};

int cmd_experiment_list(struct ctx *c)
{
    struct err err = { 0 };
    struct target t;
    target_init(&t, "/api/v1/experiments", NULL);
    target_query(&t, "phase", args_get(&c->args, "phase"));
    struct json *doc CLEANUP_JSON = client_list(c->client, &t, "experiments", limit_of(c), &err);
    if (!doc)
        return print_error(c, &err);
    if (!print_document(c, doc))
        print_rows(json_get(doc, "experiments"), list_columns, c->colour, stdout);
    return EXIT_PASS;
}

int cmd_experiment_get(struct ctx *c)
{
    struct err err = { 0 };
    struct target t;
    target_init(&t, "/api/v1/experiments/%s", c->args.words[0]);
    struct json *doc CLEANUP_JSON = client_get(c->client, &t, &err);
    if (!doc)
        return print_error(c, &err);
    if (!print_document(c, doc))
        print_record(doc, record_columns, stdout);
    return EXIT_PASS;
}

int cmd_experiment_events(struct ctx *c)
{
    struct err err = { 0 };
    struct target t;
    target_init(&t, "/api/v1/experiments/%s/events", c->args.words[0]);
    target_query(&t, "after", args_get(&c->args, "after"));
    target_query(&t, "limit", args_get(&c->args, "limit"));
    struct json *doc CLEANUP_JSON = client_get(c->client, &t, &err);
    if (!doc)
        return print_error(c, &err);
    if (!print_document(c, doc))
        print_rows(json_get(doc, "events"), event_columns, c->colour, stdout);
    return EXIT_PASS;
}

/* The newest event there is, so that a watch after a command shows what the command does. */
static const char *newest_event(struct ctx *c, const char *id, char out[64])
{
    struct target t;
    target_init(&t, "/api/v1/experiments/%s/events", id);
    struct json *doc CLEANUP_JSON = client_get(c->client, &t, NULL);
    const struct json *events = json_get(doc, "events");
    size_t n = json_len(events);
    str_copy(out, 64, str_of(n ? json_get_str(json_at(events, n - 1), "id", "") : ""));
    return *out ? out : NULL;
}

/* POST to one of the commands of an experiment. @p fmt has the path. */
static int command(struct ctx *c, const char *fmt)
{
    char event[64];
    bool watch = args_has(&c->args, "watch");
    const char *after = watch ? newest_event(c, c->args.words[0], event) : NULL;
    struct err err = { 0 };
    struct target t;
    struct json *doc CLEANUP_JSON = NULL, *body CLEANUP_JSON = json_object();
    const char *reason = args_get(&c->args, "reason");
    if (reason)
        json_set_str(body, "reason", reason);
    target_init(&t, fmt, c->args.words[0]);
    int rc = client_call(c->client, "POST", &t, body, CALL_TIMEOUT_NS, &doc, &err);
    target_done(&t);
    if (rc != 0)
        return print_error(c, &err);
    if (watch)
        return watch_experiment(c, c->args.words[0], after);
    if (!print_document(c, doc))
        printf("%s: %s\n", json_get_str(doc, "id", ""), json_get_str(doc, "phase", ""));
    return EXIT_PASS;
}

int cmd_experiment_start(struct ctx *c)
{
    return command(c, "/api/v1/experiments/%s/start");
}

int cmd_experiment_stop(struct ctx *c)
{
    return command(c, "/api/v1/experiments/%s/stop");
}

int cmd_experiment_promote(struct ctx *c)
{
    return command(c, "/api/v1/experiments/%s/promote");
}

int cmd_experiment_rollback(struct ctx *c)
{
    return command(c, "/api/v1/experiments/%s/rollback");
}

int cmd_experiment_watch(struct ctx *c)
{
    return watch_experiment(c, c->args.words[0], NULL);
}

int cmd_experiment_delete(struct ctx *c)
{
    int code = EXIT_PASS;
    for (int i = 0; i < c->args.n_words; i++) {
        struct err err = { 0 };
        struct target t;
        struct json *doc CLEANUP_JSON = NULL;
        target_init(&t, "/api/v1/experiments/%s", c->args.words[i]);
        if (client_call(c->client, "DELETE", &t, NULL, CALL_TIMEOUT_NS, &doc, &err) != 0)
            code = print_error(c, &err);
        target_done(&t);
    }
    return code;
}
