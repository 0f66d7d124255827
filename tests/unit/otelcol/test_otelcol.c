/* SPDX-License-Identifier: Apache-2.0 */
/* The two backends as the host sees them, linked in under a name of their own. */
#include "tests/unit/otelcol/backend.h"

extern const phx_plugin phoenix_plugin_v1_otelcol;
#define DEPLOY "{\"dir\":\"/d\",\"address\":\"127.0.0.1\",\"ports\":[1,2,3,4,5]}"

static const phx_component *component(const char *name)
{
    const phx_component *const *c = phoenix_plugin_v1_otelcol.components;
    while (*c && strcmp((*c)->name, name)) c++;
    ck_assert_ptr_nonnull(*c);
    return *c;
}

static void programs_of(const char *name, const char *want)
{
    const phx_component *c = component(name);
    const phx_collector_ops *ops = c->ops;
    phx_self *self;
    ck_assert_int_eq(c->create(&HOST, NULL, &self), PHX_OK);
    ck_assert_int_eq(ops->launch(self, text_of(DEPLOY), &SINK), PHX_OK);
    ck_assert_str_eq(strstr(words, "arg =") ? (*strstr(words, "arg =") = 0, words) : "", want);
    c->destroy(self);
}

START_TEST(each_backend_looks_for_its_own_programs)
{
    programs_of("otelcol", "program =otelcol-contrib\nprogram =otelcol-phoenix\n");
    programs_of("nrdot", "program =nrdot-collector\nprogram =nrdot-collector-host\n");
}
END_TEST

START_TEST(a_path_of_the_settings_is_the_only_program)
{
    path_config = "/opt/otelcol";
    programs_of("otelcol", "program =/opt/otelcol\n");
    programs_of("nrdot", "program =/opt/otelcol\n");
    path_config = NULL;
}
END_TEST

START_TEST(a_relative_path_is_refused)
{
    phx_self *self;
    path_config = "otelcol";
    ck_assert_int_eq(component("otelcol")->create(&HOST, NULL, &self), PHX_E_CONFIG);
    assert_holds(why, "\"otelcol\" is not absolute");
    path_config = NULL;
}
END_TEST

START_TEST(health_follows_from_what_was_seen)
{
    static const struct {
        const char *seen;
        uint32_t state;
        const char *words;
    } cases[] = {
        { "{\"alive\":true,\"ready\":true,\"probe_failures\":0}", PHX_UP, "" },
        { "{\"alive\":true,\"ready\":false}", PHX_STARTING,
          "reason =its health page has not answered yet\n" },
        { "{\"alive\":true,\"ready\":true,\"probe_failures\":3}", PHX_DEGRADED,
          "reason =3 probes in a row failed\n" },
        { "{\"alive\":false,\"ready\":true,\"exit_code\":0}", PHX_DOWN, "reason =it ended with status 0\n" },
        { "{\"alive\":false,\"signal\":9}", PHX_DOWN, "reason =it was ended by signal 9\n" },
    };
    const phx_component *c = component("otelcol");
    const phx_collector_ops *ops = c->ops;
    phx_self *self;
    ck_assert_int_eq(c->create(&HOST, NULL, &self), PHX_OK);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t state = 99;
        ck_assert_int_eq(ops->health(self, text_of(cases[i].seen), &SINK, &state), PHX_OK);
        ck_assert_uint_eq(state, cases[i].state);
        ck_assert_str_eq(words, cases[i].words);
    }
    c->destroy(self);
}
END_TEST

UNIT_MAIN("otelcol/otelcol", each_backend_looks_for_its_own_programs,
          a_path_of_the_settings_is_the_only_program, a_relative_path_is_refused,
          health_follows_from_what_was_seen)
