/* SPDX-License-Identifier: Apache-2.0 */
/* The next page is asked for before the last one is used, so the driver reads while we hash. */
#include "core/store/walk.h"
#include "tools/store/tool.h"

enum { PAGE_ROWS = 2000 };

static bool is_stopped(const struct reader *r)
{
    return r->side->err.code || r->side->tool->interrupted;
}

static void begin_collection(struct reader *r)
{
    r->walk = walk_new(r->side->store, (enum collection)r->c, PAGE_ROWS, r->keys_only ? WALK_KEYS_ONLY : 0);
    r->hasher = r->keys_only ? NULL : hasher_new();
    r->side->digests[r->c] = (struct digest){ 0 };
    progress_part(&r->side->tool->progress, collection_of((enum collection)r->c)->name,
                  r->expected ? r->expected[r->c].rows : 0);
}

static void end_collection(struct reader *r)
{
    hasher_end(r->hasher, r->side->digests[r->c].sha256);
    walk_free(r->walk);
    r->hasher = NULL;
    r->walk = NULL;
}

static void end(struct reader *r)
{
    if (r->walk)
        end_collection(r);
    r->over = true;
    tool_end(r->side->tool);
}

static void on_page(void *arg, const struct result *res)
{
    struct reader *r = arg;
    r->reading = false;
    if (res->rc) {
        r->side->err = res->err;
        err_prefix(&r->side->err, "%s: ", r->side->name);
    }
    bool has_more = !is_stopped(r) && !walk_over(r->walk);
    if (has_more)
        reader_go(r);
    if (r->sink && res->n_rows)
        r->sink(r->arg, (enum collection)r->c, res->rows, res->n_rows);
    if (r->hasher)
        hasher_add(r->hasher, res->rows, res->n_rows);
    r->side->digests[r->c].rows += res->n_rows;
    progress_add(&r->side->tool->progress, res->n_rows);
    if (!has_more)
        reader_go(r);
}

void reader_go(struct reader *r)
{
    if (r->reading || r->over)
        return;
    if (!is_stopped(r) && walk_over(r->walk)) {
        end_collection(r);
        if (++r->c < C_COUNT)
            begin_collection(r);
    }
    if (is_stopped(r) || r->c == C_COUNT) {
        end(r);
    } else if (!r->sink || r->ready(r->arg)) {
        r->reading = true;
        walk_next(r->walk, on_page, r);
    }
}

void reader_start(struct reader *r)
{
    tool_begin(r->side->tool);
    begin_collection(r);
    reader_go(r);
}

int count_rows(struct side *s, struct err *err)
{
    struct reader r = { .side = s, .keys_only = true };
    progress_begin(&s->tool->progress, "count", 0);
    reader_start(&r);
    int rc = side_wait(s, err);
    progress_end(&s->tool->progress);
    return rc;
}

int digest_rows(struct side *a, struct side *b, uint64_t rows, struct err *err)
{
    struct reader readers[2] = { { .side = a }, { .side = b } };
    progress_begin(&a->tool->progress, "verify", rows);
    for (int i = 0; i < 2; i++)
        if (readers[i].side)
            reader_start(&readers[i]);
    int rc = side_wait(a, err);
    progress_end(&a->tool->progress);
    return rc == 0 && b ? side_wait(b, err) : rc;
}
