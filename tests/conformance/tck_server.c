/* SPDX-License-Identifier: Apache-2.0 */
/* The server of a driver that has one: killed while it works, and started again. The helper does both. */
#include <unistd.h>
#include "tests/conformance/tck.h"

static void must_help(const struct tck *t, const char *verb)
{
    if (!tck_help(t, verb))
        tck_fail(__FILE__, __LINE__, "the helper cannot %s", verb);
}

static void a_server_that_is_killed_loses_nothing_that_was_answered(struct tck *t)
{
    struct host *h = host_ready(t);
    struct load *l = load_new(t, h);
    int under_way = 0;
    for (int round = 0; round < (t->more ? 30 : 3) || (under_way == 0 && round < 30); round++) {
        load_start(l);
        for (unsigned turns = rnd(t, 12); turns; turns--)
            host_turn(h, 1);
        under_way += load_open(l);
        must_help(t, "kill");
        host_turn(h, 1 + rnd(t, 30));
        must_help(t, "restart");
        load_end(l);
    }
    CHECK(under_way > 0); /* a driver may keep what it has not sent yet, so that none fails */
    load_free(l);
    host_close(h);
}

static void operations_without_a_server_fail_in_time(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 1);
    must_help(t, "kill");
    for (int i = 0; i < 5; i++) {
        uint64_t start = host_mono();
        struct call *c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("a")),
                                          .deadline = start + TCK_SEC / 2));
        if (c->status != PHX_E_TIMEOUT)
            CHECK_STATUS(c, PHX_E_UNAVAILABLE);
        CHECK(c->why[0]);
        CHECK(host_mono() - start < (uint64_t)TCK_SEC);
    }
    must_help(t, "restart");
    CHECK(host_recovers(h));
    CHECK(is_there(h, "a"));
    host_close(h);
}

enum { WRITERS = 2 };
struct stage {
    struct history *y;
    int finished;
};

/** Process 0 kills and restarts; the others read and write, and look once more when it is quiet. */
static void kill_or_write(struct tck *t, unsigned i, void *arg)
{
    struct stage *s = arg;
    if (i == 0) {
        for (int round = 0; round < 2; round++) {
            usleep(300000 + rnd(t, 100000));
            must_help(t, "kill");
            must_help(t, "restart");
        }
        usleep(300000);
        __atomic_store_n(&s->finished, 1, __ATOMIC_RELEASE);
        return;
    }
    struct host *h = host_ready(t);
    while (!__atomic_load_n(&s->finished, __ATOMIC_ACQUIRE))
        history_run(t, h, s->y, i - 1, host_mono() + TCK_SEC / 10, true);
    CHECK(host_recovers(h));
    history_run(t, h, s->y, i - 1, host_mono() + TCK_SEC / 10, false);
    host_close(h);
}

static void what_processes_see_has_an_order_although_the_server_dies(struct tck *t)
{
    struct stage *s = shared_memory(sizeof(*s));
    s->y = history_new(WRITERS);
    host_close(host_ready(t));
    together(t, 1 + WRITERS, kill_or_write, s);
    history_check(s->y);
}

const struct tck_test tests_server[] = {
    TEST(a_server_that_is_killed_loses_nothing_that_was_answered, NEEDS_SERVER),
    TEST(operations_without_a_server_fail_in_time, NEEDS_SERVER),
    TEST(what_processes_see_has_an_order_although_the_server_dies, NEEDS_SERVER | NEEDS_SHARED),
    TESTS_END,
};
