/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of one store become writes into the other, a few at a time. Rows that are changed in their life go
 * one by one, in a batch; rows of an append-only collection together. Memory is bounded by the pages under
 * way. Writes are relaxed: what a power failure takes, the verification misses. */
#include "tools/store/tool.h"

enum { WRITES_MAX = 6 };

struct copy {
    struct reader reader;
    struct side *to;
    unsigned writes; /**< under way */
};

static bool has_room(void *arg)
{
    struct copy *x = arg;
    return x->writes < WRITES_MAX;
}

static void on_written(void *arg, const struct result *res)
{
    struct copy *x = arg;
    if (res->rc && !x->reader.side->err.code) {
        x->reader.side->err = res->err; /* which ends the reading */
        err_prefix(&x->reader.side->err, "%s: ", x->to->name);
    }
    x->writes--;
    reader_go(&x->reader);
    tool_end(x->to->tool);
}

static void put_row(struct query *q, const struct row *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        q_cell(q, (int)i, &r->cells[i]);
}

static struct query *put_together(struct store *st, enum collection c, const struct row *rows, size_t n)
{
    struct query *q = q_put(st, c);
    for (size_t i = 0; i < n; i++) {
        if (i)
            q_next_row(q);
        put_row(q, &rows[i]);
    }
    return q;
}

static struct query *put_one_by_one(struct store *st, enum collection c, const struct row *rows, size_t n)
{
    struct query *batch = q_batch(st);
    for (size_t i = 0; i < n; i++) {
        struct query *q = q_put(st, c);
        put_row(q, &rows[i]);
        q_add(batch, q);
    }
    return batch;
}

static void write_rows(void *arg, enum collection c, const struct row *rows, size_t n)
{
    struct copy *x = arg;
    bool append = (collection_of(c)->flags & PHX_C_APPEND) != 0;
    struct query *q = (append ? put_together : put_one_by_one)(x->to->store, c, rows, n);
    q_flags(q, PHX_RELAXED);
    x->writes++;
    tool_begin(x->to->tool);
    store_run(q, on_written, x);
}

int copy_rows(struct side *from, struct side *to, struct err *err)
{
    struct digest expected[C_COUNT];
    memcpy(expected, from->digests, sizeof expected);
    struct copy x = { .to = to };
    x.reader = (struct reader){
        .side = from, .sink = write_rows, .ready = has_room, .arg = &x, .expected = expected
    };
    progress_begin(&from->tool->progress, "copy", side_rows(from));
    reader_start(&x.reader);
    int rc = side_wait(from, err);
    progress_end(&from->tool->progress);
    return rc;
}
