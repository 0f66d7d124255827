/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "core/plugin/plugin_priv.h"

static struct arena *arena;
static struct refusal why;
static struct checked checked;

/* A plugin that is fine, made anew for each test, to be spoilt. */
static phx_kpi_input input;
static phx_kpi_ops ops;
static phx_component component;
static phx_plugin plugin;
static const phx_kpi_input *inputs[] = { &input, NULL };
static const phx_component *components[] = { &component, NULL };
static const char *needs[] = { PHX_LOOP, NULL };

static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    return PHX_OK;
}
static phx_status create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    return PHX_OK;
}
static void destroy(phx_self *self)
{
}

static void set_up(void)
{
    arena = arena_new();
    memset(&why, 0, sizeof why);
    input = (phx_kpi_input){ .size = sizeof input, .reduce = PHX_MEAN, .name = "series", .unit = "1" };
    ops = (phx_kpi_ops){ .size = sizeof ops, .estimand = PHX_DIFF, .better = PHX_LOWER_IS_BETTER, .unit = "1",
                         .inputs = inputs, .cells = cells };
    component = (phx_component){ .size = sizeof component, .kind = PHX_KPI, .name = "good", .ops = &ops };
    plugin = (phx_plugin){ .size = sizeof plugin,
                           .id = "org.example.good",
                           .version = "1.0",
                           .license = "MIT",
                           .components = components };
}

static void tear_down(void)
{
    checked__done(&checked);
    arena_free(arena);
}

static int check(void)
{
    return plugin__check(arena, &plugin, sizeof plugin, &checked, &why);
}

static void assert_refused(const char *found)
{
    ck_assert_int_eq(check(), -1);
    ck_assert_msg(strstr(why.found, found), "found: %s", why.found);
    ck_assert_str_ne(why.wanted, "");
    ck_assert_str_ne(why.remedy, "");
}

START_TEST(a_good_plugin_is_copied)
{
    ck_assert_msg(check() == 0, "found: %s", why.found);
    ck_assert_uint_eq(checked.n, 1);
    ck_assert_ptr_ne(checked.component[0], &component);
    ck_assert_ptr_ne(checked.component[0]->ops, &ops);
    ck_assert_str_eq(checked.component[0]->name, "good");
    ck_assert_ptr_null(checked.schema[0]);
}
END_TEST

START_TEST(a_newer_plugin_is_cut_to_what_this_host_knows)
{
    struct {
        phx_plugin known;
        uint64_t newer[4];
    } grown = { .known = plugin, .newer = { 1, 2, 3, 4 } };
    grown.known.size = sizeof grown;
    grown.known.minor_built = 7;
    ck_assert_int_eq(plugin__check(arena, &grown.known, sizeof grown, &checked, &why), 0);
    ck_assert_str_eq(checked.abi.id, "org.example.good");
}
END_TEST

START_TEST(nothing_is_read_beyond_the_size_that_is_said)
{
    long page = sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_int_eq(mprotect(map + page, page, PROT_NONE), 0);
    phx_component *at_fence = (void *)(map + page - sizeof component);
    memcpy(at_fence, &component, sizeof component);
    components[0] = at_fence;
    ck_assert_int_eq(check(), 0);
    components[0] = &component;
    munmap(map, 2 * page);
}
END_TEST

START_TEST(sizes_below_the_first_release_are_refused)
{
    plugin.size = PHX_END(phx_plugin, components) - 1;
    assert_refused("the plugin says");
    plugin.size = sizeof plugin;
    component.size = PHX_END(phx_component, needs) - 1;
    assert_refused("a component says");
    component.size = sizeof component;
    ops.size = PHX_END(phx_kpi_ops, cells) - 1;
    assert_refused("its ops says");
    ops.size = sizeof ops;
    input.size = 4;
    assert_refused("an input says");
}
END_TEST

START_TEST(a_size_beyond_the_symbol_is_refused)
{
    ck_assert_int_eq(plugin__check(arena, &plugin, sizeof plugin - 1, &checked, &why), -1);
    ck_assert_int_eq(plugin__check(arena, &plugin, 2, &checked, &why), -1);
    plugin.size = 5000;
    ck_assert_int_eq(plugin__check(arena, &plugin, 0, &checked, &why), -1);
}
END_TEST

START_TEST(a_plugin_that_needs_a_later_minor_is_refused)
{
    plugin.minor_needed = PHX_ABI_MINOR;
    ck_assert_int_eq(check(), 0);
    plugin.minor_needed = PHX_ABI_MINOR + 1;
    assert_refused("it needs 1.");
}
END_TEST

START_TEST(a_plugin_without_a_licence_is_refused)
{
    plugin.license = NULL;
    assert_refused("none");
    plugin.license = "";
    assert_refused("none");
    ck_assert_str_eq(why.wanted, "a licence");
}
END_TEST

START_TEST(unknown_flags_are_refused)
{
    plugin.flags = 1;
    assert_refused("flags 0x1");
    plugin.flags = 0;
    ops.flags = 2;
    assert_refused("flags 0x2");
}
END_TEST

