/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/base/log.h"
#include "core/plugin/plugin_priv.h"

#undef fail /* check.h has a macro of that name, and phx_host a member */

/* A load profile and a KPI that remember what they were given. */
struct phx_self {
    const phx_host *host;
    const phx_cfg *cfg;
};
static phx_status create_answer;

static phx_status create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    if (create_answer != PHX_OK) {
        host->fail(host, create_answer, PHX_LIT("the moon is full"));
        return create_answer;
    }
    phx_self *self = calloc(1, sizeof *self);
    self->host = host;
    self->cfg = cfg;
    *ret = self;
    return PHX_OK;
}

static void destroy(phx_self *self)
{
    free(self);
}

static phx_status start(phx_self *self, const phx_load_budget *b)
{
    return PHX_OK;
}
static phx_status step(phx_self *self, uint64_t elapsed, uint64_t quota, const phx_load_out *out,
                       uint64_t *done, uint64_t *next)
{
    return PHX_OK;
}
static void stop(phx_self *self)
{
}
static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    return PHX_OK;
}

static const phx_kpi_input input = {
    .size = sizeof input, .reduce = PHX_MEAN, .name = "series", .unit = "1"
};
static const phx_kpi_input *const inputs[] = { &input, NULL };
static const phx_kpi_ops kpi_ops = { .size = sizeof kpi_ops,
                                     .estimand = PHX_DIFF,
                                     .better = PHX_LOWER_IS_BETTER,
                                     .unit = "1",
                                     .inputs = inputs,
                                     .cells = cells };
static const phx_load_ops load_ops = { .size = sizeof load_ops, .start = start, .step = step, .stop = stop };
static const char *const needs[] = { PHX_LOOP, PHX_WORK, NULL };
#define SCHEMA \
    "{\"type\":\"object\",\"properties\":{" \
    "\"rate\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"default\":5}," \
    "\"every\":{\"type\":\"string\",\"format\":\"duration\",\"default\":\"2s\"}," \
    "\"names\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}"
static const phx_component kpi = { .size = sizeof kpi, .kind = PHX_KPI, .name = "k", .ops = &kpi_ops,
                                   .create = create, .destroy = destroy };
static const phx_component profile = { .size = sizeof profile,
                                       .kind = PHX_LOAD,
                                       .name = "p",
                                       .ops = &load_ops,
                                       .schema = SCHEMA,
                                       .create = create,
                                       .destroy = destroy,
                                       .needs = needs };
static const phx_component *const components[] = { &kpi, &profile, NULL };
static const phx_plugin plugin = { .size = sizeof plugin, .id = "org.example.test", .version = "1",
                                   .license = "MIT", .components = components };
static const phx_plugin *const builtin[] = { &plugin, NULL };

static struct loop *loop;
static struct registry *registry;
static struct err err;
static char last_line[512];

static void on_line(void *arg, const char *line)
{
    str_copy(last_line, sizeof last_line, str_of(line));
}

static void set_up(void)
{
    log_capture(on_line, NULL);
    memset(&err, 0, sizeof err);
    create_answer = PHX_OK;
    loop = loop_new(&err);
    ck_assert_ptr_nonnull(loop);
    struct registry_conf conf = {
        .program = "phoenix-test", .version = "9", .builtin = builtin, .loop = loop
    };
    registry = registry_new(&conf, NULL);
    ck_assert_uint_eq(registry_refused_count(registry), 0);
    last_line[0] = '\0';
}

static void tear_down(void)
{
    registry_free(registry);
    loop_free(loop);
}

static struct instance *make(const char *kind, const char *name, const char *config)
{
    struct json *j = config ? json_parse(str_of(config), NULL, &err) : NULL;
    struct instance *i = instance_new(registry, registry_find(registry, kind, name, NULL), j, 0, &err);
    json_free(j);
    return i;
}

START_TEST(a_pure_instance_has_no_clock_and_no_interface)
{
    struct instance *i = make(PHX_KPI, "k", NULL);
    ck_assert_ptr_nonnull(i);
    const phx_host *h = instance_self(i)->host;
    ck_assert_ptr_null(h->mono);
    ck_assert_ptr_null(h->wall);
    ck_assert_ptr_null(h->iface(h, PHX_LOOP));
    ck_assert_str_eq(h->name, "phoenix-test");
    instance_free(i);
}
END_TEST

