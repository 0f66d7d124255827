/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations against the driver and the reference in memory: same statuses, same counts, same
 * rows. Keys, values and conditions come from small sets, so that they meet often. */
#include "tests/conformance/tck.h"

/** One random request with its memory. */
struct op {
    phx_req req;
    phx_cell cells[8], cond_cells[3][4];
    phx_cond conds[3];
    phx_set sets[3];
    int32_t order[2];
    uint32_t only[8];
    char key[8];
};

static const char *const texts[] = { "", "a", "open", "z" };

static phx_cell any_value(struct tck *t, uint32_t field, bool nullable)
{
    static const char *const keys[] = { "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7" };
    if (nullable && rnd(t, 4) == 0)
        return NIL;
    switch (field) {
    case ITEM_ID: return T(keys[rnd(t, 8)]);
    case ITEM_NAME: return T(texts[rnd(t, 4)]);
    case ITEM_R: return R(rnd(t, 5) / 2.0);
    case ITEM_B: return B(rnd(t, 2));
    case ITEM_T: return W(rnd(t, 5));
    case ITEM_J: return J("[]");
    case ITEM_X: return X("\0\1", rnd(t, 3));
    default: return I((int)rnd(t, 5) - 2);
    }
}

static void add_conds(struct tck *t, struct op *o, unsigned least)
{
    unsigned n = least + rnd(t, 3);
    for (unsigned i = 0; i < n && i < 3; i++) {
        uint32_t field = rnd(t, 8), op = PHX_EQ + rnd(t, 9);
        if (field == ITEM_J)
            op = rnd(t, 2) ? PHX_IS_NULL : PHX_NOT_NULL;
        for (unsigned k = 0; k < 4; k++)
            o->cond_cells[i][k] = any_value(t, field, false);
        o->conds[i] = (phx_cond){ field, op, op == PHX_IN ? rnd(t, 5) : 1, 0, o->cond_cells[i] };
        o->req.n_conds++;
    }
    o->req.conds = o->conds;
}

static void add_order(struct tck *t, struct op *o)
{
    o->req.n_order = rnd(t, 3);
    for (unsigned i = 0; i < o->req.n_order; i++) {
        int32_t field = (int32_t)rnd(t, 6);
        o->order[i] = rnd(t, 2) ? field : DESC(field);
    }
    o->req.order = o->order;
}

static void add_sets(struct tck *t, struct op *o)
{
    uint32_t field = 1 + rnd(t, 5);
    for (unsigned i = 0; i < 1 + rnd(t, 2); i++, field++) {
        bool add = field == ITEM_N && rnd(t, 2);
        o->sets[i] =
            (phx_set){ field, add ? PHX_ADD : PHX_SET, any_value(t, field, !add && field != ITEM_NAME) };
        o->req.n_sets++;
    }
    o->req.sets = o->sets;
}

/** Now and then only some fields are asked for. */
static void add_only(struct tck *t, struct op *o)
{
    if (o->req.flags & PHX_DISTINCT || rnd(t, 3))
        return;
    for (uint32_t f = 0; f < 8; f++)
        if (rnd(t, 3) == 0)
            o->only[o->req.n_only++] = f;
    o->req.only = o->only;
}

static void make(struct tck *t, struct op *o, bool member)
{
    static const uint32_t codes[] = { PHX_PUT,    PHX_PUT, PHX_DELETE, PHX_UPDATE,
                                      PHX_UPDATE, PHX_GET, PHX_SCAN,   PHX_SCAN };
    *o = (struct op){ .req = { .size = sizeof(phx_req), .collection = &items } };
    o->req.code = codes[rnd(t, member ? 5 : 8)];
    o->req.cells = o->cells;
    for (uint32_t f = 0; f < 8; f++)
        o->cells[f] = any_value(t, f, f > ITEM_NAME);
    switch (o->req.code) {
    case PHX_PUT:
        o->req.n_cells = 8;
        o->req.if_rev = rnd(t, 3) == 0 ? PHX_REV_NEW : 0;
        break;
    case PHX_GET:
        o->req.n_cells = 1;
        break;
    case PHX_DELETE:
        o->req.n_cells = rnd(t, 2);
        if (!o->req.n_cells)
            add_conds(t, o, 1);
        break;
    case PHX_UPDATE:
        add_sets(t, o);
        add_conds(t, o, 0);
        o->req.flags = rnd(t, 3) == 0 ? PHX_NO_ROWS : 0;
        break;
    default:
        add_conds(t, o, 0);
        o->req.flags = rnd(t, 4) == 0 ? PHX_DISTINCT : 0;
    }
    add_order(t, o);
    if (o->req.flags & PHX_DISTINCT && o->req.n_order == 0)
        o->req.flags = 0;
    add_only(t, o);
    o->req.limit = rnd(t, 3) == 0 ? 1 + rnd(t, 4) : 0;
    for (uint32_t i = 0; o->req.code == PHX_UPDATE && i < o->req.n_conds; i++)
        if (o->conds[i].op == PHX_IN && rnd(t, 2))
            o->req.per_key = 1 + rnd(t, 2);
}

