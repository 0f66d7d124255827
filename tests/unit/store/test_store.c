/* SPDX-License-Identifier: Apache-2.0 */
/* core/store on two drivers: the reference in memory, and one that answers only when it is told to. */
#include <check.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/store/store.h"

/* ---- the driver that is told when to answer */

enum { SLOW_INFLIGHT = 3, SLOW_MAX = 64 };
static struct {
    phx_op *held[SLOW_MAX];
    unsigned n_held, most, cancelled;
    bool hold, fail_open;
} slow;

static void answer(phx_op *op, phx_status status, const char *why)
{
    op->reply->done(op, status, 0, (phx_str){ why, strlen(why) });
}

static void slow_open(phx_self *self, phx_op *op)
{
    answer(op, slow.fail_open ? PHX_E_UNAVAILABLE : PHX_OK, slow.fail_open ? "no such disk" : "");
}

static void slow_submit(phx_self *self, phx_op *op, const phx_req *req)
{
    if (!slow.hold || req->code == PHX_ENSURE) {
        answer(op, PHX_OK, "");
        return;
    }
    slow.held[slow.n_held++] = op;
    slow.most = slow.n_held > slow.most ? slow.n_held : slow.most;
}

static void slow_release(phx_status status)
{
    for (unsigned n = slow.n_held; n > 0; n--)
        answer(slow.held[--slow.n_held], status, "released");
}

static void slow_cancel(phx_self *self, phx_op *op) { slow.cancelled++; }
static void slow_close(phx_self *self, phx_op *op) { answer(op, PHX_OK, ""); }

static const phx_storage_ops slow_ops = { .size = sizeof(slow_ops),
                                          .max_inflight = SLOW_INFLIGHT,
                                          .open = slow_open,
                                          .submit = slow_submit,
                                          .cancel = slow_cancel,
                                          .close = slow_close };
static const phx_component slow_component = { .size = sizeof(slow_component),
                                              .kind = PHX_STORAGE,
                                              .name = "slow",
                                              .summary = "answers when it is told to",
                                              .ops = &slow_ops };
static const phx_component *const slow_components[] = { &slow_component, NULL };
static const phx_plugin slow_plugin = { PHX_PLUGIN_HEAD,
                                        .id = "org.phoenix.store-slow",
                                        .version = "0.1.0",
                                        .summary = "for tests",
                                        .license = "Apache-2.0",
                                        .vendor = "The Phoenix authors",
                                        .components = slow_components };

/* ---- the store under test */

static struct loop *loop;
static struct registry *registry;
static struct store *store;
static struct err open_err;
static unsigned opened;
static bool closed;

static void on_open(void *arg, const struct err *err)
{
    opened++;
    if (err)
        open_err = *err;
    loop_stop(loop);
}

static void turn(void)
{
    ck_assert_int_eq(loop_run(loop, NULL), 0);
}

