/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "core/api/hearing.h"
#include "core/base/clock.h"

#define M0 (1000 * NS_PER_S)
#define W0 (INT64_C(1700000000) * NS_PER_S)
#define GAP (15 * NS_PER_S)
#define LEASE (45 * NS_PER_S)

/* `s` seconds after the start; the wall clock is `off` ns ahead of where it was then. */
static int64_t left_at(struct hearing *h, int64_t s, int64_t off, int64_t lease)
{
    return hearing_left(h, M0 + s * NS_PER_S, W0 + s * NS_PER_S + off, lease);
}

static void ok_at(struct hearing *h, int64_t s, int64_t off)
{
    hearing_ok(h, M0 + s * NS_PER_S, W0 + s * NS_PER_S + off);
}

START_TEST(after_a_start_a_lease_may_end_when_its_whole_time_has_passed)
{
    struct hearing h;
    hearing_start(&h, M0, W0, 0);
    ck_assert_int_eq(left_at(&h, 0, 0, LEASE), LEASE);
    ck_assert_int_eq(left_at(&h, 40, 0, LEASE), 5 * NS_PER_S);
    ck_assert_int_eq(left_at(&h, 45, 0, LEASE), 0);
    ck_assert_int_eq(left_at(&h, 12, 0, 10 * NS_PER_S), 0);
}
END_TEST

START_TEST(good_looks_one_after_the_other_change_nothing)
{
    struct hearing h;
    hearing_start(&h, M0, W0, GAP);
    for (int s = 5; s <= 60; s += 5) {
        ok_at(&h, s, 0);
    }
    ck_assert_int_eq(left_at(&h, 62, 0, LEASE), 0);
    ck_assert_int_eq(h.since, M0);
}
END_TEST

START_TEST(a_process_that_stood_still_or_had_no_store_waits_for_a_whole_lease_again)
{
    struct hearing h;
    hearing_start(&h, M0, W0, GAP);
    ok_at(&h, 5, 0);
    ck_assert_int_eq(left_at(&h, 100, 0, LEASE), LEASE);
    ok_at(&h, 101, 0);
    ck_assert_int_eq(left_at(&h, 102, 0, LEASE), 43 * NS_PER_S);

    hearing_start(&h, M0, W0, GAP);
    ok_at(&h, 5, 0);
    ok_at(&h, 100, 0); /* the gap is seen by whoever comes first */
    ck_assert_int_eq(left_at(&h, 100, 0, LEASE), LEASE);
}
END_TEST

START_TEST(a_gap_means_nothing_where_looks_come_only_now_and_then)
{
    struct hearing h;
    hearing_start(&h, M0, W0, 0);
    ck_assert_int_eq(left_at(&h, 36000, 0, LEASE), 0);
}
END_TEST

START_TEST(a_wall_clock_that_jumps_gives_a_whole_lease_once)
{
    const int64_t jumps[] = { 3600 * NS_PER_S, -3600 * NS_PER_S, 2 * NS_PER_S };
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        struct hearing h;
        hearing_start(&h, M0, W0, GAP);
        for (int s = 5; s <= 60; s += 5) {
            ok_at(&h, s, 0);
        }
        ck_assert_int_eq(left_at(&h, 61, jumps[i], LEASE), LEASE);
        for (int s = 65; s <= 105; s += 5) {
            ok_at(&h, s, jumps[i]);
        }
        ck_assert_int_eq(left_at(&h, 106, jumps[i], LEASE), 0);
    }
}
END_TEST

START_TEST(hosts_that_could_not_speak_were_heard_of_when_they_could_speak_last)
{
    struct hearing h;
    hearing_start(&h, M0, W0, GAP);
    ok_at(&h, 5, 0);
    ck_assert_int_eq(hearing_since(&h, M0 + 6 * NS_PER_S, W0 + 6 * NS_PER_S), W0);
    ck_assert_int_eq(hearing_since(&h, M0 + 7 * NS_PER_S, W0 + 3607 * NS_PER_S), W0 + 3607 * NS_PER_S);
    ck_assert_int_eq(hearing_since(&h, M0 + 9 * NS_PER_S, W0 + 3609 * NS_PER_S), W0 + 3607 * NS_PER_S);
}
END_TEST

START_TEST(a_clock_that_is_corrected_slowly_does_not_jump)
{
    struct hearing h;
    hearing_start(&h, M0, W0, GAP);
    ok_at(&h, 10, NS_PER_S / 2);
    ok_at(&h, 20, NS_PER_S);
    ok_at(&h, 30, 3 * NS_PER_S / 2);
    ck_assert_int_eq(h.since, M0);
    hearing_start(&h, M0, W0, 0); /* and over hours without a look */
    ck_assert_int_eq(left_at(&h, 36000, 18 * NS_PER_S, LEASE), 0);
}
END_TEST

UNIT_MAIN("api/hearing", after_a_start_a_lease_may_end_when_its_whole_time_has_passed,
          good_looks_one_after_the_other_change_nothing,
          a_process_that_stood_still_or_had_no_store_waits_for_a_whole_lease_again,
          a_gap_means_nothing_where_looks_come_only_now_and_then,
          a_wall_clock_that_jumps_gives_a_whole_lease_once,
          hosts_that_could_not_speak_were_heard_of_when_they_could_speak_last,
          a_clock_that_is_corrected_slowly_does_not_jump)
