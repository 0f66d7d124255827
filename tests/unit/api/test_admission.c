/* SPDX-License-Identifier: Apache-2.0 */
/* Admission in front of a store that goes away, comes back, or is slow: a server, its clients and a driver
 * that does as it is told, on one loop. */
#include <check.h>
#include <stdio.h>
#include "core/api/admission.h"
#include "core/api/ingest.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/loop/fetch.h"

/* ---- the driver */

enum { HELD_MAX = 16 };
static struct {
    phx_op *held[HELD_MAX];
    unsigned n_held;
    bool is_away, holds, holds_pings;
    unsigned pings;
} driver;

static void driver_answer(phx_op *op, phx_status status)
{
    op->reply->done(op, status, 0, (phx_str){ "", 0 });
}

static void driver_open(phx_self *self, phx_op *op) { driver_answer(op, PHX_OK); }
static void driver_cancel(phx_self *self, phx_op *op) {}

static void driver_submit(phx_self *self, phx_op *op, const phx_req *req)
{
    driver.pings += req->code == PHX_PING;
    if ((driver.holds && req->code != PHX_PING && req->code != PHX_ENSURE) ||
        (driver.holds_pings && req->code == PHX_PING))
        driver.held[driver.n_held++] = op;
    else
        driver_answer(op, driver.is_away ? PHX_E_UNAVAILABLE : PHX_OK);
}

static void driver_release(void)
{
    driver.holds = driver.holds_pings = false;
    while (driver.n_held)
        driver_answer(driver.held[--driver.n_held], PHX_OK);
}

static const phx_storage_ops ops = { .size = sizeof ops,
                                     .max_inflight = 4,
                                     .open = driver_open,
                                     .submit = driver_submit,
                                     .cancel = driver_cancel,
                                     .close = driver_open };
static const phx_component component = {
    .size = sizeof component, .kind = PHX_STORAGE, .name = "told", .summary = "obeys", .ops = &ops
};
static const phx_component *const components[] = { &component, NULL };
static const phx_plugin plugin = { PHX_PLUGIN_HEAD,
                                   .id = "org.phoenix.store-told",
                                   .version = "0.1.0",
                                   .summary = "for tests",
                                   .license = "Apache-2.0",
                                   .vendor = "The Phoenix authors",
                                   .components = components };

/* ---- the server: a route for each class */

static void on_any(struct request *rq) { reply_empty(rq, 204); }

