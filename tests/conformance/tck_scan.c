/* SPDX-License-Identifier: Apache-2.0 */
/* SCAN: order, ranges, limits, every condition, partial indexes, distinct values. */
#include "tests/conformance/tck.h"

/** The ids of an answer, joined. */
static const char *ids_of(const struct call *c)
{
    static char text[512];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < c->n_rows && n < sizeof(text); i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", i ? " " : "",
                              (int)c->rows[i].cells[0].s.n, c->rows[i].cells[0].s.p);
    return text;
}

static void expect(struct host *h, const phx_req *r, const char *want)
{
    struct call *c = host_call(h, r);
    CHECK_STATUS(c, PHX_OK);
    if (strcmp(ids_of(c), want) != 0)
        tck_fail(__FILE__, __LINE__, "found \"%s\", not \"%s\"", ids_of(c), want);
}

static void text_is_ordered_bytewise(struct tck *t)
{
    struct host *h = host_ready(t);
    static const char *const ids[] = { "ab", "Z", "é", "a", "z", "a b", "aB", "\x7f", "10", "9" };
    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
        put_item(h, ids[i], "x", 1);
    expect(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_ID)), "10 9 Z a a b aB ab z \x7f é");
    expect(h, REQ(PHX_SCAN, .collection = &items, ORDER(DESC(ITEM_ID)), .limit = 3), "é \x7f z");
    expect(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_ID),
                  CONDS(COND(ITEM_ID, PHX_GT, T("a")), COND(ITEM_ID, PHX_LE, T("ab")))), "a b aB ab");
    host_close(h);
}

static void fill(struct host *h)
{
    put_item(h, "a", "open", 3);
    put_item(h, "b", "done", 1);
    put_item(h, "c", "open", 2);
    put_item(h, "d", "done", 3);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items, ITEM("e", "open", NIL))), PHX_OK);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items,
                                  CELLS(T("f"), T("f"), I(-1), R(0.5), B(1), W(7), J("1"), X("\0", 1)))),
                 PHX_OK);
}

#define WHERE(...) REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_ID), CONDS(__VA_ARGS__))
static void every_condition_selects_what_it_says(struct tck *t)
{
    struct host *h = host_ready(t);
    fill(h);
    expect(h, WHERE(COND(ITEM_N, PHX_EQ, I(3))), "a d");
    expect(h, WHERE(COND(ITEM_N, PHX_NE, I(3))), "b c f");
    expect(h, WHERE(COND(ITEM_N, PHX_LT, I(2))), "b f");
    expect(h, WHERE(COND(ITEM_N, PHX_LE, I(2))), "b c f");
    expect(h, WHERE(COND(ITEM_N, PHX_GT, I(2))), "a d");
    expect(h, WHERE(COND(ITEM_N, PHX_GE, I(2))), "a c d");
    expect(h, WHERE(COND(ITEM_N, PHX_IN, I(1), I(2), I(99))), "b c");
    expect(h, WHERE(COND(ITEM_ID, PHX_IN, T("f"), T("a"), T("f"))), "a f");
    expect(h, WHERE(((phx_cond){ ITEM_ID, PHX_IN, 0, 0, NULL })), "");
    expect(h, WHERE(COND_NULL(ITEM_N, PHX_IS_NULL)), "e");
    expect(h, WHERE(COND_NULL(ITEM_N, PHX_NOT_NULL), COND(ITEM_NAME, PHX_EQ, T("open"))), "a c");
    expect(h, WHERE(COND_NULL(ITEM_J, PHX_NOT_NULL)), "f");
    expect(h, WHERE(COND(ITEM_R, PHX_GT, R(0.4))), "f");
    expect(h, WHERE(COND(ITEM_B, PHX_EQ, B(1))), "f");
    expect(h, WHERE(COND(ITEM_T, PHX_LT, W(8))), "f");
    expect(h, WHERE(COND(ITEM_X, PHX_EQ, X("\0", 1))), "f");
    host_close(h);
}

static void order_has_directions_nulls_first_and_ends_with_the_key(struct tck *t)
{
    struct host *h = host_ready(t);
    fill(h);
    expect(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_N)), "e f b c a d");
    expect(h, REQ(PHX_SCAN, .collection = &items, ORDER(DESC(ITEM_N))), "a d c b f e");
    expect(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_NAME, DESC(ITEM_N))), "d b f a c e");
    expect(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_NAME, DESC(ITEM_N)), .limit = 2), "d b");
    host_close(h);
}

static void a_partial_index_changes_no_answer(struct tck *t)
{
    struct host *h = host_ready(t);
    fill(h);
    const phx_req *open_ones = REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_N),
                                   CONDS(COND(ITEM_NAME, PHX_EQ, T("open"))));
    expect(h, open_ones, "e c a");
    expect(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_N), CONDS(COND(ITEM_NAME, PHX_EQ, T("done")))),
           "b d");
    CHECK_STATUS(host_call(h, REQ(PHX_UPDATE, .collection = &items, SETS(SET(ITEM_NAME, T("done"))),
                                  CONDS(COND(ITEM_ID, PHX_EQ, T("c"))))), PHX_OK);
    expect(h, open_ones, "e a");
    put_item(h, "g", "open", 0);
    expect(h, open_ones, "e g a");
    host_close(h);
}

