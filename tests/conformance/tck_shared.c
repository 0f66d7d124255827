/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes on one store at the same time. */
#include <unistd.h>
#include "tests/conformance/tck.h"

enum { PROCESSES = 4, CLAIMERS = 16, ROUNDS = 100 };

/** A collection that is wider than what is there. */
static const phx_field wide_fields[] = { { "a", PHX_TEXT, PHX_F_NOT_NULL }, { "b", PHX_INT, PHX_F_NOT_NULL },
                                         { "v", PHX_INT, 0 },
                                         { "w", PHX_TEXT, PHX_F_NOT_NULL },
                                         { "x", PHX_TIME, 0 } };
static const int32_t by_w[] = { 3, DESC(4) };
static const phx_index wide_indexes[] = { { "pairs_by_w", by_w, 2, 0, NULL } };
static const phx_collection wide = { .size = sizeof(wide), .name = "pairs", .n_fields = 5, .n_key = 2,
                                     .fields = wide_fields, .n_indexes = 1, .indexes = wide_indexes,
                                     .time_field = UINT32_MAX };

static void declare_all(struct tck *t, unsigned i, void *arg)
{
    host_close(host_ready(t));
}

static void declare_wide(struct tck *t, unsigned i, void *arg)
{
    char why[400];
    struct host *h = host_open(t, why);
    if (!h)
        tck_fail(__FILE__, __LINE__, "open: %s", why);
    CHECK_STATUS(host_ensure(h, &wide), PHX_OK);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &wide,
                                  CELLS(T("new"), I(i), NIL, T("w"), W(1)))), PHX_OK);
    host_close(h);
}

static void processes_declare_and_widen_at_the_same_time(struct tck *t)
{
    together(t, PROCESSES, declare_all, NULL);
    struct host *h = host_ready(t);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &pairs, CELLS(T("old"), I(1), I(2)))), PHX_OK);
    host_close(h);
    together(t, PROCESSES, declare_wide, NULL);
    h = host_open(t, NULL);
    CHECK(h);
    CHECK_STATUS(host_ensure(h, &wide), PHX_OK);
    struct call *c = host_call(h, REQ(PHX_SCAN, .collection = &wide));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, PROCESSES + 1);
    CHECK(cell_is(&c->rows[PROCESSES].cells[0], "old") && cell_is(&c->rows[PROCESSES].cells[3], ""));
    host_close(h);
}

/** What a process was told is done is seen by all others at once. */
static void what_is_done_is_seen_by_all(struct tck *t)
{
    struct host *a = host_ready(t), *b = host_ready(t);
    for (int i = 0; i < ROUNDS; i++) {
        put_item(i % 2 ? a : b, "k", "x", i);
        struct call *c = host_call(i % 2 ? b : a, REQ(PHX_GET, .collection = &items, CELLS(T("k"))));
        CHECK_STATUS(c, PHX_OK);
        CHECK_EQ(c->rows[0].cells[ITEM_N].i, i);
    }
    host_close(a);
    host_close(b);
}

/** Read, add one, write if nobody else has: until done. */
static void increment(struct tck *t, unsigned i, void *arg)
{
    struct host *h = host_ready(t);
    for (int done = 0; done < ROUNDS;) {
        struct call *c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("counter"))));
        CHECK_STATUS(c, PHX_OK);
        c = host_call(h, REQ(PHX_PUT, .collection = &items, .if_rev = c->rows[0].rev,
                             ITEM("counter", "x", I(c->rows[0].cells[ITEM_N].i + 1))));
        if (c->status != PHX_E_CONFLICT)
            CHECK_STATUS(c, PHX_OK);
        done += c->status == PHX_OK;
    }
    host_close(h);
}

static void no_increment_is_lost_between_processes(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "counter", "x", 0);
    host_close(h);
    together(t, PROCESSES, increment, NULL);
    h = host_ready(t);
    CHECK_EQ(all_items(h)->rows[0].cells[ITEM_N].i, PROCESSES * ROUNDS);
    host_close(h);
}

static void create(struct tck *t, unsigned i, void *arg)
{
    int *winners = arg;
    struct host *h = host_ready(t);
    for (int k = 0; k < ROUNDS; k++) {
        char id[16];
        snprintf(id, sizeof(id), "c%03d", k);
        struct call *c = host_call(h, REQ(PHX_PUT, .collection = &items, .if_rev = PHX_REV_NEW,
                                          ITEM(id, "x", I(i))));
        if (c->status != PHX_E_CONFLICT)
            CHECK_STATUS(c, PHX_OK);
        if (c->status == PHX_OK)
            __atomic_fetch_add(&winners[k], 1, __ATOMIC_RELAXED);
    }
    host_close(h);
}

static void a_record_is_created_by_one_process(struct tck *t)
{
    int *winners = shared_memory(ROUNDS * sizeof(int));
    together(t, PROCESSES, create, winners);
    for (int k = 0; k < ROUNDS; k++)
        CHECK_EQ(winners[k], 1);
}

