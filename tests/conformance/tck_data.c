/* SPDX-License-Identifier: Apache-2.0 */
/* The kit's collections, and what many tests do with them. */
#include "tests/conformance/tck.h"

static const phx_field item_fields[] = {
    { "id", PHX_TEXT, PHX_F_NOT_NULL },
    { "name", PHX_TEXT, PHX_F_NOT_NULL },
    { "n", PHX_INT, 0 },
    { "r", PHX_REAL, 0 },
    { "b", PHX_BOOL, 0 },
    { "t", PHX_TIME, 0 },
    { "j", PHX_JSON, 0 },
    { "x", PHX_BYTES, 0 },
};
static const phx_cell open_cell = { .type = PHX_TEXT, .s = { "open", 4 } };
static const phx_cond where_open = { ITEM_NAME, PHX_EQ, 1, 0, &open_cell };
static const int32_t by_name[] = { ITEM_NAME, DESC(ITEM_N) }, by_open[] = { ITEM_N, ITEM_ID };
static const phx_index item_indexes[] = { { "items_by_name", by_name, 2, 0, NULL },
                                          { "items_open", by_open, 2, 1, &where_open } };
const phx_collection items = { .size = sizeof(items), .name = "items", .n_fields = 8, .n_key = 1,
                               .fields = item_fields, .n_indexes = 2, .indexes = item_indexes,
                               .time_field = UINT32_MAX };
static const phx_field pair_fields[] = { { "a", PHX_TEXT, PHX_F_NOT_NULL }, { "b", PHX_INT, PHX_F_NOT_NULL },
                                         { "v", PHX_INT, 0 } };
const phx_collection pairs = { .size = sizeof(pairs), .name = "pairs", .n_fields = 3, .n_key = 2,
                               .fields = pair_fields, .time_field = UINT32_MAX };
static const phx_field log_fields[] = { { "host", PHX_TEXT, PHX_F_NOT_NULL },
                                        { "seq", PHX_INT, PHX_F_NOT_NULL },
                                        { "at", PHX_TIME, PHX_F_NOT_NULL },
                                        { "text", PHX_TEXT, 0 } };
const phx_collection logs = { .size = sizeof(logs), .flags = PHX_C_APPEND, .name = "logs", .n_fields = 4,
                              .n_key = 2, .fields = log_fields, .time_field = LOG_AT };

struct host *host_ready(const struct tck *t)
{
    char why[400];
    struct host *h = host_open(t, why);
    if (!h)
        tck_fail(__FILE__, __LINE__, "open: %s", why);
    CHECK_STATUS(host_ensure(h, &items), PHX_OK);
    CHECK_STATUS(host_ensure(h, &pairs), PHX_OK);
    CHECK_STATUS(host_ensure(h, &logs), PHX_OK);
    return h;
}

struct call *put_item(struct host *h, const char *id, const char *name, int64_t n)
{
    struct call *c = host_call(h, REQ(PHX_PUT, .collection = &items, ITEM(id, name, I(n))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->n, 1);
    return c;
}

struct call *all_items(struct host *h)
{
    struct call *c = host_call(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_ID)));
    CHECK_STATUS(c, PHX_OK);
    return c;
}

void put_make(struct put *p, const char *id, int64_t n)
{
    snprintf(p->id, sizeof(p->id), "%s", id);
    memset(p->cells, 0, sizeof(p->cells));
    p->cells[ITEM_ID] = T(p->id);
    p->cells[ITEM_NAME] = T("x");
    p->cells[ITEM_N] = I(n);
    p->req = *REQ(PHX_PUT, .collection = &items, .cells = p->cells, .n_cells = 8);
}

void put_start(struct host *h, struct put *p, const char *id, int64_t n)
{
    put_make(p, id, n);
    p->call = host_start(h, &p->req);
}

bool host_recovers(struct host *h)
{
    uint64_t until = host_mono() + 20 * (uint64_t)TCK_SEC;
    while (host_mono() < until) {
        if (host_call(h, REQ(PHX_PING, .deadline = host_mono() + 5 * (uint64_t)TCK_SEC))->status == PHX_OK)
            return true;
        host_turn(h, 20);
    }
    return false;
}

bool is_there(struct host *h, const char *id)
{
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &items, CELLS(T(id)), ONLY(ITEM_ID)));
    if (c->status != PHX_E_NOTFOUND)
        CHECK_STATUS(c, PHX_OK);
    return c->status == PHX_OK;
}

bool cell_has_text(const phx_cell *c)
{
    return c->type == PHX_TEXT || c->type == PHX_JSON || c->type == PHX_BYTES;
}

bool cell_equal(const phx_cell *a, const phx_cell *b)
{
    if (a->type != b->type)
        return false;
    if (cell_has_text(a))
        return a->s.n == b->s.n && memcmp(a->s.p, b->s.p, a->s.n) == 0;
    return a->type == 0 || (a->type == PHX_REAL ? a->r == b->r : a->i == b->i);
}

bool cell_is(const phx_cell *c, const char *z)
{
    return cell_equal(c, &T(z));
}

unsigned rnd(struct tck *t, unsigned below)
{
    t->seed = t->seed * 1103515245u + 12345u;
    return (t->seed >> 8) % below;
}
