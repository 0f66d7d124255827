/* SPDX-License-Identifier: Apache-2.0 */
/* One of the stores: open, look, empty, close. */
#include <errno.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "tools/store/tool.h"

enum { BEAT_FRESH_S = 15 }; /* phoenix-api renews its lease in less than half of that */

void tool_begin(struct tool *t)
{
    t->jobs++;
}

void tool_end(struct tool *t)
{
    if (--t->jobs == 0)
        loop_stop(t->loop);
}

int tool_wait(struct tool *t, struct err *err)
{
    while (t->jobs > 0) {
        int rc = loop_run(t->loop, err);
        if (rc)
            return rc;
    }
    return t->interrupted ? err_set(err, ERR_CANCELLED, "interrupted") : 0;
}

int side_wait(struct side *s, struct err *err)
{
    int rc = tool_wait(s->tool, err);
    if (rc == 0 && s->err.code) {
        *err = s->err;
        rc = err->code;
    }
    return rc;
}

static void on_open(void *arg, const struct err *err)
{
    struct side *s = arg;
    if (err)
        s->err = *err;
    tool_end(s->tool);
}

int side_open(struct side *s, bool may_make, struct err *err)
{
    if (s->address.file && !may_make && access(s->address.file, F_OK) != 0)
        return err_errno(err, ERR_NOTFOUND, errno, "cannot open \"%s\"", s->address.file);
    s->store = store_open(s->tool->registry, s->address.driver, s->address.config, s->tool->loop, on_open,
                          s, err);
    if (!s->store)
        return err->code;
    tool_begin(s->tool);
    return side_wait(s, err);
}

static void on_closed(void *arg)
{
    struct side *s = arg;
    tool_end(s->tool);
}

void side_close(struct side *s)
{
    struct err err;
    if (!s->store)
        return;
    tool_begin(s->tool);
    store_close(s->store, on_closed, s);
    s->store = NULL;
    (void)!tool_wait(s->tool, &err); /* that it was interrupted is known */
}

uint64_t side_rows(const struct side *s)
{
    uint64_t n = 0;
    for (unsigned c = 0; c < C_COUNT; c++)
        n += s->digests[c].rows;
    return n;
}

/* ---- which collections have a row */

struct look {
    struct side *side;
    enum collection c, *first;
};

static void on_look(void *arg, const struct result *res)
{
    struct look *l = arg;
    if (res->rc)
        l->side->err = res->err;
    else if (res->n_rows && l->c < *l->first)
        *l->first = l->c;
    tool_end(l->side->tool);
}

int side_used(struct side *s, enum collection *ret, struct err *err)
{
    struct look looks[C_COUNT];
    *ret = C_COUNT;
    for (unsigned c = 0; c < C_COUNT; c++) {
        struct query *q = q_scan(s->store, (enum collection)c);
        q_limit(q, 1);
        looks[c] = (struct look){ s, (enum collection)c, ret };
        tool_begin(s->tool);
        store_run(q, on_look, &looks[c]);
    }
    return side_wait(s, err);
}

/* ---- is a phoenix-api at work */

static void on_leases(void *arg, const struct result *res)
{
    struct side *s = arg;
    if (res->rc)
        s->err = res->err;
    for (size_t i = 0; i < res->n_rows; i++) {
        const struct row *r = &res->rows[i];
        int64_t age = clock_wall() - row_time(r, F_LEASES_UPDATED_AT);
        bool given_up = row_str(r, F_LEASES_OWNER).n == 0;
        if (given_up || age < -BEAT_FRESH_S * NS_PER_S || age > BEAT_FRESH_S * NS_PER_S)
            continue;
        err_set(&s->err, ERR_CONFLICT, "a phoenix-api works on %s: %s", s->name, row_text(r, F_LEASES_OWNER));
        err_remedy(&s->err, "stop every phoenix-api of that store; if it was killed, wait %d seconds",
                   BEAT_FRESH_S);
    }
    tool_end(s->tool);
}

int side_idle(struct side *s, struct err *err)
{
    if (!store_is_shared(s->store))
        return 0; /* its driver lets one process in: this one */
    tool_begin(s->tool);
    store_run(q_scan(s->store, C_LEASES), on_leases, s);
    return side_wait(s, err);
}

/* ---- empty it */

static void on_cleared(void *arg, const struct result *res)
{
    struct side *s = arg;
    progress_add(&s->tool->progress, res->n);
    if (res->rc)
        s->err = res->err;
    tool_end(s->tool);
}

int side_clear(struct side *s, struct err *err)
{
    int rc = 0;
    progress_begin(&s->tool->progress, "empty", 0);
    for (unsigned c = 0; rc == 0 && c < C_COUNT; c++) {
        tool_begin(s->tool);
        store_clear(s->store, (enum collection)c, on_cleared, s);
        rc = side_wait(s, err);
    }
    progress_end(&s->tool->progress);
    return rc;
}
