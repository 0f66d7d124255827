/* SPDX-License-Identifier: Apache-2.0 */
/* Collector backends: text in, words out, the same each time. Every text that goes in ends at an
 * inaccessible page, without a NUL. */
#include <stdlib.h>
#include <string.h>
#include "core/base/mem.h"
#include "core/base/yaml.h"
#include "tools/plugin_check/check.h"

#define WORDS_MAX 256
#define TEXT_MAX (1 << 20)

/* Words that a call put. There is one call at a time in a trial, so this may be static. */
static struct words {
    size_t n;
    struct {
        char what[32];
        struct buf key, value;
    } at[WORDS_MAX];
    phx_status answer; /* what put() says to the plugin */
} words;

static phx_status on_put(const phx_sink *out, const char *what, phx_str key, phx_str value)
{
    if (words.answer != PHX_OK) {
        return words.answer;
    }
    if (words.n == WORDS_MAX || strlen(what) >= sizeof words.at[0].what) {
        trial_fail("more words than a host would take");
    }
    if (!utf8_valid((struct str){ key.p, key.n }) || !utf8_valid((struct str){ value.p, value.n })) {
        trial_fail("the word \"%s\" is not UTF-8", what);
    }
    str_copy(words.at[words.n].what, sizeof words.at[0].what, str_of(what));
    struct buf *k = &words.at[words.n].key, *v = &words.at[words.n].value;
    buf_init(k, TEXT_MAX);
    buf_init(v, TEXT_MAX);
    buf_add(k, key.p, key.n);
    buf_add(v, value.p, value.n);
    words.n++;
    return PHX_OK;
}

static const phx_sink sink = { .size = sizeof sink, .put = on_put };

static void words_clear(void)
{
    for (size_t i = 0; i < words.n; i++) {
        buf_done(&words.at[i].key);
        buf_done(&words.at[i].value);
    }
    words.n = 0;
}

static const char *word(const char *what, size_t nth)
{
    for (size_t i = 0; i < words.n; i++) {
        if (strcmp(words.at[i].what, what) == 0 && nth-- == 0) {
            return buf_cstr(&words.at[i].value);
        }
    }
    return NULL;
}

enum call { RENDER, CHECK, LAUNCH, RELOAD, HEALTH, CALLS };

/* The text goes in fenced, and is out of reach afterwards. */
static phx_status call(struct instance *i, enum call which, struct str text, uint32_t *ret_state)
{
    const phx_collector_ops *ops = instance_component(i)->abi->ops;
    phx_self *self = instance_self(i);
    struct fence f;
    uint32_t state = PHX_DOWN;
    fence_make(&f, text.p, text.n);
    phx_str in = { f.data, f.bytes };
    words_clear();
    phx_status s = which == RENDER   ? ops->render(self, in, &sink)
                   : which == CHECK  ? ops->check(self, in, &sink)
                   : which == LAUNCH ? ops->launch(self, in, &sink)
                   : which == RELOAD ? ops->reload(self, in, in, &sink)
                                     : ops->health(self, in, &sink, &state);
    fence_free(&f);
    if (ret_state) {
        *ret_state = state;
    }
    return s;
}

static void must(struct instance *i, phx_status s, const char *what)
{
    struct err err = { 0 };
    if (instance_result(i, s, &err) != 0) {
        trial_fail("%s: %s", what, err.msg);
    }
}

/* The pipeline documents of the command line, as JSON text. */
static struct buf read_pipeline(const char *path)
{
    struct buf text, json;
    struct err err = { 0 };
    buf_init(&text, TEXT_MAX);
    buf_init(&json, TEXT_MAX);
    struct json *j =
        file_read(path, TEXT_MAX, &text, &err) == 0 ? yaml_parse(buf_str(&text), NULL, &err) : NULL;
    if (!j) {
        trial_fail("--pipeline %s: %s", path, err.msg);
    }
    json_write(j, &json);
    json_free(j);
    buf_done(&text);
    return json;
}

typedef void pipeline_fn(struct trial *t, struct instance *i, struct str pipeline);

static void each_pipeline(struct trial *t, pipeline_fn *fn)
{
    if (!t->options->pipelines[0]) {
        trial_skip("no pipeline document given with --pipeline");
    }
    for (size_t k = 0; t->options->pipelines[k]; k++) {
        struct instance *i = trial_instance(t);
        struct buf json = read_pipeline(t->options->pipelines[k]);
        fn(t, i, buf_str(&json));
        buf_done(&json);
        instance_free(i);
    }
    words_clear();
}

static void render_twice(struct trial *t, struct instance *i, struct str pipeline)
{
    must(i, call(i, RENDER, pipeline, NULL), "render");
    if (!word("file", 0)) {
        trial_fail("render put no file");
    }
    char *first = mem_strdup(word("file", 0));
    must(i, call(i, RENDER, pipeline, NULL), "render again");
    if (strcmp(first, word("file", 0)) != 0) {
        trial_fail("the same pipeline rendered to other bytes");
    }
    free(first);
}

static void renders_the_same(struct trial *t)
{
    each_pipeline(t, render_twice);
}

static void check_rendered(struct trial *t, struct instance *i, struct str pipeline)
{
    must(i, call(i, RENDER, pipeline, NULL), "render");
    char *config = mem_strdup(word("file", 0));
    must(i, call(i, CHECK, str_of(config), NULL), "check");
    if (word("error", 0)) {
        trial_fail("check found an error in what render made: %s", word("error", 0));
    }
    free(config);
}

static void checks_what_it_renders(struct trial *t)
{
    each_pipeline(t, check_rendered);
}