START_TEST(config_is_checked_and_its_defaults_filled_in)
{
    struct instance *i = make(PHX_LOAD, "p", "{\"rate\":7,\"names\":[\"a\",\"b\"]}");
    ck_assert_msg(i != NULL, "%s", err.msg);
    const phx_host *h = instance_self(i)->host;
    const phx_cfg *cfg = instance_self(i)->cfg;
    ck_assert_int_eq(h->cfg_int(cfg, "rate", 0), 7);
    ck_assert_int_eq(h->cfg_int(cfg, "every", 0), 2000000000);
    ck_assert_int_eq(h->cfg_int(cfg, "absent", 42), 42);
    ck_assert_str_eq(h->cfg_str(cfg, "every", ""), "2s");
    ck_assert_str_eq(h->cfg_json(cfg, "names"), "[\"a\",\"b\"]");
    ck_assert_ptr_null(h->cfg_json(cfg, "absent"));
    instance_free(i);
}
END_TEST

static const char *const bad_configs[] = { "{\"rate\":10}", "{\"rate\":\"7\"}", "{\"unknown\":1}", "[]" };
START_TEST(a_bad_config_is_refused_with_a_pointer)
{
    ck_assert_ptr_null(make(PHX_LOAD, "p", bad_configs[_i]));
    ck_assert_int_eq(err.code, ERR_CONFIG);
}
END_TEST

START_TEST(config_for_a_component_that_takes_none_is_refused)
{
    ck_assert_ptr_null(make(PHX_KPI, "k", "{\"a\":1}"));
    ck_assert_int_eq(err.code, ERR_CONFIG);
}
END_TEST

START_TEST(what_a_plugin_says_through_fail_is_in_the_error)
{
    create_answer = PHX_E_UNAVAILABLE;
    ck_assert_ptr_null(make(PHX_KPI, "k", NULL));
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    ck_assert_str_eq(err.msg, "k: the moon is full");
}
END_TEST

START_TEST(an_unknown_status_is_an_internal_error)
{
    struct instance *i = make(PHX_KPI, "k", NULL);
    ck_assert_int_eq(instance_result(i, 0, &err), 0);
    ck_assert_int_eq(instance_result(i, -99, &err), ERR_INTERNAL);
    ck_assert_int_eq(instance_result(i, 7, &err), ERR_INTERNAL);
    instance_free(i);
}
END_TEST

START_TEST(an_old_reason_does_not_stick_to_a_later_failure)
{
    struct instance *i = make(PHX_KPI, "k", NULL);
    const phx_host *h = instance_self(i)->host;
    h->fail(h, PHX_E_BUSY, PHX_LIT("first"));
    ck_assert_int_eq(instance_result(i, PHX_OK, &err), 0);
    ck_assert_int_eq(instance_result(i, PHX_E_BUSY, &err), ERR_BUSY);
    ck_assert_ptr_null(strstr(err.msg, "first"));
    instance_free(i);
}
END_TEST

START_TEST(log_lines_carry_the_component)
{
    struct instance *i = make(PHX_KPI, "k", NULL);
    const phx_host *h = instance_self(i)->host;
    h->log(h, PHX_WARN, PHX_LIT("disk is slow"));
    ck_assert_msg(strstr(last_line, "k: disk is slow"), "%s", last_line);
    instance_free(i);
}
END_TEST

START_TEST(a_component_that_needs_the_loop_is_refused_where_there_is_none)
{
    struct registry_conf conf = { .program = "cli", .version = "9", .builtin = builtin };
    struct registry *no_loop = registry_new(&conf, NULL);
    ck_assert_ptr_null(instance_new(no_loop, registry_find(no_loop, PHX_LOAD, "p", NULL), NULL, 0, &err));
    ck_assert_int_eq(err.code, ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, PHX_LOOP));
    registry_free(no_loop);
}
END_TEST

static void count(void *ctx)
{
    if (++*(int *)ctx == 3) {
        loop_stop(loop);
    }
}

static void on_byte(void *ctx, int fd, uint32_t what)
{
    char c;
    ck_assert_uint_eq(what, PHX_READ);
    ck_assert_int_eq(read(fd, &c, 1), 1);
    count(ctx);
}

