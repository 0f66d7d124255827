/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/args.h"
#include "core/base/str.h"
#include "tests/unit/unit.h"

static struct args a;
static struct err err;

/* Parses the words of @p line. */
static int parse(const char *line)
{
    static char words[512];
    char *argv[64] = { (char *)"phoenix" };
    int argc = 1;
    str_copy(words, sizeof words, str_of(line));
    for (char *p = words; *p;) {
        argv[argc++] = p;
        p += strcspn(p, " ");
        if (*p)
            *p++ = '\0';
    }
    memset(&err, 0, sizeof err);
    return args_parse(argc, argv, &a, &err);
}

START_TEST(a_command_has_arguments_and_flags_in_any_order)
{
    ck_assert_int_eq(parse("-o json experiment watch 0190 --timeout=5m"), 0);
    ck_assert_str_eq(a.cmd->path, "experiment watch");
    ck_assert(a.n_words == 1 && strcmp(a.words[0], "0190") == 0);
    ck_assert_str_eq(args_get(&a, "timeout"), "5m");
    ck_assert_str_eq(args_get(&a, "output"), "json");
    ck_assert_int_eq(parse("experiment create -f - --host a --host b --start"), 0);
    ck_assert_str_eq(args_nth(&a, "host", 1), "b");
    ck_assert_ptr_null(args_nth(&a, "host", 2));
    ck_assert_str_eq(args_get(&a, "file"), "-");
    ck_assert(args_has(&a, "start") && !args_has(&a, "watch"));
}
END_TEST

START_TEST(defaults_come_from_the_table)
{
    ck_assert_int_eq(parse("task list"), 0);
    ck_assert_str_eq(args_get(&a, "limit"), "100");
    ck_assert_str_eq(args_get(&a, "output"), "table");
    ck_assert_ptr_null(args_get(&a, "status"));
    ck_assert(!args_has(&a, "limit"));
}
END_TEST

START_TEST(a_slip_gets_a_suggestion)
{
    static const struct {
        const char *line, *remedy;
    } slips[] = {
        { "experimnt", "did you mean \"experiment\"?" },
        { "experiment lst", "did you mean \"experiment list\"?" },
        { "experiment list --limt 3", "did you mean --limit?" },
        { "agent list --outptu json", "did you mean --output?" },
        { "frobnicate", "phoenix --help lists the commands" },
    };
    for (unsigned i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        ck_assert_msg(parse(slips[i].line) == ERR_USAGE, "%s", slips[i].line);
        ck_assert_str_eq(err.remedy, slips[i].remedy);
    }
}
END_TEST

START_TEST(what_cannot_be_meant_is_refused)
{
    static const char *const bad[] = {
        "",
        "experiment",
        "experiment get",
        "experiment get a b",
        "experiment list a",
        "task list --limit 0",
        "task list --limit x",
        "experiment watch a --timeout soon",
        "experiment watch a --timeout",
        "experiment create --start=yes",
        "--start experiment create",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(parse(bad[i]) == ERR_USAGE, "%s", bad[i]);
        ck_assert_msg(err.remedy[0] != '\0', "%s", bad[i]);
    }
}
END_TEST

START_TEST(too_many_words_and_flags_are_refused)
{
    char line[512] = "experiment delete";
    for (size_t i = 0; i < 17; i++)
        str_copy(line + strlen(line), sizeof line - strlen(line), STR(" x"));
    ck_assert_int_eq(parse(line), ERR_USAGE);
}
END_TEST

START_TEST(help_is_given_at_each_level_whatever_else_is_missing)
{
    ck_assert_int_eq(parse("--help"), 0);
    ck_assert_ptr_null(a.cmd);
    ck_assert_int_eq(parse("experiment --help"), 0);
    ck_assert_str_eq(a.group, "experiment");
    ck_assert_int_eq(parse("experiment get -h"), 0);
    ck_assert_str_eq(a.cmd->path, "experiment get");
}
END_TEST

START_TEST(everything_made_of_the_table_names_every_command)
{
    static void (*const makers[])(FILE *) = { help_dump_markdown, help_dump_man, help_completion_bash };
    for (unsigned m = 0; m < 3; m++) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        makers[m](f);
        fclose(f);
        for (unsigned i = 1; command_at(i); i++)
            ck_assert_msg(strstr(text, command_at(i)->path) != NULL, "%u: %s", m, command_at(i)->path);
        free(text);
    }
}
END_TEST

UNIT_MAIN("cli/args", a_command_has_arguments_and_flags_in_any_order, defaults_come_from_the_table,
          a_slip_gets_a_suggestion, what_cannot_be_meant_is_refused, too_many_words_and_flags_are_refused,
          help_is_given_at_each_level_whatever_else_is_missing,
          everything_made_of_the_table_names_every_command)
