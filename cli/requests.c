/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix pipeline render and validate, load start, adjust and stop: commands that send a document. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "cli/table.h"

static struct json *post(struct ctx *c, const char *path, const struct json *body, int *ret_code)
{
    struct err err = { 0 };
    struct json *doc = NULL;
    struct target t;
    target_init(&t, path, NULL);
    int rc = client_call(c->client, "POST", &t, body, CALL_TIMEOUT_NS, &doc, &err);
    target_done(&t);
    *ret_code = rc == 0 ? EXIT_PASS : print_error(c, &err);
    return doc;
}

static void set_list(struct ctx *c, struct json *body, const char *flag, const char *key)
{
    if (!args_has(&c->args, flag))
        return;
    struct json *list = json_array();
    for (int i = 0; args_nth(&c->args, flag, i); i++)
        json_add_str(list, args_nth(&c->args, flag, i));
    json_set(body, key, list);
}

static void set_text(struct ctx *c, struct json *body, const char *flag, const char *key)
{
    if (args_get(&c->args, flag))
        json_set_str(body, key, args_get(&c->args, flag));
}

static int set_parameters(struct ctx *c, struct json *body)
{
    struct err err = { 0 };
    struct json *parameters = json_object();
    json_set(body, "parameters", parameters);
    for (int i = 0; args_nth(&c->args, "param", i); i++)
        if (add_parameter(parameters, args_nth(&c->args, "param", i), "param", &err) != 0)
            return print_error(c, &err);
    return EXIT_PASS;
}

static void print_lines(FILE *out, const char *title, const struct json *list)
{
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *item = json_at(list, i);
        struct buf text CLEANUP_BUF;
        buf_init(&text, 65536);
        text_escape(&text, str_of(json_get_str(item, "at", "")));
        buf_adds(&text, text.len ? ": " : "");
        text_escape(&text, str_of(json_str(item, json_get_str(item, "message", ""))));
        fprintf(out, "%s: %s\n", title, buf_cstr(&text));
    }
}

/* Of many lines: all but line ends is made safe. */
static void print_text(struct str text)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        struct buf safe CLEANUP_BUF;
        buf_init(&safe, 1 << 22);
        text_escape(&safe, line);
        fputs(buf_cstr(&safe), stdout);
        fputs(text.p ? "\n" : "", stdout);
    }
}

int cmd_pipeline_render(struct ctx *c)
{
    struct json *body CLEANUP_JSON = json_object();
    json_set_str(body, "template", c->args.words[0]);
    set_text(c, body, "collector", "collector");
    set_list(c, body, "critical", "critical_processes");
    int code = set_parameters(c, body);
    if (code != EXIT_PASS)
        return code;
    struct json *doc CLEANUP_JSON = post(c, "/api/v1/pipelines/render", body, &code);
    if (!doc || print_document(c, doc))
        return code;
    const struct json *files = json_get(doc, "files");
    for (size_t i = 0; i < json_len(files); i++) {
        if (json_len(files) > 1) {
            fputs("# ", stdout);
            print_text(json_text(json_get(json_at(files, i), "name")));
            putchar('\n');
        }
        print_text(json_text(json_get(json_at(files, i), "content")));
    }
    print_lines(stderr, "warning", json_get(doc, "warnings"));
    return code;
}

int cmd_pipeline_validate(struct ctx *c)
{
    struct buf text CLEANUP_BUF;
    struct err err = { 0 };
    int code;
    if (read_input(c->args.words[0], &text, &err) != 0)
        return print_error(c, &err);
    struct json *body CLEANUP_JSON = json_object();
    json_set(body, "yaml", json_new_str(buf_str(&text)));
    set_text(c, body, "collector", "collector");
    struct json *doc CLEANUP_JSON = post(c, "/api/v1/pipelines/validate", body, &code);
    if (!doc)
        return code;
    bool valid = json_get_bool(doc, "valid", false);
    if (!print_document(c, doc)) {
        print_lines(stdout, "error", json_get(doc, "errors"));
        print_lines(stdout, "warning", json_get(doc, "warnings"));
        puts(valid ? "valid" : "not valid");
    }
    return valid ? EXIT_PASS : EXIT_ERROR;
}

int cmd_load_start(struct ctx *c)
{
    struct json *body CLEANUP_JSON = json_object();
    int64_t seed;
    int code = set_parameters(c, body);
    if (code != EXIT_PASS)
        return code;
    if (c->args.n_words)
        json_set_str(body, "profile", c->args.words[0]);
    set_text(c, body, "experiment", "experiment_id");
    set_text(c, body, "duration", "duration");
    set_list(c, body, "host", "target_hosts");
    if (args_get(&c->args, "seed") && parse_int(str_of(args_get(&c->args, "seed")), &seed))
        json_set_int(body, "seed", seed);
    struct json *doc CLEANUP_JSON = post(c, "/api/v1/loadsimulations", body, &code);
    if (doc && !print_document(c, doc))
        printf("%s: %s\n", json_get_str(doc, "id", ""), json_get_str(doc, "status", ""));
    return code;
}

/* A change of the load that the first word names. */
static int change_load(struct ctx *c, const char *method, const struct json *body)
{
    struct err err = { 0 };
    struct json *doc CLEANUP_JSON = NULL;
    struct target t;
    target_init(&t, "/api/v1/loadsimulations/%s", c->args.words[0]);
    int rc = client_call(c->client, method, &t, body, CALL_TIMEOUT_NS, &doc, &err);
    target_done(&t);
    if (rc != 0)
        return print_error(c, &err);
    if (!print_document(c, doc))
        printf("%s: %s\n", json_get_str(doc, "id", ""), json_get_str(doc, "status", ""));
    return EXIT_PASS;
}

int cmd_load_stop(struct ctx *c)
{
    return change_load(c, "DELETE", NULL);
}

int cmd_load_adjust(struct ctx *c)
{
    static const char *const flags[] = { "factor", "rate" };
    struct json *body CLEANUP_JSON = json_object();
    struct err err = { 0 };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        const char *text = args_get(&c->args, flags[i]);
        double value;
        if (text && !parse_real(str_of(text), &value)) {
            err_set(&err, ERR_USAGE, "--%s: \"%.40s\" is no number", flags[i], text);
            return print_error(c, &err);
        }
        if (text)
            json_set_real(body, flags[i], value);
    }
    if (json_len(body) != 1) {
        err_set(&err, ERR_USAGE, "load adjust wants either --factor or --rate");
        return print_error(c, &err);
    }
    return change_load(c, "PATCH", body);
}