/* Bytes flipped, cut out and doubled: a diagnosis or a clean bill, never a crash. */
static void mutate(struct trial *t, struct instance *i, struct str pipeline)
{
    must(i, call(i, RENDER, pipeline, NULL), "render");
    struct buf config;
    buf_init(&config, TEXT_MAX);
    buf_adds(&config, word("file", 0));
    uint64_t x = t->options->seed | 1;
    for (int round = 0; round < 500 && config.len; round++) {
        struct buf bad;
        buf_init(&bad, TEXT_MAX);
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t at = (x >> 33) % config.len, n = 1 + (x >> 20) % 8;
        n = at + n > config.len ? config.len - at : n;
        buf_add(&bad, config.data, at);
        if (round % 3 == 0) {
            buf_addc(&bad, (char)(x >> 13));
        } else if (round % 3 == 1) {
            buf_add(&bad, config.data + at, n);
            buf_add(&bad, config.data + at, n);
        }
        buf_add(&bad, config.data + at + n, config.len - at - n);
        call(i, CHECK, buf_str(&bad), NULL);
        buf_done(&bad);
    }
    buf_done(&config);
}

static void survives_mutations(struct trial *t)
{
    each_pipeline(t, mutate);
}

static const char *const nonsense[] = {
    "", "{}", "[]", "null", "nonsense", "{\"a\":", "\x01\x02", "---\n- &a [*a]\n",
    "{\"pipeline\":[[[[[[[[{}]]]]]]]]}",
};

static void survives_nonsense(struct trial *t)
{
    struct instance *i = trial_instance(t);
    for (size_t k = 0; k < sizeof nonsense / sizeof nonsense[0]; k++) {
        for (enum call which = RENDER; which < CALLS; which++) {
            uint32_t state;
            phx_status s = call(i, which, str_of(nonsense[k]), &state);
            if (which == HEALTH && s == PHX_OK && state > PHX_DOWN) {
                trial_fail("health answered state %u", state);
            }
        }
    }
    words_clear();
    instance_free(i);
}

static void refuse_words(struct trial *t, struct instance *i, struct str pipeline)
{
    words.answer = PHX_E_UNSUPPORTED;
    for (enum call which = RENDER; which < CALLS; which++) {
        call(i, which, pipeline, NULL);
    }
    words.answer = PHX_OK;
}

static void survives_refused_words(struct trial *t)
{
    each_pipeline(t, refuse_words);
}

/* What the last call rendered, as in a task. */
static struct json *rendered_files(void)
{
    struct json *files = json_array();
    for (size_t i = 0; i < words.n; i++) {
        if (strcmp(words.at[i].what, "file") == 0) {
            struct json *file = json_object();
            json_set_str(file, "name", buf_cstr(&words.at[i].key));
            json_set_str(file, "content", buf_cstr(&words.at[i].value));
            json_add(files, file);
        }
    }
    return files;
}

/* A deploy document around what the last call rendered; see doc/rooms/agent.md. */
static struct json *deploy_document(void)
{
    struct json *j = json_object(), *ports = json_array();
    json_set_str(j, "id", "check-baseline");
    json_set_str(j, "experiment_id", "check");
    json_set_str(j, "variant", "baseline");
    json_set_str(j, "host_id", "host");
    json_set_str(j, "pipeline", "check");
    json_set_str(j, "config_hash", "sha256:0");
    json_set_str(j, "dir", "/var/lib/phoenix-agent/collectors/check-baseline");
    json_set_str(j, "libexec_dir", "/usr/libexec/phoenix");
    json_set_str(j, "address", "127.0.0.1");
    json_set_int(j, "port", 42000);
    for (int i = 0; i < 6; i++) {
        json_add(ports, json_new_int(42000 + i));
    }
    json_set(j, "ports", ports);
    json_set(j, "files", rendered_files());
    json_set_str(j, "a_member_of_a_later_release", "is ignored");
    return j;
}

static void launch_plan(struct trial *t, struct instance *i, struct str pipeline)
{
    must(i, call(i, RENDER, pipeline, NULL), "render");
    struct json *deploy = deploy_document();
    struct buf text;
    buf_init(&text, TEXT_MAX);
    json_write(deploy, &text);
    json_free(deploy);
    must(i, call(i, LAUNCH, buf_str(&text), NULL), "launch");
    if (!word("program", 0) && (!word("arg", 0) || word("arg", 0)[0] != '/')) {
        trial_fail("there is no program, and the first arg is not the absolute path of one");
    }
    if (!word("ready", 0) || !word("metrics", 0)) {
        trial_fail("the plan has no ready or no metrics word");
    }
    for (size_t k = 0; k < words.n; k++) {
        if (strcmp(words.at[k].what, "file") == 0 && strpbrk(buf_cstr(&words.at[k].key), "/\\")) {
            trial_fail("file \"%s\" is outside of the instance's folder", buf_cstr(&words.at[k].key));
        }
    }
    must(i, call(i, RELOAD, buf_str(&text), NULL), "reload");
    if (word("restart", 0) || word("signal", 0) || word("http", 0)) {
        trial_fail("two deploys that are the same, and reload asks for an action");
    }
    buf_done(&text);
}

static void plans_a_launch(struct trial *t)
{
    each_pipeline(t, launch_plan);
}

const struct trial_case collector_cases[] = {
    { "the same pipeline renders to the same bytes", renders_the_same },
    { "what it renders passes its own check", checks_what_it_renders },
    { "500 mutations of a config are survived", survives_mutations },
    { "nonsense is survived by every call", survives_nonsense },
    { "a host that knows no word is survived", survives_refused_words },
    { "a launch plan is whole, and the same deploy reloads to nothing", plans_a_launch },
    { 0 },
};
