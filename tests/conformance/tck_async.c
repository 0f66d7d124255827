/* SPDX-License-Identifier: Apache-2.0 */
/* Many at once: exactly one done(), cancel, deadlines, the driver's own limit. */
#include "tests/conformance/tck.h"

static void start(struct host *h, struct put *p, int i, uint64_t deadline)
{
    char id[16];
    snprintf(id, sizeof(id), "p%05d", i);
    put_make(p, id, i);
    p->req.deadline = deadline;
    p->req.flags = i % 2 ? PHX_RELAXED : 0;
    p->call = host_start(h, &p->req);
}

/** A PUT, or reads between the PUTs. */
static void start_any(struct tck *t, struct host *h, struct put *p, int i)
{
    unsigned kind = rnd(t, 4);
    if (kind > 1) {
        start(h, p, i, 0);
        return;
    }
    put_make(p, "p00000", i);
    p->req = kind ? *REQ(PHX_SCAN, .collection = &items, .limit = 50)
                  : *REQ(PHX_GET, .collection = &items, .cells = p->cells, .n_cells = 1);
    p->call = host_start(h, &p->req);
}

static void check_cancelled(struct host *h, const struct put *p)
{
    const struct call *c = p->call;
    CHECK_EQ(c->dones, 1);
    if (c->status != PHX_E_CANCELLED && !(p->req.code == PHX_GET && c->status == PHX_E_NOTFOUND))
        CHECK_STATUS(c, PHX_OK);
    if (p->req.code == PHX_PUT)
        CHECK(is_there(h, p->id) == (c->status == PHX_OK));
}

/** At any moment: before it was looked at, while it runs, when it is done. */
static void every_operation_is_done_once_even_if_cancelled(struct tck *t)
{
    enum { N = 600 };
    struct host *h = host_ready(t);
    struct put *puts = calloc(N, sizeof(*puts));
    for (int i = 0; i < N; i++) {
        start_any(t, h, &puts[i], i);
        if (rnd(t, 3) == 0)
            host_cancel(puts[i].call);
        if (rnd(t, 20) == 0)
            host_turn(h, 1);
        if (rnd(t, 5) == 0)
            host_cancel(puts[rnd(t, (unsigned)i + 1)].call);
    }
    for (int i = 0; i < N; i++)
        host_wait(puts[i].call);
    for (int i = 0; i < N; i++) {
        check_cancelled(h, &puts[i]);
        call_free(puts[i].call);
    }
    free(puts);
    host_close(h);
}

static void what_is_late_is_not_done(struct tck *t)
{
    struct host *h = host_ready(t);
    struct put p = { 0 };
    start(h, &p, 1, 1);
    host_wait(p.call);
    CHECK_STATUS(p.call, PHX_E_TIMEOUT);
    CHECK(!is_there(h, p.id));
    call_free(p.call);
    start(h, &p, 2, host_mono() + 30 * UINT64_C(1000000000));
    host_wait(p.call);
    CHECK_STATUS(p.call, PHX_OK);
    call_free(p.call);
    host_close(h);
}

/** A scan that would take seconds ends soon after its deadline. */
static void a_long_scan_keeps_its_deadline(struct tck *t)
{
    enum { N = 3000 };
    struct host *h = host_ready(t);
    phx_cell *cells = calloc(N * 4, sizeof(*cells));
    for (int i = 0; i < N; i++) {
        cells[i * 4] = T("h");
        cells[i * 4 + 1] = I(i);
        cells[i * 4 + 2] = W(1);
        cells[i * 4 + 3] = T("text");
    }
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &logs, .cells = cells, .n_cells = N * 4)), PHX_OK);
    phx_req scans[20];
    struct call *calls[20];
    uint64_t start = host_mono();
    for (int i = 0; i < 20; i++) {
        scans[i] = *REQ(PHX_SCAN, .collection = &logs, .deadline = start + 2000000);
        calls[i] = host_start(h, &scans[i]);
    }
    for (int i = 0; i < 20; i++) {
        host_wait(calls[i]);
        if (calls[i]->status != PHX_E_TIMEOUT) {
            CHECK_STATUS(calls[i], PHX_OK);
            CHECK_EQ(calls[i]->n_rows, N);
        }
        call_free(calls[i]);
    }
    CHECK(host_mono() - start < 2 * UINT64_C(1000000000));
    free(cells);
    host_close(h);
}

static void the_driver_takes_as_many_as_it_says(struct tck *t)
{
    struct host *h = host_ready(t);
    int n = (int)host_max_inflight(h);
    n = n == 0 ? 1000 : n > 5000 ? 5000 : n;
    struct put *puts = calloc((size_t)n, sizeof(*puts));
    for (int i = 0; i < n; i++)
        start(h, &puts[i], i, 0);
    for (int i = 0; i < n; i++) {
        host_wait(puts[i].call);
        CHECK_STATUS(puts[i].call, PHX_OK);
        call_free(puts[i].call);
    }
    free(puts);
    CHECK_EQ(all_items(h)->n_rows, n);
    host_close(h);
}

static void what_is_done_is_seen_by_the_next(struct tck *t)
{
    struct host *h = host_ready(t);
    for (int i = 0; i < 200; i++) {
        struct put p = { 0 };
        start(h, &p, i, 0);
        host_wait(p.call);
        CHECK(is_there(h, p.id));
        call_free(p.call);
    }
    host_close(h);
}

const struct tck_test tests_async[] = {
    TEST(every_operation_is_done_once_even_if_cancelled, 0),
    TEST(what_is_late_is_not_done, 0),
    TEST(a_long_scan_keeps_its_deadline, 0),
    TEST(the_driver_takes_as_many_as_it_says, 0),
    TEST(what_is_done_is_seen_by_the_next, 0),
    TESTS_END,
};
