/* SPDX-License-Identifier: Apache-2.0 */
/* The pace of a load in virtual time, with a profile that does what the test says. */
#include <string.h>
#include "core/base/clock.h"
#include "tests/unit/unit.h"
#include "tools/loadhost/run.h"

struct phx_self {
    uint64_t wants, next_ns; /* of each step */
    uint64_t steps, made, due, quota_seen;
    uint64_t fail_at, overrun_at; /* step numbers; 0: never */
    phx_status failure;
    unsigned starts, stops;
    uint64_t seed;
    uint64_t rest, adjusted_at_ns;
    double factor;
};
static struct phx_self self;
static int64_t clock_ns, stop_at_ns;
static unsigned reports;
static struct run_status last_report;

static phx_status on_start(phx_self *s, const phx_load_budget *budget)
{
    s->starts++;
    s->seed = budget->seed;
    return s->fail_at == UINT64_MAX ? s->failure : PHX_OK;
}

static phx_status on_step(phx_self *s, uint64_t elapsed_ns, uint64_t quota, const phx_load_out *out,
                          uint64_t *done, uint64_t *next_ns)
{
    s->steps++;
    s->quota_seen = quota;
    *next_ns = s->next_ns;
    *done = s->steps == s->overrun_at ? quota + 1 : s->wants < quota ? s->wants : quota;
    s->made += *done;
    s->due += s->wants;
    return s->steps == s->fail_at ? s->failure : PHX_OK;
}

static void on_stop(phx_self *s)
{
    s->stops++;
}

static uint64_t on_due(phx_self *s)
{
    return s->due;
}
static const phx_load_ops OPS = {
    .size = sizeof OPS, .start = on_start, .step = on_step, .stop = on_stop, .due = on_due
};
static const phx_load_ops OLD_OPS = {
    .size = PHX_END(phx_load_ops, stop), .start = on_start, .step = on_step, .stop = on_stop
};

static phx_status on_adjust(phx_self *s, uint64_t elapsed_ns, const phx_load_change *change)
{
    if (change->factor > 10) return PHX_E_INVAL;
    s->adjusted_at_ns = elapsed_ns;
    s->factor = change->factor;
    s->wants *= 3;
    return PHX_OK;
}

static void on_tell(phx_self *s, const phx_sink *out)
{
    static const struct {
        const char *what, *value;
        phx_status answer;
    } words[] = { { "rejected", "5", PHX_OK },       { "failed", "1e3", PHX_OK },
                  { "late", "-1", PHX_E_INVAL },     { "late", "much", PHX_E_INVAL },
                  { "rate", "12.5", PHX_OK },        { "reason", "the other side is away", PHX_OK },
                  { "colour", "1", PHX_E_UNSUPPORTED } };
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        ck_assert_int_eq(out->put(out, words[i].what, (phx_str){ "", 0 },
                                  (phx_str){ words[i].value, strlen(words[i].value) }), words[i].answer);
}

static uint64_t on_rest(phx_self *s)
{
    ck_assert_uint_eq(s->stops, 1);
    return s->rest;
}
static const phx_load_ops NEW_OPS = {
    .size = sizeof NEW_OPS, .start = on_start,   .step = on_step, .stop = on_stop,
    .due = on_due,          .adjust = on_adjust, .tell = on_tell, .rest = on_rest,
};

/* Changes that are wanted, once each, when the clock has come so far. */
static struct {
    int64_t at_ns;
    double factor;
    phx_status answer;
} wishes[2];
static unsigned n_answered;

static bool next_change(void *arg, phx_load_change *ret)
{
    if (n_answered == 2 || !wishes[n_answered].at_ns || clock_ns < wishes[n_answered].at_ns) return false;
    *ret = (phx_load_change){ .size = sizeof *ret, .factor = wishes[n_answered].factor };
    return true;
}

static void changed(void *arg, phx_status status)
{
    wishes[n_answered++].answer = status;
}

static int64_t now(void *arg)
{
    return clock_ns;
}

static bool wait_until(void *arg, int64_t until_ns)
{
    if (until_ns > clock_ns) clock_ns = until_ns;
    return stop_at_ns && clock_ns >= stop_at_ns;
}

static void report(void *arg, const struct run_status *s)
{
    ck_assert_int_eq(s->state, RUN_RUNNING);
    ck_assert_uint_ge(s->delivered, last_report.delivered);
    reports++;
    last_report = *s;
}

static struct run_conf conf;