static void set_up(const char *driver)
{
    static const phx_plugin *const builtin[] = { &phoenix_plugin_v1_memory, &slow_plugin, NULL };
    struct err err = { 0 };
    log_init("test_store", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    loop = loop_new(&err);
    struct registry_conf conf = { .program = "test", .version = "1", .builtin = builtin, .loop = loop };
    registry = registry_new(&conf, &err);
    opened = 0;
    closed = false;
    open_err = (struct err){ 0 };
    store = store_open(registry, driver, NULL, loop, on_open, NULL, &err);
    ck_assert_msg(store != NULL, "%s", err.msg);
    ck_assert_uint_eq(opened, 0);
    turn();
    ck_assert_uint_eq(opened, 1);
}

static void on_store_closed(void *arg)
{
    closed = true;
    loop_stop(loop);
}

static void tear_down(void)
{
    if (!closed) {
        store_close(store, on_store_closed, NULL);
        while (!closed)
            turn();
    }
    registry_free(registry);
    loop_free(loop);
}

/** What an answer said, for the test to look at after the turn. */
struct seen {
    unsigned times;
    int32_t rc;
    uint64_t n, rev;
    size_t n_rows;
    int failed;
    char text[64];
    int64_t number;
    struct json *json;
};

static void on_done(void *arg, const struct result *res)
{
    struct seen *s = arg;
    s->times++;
    s->rc = res->rc;
    s->n = res->n;
    s->n_rows = res->n_rows;
    s->failed = res->failed;
    if (res->n_rows && res->rows[0].n == F_EXPERIMENTS_COUNT) {
        const struct row *r = &res->rows[0];
        s->rev = r->rev;
        str_copy(s->text, sizeof(s->text), row_str(r, F_EXPERIMENTS_NAME));
        s->number = row_time(r, F_EXPERIMENTS_CREATED_AT);
        s->json = row_json(r, F_EXPERIMENTS_SPEC);
    }
    loop_stop(loop);
}

static struct seen run(struct query *q)
{
    struct seen s = { 0 };
    store_run(q, on_done, &s);
    ck_assert_uint_eq(s.times, 0);
    while (!s.times)
        turn();
    return s;
}

static struct query *experiment(struct query *q, const char *id, const char *name)
{
    struct json *spec = json_object();
    json_set_int(spec, "hosts", 2);
    q_text(q, F_EXPERIMENTS_ID, id);
    q_text(q, F_EXPERIMENTS_NAME, name);
    q_text(q, F_EXPERIMENTS_PHASE, "created");
    q_bool(q, F_EXPERIMENTS_LIVE, false);
    q_json(q, F_EXPERIMENTS_SPEC, spec);
    q_time(q, F_EXPERIMENTS_CREATED_AT, 77000);
    q_time(q, F_EXPERIMENTS_UPDATED_AT, 78000);
    json_free(spec);
    return q;
}

static struct query *get(const char *id)
{
    struct query *q = q_get(store, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, id);
    return q;
}

START_TEST(what_was_put_is_read_back_typed)
{
    set_up("memory");
    ck_assert_int_eq(run(experiment(q_insert(store, C_EXPERIMENTS), "e1", "first")).rc, 0);
    struct seen s = run(get("e1"));
    ck_assert_int_eq(s.rc, 0);
    ck_assert_str_eq(s.text, "first");
    ck_assert_int_eq(s.number, 77000);
    ck_assert_int_eq(json_get_int(s.json, "hosts", 0), 2);
    ck_assert(s.rev > 0);
    json_free(s.json);
    ck_assert_int_eq(run(get("e2")).rc, ERR_NOTFOUND);
    ck_assert_int_eq(run(experiment(q_insert(store, C_EXPERIMENTS), "e1", "again")).rc, ERR_CONFLICT);
    ck_assert(store_ok(store));
    tear_down();
}
END_TEST

START_TEST(an_update_with_an_old_revision_is_a_conflict)
{
    set_up("memory");
    run(experiment(q_put(store, C_EXPERIMENTS), "e1", "first"));
    struct seen s = run(get("e1"));
    json_free(s.json);
    for (int i = 0; i < 2; i++) {
        struct query *q = q_update(store, C_EXPERIMENTS);
        q_where_text(q, F_EXPERIMENTS_ID, PHX_EQ, "e1");
        q_rev(q, s.rev);
        q_set_text(q, F_EXPERIMENTS_NAME, "second");
        struct seen u = run(q);
        ck_assert_int_eq(u.rc, i == 0 ? 0 : ERR_CONFLICT);
        json_free(u.json);
    }
    tear_down();
}
END_TEST

START_TEST(a_batch_names_the_member_that_failed)
{
    set_up("memory");
    run(experiment(q_put(store, C_EXPERIMENTS), "e1", "first"));
    struct query *b = q_batch(store);
    q_add(b, experiment(q_insert(store, C_EXPERIMENTS), "e2", "second"));
    q_add(b, experiment(q_insert(store, C_EXPERIMENTS), "e1", "third"));
    struct seen s = run(b);
    ck_assert_int_eq(s.rc, ERR_CONFLICT);
    ck_assert_int_eq(s.failed, 1);
    ck_assert_int_eq(run(get("e2")).rc, ERR_NOTFOUND);
    s = run(q_batch(store));
    ck_assert_int_eq(s.rc, 0);
    ck_assert_int_eq(s.failed, -1);
    tear_down();
}
END_TEST

START_TEST(many_rows_are_appended_at_once_and_expire_in_chunks)
{
    enum { N = 2500 };
    set_up("memory");
    struct query *q = q_put(store, C_BATCHES);
    for (int i = 0; i < N; i++) {
        if (i)
            q_next_row(q);
        q_text(q, F_BATCHES_HOST_ID, "h");
        q_text(q, F_BATCHES_STREAM, "s");
        q_int(q, F_BATCHES_SEQ, i);
        q_time(q, F_BATCHES_AT, (100 + i) * NS_PER_US);
    }
    ck_assert_uint_eq(run(q).n, N);
    struct seen s = { 0 };
    store_expire(store, C_BATCHES, (100 + N - 5) * NS_PER_US, on_done, &s);
    while (!s.times)
        turn();
    ck_assert_int_eq(s.rc, 0);
    ck_assert_uint_eq(s.n, N - 5);
    q = q_scan(store, C_BATCHES);
    ck_assert_uint_eq(run(q).n_rows, 5);
    tear_down();
}
END_TEST

static void put_sample(int64_t ts)
{
    struct query *q = q_put(store, C_SAMPLES);
    q_text(q, F_SAMPLES_EXPERIMENT_ID, "e");
    q_time(q, F_SAMPLES_TS, ts);
    q_text(q, F_SAMPLES_HOST_ID, "h");
    q_text(q, F_SAMPLES_VARIANT, "baseline");
    ck_assert_int_eq(run(q).rc, 0);
}

static uint64_t expire_samples(int64_t before)
{
    struct seen s = { 0 };
    store_expire(store, C_SAMPLES, before, on_done, &s);
    while (!s.times)
        turn();
    ck_assert_int_eq(s.rc, 0);
    return s.n;
}

START_TEST(days_of_samples_expire_as_a_whole)
{
    const int64_t hour = 3600 * NS_PER_S, now = clock_wall(), midnight = now - now % (24 * hour) - 48 * hour;
    set_up("memory");
    put_sample(midnight - NS_PER_US);
    put_sample(midnight);
    put_sample(midnight + NS_PER_US);
    ck_assert_uint_eq(expire_samples(midnight + now % (24 * hour)), 1);
    ck_assert_uint_eq(expire_samples(midnight + 24 * hour), 2);
    put_sample(now - 30 * hour);
    put_sample(now - 30 * hour + NS_PER_US);
    /* less than two days are kept: to the moment */
    ck_assert_uint_eq(expire_samples(now - 30 * hour + NS_PER_US), 1);
    tear_down();
}
END_TEST

START_TEST(the_driver_never_has_more_than_it_asked_for)
{
    struct seen s[10] = { 0 };
    set_up("slow");
    slow.hold = true;
    slow.most = 0;
    for (int i = 0; i < 10; i++)
        store_run(q_ping(store), on_done, &s[i]);
    struct store_stats stats;
    store_stats(store, &stats);
    ck_assert_uint_eq(stats.inflight, 10);
    for (unsigned done = 0; done < 10;) {
        slow_release(PHX_OK);
        turn();
        done = 0;
        for (int i = 0; i < 10; i++)
            done += s[i].times;
    }
    ck_assert_uint_eq(slow.most, SLOW_INFLIGHT);
    slow.hold = false;
    tear_down();
}
END_TEST

START_TEST(a_late_driver_is_not_waited_for)
{
    struct seen s[5] = { 0 };
    set_up("slow");
    slow.hold = true;
    slow.cancelled = 0;
    for (int i = 0; i < 5; i++) {
        struct query *q = q_ping(store);
        q_deadline(q, 20 * NS_PER_MS);
        store_run(q, on_done, &s[i]);
    }
    for (int i = 0; i < 5; i++) {
        while (!s[i].times)
            turn();
        ck_assert_int_eq(s[i].rc, ERR_TIMEOUT);
    }
    ck_assert(!store_ok(store));
    ck_assert_uint_eq(slow.cancelled, SLOW_INFLIGHT);
    slow_release(PHX_OK);
    slow.hold = false;
    ck_assert_int_eq(run(q_ping(store)).rc, 0);
    ck_assert(store_ok(store));
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(s[i].times, 1);
    tear_down();
}
END_TEST

START_TEST(closing_waits_for_what_is_in_flight_and_refuses_the_rest)
{
    struct seen s[2] = { 0 };
    set_up("slow");
    slow.hold = true;
    store_run(q_ping(store), on_done, &s[0]);
    store_close(store, on_store_closed, NULL);
    store_run(q_ping(store), on_done, &s[1]);
    while (!s[1].times)
        turn();
    ck_assert_int_eq(s[1].rc, ERR_UNAVAILABLE);
    ck_assert(!closed && !s[0].times);
    slow_release(PHX_OK);
    while (!closed)
        turn();
    ck_assert_uint_eq(s[0].times, 1);
    ck_assert_int_eq(s[0].rc, 0);
    slow.hold = false;
    tear_down();
}
END_TEST

START_TEST(a_store_that_does_not_open_says_why)
{
    slow.fail_open = true;
    set_up("slow");
    slow.fail_open = false;
    ck_assert_int_eq(open_err.code, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(open_err.msg, "no such disk"));
    ck_assert(!store_ok(store));
    ck_assert_int_eq(run(q_ping(store)).rc, ERR_UNAVAILABLE);
    tear_down();
}
END_TEST

static unsigned complaints;

static void on_line(void *arg, const char *line)
{
    complaints += strstr(line, "STORE_FAILED") != NULL;
}

START_TEST(a_failing_store_is_logged_once_for_a_while)
{
    struct seen s[3] = { 0 };
    set_up("slow");
    log_capture(on_line, NULL);
    complaints = 0;
    slow.hold = true;
    for (int i = 0; i < 3; i++)
        store_run(q_ping(store), on_done, &s[i]);
    slow_release(PHX_E_UNAVAILABLE);
    while (!s[2].times || !s[1].times || !s[0].times)
        turn();
    ck_assert_int_eq(s[2].rc, ERR_UNAVAILABLE);
    ck_assert_uint_eq(complaints, 1);
    log_capture(NULL, NULL);
    slow.hold = false;
    tear_down();
}
END_TEST

START_TEST(every_collection_is_declared_soundly)
{
    for (unsigned c = 0; c < C_COUNT; c++) {
        const phx_collection *col = collection_of(c);
        ck_assert(col->n_key >= 1 && col->n_key <= col->n_fields);
        ck_assert(col->time_field == UINT32_MAX || col->fields[col->time_field].type == PHX_TIME);
        for (uint32_t i = 0; i < col->n_key; i++)
            ck_assert(col->fields[i].flags & PHX_F_NOT_NULL);
        for (uint32_t i = 0; i < col->n_indexes; i++)
            ck_assert(col->indexes[i].n > 0);
    }
    const phx_index *pending = &collection_of(C_TASKS)->indexes[0];
    ck_assert_str_eq(pending->name, "agent_tasks_pending");
    ck_assert_uint_eq(pending->where->field, F_TASKS_STATUS);
    ck_assert_uint_eq(pending->where->cell->s.n, 7);
    ck_assert_ptr_null(collection_of(C_COUNT));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("store");
    tcase_add_test(tc, every_collection_is_declared_soundly);
    tcase_add_test(tc, what_was_put_is_read_back_typed);
    tcase_add_test(tc, an_update_with_an_old_revision_is_a_conflict);
    tcase_add_test(tc, a_batch_names_the_member_that_failed);
    tcase_add_test(tc, many_rows_are_appended_at_once_and_expire_in_chunks);
    tcase_add_test(tc, days_of_samples_expire_as_a_whole);
    tcase_add_test(tc, the_driver_never_has_more_than_it_asked_for);
    tcase_add_test(tc, a_late_driver_is_not_waited_for);
    tcase_add_test(tc, closing_waits_for_what_is_in_flight_and_refuses_the_rest);
    tcase_add_test(tc, a_store_that_does_not_open_says_why);
    tcase_add_test(tc, a_failing_store_is_logged_once_for_a_while);
    Suite *s = suite_create("store");
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
