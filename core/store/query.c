/* SPDX-License-Identifier: Apache-2.0 */
/* Building requests. A query, its values and later its rows live in one arena. Wrong fields and kinds
 * are our bugs: asserted. What the values hold is the driver's to judge. */
#include <assert.h>
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/store/store_priv.h"

enum { DEFAULT_TIMEOUT_S = 30 };

struct query *query__new(struct store *st, uint32_t code)
{
    struct arena *a = arena_new();
    struct query *q = arena_alloc(a, sizeof(*q));
    q->arena = a;
    q->st = st;
    q->timeout_ns = DEFAULT_TIMEOUT_S * NS_PER_S;
    q->lane = LANE_NORMAL;
    q->req.size = sizeof(q->req);
    q->req.code = code;
    atomic_init(&q->given_up, false);
    return q;
}

static struct query *query_on(struct store *st, uint32_t code, enum collection c)
{
    struct query *q = query__new(st, code);
    q->req.collection = collection_of(c);
    assert(q->req.collection);
    return q;
}

struct query *q_get(struct store *st, enum collection c) { return query_on(st, PHX_GET, c); }
struct query *q_put(struct store *st, enum collection c) { return query_on(st, PHX_PUT, c); }
struct query *q_delete(struct store *st, enum collection c) { return query_on(st, PHX_DELETE, c); }
struct query *q_scan(struct store *st, enum collection c) { return query_on(st, PHX_SCAN, c); }
struct query *q_update(struct store *st, enum collection c) { return query_on(st, PHX_UPDATE, c); }
struct query *q_batch(struct store *st) { return query__new(st, PHX_BATCH); }

struct query *q_ping(struct store *st)
{
    struct query *q = query__new(st, PHX_PING);
    q->lane = LANE_URGENT;
    return q;
}

struct query *q_insert(struct store *st, enum collection c)
{
    struct query *q = query_on(st, PHX_PUT, c);
    q->req.if_rev = PHX_REV_NEW;
    return q;
}

void q_free(struct query *q)
{
    if (!q)
        return;
    for (uint32_t i = 0; i < q->req.n_batch; i++)
        q_free(q->members[i]);
    arena_free(q->arena);
}

struct arena *q_arena(struct query *q)
{
    return q->arena;
}

/** Make room for one more element; what the array held before stays in the arena until its end. */
static void *grow(struct query *q, const void *old, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return (void *)old;
    *cap = *cap ? *cap * 2 : 8;
    void *p = arena_calloc(q->arena, *cap, size);
    if (n)
        memcpy(p, old, n * size);
    return p;
}

void q_add(struct query *batch, struct query *member)
{
    assert(batch->req.code == PHX_BATCH && member->req.code != PHX_BATCH);
    uint32_t n = batch->req.n_batch, cap = batch->cap_batch;
    batch->members = grow(batch, batch->members, n, &cap, sizeof(struct query *));
    batch->req.batch = grow(batch, batch->req.batch, n, &batch->cap_batch, sizeof(phx_req *));
    batch->members[n] = member;
    ((const phx_req **)batch->req.batch)[n] = &member->req;
    batch->req.n_batch++;
}

/* ---- cells */

static const phx_field *field_of(const struct query *q, int field)
{
    assert(field >= 0 && (uint32_t)field < q->req.collection->n_fields);
    return &q->req.collection->fields[field];
}

/** Null cells for the next row: the key for GET and DELETE, all fields for PUT. */
static void row_add(struct query *q)
{
    uint32_t width = q->req.code == PHX_PUT ? q->req.collection->n_fields : q->req.collection->n_key;
    while (q->req.n_cells + width > q->cap_cells)
        q->req.cells = grow(q, q->req.cells, q->cap_cells, &q->cap_cells, sizeof(phx_cell));
    q->row_start = q->req.n_cells;
    q->req.n_cells += width;
}

static phx_cell *cell_at(struct query *q, int field)
{
    field_of(q, field);
    if (q->req.n_cells == 0)
        row_add(q);
    assert(q->row_start + (uint32_t)field < q->req.n_cells);
    return (phx_cell *)&q->req.cells[q->row_start + (uint32_t)field];
}

void q_next_row(struct query *q)
{
    assert(q->req.code == PHX_PUT && (q->req.collection->flags & PHX_C_APPEND));
    row_add(q);
}

static phx_cell text_cell(struct query *q, uint32_t type, struct str s)
{
    struct str copy = arena_str(q->arena, s);
    return (phx_cell){ .type = type, .s = { copy.p ? copy.p : "", copy.n } };
}

/** An integer as the field has it: whole number, boolean or time (of whole microseconds). */
static phx_cell int_cell(struct query *q, int field, int64_t v)
{
    uint32_t type = field_of(q, field)->type;
    assert(type == PHX_INT || type == PHX_BOOL || type == PHX_TIME);
    return (phx_cell){ .type = type, .i = type == PHX_TIME ? v / NS_PER_US * NS_PER_US : v };
}

static phx_cell json_cell(struct query *q, const struct json *j)
{
    if (!j)
        return (phx_cell){ 0 };
    struct buf b;
    buf_init(&b, SIZE_MAX);
    json_write(j, &b);
    phx_cell c = text_cell(q, PHX_JSON, buf_str(&b));
    buf_done(&b);
    return c;
}

void q_text(struct query *q, int field, const char *z)
{
    *cell_at(q, field) = z ? text_cell(q, PHX_TEXT, str_of(z)) : (phx_cell){ 0 };
}

void q_str(struct query *q, int field, struct str s)
{
    *cell_at(q, field) = text_cell(q, field_of(q, field)->type, s);
}