static struct run_status run(uint64_t wants, uint64_t next_ns, int64_t duration_s)
{
    self = (struct phx_self){ .wants = wants, .next_ns = next_ns, .failure = PHX_E_INTERNAL,
                              .fail_at = self.fail_at, .overrun_at = self.overrun_at, .rest = self.rest };
    conf.self = &self;
    conf.duration_ns = duration_s * NS_PER_S;
    clock_ns = 12345;
    reports = 0;
    last_report = (struct run_status){ 0 };
    struct run_env env = { .now = now,       .wait = wait_until, .change = next_change,
                           .changed = changed, .report = report };
    return run_load(&conf, &env);
}

static void set_up(void)
{
    self = (struct phx_self){ 0 };
    stop_at_ns = 0;
    memset(wishes, 0, sizeof wishes);
    n_answered = 0;
    conf = (struct run_conf){ .ops = &OPS, .seed = 42, .max_rate = 1000 };
}

START_TEST(it_runs_for_its_duration_and_reports_each_second)
{
    struct run_status s = run(1, NS_PER_S / 10, 60);
    ck_assert_int_eq(s.state, RUN_COMPLETED);
    ck_assert_int_eq(s.elapsed_ns, 60 * NS_PER_S);
    ck_assert_uint_eq(s.delivered, 600);
    ck_assert_uint_eq(s.offered, 600);
    ck_assert_uint_eq(reports, 59);
    ck_assert_uint_eq(self.starts, 1);
    ck_assert_uint_eq(self.stops, 1);
    ck_assert_uint_eq(self.seed, 42);
}
END_TEST

START_TEST(an_hour_at_the_rate_limit_delivers_the_rate_and_one_burst)
{
    struct run_status s = run(1000000, NS_PER_S / 100, 3600);
    ck_assert_uint_le(s.delivered, 1000 * 3601);
    ck_assert_uint_ge(s.delivered, 1000 * 3600);
    ck_assert_uint_gt(s.offered, s.delivered);
}
END_TEST

START_TEST(unused_quota_is_not_saved_up_beyond_a_second)
{
    ck_assert_uint_eq(run_quota(&conf, 0, 0), 1000);
    ck_assert_uint_eq(run_quota(&conf, 100 * NS_PER_S, 0), 1000);
    ck_assert_uint_eq(run_quota(&conf, NS_PER_S, 1500), 500);
    ck_assert_uint_eq(run_quota(&conf, NS_PER_S, 5000), 0);
    conf.max_total = 100;
    ck_assert_uint_eq(run_quota(&conf, NS_PER_S, 90), 10);
    ck_assert_uint_eq(run_quota(&conf, NS_PER_S, 100), 0);
}
END_TEST

START_TEST(the_total_ends_the_load)
{
    conf.max_total = 100;
    struct run_status s = run(7, NS_PER_S / 10, 60);
    ck_assert_int_eq(s.state, RUN_COMPLETED);
    ck_assert_uint_eq(s.delivered, 100);
    ck_assert_int_lt(s.elapsed_ns, 3 * NS_PER_S);
}
END_TEST

START_TEST(a_stop_ends_it_in_order)
{
    stop_at_ns = 5 * NS_PER_S;
    struct run_status s = run(1, NS_PER_S / 10, 60);
    ck_assert_int_eq(s.state, RUN_STOPPED);
    ck_assert_uint_eq(self.stops, 1);
    ck_assert_int_le(s.elapsed_ns, 5 * NS_PER_S);
}
END_TEST

START_TEST(a_failing_step_fails_the_load_and_is_stopped)
{
    self.fail_at = 3;
    struct run_status s = run(1, NS_PER_S / 10, 60);
    ck_assert_int_eq(s.state, RUN_FAILED);
    ck_assert_int_eq(s.failure, PHX_E_INTERNAL);
    ck_assert_uint_eq(self.steps, 3);
    ck_assert_uint_eq(self.stops, 1);
}
END_TEST

START_TEST(a_failing_start_is_never_stepped_nor_stopped)
{
    self.fail_at = UINT64_MAX;
    ck_assert_int_eq(run(1, NS_PER_S / 10, 60).state, RUN_FAILED);
    ck_assert_uint_eq(self.steps, 0);
    ck_assert_uint_eq(self.stops, 0);
}
END_TEST

START_TEST(more_than_the_quota_is_a_failure)
{
    self.overrun_at = 4;
    struct run_status s = run(1, NS_PER_S / 10, 60);
    ck_assert_int_eq(s.state, RUN_FAILED);
    ck_assert_str_eq(s.reason, "the profile produced more than its quota");
    ck_assert_uint_eq(s.delivered, 3);
}
END_TEST

