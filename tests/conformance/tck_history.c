/* SPDX-License-Identifier: Apache-2.0 */
/* Is there one order in which all reads and writes of a record could have happened one after the other, each
 * at some moment between its call and its answer? Every write has a value of its own, so this is decided by
 * looking at zones (P. Gibbons, E. Korach: Testing Shared Memories, SIAM J. Comput. 26(4), 1997): of a
 * value's write and reads, from the first answer to the last call. If that is a span of time, the record
 * has that value during it. Two such spans must not overlap, and what takes place wholly within one must
 * not be another value. */
#include "tests/conformance/tck.h"

enum { RECORDS = 4, SLOTS = 6, EVENTS = 6000 };
#define NEVER UINT64_MAX

struct event {
    uint64_t called, answered; /* NEVER: nobody knows whether it was done */
    int64_t value;             /* 0: there is no record */
    int record;
    bool write;
};
struct history {
    unsigned writers;
    struct {
        unsigned n, values;
        struct event events[EVENTS];
    } of[];
};

struct history *history_new(unsigned writers)
{
    struct history *y = shared_memory(sizeof(*y) + writers * sizeof(y->of[0]));
    y->writers = writers;
    return y;
}

/* ---- making one */

enum kind { READ, WRITE, SWAP, CHANGE };
struct slot {
    enum kind kind;
    struct event event;
    struct put put;
    phx_cond cond;
    phx_set set;
    uint32_t only[1];
    struct call *call;
};
struct writer {
    struct tck *t;
    struct host *h;
    struct history *y;
    unsigned number;
    bool faults;
    uint64_t seen[RECORDS]; /* revision; PHX_REV_NEW: no record */
    struct slot slots[SLOTS];
};

static void slot_start(struct writer *w, struct slot *s)
{
    char id[8];
    int record = (int)rnd(w->t, RECORDS);
    s->kind = (enum kind)rnd(w->t, 4);
    s->event = (struct event){ .record = record, .write = s->kind != READ };
    if (s->event.write)
        s->event.value = (int64_t)w->number * EVENTS + ++w->y->of[w->number].values;
    snprintf(id, sizeof(id), "r%d", record);
    put_make(&s->put, id, s->event.value);
    s->only[0] = ITEM_N;
    s->cond = (phx_cond){ ITEM_ID, PHX_EQ, 1, 0, s->put.cells };
    s->set = SET(ITEM_N, I(s->event.value));
    if (s->kind == READ)
        s->put.req = *REQ(PHX_GET, .collection = &items, .cells = s->put.cells, .n_cells = 1, .only = s->only,
                          .n_only = 1);
    else if (s->kind == CHANGE)
        s->put.req = *REQ(PHX_UPDATE, .collection = &items, .conds = &s->cond, .n_conds = 1, .sets = &s->set,
                          .n_sets = 1);
    else if (s->kind == SWAP)
        s->put.req.if_rev = w->seen[record];
    s->put.req.deadline = host_mono() + 10 * UINT64_C(1000000000);
    s->event.called = host_mono();
    s->call = host_start(w->h, &s->put.req);
}

/** False: it says nothing about the record. */
static bool understand(struct writer *w, struct slot *s)
{
    struct call *c = s->call;
    s->event.answered = c->done_at;
    if (c->status == PHX_E_CONFLICT && s->kind == SWAP)
        return false;
    if (c->status == PHX_E_NOTFOUND && s->kind == READ) {
        w->seen[s->event.record] = PHX_REV_NEW;
        return true;
    }
    if (c->status != PHX_OK) {
        if (!w->faults)
            CHECK_STATUS(c, PHX_OK);
        s->event.answered = NEVER;
        return s->event.write;
    }
    if (s->kind == READ) {
        CHECK_EQ(c->n_rows, 1);
        s->event.value = c->rows[0].cells[ITEM_N].i;
        w->seen[s->event.record] = c->rows[0].rev;
    } else if (s->kind == CHANGE && c->n == 0) { /* as good as a read */
        s->event.write = false;
        s->event.value = 0;
    } else if (s->kind == CHANGE) {
        CHECK_EQ(c->n_rows, 1);
        CHECK_EQ(c->rows[0].cells[ITEM_N].i, s->event.value);
    }
    return true;
}

