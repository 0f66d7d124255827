/* SPDX-License-Identifier: Apache-2.0 */
/* With a backend that writes the pipeline document as it is, and refuses documents that say so. */
#include "config.h"
#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/api/pipelines.h"
#include "core/base/log.h"

static phx_status render(phx_self *self, phx_str pipeline, const phx_sink *out)
{
    if (out->put(out, "no-such-word", pipeline, pipeline) != PHX_E_UNSUPPORTED) {
        return PHX_E_INTERNAL;
    }
    out->put(out, "warning", PHX_LIT("here"), PHX_LIT("be careful"));
    return out->put(out, "file", PHX_LIT("config.json"), pipeline);
}
static phx_status check(phx_self *self, phx_str config, const phx_sink *out)
{
    if (memmem(config.p, config.n, "\"explode\"", 9)) {
        out->put(out, "error", PHX_LIT("1:2"), PHX_LIT("it would explode"));
    }
    return PHX_OK;
}
static phx_status launch(phx_self *self, phx_str deploy, const phx_sink *out)
{
    return PHX_E_UNSUPPORTED;
}
static phx_status reload(phx_self *self, phx_str old_deploy, phx_str deploy, const phx_sink *out)
{
    return PHX_E_UNSUPPORTED;
}
static phx_status health(phx_self *self, phx_str seen, const phx_sink *out, uint32_t *state)
{
    return PHX_E_UNSUPPORTED;
}
static const phx_collector_ops ops = { .size = sizeof ops, .render = render, .check = check, .launch = launch,
                                       .reload = reload, .health = health };
static const phx_component native = {
    .size = sizeof native, .kind = PHX_COLLECTOR, .name = "native", .ops = &ops
};
static const phx_component *const components[] = { &native, NULL };
static const phx_plugin plugin = { .size = sizeof plugin, .id = "org.example.native", .version = "1",
                                   .license = "MIT", .components = components };
static const phx_plugin *const builtin[] = { &plugin, NULL };

static char dir[64], warnings[4096];
static struct api api;
static struct pipelines pipelines;
static struct settings settings;
static struct rendered rendered;
static struct faults faults;
static struct err err;

static void on_line(void *arg, const char *line)
{
    strncat(warnings, line, sizeof warnings - strlen(warnings) - 1);
}

