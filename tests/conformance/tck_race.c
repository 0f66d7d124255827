/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of one instance that are under way at once and meet in the same record. A driver may send them
 * together, as one statement even; each must come out as if it had been alone. */
#include "tests/conformance/tck.h"

enum { MANY = 200 };

static struct put *many_start(struct host *h, const char *id, uint64_t if_rev)
{
    struct put *puts = calloc(MANY, sizeof(*puts));
    for (int i = 0; i < MANY; i++) {
        put_make(&puts[i], id, i);
        puts[i].req.if_rev = if_rev;
        puts[i].call = host_start(h, &puts[i].req);
    }
    return puts;
}

/** How many came out well; the others conflict. The last of the winners: *ret_n. */
static int many_wait(struct host *h, struct put *puts, int *ret_n)
{
    int won = 0;
    for (int i = 0; i < MANY; i++) {
        host_wait(puts[i].call);
        if (puts[i].call->status != PHX_E_CONFLICT) {
            CHECK_STATUS(puts[i].call, PHX_OK);
            CHECK_EQ(puts[i].call->n, 1);
            *ret_n = i;
            won++;
        }
        call_free(puts[i].call);
    }
    free(puts);
    return won;
}

static void of_many_that_create_a_record_one_wins(struct tck *t)
{
    struct host *h = host_ready(t);
    int winner = -1;
    CHECK_EQ(many_wait(h, many_start(h, "a", PHX_REV_NEW), &winner), 1);
    CHECK_EQ(all_items(h)->rows[0].cells[ITEM_N].i, winner);
    host_close(h);
}

static void of_many_with_one_revision_one_wins(struct tck *t)
{
    struct host *h = host_ready(t);
    int winner = -1;
    put_item(h, "a", "x", -1);
    uint64_t rev = all_items(h)->rows[0].rev;
    CHECK_EQ(many_wait(h, many_start(h, "a", rev), &winner), 1);
    CHECK_EQ(all_items(h)->rows[0].cells[ITEM_N].i, winner);
    host_close(h);
}

static void a_record_is_put_by_many_at_once(struct tck *t)
{
    struct host *h = host_ready(t);
    int last;
    CHECK_EQ(many_wait(h, many_start(h, "a", 0), &last), MANY);
    struct call *c = all_items(h);
    CHECK_EQ(c->n_rows, 1);
    CHECK(c->rows[0].cells[ITEM_N].i >= 0 && c->rows[0].cells[ITEM_N].i < MANY);
    host_close(h);
}

/** Each is counted, and answers the row as it made it. */
static void additions_at_once_all_count(struct tck *t)
{
    struct host *h = host_ready(t);
    const phx_req *add = REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 1)), ONLY(ITEM_N),
                             CONDS(COND(ITEM_ID, PHX_EQ, T("a"))));
    struct call *calls[MANY];
    bool seen[MANY + 1] = { false };
    uint64_t last_rev = 0;
    put_item(h, "a", "x", 0);
    for (int i = 0; i < MANY; i++)
        calls[i] = host_start(h, add);
    for (int i = 0; i < MANY; i++) {
        host_wait(calls[i]);
        CHECK_STATUS(calls[i], PHX_OK);
        CHECK(calls[i]->n == 1 && calls[i]->n_rows == 1);
        int64_t n = calls[i]->rows[0].cells[ITEM_N].i;
        CHECK(n >= 1 && n <= MANY && !seen[n]);
        seen[n] = true;
        if (n == MANY)
            last_rev = calls[i]->rows[0].rev;
    }
    struct call *c = all_items(h);
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, MANY);
    CHECK(c->rows[0].rev == last_rev);
    for (int i = 0; i < MANY; i++)
        call_free(calls[i]);
    host_close(h);
}

static void a_record_is_deleted_by_one_of_many(struct tck *t)
{
    struct host *h = host_ready(t);
    const phx_req *delete = REQ(PHX_DELETE, .collection = &items, CELLS(T("a")));
    struct call *calls[MANY];
    uint64_t n = 0;
    put_item(h, "a", "x", 0);
    for (int i = 0; i < MANY; i++)
        calls[i] = host_start(h, delete);
    for (int i = 0; i < MANY; i++) {
        host_wait(calls[i]);
        CHECK_STATUS(calls[i], PHX_OK);
        n += calls[i]->n;
        call_free(calls[i]);
    }
    CHECK_EQ(n, 1);
    host_close(h);
}

