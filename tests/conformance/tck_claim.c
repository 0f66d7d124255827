/* SPDX-License-Identifier: Apache-2.0 */
/* UPDATE as it is used: claim, lease, extend, sweep. Items are tasks here: `name` is the state, `n` the
 * attempt, `t` the end of the lease; pairs are tasks of hosts: a the host, v the claimer. */
#include "tests/conformance/tck.h"

enum { HOSTS = 8, CLAIMERS = 16 };

static char host_names[HOSTS][8];
static phx_cell host_cells[HOSTS];

static void fill(struct host *h, int tasks)
{
    enum { CHUNK = 250 };
    static phx_cell cells[CHUNK][3];
    static phx_req reqs[CHUNK];
    const phx_req *members[CHUNK];
    for (int i = 0; i < HOSTS; i++) {
        snprintf(host_names[i], sizeof(host_names[i]), "h%d", i);
        host_cells[i] = T(host_names[i]);
    }
    for (int done = 0; done < tasks; done += CHUNK) {
        for (int i = 0; i < CHUNK; i++) {
            cells[i][0] = host_cells[(done + i) % HOSTS];
            cells[i][1] = I(done + i);
            cells[i][2] = NIL;
            reqs[i] = *REQ(PHX_PUT, .collection = &pairs, .cells = cells[i], .n_cells = 3);
            members[i] = &reqs[i];
        }
        CHECK_STATUS(host_call(h, REQ(PHX_BATCH, .batch = members, .n_batch = CHUNK)), PHX_OK);
    }
}

/** Tick off what a claim took; no more of one host than asked for. */
static size_t tick_off(const struct call *c, char *taken, int claimer, unsigned per_host)
{
    unsigned of_host[HOSTS] = { 0 };
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, c->n_rows);
    for (size_t i = 0; i < c->n_rows; i++) {
        const phx_cell *cells = c->rows[i].cells;
        CHECK_EQ(cells[PAIR_V].i, claimer);
        CHECK_EQ(taken[cells[PAIR_B].i]++, 0);
        CHECK(++of_host[cells[PAIR_A].s.p[1] - '0'] <= per_host);
    }
    return c->n_rows;
}

/** 16 claims are always under way at once, until nothing is left. */
static void each_task_goes_to_one_of_16_claimers(struct tck *t)
{
    enum { LIMIT = 40, PER_HOST = 7 };
    struct host *h = host_ready(t);
    const int tasks = CLAIMERS * (t->has & NEEDS_PERSISTENT ? 1000 : 125);
    char *taken = calloc((size_t)tasks, 1);
    phx_cond conds[2] = { { PAIR_A, PHX_IN, HOSTS, 0, host_cells }, COND_NULL(PAIR_V, PHX_IS_NULL) };
    phx_set sets[CLAIMERS];
    phx_req reqs[CLAIMERS];
    struct call *calls[CLAIMERS];
    int32_t order[] = { PAIR_B };
    size_t total = 0;
    fill(h, tasks);
    for (int i = 0; i < CLAIMERS; i++) {
        sets[i] = SET(PAIR_V, I(i));
        reqs[i] = *REQ(PHX_UPDATE, .collection = &pairs, .conds = conds, .n_conds = 2, .sets = &sets[i],
                       .n_sets = 1, .order = order, .n_order = 1, .limit = LIMIT, .per_key = PER_HOST);
        calls[i] = host_start(h, &reqs[i]);
    }
    for (size_t idle = 0; idle < CLAIMERS;) {
        for (int i = 0; i < CLAIMERS; i++) {
            if (!calls[i])
                continue;
            host_wait(calls[i]);
            size_t n = tick_off(calls[i], taken, i, PER_HOST);
            call_free(calls[i]);
            calls[i] = n ? host_start(h, &reqs[i]) : NULL;
            total += n;
            idle += n == 0;
        }
    }
    CHECK_EQ(total, tasks);
    free(taken);
    host_close(h);
}

static struct call *claim_due(struct host *h, int64_t now, uint64_t limit)
{
    return host_call(h, REQ(PHX_UPDATE, .collection = &items, .limit = limit, ORDER(DESC(ITEM_N), ITEM_ID),
                            CONDS(COND(ITEM_NAME, PHX_EQ, T("open")), COND(ITEM_T, PHX_LE, W(now))),
                            SETS(SET(ITEM_T, W(now + 10)), ADD(ITEM_N, 1))));
}

static void put_task(struct host *h, const char *id, int64_t n)
{
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items,
                                  CELLS(T(id), T("open"), I(n), NIL, NIL, W(0), NIL, NIL))), PHX_OK);
}

static void an_expired_lease_is_claimed_again_with_a_new_token(struct tck *t)
{
    struct host *h = host_ready(t);
    put_task(h, "a", 0);
    struct call *c = claim_due(h, 100, 1);
    CHECK_EQ(c->n_rows, 1);
    CHECK_EQ(c->rows[0].cells[ITEM_T].i, US(110));
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, 1);
    CHECK_EQ(claim_due(h, 109, 1)->n_rows, 0);
    c = claim_due(h, 110, 1);
    CHECK_EQ(c->n_rows, 1);
    CHECK_EQ(c->rows[0].cells[ITEM_N].i, 2);
    host_close(h);
}

