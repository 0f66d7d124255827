/* SPDX-License-Identifier: Apache-2.0 */
/* Leases of several processes: each is a `struct api` of its own, and all share one loop and one store, the
 * reference driver made to look shared. Its clock is the real one, with a short ttl. */
#include "core/api/lease.h"
#include <time.h>
#include "../unit.h"
#include "core/base/clock.h"
#include "core/base/log.h"

extern const phx_plugin phoenix_plugin_v1_memory;

static struct loop *loop;

/* ---- a store that is shared, and can be away, for all or for the process that came first */

static struct {
    phx_component component;
    phx_storage_ops ops;
    const phx_storage_ops *memory;
    unsigned statements;
    bool is_shared, away, away_for_first, holds_takes;
    struct {
        phx_self *self;
        phx_op *op;
        const phx_req *req;
    } held;
    char first_owner[128];
} driver;

static void no_watch(phx_self *self, const phx_storage_watcher *watcher) {}
static void no_signal(phx_self *self, phx_str topic, phx_str key) {}
static const phx_storage_watch_ops watch_ops = { .size = sizeof watch_ops, .watch = no_watch,
                                                 .signal = no_signal };

static const void *extension(const char *id)
{
    return driver.is_shared && strcmp(id, PHX_STORAGE_WATCH) == 0 ? &watch_ops : NULL;
}

static bool is_first(const phx_cell *owner)
{
    size_t n = strlen(driver.first_owner);
    return owner->s.n == n && memcmp(owner->s.p, driver.first_owner, n) == 0;
}

/* Does the process that came first write here? Its name stands in a condition or an assignment. */
static bool is_of_first(const phx_req *req)
{
    for (uint32_t i = 0; i < req->n_conds; i++)
        if (req->conds[i].field == F_LEASES_OWNER && is_first(req->conds[i].cell))
            return true;
    for (uint32_t i = 0; i < req->n_sets; i++)
        if (req->sets[i].field == F_LEASES_OWNER && is_first(&req->sets[i].cell))
            return true;
    return false;
}

static void submit(phx_self *self, phx_op *op, const phx_req *req)
{
    if (req->code == PHX_PUT && !driver.first_owner[0])
        memcpy(driver.first_owner, req->cells[F_LEASES_OWNER].s.p, req->cells[F_LEASES_OWNER].s.n);
    if (req->code != PHX_ENSURE) {
        driver.statements++;
        if (driver.away || (driver.away_for_first && is_of_first(req))) {
            op->reply->done(op, PHX_E_UNAVAILABLE, 0, PHX_LIT("away"));
            return;
        }
    }
    if (driver.holds_takes && (req->code == PHX_PUT || req->code == PHX_UPDATE)) {
        driver.held.self = self;
        driver.held.op = op;
        driver.held.req = req;
        loop_stop(loop);
        return;
    }
    driver.memory->submit(self, op, req);
}

static void release_take(void)
{
    driver.holds_takes = false;
    driver.memory->submit(driver.held.self, driver.held.op, driver.held.req);
}

/* ---- processes */

enum { PROCESSES = 3 };
#define TTL_NS (400 * NS_PER_MS)
static struct registry *registry;
static struct store *store;
static struct settings settings = { .lease_ttl = TTL_NS };
static struct process {
    struct api api;
    struct lease *lease;
    unsigned gained, lost;
    int64_t gained_ns, lost_ns;
} process[PROCESSES];

static unsigned holders(void)
{
    unsigned n = 0;
    for (int i = 0; i < PROCESSES; i++)
        n += process[i].lease && lease_held(process[i].lease);
    return n;
}

static void on_gained(void *arg)
{
    struct process *p = arg;
    p->gained++;
    p->gained_ns = clock_mono();
    ck_assert(lease_held(p->lease));
    ck_assert_uint_eq(holders(), 1);
    loop_stop(loop);
}

static void on_lost(void *arg)
{
    struct process *p = arg;
    p->lost++;
    p->lost_ns = clock_mono();
    ck_assert(!lease_held(p->lease));
    loop_stop(loop);
}

static void stop_loop(void *arg)
{
    loop_stop(loop);
}

static void turn(void)
{
    ck_assert_int_eq(loop_run(loop, NULL), 0);
}

static void run_for(int64_t ns)
{
    struct timer *t = timer_new(loop, stop_loop, NULL);
    int64_t until = clock_mono() + ns;
    for (int64_t left = ns; left > 0; left = until - clock_mono()) {
        timer_set(t, left);
        turn();
    }
    timer_free(t);
}

static void on_open(void *arg, const struct err *err)
{
    ck_assert_ptr_null(err);
    loop_stop(loop);
}

static void ignore(void *arg, const char *line) {}

