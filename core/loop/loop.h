/* SPDX-License-Identifier: Apache-2.0 */
/** @file loop.h
 * One event loop a process. Everything here is [loop] unless it says [any].
 */
#ifndef PHOENIX_LOOP_LOOP_H
#define PHOENIX_LOOP_LOOP_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/err.h"

struct loop;
struct event_base; /* libevent's; for core/http only */
typedef void loop_fn(void *arg);

/** epoll with change list, no locks in libevent: no descriptor in this loop may be a dup() of
 *  another one in it. Sets libevent's fatal callback and ignores SIGPIPE. */
struct loop *loop_new(struct err *err);
/** Runs what was deferred, waits for lanes that are closing, then frees. */
void loop_free(struct loop *l);
/** Runs until loop_stop(). 0 or a negative code. */
int loop_run(struct loop *l, struct err *err) MUST_CHECK;
void loop_stop(struct loop *l); /**< after this turn */
struct event_base *loop_base(struct loop *l);
/** Wall time of this turn, cached; ns. */
int64_t loop_wall(struct loop *l);

/** Run fn(arg) after the callback that runs now has returned, before the loop waits again, in the
 *  order given. This is where objects that an event can still reach are freed. */
void loop_defer(struct loop *l, loop_fn *fn, void *arg);
/** [any] Run fn(arg) on the loop soon. Also from worker threads. */
void loop_post(struct loop *l, loop_fn *fn, void *arg);
/** Call fn(arg) on the loop when @p signo arrives. One function a signal; NULL: back to default. */
int loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *arg, struct err *err) MUST_CHECK;

struct timer;
/** A timer that is not armed. The owner frees it. */
struct timer *timer_new(struct loop *l, loop_fn *fn, void *arg);
void timer_free(struct timer *t); /**< NULL allowed; safe inside its own callback */
void timer_set(struct timer *t, int64_t delay_ns); /**< once; replaces what was set */
void timer_every(struct timer *t, int64_t first_ns, int64_t interval_ns); /**< drift-free ticks */
void timer_clear(struct timer *t);
bool timer_is_set(const struct timer *t);

enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch;
typedef void watch_fn(void *arg, int fd, unsigned what);
/** Level-triggered. The descriptor stays the caller's: watch_free() before close(). */
struct watch *watch_new(struct loop *l, int fd, unsigned what, watch_fn *fn, void *arg);
void watch_set(struct watch *w, unsigned what);
void watch_free(struct watch *w); /**< NULL allowed; safe inside its own callback */
#endif