void q_int(struct query *q, int field, int64_t v) { *cell_at(q, field) = int_cell(q, field, v); }

void q_real(struct query *q, int field, double v)
{
    *cell_at(q, field) = (phx_cell){ .type = PHX_REAL, .r = v };
}

void q_bool(struct query *q, int field, bool v) { *cell_at(q, field) = int_cell(q, field, v); }

void q_time(struct query *q, int field, int64_t wall_ns)
{
    *cell_at(q, field) = wall_ns ? int_cell(q, field, wall_ns) : (phx_cell){ 0 };
}

void q_json(struct query *q, int field, const struct json *j) { *cell_at(q, field) = json_cell(q, j); }

static phx_cell cell_copy(struct query *q, const phx_cell *c)
{
    bool has_bytes = c->type == PHX_TEXT || c->type == PHX_JSON || c->type == PHX_BYTES;
    return has_bytes ? text_cell(q, c->type, (struct str){ c->s.p, c->s.n }) : *c;
}

void q_cell(struct query *q, int field, const phx_cell *c)
{
    assert(c->type == 0 || c->type == field_of(q, field)->type);
    *cell_at(q, field) = c->type == PHX_TIME ? int_cell(q, field, c->i) : cell_copy(q, c);
}

/* ---- conditions */

static phx_cond *cond_add(struct query *q, int field, uint32_t op, uint32_t n_cells)
{
    field_of(q, field);
    q->req.conds = grow(q, q->req.conds, q->req.n_conds, &q->cap_conds, sizeof(phx_cond));
    phx_cond *c = (phx_cond *)&q->req.conds[q->req.n_conds++];
    *c = (phx_cond){ .field = (uint32_t)field, .op = op, .n_cells = n_cells };
    return c;
}

static void where_cell(struct query *q, int field, uint32_t op, phx_cell cell)
{
    phx_cell *copy = arena_alloc(q->arena, sizeof(*copy));
    *copy = cell;
    cond_add(q, field, op, 1)->cell = copy;
}

void q_where_text(struct query *q, int field, uint32_t op, const char *z)
{
    assert(z);
    where_cell(q, field, op, text_cell(q, PHX_TEXT, str_of(z)));
}

void q_where_int(struct query *q, int field, uint32_t op, int64_t v)
{
    where_cell(q, field, op, int_cell(q, field, v));
}

void query__where(struct query *q, int field, uint32_t op, const phx_cell *c)
{
    if (c)
        where_cell(q, field, op, cell_copy(q, c));
    else
        cond_add(q, field, op, 0);
}

void q_where_in(struct query *q, int field, const struct str *values, size_t n)
{
    phx_cell *cells = arena_calloc(q->arena, n ? n : 1, sizeof(*cells));
    for (size_t i = 0; i < n; i++)
        cells[i] = text_cell(q, PHX_TEXT, values[i]);
    cond_add(q, field, PHX_IN, (uint32_t)n)->cell = cells;
}

/* ---- assignments */

static void set_add(struct query *q, int field, uint32_t op, phx_cell cell)
{
    field_of(q, field);
    q->req.sets = grow(q, q->req.sets, q->req.n_sets, &q->cap_sets, sizeof(phx_set));
    phx_set *s = (phx_set *)&q->req.sets[q->req.n_sets++];
    *s = (phx_set){ .field = (uint32_t)field, .op = op, .cell = cell };
}

void q_set_text(struct query *q, int field, const char *z)
{
    set_add(q, field, PHX_SET, z ? text_cell(q, PHX_TEXT, str_of(z)) : (phx_cell){ 0 });
}

void q_set_int(struct query *q, int field, int64_t v) { set_add(q, field, PHX_SET, int_cell(q, field, v)); }

void q_set_time(struct query *q, int field, int64_t wall_ns)
{
    set_add(q, field, PHX_SET, wall_ns ? int_cell(q, field, wall_ns) : (phx_cell){ 0 });
}

void q_set_json(struct query *q, int field, const struct json *j)
{
    set_add(q, field, PHX_SET, json_cell(q, j));
}
void q_set_null(struct query *q, int field) { set_add(q, field, PHX_SET, (phx_cell){ 0 }); }
void q_inc(struct query *q, int field, int64_t by) { set_add(q, field, PHX_ADD, int_cell(q, field, by)); }

/* ---- the rest */

static void order_add(struct query *q, int32_t value)
{
    q->req.order = grow(q, q->req.order, q->req.n_order, &q->cap_order, sizeof(int32_t));
    ((int32_t *)q->req.order)[q->req.n_order++] = value;
}

void q_order(struct query *q, int field)
{
    field_of(q, field);
    order_add(q, field);
}

void q_order_desc(struct query *q, int field)
{
    field_of(q, field);
    order_add(q, -field - 1);
}

void q_only(struct query *q, int field)
{
    uint32_t *only = (uint32_t *)q->req.only;
    assert(field_of(q, field) && (q->req.n_only == 0 || only[q->req.n_only - 1] < (uint32_t)field));
    if (!only)
        q->req.only = only = arena_calloc(q->arena, q->req.collection->n_fields, sizeof(*only));
    only[q->req.n_only++] = (uint32_t)field;
}

void q_limit(struct query *q, uint64_t n) { q->req.limit = n; }
void q_per_key(struct query *q, uint64_t n) { q->req.per_key = n; }
void q_rev(struct query *q, uint64_t rev) { q->req.if_rev = rev; }
void q_flags(struct query *q, uint32_t phx_flags) { q->req.flags = phx_flags; }
void q_deadline(struct query *q, int64_t from_now_ns) { q->timeout_ns = from_now_ns; }
void q_lane(struct query *q, enum store_lane lane) { q->lane = lane; }
