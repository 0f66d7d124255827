/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/options.h"
#include <string.h>
#include "core/base/clock.h"
#include "core/base/str.h"
#include "tests/unit/unit.h"

static struct options o;
static struct err err;

/* @p line: arguments with one blank between them. */
static int parse(const char *line)
{
    static char text[4096];
    char name[] = "phoenix-swarm", *argv[40] = { name }, *rest = text;
    unsigned n = 1;
    ck_assert(str_copy(text, sizeof text, str_of(line)));
    for (char *word; *line && (word = strsep(&rest, " "));)
        argv[n++] = word;
    err = (struct err){ 0 };
    return options_parse(&o, argv, &err);
}

static void assert_taken(const char *line)
{
    ck_assert_msg(parse(line) == 0, "%s: %s", line, err.msg);
}

static void assert_refused(const char *line, const char *why)
{
    ck_assert_msg(parse(line) != 0, "taken: %s", line);
    ck_assert_int_eq(err.code, ERR_USAGE);
    ck_assert_msg(strstr(err.msg, why) != NULL, "%s: %s", line, err.msg);
}

START_TEST(without_flags_there_are_defaults)
{
    assert_taken("");
    ck_assert_uint_eq(o.url.n, 1);
    ck_assert_str_eq(o.url.item[0], "http://127.0.0.1:8080");
    ck_assert_uint_eq(o.agents, 100);
    ck_assert_int_eq(o.duration, 30 * NS_PER_S);
    ck_assert_int_eq(o.metrics, -1);
    ck_assert_int_eq(o.restart, -1);
    ck_assert_int_eq(o.outcome, TASKS_COMPLETE);
    ck_assert_uint_eq(o.expect.n, 0);
    ck_assert_ptr_null(o.json);
    ck_assert(!o.storm && !o.cross && !o.progress);
}
END_TEST

START_TEST(a_value_follows_or_stands_behind_an_equals_sign)
{
    assert_taken("--agents 7 --ramp=0s --name=a --expect lost=0 --expect=p99<1s,5xx=0");
    ck_assert_uint_eq(o.agents, 7);
    ck_assert_int_eq(o.ramp, 0);
    ck_assert_uint_eq(o.expect.n, 2);
    ck_assert_str_eq(o.expect.item[0], "lost=0");
    ck_assert_str_eq(o.expect.item[1], "p99<1s,5xx=0");
}
END_TEST

START_TEST(counts_have_bounds)
{
    assert_taken("--agents 1");
    assert_taken("--agents 1000000");
    static const char *const bad[] = { "0", "1000001", "-1", "1.5", "1e3", "x", "99999999999999999999", "" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "--agents=%s", bad[i]);
        assert_refused(line, "--agents: N is wanted");
    }
    assert_refused("--processes 65 --agents 100", "--processes");
    assert_refused("--senders 0", "--senders");
}
END_TEST

START_TEST(durations_have_units_and_bounds)
{
    assert_taken("--wait 0s");
    assert_taken("--wait 1m");
    ck_assert_int_eq(o.wait, 60 * NS_PER_S);
    assert_taken("--heartbeat 1ms");
    assert_refused("--wait 61s", "--wait: TIME is wanted");
    assert_refused("--wait 5", "--wait");
    assert_refused("--wait -5s", "--wait");
    assert_refused("--heartbeat 999us", "--heartbeat");
    assert_refused("--duration 99999999999999h", "--duration");
}
END_TEST

START_TEST(rates_and_percents_are_numbers_in_bounds)
{
    assert_taken("--tasks 0.5 --broken 2.5% --slow 1");
    ck_assert(o.tasks == 0.5 && o.broken == 2.5 && o.slow == 1);
    assert_refused("--tasks -1", "--tasks");
    assert_refused("--tasks nan", "--tasks");
    assert_refused("--tasks 5%", "--tasks");
    assert_refused("--broken 101", "--broken");
    assert_refused("--broken %", "--broken");
}
END_TEST

START_TEST(words_are_those_of_the_list)
{
    assert_taken("--task-outcome mixed");
    ck_assert_int_eq(o.outcome, TASKS_MIXED);
    assert_refused("--task-outcome Mixed", "complete|fail|mixed is wanted, not \"Mixed\"");
}
END_TEST

START_TEST(flags_that_there_are_not_are_refused)
{
    assert_refused("--agent 5", "\"--agent\" is no option");
    assert_refused("-a", "\"-a\" is no option");
    assert_refused("agents=5", "\"agents\" is no option");
    assert_refused("--", "\"--\" is no option");
    assert_refused("--=5", "\"--\" is no option");
}
END_TEST

START_TEST(a_flag_has_no_value_and_the_others_have_one)
{
    assert_taken("--storm --agents 5");
    ck_assert(o.storm);
    ck_assert_int_eq(o.ramp, 0);
    assert_refused("--storm=yes", "--storm: no value is wanted");
    assert_refused("--agents", "--agents: N is wanted");
}
END_TEST

START_TEST(lists_are_limited)
{
    char line[1024] = "";
    for (unsigned i = 0; i < OPTION_LIST_MAX; i++)
        strncat(line, i ? " --pid 1" : "--pid 1", sizeof line - strlen(line) - 1);
    assert_taken(line);
    ck_assert_uint_eq(o.pid.n, OPTION_LIST_MAX);
    strncat(line, " --pid 1", sizeof line - strlen(line) - 1);
    assert_refused(line, "--pid");
    assert_refused("--url=", "--url");
}
END_TEST

START_TEST(options_must_agree)
{
    assert_refused("--agents 2 --processes 3", "--processes: there are more of them than agents");
    assert_refused("--broken 60 --slow 41", "more than all agents");
    assert_refused("--name a/b", "no start of a host's name");
    assert_refused("--cross", "--cross: at least two --url are wanted");
    assert_refused("--cross --url http://a", "--cross: at least two --url are wanted");
    assert_taken("--cross --url http://a --url http://b");
    ck_assert(o.cross);
}
END_TEST

START_TEST(who_asks_for_help_gets_it_whatever_else_is_wrong)
{
    assert_taken("--help --nonsense");
    ck_assert(o.help);
    assert_taken("--agents 5 --version");
    ck_assert(o.version);
    assert_taken("--dump man");
    ck_assert(o.man);
    assert_refused("--dump", "\"--dump\" is no option");
    assert_refused("--dump all", "\"--dump\" is no option");
}
END_TEST

UNIT_MAIN("swarm/options", without_flags_there_are_defaults, a_value_follows_or_stands_behind_an_equals_sign,
          counts_have_bounds, durations_have_units_and_bounds, rates_and_percents_are_numbers_in_bounds,
          words_are_those_of_the_list, flags_that_there_are_not_are_refused,
          a_flag_has_no_value_and_the_others_have_one, lists_are_limited, options_must_agree,
          who_asks_for_help_gets_it_whatever_else_is_wrong)
