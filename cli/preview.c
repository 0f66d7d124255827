/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix pipeline preview: ask for it, follow it while it is measured, show what came out. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/ctx.h"

static int set_template(struct ctx *c, struct json *body, const char *key, const char *name, const char *flag)
{
    struct err err = { 0 };
    if (!name)
        return EXIT_PASS;
    struct json *ref = json_object(), *parameters = json_object();
    json_set(body, key, ref);
    json_set_str(ref, "name", name);
    json_set(ref, "parameters", parameters);
    for (int i = 0; args_nth(&c->args, flag, i); i++)
        if (add_parameter(parameters, args_nth(&c->args, flag, i), flag, &err) != 0)
            return print_error(c, &err);
    return EXIT_PASS;
}

static int make_body(struct ctx *c, struct json *body)
{
    static const struct {
        const char *flag, *member;
    } texts[] = { { "collector", "collector" },
                  { "duration", "duration" },
                  { "warmup", "warmup_duration" },
                  { "sample-interval", "sample_interval" } },
      lists[] = { { "host", "target_hosts" }, { "critical", "critical_processes" } };
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (args_get(&c->args, texts[i].flag))
            json_set_str(body, texts[i].member, args_get(&c->args, texts[i].flag));
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct json *list = json_array();
        for (int k = 0; args_nth(&c->args, lists[i].flag, k); k++)
            json_add_str(list, args_nth(&c->args, lists[i].flag, k));
        json_set(body, lists[i].member, list);
    }
    int code = set_template(c, body, "candidate_template", c->args.words[0], "param");
    if (code == EXIT_PASS)
        code = set_template(c, body, "baseline_template", args_get(&c->args, "baseline"), "baseline-param");
    return code;
}

static int call(struct ctx *c, const char *method, const char *id, const struct json *body, struct json **ret)
{
    struct err err = { 0 };
    struct target t;
    target_init(&t, id ? "/api/v1/pipelines/preview/%s" : "/api/v1/pipelines/preview", id);
    int rc = client_call(c->client, method, &t, body, CALL_TIMEOUT_NS, ret, &err);
    target_done(&t);
    return rc == 0 ? EXIT_PASS : print_error(c, &err);
}

static int show(struct ctx *c, const struct json *doc)
{
    bool has_failed = strcmp(json_get_str(doc, "state", ""), "completed") != 0;
    if (print_document(c, doc))
        return has_failed ? EXIT_ERROR : EXIT_PASS;
    if (has_failed) {
        struct err err = { 0 };
        err_set(&err, ERR_UNAVAILABLE, "the preview failed: %s", json_get_str(doc, "reason", "-"));
        return print_error(c, &err);
    }
    printf("%s of experiment %s, measured from %s to %s\n\n",
           strcmp(json_get_str(doc, "source", ""), "shadow_run") == 0 ? "shadow run" : "last samples",
           json_get_str(doc, "id", ""), json_get_str(doc, "measured_from", "-"),
           json_get_str(doc, "measured_to", "-"));
    print_kpis(c, json_get(doc, "kpis"));
    return EXIT_PASS;
}

int cmd_pipeline_preview(struct ctx *c)
{
    struct json *body CLEANUP_JSON = json_object(), *asked CLEANUP_JSON = NULL;
    struct json *experiment CLEANUP_JSON = NULL, *doc CLEANUP_JSON = NULL;
    int code = make_body(c, body);
    if (code == EXIT_PASS)
        code = call(c, "POST", NULL, body, &asked);
    if (code != EXIT_PASS || strcmp(json_get_str(asked, "state", ""), "running") != 0)
        return asked ? show(c, asked) : code;
    const char *id = json_get_str(asked, "id", "");
    code = watch_follow(c, id, NULL, &experiment);
    if (experiment)
        code = call(c, "GET", id, NULL, &doc);
    return doc ? show(c, doc) : code;
}
