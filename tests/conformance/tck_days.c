/* SPDX-License-Identifier: Apache-2.0 */
/* An append-only collection whose time is a part of its key: a driver may keep it in days. Nobody but a
 * person who looks into the database should be able to tell. */
#include <time.h>
#include "tests/conformance/tck.h"

static const phx_field fields[] = { { "host", PHX_TEXT, PHX_F_NOT_NULL },
                                    { "at", PHX_TIME, PHX_F_NOT_NULL },
                                    { "v", PHX_REAL, 0 } };
enum { HOST, AT, V };
static const phx_collection samples = { .size = sizeof(samples), .flags = PHX_C_APPEND, .name = "samples",
                                        .n_fields = 3, .n_key = 2, .fields = fields, .time_field = AT,
                                        .view = "values_of_samples" };

/** A time so many hours from this day's midnight (UTC). */
static phx_cell hour(int hours)
{
    int64_t now = (int64_t)time(NULL);
    return W((now - now % 86400 + hours * INT64_C(3600)) * 1000000);
}

static struct host *ready(struct tck *t)
{
    struct host *h = host_ready(t);
    CHECK_STATUS(host_ensure(h, &samples), PHX_OK);
    return h;
}

static void check_hours(struct host *h, unsigned n, const int *hours)
{
    struct call *c = host_call(h, REQ(PHX_SCAN, .collection = &samples, ORDER(AT)));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n_rows, n);
    for (unsigned i = 0; i < n; i++)
        CHECK_EQ(c->rows[i].cells[AT].i, hour(hours[i]).i);
}

static void rows_of_many_days_are_one_collection(struct tck *t)
{
    struct host *h = ready(t);
    struct call *c =
        host_call(h, REQ(PHX_PUT, .collection = &samples,
                         CELLS(T("h"), hour(1), R(1), T("h"), hour(-100), R(2), T("h"), hour(-24), NIL)));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 3);
    c = host_call(h, REQ(PHX_PUT, .collection = &samples,
                         CELLS(T("h"), hour(-100), R(9), T("h"), hour(-200), R(4), T("h"), hour(24), R(5))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 2);
    check_hours(h, 5, (int[]){ -200, -100, -24, 1, 24 });
    c = host_call(h, REQ(PHX_GET, .collection = &samples, CELLS(T("h"), hour(-100))));
    CHECK_STATUS(c, PHX_OK);
    CHECK(c->rows[0].cells[V].r == 2);
    host_close(h);
}

static void a_batch_may_open_a_day(struct tck *t)
{
    struct host *h = ready(t);
    const phx_req *item = REQ(PHX_PUT, .collection = &items, .if_rev = PHX_REV_NEW, ITEM("a", "x", I(1)));
    const phx_req *old = REQ(PHX_PUT, .collection = &samples, CELLS(T("h"), hour(-50), R(1)));
    const phx_req *older = REQ(PHX_PUT, .collection = &samples, CELLS(T("h"), hour(-80), R(1)));
    struct call *c = host_call(h, REQ(PHX_BATCH, BATCH(item, old)));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 2);
    c = host_call(h, REQ(PHX_BATCH, BATCH(older, item)));
    CHECK_STATUS(c, PHX_E_CONFLICT);
    CHECK_EQ(c->n, 1);
    check_hours(h, 1, (int[]){ -50 });
    host_close(h);
}

static void many_at_once_may_open_the_same_day(struct tck *t)
{
    enum { N = 40 };
    struct host *h = ready(t);
    struct call *calls[N];
    phx_req reqs[N];
    phx_cell cells[N][3];
    for (int i = 0; i < N; i++) {
        cells[i][HOST] = T("h");
        cells[i][AT] = hour(-24 * (i % 4));
        cells[i][AT].i += US(i);
        cells[i][V] = R(i);
        reqs[i] = (phx_req){ .size = sizeof(phx_req), .code = PHX_PUT, .collection = &samples,
                             .cells = cells[i], .n_cells = 3 };
        calls[i] = host_start(h, &reqs[i]);
    }
    for (int i = 0; i < N; i++) {
        host_wait(calls[i]);
        CHECK_STATUS(calls[i], PHX_OK);
        CHECK_EQ(calls[i]->n, 1);
        call_free(calls[i]);
    }
    struct call *c = host_call(h, REQ(PHX_SCAN, .collection = &samples));
    CHECK_EQ(c->n_rows, N);
    host_close(h);
}

static void retention_takes_what_is_before_a_time_and_nothing_else(struct tck *t)
{
    struct host *h = ready(t);
    static const int hours[] = { -150, -149, -100, -72, -71, -70, -1, 3 };
    for (unsigned i = 0; i < 8; i++)
        CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &samples, CELLS(T("h"), hour(hours[i]), R(i)))),
                     PHX_OK);
    const phx_req *expire = REQ(PHX_DELETE, .collection = &samples, .limit = 2, .flags = PHX_RELAXED,
                                ORDER(AT), CONDS(COND(AT, PHX_LT, hour(-71))));
    for (int i = 0; i < 4; i++)
        CHECK_STATUS(host_call(h, expire), PHX_OK);
    check_hours(h, 4, hours + 4);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &samples, CELLS(T("h"), hour(-150), R(1)))), PHX_OK);
    check_hours(h, 5, (int[]){ -150, -71, -70, -1, 3 });
    host_close(h);
}

const struct tck_test tests_days[] = {
    TEST(rows_of_many_days_are_one_collection, 0),
    TEST(a_batch_may_open_a_day, 0),
    TEST(many_at_once_may_open_the_same_day, 0),
    TEST(retention_takes_what_is_before_a_time_and_nothing_else, 0),
    TESTS_END,
};
