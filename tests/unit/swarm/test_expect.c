/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/expect.h"
#include <stdio.h>
#include "tests/unit/unit.h"

static struct figure all[] = {
    { .name = "lost", .value = 0, .is_known = true },
    { .name = "5xx", .value = 3, .is_known = true },
    { .group = "dispatch", .name = "p99", .value = 25e6, .is_time = true, .is_known = true },
    { .group = "enqueue", .name = "p99", .value = 2e9, .is_time = true, .is_known = true },
    { .group = "enqueue", .name = "p99.9", .value = 3e9, .is_time = true, .is_known = true },
    { .name = "restart", .is_time = true, .is_known = false },
    { .group = "url1", .name = "5xx", .value = 1.5, .is_known = true },
};
static const struct figures figures = { all, sizeof all / sizeof all[0] };
static struct err err;

/* 1: all hold; 0: one does not; -1: cannot be read. */
static int judge(const char *text)
{
    struct str rest = str_of(text);
    int holds = 1;
    err = (struct err){ 0 };
    while (rest.p) {
        struct condition c;
        if (condition_next(&rest, &figures, &c, &err) != 0)
            return -1;
        holds &= condition_holds(&c);
    }
    return holds;
}

static void assert_refused(const char *text, const char *why)
{
    ck_assert_msg(judge(text) == -1, "taken: %s", text);
    ck_assert_int_eq(err.code, ERR_USAGE);
    ck_assert_msg(strstr(err.msg, why) != NULL, "%s: %s", text, err.msg);
}

START_TEST(each_operator_compares)
{
    static const struct {
        const char *op;
        int below, at, above; /* does 3 hold against 4, 3, 2? */
    } ops[] = { { "<", 1, 0, 0 }, { "<=", 1, 1, 0 }, { ">", 0, 0, 1 },
                { ">=", 0, 1, 1 }, { "=", 0, 1, 0 }, { "!=", 1, 0, 1 } };
    for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        int wanted[] = { ops[i].below, ops[i].at, ops[i].above };
        for (int k = 0; k < 3; k++) {
            char text[32];
            snprintf(text, sizeof text, "5xx%s%d", ops[i].op, 4 - k);
            ck_assert_msg(judge(text) == wanted[k], "%s", text);
        }
    }
}
END_TEST

START_TEST(times_have_units)
{
    ck_assert_int_eq(judge("dispatch.p99=25ms"), 1);
    ck_assert_int_eq(judge("dispatch.p99=25000us"), 1);
    ck_assert_int_eq(judge("enqueue.p99=2s,enqueue.p99.9=3s"), 1);
    ck_assert_int_eq(judge("enqueue.p99>1s999ms,enqueue.p99<1m"), 1);
    assert_refused("dispatch.p99<25", "a time such as 25ms is wanted");
    assert_refused("dispatch.p99<0.025s", "a time such as 25ms is wanted");
    assert_refused("lost=0ms", "a number is wanted");
}
END_TEST

START_TEST(a_name_without_a_group_is_a_plain_figure_or_one_of_dispatch)
{
    ck_assert_int_eq(judge("p99=25ms"), 1);
    ck_assert_int_eq(judge("5xx=3,url1.5xx=1.5"), 1);
    assert_refused("p99.9<1s", "\"p99.9\" is no figure of the report");
}
END_TEST

START_TEST(all_conditions_must_hold)
{
    ck_assert_int_eq(judge("lost=0,5xx=3"), 1);
    ck_assert_int_eq(judge(" lost = 0 , 5xx >= 3 "), 1);
    ck_assert_int_eq(judge("lost=0,5xx=0"), 0);
    ck_assert_int_eq(judge("lost>0,5xx=3"), 0);
}
END_TEST

START_TEST(nothing_holds_of_what_never_came_about)
{
    static const char *const ops[] = { "<", "<=", ">", ">=", "=", "!=" };
    char text[32];
    for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        snprintf(text, sizeof text, "restart%s1s", ops[i]);
        ck_assert_msg(judge(text) == 0, "%s", text);
    }
}
END_TEST

START_TEST(names_that_there_are_not_are_refused)
{
    assert_refused("lots=0", "\"lots\" is no figure");
    assert_refused("dispatch.=0", "is no figure");
    assert_refused(".lost=0", "is no figure");
    assert_refused("los=0", "is no figure");
    assert_refused("LOST=0", "is no figure");
    assert_refused("=0", "is no figure");
}
END_TEST

START_TEST(hostile_texts_are_refused)
{
    char long_name[4096];
    memset(long_name, 'a', sizeof long_name - 3);
    memcpy(long_name + sizeof long_name - 3, "=0", 3);
    static const char *const no_op[] = { "", ",", "lost", "lost=0,", ",lost=0", "lost==0", "lost=<0",
                                         "lost=>0", "lost<>0", "lost!0", "lost<<<<<<<<<<<<0" };
    for (unsigned i = 0; i < sizeof no_op / sizeof no_op[0]; i++)
        assert_refused(no_op[i], "one of < <= > >= = != is wanted");
    static const char *const no_number[] = { "lost=", "lost=x", "lost=0x0", "lost=nan", "lost=inf",
                                             "lost=1e999", "lost=0 0", "lost=+0", "lost=%n" };
    for (unsigned i = 0; i < sizeof no_number / sizeof no_number[0]; i++)
        assert_refused(no_number[i], "a number is wanted");
    assert_refused("p99<-1ms", "a time such as 25ms is wanted");
    assert_refused("p99<999999999999999h", "a time such as 25ms is wanted");
    assert_refused(long_name, "aaaa");
}
END_TEST

START_TEST(the_name_of_a_figure_has_its_group)
{
    char out[64];
    ck_assert_str_eq(figure_name(&all[0], out), "lost");
    ck_assert_str_eq(figure_name(&all[4], out), "enqueue.p99.9");
}
END_TEST

UNIT_MAIN("swarm/expect", each_operator_compares, times_have_units,
          a_name_without_a_group_is_a_plain_figure_or_one_of_dispatch, all_conditions_must_hold,
          nothing_holds_of_what_never_came_about, names_that_there_are_not_are_refused,
          hostile_texts_are_refused, the_name_of_a_figure_has_its_group)