START_TEST(watches_timers_and_posts_come_on_the_loop)
{
    struct instance *i = make(PHX_LOAD, "p", NULL);
    const phx_host *h = instance_self(i)->host;
    const phx_loop *l = h->iface(h, PHX_LOOP);
    int fds[2], n = 0;
    ck_assert_int_eq(pipe(fds), 0);
    phx_watch *w = l->watch(h, fds[0], PHX_READ, on_byte, &n);
    phx_timer *t = l->timer(h, 1000000, 0, count, &n);
    ck_assert_int_eq(l->post(h, count, &n), PHX_OK);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_assert_int_eq(loop_run(loop, &err), 0);
    ck_assert_int_eq(n, 3);
    l->unwatch(w);
    l->untimer(t);
    instance_free(i);
    ck_assert_str_eq(last_line, "");
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(unknown_bits_are_refused)
{
    struct instance *i = make(PHX_LOAD, "p", NULL);
    const phx_host *h = instance_self(i)->host;
    const phx_loop *l = h->iface(h, PHX_LOOP);
    const phx_work *work = h->iface(h, PHX_WORK);
    ck_assert_ptr_null(l->watch(h, 0, 8, on_byte, NULL));
    ck_assert_ptr_null(work->open(h, "lane", 8));
    ck_assert_ptr_null(h->iface(h, "phoenix.loop/2"));
    instance_free(i);
}
END_TEST

static pthread_t worker;
static void do_work(void *job)
{
    worker = pthread_self();
}
static void then(void *job, phx_status status)
{
    ck_assert_int_eq(status, PHX_OK);
    ck_assert(!pthread_equal(worker, pthread_self()));
    ++*(int *)job;
}

START_TEST(a_lane_works_elsewhere_and_answers_on_the_loop)
{
    struct instance *i = make(PHX_LOAD, "p", NULL);
    const phx_host *h = instance_self(i)->host;
    const phx_work *work = h->iface(h, PHX_WORK);
    int n = 1;
    phx_lane *lane = work->open(h, "lane", PHX_LANE_PINNED);
    ck_assert_ptr_nonnull(lane);
    ck_assert_int_eq(work->run(lane, do_work, then, &n), PHX_OK);
    work->close(lane, count, &n);
    ck_assert_int_eq(loop_run(loop, &err), 0);
    ck_assert_int_eq(n, 3);
    instance_free(i);
}
END_TEST

START_TEST(what_is_not_given_back_is_taken_back_and_told)
{
    struct instance *i = make(PHX_LOAD, "p", NULL);
    const phx_host *h = instance_self(i)->host;
    const phx_loop *l = h->iface(h, PHX_LOOP);
    int n = 0;
    l->timer(h, 1000000, 0, count, &n);
    l->post(h, count, &n);
    instance_free(i);
    ck_assert_msg(strstr(last_line, "did not give back 1"), "%s", last_line);
    int after = 2; /* the loop is stopped by the third */
    loop_post(loop, count, &after);
    ck_assert_int_eq(loop_run(loop, &err), 0);
    ck_assert_int_eq(n, 0);
}
END_TEST

static void *call_from_elsewhere(void *arg)
{
    const phx_host *h = arg;
    const phx_loop *l = h->iface(h, PHX_LOOP);
    return l->timer(h, 1, 0, count, NULL);
}

START_TEST(a_loop_call_from_another_thread_is_refused_and_told)
{
    struct instance *i = make(PHX_LOAD, "p", NULL);
    pthread_t thread;
    void *timer;
    ck_assert_int_eq(pthread_create(&thread, NULL, call_from_elsewhere, (void *)instance_self(i)->host), 0);
    pthread_join(thread, &timer);
    ck_assert_ptr_null(timer);
    ck_assert_msg(strstr(last_line, "called timer on a thread"), "%s", last_line);
    instance_free(i);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("plugin/instance");
    TCase *tc = tcase_create("instance");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_pure_instance_has_no_clock_and_no_interface);
    tcase_add_test(tc, config_is_checked_and_its_defaults_filled_in);
    tcase_add_loop_test(tc, a_bad_config_is_refused_with_a_pointer, 0,
                        sizeof bad_configs / sizeof bad_configs[0]);
    tcase_add_test(tc, config_for_a_component_that_takes_none_is_refused);
    tcase_add_test(tc, what_a_plugin_says_through_fail_is_in_the_error);
    tcase_add_test(tc, an_unknown_status_is_an_internal_error);
    tcase_add_test(tc, an_old_reason_does_not_stick_to_a_later_failure);
    tcase_add_test(tc, log_lines_carry_the_component);
    tcase_add_test(tc, a_component_that_needs_the_loop_is_refused_where_there_is_none);
    tcase_add_test(tc, watches_timers_and_posts_come_on_the_loop);
    tcase_add_test(tc, unknown_bits_are_refused);
    tcase_add_test(tc, a_lane_works_elsewhere_and_answers_on_the_loop);
    tcase_add_test(tc, what_is_not_given_back_is_taken_back_and_told);
    tcase_add_test(tc, a_loop_call_from_another_thread_is_refused_and_told);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
