/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane owns one thread and a locked list of jobs. The thread works the list off in order and posts
 * each completion to the loop; it ends when it finds the list empty and `closing` set, and says so to
 * the loop, which joins it there. So nothing waits on the loop's thread.
 */
#include "core/loop/lane.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include "core/base/mem.h"
#include "core/base/str.h"
#include "core/loop/loop_priv.h"

struct job {
    struct job *next;
    loop_fn *work;
    lane_done_fn *then;
    void *arg;
};
struct lane {
    struct loop *loop;
    pthread_t thread;
    char name[16]; /* of the thread: the kernel's limit */
    pthread_mutex_t lock; /* all below */
    pthread_cond_t wake;
    struct job *first, **last;
    bool closing;
    loop_fn *closed; /* set before closing, read after the join */
    void *closed_arg;
};

static void on_job_done(void *arg) /* on the loop */
{
    struct job *job = arg;
    job->then(job->arg, 0);
    free(job);
}

static void on_thread_end(void *arg) /* on the loop */
{
    struct lane *lane = arg;
    pthread_join(lane->thread, NULL);
    loop__release(lane->loop);
    loop_fn *closed = lane->closed;
    void *closed_arg = lane->closed_arg;
    pthread_cond_destroy(&lane->wake);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
    if (closed)
        closed(closed_arg);
}

static struct job *next_job(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    while (!lane->first && !lane->closing)
        pthread_cond_wait(&lane->wake, &lane->lock);
    struct job *job = lane->first;
    if (job) {
        lane->first = job->next;
        if (!lane->first)
            lane->last = &lane->first;
    }
    pthread_mutex_unlock(&lane->lock);
    return job;
}

static void *lane_thread(void *arg)
{
    struct lane *lane = arg;
    pthread_setname_np(pthread_self(), lane->name);
    for (struct job *job; (job = next_job(lane));) {
        job->work(job->arg);
        if (job->then)
            loop_post(lane->loop, on_job_done, job);
        else
            free(job);
    }
    loop_post(lane->loop, on_thread_end, lane);
    return NULL;
}

struct lane *lane_open(struct loop *l, const char *name, struct err *err)
{
    struct lane *lane = mem_alloc(sizeof *lane);
    lane->loop = l;
    lane->last = &lane->first;
    str_copy(lane->name, sizeof lane->name, str_of(name));
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->wake, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&lane->thread, NULL, lane_thread, lane);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        return lane;
    err_errno(err, ERR_UNAVAILABLE, rc, "could not start thread \"%s\"", name);
    pthread_cond_destroy(&lane->wake);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
    return NULL;
}

void lane_run(struct lane *lane, loop_fn *work, lane_done_fn *then, void *arg)
{
    struct job *job = mem_alloc(sizeof *job);
    *job = (struct job){ .work = work, .then = then, .arg = arg };
    pthread_mutex_lock(&lane->lock);
    *lane->last = job;
    lane->last = &job->next;
    pthread_cond_signal(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
}

void lane_close(struct lane *lane, loop_fn *closed, void *arg)
{
    loop__hold(lane->loop);
    pthread_mutex_lock(&lane->lock);
    lane->closed = closed;
    lane->closed_arg = arg;
    lane->closing = true;
    pthread_cond_signal(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
}