static const struct route routes[] = {
#define CLASS(id_, name_, max, min_s, max_s, what)                                                          \
    { .id = name_, .method = HTTP_GET, .path = "/" name_, .scope = SCOPE_AGENT, .handler = on_any,          \
      .traffic = TRAFFIC_##id_, .status = 204, .summary = name_ },
#include "core/tables/classes.def"
};

static struct settings settings;
static struct api api;
static struct registry *registry;
static struct fetcher *fetcher;

static void on_open(void *arg, const struct err *err)
{
    ck_assert_ptr_null(err);
    loop_stop(api.loop);
}

static void turn(void)
{
    ck_assert_int_eq(loop_run(api.loop, NULL), 0);
}

static void set_up(void)
{
    static const phx_plugin *const builtin[] = { &plugin, NULL };
    struct err err = { 0 };
    log_init("test_admission", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    memset(&driver, 0, sizeof driver);
    settings = (struct settings){ .heartbeat_interval = 10 * NS_PER_S, .task_lease = 30 * NS_PER_S,
                                  .limits_host_batches_per_s = 5 };
    api = (struct api){ .loop = loop_new(&err), .settings = &settings };
    struct registry_conf conf = { .program = "test", .version = "1", .builtin = builtin, .loop = api.loop };
    registry = registry_new(&conf, &err);
    api.store = store_open(registry, "told", NULL, api.loop, on_open, NULL, &err);
    ck_assert_msg(api.store != NULL, "%s", err.msg);
    turn();
    ck_assert_int_eq(ingest_start(&api, &err), 0);
    ck_assert_int_eq(admission_start(&api, &err), 0);
    struct http_conf http = { .address = "127.0.0.1", .max_body = 65536, .request_timeout_ns = 10 * NS_PER_S,
                              .idle_timeout_ns = 75 * NS_PER_S, .max_connections = 100, .server_name = "test",
                              .admit = admission_admit };
    api.http = http_server_new(api.loop, &http, routes, TRAFFIC_COUNT, &api, &err);
    ck_assert_msg(api.http != NULL, "%s", err.msg);
    fetcher = fetcher_new(api.loop, "test", &err);
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
    loop_stop(api.loop);
}

static void tear_down(void)
{
    bool closed = false;
    driver_release();
    api.draining = true;
    fetcher_free(fetcher);
    http_server_free(api.http);
    store_close(api.store, on_closed, &closed);
    while (!closed)
        turn();
    admission_stop(&api);
    ingest_stop(&api);
    registry_free(registry);
    loop_free(api.loop);
}

/* ---- clients */

struct answer {
    int status;
    int64_t retry_after_ns;
};

static void on_answer(void *arg, const struct fetch_reply *reply)
{
    struct answer *a = arg;
    ck_assert_msg(reply->rc == 0, "%s", reply->why);
    a->status = reply->status;
    a->retry_after_ns = reply->retry_after_ns;
    loop_stop(api.loop);
}

static struct answer ask(enum traffic t)
{
    static const char *const headers[] = { "X-Agent-Host-ID: h1", NULL };
    struct answer a = { 0 };
    struct err err = { 0 };
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/%s", http_server_port(api.http), traffic_info(t)->name);
    struct fetch_req req = { .method = "GET", .url = url, .headers = headers, .timeout_ns = 20 * NS_PER_S,
                             .max_reply = 4096 };
    ck_assert_ptr_nonnull(fetch_start(fetcher, &req, on_answer, &a, &err));
    while (!a.status)
        turn();
    return a;
}

static bool needs_the_store(enum traffic t)
{
    return t != TRAFFIC_SYSTEM && t != TRAFFIC_POLL && t != TRAFFIC_HEARTBEAT;
}

static bool is_away(void)
{
    struct admission_stats stats;
    admission_stats(&api, &stats);
    return stats.is_store_away;
}

static void on_done(void *arg, const struct result *res)
{
    *(int *)arg = 1 + (res->rc != 0);
    loop_stop(api.loop);
}

/** Something asks the store, and fails if it is away: so it is noticed. */
static void use_store(void)
{
    int done = 0;
    store_run(q_scan(api.store, C_TASKS), on_done, &done);
    while (!done)
        turn();
}

static void until_away(bool wanted)
{
    while (is_away() != wanted)
        ask(TRAFFIC_READ);
}

START_TEST(while_the_store_is_away_what_needs_it_is_refused_and_the_rest_is_not)
{
    set_up();
    driver.is_away = true;
    use_store();
    until_away(true);
    for (int t = 0; t < TRAFFIC_COUNT; t++) {
        struct answer a = ask((enum traffic)t);
        ck_assert_int_eq(a.status, needs_the_store((enum traffic)t) ? 503 : 204);
        if (needs_the_store((enum traffic)t))
            ck_assert_int_ge(a.retry_after_ns, traffic_info((enum traffic)t)->retry_min_s * NS_PER_S);
    }
    driver.is_away = false;
    until_away(false);
    for (int t = 0; t < TRAFFIC_COUNT; t++)
        ck_assert_int_eq(ask((enum traffic)t).status, 204);
    tear_down();
}
END_TEST

START_TEST(a_store_that_is_away_is_asked_seldom_however_many_ask_us)
{
    set_up();
    driver.is_away = true;
    use_store();
    until_away(true);
    unsigned before = driver.pings;
    for (int i = 0; i < 200; i++)
        ask(TRAFFIC_REPORT);
    ck_assert_uint_le(driver.pings - before, 5);
    tear_down();
}
END_TEST

START_TEST(one_failure_does_not_mean_that_the_store_is_away)
{
    set_up();
    driver.is_away = true;
    use_store();
    ck_assert(!store_ok(api.store));
    driver.is_away = false;
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(ask(TRAFFIC_READ).status, 204);
    ck_assert(store_ok(api.store));
    tear_down();
}
END_TEST

START_TEST(a_store_that_answers_nothing_is_away_before_anything_fails)
{
    int done = 0;
    set_up();
    driver.holds = driver.holds_pings = true;
    store_run(q_scan(api.store, C_TASKS), on_done, &done);
    until_away(true);
    ck_assert_int_eq(done, 0);
    ck_assert_int_eq(ask(TRAFFIC_REPORT).status, 503);
    driver_release();
    until_away(false);
    ck_assert_int_eq(ask(TRAFFIC_REPORT).status, 204);
    tear_down();
}
END_TEST

static void on_time(void *arg)
{
    loop_stop(api.loop);
}

static void let_pass(int64_t ns)
{
    struct timer *t = timer_new(api.loop, on_time, NULL);
    timer_set(t, ns);
    while (timer_is_set(t))
        turn();
    timer_free(t);
}

static void hold(enum store_lane lane, unsigned n, int *done)
{
    driver.holds = true;
    for (unsigned i = 0; i < n; i++) {
        struct query *q = q_scan(api.store, C_TASKS);
        q_lane(q, lane);
        store_run(q, on_done, &done[i]);
    }
}

START_TEST(batches_are_refused_when_they_wait_too_long_and_nothing_else_is)
{
    int done[4] = { 0 };
    set_up();
    hold(LANE_BULK, 4, done);
    ck_assert_int_eq(ask(TRAFFIC_LOGS).status, 204);
    let_pass(600 * NS_PER_MS);
    ck_assert_int_eq(ask(TRAFFIC_METRICS).status, 204);
    ck_assert_int_eq(ask(TRAFFIC_LOGS).status, 503);
    let_pass(500 * NS_PER_MS);
    for (int t = 0; t < TRAFFIC_COUNT; t++)
        ck_assert_int_eq(ask((enum traffic)t).status, t == TRAFFIC_LOGS || t == TRAFFIC_METRICS ? 503 : 204);
    tear_down();
}
END_TEST

START_TEST(agents_are_asked_to_speak_less_while_the_api_is_short)
{
    int done[8] = { 0 };
    set_up();
    ck_assert_int_eq(admission_heartbeat_interval(&api), 10 * NS_PER_S);
    ck_assert_int_eq(admission_batch_interval(&api), 200 * NS_PER_MS);
    hold(LANE_NORMAL, 8, done);
    let_pass(2 * NS_PER_S);
    ck_assert_int_eq(admission_heartbeat_interval(&api), 15 * NS_PER_S); /* twice into a lease */
    ck_assert_int_eq(admission_patience(&api), 15 * NS_PER_S);
    ck_assert_int_gt(admission_batch_interval(&api), 200 * NS_PER_MS);
    ck_assert_int_eq(ask(TRAFFIC_READ).status, 503);
    ck_assert_int_eq(ask(TRAFFIC_REPORT).status, 204);
    settings.task_lease = 100 * NS_PER_S;
    ck_assert_int_eq(admission_heartbeat_interval(&api), 20 * NS_PER_S);
    settings.task_lease = NS_PER_S;
    ck_assert_int_eq(admission_heartbeat_interval(&api), 10 * NS_PER_S);
    tear_down();
}
END_TEST

START_TEST(a_host_that_is_too_fast_is_told_so)
{
    set_up();
    struct answer a = ask(TRAFFIC_METRICS);
    unsigned taken = 0;
    for (; a.status == 204; a = ask(TRAFFIC_METRICS))
        taken++;
    ck_assert_uint_ge(taken, 10); /* a burst of two seconds */
    ck_assert_int_eq(a.status, 429);
    ck_assert_int_ge(a.retry_after_ns, 5 * NS_PER_S);
    ck_assert_int_eq(ask(TRAFFIC_LOGS).status, 204);
    tear_down();
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("admission");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, while_the_store_is_away_what_needs_it_is_refused_and_the_rest_is_not);
    tcase_add_test(tc, a_store_that_is_away_is_asked_seldom_however_many_ask_us);
    tcase_add_test(tc, a_store_that_answers_nothing_is_away_before_anything_fails);
    tcase_add_test(tc, one_failure_does_not_mean_that_the_store_is_away);
    tcase_add_test(tc, batches_are_refused_when_they_wait_too_long_and_nothing_else_is);
    tcase_add_test(tc, agents_are_asked_to_speak_less_while_the_api_is_short);
    tcase_add_test(tc, a_host_that_is_too_fast_is_told_so);
    Suite *s = suite_create("admission");
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