START_TEST(a_hasty_profile_is_slowed_and_a_sleepy_one_woken)
{
    (void)run(0, 0, 10);
    ck_assert_uint_le(self.steps, 10000); /* one a millisecond */
    (void)run(0, UINT64_MAX, 10);
    ck_assert_uint_ge(self.steps, 10); /* one a second */
}
END_TEST

START_TEST(a_profile_that_knows_no_due_offers_what_it_delivers)
{
    conf.ops = &OLD_OPS;
    struct run_status s = run(1000000, NS_PER_S / 10, 10);
    ck_assert_uint_eq(s.offered, s.delivered);
}
END_TEST

START_TEST(a_load_is_changed_while_it_runs)
{
    conf.ops = &NEW_OPS;
    wishes[0].at_ns = 5 * NS_PER_S;
    wishes[0].factor = 3;
    wishes[1].at_ns = 6 * NS_PER_S;
    wishes[1].factor = 11;
    struct run_status s = run(10, NS_PER_S / 10, 10);
    ck_assert_uint_eq(n_answered, 2);
    ck_assert_int_eq(wishes[0].answer, PHX_OK);
    ck_assert_int_eq(wishes[1].answer, PHX_E_INVAL);
    ck_assert_double_eq(self.factor, 3);
    ck_assert_uint_le(self.adjusted_at_ns, 5 * NS_PER_S); /* the time of a step, not a later one */
    ck_assert_uint_gt(self.adjusted_at_ns, 4 * NS_PER_S);
    ck_assert_uint_ge(s.delivered, 50 * 10 + 49 * 30);
    ck_assert_uint_le(s.delivered, 50 * 10 + 51 * 30);
}
END_TEST

START_TEST(a_profile_that_cannot_be_changed_says_so)
{
    wishes[0].at_ns = 5 * NS_PER_S;
    struct run_status s = run(1, NS_PER_S / 10, 10);
    ck_assert_int_eq(wishes[0].answer, PHX_E_UNSUPPORTED);
    ck_assert_int_eq(s.state, RUN_COMPLETED);
}
END_TEST

START_TEST(what_a_profile_tells_is_passed_on)
{
    conf.ops = &NEW_OPS;
    struct run_status s = run(1, NS_PER_S / 10, 3);
    const struct run_status *both[] = { &s, &last_report };
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_double_eq(both[i]->rejected, 5);
        ck_assert_double_eq(both[i]->failed, 1000);
        ck_assert_double_eq(both[i]->late, -1);
        ck_assert_double_eq(both[i]->rate, 12.5);
        ck_assert_str_eq(both[i]->told, "the other side is away");
    }
    conf.ops = &OPS;
    ck_assert_double_eq(run(1, NS_PER_S / 10, 3).rate, -1);
}
END_TEST

START_TEST(answers_after_the_stop_count_within_the_quota)
{
    conf.ops = &NEW_OPS;
    self.rest = 30;
    ck_assert_uint_eq(run(1, NS_PER_S / 10, 3).delivered, 60);
    self.rest = 1000000;
    ck_assert_uint_eq(run(1, NS_PER_S / 10, 3).delivered, 30 + 1000); /* one second of max_rate */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("loadhost/run");
    TCase *tc = tcase_create("run");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, it_runs_for_its_duration_and_reports_each_second);
    tcase_add_test(tc, an_hour_at_the_rate_limit_delivers_the_rate_and_one_burst);
    tcase_add_test(tc, unused_quota_is_not_saved_up_beyond_a_second);
    tcase_add_test(tc, the_total_ends_the_load);
    tcase_add_test(tc, a_stop_ends_it_in_order);
    tcase_add_test(tc, a_failing_step_fails_the_load_and_is_stopped);
    tcase_add_test(tc, a_failing_start_is_never_stepped_nor_stopped);
    tcase_add_test(tc, more_than_the_quota_is_a_failure);
    tcase_add_test(tc, a_hasty_profile_is_slowed_and_a_sleepy_one_woken);
    tcase_add_test(tc, a_profile_that_knows_no_due_offers_what_it_delivers);
    tcase_add_test(tc, a_load_is_changed_while_it_runs);
    tcase_add_test(tc, a_profile_that_cannot_be_changed_says_so);
    tcase_add_test(tc, what_a_profile_tells_is_passed_on);
    tcase_add_test(tc, answers_after_the_stop_count_within_the_quota);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
