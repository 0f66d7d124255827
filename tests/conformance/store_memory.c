/* SPDX-License-Identifier: Apache-2.0 */
/* The reference storage driver: arrays in memory, every condition evaluated on every row, answered
 * inside submit. It is there to be obviously right; tests compare real drivers with it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "phoenix/storage.h"

enum { MAX_TABLES = 32, MAX_FIELDS = 64 };

struct record {
    phx_cell cells[MAX_FIELDS]; /* texts are ours */
    uint64_t rev;
};
struct table {
    char name[64];
    uint32_t n_fields, n_key, flags, types[MAX_FIELDS];
    struct record **rows; /* in the order of the key */
    size_t n;
};
struct db {
    struct table tables[MAX_TABLES];
    unsigned n_tables;
};
struct phx_self {
    const phx_host *host;
    struct db db;
    uint64_t seq;
};

static bool has_text(const phx_cell *c)
{
    return c->type == PHX_TEXT || c->type == PHX_JSON || c->type == PHX_BYTES;
}

static phx_cell cell_copy(const phx_cell *c)
{
    phx_cell copy = *c;
    if (has_text(c)) {
        char *text = malloc(c->s.n + 1);
        memcpy(text, c->s.p, c->s.n);
        copy.s.p = text;
    }
    return copy;
}

static void cell_free(phx_cell *c)
{
    if (has_text(c))
        free((char *)c->s.p);
    *c = (phx_cell){ 0 };
}

static void record_free(struct record *r)
{
    for (int i = 0; i < MAX_FIELDS; i++)
        cell_free(&r->cells[i]);
    free(r);
}

static int compare(const phx_cell *a, const phx_cell *b)
{
    if (!a->type || !b->type)
        return (a->type != 0) - (b->type != 0);
    if (has_text(a)) {
        int c = memcmp(a->s.p, b->s.p, a->s.n < b->s.n ? a->s.n : b->s.n);
        return c ? c : (a->s.n > b->s.n) - (a->s.n < b->s.n);
    }
    if (a->type == PHX_REAL)
        return (a->r > b->r) - (a->r < b->r);
    return (a->i > b->i) - (a->i < b->i);
}

static int compare_keys(const struct table *t, const phx_cell *a, const phx_cell *b)
{
    int c = 0;
    for (uint32_t i = 0; i < t->n_key && c == 0; i++)
        c = compare(&a[i], &b[i]);
    return c;
}

static struct table *table_of(phx_self *self, const phx_collection *c)
{
    for (unsigned i = 0; i < self->db.n_tables; i++)
        if (strcmp(self->db.tables[i].name, c->name) == 0)
            return self->db.tables[i].n_fields == c->n_fields ? &self->db.tables[i] : NULL;
    return NULL;
}

