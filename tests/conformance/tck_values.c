/* SPDX-License-Identifier: Apache-2.0 */
/* What goes in comes out: every type, empty, large, and what must be refused. */
#include <float.h>
#include <math.h>
#include "tests/conformance/tck.h"

static void every_type_comes_back_as_it_went_in(struct tck *t)
{
    struct host *h = host_ready(t);
    static const char bytes[] = { 0, 1, (char)0xff, 0, 'z' };
    const phx_cell want[] = { T("k"), T("näme"),            I(INT64_MIN),        R(-0.1),
                              B(1),   W(INT64_MAX / 1000), J("{\"a\":[1]}"), X(bytes, sizeof(bytes)) };
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items, .cells = want, .n_cells = 8)), PHX_OK);
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("k"))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, 1);
    CHECK_EQ(c->rows[0].n, 8);
    for (int i = 0; i < 8; i++)
        CHECK(cell_equal(&c->rows[0].cells[i], &want[i]));
    host_close(h);
}

static void nulls_and_empty_values_are_different_things(struct tck *t)
{
    struct host *h = host_ready(t);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items,
                                  CELLS(T(""), T(""), NIL, R(0), NIL, NIL, NIL, X("", 0)))), PHX_OK);
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T(""))));
    CHECK_STATUS(c, PHX_OK);
    const phx_cell *cells = c->rows[0].cells;
    CHECK(cell_is(&cells[ITEM_ID], "") && cell_is(&cells[ITEM_NAME], ""));
    CHECK(cells[ITEM_N].type == 0 && cells[ITEM_T].type == 0 && cells[ITEM_J].type == 0);
    CHECK(cells[ITEM_R].type == PHX_REAL && cells[ITEM_X].type == PHX_BYTES && cells[ITEM_X].s.n == 0);
    host_close(h);
}

static void a_mebibyte_is_kept(struct tck *t)
{
    struct host *h = host_ready(t);
    size_t n = 1 << 20;
    char *big = malloc(n);
    for (size_t i = 0; i < n; i++)
        big[i] = (char)(i * 7);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items,
                                  CELLS(T("big"), T(""), NIL, NIL, NIL, NIL, NIL, X(big, n)))), PHX_OK);
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("big"))));
    CHECK_STATUS(c, PHX_OK);
    CHECK(cell_equal(&c->rows[0].cells[ITEM_X], &X(big, n)));
    free(big);
    host_close(h);
}

/** What a driver that writes values into texts (arrays, COPY) could trip over. */
static void texts_that_look_like_syntax_are_kept(struct tck *t)
{
    enum { N = 16 };
    static const char *const texts[N] = { "NULL", "null",        "\\N",        "{a,b}", "\"", "\\\"",
                                          "'",    "''; --",      "$1",         "?",     "a,b", " pad ",
                                          "\\",   "\n\r\t\b", "\x7f\x01", "\xf0\x9f\x90\xa6" };
    struct host *h = host_ready(t);
    struct put puts[N];
    char id[16];
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "k%02d", i);
        put_make(&puts[i], id, i);
        puts[i].cells[ITEM_NAME] = T(texts[i]);
        puts[i].cells[ITEM_X] = i % 3 ? T(texts[N - 1 - i]) : NIL;
        puts[i].cells[ITEM_X].type = i % 3 ? PHX_BYTES : 0;
        puts[i].call = host_start(h, &puts[i].req);
    }
    for (int i = 0; i < N; i++) {
        host_wait(puts[i].call);
        CHECK_STATUS(puts[i].call, PHX_OK);
        call_free(puts[i].call);
    }
    struct call *c = all_items(h);
    CHECK_EQ(c->n_rows, N);
    for (int i = 0; i < N; i++)
        for (int f = 0; f < 8; f++)
            CHECK(cell_equal(&c->rows[i].cells[f], &puts[i].cells[f]));
    for (int i = 0; i < N; i++) {
        c = host_call(h, REQ(PHX_SCAN, .collection = &items,
                             CONDS(COND(ITEM_NAME, PHX_IN, T(texts[i]), T("-")))));
        CHECK_STATUS(c, PHX_OK);
        CHECK(c->n_rows == 1 && c->rows[0].cells[ITEM_N].i == i);
    }
    host_close(h);
}