/* ---- claims */

enum { TASKS = CLAIMERS * 1000, CHUNK = 1000 };

static void add_tasks(struct host *h)
{
    static phx_cell cells[CHUNK][3];
    static phx_req reqs[CHUNK];
    const phx_req *members[CHUNK];
    for (int done = 0; done < TASKS; done += CHUNK) {
        for (int i = 0; i < CHUNK; i++) {
            cells[i][0] = T((done + i) % 2 ? "h1" : "h0");
            cells[i][1] = I(done + i);
            cells[i][2] = NIL;
            reqs[i] = *REQ(PHX_PUT, .collection = &pairs, .cells = cells[i], .n_cells = 3);
            members[i] = &reqs[i];
        }
        CHECK_STATUS(host_call(h, REQ(PHX_BATCH, .batch = members, .n_batch = CHUNK)), PHX_OK);
    }
}

/** None left can mean that the others hold the rest and have not committed: then all others are done soon. */
static void claim(struct tck *t, unsigned i, void *arg)
{
    int *taken = arg;
    struct host *h = host_ready(t);
    uint64_t n = 1;
    while (n) {
        struct call *c = host_call(h, REQ(PHX_UPDATE, .collection = &pairs, ORDER(PAIR_B), .limit = 50,
                                          .per_key = 30, SETS(SET(PAIR_V, I(i))),
                                          CONDS(COND(PAIR_A, PHX_IN, T("h0"), T("h1")),
                                                COND_NULL(PAIR_V, PHX_IS_NULL))));
        CHECK_STATUS(c, PHX_OK);
        CHECK_EQ(c->n, c->n_rows);
        n = c->n;
        for (size_t k = 0; k < c->n_rows; k++) {
            CHECK_EQ(c->rows[k].cells[PAIR_V].i, i);
            CHECK_EQ(__atomic_fetch_add(&taken[c->rows[k].cells[PAIR_B].i], 1, __ATOMIC_RELAXED), 0);
        }
    }
    host_close(h);
}

static void each_task_goes_to_one_of_16_processes(struct tck *t)
{
    int *taken = shared_memory(TASKS * sizeof(int));
    struct host *h = host_ready(t);
    add_tasks(h);
    host_close(h);
    together(t, CLAIMERS, claim, taken);
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(taken[i], 1);
}

/* ---- histories and crossings */

static void make_history(struct tck *t, unsigned i, void *arg)
{
    struct host *h = host_ready(t);
    history_run(t, h, arg, i, host_mono() + (uint64_t)TCK_SEC * (t->more ? 10 : 2), false);
    host_close(h);
}

static void reads_and_writes_of_processes_have_an_order(struct tck *t)
{
    struct history *y = history_new(PROCESSES);
    host_close(host_ready(t));
    together(t, PROCESSES, make_history, y);
    history_check(y);
}

static void cross(struct tck *t, unsigned i, void *arg)
{
    struct host *h = host_ready(t);
    const phx_req *up[3];
    static const char *const ids[] = { "a", "b", "c" };
    phx_cond conds[3];
    phx_cell cells[3];
    phx_req reqs[3];
    phx_set set = ADD(ITEM_N, 1);
    for (unsigned k = 0; k < 3; k++) {
        cells[k] = T(ids[(i % 2 ? k : 2 - k)]);
        conds[k] = (phx_cond){ ITEM_ID, PHX_EQ, 1, 0, &cells[k] };
        reqs[k] = *REQ(PHX_UPDATE, .collection = &items, .sets = &set, .n_sets = 1, .conds = &conds[k],
                       .n_conds = 1);
        up[k] = &reqs[k];
    }
    for (int k = 0; k < ROUNDS; k++)
        CHECK_STATUS(host_call(h, REQ(PHX_BATCH, .batch = up, .n_batch = 3)), PHX_OK);
    host_close(h);
}

static void batches_of_processes_that_cross_are_all_done(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 0);
    put_item(h, "b", "x", 0);
    put_item(h, "c", "x", 0);
    host_close(h);
    together(t, PROCESSES, cross, NULL);
    h = host_ready(t);
    struct call *c = all_items(h);
    for (int k = 0; k < 3; k++)
        CHECK_EQ(c->rows[k].cells[ITEM_N].i, PROCESSES * ROUNDS);
    host_close(h);
}

const struct tck_test tests_shared[] = {
    TEST(processes_declare_and_widen_at_the_same_time, NEEDS_SHARED),
    TEST(what_is_done_is_seen_by_all, NEEDS_SHARED),
    TEST(no_increment_is_lost_between_processes, NEEDS_SHARED),
    TEST(a_record_is_created_by_one_process, NEEDS_SHARED),
    TEST(each_task_goes_to_one_of_16_processes, NEEDS_SHARED),
    TEST(reads_and_writes_of_processes_have_an_order, NEEDS_SHARED),
    TEST(batches_of_processes_that_cross_are_all_done, NEEDS_SHARED),
    TESTS_END,
};