static void set_up(bool is_shared)
{
    static const phx_component *components[2];
    static phx_plugin plugin;
    static const phx_plugin *const builtin[] = { &plugin, NULL };
    struct err err = { 0 };
    log_capture(ignore, NULL);
    plugin = phoenix_plugin_v1_memory;
    driver.component = *plugin.components[0];
    driver.memory = driver.component.ops;
    driver.ops = *driver.memory;
    driver.ops.submit = submit;
    driver.component.ops = &driver.ops;
    driver.component.extension = extension;
    driver.is_shared = is_shared;
    components[0] = &driver.component;
    plugin.components = components;
    loop = loop_new(&err);
    struct registry_conf conf = { .program = "test", .version = "1", .builtin = builtin, .loop = loop };
    registry = registry_new(&conf, &err);
    store = store_open(registry, "memory", NULL, loop, on_open, NULL, &err);
    ck_assert_msg(store != NULL, "%s", err.msg);
    turn();
    for (int i = 0; i < PROCESSES; i++) {
        process[i].api = (struct api){ .loop = loop, .settings = &settings, .store = store };
        ck_assert_int_eq(leases_start(&process[i].api, &err), 0);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < PROCESSES; i++)
        lease_free(process[i].lease);
    store_close(store, stop_loop, NULL);
    turn();
    for (int i = 0; i < PROCESSES; i++)
        leases_stop(&process[i].api);
    registry_free(registry);
    loop_free(loop);
}

static struct process *start(int i)
{
    struct process *p = &process[i];
    p->lease = lease_new(&p->api, LEASE_SINGLETONS, on_gained, on_lost, p);
    return p;
}

/* ---- */

START_TEST(a_process_alone_on_its_store_holds_at_once_without_a_statement)
{
    set_up(false);
    unsigned before = driver.statements;
    struct process *p = start(0);
    ck_assert(!lease_held(p->lease));
    turn();
    ck_assert_uint_eq(p->gained, 1);
    run_for(2 * TTL_NS);
    ck_assert(lease_held(p->lease));
    ck_assert_uint_eq(driver.statements, before);
    ck_assert_uint_eq(p->lost, 0);
    tear_down();
}
END_TEST

START_TEST(one_of_several_holds_and_goes_on_holding)
{
    set_up(true);
    for (int i = 0; i < PROCESSES; i++)
        start(i);
    turn();
    run_for(4 * TTL_NS);
    ck_assert_uint_eq(holders(), 1);
    ck_assert_uint_eq(process[0].gained + process[1].gained + process[2].gained, 1);
    ck_assert_uint_eq(process[0].lost + process[1].lost + process[2].lost, 0);
    tear_down();
}
END_TEST

START_TEST(all_leases_of_a_process_cost_one_statement_a_look)
{
    struct lease *more[8];
    set_up(true);
    struct process *p = start(0);
    turn();
    for (int i = 0; i < 8; i++)
        more[i] = lease_new(&p->api, (char[]){ (char)('a' + i), '\0' }, NULL, NULL, NULL);
    run_for(TTL_NS / 4);
    for (int i = 0; i < 8; i++)
        ck_assert(lease_held(more[i]));
    unsigned before = driver.statements;
    run_for(4 * TTL_NS);
    ck_assert_uint_le(driver.statements - before, 4 * 16 / 5 + 1);
    ck_assert_uint_ge(driver.statements - before, 4);
    for (int i = 0; i < 8; i++)
        lease_free(more[i]);
    tear_down();
}
END_TEST

START_TEST(a_lease_that_is_given_up_goes_to_another_at_its_next_look)
{
    set_up(true);
    struct process *first = start(0), *second = start(1);
    turn();
    ck_assert(lease_held(first->lease));
    int64_t before = clock_mono();
    leases_release(&first->api);
    ck_assert_uint_eq(first->lost, 1);
    ck_assert(!lease_held(first->lease));
    while (second->gained == 0)
        turn();
    ck_assert_int_lt(second->gained_ns - before, TTL_NS * 3 / 4);
    tear_down();
}
END_TEST

START_TEST(freeing_a_lease_gives_it_up)
{
    set_up(true);
    struct process *first = start(0), *second = start(1);
    turn();
    int64_t before = clock_mono();
    lease_free(first->lease);
    first->lease = NULL;
    while (second->gained == 0)
        turn();
    ck_assert_int_lt(second->gained_ns - before, TTL_NS * 3 / 4);
    ck_assert_uint_eq(first->lost, 0);
    tear_down();
}
END_TEST

