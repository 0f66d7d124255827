/* SPDX-License-Identifier: Apache-2.0 */
/* Who goes to the driver first, on a driver that notes what it is given and answers when it is told to. */
#include <check.h>
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/store.h"

enum { INFLIGHT = 8, HELD_MAX = 64, GIVEN_MAX = 40000 };
static struct {
    phx_op *held[HELD_MAX];
    unsigned n_held, n_given;
    bool holds;
    uint32_t given[GIVEN_MAX]; /* what the driver was given, by the limit that names the query's lane */
} driver;

static void driver_answer(phx_op *op, phx_status status)
{
    op->reply->done(op, status, 0, (phx_str){ "", 0 });
}

static void driver_open(phx_self *self, phx_op *op) { driver_answer(op, PHX_OK); }
static void driver_cancel(phx_self *self, phx_op *op) {}

static void driver_submit(phx_self *self, phx_op *op, const phx_req *req)
{
    if (req->code == PHX_ENSURE || !driver.holds) {
        driver_answer(op, PHX_OK);
        return;
    }
    driver.given[driver.n_given++] = (uint32_t)req->limit;
    driver.held[driver.n_held++] = op;
}

/** Answer the oldest. */
static void release_one(void)
{
    phx_op *op = driver.held[0];
    driver.n_held--;
    for (unsigned i = 0; i < driver.n_held; i++)
        driver.held[i] = driver.held[i + 1];
    driver_answer(op, PHX_OK);
}

static const phx_storage_ops ops = { .size = sizeof ops,
                                     .max_inflight = INFLIGHT,
                                     .open = driver_open,
                                     .submit = driver_submit,
                                     .cancel = driver_cancel,
                                     .close = driver_open };
static const phx_component component = {
    .size = sizeof component, .kind = PHX_STORAGE, .name = "held", .summary = "answers when told to",
    .ops = &ops
};
static const phx_component *const components[] = { &component, NULL };
static const phx_plugin plugin = { PHX_PLUGIN_HEAD,
                                   .id = "org.phoenix.store-held",
                                   .version = "0.1.0",
                                   .summary = "for tests",
                                   .license = "Apache-2.0",
                                   .vendor = "The Phoenix authors",
                                   .components = components };

static struct loop *loop;
static struct registry *registry;
static struct store *store;
static unsigned answered, busy;

static void on_open(void *arg, const struct err *err)
{
    ck_assert_ptr_null(err);
    loop_stop(loop);
}

static void turn(void)
{
    ck_assert_int_eq(loop_run(loop, NULL), 0);
}