/** A row that comes twice is appended once, and counted once, whoever brings it. */
static void rows_that_come_twice_at_once_count_once(struct tck *t)
{
    struct host *h = host_ready(t);
    static phx_cell cells[MANY][8];
    static phx_req reqs[MANY];
    struct call *calls[MANY];
    uint64_t n = 0;
    for (int i = 0; i < MANY; i++) {
        phx_cell two[8] = { T("h"), I(i / 2), W(i / 2), T("a"), T("h"), I(i / 2 + 1), W(i / 2 + 1), T("b") };
        memcpy(cells[i], two, sizeof(two));
        reqs[i] = *REQ(PHX_PUT, .collection = &logs, .flags = PHX_RELAXED, .cells = cells[i], .n_cells = 8);
        calls[i] = host_start(h, &reqs[i]);
    }
    for (int i = 0; i < MANY; i++) {
        host_wait(calls[i]);
        CHECK_STATUS(calls[i], PHX_OK);
        n += calls[i]->n;
        call_free(calls[i]);
    }
    struct call *c = host_call(h, REQ(PHX_SCAN, .collection = &logs, ORDER(LOG_SEQ)));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, MANY / 2 + 1);
    CHECK_EQ(n, MANY / 2 + 1);
    host_close(h);
}

/** Two batches that change the same records in opposite orders must not wait for each other for ever. */
static void batches_that_cross_are_all_done(struct tck *t)
{
    struct host *h = host_ready(t);
    const phx_req *a = REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 1)),
                           CONDS(COND(ITEM_ID, PHX_EQ, T("a"))));
    const phx_req *b = REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 1)),
                           CONDS(COND(ITEM_ID, PHX_EQ, T("b"))));
    const phx_req *both[2] = { REQ(PHX_BATCH, BATCH(a, b)), REQ(PHX_BATCH, BATCH(b, a)) };
    struct call *calls[MANY];
    put_item(h, "a", "x", 0);
    put_item(h, "b", "x", 0);
    for (int i = 0; i < MANY; i++)
        calls[i] = host_start(h, both[i % 2]);
    for (int i = 0; i < MANY; i++) {
        host_wait(calls[i]);
        CHECK_STATUS(calls[i], PHX_OK);
        CHECK_EQ(calls[i]->n, 2);
        call_free(calls[i]);
    }
    struct call *c = all_items(h);
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, MANY);
    CHECK_EQ(c->rows[1].cells[ITEM_N].i, MANY);
    host_close(h);
}

/** The members of a batch see each other, in their order. */
static void members_of_a_batch_come_one_after_the_other(struct tck *t)
{
    struct host *h = host_ready(t);
    struct call *c = host_call(h, REQ(PHX_BATCH, BATCH(
        REQ(PHX_PUT, .collection = &items, .if_rev = PHX_REV_NEW, ITEM("a", "x", I(1))),
        REQ(PHX_PUT, .collection = &items, ITEM("a", "x", I(10))),
        REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 5)), CONDS(COND(ITEM_ID, PHX_EQ, T("a")))),
        REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 5)), CONDS(COND(ITEM_N, PHX_EQ, I(15)))),
        REQ(PHX_PUT, .collection = &items, ITEM("b", "x", I(1))),
        REQ(PHX_DELETE, .collection = &items, CELLS(T("b"))))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 6);
    c = all_items(h);
    CHECK_EQ(c->n_rows, 1);
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, 20);
    c = host_call(h, REQ(PHX_BATCH, BATCH(
        REQ(PHX_PUT, .collection = &items, .if_rev = PHX_REV_NEW, ITEM("c", "x", I(1))),
        REQ(PHX_PUT, .collection = &items, .if_rev = PHX_REV_NEW, ITEM("c", "x", I(2))))));
    CHECK_STATUS(c, PHX_E_CONFLICT);
    CHECK_EQ(c->n, 1);
    CHECK_EQ(all_items(h)->n_rows, 1);
    host_close(h);
}

static void reads_and_writes_at_once_have_an_order(struct tck *t)
{
    struct host *h = host_ready(t);
    struct history *y = history_new(1);
    history_run(t, h, y, 0, host_mono() + (uint64_t)TCK_SEC * (t->more ? 10 : 1) / 2, false);
    history_check(y);
    host_close(h);
}

const struct tck_test tests_race[] = {
    TEST(of_many_that_create_a_record_one_wins, 0),
    TEST(of_many_with_one_revision_one_wins, 0),
    TEST(a_record_is_put_by_many_at_once, 0),
    TEST(additions_at_once_all_count, 0),
    TEST(a_record_is_deleted_by_one_of_many, 0),
    TEST(rows_that_come_twice_at_once_count_once, 0),
    TEST(batches_that_cross_are_all_done, 0),
    TEST(members_of_a_batch_come_one_after_the_other, 0),
    TEST(reads_and_writes_at_once_have_an_order, 0),
    TESTS_END,
};
