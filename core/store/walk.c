/* SPDX-License-Identifier: Apache-2.0 */
/* After the key (a, b, c) come: what has the same a and b and a greater c, then what has the same a and a
 * greater b, then what has a greater a. Conditions are only and-ed, so each of these is a query of its own;
 * each is a range of the primary key. A full page starts over at its last row; one that is not full ends its
 * range, and the next query takes the next wider one. */
#include <stdlib.h>
#include "core/base/mem.h"
#include "core/store/store_priv.h"
#include "core/store/walk.h"

enum { FIRST_PAGE_ROWS = 16, PAGE_BYTES = 1 << 20 };

struct walk {
    struct store *st;
    enum collection c;
    const phx_collection *def;
    unsigned flags;
    uint64_t page_rows, most_rows; /**< asked for: grows to the most unless rows are large */
    struct arena *memory;          /**< of the key */
    const phx_cell *last;          /**< key of the last row that came; NULL before the first */
    uint32_t shared;               /**< so many fields of `last` the next rows share */
    bool over;
    query_done_fn *done;
    void *arg;
};

struct walk *walk_new(struct store *st, enum collection c, uint64_t page_rows, unsigned flags)
{
    struct walk *w = mem_alloc(sizeof *w);
    w->st = st;
    w->c = c;
    w->def = collection_of(c);
    w->flags = flags;
    w->most_rows = page_rows;
    w->page_rows = page_rows < FIRST_PAGE_ROWS ? page_rows : FIRST_PAGE_ROWS;
    return w;
}

void walk_free(struct walk *w)
{
    if (!w)
        return;
    arena_free(w->memory);
    free(w);
}

bool walk_over(const struct walk *w)
{
    return w->over;
}

static bool has_bytes(const phx_cell *c)
{
    return c->type == PHX_TEXT || c->type == PHX_JSON || c->type == PHX_BYTES;
}

static void remember(struct walk *w, const struct row *r)
{
    struct arena *memory = arena_new();
    phx_cell *key = arena_calloc(memory, w->def->n_key, sizeof *key);
    for (uint32_t i = 0; i < w->def->n_key; i++) {
        key[i] = r->cells[i];
        if (has_bytes(&key[i]))
            key[i].s.p = arena_strndup(memory, (struct str){ key[i].s.p, key[i].s.n });
    }
    arena_free(w->memory);
    w->memory = memory;
    w->last = key;
}

/** The next page's size: twice as many rows while they are small, half as many when they are large. */
static void adapt(struct walk *w, const struct result *res)
{
    size_t bytes = 0;
    for (size_t i = 0; i < res->n_rows; i++)
        for (uint32_t k = 0; k < res->rows[i].n; k++)
            bytes += has_bytes(&res->rows[i].cells[k]) ? res->rows[i].cells[k].s.n : sizeof(double);
    if (bytes > PAGE_BYTES && w->page_rows > 1)
        w->page_rows /= 2;
    else if (bytes < PAGE_BYTES / 4 && res->n_rows == w->page_rows)
        w->page_rows = w->page_rows * 2 < w->most_rows ? w->page_rows * 2 : w->most_rows;
}

static void ask(struct walk *w);

static void on_page(void *arg, const struct result *res)
{
    struct walk *w = arg;
    bool is_full = res->n_rows == w->page_rows;
    if (res->rc == 0) {
        if (res->n_rows)
            remember(w, &res->rows[res->n_rows - 1]);
        if (is_full)
            w->shared = w->def->n_key - 1;
        else if (w->shared > 0)
            w->shared--;
        else
            w->over = true;
        adapt(w, res);
        if (res->n_rows == 0 && !w->over) {
            ask(w);
            return;
        }
    }
    w->done(w->arg, res);
}

static void ask(struct walk *w)
{
    struct query *q = q_scan(w->st, w->c);
    for (uint32_t i = 0; w->last && i <= w->shared; i++)
        query__where(q, (int)i, i < w->shared ? PHX_EQ : PHX_GT, &w->last[i]);
    for (int i = 0; i < (int)w->def->n_key; i++) {
        q_order(q, i);
        if (w->flags & WALK_KEYS_ONLY)
            q_only(q, i);
    }
    q_limit(q, w->page_rows);
    q_lane(q, LANE_BULK);
    store_run(q, on_page, w);
}

void walk_next(struct walk *w, query_done_fn *done, void *arg)
{
    w->done = done;
    w->arg = arg;
    ask(w);
}