/** Where the key is, or would be. */
static size_t position(const struct table *t, const phx_cell *key, bool *ret_found)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (compare_keys(t, t->rows[mid]->cells, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_found = low < t->n && compare_keys(t, t->rows[low]->cells, key) == 0;
    return low;
}

static void remove_at(struct table *t, size_t i)
{
    record_free(t->rows[i]);
    memmove(&t->rows[i], &t->rows[i + 1], (t->n - i - 1) * sizeof(*t->rows));
    t->n--;
}

static void insert_at(phx_self *self, struct table *t, size_t i, const phx_cell *cells)
{
    struct record *r = calloc(1, sizeof(*r));
    for (uint32_t f = 0; f < t->n_fields; f++)
        r->cells[f] = cell_copy(&cells[f]);
    r->rev = t->flags & PHX_C_APPEND ? 1 : ++self->seq;
    t->rows = realloc(t->rows, (t->n + 1) * sizeof(*t->rows));
    memmove(&t->rows[i + 1], &t->rows[i], (t->n - i) * sizeof(*t->rows));
    t->rows[i] = r;
    t->n++;
}

static phx_status ensure(phx_self *self, const phx_collection *c)
{
    struct table *t = NULL;
    for (unsigned i = 0; i < self->db.n_tables; i++)
        if (strcmp(self->db.tables[i].name, c->name) == 0)
            t = &self->db.tables[i];
    if (!t) {
        t = &self->db.tables[self->db.n_tables++];
        assert(self->db.n_tables <= MAX_TABLES && strlen(c->name) < sizeof(t->name));
        memcpy(t->name, c->name, strlen(c->name) + 1);
    }
    if (t->n_fields > c->n_fields)
        return PHX_E_CONFIG;
    for (size_t i = 0; i < t->n; i++)
        for (uint32_t f = t->n_fields; f < c->n_fields; f++)
            if (c->fields[f].flags & PHX_F_NOT_NULL)
                t->rows[i]->cells[f] = cell_copy(&(phx_cell){ .type = c->fields[f].type, .s = { "", 0 } });
    t->n_fields = c->n_fields;
    t->n_key = c->n_key;
    t->flags = c->flags;
    for (uint32_t f = 0; f < c->n_fields; f++)
        t->types[f] = c->fields[f].type;
    return PHX_OK;
}

/* ---- which rows */

static bool cond_holds(const phx_cond *c, const phx_cell *v)
{
    if (c->op == PHX_IS_NULL || c->op == PHX_NOT_NULL || !v->type)
        return c->op == (v->type ? PHX_NOT_NULL : PHX_IS_NULL);
    if (c->op == PHX_IN) {
        for (uint32_t i = 0; i < c->n_cells; i++)
            if (compare(v, &c->cell[i]) == 0)
                return true;
        return false;
    }
    int d = compare(v, c->cell);
    switch (c->op) {
    case PHX_EQ: return d == 0;
    case PHX_NE: return d != 0;
    case PHX_LT: return d < 0;
    case PHX_LE: return d <= 0;
    case PHX_GT: return d > 0;
    default: return d >= 0;
    }
}

static bool matches(const phx_req *r, const struct record *row)
{
    for (uint32_t i = 0; i < r->n_conds; i++)
        if (!cond_holds(&r->conds[i], &row->cells[r->conds[i].field]))
            return false;
    return r->code != PHX_UPDATE || !r->if_rev || row->rev == r->if_rev;
}

static const phx_req *sort_req;
static const struct table *sort_table;

static int by_order(const void *a, const void *b)
{
    const struct record *x = *(struct record *const *)a, *y = *(struct record *const *)b;
    for (uint32_t i = 0; i < sort_req->n_order; i++) {
        int32_t o = sort_req->order[i];
        int32_t f = o < 0 ? -(o + 1) : o;
        int d = compare(&x->cells[f], &y->cells[f]);
        if (d)
            return o < 0 ? -d : d;
    }
    return compare_keys(sort_table, x->cells, y->cells);
}

/** Keep at most per_key rows of each value of the first IN, key by key in its order. */
static size_t limit_per_key(const phx_req *r, struct record **found, size_t n, size_t limit)
{
    const phx_cond *in = phx_first_in(r);
    struct record **out = calloc(n + 1, sizeof(*out));
    size_t m = 0;
    for (uint32_t k = 0; k < in->n_cells; k++) {
        uint64_t of_key = 0;
        bool again = false;
        for (uint32_t p = 0; p < k; p++)
            again = again || compare(&in->cell[p], &in->cell[k]) == 0;
        for (size_t i = 0; i < n && of_key < r->per_key && m < limit && !again; i++)
            if (compare(&found[i]->cells[in->field], &in->cell[k]) == 0) {
                out[m++] = found[i];
                of_key++;
            }
    }
    memcpy(found, out, m * sizeof(*out));
    free(out);
    return m;
}

/** The rows a request is about, in order. The caller frees the array. */
static struct record **find(const phx_req *r, const struct table *t, size_t *ret_n)
{
    struct record **found = calloc(t->n + 1, sizeof(*found));
    size_t n = 0, limit = r->limit && r->limit < SIZE_MAX ? (size_t)r->limit : SIZE_MAX;
    for (size_t i = 0; i < t->n; i++)
        if (matches(r, t->rows[i]))
            found[n++] = t->rows[i];
    sort_req = r;
    sort_table = t;
    qsort(found, n, sizeof(*found), by_order);
    if (r->code == PHX_UPDATE && r->per_key)
        n = limit_per_key(r, found, n, limit);
    *ret_n = n < limit ? n : limit;
    return found;
}

/* ---- operations */

static phx_status answer(phx_op *op, const phx_req *r, const struct table *t, const struct record *row)
{
    phx_cell cells[MAX_FIELDS];
    for (uint32_t f = 0; f < t->n_fields; f++)
        cells[f] = phx_wants(r, f) ? row->cells[f] : (phx_cell){ 0 };
    return op->reply->row(op, cells, t->n_fields, row->rev);
}

static phx_status scan(const phx_req *r, const struct table *t, phx_op *op)
{
    size_t n;
    phx_req all = *r;
    if (r->flags & PHX_DISTINCT)
        all.limit = 0;
    struct record **found = find(&all, t, &n), *last = NULL;
    phx_status rc = PHX_OK;
    uint64_t given = 0;
    for (size_t i = 0; i < n && rc == PHX_OK && (!r->limit || given < r->limit); i++) {
        phx_cell cells[MAX_FIELDS] = { 0 };
        bool same = last != NULL;
        if (!(r->flags & PHX_DISTINCT)) {
            rc = answer(op, r, t, found[i]);
            given++;
            continue;
        }
        for (uint32_t k = 0; k < r->n_order; k++) {
            int32_t f = r->order[k] < 0 ? -(r->order[k] + 1) : r->order[k];
            cells[f] = found[i]->cells[f];
            same = same && compare(&last->cells[f], &cells[f]) == 0;
        }
        last = found[i];
        if (!same) {
            rc = op->reply->row(op, cells, t->n_fields, 0);
            given++;
        }
    }
    free(found);
    return rc;
}

static phx_status put(phx_self *self, const phx_req *r, struct table *t, uint64_t *n)
{
    for (uint32_t at = 0; at < r->n_cells; at += t->n_fields) {
        bool found;
        size_t i = position(t, r->cells + at, &found);
        if (r->if_rev && (r->if_rev == PHX_REV_NEW ? found : !found || t->rows[i]->rev != r->if_rev))
            return PHX_E_CONFLICT;
        if (found && (t->flags & PHX_C_APPEND))
            continue;
        if (found)
            remove_at(t, i);
        insert_at(self, t, i, r->cells + at);
        ++*n;
    }
    return PHX_OK;
}

static phx_status delete(const phx_req *r, struct table *t, uint64_t *n)
{
    bool found;
    if (r->n_cells) {
        size_t i = position(t, r->cells, &found);
        if (r->if_rev && (!found || t->rows[i]->rev != r->if_rev))
            return PHX_E_CONFLICT;
        if (found)
            remove_at(t, i);
        *n += found;
        return PHX_OK;
    }
    size_t m;
    struct record **rows = find(r, t, &m);
    for (size_t k = 0; k < m; k++)
        remove_at(t, position(t, rows[k]->cells, &found));
    free(rows);
    *n += m;
    return PHX_OK;
}

static phx_status apply(struct record *row, const phx_req *r)
{
    for (uint32_t i = 0; i < r->n_sets; i++) {
        phx_cell *c = &row->cells[r->sets[i].field];
        if (r->sets[i].op == PHX_ADD) {
            if (c->type && __builtin_add_overflow(c->i, r->sets[i].cell.i, &c->i))
                return PHX_E_INVAL;
        } else {
            cell_free(c);
            *c = cell_copy(&r->sets[i].cell);
        }
    }
    return PHX_OK;
}

static phx_status update(phx_self *self, const phx_req *r, struct table *t, uint64_t *n)
{
    size_t m;
    struct record **rows = find(r, t, &m);
    phx_status rc = r->if_rev && m == 0 ? PHX_E_CONFLICT : PHX_OK;
    for (size_t i = 0; i < m && rc == PHX_OK; i++) {
        rc = apply(rows[i], r);
        rows[i]->rev = ++self->seq;
    }
    free(rows);
    *n += m;
    return rc;
}

static phx_status change(phx_self *self, const phx_req *r, uint64_t *n)
{
    struct table *t = table_of(self, r->collection);
    if (!t)
        return PHX_E_INVAL;
    return r->code == PHX_PUT      ? put(self, r, t, n)
           : r->code == PHX_DELETE ? delete(r, t, n)
                                   : update(self, r, t, n);
}

/* ---- all or nothing, by copying everything */

static void db_free(struct db *db)
{
    for (unsigned i = 0; i < db->n_tables; i++) {
        for (size_t k = 0; k < db->tables[i].n; k++)
            record_free(db->tables[i].rows[k]);
        free(db->tables[i].rows);
    }
}

static struct db *db_copy(const struct db *db)
{
    struct db *copy = malloc(sizeof(*copy));
    *copy = *db;
    for (unsigned i = 0; i < db->n_tables; i++) {
        const struct table *t = &db->tables[i];
        copy->tables[i].rows = calloc(t->n + 1, sizeof(*t->rows));
        for (size_t k = 0; k < t->n; k++) {
            struct record *r = calloc(1, sizeof(*r));
            r->rev = t->rows[k]->rev;
            for (uint32_t f = 0; f < t->n_fields; f++)
                r->cells[f] = cell_copy(&t->rows[k]->cells[f]);
            copy->tables[i].rows[k] = r;
        }
    }
    return copy;
}

static phx_status all_or_nothing(phx_self *self, const phx_req *const *reqs, uint32_t n_reqs, uint64_t *n)
{
    struct db *before = db_copy(&self->db);
    phx_status rc = PHX_OK;
    for (uint32_t i = 0; i < n_reqs && rc == PHX_OK; i++) {
        rc = change(self, reqs[i], n);
        if (rc) {
            db_free(&self->db);
            self->db = *before;
            *n = i;
        }
    }
    if (rc == PHX_OK)
        db_free(before);
    free(before);
    return rc;
}

/** The rows of an UPDATE that is done: those with the newest revisions. */
static void answer_updated(phx_self *self, const phx_req *r, phx_op *op, uint64_t since)
{
    struct table *t = table_of(self, r->collection);
    for (uint64_t rev = since + 1; rev <= self->seq; rev++)
        for (size_t i = 0; i < t->n; i++)
            if (t->rows[i]->rev == rev && answer(op, r, t, t->rows[i]))
                return;
}

static phx_status read_one(phx_self *self, const phx_req *r, phx_op *op)
{
    struct table *t = table_of(self, r->collection);
    bool found;
    if (!t)
        return PHX_E_INVAL;
    if (r->code == PHX_SCAN)
        return scan(r, t, op);
    size_t i = position(t, r->cells, &found);
    return found ? answer(op, r, t, t->rows[i]) : PHX_E_NOTFOUND;
}

static phx_status do_req(phx_self *self, const phx_req *r, phx_op *op, uint64_t *n)
{
    uint64_t since = self->seq;
    phx_status rc;
    switch (r->code) {
    case PHX_PING: return PHX_OK;
    case PHX_ENSURE: return ensure(self, r->collection);
    case PHX_GET:
    case PHX_SCAN: return read_one(self, r, op);
    case PHX_BATCH: return all_or_nothing(self, r->batch, r->n_batch, n);
    default:
        rc = all_or_nothing(self, &r, 1, n);
        if (rc == PHX_OK && r->code == PHX_UPDATE && !(r->flags & PHX_NO_ROWS))
            answer_updated(self, r, op, since);
        return rc;
    }
}

static void submit(phx_self *self, phx_op *op, const phx_req *r)
{
    const char *why = "";
    uint64_t n = 0;
    phx_status rc = phx_req_check(r, &n, &why);
    if (rc == PHX_OK && r->deadline && self->host->mono(self->host) >= r->deadline)
        rc = PHX_E_TIMEOUT;
    if (rc == PHX_OK) {
        why = "";
        n = 0;
        rc = do_req(self, r, op, &n);
    }
    op->reply->done(op, rc, n, (phx_str){ why, strlen(why) });
}

static void finish(phx_self *self, phx_op *op)
{
    op->reply->done(op, PHX_OK, 0, (phx_str){ "", 0 });
}

static void cancel(phx_self *self, phx_op *op)
{
}

static phx_status create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    *ret = calloc(1, sizeof(**ret));
    (*ret)->host = host;
    return PHX_OK;
}

static void destroy(phx_self *self)
{
    db_free(&self->db);
    free(self);
}

static const phx_storage_ops ops = { .size = sizeof(ops), .open = finish, .submit = submit, .cancel = cancel,
                                     .close = finish };
static const phx_component memory = { .size = sizeof(memory), .kind = PHX_STORAGE, .name = "memory",
                                      .summary = "records in memory, for tests", .ops = &ops,
                                      .create = create, .destroy = destroy };
static const phx_component *const components[] = { &memory, NULL };
PHX_PLUGIN = { PHX_PLUGIN_HEAD, .id = "org.phoenix.store-memory", .version = "0.1.0",
               .summary = "the reference storage driver", .license = "Apache-2.0",
               .vendor = "The Phoenix authors", .components = components };