/** A report with an old token changes nothing: the token is a condition. */
static void a_late_report_is_fenced_off(struct tck *t)
{
    struct host *h = host_ready(t);
    put_task(h, "a", 0);
    claim_due(h, 100, 1);
    claim_due(h, 200, 1);
    for (int token = 1; token <= 2; token++) {
        struct call *c =
            host_call(h, REQ(PHX_UPDATE, .collection = &items, .flags = PHX_NO_ROWS,
                             CONDS(COND(ITEM_ID, PHX_EQ, T("a")), COND(ITEM_N, PHX_EQ, I(token))),
                             SETS(SET(ITEM_NAME, T("done")))));
        CHECK_STATUS(c, PHX_OK);
        CHECK_EQ(c->n, token == 2);
        CHECK_EQ(c->n_rows, 0);
    }
    host_close(h);
}

static void claims_follow_the_order_and_none_starves(struct tck *t)
{
    struct host *h = host_ready(t);
    put_task(h, "a", 0);
    put_task(h, "b", 5);
    put_task(h, "c", 5);
    put_task(h, "d", 1);
    static const char *const want[] = { "b", "c", "d", "a" };
    for (int i = 0; i < 4; i++) {
        struct call *c = claim_due(h, 100, 1);
        CHECK_EQ(c->n_rows, 1);
        CHECK(cell_is(&c->rows[0].cells[ITEM_ID], want[i]));
    }
    host_close(h);
}

/** Better ones come all the time, one for each claim of two: the old ones are taken all the same. */
static void claims_reach_the_old_ones_while_better_ones_come(struct tck *t)
{
    enum { OLD = 30 };
    struct host *h = host_ready(t);
    struct put better[OLD * 3];
    char id[16];
    int old = 0, rounds = 0;
    for (int i = 0; i < OLD; i++) {
        snprintf(id, sizeof(id), "old%02d", i);
        put_task(h, id, 0);
    }
    for (; old < OLD && rounds < OLD * 3; rounds++) {
        snprintf(id, sizeof(id), "new%02d", rounds);
        put_make(&better[rounds], id, 5);
        better[rounds].cells[ITEM_NAME] = T("open");
        better[rounds].cells[ITEM_T] = W(0);
        better[rounds].call = host_start(h, &better[rounds].req);
        struct call *c = claim_due(h, 1, 2);
        CHECK_STATUS(c, PHX_OK);
        for (size_t i = 0; i < c->n_rows; i++)
            old += c->rows[i].cells[ITEM_ID].s.p[0] == 'o';
    }
    CHECK_EQ(old, OLD);
    while (rounds-- > 0) {
        host_wait(better[rounds].call);
        CHECK_STATUS(better[rounds].call, PHX_OK);
        call_free(better[rounds].call);
    }
    host_close(h);
}

static void leases_of_many_are_extended_at_once(struct tck *t)
{
    struct host *h = host_ready(t);
    for (char id[2] = "a"; id[0] < 'k'; id[0]++)
        put_task(h, id, 0);
    claim_due(h, 100, 5);
    struct call *c =
        host_call(h, REQ(PHX_UPDATE, .collection = &items, .flags = PHX_RELAXED | PHX_NO_ROWS,
                         CONDS(COND(ITEM_ID, PHX_IN, T("a"), T("c"), T("z")), COND(ITEM_N, PHX_EQ, I(1))),
                         SETS(SET(ITEM_T, W(500)))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 2);
    CHECK_EQ(claim_due(h, 110, 0)->n_rows, 8);
    host_close(h);
}

static void an_overflow_is_refused_and_null_stays_null(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", INT64_MAX);
    const phx_req *add =
        REQ(PHX_UPDATE, .collection = &items, SETS(ADD(ITEM_N, 1)), CONDS(COND(ITEM_ID, PHX_EQ, T("a"))));
    CHECK_STATUS(host_call(h, add), PHX_E_INVAL);
    phx_req quiet = *add;
    quiet.flags = PHX_NO_ROWS;
    CHECK_STATUS(host_call(h, &quiet), PHX_E_INVAL);
    CHECK_EQ(all_items(h)->rows[0].cells[ITEM_N].i, INT64_MAX);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items, ITEM("a", "x", NIL))), PHX_OK);
    struct call *c = host_call(h, add);
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->rows[0].cells[ITEM_N].type, 0);
    host_close(h);
}

const struct tck_test tests_claim[] = {
    TEST(each_task_goes_to_one_of_16_claimers, 0),
    TEST(an_expired_lease_is_claimed_again_with_a_new_token, 0),
    TEST(a_late_report_is_fenced_off, 0),
    TEST(claims_follow_the_order_and_none_starves, 0),
    TEST(claims_reach_the_old_ones_while_better_ones_come, 0),
    TEST(leases_of_many_are_extended_at_once, 0),
    TEST(an_overflow_is_refused_and_null_stays_null, 0),
    TESTS_END,
};
