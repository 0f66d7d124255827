/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loop/lane.h"
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define JOBS 500
static struct loop *loop;
static pthread_t loop_thread;
static int worked, done, last_done = -1;
struct numbered {
    int i;
};

static void on_work(void *arg)
{
    struct numbered *n = arg;
    ck_assert_int_eq(n->i, worked); /* only this thread writes it */
    worked++;
    ck_assert(!pthread_equal(pthread_self(), loop_thread));
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ck_assert(sigismember(&mask, SIGTERM));
}

static void on_done(void *arg, int32_t status)
{
    struct numbered *n = arg;
    ck_assert(pthread_equal(pthread_self(), loop_thread));
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(n->i, last_done + 1);
    last_done = n->i;
    done++;
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
    loop_stop(loop);
}

START_TEST(jobs_run_in_order_on_the_lane_and_end_on_the_loop)
{
    loop = loop_new(NULL);
    loop_thread = pthread_self();
    struct lane *lane = lane_open(loop, "a name longer than the kernel takes", NULL);
    ck_assert_ptr_nonnull(lane);
    static struct numbered jobs[JOBS];
    for (int i = 0; i < JOBS; i++) {
        jobs[i].i = i;
        lane_run(lane, on_work, on_done, &jobs[i]);
    }
    bool closed = false;
    lane_close(lane, on_closed, &closed); /* what is queued still runs */
    ck_assert_int_eq(loop_run(loop, NULL), 0);
    ck_assert(closed);
    ck_assert_int_eq(worked, JOBS);
    ck_assert_int_eq(done, JOBS);
    loop_free(loop);
}
END_TEST

static void on_quiet_work(void *arg)
{
    worked++;
}

START_TEST(a_job_without_completion_is_fine)
{
    loop = loop_new(NULL);
    struct lane *lane = lane_open(loop, "quiet", NULL);
    lane_run(lane, on_quiet_work, NULL, NULL);
    bool closed = false;
    lane_close(lane, on_closed, &closed);
    ck_assert_int_eq(loop_run(loop, NULL), 0);
    ck_assert_int_eq(worked, 1);
    loop_free(loop);
}
END_TEST

static void on_slow_work(void *arg)
{
    poll(NULL, 0, 20); /* longer than the loop takes to be freed */
    worked++;
}

static void on_slow_closed(void *arg)
{
    *(bool *)arg = true;
}

START_TEST(a_loop_that_is_freed_waits_for_a_lane_that_is_closing)
{
    loop = loop_new(NULL);
    struct lane *lane = lane_open(loop, "slow", NULL);
    lane_run(lane, on_slow_work, NULL, NULL);
    bool closed = false;
    lane_close(lane, on_slow_closed, &closed);
    loop_free(loop);
    ck_assert_int_eq(worked, 1);
    ck_assert(closed);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lane");
    TCase *t = tcase_create("lane");
    tcase_add_test(t, jobs_run_in_order_on_the_lane_and_end_on_the_loop);
    tcase_add_test(t, a_job_without_completion_is_fine);
    tcase_add_test(t, a_loop_that_is_freed_waits_for_a_lane_that_is_closing);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
