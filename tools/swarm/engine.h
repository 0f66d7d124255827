/* SPDX-License-Identifier: Apache-2.0 */
/** @file engine.h
 * epoll and a heap of alarms, for a hundred thousand of each at 32 bytes. One thread. The time is exact
 * to the kernel's timers: a millisecond's rounding would be in every latency that is measured.
 */
#ifndef PHOENIX_SWARM_ENGINE_H
#define PHOENIX_SWARM_ENGINE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTAINER_OF(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

/** Embedded where it is needed; zero is "not set". */
struct alarm {
    int64_t at_ns;
    void (*fn)(struct alarm *a);
    uint32_t place; /**< in the heap; 0: not set */
};
/** Embedded in what owns a descriptor; must outlive the turn in which that is closed. */
struct watched {
    void (*fn)(struct watched *w, uint32_t events);
};
struct engine {
    int epoll;
    int64_t now_ns; /**< of this turn; clock_mono() */
    struct alarm **heap;
    uint32_t n, cap;
    bool is_stopped;
};
int engine_init(struct engine *e); /**< 0, or -1 and errno */
void engine_done(struct engine *e);
/** Until engine_stop(). */
void engine_run(struct engine *e);
void engine_stop(struct engine *e);
/** Edge-triggered, for reading and writing, until @p fd is closed. 0, or -1 and errno. */
int engine_watch(struct engine *e, int fd, struct watched *w);

/** Set or move; @p a->fn is called once, from the loop, never from here. */
void alarm_set(struct engine *e, struct alarm *a, int64_t at_ns);
void alarm_clear(struct engine *e, struct alarm *a);
static inline bool alarm_is_set(const struct alarm *a) { return a->place != 0; }
#endif
