/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix experiment create: a document from a file, changed by flags. The API checks it. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "core/base/yaml.h"

static struct json *read_spec(const char *path, struct err *err)
{
    struct buf text CLEANUP_BUF;
    if (read_input(path, &text, err) != 0)
        return NULL;
    bool is_json = str_starts(str_trim(buf_str(&text)), "{");
    struct json *doc =
        is_json ? json_parse(buf_str(&text), NULL, err) : yaml_parse(buf_str(&text), NULL, err);
    if (!doc) {
        err_prefix(err, "%s: ", path);
    } else if (!json_is(doc, JSON_OBJECT)) {
        err_set(err, ERR_USAGE, "%s: must be an object", path);
        json_free(doc);
        doc = NULL;
    }
    return doc;
}

/* The object that is member @p key; made if it is not there, or is something else. */
static struct json *object_in(struct json *parent, const char *key)
{
    if (!json_is(json_get(parent, key), JSON_OBJECT))
        json_set(parent, key, json_object());
    return (struct json *)(uintptr_t)json_get(parent, key);
}

static void set_texts(struct json *obj, const struct args *a, const char *const (*names)[2])
{
    for (; (*names)[0]; names++)
        if (args_get(a, (*names)[0]))
            json_set_str(obj, (*names)[1], args_get(a, (*names)[0]));
}

/* A flag that may come again replaces the list of the file. */
static void set_list(struct json *obj, const struct args *a, const char *flag, const char *key)
{
    struct json *list;
    if (!args_has(a, flag))
        return;
    list = json_array();
    for (int i = 0; args_nth(a, flag, i); i++)
        json_add_str(list, args_nth(a, flag, i));
    json_set(obj, key, list);
}

static int add_parameters(struct json *obj, const struct args *a, const char *flag, struct err *err)
{
    for (int i = 0; args_nth(a, flag, i); i++)
        if (add_parameter(obj, args_nth(a, flag, i), flag, err) != 0)
            return ERR_USAGE;
    return 0;
}

/* A template or profile: its name, and parameters, which change those of the file. */
static int set_reference(struct json *config, const struct args *a, const char *const flags[2],
                         const char *key, struct err *err)
{
    const char *name = args_get(a, flags[0]);
    const char *old = json_get_str(config, key, NULL); /* a plain name in the file */
    if (!name && !args_has(a, flags[1]))
        return 0;
    char kept[128];
    str_copy(kept, sizeof kept, str_of(name ? name : old));
    struct json *ref = object_in(config, key);
    if (kept[0])
        json_set_str(ref, "name", kept);
    if (!args_has(a, flags[1]))
        return 0;
    return add_parameters(object_in(ref, "parameters"), a, flags[1], err);
}

/* --success kpi=0.3 */
static int add_criteria(struct json *config, const struct args *a, struct err *err)
{
    if (!args_has(a, "success"))
        return 0;
    struct json *list = json_array();
    json_set(object_in(config, "analysis"), "success", list);
    for (int i = 0; args_nth(a, "success", i); i++) {
        const char *pair = args_nth(a, "success", i), *equals = strchr(pair, '=');
        double share;
        if (!equals || !parse_real(str_of(equals + 1), &share))
            return err_set(err, ERR_USAGE, "--success wants KPI=SHARE, as in cardinality=0.3, not \"%s\"",
                           pair);
        struct json *criterion = json_object(),
                    *kpi = json_new_str((struct str){ pair, (size_t)(equals - pair) });
        json_set(criterion, "kpi", kpi);
        json_set_real(criterion, "reduction_at_least", share);
        json_add(list, criterion);
    }
    return 0;
}

static int apply_flags(struct json *doc, const struct args *a, struct err *err)
{
    static const char *const top[][2] = { { "name", "name" },
                                          { "description", "description" },
                                          { NULL, NULL } };
    static const char *const inner[][2] = { { "collector", "collector" },
                                            { "duration", "duration" },
                                            { "warmup", "warmup_duration" },
                                            { "sample-interval", "sample_interval" },
                                            { "hold", "hold" },
                                            { NULL, NULL } };
    static const char *const baseline[] = { "baseline", "baseline-param" };
    static const char *const candidate[] = { "candidate", "param" };
    static const char *const load[] = { "load", "load-param" };
    struct json *config = object_in(doc, "config");
    set_texts(doc, a, top);
    set_texts(config, a, inner);
    set_list(config, a, "host", "target_hosts");
    set_list(config, a, "critical", "critical_processes");
    int rc = set_reference(config, a, baseline, "baseline_template", err);
    if (rc == 0)
        rc = set_reference(config, a, candidate, "candidate_template", err);
    if (rc == 0)
        rc = set_reference(config, a, load, "load_profile", err);
    if (rc == 0)
        rc = add_criteria(config, a, err);
    for (int i = 0; rc == 0 && args_nth(a, "label", i); i++) {
        const char *pair = args_nth(a, "label", i), *equals = strchr(pair, '=');
        char key[128];
        if (!equals || !str_copy(key, sizeof key, (struct str){ pair, (size_t)(equals - pair) }))
            return err_set(err, ERR_USAGE, "--label wants KEY=VALUE, not \"%s\"", pair);
        json_set_str(object_in(doc, "metadata"), key, equals + 1);
    }
    return rc;
}

static int start(struct ctx *c, const char *id, struct json **ret, struct err *err)
{
    struct target t;
    struct json *body CLEANUP_JSON = json_object();
    target_init(&t, "/api/v1/experiments/%s/start", id);
    int rc = client_call(c->client, "POST", &t, body, CALL_TIMEOUT_NS, ret, err);
    target_done(&t);
    return rc;
}

static int create(struct ctx *c, struct json **ret, struct err *err)
{
    const char *file = args_get(&c->args, "file");
    struct json *spec CLEANUP_JSON = file ? read_spec(file, err) : json_object();
    struct target t;
    if (!spec)
        return err->code;
    int rc = apply_flags(spec, &c->args, err);
    if (rc != 0)
        return rc;
    target_init(&t, "/api/v1/experiments", NULL);
    rc = client_call(c->client, "POST", &t, spec, CALL_TIMEOUT_NS, ret, err);
    target_done(&t);
    return rc;
}

int cmd_experiment_create(struct ctx *c)
{
    struct err err = { 0 };
    struct json *doc CLEANUP_JSON = NULL, *started CLEANUP_JSON = NULL;
    if (create(c, &doc, &err) != 0)
        return print_error(c, &err);
    const char *id = json_get_str(doc, "id", "");
    if (args_has(&c->args, "start") && start(c, id, &started, &err) != 0) {
        fprintf(stderr, "phoenix: experiment %s was created, but not started\n", id);
        return print_error(c, &err);
    }
    const struct json *last = started ? started : doc;
    if (args_has(&c->args, "watch")) {
        if (c->format == FORMAT_TABLE)
            printf("%s\n", id);
        return watch_experiment(c, id, NULL);
    }
    if (!print_document(c, last))
        printf("%s: %s\n", id, json_get_str(last, "phase", ""));
    return EXIT_PASS;
}