static void distinct_values_come_once(struct tck *t)
{
    struct host *h = host_ready(t);
    fill(h);
    struct call *c =
        host_call(h, REQ(PHX_SCAN, .collection = &items, .flags = PHX_DISTINCT, ORDER(ITEM_NAME)));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, 3);
    CHECK_EQ(c->rows[0].n, 8);
    CHECK(cell_is(&c->rows[0].cells[ITEM_NAME], "done") && c->rows[0].cells[ITEM_ID].type == 0);
    CHECK(cell_is(&c->rows[2].cells[ITEM_NAME], "open"));
    c = host_call(h, REQ(PHX_SCAN, .collection = &items, .flags = PHX_DISTINCT, .limit = 2,
                         ORDER(DESC(ITEM_N)), CONDS(COND_NULL(ITEM_N, PHX_NOT_NULL))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, 2);
    CHECK_EQ(c->rows[1].cells[ITEM_N].i, 2);
    host_close(h);
}

static void a_key_of_two_fields_is_one_key(struct tck *t)
{
    struct host *h = host_ready(t);
    for (int i = 0; i < 6; i++)
        CHECK_STATUS(
            host_call(h, REQ(PHX_PUT, .collection = &pairs, CELLS(T(i % 2 ? "x" : "y"), I(i), I(i * i)))),
            PHX_OK);
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &pairs, CELLS(T("x"), I(3))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->rows[0].cells[PAIR_V].i, 9);
    CHECK_STATUS(host_call(h, REQ(PHX_GET, .collection = &pairs, CELLS(T("y"), I(3)))), PHX_E_NOTFOUND);
    c = host_call(h, REQ(PHX_SCAN, .collection = &pairs,
                         CONDS(COND(PAIR_A, PHX_EQ, T("x")), COND(PAIR_B, PHX_GT, I(1)))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, 2);
    CHECK_EQ(c->rows[1].cells[PAIR_B].i, 5);
    c = host_call(h, REQ(PHX_DELETE, .collection = &pairs, CELLS(T("x"), I(1))));
    CHECK_EQ(c->n, 1);
    host_close(h);
}

static void a_scan_ends_when_the_reader_has_enough(struct tck *t)
{
    struct host *h = host_ready(t);
    fill(h);
    struct call *c = host_start_stopping(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_ID)), 2);
    host_wait(c);
    CHECK_STATUS(c, PHX_E_CANCELLED);
    CHECK_EQ(c->n_rows, 2);
    call_free(c);
    CHECK_EQ(all_items(h)->n_rows, 6);
    host_close(h);
}

/** Others write all the time, before, behind and between. */
static void churn(struct tck *t, struct host *h, struct put *puts, int n)
{
    for (int i = 0; i < n; i++) {
        char id[16];
        if (puts[i].call && !puts[i].call->delivered)
            continue;
        if (puts[i].call)
            CHECK_STATUS(puts[i].call, PHX_OK);
        call_free(puts[i].call);
        snprintf(id, sizeof(id), "k%03u", 2 * rnd(t, 60) + 1);
        put_make(&puts[i], id, i);
        puts[i].cells[ITEM_NAME] = T(rnd(t, 2) ? "x" : "y");
        if (rnd(t, 3) == 0)
            puts[i].req = *REQ(PHX_DELETE, .collection = &items, .cells = puts[i].cells, .n_cells = 1);
        puts[i].call = host_start(h, &puts[i].req);
    }
}

/** Those that stay are all seen, once; others may be seen or not. */
static void resuming_by_key_sees_what_stays_once(struct tck *t)
{
    enum { N = 50, WRITERS = 8 };
    struct host *h = host_ready(t);
    struct put puts[WRITERS] = { 0 };
    char id[16], last[16] = "";
    int seen = 0;
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "k%03d", i * 2);
        put_item(h, id, "x", i);
    }
    for (;;) {
        churn(t, h, puts, WRITERS);
        struct call *c = host_call(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_ID), .limit = 7,
                                          CONDS(COND(ITEM_ID, PHX_GT, T(last)),
                                                COND(ITEM_NAME, PHX_EQ, T("x")))));
        CHECK_STATUS(c, PHX_OK);
        if (c->n_rows == 0)
            break;
        for (size_t i = 0; i < c->n_rows; i++) {
            const phx_str *s = &c->rows[i].cells[ITEM_ID].s;
            snprintf(id, sizeof(id), "%.*s", (int)s->n, s->p);
            CHECK(strcmp(last, id) < 0);
            snprintf(last, sizeof(last), "%s", id);
            seen += (id[3] - '0') % 2 == 0;
        }
    }
    CHECK_EQ(seen, N);
    for (int i = 0; i < WRITERS; i++) {
        host_wait(puts[i].call);
        call_free(puts[i].call);
    }
    host_close(h);
}

