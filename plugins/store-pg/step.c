/* SPDX-License-Identifier: Apache-2.0 */
/* Which statement serves a request, and which requests share one.
 *
 * Requests that name their record by the whole key, and are of equal shape, become one statement over
 * arrays. Members of a batch keep their order: only neighbours share a statement. Operations are
 * independent, so among them order does not matter; but two that concern one record never share a
 * statement, since it would apply only one of them. Pure. */
#include <stdlib.h>
#include <string.h>
#include "pg_ops.h"

int cell_compare(const phx_cell *a, const phx_cell *b)
{
    if (a->type == PHX_TEXT || a->type == PHX_BYTES || a->type == PHX_JSON) {
        size_t n = a->s.n < b->s.n ? a->s.n : b->s.n;
        int c = n ? memcmp(a->s.p, b->s.p, n) : 0;
        return c ? c : (a->s.n > b->s.n) - (a->s.n < b->s.n);
    }
    if (a->type == PHX_REAL)
        return (a->r > b->r) - (a->r < b->r);
    return (a->i > b->i) - (a->i < b->i);
}

/** The conditions that name the whole key by equality. Others may stand beside them, if they are small. */
static bool key_find(const struct decl *d, const phx_req *r, uint32_t at[MAX_KEY])
{
    if (d->c.n_key > MAX_KEY)
        return false;
    for (uint32_t k = 0; k < d->c.n_key; k++) {
        uint32_t i = 0;
        while (i < r->n_conds && (r->conds[i].field != k || r->conds[i].op != PHX_EQ))
            i++;
        if (i == r->n_conds)
            return false;
        at[k] = i;
    }
    for (uint32_t i = 0; i < r->n_conds; i++)
        if (r->conds[i].op == PHX_IN && (r->conds[i].n_cells > MAX_IN_KEYED || r->conds[i].n_cells == 0))
            return false;
    return true;
}

static enum verb put_verb(const struct decl *d, const phx_req *r)
{
    if (r->if_rev)
        return r->if_rev == PHX_REV_NEW ? VERB_INSERT : VERB_PUT_IF;
    return d->append ? VERB_APPEND : VERB_UPSERT;
}

static enum verb verb_of(const struct decl *d, const phx_req *r, uint32_t at[MAX_KEY])
{
    switch (r->code) {
    case PHX_PING:
        return VERB_PING;
    case PHX_GET:
        return VERB_GET;
    case PHX_SCAN:
        return VERB_SCAN;
    case PHX_PUT:
        return put_verb(d, r);
    case PHX_DELETE:
        return r->n_cells ? VERB_DELETE_KEYED : VERB_DELETE;
    default:
        return key_find(d, r, at) ? VERB_UPDATE_KEYED : VERB_UPDATE;
    }
}

bool step_wants(const phx_req *r, uint32_t f)
{
    if (!(r->flags & PHX_DISTINCT))
        return phx_wants(r, f);
    for (uint32_t i = 0; i < r->n_order; i++)
        if ((r->order[i] < 0 ? -(r->order[i] + 1) : r->order[i]) == (int32_t)f)
            return true;
    return false;
}

uint32_t part_rows(const struct step *s, const struct part *p)
{
    return p->r->code == PHX_PUT ? p->r->n_cells / s->d->c.n_fields : 1;
}

const phx_cell *part_key(const struct step *s, const struct part *p, uint32_t i)
{
    return s->verb == VERB_UPDATE_KEYED ? p->r->conds[s->key_at[i]].cell : &p->r->cells[i];
}

/* ---- shapes */

static bool same_answer(const phx_req *a, const phx_req *b)
{
    return a->n_only == b->n_only && (a->flags & PHX_NO_ROWS) == (b->flags & PHX_NO_ROWS) &&
           (a->n_only == 0 || memcmp(a->only, b->only, a->n_only * sizeof(*a->only)) == 0);
}

static bool same_conds(const phx_req *a, const phx_req *b)
{
    if (a->n_conds != b->n_conds)
        return false;
    for (uint32_t i = 0; i < a->n_conds; i++) {
        const phx_cond *x = &a->conds[i], *y = &b->conds[i];
        if (x->field != y->field || x->op != y->op || (x->op == PHX_IN && x->n_cells != y->n_cells))
            return false;
    }
    return true;
}

static bool same_sets(const phx_req *a, const phx_req *b)
{
    if (a->n_sets != b->n_sets)
        return false;
    for (uint32_t i = 0; i < a->n_sets; i++)
        if (a->sets[i].field != b->sets[i].field || a->sets[i].op != b->sets[i].op)
            return false;
    return true;
}