static void set_up(void)
{
    static const phx_plugin *const builtin[] = { &plugin, NULL };
    struct err err = { 0 };
    log_init("test_lanes", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    loop = loop_new(&err);
    struct registry_conf conf = { .program = "test", .version = "1", .builtin = builtin, .loop = loop };
    registry = registry_new(&conf, &err);
    store = store_open(registry, "held", NULL, loop, on_open, NULL, &err);
    ck_assert_msg(store != NULL, "%s", err.msg);
    turn();
    driver.holds = true;
    driver.n_held = driver.n_given = 0;
    answered = busy = 0;
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
    loop_stop(loop);
}

static void tear_down(void)
{
    bool closed = false;
    driver.holds = false;
    while (driver.n_held)
        release_one();
    store_close(store, on_closed, &closed);
    while (!closed)
        turn();
    registry_free(registry);
    loop_free(loop);
}

static void on_done(void *arg, const struct result *res)
{
    answered++;
    busy += res->rc == ERR_BUSY;
    loop_stop(loop);
}

static void send(enum store_lane lane)
{
    struct query *q = q_scan(store, C_TASKS);
    q_lane(q, lane);
    q_limit(q, lane + 100U);
    store_run(q, on_done, NULL);
}

static unsigned given(enum store_lane lane, unsigned from, unsigned to)
{
    unsigned n = 0;
    for (unsigned i = from; i < to; i++)
        n += driver.given[i] == lane + 100U;
    return n;
}

static struct store_lane_stats stats_of(enum store_lane lane)
{
    struct store_lane_stats stats;
    store_lane_stats(store, lane, &stats);
    return stats;
}

START_TEST(bulk_leaves_most_of_the_driver_free)
{
    set_up();
    for (int i = 0; i < 20; i++)
        send(LANE_BULK);
    ck_assert_uint_eq(driver.n_given, INFLIGHT / 4);
    for (int i = 0; i < 20; i++)
        send(LANE_URGENT);
    ck_assert_uint_eq(driver.n_given, INFLIGHT);
    ck_assert_uint_eq(given(LANE_URGENT, 0, INFLIGHT), INFLIGHT - INFLIGHT / 4);
    tear_down();
}
END_TEST

START_TEST(what_is_normal_leaves_room_for_what_is_urgent)
{
    set_up();
    for (int i = 0; i < 20; i++)
        send(LANE_NORMAL);
    ck_assert_uint_eq(driver.n_given, INFLIGHT * 3 / 4);
    send(LANE_URGENT);
    ck_assert_uint_eq(given(LANE_URGENT, driver.n_given - 1, driver.n_given), 1);
    tear_down();
}
END_TEST

START_TEST(a_claim_passes_by_whatever_waits)
{
    set_up();
    for (int i = 0; i < INFLIGHT; i++)
        send(LANE_URGENT);
    for (int i = 0; i < 10; i++) {
        send(LANE_BULK);
        send(LANE_NORMAL);
    }
    send(LANE_URGENT);
    release_one();
    turn();
    ck_assert_uint_eq(driver.n_given, INFLIGHT + 1);
    ck_assert_uint_eq(driver.given[INFLIGHT], LANE_URGENT + 100U);
    tear_down();
}
END_TEST

START_TEST(bulk_gets_its_turn_while_urgent_never_ends)
{
    enum { ROUNDS = 10, ROUND = 16 + 4 + 1 };
    set_up();
    for (int i = 0; i < 20 * ROUNDS; i++) {
        send(LANE_URGENT);
        send(LANE_NORMAL);
        send(LANE_BULK);
    }
    unsigned from = driver.n_given;
    while (driver.n_given < from + ROUNDS * ROUND) {
        release_one();
        turn();
    }
    ck_assert_uint_ge(given(LANE_BULK, from, driver.n_given), ROUNDS - 1);
    ck_assert_uint_ge(given(LANE_NORMAL, from, driver.n_given), 4 * (ROUNDS - 1));
    ck_assert_uint_ge(given(LANE_URGENT, from, driver.n_given), 15 * ROUNDS);
    tear_down();
}
END_TEST

static void send_rows(unsigned n)
{
    struct query *q = q_put(store, C_BATCHES);
    for (unsigned i = 0; i < n; i++) {
        if (i)
            q_next_row(q);
        q_text(q, F_BATCHES_HOST_ID, "h");
    }
    q_lane(q, LANE_BULK);
    store_run(q, on_done, NULL);
}

START_TEST(large_batches_go_one_after_the_other)
{
    set_up();
    send_rows(10000);
    send_rows(10000);
    ck_assert_uint_eq(driver.n_given, 1);
    release_one();
    turn();
    ck_assert_uint_eq(driver.n_given, 2);
    send_rows(1);
    ck_assert_uint_eq(driver.n_given, 2);
    tear_down();
}
END_TEST

START_TEST(a_full_lane_is_busy_and_the_store_is_not_to_blame)
{
    enum { MORE = 5000 + 10 };
    set_up();
    for (int i = 0; i < MORE; i++)
        send(LANE_BULK);
    while (busy < MORE - 5000 - INFLIGHT / 4)
        turn();
    ck_assert_uint_eq(answered, busy);
    ck_assert_uint_eq(stats_of(LANE_BULK).refused_total, busy);
    ck_assert(store_ok(store));
    send(LANE_URGENT);
    ck_assert_uint_eq(given(LANE_URGENT, 0, driver.n_given), 1);
    tear_down();
}
END_TEST

START_TEST(a_lane_says_what_waits_in_it_and_how_long)
{
    set_up();
    for (int i = 0; i < INFLIGHT; i++)
        send(LANE_URGENT);
    ck_assert_int_eq(stats_of(LANE_NORMAL).oldest_ns, 0);
    int64_t before = clock_mono();
    send(LANE_NORMAL);
    send(LANE_NORMAL);
    while (clock_mono() == before)
        ;
    struct store_lane_stats stats = stats_of(LANE_NORMAL);
    ck_assert_uint_eq(stats.pending, 2);
    ck_assert_uint_eq(stats.inflight, 0);
    ck_assert_int_gt(stats.oldest_ns, 0);
    ck_assert_int_le(stats.oldest_ns, clock_mono() - before);
    ck_assert_uint_eq(stats_of(LANE_URGENT).inflight, INFLIGHT);
    tear_down();
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("lanes");
    tcase_add_test(tc, bulk_leaves_most_of_the_driver_free);
    tcase_add_test(tc, what_is_normal_leaves_room_for_what_is_urgent);
    tcase_add_test(tc, a_claim_passes_by_whatever_waits);
    tcase_add_test(tc, bulk_gets_its_turn_while_urgent_never_ends);
    tcase_add_test(tc, large_batches_go_one_after_the_other);
    tcase_add_test(tc, a_full_lane_is_busy_and_the_store_is_not_to_blame);
    tcase_add_test(tc, a_lane_says_what_waits_in_it_and_how_long);
    Suite *s = suite_create("lanes");
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
