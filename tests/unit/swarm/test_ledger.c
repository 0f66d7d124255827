/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/ledger.h"
#include <string.h>
#include "tests/unit/unit.h"

enum { N = 4, RUN = 77 };
static struct ledger l;
static struct tally tally;
#define COUNT(name) (tally.count.name)

static void start(void)
{
    memset(&tally, 0, sizeof tally);
    ledger_init(&l, N, RUN, &tally);
}

static void done(void)
{
    ledger_done(&l);
}

static enum delivery deliver(uint32_t number, const char *id)
{
    uint32_t got = UINT32_MAX;
    enum delivery d = ledger_delivered(&l, ledger_seed(&l, number), str_of(id), true, &got);
    ck_assert_uint_eq(got, number);
    return d;
}

static void execute(uint32_t number)
{
    ledger_executed(&l, number);
    ledger_ended(&l, number, false);
}

START_TEST(a_task_that_goes_its_way_counts_once_everywhere)
{
    start();
    ledger_enqueued(&l, 2, OUTCOME_2XX);
    ck_assert_uint_eq(l.open, 1);
    ck_assert_int_eq(deliver(2, "t2"), DELIVERY_NEW);
    ck_assert(!ledger_is_executed(&l, 2));
    execute(2);
    ck_assert(ledger_is_executed(&l, 2));
    ck_assert_uint_eq(l.open, 0);
    ck_assert_uint_eq(COUNT(enqueued), 1);
    ck_assert_uint_eq(COUNT(received), 1);
    ck_assert_uint_eq(COUNT(executed), 1);
    ck_assert_uint_eq(COUNT(completed), 1);
    ck_assert_uint_eq(COUNT(failed) + COUNT(repeated) + COUNT(twice) + COUNT(reopened) + COUNT(unknown), 0);
    done();
}
END_TEST

START_TEST(a_task_may_end_before_its_enqueue_is_answered)
{
    start();
    ck_assert_int_eq(deliver(0, "t0"), DELIVERY_NEW);
    execute(0);
    ck_assert_uint_eq(l.open, 0);
    ledger_enqueued(&l, 0, OUTCOME_2XX);
    ck_assert_uint_eq(l.open, 0);
    ck_assert_uint_eq(COUNT(completed), 1);
    done();
}
END_TEST

START_TEST(what_was_taken_and_has_no_end_stays_open)
{
    start();
    for (uint32_t i = 0; i < N; i++)
        ledger_enqueued(&l, i, OUTCOME_2XX);
    (void)deliver(0, "t0");
    execute(0);
    (void)deliver(1, "t1");
    ledger_executed(&l, 1); /* its report was never taken */
    ck_assert_uint_eq(l.open, 3);
    done();
}
END_TEST

START_TEST(a_delivery_that_is_repeated_is_no_second_task)
{
    start();
    ledger_enqueued(&l, 1, OUTCOME_2XX);
    ck_assert_int_eq(deliver(1, "t1"), DELIVERY_NEW);
    ck_assert_int_eq(deliver(1, "t1"), DELIVERY_AGAIN);
    execute(1);
    ck_assert_int_eq(deliver(1, "t1"), DELIVERY_DONE);
    ck_assert_uint_eq(COUNT(received), 1);
    ck_assert_uint_eq(COUNT(repeated), 2);
    ck_assert_uint_eq(COUNT(reopened), 1);
    ck_assert_uint_eq(COUNT(twice), 0);
    done();
}
END_TEST

START_TEST(an_enqueue_that_became_two_tasks_is_twice)
{
    start();
    ledger_enqueued(&l, 1, OUTCOME_2XX);
    (void)deliver(1, "t1");
    (void)deliver(1, "another");
    ck_assert_uint_eq(COUNT(twice), 1);
    ck_assert_uint_eq(COUNT(received), 1);
    done();
}
END_TEST

