/* SPDX-License-Identifier: Apache-2.0 */
/* PUT, DELETE, revisions, batches, append-only collections. */
#include "tests/conformance/tck.h"

static uint64_t rev_of(struct host *h, const char *id)
{
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T(id))));
    CHECK_STATUS(c, PHX_OK);
    CHECK(c->rows[0].rev != 0 && c->rows[0].rev != PHX_REV_NEW);
    return c->rows[0].rev;
}

static struct call *put_if(struct host *h, const char *id, uint64_t rev)
{
    return host_call(h, REQ(PHX_PUT, .collection = &items, .if_rev = rev, ITEM(id, "new", I(9))));
}

static void a_record_that_is_not_there_is_notfound(struct tck *t)
{
    struct host *h = host_ready(t);
    CHECK_STATUS(host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("a")))), PHX_E_NOTFOUND);
    put_item(h, "a", "x", 1);
    CHECK_STATUS(host_call(h, REQ(PHX_DELETE, .collection = &items, CELLS(T("a")))), PHX_OK);
    CHECK_STATUS(host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("a")))), PHX_E_NOTFOUND);
    struct call *c = host_call(h, REQ(PHX_DELETE, .collection = &items, CELLS(T("a"))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 0);
    host_close(h);
}

static void every_change_raises_the_revision(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 1);
    uint64_t r1 = rev_of(h, "a");
    put_item(h, "a", "x", 1);
    uint64_t r2 = rev_of(h, "a");
    CHECK(r2 > r1);
    struct call *c = host_call(h, REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 1)),
                                      CONDS(COND(ITEM_ID, PHX_EQ, T("a")))));
    CHECK_STATUS(c, PHX_OK);
    CHECK(c->rows[0].rev > r2);
    uint64_t r3 = c->rows[0].rev;
    CHECK(rev_of(h, "a") == r3);
    CHECK_STATUS(host_call(h, REQ(PHX_DELETE, .collection = &items, CELLS(T("a")))), PHX_OK);
    put_item(h, "a", "x", 1);
    CHECK(rev_of(h, "a") > r3);
    host_close(h);
}

static void of_two_writers_with_one_revision_one_wins(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 1);
    uint64_t rev = rev_of(h, "a");
    CHECK_STATUS(put_if(h, "a", rev), PHX_OK);
    CHECK_STATUS(put_if(h, "a", rev), PHX_E_CONFLICT);
    CHECK_STATUS(put_if(h, "b", rev), PHX_E_CONFLICT);
    CHECK_STATUS(host_call(h, REQ(PHX_DELETE, .collection = &items, .if_rev = rev, CELLS(T("a")))),
                 PHX_E_CONFLICT);
    rev = rev_of(h, "a");
    struct call *c = host_call(h, REQ(PHX_UPDATE, .collection = &items, .if_rev = rev,
                                      SETS(SET(ITEM_NAME, T("u"))), CONDS(COND(ITEM_ID, PHX_EQ, T("a")))));
    CHECK_STATUS(c, PHX_OK);
    c = host_call(h, REQ(PHX_UPDATE, .collection = &items, .if_rev = rev, .flags = PHX_NO_ROWS,
                         SETS(SET(ITEM_NAME, T("v"))), CONDS(COND(ITEM_ID, PHX_EQ, T("a")))));
    CHECK_STATUS(c, PHX_E_CONFLICT);
    rev = rev_of(h, "a");
    c = host_call(h, REQ(PHX_DELETE, .collection = &items, .if_rev = rev, CELLS(T("a"))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 1);
    host_close(h);
}

static void a_record_is_created_once(struct tck *t)
{
    struct host *h = host_ready(t);
    CHECK_STATUS(put_if(h, "a", PHX_REV_NEW), PHX_OK);
    CHECK_STATUS(put_if(h, "a", PHX_REV_NEW), PHX_E_CONFLICT);
    CHECK_EQ(all_items(h)->n_rows, 1);
    host_close(h);
}

static void a_batch_is_done_whole_and_counts_its_rows(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "old", "x", 1);
    struct call *c = host_call(h, REQ(PHX_BATCH, BATCH(
        REQ(PHX_PUT, .collection = &items, ITEM("a", "x", I(1))),
        REQ(PHX_PUT, .collection = &pairs, CELLS(T("p"), I(1), I(7))),
        REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 10)), CONDS(COND(ITEM_NAME, PHX_EQ, T("x")))),
        REQ(PHX_DELETE, .collection = &items, CELLS(T("old"))))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 5);
    CHECK_EQ(c->n_rows, 0);
    c = all_items(h);
    CHECK_EQ(c->n_rows, 1);
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, 11);
    host_close(h);
}