static void write_template(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/native/%s.yaml", dir, name);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

#define TOPK \
    "name: topk\ncollector: native\nsummary: the first k\n" \
    "parameters:\n" \
    "  k: { type: integer, minimum: 1, maximum: 100, default: 20 }\n" \
    "  critical: { type: array, items: { type: string }, default: [] }\n" \
    "  needed: { type: string }\n" \
    "pipeline:\n" \
    "  k: \"${k}\"\n  critical: \"${critical}\"\n  text: \"k is ${k}\"\n" \
    "  list: [1, \"${needed}\", \"${env:HOME}\"]\n"

static void set_up(void)
{
    char sub[128];
    log_capture(on_line, NULL);
    warnings[0] = '\0';
    memset(&api, 0, sizeof api);
    memset(&err, 0, sizeof err);
    memset(&rendered, 0, sizeof rendered);
    snprintf(dir, sizeof dir, "/tmp/phoenix-templates-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(sub, sizeof sub, "%s/native", dir);
    ck_assert_int_eq(mkdir(sub, 0755), 0);
    write_template("topk", TOPK);
    struct registry_conf conf = { .program = "test", .version = "1", .builtin = builtin };
    api.registry = registry_new(&conf, NULL);
    api.settings = &settings;
    api.pipelines = &pipelines;
    backends_make(&pipelines, &api);
}

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void tear_down(void)
{
    rendered_done(&rendered);
    templates_free(&pipelines);
    backends_free(&pipelines);
    registry_free(api.registry);
    nftw(dir, on_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static int try(const char *name, const char *parameters, const char *extra)
{
    struct json *p = parameters ? json_parse(str_of(parameters), NULL, NULL) : NULL;
    struct json *x = extra ? json_parse(str_of(extra), NULL, NULL) : NULL;
    struct render_ask ask = { .name = name, .parameters = p, .extra = x, .pointer = "/candidate_template" };
    int rc = template_render(&api, &ask, &rendered, &faults, &err);
    json_free(p);
    json_free(x);
    return rc;
}

static const char *content(void)
{
    return json_get_str(json_at(rendered.files, 0), "content", "");
}

START_TEST(a_scalar_that_is_a_placeholder_becomes_a_typed_value_and_other_text_stays)
{
    templates_load(&pipelines, dir);
    ck_assert_msg(try("topk", "{\"k\":5,\"needed\":\"a: b\\\"\"}", NULL) == 0, "%s", err.msg);
    ck_assert_str_eq(
        content(),
        "{\"k\":5,\"critical\":[],\"text\":\"k is ${k}\",\"list\":[1,\"a: b\\\"\",\"${env:HOME}\"]}");
    ck_assert_str_eq(json_str(json_at(rendered.warnings, 0), ""), "here: be careful");
}
END_TEST

START_TEST(the_same_input_has_the_same_hash_and_another_one_another)
{
    char first[sizeof rendered.config_hash];
    templates_load(&pipelines, dir);
    ck_assert_int_eq(try("topk", "{\"needed\":\"x\"}", NULL), 0);
    memcpy(first, rendered.config_hash, sizeof first);
    ck_assert(strncmp(first, "sha256:", 7) == 0 && strlen(first) == 71);
    rendered_done(&rendered);
    ck_assert_int_eq(try("topk", "{\"needed\":\"x\",\"k\":20}", NULL), 0);
    ck_assert_str_eq(first, rendered.config_hash);
    rendered_done(&rendered);
    ck_assert_int_eq(try("topk", "{\"needed\":\"x\",\"k\":21}", NULL), 0);
    ck_assert_str_ne(first, rendered.config_hash);
}
END_TEST

START_TEST(the_users_value_goes_before_the_experiments_and_that_before_the_default)
{
    templates_load(&pipelines, dir);
    ck_assert_int_eq(try("topk", "{\"needed\":\"x\"}", "{\"critical\":[\"sshd\"],\"unknown\":1}"), 0);
    ck_assert_ptr_nonnull(strstr(content(), "\"critical\":[\"sshd\"]"));
    rendered_done(&rendered);
    ck_assert_int_eq(try("topk", "{\"needed\":\"x\",\"critical\":[\"mine\"]}", "{\"critical\":[\"sshd\"]}"),
                     0);
    ck_assert_ptr_nonnull(strstr(content(), "\"critical\":[\"mine\"]"));
}
END_TEST

static const struct {
    const char *parameters, *pointer;
} bad[] = {
    { "{\"needed\":\"x\",\"k\":0}", "/candidate_template/parameters/k" },
    { "{\"needed\":\"x\",\"k\":\"5\"}", "/candidate_template/parameters/k" },
    { "{\"needed\":\"x\",\"kk\":5}", "/candidate_template/parameters/kk" },
    { "{\"k\":5}", "/candidate_template/parameters/needed" },
};
START_TEST(a_bad_parameter_is_named_by_its_pointer)
{
    templates_load(&pipelines, dir);
    ck_assert_int_eq(try("topk", bad[_i].parameters, NULL), ERR_INVALID);
    ck_assert_uint_eq(faults.n, 1);
    ck_assert_str_eq(faults.at[0].pointer, bad[_i].pointer);
    ck_assert_ptr_null(rendered.files);
}
END_TEST

START_TEST(an_unknown_template_or_collector_is_not_found)
{
    templates_load(&pipelines, dir);
    ck_assert_int_eq(try("nope", NULL, NULL), ERR_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(err.remedy, "topk"));
    ck_assert_int_eq(try("../native/topk", NULL, NULL), ERR_NOTFOUND);
    struct render_ask ask = { .collector = "otelcol", .name = "topk", .pointer = "" };
    ck_assert_int_eq(template_render(&api, &ask, &rendered, &faults, &err), ERR_NOTFOUND);
}
END_TEST

START_TEST(what_the_backend_refuses_is_an_error)
{
    write_template("boom", "name: boom\ncollector: native\nsummary: s\npipeline: { explode: true }\n");
    templates_load(&pipelines, dir);
    ck_assert_int_eq(try("boom", NULL, NULL), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.msg, "it would explode"));
}
END_TEST

START_TEST(what_the_backend_refuses_of_a_value_is_the_fault_of_who_gave_it)
{
    templates_load(&pipelines, dir);
    ck_assert_int_eq(try("topk", "{\"needed\":\"explode\"}", NULL), ERR_INVALID);
    ck_assert_str_eq(faults.at[0].pointer, "/candidate_template/parameters");
    ck_assert_ptr_nonnull(strstr(faults.at[0].msg, "it would explode"));
    ck_assert_ptr_nonnull(strstr(err.msg, "it would explode"));
}
END_TEST

static const char *const faulty[] = {
    "name: other\ncollector: native\nsummary: s\npipeline: {}\n",
    "name: faulty\ncollector: otelcol\nsummary: s\npipeline: {}\n",
    "name: faulty\ncollector: native\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\n",
    "name: faulty\ncollector: native\nsummary: s\npipeline: { a: \"${nope}\" }\n",
    "name: faulty\ncollector: native\nsummary: s\nextra: 1\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\nparameters: { k: { type: nonsense } }\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\npipeline: { a: { when: \"${nope}\", then: 1 } }\n",
    "name: faulty\ncollector: native\nsummary: s\nabstract: sometimes\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\nextends: nope\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\nextends: ../native/topk\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\nextends: [topk, nope]\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\nextends: [[topk]]\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\nextends: otelcol/topk\npipeline: {}\n",
    "name: faulty\ncollector: native\nsummary: s\nextends: faulty\npipeline: {}\n",
    "- faulty\n",
    "{",
    "",
};
START_TEST(a_faulty_file_is_told_and_left_out_and_the_others_stay)
{
    write_template("faulty", faulty[_i]);
    templates_load(&pipelines, dir);
    ck_assert_uint_eq(pipelines.n_templates, 1);
    ck_assert_str_eq(pipelines.templates[0].name, "topk");
    ck_assert_msg(strstr(warnings, "faulty.yaml"), "%s", warnings);
}
END_TEST

#define CONDITIONAL \
    "name: parts\ncollector: native\nsummary: s\n" \
    "parameters:\n" \
    "  url: { type: string, default: \"\" }\n  min: { type: number, default: 0 }\n" \
    "  names: { type: array, items: { type: string }, default: [] }\n" \
    "  on: { type: boolean, default: false }\n" \
    "pipeline:\n" \
    "  list: [a, { when: \"${url}\", then: { to: \"${url}\" } }, { when: \"${on}\", then: b }]\n" \
    "  min: { when: \"${min}\", then: \"${min}\" }\n" \
    "  names: { when: \"${names}\", then: \"${names}\" }\n" \
    "  other: { when: 0, then: 1, more: 2 }\n"
static const struct {
    const char *parameters, *pipeline;
} parts[] = {
    { "{}", "{\"list\":[\"a\"],\"other\":{\"when\":0,\"then\":1,\"more\":2}}" },
    { "{\"url\":\"u\",\"min\":0.5,\"names\":[\"n\"],\"on\":true}",
      "{\"list\":[\"a\",{\"to\":\"u\"},\"b\"],\"min\":0.5,\"names\":[\"n\"],"
      "\"other\":{\"when\":0,\"then\":1,\"more\":2}}" },
};
START_TEST(a_part_is_left_out_when_its_value_is_false_or_zero_or_empty)
{
    write_template("parts", CONDITIONAL);
    templates_load(&pipelines, dir);
    ck_assert_msg(try("parts", parts[_i].parameters, NULL) == 0, "%s", err.msg);
    ck_assert_str_eq(content(), parts[_i].pipeline);
}
END_TEST

#define COMMON \
    "name: common\ncollector: native\nabstract: true\n" \
    "parameters:\n" \
    "  every: { type: integer, minimum: 1, default: 10 }\n  size: { type: integer, default: 1 }\n" \
    "pipeline:\n  a: { every: \"${every}\", size: \"${size}\", kept: [1, 2] }\n  list: [1, 2, 3]\n"
#define SPECIAL \
    "name: special\ncollector: native\nsummary: s\nextends: common\n" \
    "parameters:\n  every: { default: 60 }\n  own: { type: string, default: mine }\n" \
    "pipeline:\n  a: { size: 7, own: \"${own}\" }\n  list: [\"${every}\"]\n"
#define MORE \
    "name: more\ncollector: native\nsummary: s\nextends: special\npipeline: { a: none }\n"

START_TEST(what_a_template_extends_is_merged_and_the_template_wins)
{
    write_template("common", COMMON);
    write_template("more", MORE);
    write_template("special", SPECIAL);
    templates_load(&pipelines, dir);
    ck_assert_msg(try("special", "{\"own\":\"yours\"}", NULL) == 0, "%s", err.msg);
    ck_assert_str_eq(content(),
                     "{\"a\":{\"every\":60,\"size\":7,\"kept\":[1,2],\"own\":\"yours\"},\"list\":[60]}");
    rendered_done(&rendered);
    ck_assert_int_eq(try("special", "{\"every\":0}", NULL), ERR_INVALID);
    ck_assert_msg(try("more", NULL, NULL) == 0, "%s", err.msg);
    ck_assert_str_eq(content(), "{\"a\":\"none\",\"list\":[60]}");
}
END_TEST

#define LISTED \
    "name: listed\ncollector: native\nsummary: s\nextends: [special, native/other]\npipeline: { b: 2 }\n"
#define OTHER \
    "name: other\ncollector: native\nabstract: true\n" \
    "parameters:\n  every: { default: 90 }\npipeline:\n  a: { size: 8 }\n  b: 1\n"

START_TEST(of_several_that_a_template_extends_the_later_wins)
{
    write_template("common", COMMON);
    write_template("listed", LISTED);
    write_template("other", OTHER);
    write_template("special", SPECIAL);
    templates_load(&pipelines, dir);
    ck_assert_msg(try("listed", NULL, NULL) == 0, "%s", err.msg);
    ck_assert_str_eq(content(), "{\"a\":{\"every\":90,\"size\":8,\"kept\":[1,2],\"own\":\"mine\"},"
                                "\"list\":[90],\"b\":2}");
}
END_TEST

START_TEST(an_abstract_template_is_neither_listed_nor_found)
{
    write_template("common", COMMON);
    write_template("special", SPECIAL);
    templates_load(&pipelines, dir);
    ck_assert_uint_eq(pipelines.n_templates, 2);
    ck_assert_str_eq(pipelines.templates[0].name, "special");
    ck_assert_int_eq(try("common", NULL, NULL), ERR_NOTFOUND);
    ck_assert_ptr_null(strstr(err.remedy, "common"));
    ck_assert_ptr_null(strstr(warnings, "TEMPLATE_REFUSED"));
}
END_TEST

START_TEST(templates_that_extend_each_other_are_refused_by_name)
{
    write_template("x", "name: x\ncollector: native\nsummary: s\nextends: y\npipeline: {}\n");
    write_template("y", "name: y\ncollector: native\nsummary: s\nextends: x\npipeline: {}\n");
    templates_load(&pipelines, dir);
    ck_assert_uint_eq(pipelines.n_templates, 1);
    ck_assert_msg(strstr(warnings, "x.yaml") && strstr(warnings, "y.yaml") &&
                      strstr(warnings, "that extends this one"), "%s", warnings);
}
END_TEST

START_TEST(what_extends_a_refused_template_is_refused_and_says_why)
{
    write_template("common",
                   "name: common\ncollector: native\nabstract: true\npipeline: { a: \"${nope}\" }\n");
    write_template("special", "name: special\ncollector: native\nsummary: s\nextends: common\n");
    templates_load(&pipelines, dir);
    ck_assert_uint_eq(pipelines.n_templates, 1);
    ck_assert_msg(strstr(warnings, "common.yaml") && strstr(warnings, "special.yaml"), "%s", warnings);
}
END_TEST

START_TEST(a_missing_folder_is_told_and_survived)
{
    templates_load(&pipelines, "/nonexistent/otel-templates");
    ck_assert_uint_eq(pipelines.n_templates, 0);
    ck_assert_ptr_nonnull(strstr(warnings, "/nonexistent"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("api/templates");
    TCase *tc = tcase_create("templates");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_scalar_that_is_a_placeholder_becomes_a_typed_value_and_other_text_stays);
    tcase_add_test(tc, the_same_input_has_the_same_hash_and_another_one_another);
    tcase_add_test(tc, the_users_value_goes_before_the_experiments_and_that_before_the_default);
    tcase_add_loop_test(tc, a_bad_parameter_is_named_by_its_pointer, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(tc, an_unknown_template_or_collector_is_not_found);
    tcase_add_test(tc, what_the_backend_refuses_is_an_error);
    tcase_add_test(tc, what_the_backend_refuses_of_a_value_is_the_fault_of_who_gave_it);
    tcase_add_loop_test(tc, a_faulty_file_is_told_and_left_out_and_the_others_stay, 0,
                        sizeof faulty / sizeof faulty[0]);
    tcase_add_loop_test(tc, a_part_is_left_out_when_its_value_is_false_or_zero_or_empty, 0,
                        sizeof parts / sizeof parts[0]);
    tcase_add_test(tc, what_a_template_extends_is_merged_and_the_template_wins);
    tcase_add_test(tc, of_several_that_a_template_extends_the_later_wins);
    tcase_add_test(tc, an_abstract_template_is_neither_listed_nor_found);
    tcase_add_test(tc, templates_that_extend_each_other_are_refused_by_name);
    tcase_add_test(tc, what_extends_a_refused_template_is_refused_and_says_why);
    tcase_add_test(tc, a_missing_folder_is_told_and_survived);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