static void slot_end(struct writer *w, struct slot *s)
{
    bool failed = s->call->status == PHX_E_UNAVAILABLE;
    if (understand(w, s))
        w->y->of[w->number].events[w->y->of[w->number].n++] = s->event;
    call_free(s->call);
    s->call = NULL;
    if (failed)
        host_turn(w->h, 2);
}

void history_run(struct tck *t, struct host *h, struct history *y, unsigned writer, uint64_t until,
                 bool faults)
{
    struct writer *w = calloc(1, sizeof(*w));
    *w = (struct writer){ .t = t, .h = h, .y = y, .number = writer, .faults = faults };
    for (int i = 0; i < RECORDS; i++)
        w->seen[i] = PHX_REV_NEW;
    for (unsigned under_way = 1; under_way;) {
        under_way = 0;
        for (int i = 0; i < SLOTS; i++) {
            struct slot *s = &w->slots[i];
            if (s->call && s->call->delivered)
                slot_end(w, s);
            if (!s->call && host_mono() < until && y->of[writer].values < EVENTS - SLOTS &&
                y->of[writer].n < EVENTS - SLOTS)
                slot_start(w, s);
            under_way += s->call != NULL;
        }
        if (under_way)
            host_turn(h, 50);
    }
    free(w);
}

/* ---- checking one */

struct zone {
    uint64_t first_answer, last_call, write_called;
    bool written, read;
};

static void add(struct zone *z, const struct event *e)
{
    if (e->write) {
        z->written = true;
        z->write_called = e->called;
    } else {
        z->read = true;
    }
    if (e->answered < z->first_answer)
        z->first_answer = e->answered;
    if (e->called > z->last_call)
        z->last_call = e->called;
}

/** Without a zone: a write that is unknown and that nobody saw. It need not have been done. */
static bool counts(const struct zone *z)
{
    return z->read || (z->written && z->first_answer != NEVER);
}

static void compare(const struct zone *a, const struct zone *b, int record, long value, long other)
{
    if (a->first_answer >= a->last_call) /* a is no span of time */
        return;
    uint64_t from = b->first_answer < b->last_call ? b->first_answer : b->last_call;
    uint64_t to = b->first_answer < b->last_call ? b->last_call : b->first_answer;
    bool wrong = b->first_answer < b->last_call ? from < a->last_call && a->first_answer < to
                                                : a->first_answer < from && to < a->last_call;
    if (wrong)
        tck_fail(__FILE__, __LINE__, "record r%d had value %ld before and after, but meanwhile %ld", record,
                 value, other);
}

static void check_record(const struct history *y, int record)
{
    size_t n = (size_t)y->writers * EVENTS + 1, m = 0;
    struct zone *zones = calloc(n, sizeof(*zones));
    size_t *used = calloc(n, sizeof(*used));
    for (size_t i = 0; i < n; i++)
        zones[i].first_answer = NEVER;
    zones[0] = (struct zone){ .written = true }; /* at first there is none */
    for (unsigned w = 0; w < y->writers; w++)
        for (unsigned i = 0; i < y->of[w].n; i++)
            if (y->of[w].events[i].record == record)
                add(&zones[y->of[w].events[i].value], &y->of[w].events[i]);
    for (unsigned w = 0; w < y->writers; w++)
        for (unsigned i = 0; i < y->of[w].n; i++) {
            const struct event *e = &y->of[w].events[i];
            if (e->record != record || e->write)
                continue;
            if (!zones[e->value].written || e->answered < zones[e->value].write_called)
                tck_fail(__FILE__, __LINE__, "record r%d: %ld was read before it was written", record,
                         (long)e->value);
        }
    for (size_t i = 0; i < n; i++)
        if (counts(&zones[i]))
            used[m++] = i;
    for (size_t a = 0; a < m; a++)
        for (size_t b = 0; b < m; b++)
            if (a != b)
                compare(&zones[used[a]], &zones[used[b]], record, (long)used[a], (long)used[b]);
    free(used);
    free(zones);
}

void history_check(const struct history *y)
{
    for (unsigned w = 0; w < y->writers; w++)
        CHECK(y->of[w].n > 0);
    for (int record = 0; record < RECORDS; record++)
        check_record(y, record);
}