/** Only item "f" has all fields. */
static void expect_only(const struct call *c, uint32_t from, uint32_t to)
{
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, 1);
    CHECK_EQ(c->rows[0].n, 8);
    for (uint32_t f = 0; f < 8; f++)
        CHECK_EQ(c->rows[0].cells[f].type != 0, f >= from && f <= to);
}

static void only_the_fields_that_are_asked_for_are_answered(struct tck *t)
{
    struct host *h = host_ready(t);
    fill(h);
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("f")), ONLY(ITEM_N, ITEM_R)));
    expect_only(c, ITEM_N, ITEM_R);
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, -1);
    uint64_t rev = c->rows[0].rev;
    CHECK(rev != 0);
    c = host_call(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_N), ONLY(ITEM_J, ITEM_X),
                         CONDS(COND(ITEM_ID, PHX_EQ, T("f")))));
    expect_only(c, ITEM_J, ITEM_X);
    CHECK(c->rows[0].rev == rev && cell_equal(&c->rows[0].cells[ITEM_X], &X("\0", 1)));
    c = host_call(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_N), ONLY(ITEM_ID),
                         CONDS(COND(ITEM_ID, PHX_EQ, T("f")))));
    expect_only(c, ITEM_ID, ITEM_ID);
    host_close(h);
}

/** What is set, added to, compared or sorted by need not be answered; nothing else is changed by that. */
static void an_update_answers_only_what_is_asked_for(struct tck *t)
{
    struct host *h = host_ready(t);
    fill(h);
    struct call *c = host_call(h, REQ(PHX_UPDATE, .collection = &items, ONLY(ITEM_R, ITEM_B), .limit = 1,
                                      CONDS(COND(ITEM_B, PHX_EQ, B(1))), ORDER(ITEM_T),
                                      SETS(ADD(ITEM_N, 5), SET(ITEM_R, R(2)))));
    expect_only(c, ITEM_R, ITEM_B);
    CHECK(c->rows[0].cells[ITEM_R].r == 2);
    uint64_t rev = c->rows[0].rev;
    c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("f"))));
    expect_only(c, ITEM_ID, ITEM_X);
    CHECK(c->rows[0].rev == rev && cell_is(&c->rows[0].cells[ITEM_NAME], "f"));
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, 4);
    c = host_call(h, REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 5)), ONLY(ITEM_N),
                         CONDS(COND(ITEM_ID, PHX_EQ, T("f")))));
    expect_only(c, ITEM_N, ITEM_N);
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, 9);
    host_close(h);
}

static void rows_that_are_never_changed_answer_only_what_is_asked_for(struct tck *t)
{
    struct host *h = host_ready(t);
    struct call *c = host_call(h, REQ(PHX_PUT, .collection = &logs, CELLS(T("h"), I(1), W(5), T("one"))));
    CHECK_STATUS(c, PHX_OK);
    c = host_call(h, REQ(PHX_SCAN, .collection = &logs, ONLY(LOG_SEQ, LOG_TEXT)));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, 1);
    CHECK_EQ(c->rows[0].rev, 1);
    CHECK(c->rows[0].cells[LOG_HOST].type == 0 && c->rows[0].cells[LOG_AT].type == 0);
    CHECK(c->rows[0].cells[LOG_SEQ].i == 1 && cell_is(&c->rows[0].cells[LOG_TEXT], "one"));
    host_close(h);
}

static void fields_that_cannot_be_asked_for_are_refused(struct tck *t)
{
    struct host *h = host_ready(t);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, ONLY(8))), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, ONLY(ITEM_N, ITEM_ID))), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("a")), ONLY(ITEM_N, ITEM_N))),
                 PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, .flags = PHX_DISTINCT, ORDER(ITEM_N),
                                  ONLY(ITEM_N))), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 1)), ONLY(99))),
                 PHX_E_INVAL);
    host_close(h);
}

const struct tck_test tests_scan[] = {
    TEST(text_is_ordered_bytewise, 0),
    TEST(every_condition_selects_what_it_says, 0),
    TEST(order_has_directions_nulls_first_and_ends_with_the_key, 0),
    TEST(a_partial_index_changes_no_answer, 0),
    TEST(distinct_values_come_once, 0),
    TEST(a_key_of_two_fields_is_one_key, 0),
    TEST(a_scan_ends_when_the_reader_has_enough, 0),
    TEST(resuming_by_key_sees_what_stays_once, 0),
    TEST(only_the_fields_that_are_asked_for_are_answered, 0),
    TEST(an_update_answers_only_what_is_asked_for, 0),
    TEST(rows_that_are_never_changed_answer_only_what_is_asked_for, 0),
    TEST(fields_that_cannot_be_asked_for_are_refused, 0),
    TESTS_END,
};