/** May @p r share step @p s? Its verb and collection are the step's. */
static bool same_shape(const struct step *s, const phx_req *r)
{
    const phx_req *a = s->parts[0].r;
    switch (s->verb) {
    case VERB_UPSERT:
    case VERB_PUT_IF:
    case VERB_APPEND:
    case VERB_PING:
        return true;
    case VERB_INSERT: /* several rows must be there all or none, which takes a statement of their own */
        return a->n_cells == s->d->c.n_fields && r->n_cells == a->n_cells;
    case VERB_GET:
        return same_answer(a, r);
    case VERB_DELETE_KEYED:
        return !a->if_rev == !r->if_rev;
    case VERB_UPDATE_KEYED:
        return !a->if_rev == !r->if_rev && same_answer(a, r) && same_conds(a, r) && same_sets(a, r);
    default:
        return false;
    }
}

/* ---- the steps of a group */

void steps_init(struct steps *s)
{
    *s = (struct steps){ .tail = &s->first };
}

static void step_free(struct step *s)
{
    PQclear(s->result);
    free(s->parts);
    free(s);
}

void steps_free(struct steps *all)
{
    for (struct step *s = all->first, *next; s; s = next) {
        next = s->next;
        step_free(s);
    }
    steps_init(all);
}

static void part_add(struct steps *all, struct step *s, struct part p)
{
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? s->cap * 4 : 1;
        struct part *parts = realloc(s->parts, cap * sizeof(*parts));
        if (!parts) {
            all->failed = true;
            return;
        }
        s->parts = parts;
        s->cap = cap;
    }
    s->parts[s->n++] = p;
}

static struct step *step_new(struct steps *all, const struct step *like)
{
    struct step *s = calloc(1, sizeof(*s));
    if (!s) {
        all->failed = true;
        return NULL;
    }
    *s = *like;
    s->next = NULL;
    s->parts = NULL;
    s->n = s->cap = 0;
    *all->tail = s;
    all->tail = &s->next;
    return s;
}

static bool holds_key(const struct step *s, const struct part *p)
{
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t k = 0;
        while (k < s->d->c.n_key && cell_compare(part_key(s, &s->parts[i], k), part_key(s, p, k)) == 0)
            k++;
        if (k == s->d->c.n_key)
            return true;
    }
    return false;
}

static bool is_keyed(enum verb v)
{
    return v == VERB_UPSERT || v == VERB_INSERT || v == VERB_PUT_IF || v == VERB_UPDATE_KEYED ||
           v == VERB_DELETE_KEYED;
}

/** A step that @p p can join, or NULL. In a batch only the last one, and only within the batch. */
static struct step *step_find(const struct steps *all, const struct step *like, const struct part *p)
{
    for (struct step *s = all->first; s; s = s->next) {
        if (s->verb != like->verb || s->d != like->d || s->counts != like->counts || !same_shape(s, p->r))
            continue;
        if (!like->counts)
            return s;
        if (!s->next && s->parts[0].job == p->job && s->n < STEP_MEMBERS &&
            !(is_keyed(s->verb) && holds_key(s, p)))
            return s;
    }
    return NULL;
}

static void request_add(struct steps *all, const phx_self *self, struct part p)
{
    const phx_req *r = p.r;
    bool batch = p.job->req->code == PHX_BATCH;
    struct step like = { .d = r->code == PHX_PING ? NULL : decl_find(self, r->collection), .counts = batch };
    like.verb = verb_of(like.d, r, like.key_at);
    like.must = r->if_rev && (batch || (like.verb == VERB_INSERT && r->n_cells > like.d->c.n_fields));
    struct step *s = p.job->exact ? NULL : step_find(all, &like, &p);
    if (!s)
        s = step_new(all, &like);
    if (s)
        part_add(all, s, p);
}

void steps_add(struct steps *all, const phx_self *self, struct job *j)
{
    if (j->req->code != PHX_BATCH)
        request_add(all, self, (struct part){ j, j->req, 0 });
    for (uint32_t i = 0; j->req->code == PHX_BATCH && i < j->req->n_batch; i++)
        request_add(all, self, (struct part){ j, j->req->batch[i], i });
}

/* ---- order. Processes that lock the same records lock them in the same order. */

static int compare_parts(const void *a, const void *b, void *arg)
{
    const struct step *s = arg;
    for (uint32_t k = 0; k < s->d->c.n_key; k++) {
        int c = cell_compare(part_key(s, a, k), part_key(s, b, k));
        if (c)
            return c;
    }
    return 0;
}

/** Sorted; of those with one key the first stays, the others go to a step behind all. */
static void step_order(struct steps *all, struct step *s)
{
    struct step *more = NULL;
    uint32_t kept = 1;
    qsort_r(s->parts, s->n, sizeof(*s->parts), compare_parts, s);
    for (uint32_t i = 1; i < s->n; i++) {
        if (compare_parts(&s->parts[kept - 1], &s->parts[i], s) != 0) {
            s->parts[kept++] = s->parts[i];
            continue;
        }
        if (!more)
            more = step_new(all, s);
        if (more)
            part_add(all, more, s->parts[i]);
    }
    s->n = kept;
}

void steps_finish(struct steps *all)
{
    for (struct step *s = all->first; s; s = s->next)
        if (s->n > 1 && is_keyed(s->verb))
            step_order(all, s);
}