START_TEST(a_holder_that_is_gone_is_replaced_after_the_ttl)
{
    set_up(true);
    struct process *first = start(0), *second = start(1);
    turn();
    ck_assert(lease_held(first->lease));
    int64_t before = clock_mono();
    leases_stop(&first->api); /* as by kill -9: nothing is said */
    first->lease = NULL;
    while (second->gained == 0)
        turn();
    ck_assert_int_ge(second->gained_ns - before, TTL_NS * 5 / 16);
    ck_assert_int_lt(second->gained_ns - before, 3 * TTL_NS);
    ck_assert_int_eq(leases_start(&first->api, NULL), 0);
    tear_down();
}
END_TEST

START_TEST(a_holder_that_cannot_renew_gives_up_before_another_takes_it)
{
    set_up(true);
    struct process *first = start(0), *second = start(1);
    turn();
    ck_assert(lease_held(first->lease));
    driver.away_for_first = true;
    while (second->gained == 0)
        turn(); /* on_gained() looks that nobody else holds */
    ck_assert_uint_eq(first->lost, 1);
    ck_assert_int_lt(first->lost_ns, second->gained_ns);
    tear_down();
}
END_TEST

START_TEST(a_holder_that_was_stopped_knows_before_its_next_tick)
{
    set_up(true);
    struct process *p = start(0);
    turn();
    ck_assert(lease_held(p->lease));
    struct timespec pause = { .tv_nsec = TTL_NS };
    nanosleep(&pause, NULL);
    ck_assert(!lease_held(p->lease));
    ck_assert_uint_eq(p->lost, 0);
    turn();
    ck_assert_uint_eq(p->lost, 1);
    turn(); /* nobody else was there, so it goes on, under another epoch */
    ck_assert_uint_eq(p->gained, 2);
    tear_down();
}
END_TEST

START_TEST(nobody_holds_while_the_store_is_away_and_one_does_when_it_is_back)
{
    set_up(true);
    struct process *first = start(0), *second = start(1);
    turn();
    driver.away = true;
    while (first->lost == 0)
        turn();
    run_for(TTL_NS);
    ck_assert_uint_eq(holders(), 0);
    driver.away = false;
    int64_t before = clock_mono();
    while (first->gained + second->gained < 2)
        turn();
    ck_assert_int_lt(clock_mono() - before, TTL_NS);
    tear_down();
}
END_TEST

static void free_mine(void *arg)
{
    struct process *p = arg;
    p->gained++;
    lease_free(p->lease);
    p->lease = NULL;
    loop_stop(loop);
}

START_TEST(a_lease_may_be_freed_in_its_callback)
{
    set_up(true);
    struct process *p = &process[0];
    p->lease = lease_new(&p->api, LEASE_SINGLETONS, free_mine, NULL, p);
    turn();
    ck_assert_uint_eq(p->gained, 1);
    ck_assert_ptr_null(p->lease);
    tear_down();
}
END_TEST

START_TEST(a_lease_that_is_freed_while_it_is_being_taken_is_given_up)
{
    set_up(true);
    struct process *first = start(0);
    driver.holds_takes = true;
    turn();
    ck_assert_ptr_nonnull(driver.held.op);
    lease_free(first->lease);
    first->lease = NULL;
    release_take();
    struct process *second = start(1);
    int64_t before = clock_mono();
    while (second->gained == 0)
        turn();
    ck_assert_int_lt(second->gained_ns - before, TTL_NS * 3 / 4);
    ck_assert_uint_eq(first->gained, 0);
    tear_down();
}
END_TEST

START_TEST(an_answer_that_comes_too_late_gives_nothing)
{
    set_up(true);
    struct process *first = start(0);
    driver.holds_takes = true;
    turn();
    nanosleep(&(struct timespec){ .tv_nsec = TTL_NS }, NULL);
    release_take();
    turn(); /* gained by a statement of its own, not by the late one */
    ck_assert_uint_eq(first->gained, 1);
    ck_assert_uint_ge(driver.statements, 4);
    tear_down();
}
END_TEST

UNIT_MAIN("api/lease", a_process_alone_on_its_store_holds_at_once_without_a_statement,
          one_of_several_holds_and_goes_on_holding,
          all_leases_of_a_process_cost_one_statement_a_look,
          a_lease_that_is_given_up_goes_to_another_at_its_next_look, freeing_a_lease_gives_it_up,
          a_holder_that_is_gone_is_replaced_after_the_ttl,
          a_holder_that_cannot_renew_gives_up_before_another_takes_it,
          a_holder_that_was_stopped_knows_before_its_next_tick,
          nobody_holds_while_the_store_is_away_and_one_does_when_it_is_back,
          a_lease_may_be_freed_in_its_callback,
          a_lease_that_is_freed_while_it_is_being_taken_is_given_up,
          an_answer_that_comes_too_late_gives_nothing)