static void a_batch_that_fails_does_nothing_and_names_its_member(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 1);
    uint64_t rev = rev_of(h, "a");
    struct call *c = host_call(h, REQ(PHX_BATCH, BATCH(
        REQ(PHX_PUT, .collection = &items, ITEM("b", "x", I(1))),
        REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 10)), CONDS(COND(ITEM_ID, PHX_EQ, T("a")))),
        REQ(PHX_PUT, .collection = &items, .if_rev = PHX_REV_NEW, ITEM("a", "y", I(2))),
        REQ(PHX_DELETE, .collection = &items, CELLS(T("a"))))));
    CHECK_STATUS(c, PHX_E_CONFLICT);
    CHECK_EQ(c->n, 2);
    c = all_items(h);
    CHECK_EQ(c->n_rows, 1);
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, 1);
    CHECK(c->rows[0].rev == rev);
    c = host_call(h, REQ(PHX_BATCH, BATCH(REQ(PHX_PUT, .collection = &items, ITEM("b", "x", I(1))),
                                          REQ(PHX_PUT, .collection = &items, ITEM("c", "\xff", I(1))))));
    CHECK_STATUS(c, PHX_E_INVAL);
    CHECK_EQ(c->n, 1);
    CHECK_EQ(all_items(h)->n_rows, 1);
    host_close(h);
}

static void a_failing_neighbour_does_not_hurt(struct tck *t)
{
    struct host *h = host_ready(t);
    enum { N = 60 };
    static phx_req reqs[N];
    static phx_cell cells[N][8];
    struct call *calls[N];
    char ids[N][16];
    put_item(h, "taken", "x", 1);
    for (int i = 0; i < N; i++) {
        snprintf(ids[i], sizeof(ids[i]), "i%02d", i);
        cells[i][ITEM_ID] = i % 3 == 0 ? T("taken") : T(ids[i]);
        cells[i][ITEM_NAME] = T("n");
        reqs[i] = *REQ(PHX_PUT, .collection = &items, .if_rev = PHX_REV_NEW, .cells = cells[i], .n_cells = 8);
        calls[i] = host_start(h, &reqs[i]);
    }
    for (int i = 0; i < N; i++) {
        host_wait(calls[i]);
        CHECK_STATUS(calls[i], i % 3 == 0 ? PHX_E_CONFLICT : PHX_OK);
        call_free(calls[i]);
    }
    CHECK_EQ(all_items(h)->n_rows, 1 + N * 2 / 3);
    host_close(h);
}

static void rows_are_appended_many_at_once_and_count_once(struct tck *t)
{
    struct host *h = host_ready(t);
    const phx_req *two = REQ(PHX_PUT, .collection = &logs,
                             CELLS(T("h"), I(1), W(5), T("one"), T("h"), I(2), W(6), NIL));
    struct call *c = host_call(h, two);
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 2);
    c = host_call(h, REQ(PHX_PUT, .collection = &logs,
                         CELLS(T("h"), I(2), W(9), T("other"), T("h"), I(3), W(7), NIL)));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 1);
    c = host_call(h, REQ(PHX_PUT, .collection = &logs, .if_rev = PHX_REV_NEW,
                         CELLS(T("h"), I(4), W(7), NIL, T("h"), I(3), W(7), NIL)));
    CHECK_STATUS(c, PHX_E_CONFLICT);
    c = host_call(h, REQ(PHX_SCAN, .collection = &logs, ORDER(LOG_SEQ)));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, 3);
    CHECK_EQ(c->rows[1].cells[LOG_AT].i, US(6));
    CHECK_EQ(c->rows[1].rev, 1);
    host_close(h);
}

static void rows_are_deleted_by_condition_in_chunks(struct tck *t)
{
    struct host *h = host_ready(t);
    for (int i = 0; i < 25; i++)
        CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &logs, CELLS(T("h"), I(i), W(100 + i), NIL))),
                     PHX_OK);
    const phx_req *chunk = REQ(PHX_DELETE, .collection = &logs, .limit = 8, .flags = PHX_RELAXED,
                               ORDER(LOG_AT), CONDS(COND(LOG_AT, PHX_LT, W(120))));
    static const unsigned want[] = { 8, 8, 4, 0 };
    for (int i = 0; i < 4; i++) {
        struct call *c = host_call(h, chunk);
        CHECK_STATUS(c, PHX_OK);
        CHECK_EQ(c->n, want[i]);
        if (i == 0) {
            c = host_call(h, REQ(PHX_SCAN, .collection = &logs, ORDER(LOG_AT), .limit = 1));
            CHECK_EQ(c->rows[0].cells[LOG_AT].i, US(108));
        }
    }
    struct call *c =
        host_call(h, REQ(PHX_DELETE, .collection = &logs, CONDS(COND(LOG_HOST, PHX_EQ, T("h")))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 5);
    host_close(h);
}

const struct tck_test tests_writes[] = {
    TEST(a_record_that_is_not_there_is_notfound, 0),
    TEST(every_change_raises_the_revision, 0),
    TEST(of_two_writers_with_one_revision_one_wins, 0),
    TEST(a_record_is_created_once, 0),
    TEST(a_batch_is_done_whole_and_counts_its_rows, 0),
    TEST(a_batch_that_fails_does_nothing_and_names_its_member, 0),
    TEST(a_failing_neighbour_does_not_hurt, 0),
    TEST(rows_are_appended_many_at_once_and_count_once, 0),
    TEST(rows_are_deleted_by_condition_in_chunks, 0),
    TESTS_END,
};
