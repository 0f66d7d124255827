/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include "core/agent/tee_queue.h"

enum { ROOM = 4096 };
static struct tee_queue fast, slow;

static void before(void)
{
    tee_queue_init(&fast, ROOM);
    tee_queue_init(&slow, ROOM);
}

static void after(void)
{
    tee_queue_done(&fast);
    tee_queue_done(&slow);
}

static struct tee_body *body_of(size_t n)
{
    return tee_body_new(TEE_LOGS, "application/json", NULL, n);
}

/** As the tee does it: to both, then let go. */
static void offer(size_t n)
{
    struct tee_body *b = body_of(n);
    (void)tee_queue_offer(&fast, b);
    (void)tee_queue_offer(&slow, b);
    tee_body_unref(b);
}

static void settle_all(struct tee_queue *q)
{
    while (tee_queue_first(q))
        tee_queue_settle(q, &q->stats.delivered);
}

START_TEST(a_body_has_what_came)
{
    struct tee_body *b = tee_body_new(TEE_TRACES, "application/x-protobuf", "gzip", 4);
    memcpy(b->bytes, "\0one", 4);
    ck_assert_int_eq(b->signal, TEE_TRACES);
    ck_assert_str_eq(b->headers[0], "Content-Type: application/x-protobuf");
    ck_assert_str_eq(b->headers[1], "Content-Encoding: gzip");
    ck_assert_ptr_null(b->headers[2]);
    ck_assert(str_eq((struct str){ b->bytes, b->n }, STR("\0one")));
    ck_assert_uint_gt(b->cost, sizeof *b + 4);
    tee_body_unref(b);
    b = tee_body_new(TEE_TRACES, "application/json", NULL, 0);
    ck_assert_ptr_null(b->headers[1]);
    ck_assert_uint_eq(b->n, 0);
    tee_body_unref(b);
    b = tee_body_new(TEE_TRACES, "application/json", NULL, 1 << 20);
    memset(b->bytes, 'x', b->n);
    ck_assert_str_eq(b->headers[0], "Content-Type: application/json");
    tee_body_unref(b);
}
END_TEST

START_TEST(two_queues_share_one_body)
{
    offer(100);
    struct tee_body *b = tee_queue_first(&fast);
    ck_assert_ptr_eq(tee_queue_first(&slow), b);
    ck_assert_uint_eq(b->n_refs, 2);
    tee_queue_settle(&fast, &fast.stats.delivered);
    ck_assert_uint_eq(b->n_refs, 1);
    ck_assert_ptr_null(tee_queue_first(&fast));
    ck_assert_uint_eq(fast.held, 0);
    ck_assert_uint_eq(slow.held, b->cost);
}
END_TEST

START_TEST(what_came_first_leaves_first)
{
    for (size_t n = 1; n <= 3; n++)
        offer(n);
    for (size_t n = 1; n <= 3; n++) {
        ck_assert_uint_eq(tee_queue_first(&fast)->n, n);
        tee_queue_settle(&fast, &fast.stats.delivered);
    }
}
END_TEST

START_TEST(a_full_queue_drops_for_itself_only_and_counts)
{
    for (int i = 0; i < 100; i++) {
        offer(1000);
        settle_all(&fast);
        ck_assert_uint_le(slow.held, ROOM);
    }
    ck_assert_uint_eq(fast.stats.delivered.requests, 100);
    ck_assert_uint_eq(fast.stats.dropped.requests, 0);
    ck_assert_uint_eq(slow.stats.waiting.requests, 3);
    ck_assert_uint_eq(slow.stats.offered.bytes, 100000);
    ck_assert_uint_eq(slow.stats.dropped.bytes, 97000);
    settle_all(&slow);
    ck_assert_uint_eq(slow.stats.delivered.bytes, 3000);
    ck_assert_uint_eq(slow.stats.waiting.bytes, 0);
    ck_assert_uint_eq(slow.held, 0);
}
END_TEST

START_TEST(small_bodies_are_bounded_by_what_they_cost)
{
    for (int i = 0; i < 1000; i++)
        offer(0);
    ck_assert_uint_le(slow.held, ROOM);
    ck_assert_uint_gt(slow.stats.dropped.requests, 900);
    ck_assert_uint_eq(slow.stats.dropped.requests + slow.stats.waiting.requests, 1000);
}
END_TEST

START_TEST(what_can_never_fit_is_told)
{
    struct tee_body *b = body_of(ROOM);
    ck_assert(!tee_queue_has_room(&fast, b));
    ck_assert(!tee_queue_offer(&fast, b));
    ck_assert_uint_eq(fast.stats.dropped.bytes, ROOM);
    tee_body_unref(b);
}
END_TEST

START_TEST(what_waits_at_the_end_counts_as_dropped)
{
    offer(10);
    offer(20);
    tee_queue_settle(&fast, &fast.stats.rejected);
    tee_queue_done(&fast);
    ck_assert_uint_eq(fast.stats.rejected.bytes, 10);
    ck_assert_uint_eq(fast.stats.dropped.bytes, 20);
    ck_assert_uint_eq(fast.stats.waiting.requests, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tee_queue");
    TCase *c = tcase_create("tee_queue");
    tcase_add_checked_fixture(c, before, after);
    tcase_add_test(c, a_body_has_what_came);
    tcase_add_test(c, two_queues_share_one_body);
    tcase_add_test(c, what_came_first_leaves_first);
    tcase_add_test(c, a_full_queue_drops_for_itself_only_and_counts);
    tcase_add_test(c, small_bodies_are_bounded_by_what_they_cost);
    tcase_add_test(c, what_can_never_fit_is_told);
    tcase_add_test(c, what_waits_at_the_end_counts_as_dropped);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
