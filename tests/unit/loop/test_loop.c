/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/loop.h"
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/str.h"

static struct loop *loop;
static char trace[64];

static void setup(void)
{
    trace[0] = '\0';
    loop = loop_new(NULL);
    ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
    loop_free(loop);
}

static void run(void)
{
    struct err err = { 0 };
    ck_assert_msg(loop_run(loop, &err) == 0, "%s", err.msg);
}

static void note(const char *s)
{
    size_t n = strlen(trace);
    ck_assert(str_copy(trace + n, sizeof trace - n, str_of(s)));
}

static void on_a(void *arg) { note("a"); }
static void on_b(void *arg) { note("b"); }
static void on_stop(void *arg) { loop_stop(loop); }

static void on_chain(void *arg)
{
    note("c");
    loop_defer(loop, on_a, NULL);
    loop_defer(loop, on_stop, NULL);
}

START_TEST(deferred_calls_run_in_order_and_may_defer_more)
{
    loop_defer(loop, on_a, NULL);
    loop_defer(loop, on_b, NULL);
    loop_defer(loop, on_chain, NULL);
    loop_defer(loop, on_b, NULL);
    run();
    ck_assert_str_eq(trace, "abcba");
}
END_TEST

static bool chain_goes_on;
static void on_link(void *arg)
{
    if (chain_goes_on)
        loop_defer(loop, on_link, NULL);
}

static void on_chain_stop(void *arg)
{
    chain_goes_on = false;
    loop_stop(loop);
}

START_TEST(a_chain_of_deferrals_does_not_starve_timers)
{
    struct timer *t = timer_new(loop, on_chain_stop, NULL);
    timer_set(t, NS_PER_MS);
    chain_goes_on = true;
    loop_defer(loop, on_link, NULL);
    run(); /* ends only if the timer fires */
    timer_free(t);
}
END_TEST

START_TEST(freeing_the_loop_runs_what_was_deferred)
{
    struct loop *other = loop_new(NULL);
    loop_defer(other, on_a, NULL);
    loop_post(other, on_b, NULL);
    loop_free(other);
    ck_assert_int_eq((int)strlen(trace), 2);
}
END_TEST

#define POSTS 2000
static int posted;
static void on_posted(void *arg)
{
    if (++posted == 2 * POSTS)
        loop_stop(loop);
}

static void *poster(void *arg)
{
    for (int i = 0; i < POSTS; i++)
        loop_post(loop, on_posted, NULL);
    return NULL;
}

START_TEST(posts_from_two_threads_all_arrive)
{
    pthread_t a, b;
    posted = 0;
    pthread_create(&a, NULL, poster, NULL);
    pthread_create(&b, NULL, poster, NULL);
    run();
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    ck_assert_int_eq(posted, 2 * POSTS);
}
END_TEST

static struct timer *ticker;
static int ticks;
static void on_tick(void *arg)
{
    if (++ticks == 5) {
        timer_free(ticker);
        loop_stop(loop);
    }
}

START_TEST(a_repeating_timer_keeps_its_rate_and_may_free_itself)
{
    ticks = 0;
    int64_t before = clock_mono();
    ticker = timer_new(loop, on_tick, NULL);
    ck_assert(!timer_is_set(ticker));
    timer_every(ticker, 0, 20 * NS_PER_MS);
    ck_assert(timer_is_set(ticker));
    run();
    /* Not early beyond the coarse clock's grain; late is the machine's business. */
    ck_assert_int_ge(clock_mono() - before, 70 * NS_PER_MS);
}
END_TEST

START_TEST(a_cleared_timer_does_not_fire)
{
    struct timer *a = timer_new(loop, on_a, NULL), *stop = timer_new(loop, on_stop, NULL);
    timer_set(a, NS_PER_MS);
    timer_clear(a);
    ck_assert(!timer_is_set(a));
    timer_set(stop, INT64_MAX); /* clamped, not overflowed */
    ck_assert(timer_is_set(stop));
    timer_set(stop, 20 * NS_PER_MS);
    run();
    ck_assert_str_eq(trace, "");
    timer_free(a);
    timer_free(stop);
}
END_TEST

static void on_two(void *arg)
{
    ck_assert_int_eq(loop_wall(loop), loop_wall(loop));
    ck_assert_int_gt(loop_wall(loop), INT64_C(1700000000) * NS_PER_S);
    int64_t *then = arg;
    if (*then == 0) {
        *then = loop_wall(loop);
    } else {
        ck_assert_int_gt(loop_wall(loop), *then);
        loop_stop(loop);
    }
}

START_TEST(time_stands_still_within_a_turn_and_moves_between_turns)
{
    int64_t then = 0;
    struct timer *t = timer_new(loop, on_two, &then);
    timer_every(t, NS_PER_MS, 5 * NS_PER_MS);
    run();
    timer_free(t);
}
END_TEST

START_TEST(a_signal_calls_its_function)
{
    ck_assert_int_eq(loop_on_signal(loop, SIGUSR1, on_stop, NULL, NULL), 0);
    raise(SIGUSR1);
    run();
    ck_assert_int_eq(loop_on_signal(loop, SIGUSR1, NULL, NULL, NULL), 0);
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    ck_assert(now.sa_handler == SIG_DFL);
    struct err err = { 0 };
    ck_assert_int_eq(loop_on_signal(loop, -1, on_stop, NULL, &err), ERR_INVAL);
}
END_TEST

static struct watch *watched;
static unsigned seen;
static void on_pipe(void *arg, int fd, unsigned what)
{
    seen |= what;
    char c;
    if (what & WATCH_READ) {
        ck_assert_int_eq(read(fd, &c, 1), 1);
        note("r");
    }
    if (++ticks == 3) {
        watch_free(watched);
        loop_stop(loop);
    }
}

START_TEST(a_watch_is_level_triggered_and_may_free_itself)
{
    int p[2];
    ck_assert_int_eq(pipe(p), 0);
    ck_assert_int_eq(write(p[1], "xyz", 3), 3);
    ticks = 0;
    watched = watch_new(loop, p[0], WATCH_READ, on_pipe, NULL);
    run();
    ck_assert_str_eq(trace, "rrr");
    close(p[0]);
    close(p[1]);
}
END_TEST

START_TEST(a_descriptor_number_that_is_used_again_is_watched_again)
{
    for (int i = 0; i < 3; i++) { /* the change list must see the second one as new */
        int p[2];
        ck_assert_int_eq(pipe(p), 0);
        ck_assert_int_eq(write(p[1], "x", 1), 1);
        ticks = 2;
        watched = watch_new(loop, p[0], WATCH_READ, on_pipe, NULL);
        run();
        close(p[0]);
        close(p[1]);
    }
    ck_assert_str_eq(trace, "rrr");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("loop");
    TCase *t = tcase_create("loop");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, deferred_calls_run_in_order_and_may_defer_more);
    tcase_add_test(t, a_chain_of_deferrals_does_not_starve_timers);
    tcase_add_test(t, freeing_the_loop_runs_what_was_deferred);
    tcase_add_test(t, posts_from_two_threads_all_arrive);
    tcase_add_test(t, a_repeating_timer_keeps_its_rate_and_may_free_itself);
    tcase_add_test(t, a_cleared_timer_does_not_fire);
    tcase_add_test(t, time_stands_still_within_a_turn_and_moves_between_turns);
    tcase_add_test(t, a_signal_calls_its_function);
    tcase_add_test(t, a_watch_is_level_triggered_and_may_free_itself);
    tcase_add_test(t, a_descriptor_number_that_is_used_again_is_watched_again);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