/** UPDATE without order takes rows in the order of the key, but may answer them as it likes. */
static void compare(const struct call *a, const struct call *b)
{
    if (a->status != b->status)
        tck_fail(__FILE__, __LINE__, "status %d (%s), the model has %d", (int)a->status, a->why,
                 (int)b->status);
    CHECK_EQ(a->n, b->n);
    CHECK_EQ(a->n_rows, b->n_rows);
    for (size_t i = 0; i < a->n_rows; i++)
        for (uint32_t k = 0; k < a->rows[i].n; k++)
            if (!cell_equal(&a->rows[i].cells[k], &b->rows[i].cells[k]))
                tck_fail(__FILE__, __LINE__, "row %zu differs in field %u", i, k);
}

static struct tck model_of(const struct tck *t)
{
    struct tck memory = *t;
    memory.driver = "memory";
    memory.plugin_dir = NULL;
    memory.config = "{}";
    return memory;
}

static void both(struct host *h, struct host *model, const phx_req *req)
{
    compare(host_call(h, req), host_call(model, req));
}

/** Each side with its own revision, now and then an old one. */
static void compare_and_swap(struct tck *t, struct host *h, struct host *model)
{
    struct op o;
    make(t, &o, true);
    o.req = *REQ(PHX_PUT, .collection = &items, .cells = o.cells, .n_cells = 8);
    struct op at = o;
    at.req = *REQ(PHX_GET, .collection = &items, .cells = at.cells, .n_cells = 1);
    struct call *a = host_call(h, &at.req), *b = host_call(model, &at.req);
    CHECK_EQ(a->status, b->status);
    bool stale = rnd(t, 3) == 0 || a->status;
    phx_req mine = o.req, its = o.req;
    mine.if_rev = stale ? UINT64_C(1) << 60 : a->rows[0].rev;
    its.if_rev = stale ? UINT64_C(1) << 60 : b->rows[0].rev;
    compare(host_call(h, &mine), host_call(model, &its));
}

static void random_operations_agree_with_the_model(struct tck *t)
{
    struct tck memory = model_of(t);
    unsigned seed = t->seed, steps = t->more ? 60000 : 3000, at = 0;
    struct host *h = host_ready(t), *model = host_ready(&memory);
    printf("# seed %u\n", seed);
    for (; at < steps; at++) {
        struct op o[5];
        unsigned n = 1 + rnd(t, 4);
        const phx_req *members[5];
        switch (rnd(t, 10)) {
        case 0:
            compare_and_swap(t, h, model);
            break;
        case 1:
            for (unsigned i = 0; i < n; i++) {
                make(t, &o[i], true);
                members[i] = &o[i].req;
            }
            both(h, model, REQ(PHX_BATCH, .batch = members, .n_batch = n));
            break;
        default:
            make(t, &o[0], false);
            both(h, model, &o[0].req);
        }
        if (at % 50 == 0)
            compare(all_items(h), all_items(model));
    }
    host_close(h);
    host_close(model);
}

/** A request about the record with the number @p i and no other. */
static void make_own(struct tck *t, struct op *o, unsigned i)
{
    static const uint32_t codes[] = { PHX_PUT,    PHX_PUT, PHX_DELETE, PHX_UPDATE,
                                      PHX_UPDATE, PHX_GET, PHX_SCAN };
    make(t, o, false);
    uint32_t code = codes[rnd(t, 7)];
    snprintf(o->key, sizeof(o->key), "o%03u", i);
    o->cells[ITEM_ID] = T(o->key);
    o->conds[0] = (phx_cond){ ITEM_ID, PHX_EQ, 1, 0, o->cells };
    o->req = *REQ(code, .collection = &items, .cells = o->cells);
    o->req.n_cells = code == PHX_PUT ? 8 : code == PHX_DELETE || code == PHX_GET ? 1 : 0;
    o->req.if_rev = code == PHX_PUT && rnd(t, 3) == 0 ? PHX_REV_NEW : 0;
    if (code == PHX_UPDATE || code == PHX_SCAN) {
        o->req.conds = o->conds;
        o->req.n_conds = 1;
        add_only(t, o);
    }
    if (code == PHX_UPDATE)
        add_sets(t, o);
}

/** Shapes are few, so a driver that sends equal ones together does so; nobody gets his neighbour's answer. */
static void operations_at_once_do_not_get_mixed_up(struct tck *t)
{
    enum { AT_ONCE = 48 };
    struct tck memory = model_of(t);
    struct host *h = host_ready(t), *model = host_ready(&memory);
    struct op *ops = calloc(AT_ONCE, sizeof(*ops));
    struct call *calls[AT_ONCE];
    for (int round = 0; round < (t->more ? 1000 : 50); round++) {
        for (unsigned i = 0; i < AT_ONCE; i++) {
            make_own(t, &ops[i], i);
            calls[i] = host_start(h, &ops[i].req);
        }
        for (unsigned i = 0; i < AT_ONCE; i++) {
            host_wait(calls[i]);
            compare(calls[i], host_call(model, &ops[i].req));
            call_free(calls[i]);
        }
        compare(all_items(h), all_items(model));
    }
    free(ops);
    host_close(h);
    host_close(model);
}

const struct tck_test tests_model[] = {
    TEST(random_operations_agree_with_the_model, 0),
    TEST(operations_at_once_do_not_get_mixed_up, 0),
    TESTS_END,
};