static void the_ends_of_every_range_are_kept(struct tck *t)
{
    struct host *h = host_ready(t);
    static const double reals[] = { DBL_MAX, -DBL_MAX, DBL_MIN,     DBL_TRUE_MIN,
                                    0.1,     1.0 / 3,  1e15 + 0.3, -0.0 };
    static const int64_t ints[] = { INT64_MAX, INT64_MIN, INT64_MIN + 1,    -1,
                                    0,         1,         INT64_C(1) << 53, INT64_C(1) << 32 };
    static const int64_t micros[] = { INT64_MAX / 1000, -(INT64_MAX / 1000), -1, 0, 1,
                                      INT64_C(1795492900123456), -INT64_C(11644473600000000) / 10 * 7,
                                      INT64_C(4102444799999999) };
    char id[8];
    for (int i = 0; i < 8; i++) {
        snprintf(id, sizeof(id), "k%d", i);
        CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items,
                                      CELLS(T(id), T(""), I(ints[i]), R(reals[i]), B(i % 2), W(micros[i]),
                                            J("{ \"b\":1, \"a\":\"\\u00e9\" }"), NIL))), PHX_OK);
    }
    struct call *c = all_items(h);
    CHECK_EQ(c->n_rows, 8);
    for (int i = 0; i < 8; i++) {
        const phx_cell *cells = c->rows[i].cells;
        CHECK_EQ(cells[ITEM_N].i, ints[i]);
        CHECK(cells[ITEM_R].r == reals[i]);
        CHECK_EQ(cells[ITEM_T].i, US(micros[i]));
        CHECK(cell_equal(&cells[ITEM_J], &J("{ \"b\":1, \"a\":\"\\u00e9\" }")));
    }
    host_close(h);
}

static void refuse_cells(struct host *h, phx_cell name, phx_cell n, phx_cell r, phx_cell b, phx_cell j)
{
    struct call *c =
        host_call(h, REQ(PHX_PUT, .collection = &items, CELLS(T("x"), name, n, r, b, NIL, j, NIL)));
    CHECK_STATUS(c, PHX_E_INVAL);
    CHECK(c->why[0]);
    CHECK_STATUS(host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("x")))), PHX_E_NOTFOUND);
}

static void values_that_do_not_fit_their_field_are_refused(struct tck *t)
{
    struct host *h = host_ready(t);
    static const char *const bad[] = { "\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "a\x80" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        refuse_cells(h, T(bad[i]), NIL, NIL, NIL, NIL);
        refuse_cells(h, T(""), NIL, NIL, NIL, J(bad[i]));
    }
    phx_cell nul = { .type = PHX_TEXT, .s = { "a\0b", 3 } };
    refuse_cells(h, nul, NIL, NIL, NIL, NIL);
    refuse_cells(h, NIL, NIL, NIL, NIL, NIL);
    refuse_cells(h, T(""), T("1"), NIL, NIL, NIL);
    refuse_cells(h, T(""), R(1), NIL, NIL, NIL);
    refuse_cells(h, T(""), NIL, R(NAN), NIL, NIL);
    refuse_cells(h, T(""), NIL, R(INFINITY), NIL, NIL);
    refuse_cells(h, T(""), NIL, NIL, B(2), NIL);
    host_close(h);
}

static void requests_that_make_no_sense_are_refused(struct tck *t)
{
    struct host *h = host_ready(t);
    phx_field fields[] = { { "id", PHX_TEXT, 0 }, { "v", PHX_INT, 0 } };
    phx_collection unknown = { .size = sizeof(unknown), .name = "unknown", .n_fields = 2, .n_key = 1,
                               .fields = fields, .time_field = UINT32_MAX };
    CHECK_STATUS(host_call(h, REQ(PHX_GET, .collection = &unknown, CELLS(T("a")))), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T("a"), T("b")))), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, CONDS(COND(99, PHX_EQ, I(1))))),
                 PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, CONDS(COND(ITEM_N, 77, I(1))))),
                 PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, CONDS(COND(ITEM_N, PHX_EQ, T("1"))))),
                 PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, CONDS(COND(ITEM_J, PHX_EQ, J("1"))))),
                 PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, ORDER(-99))), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_SCAN, .collection = &items, .flags = 1 << 20)), PHX_E_UNSUPPORTED);
    CHECK_STATUS(host_call(h, REQ(PHX_DELETE, .collection = &items)), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_UPDATE, .collection = &items)), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_UPDATE, .collection = &items, SETS(SET(ITEM_ID, T("k"))))),
                 PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_NAME, 1)))), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_UPDATE, .collection = &logs, SETS(SET(LOG_TEXT, T("x"))))),
                 PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_BATCH, BATCH(REQ(PHX_GET, .collection = &items, CELLS(T("a")))))),
                 PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(999, .collection = &items)), PHX_E_INVAL);
    CHECK_STATUS(host_call(h, REQ(PHX_PING)), PHX_OK);
    host_close(h);
}

const struct tck_test tests_values[] = {
    TEST(every_type_comes_back_as_it_went_in, 0),
    TEST(nulls_and_empty_values_are_different_things, 0),
    TEST(a_mebibyte_is_kept, 0),
    TEST(texts_that_look_like_syntax_are_kept, 0),
    TEST(the_ends_of_every_range_are_kept, 0),
    TEST(values_that_do_not_fit_their_field_are_refused, 0),
    TEST(requests_that_make_no_sense_are_refused, 0),
    TESTS_END,
};