static const char *const bad_ids[] = {
    "", "plain", "Org.example", "org..example", "org.example.", ".org", "org.exam ple", "org.ex\xc3\xa4mple"
};
START_TEST(an_id_is_a_reverse_domain)
{
    plugin.id = bad_ids[_i];
    ck_assert_int_eq(check(), -1);
}
END_TEST

static const char *const bad_names[] = { "", "Cost", "9lives", "a b", "a/b", "../x",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
START_TEST(a_component_name_is_lower_case_letters_digits_and_dashes)
{
    component.name = bad_names[_i];
    ck_assert_int_eq(check(), -1);
}
END_TEST

START_TEST(texts_are_one_line_of_printable_utf8)
{
    plugin.summary = "gr\xc3\xbc\xc3\x9f dich";
    ck_assert_int_eq(check(), 0);
    plugin.summary = "two\nlines";
    assert_refused("control character");
    plugin.summary = "\xff\xfe";
    assert_refused("not UTF-8");
    char *long_text = malloc(400);
    memset(long_text, 'x', 399);
    long_text[399] = '\0';
    plugin.summary = long_text;
    assert_refused("longer than");
    free(long_text);
}
END_TEST

START_TEST(a_component_of_an_unknown_kind_is_left_out_and_the_others_stay)
{
    phx_component vendor = { .size = sizeof vendor, .kind = "org.example.alerting/1", .name = "alert" };
    const phx_component *both[] = { &vendor, &component, NULL };
    plugin.components = both;
    ck_assert_int_eq(check(), 0);
    ck_assert_uint_eq(checked.n, 2);
    ck_assert_ptr_null(checked.component[0]);
    ck_assert_ptr_nonnull(checked.component[1]);
}
END_TEST

START_TEST(a_schema_must_parse)
{
    component.schema = "{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"integer\",\"default\":3}}}";
    ck_assert_msg(check() == 0, "found: %s", why.found);
    ck_assert_ptr_nonnull(checked.schema[0]);
    checked__done(&checked);
    component.schema = "{\"type\":";
    assert_refused("the schema of component \"good\"");
}
END_TEST

START_TEST(needs_must_be_interfaces_that_exist)
{
    component.needs = needs;
    ck_assert_int_eq(check(), 0);
    needs[0] = "phoenix.telepathy/1";
    assert_refused("phoenix.telepathy/1");
    needs[0] = PHX_LOOP;
}
END_TEST

START_TEST(every_call_of_a_kind_must_be_there)
{
    ops.cells = NULL;
    assert_refused("has no cells");
    ops.cells = cells;
    component.create = create;
    assert_refused("has no destroy");
    component.destroy = destroy;
    ck_assert_int_eq(check(), 0);
    component.ops = NULL;
    assert_refused("has no ops");
}
END_TEST

START_TEST(a_kpi_has_an_estimand_a_direction_and_inputs)
{
    ops.estimand = 99;
    assert_refused("estimand 99");
    ops.estimand = PHX_DIFF;
    input.reduce = 0;
    assert_refused("input \"series\" has 0");
    input.reduce = PHX_MEAN;
    ops.inputs = NULL;
    assert_refused("none");
}
END_TEST

START_TEST(a_list_of_components_that_does_not_end_is_refused)
{
    const phx_component *many[100];
    for (int i = 0; i < 100; i++) {
        many[i] = &component;
    }
    plugin.components = many;
    assert_refused("more");
    plugin.components = NULL;
    assert_refused("none");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("plugin/check");
    TCase *tc = tcase_create("check");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_good_plugin_is_copied);
    tcase_add_test(tc, a_newer_plugin_is_cut_to_what_this_host_knows);
    tcase_add_test(tc, nothing_is_read_beyond_the_size_that_is_said);
    tcase_add_test(tc, sizes_below_the_first_release_are_refused);
    tcase_add_test(tc, a_size_beyond_the_symbol_is_refused);
    tcase_add_test(tc, a_plugin_that_needs_a_later_minor_is_refused);
    tcase_add_test(tc, a_plugin_without_a_licence_is_refused);
    tcase_add_test(tc, unknown_flags_are_refused);
    tcase_add_loop_test(tc, an_id_is_a_reverse_domain, 0, sizeof bad_ids / sizeof bad_ids[0]);
    tcase_add_loop_test(tc, a_component_name_is_lower_case_letters_digits_and_dashes, 0,
                        sizeof bad_names / sizeof bad_names[0]);
    tcase_add_test(tc, texts_are_one_line_of_printable_utf8);
    tcase_add_test(tc, a_component_of_an_unknown_kind_is_left_out_and_the_others_stay);
    tcase_add_test(tc, a_schema_must_parse);
    tcase_add_test(tc, needs_must_be_interfaces_that_exist);
    tcase_add_test(tc, every_call_of_a_kind_must_be_there);
    tcase_add_test(tc, a_kpi_has_an_estimand_a_direction_and_inputs);
    tcase_add_test(tc, a_list_of_components_that_does_not_end_is_refused);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