START_TEST(a_task_at_the_wrong_host_is_twice)
{
    uint32_t number;
    start();
    ck_assert_int_eq(ledger_delivered(&l, ledger_seed(&l, 3), STR("t3"), false, &number), DELIVERY_NEW);
    ck_assert_uint_eq(COUNT(twice), 1);
    done();
}
END_TEST

START_TEST(an_end_counts_once)
{
    start();
    ledger_enqueued(&l, 1, OUTCOME_2XX);
    (void)deliver(1, "t1");
    ledger_executed(&l, 1);
    ledger_ended(&l, 1, true);
    ledger_ended(&l, 1, false);
    ck_assert_uint_eq(COUNT(failed), 1);
    ck_assert_uint_eq(COUNT(completed), 0);
    ck_assert_uint_eq(l.open, 0);
    done();
}
END_TEST

START_TEST(outcomes_that_leave_it_open_whether_the_api_took_it_are_unknown)
{
    static const enum outcome unsure[] = { OUTCOME_RESET, OUTCOME_TIMEOUT, OUTCOME_BAD };
    start();
    for (uint32_t i = 0; i < 3; i++)
        ledger_enqueued(&l, i, unsure[i]);
    ck_assert_uint_eq(COUNT(unknown), 3);
    ck_assert_uint_eq(COUNT(rejected) + COUNT(enqueued) + l.open, 0);
    ck_assert_int_eq(deliver(0, "t0"), DELIVERY_NEW); /* it had */
    execute(0);
    ck_assert_uint_eq(COUNT(completed), 1);
    ck_assert_uint_eq(l.open, 0);
    done();
}
END_TEST

START_TEST(answers_that_are_no_201_and_no_connection_at_all_are_refusals)
{
    static const enum outcome refusals[] = { OUTCOME_429, OUTCOME_503, OUTCOME_5XX, OUTCOME_REFUSED };
    start();
    for (uint32_t i = 0; i < N; i++)
        ledger_enqueued(&l, i, refusals[i]);
    ck_assert_uint_eq(COUNT(rejected), N);
    ck_assert_uint_eq(COUNT(unknown) + COUNT(enqueued) + l.open, 0);
    done();
}
END_TEST

START_TEST(tasks_of_others_are_foreign)
{
    static const int64_t seeds[] = { 0, -1, INT64_MIN, INT64_MAX, (int64_t)RUN << 32 | N,
                                     (int64_t)(RUN + 1) << 32 };
    uint32_t number;
    start();
    for (unsigned i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        ck_assert_int_eq(ledger_delivered(&l, seeds[i], STR("t"), true, &number), DELIVERY_FOREIGN);
    ck_assert_uint_eq(COUNT(foreign), sizeof seeds / sizeof seeds[0]);
    ck_assert_uint_eq(COUNT(received) + COUNT(twice), 0);
    done();
}
END_TEST

START_TEST(seeds_are_positive_whatever_the_mark_of_the_run_is)
{
    memset(&tally, 0, sizeof tally);
    ledger_init(&l, N, UINT32_MAX, &tally);
    ck_assert_int_gt(ledger_seed(&l, 0), 0);
    ck_assert_int_eq(deliver(N - 1, "t"), DELIVERY_NEW);
    done();
}
END_TEST

UNIT_MAIN("swarm/ledger", a_task_that_goes_its_way_counts_once_everywhere,
          a_task_may_end_before_its_enqueue_is_answered, what_was_taken_and_has_no_end_stays_open,
          a_delivery_that_is_repeated_is_no_second_task, an_enqueue_that_became_two_tasks_is_twice,
          a_task_at_the_wrong_host_is_twice, an_end_counts_once,
          outcomes_that_leave_it_open_whether_the_api_took_it_are_unknown,
          answers_that_are_no_201_and_no_connection_at_all_are_refusals, tasks_of_others_are_foreign,
          seeds_are_positive_whatever_the_mark_of_the_run_is)
