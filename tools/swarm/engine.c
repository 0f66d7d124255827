/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/engine.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/mem.h"

enum { EVENTS = 512, ALARMS_A_TURN = 256 };

/* ---- the heap: heap[1] is the earliest */

static void place(struct engine *e, uint32_t i, struct alarm *a)
{
    e->heap[i] = a;
    a->place = i;
}

static void sift_up(struct engine *e, uint32_t i, struct alarm *a)
{
    for (; i > 1 && e->heap[i / 2]->at_ns > a->at_ns; i /= 2)
        place(e, i, e->heap[i / 2]);
    place(e, i, a);
}

static void sift_down(struct engine *e, uint32_t i, struct alarm *a)
{
    for (uint32_t child; (child = 2 * i) <= e->n; i = child) {
        if (child < e->n && e->heap[child + 1]->at_ns < e->heap[child]->at_ns)
            child++;
        if (e->heap[child]->at_ns >= a->at_ns)
            break;
        place(e, i, e->heap[child]);
    }
    place(e, i, a);
}

void alarm_clear(struct engine *e, struct alarm *a)
{
    uint32_t i = a->place;
    if (!i)
        return;
    struct alarm *last = e->heap[e->n--];
    a->place = 0;
    if (last == a)
        return;
    if (i > 1 && e->heap[i / 2]->at_ns > last->at_ns)
        sift_up(e, i, last);
    else
        sift_down(e, i, last);
}

void alarm_set(struct engine *e, struct alarm *a, int64_t at_ns)
{
    alarm_clear(e, a);
    if (e->n + 1 >= e->cap) {
        e->cap = e->cap ? e->cap * 2 : 1024;
        e->heap = mem_realloc(e->heap, e->cap, sizeof *e->heap);
    }
    a->at_ns = at_ns;
    sift_up(e, ++e->n, a);
}

/* ---- the loop */

int engine_init(struct engine *e)
{
    *e = (struct engine){ .epoll = epoll_create1(EPOLL_CLOEXEC), .now_ns = clock_mono() };
    return e->epoll < 0 ? -1 : 0;
}

void engine_done(struct engine *e)
{
    close(e->epoll);
    free(e->heap);
}

void engine_stop(struct engine *e)
{
    e->is_stopped = true;
}

int engine_watch(struct engine *e, int fd, struct watched *w)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = w };
    return epoll_ctl(e->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Sockets get their turn also when thousands of alarms are due. */
static void fire(struct engine *e)
{
    e->now_ns = clock_mono();
    for (unsigned i = 0; i < ALARMS_A_TURN && e->n > 0 && e->heap[1]->at_ns <= e->now_ns; i++) {
        struct alarm *a = e->heap[1];
        alarm_clear(e, a);
        a->fn(a);
    }
}

/* Until something can be read or the next alarm is due. epoll_wait() would round to milliseconds. */
static void sleep_until_next(struct engine *e)
{
    int64_t left = e->n > 0 ? e->heap[1]->at_ns - clock_mono() : NS_PER_S;
    struct pollfd fd = { .fd = e->epoll, .events = POLLIN };
    struct timespec wait = { .tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S };
    if (left > 0)
        (void)ppoll(&fd, 1, &wait, NULL);
}

void engine_run(struct engine *e)
{
    static struct epoll_event events[EVENTS];
    while (!e->is_stopped) {
        fire(e);
        int n = epoll_wait(e->epoll, events, EVENTS, 0);
        if (n <= 0 && !e->is_stopped)
            sleep_until_next(e);
        e->now_ns = clock_mono();
        for (int i = 0; i < n && !e->is_stopped; i++) {
            struct watched *w = events[i].data.ptr;
            w->fn(w, events[i].events);
        }
    }
}
