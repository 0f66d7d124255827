/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of every kind that are under way when something breaks, and what must be true afterwards: each
 * was answered once; what was answered OK is there, once; what was not is there whole or not at all. */
#include "tests/conformance/tck.h"

enum { OPS = 60, GROUP = 8, KINDS = 6 };
enum kind { CREATE, GROUP_OF, APPEND, COUNT_UP, LIST, LOOK };

struct one {
    enum kind kind;
    int number;
    struct put put;
    phx_cell cells[GROUP][3], row[4];
    phx_req reqs[GROUP];
    const phx_req *members[GROUP];
    phx_cond cond;
    phx_set set;
    bool ok;
};
struct load {
    struct tck *t;
    struct host *h;
    struct one ones[OPS];
    int numbers, counted, maybe_counted, failed;
};

struct load *load_new(struct tck *t, struct host *h)
{
    struct load *l = calloc(1, sizeof(*l));
    l->t = t;
    l->h = h;
    put_item(h, "counter", "counter", 0);
    return l;
}

static void make_group(struct one *o)
{
    for (int i = 0; i < GROUP; i++) {
        o->cells[i][0] = T("g");
        o->cells[i][1] = I(o->number * GROUP + i);
        o->cells[i][2] = I(o->number);
        o->reqs[i] = *REQ(PHX_PUT, .collection = &pairs, .cells = o->cells[i], .n_cells = 3,
                          .if_rev = PHX_REV_NEW);
        o->members[i] = &o->reqs[i];
    }
    o->put.req = *REQ(PHX_BATCH, .batch = o->members, .n_batch = GROUP);
}

static void make(struct load *l, struct one *o)
{
    char id[16];
    *o = (struct one){ .kind = (enum kind)rnd(l->t, KINDS), .number = ++l->numbers };
    snprintf(id, sizeof(id), "u%06d", o->number);
    put_make(&o->put, id, o->number);
    phx_req *r = &o->put.req;
    if (o->kind == CREATE) {
        r->if_rev = PHX_REV_NEW;
    } else if (o->kind == GROUP_OF) {
        make_group(o);
    } else if (o->kind == APPEND) {
        phx_cell row[] = { T("h"), I(o->number), W(o->number), NIL };
        memcpy(o->row, row, sizeof(row));
        *r = *REQ(PHX_PUT, .collection = &logs, .cells = o->row, .n_cells = 4);
    } else if (o->kind == COUNT_UP) {
        o->row[0] = T("counter");
        o->cond = (phx_cond){ ITEM_ID, PHX_EQ, 1, 0, o->row };
        o->set = ADD(ITEM_N, 1);
        *r = *REQ(PHX_UPDATE, .collection = &items, .conds = &o->cond, .n_conds = 1, .sets = &o->set,
                  .n_sets = 1, .flags = o->number % 2 ? PHX_NO_ROWS : 0);
    } else if (o->kind == LIST) {
        *r = *REQ(PHX_SCAN, .collection = &items, .limit = 1 + rnd(l->t, 40));
    } else {
        o->row[0] = T("counter");
        *r = *REQ(PHX_GET, .collection = &items, .cells = o->row, .n_cells = 1);
    }
    r->deadline = host_mono() + 10 * (uint64_t)TCK_SEC;
}

void load_start(struct load *l)
{
    for (int i = 0; i < OPS; i++) {
        make(l, &l->ones[i]);
        l->ones[i].put.call = host_start(l->h, &l->ones[i].put.req);
    }
}

/** A revision or a key that is there already: then the driver has tried again what was done. */
static void one_end(struct load *l, struct one *o)
{
    struct call *c = o->put.call;
    host_wait(c);
    CHECK_EQ(c->dones, 1);
    o->ok = c->status == PHX_OK;
    if (!o->ok && c->status != PHX_E_TIMEOUT)
        CHECK_STATUS(c, PHX_E_UNAVAILABLE);
    CHECK(o->ok || c->why[0]);
    l->failed += !o->ok;
    if (o->kind == COUNT_UP) {
        l->counted += o->ok;
        l->maybe_counted += !o->ok;
    }
    if (o->kind == LOOK && o->ok)
        CHECK(c->rows[0].cells[ITEM_N].i <= l->counted + l->maybe_counted + OPS);
    call_free(c);
}

static size_t group_size(struct host *h, int number)
{
    struct call *c =
        host_call(h, REQ(PHX_SCAN, .collection = &pairs, CONDS(COND(PAIR_V, PHX_EQ, I(number)))));
    CHECK_STATUS(c, PHX_OK);
    return c->n_rows;
}

static bool has_row(struct host *h, int number)
{
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &logs, CELLS(T("h"), I(number))));
    if (c->status != PHX_E_NOTFOUND)
        CHECK_STATUS(c, PHX_OK);
    return c->status == PHX_OK;
}

static void one_check(struct host *h, const struct one *o)
{
    size_t n;
    if (o->kind == CREATE && o->ok && !is_there(h, o->put.id))
        tck_fail(__FILE__, __LINE__, "a record whose PUT was answered OK is not there");
    if (o->kind == APPEND && o->ok && !has_row(h, o->number))
        tck_fail(__FILE__, __LINE__, "a row whose PUT was answered OK is not there");
    if (o->kind == GROUP_OF && (n = group_size(h, o->number)) != GROUP && (o->ok || n != 0))
        tck_fail(__FILE__, __LINE__, "%zu of the %d records of a batch are there", n, GROUP);
}

void load_end(struct load *l)
{
    for (int i = 0; i < OPS; i++)
        one_end(l, &l->ones[i]);
    if (!host_recovers(l->h))
        tck_fail(__FILE__, __LINE__, "the store does not come back");
    for (int i = 0; i < OPS; i++)
        one_check(l->h, &l->ones[i]);
    struct call *c = host_call(l->h, REQ(PHX_GET, .collection = &items, CELLS(T("counter"))));
    CHECK_STATUS(c, PHX_OK);
    int64_t n = c->rows[0].cells[ITEM_N].i;
    if (n < l->counted || n > l->counted + l->maybe_counted)
        tck_fail(__FILE__, __LINE__, "%d additions were answered OK, %d are unknown; the sum is %lld",
                 l->counted, l->maybe_counted, (long long)n);
}

int load_open(const struct load *l)
{
    int n = 0;
    for (int i = 0; i < OPS; i++)
        n += l->ones[i].put.call->dones == 0;
    return n;
}

int load_failed(const struct load *l)
{
    return l->failed;
}

void load_free(struct load *l)
{
    free(l);
}
