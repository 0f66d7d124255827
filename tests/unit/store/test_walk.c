/* SPDX-License-Identifier: Apache-2.0 */
/* core/store/walk on the reference driver in memory. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/store.h"
#include "core/store/walk.h"
#include "tests/unit/unit.h"

static struct loop *loop;
static struct registry *registry;
static struct store *store;

static void turn(void)
{
    ck_assert_int_eq(loop_run(loop, NULL), 0);
}

static void on_open(void *arg, const struct err *err)
{
    ck_assert_ptr_null(err);
    loop_stop(loop);
}

static void set_up(void)
{
    static const phx_plugin *const builtin[] = { &phoenix_plugin_v1_memory, NULL };
    struct err err = { 0 };
    log_init("test_walk", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    loop = loop_new(&err);
    struct registry_conf conf = { .program = "test", .version = "1", .builtin = builtin, .loop = loop };
    registry = registry_new(&conf, &err);
    store = store_open(registry, "memory", NULL, loop, on_open, NULL, &err);
    ck_assert_msg(store != NULL, "%s", err.msg);
    turn();
}

static void on_closed(void *arg)
{
    loop_stop(loop);
}

static void tear_down(void)
{
    store_close(store, on_closed, NULL);
    turn();
    registry_free(registry);
    loop_free(loop);
}

static void on_done(void *arg, const struct result *res)
{
    ck_assert_msg(res->rc == 0, "%s: %s", res->err.msg, res->err.detail);
    *(uint64_t *)arg = res->n;
    loop_stop(loop);
}

static uint64_t run(struct query *q)
{
    uint64_t n;
    store_run(q, on_done, &n);
    turn();
    return n;
}

/* ---- a walk, with its rows written down as text */

struct tour {
    struct walk *walk;
    void (*describe)(const struct row *r, struct buf *out);
    void (*between)(unsigned page); /* called after each page but the last */
    struct buf seen;
    unsigned pages, rows, most_rows;
    size_t most_bytes;
};

static void on_page(void *arg, const struct result *res)
{
    struct tour *t = arg;
    size_t start = t->seen.len;
    ck_assert_msg(res->rc == 0, "%s", res->err.msg);
    ck_assert(res->n_rows > 0 || walk_over(t->walk));
    for (size_t i = 0; i < res->n_rows; i++) {
        t->describe(&res->rows[i], &t->seen);
        buf_addc(&t->seen, ' ');
    }
    t->pages++;
    t->rows += (unsigned)res->n_rows;
    t->most_rows = res->n_rows > t->most_rows ? (unsigned)res->n_rows : t->most_rows;
    t->most_bytes = t->seen.len - start > t->most_bytes ? t->seen.len - start : t->most_bytes;
    loop_stop(loop);
}

static struct tour tour(enum collection c, uint64_t page_rows, unsigned flags,
                        void (*describe)(const struct row *, struct buf *), void (*between)(unsigned))
{
    struct tour t = { .walk = walk_new(store, c, page_rows, flags), .describe = describe };
    buf_init(&t.seen, 1 << 28);
    while (!walk_over(t.walk)) {
        if (between && t.pages)
            between(t.pages);
        walk_next(t.walk, on_page, &t);
        turn();
    }
    walk_free(t.walk);
    return t;
}

static void describe_log(const struct row *r, struct buf *out)
{
    buf_addf(out, "%s/%lld/%s", row_text(r, F_LOGS_HOST_ID), (long long)row_int(r, F_LOGS_SEQ),
             row_text(r, F_LOGS_STREAM));
}

static void put_log(const char *host, int64_t seq, const char *stream, const char *message)
{
    struct query *q = q_put(store, C_LOGS);
    q_text(q, F_LOGS_HOST_ID, host);
    q_int(q, F_LOGS_SEQ, seq);
    q_text(q, F_LOGS_STREAM, stream);
    q_time(q, F_LOGS_TS, 1000);
    q_text(q, F_LOGS_MESSAGE, message);
    ck_assert_uint_eq(run(q), 1);
}

/* ---- */

START_TEST(every_row_comes_once_in_the_order_of_its_key_whatever_the_page)
{
    static const uint64_t pages[] = { 1, 2, 3, 5, 8, 1000 };
    set_up();
    put_log("b", 2, "x", "");
    put_log("b", 1, "y", "");
    put_log("b", 1, "x", "");
    put_log("b", INT64_MIN, "x", "");
    put_log("b", INT64_MAX, "x", "");
    put_log("b", INT64_MAX, "y", "");
    put_log("", 1, "", "");
    put_log("a", 5, "x", "");
    put_log("\xC3\xA4", 1, "x", "");
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct tour t = tour(C_LOGS, pages[i], 0, describe_log, NULL);
        ck_assert_str_eq(buf_cstr(&t.seen), "/1/ a/5/x b/-9223372036854775808/x b/1/x b/1/y b/2/x "
                                            "b/9223372036854775807/x b/9223372036854775807/y \xC3\xA4/1/x ");
        ck_assert_uint_le(t.most_rows, pages[i]);
        buf_done(&t.seen);
    }
    tear_down();
}
END_TEST

START_TEST(an_empty_collection_is_one_empty_page)
{
    set_up();
    struct tour t = tour(C_LOGS, 10, 0, describe_log, NULL);
    ck_assert_uint_eq(t.pages, 1);
    ck_assert_uint_eq(t.rows, 0);
    buf_done(&t.seen);
    tear_down();
}
END_TEST

static void describe_is_null(const struct row *r, struct buf *out)
{
    buf_addf(out, "%s%s", row_text(r, F_LOGS_HOST_ID), row_is_null(r, F_LOGS_MESSAGE) ? "" : "!");
}

START_TEST(a_walk_over_keys_reads_nothing_else)
{
    set_up();
    put_log("a", 1, "x", "said");
    put_log("b", 1, "x", "said");
    struct tour t = tour(C_LOGS, 10, WALK_KEYS_ONLY, describe_is_null, NULL);
    ck_assert_str_eq(buf_cstr(&t.seen), "a b ");
    buf_done(&t.seen);
    tear_down();
}
END_TEST

static void describe_message(const struct row *r, struct buf *out)
{
    buf_adds(out, row_text(r, F_LOGS_MESSAGE));
}

START_TEST(pages_grow_with_small_rows_and_shrink_with_large_ones)
{
    enum { ROWS = 400, LARGE = 100 * 1000 };
    set_up();
    char *large = malloc(LARGE + 1);
    memset(large, 'x', LARGE);
    large[LARGE] = '\0';
    for (int i = 0; i < ROWS; i++)
        put_log("h", i, "s", i < ROWS / 2 ? "small" : large);
    struct tour t = tour(C_LOGS, 100000, 0, describe_message, NULL);
    ck_assert_uint_eq(t.rows, ROWS);
    ck_assert_uint_ge(t.most_rows, 64);
    ck_assert_uint_lt(t.most_bytes, 26 * 1000 * 1000); /* as many as there were small ones */
    ck_assert_uint_ge(t.pages, 12);
    buf_done(&t.seen);
    free(large);
    tear_down();
}
END_TEST

static void change_behind_and_before(unsigned page)
{
    if (page != 1)
        return;
    struct query *q = q_delete(store, C_LOGS);
    q_where_text(q, F_LOGS_HOST_ID, PHX_EQ, "a"); /* the last row of the first page stood there */
    run(q);
    put_log("b0", 1, "x", "");
}

START_TEST(rows_that_stay_come_once_though_others_come_and_go)
{
    set_up();
    put_log("a", 1, "x", "");
    put_log("a", 2, "x", "");
    put_log("b", 1, "x", "");
    put_log("c", 1, "x", "");
    struct tour t = tour(C_LOGS, 2, 0, describe_log, change_behind_and_before);
    ck_assert_str_eq(buf_cstr(&t.seen), "a/1/x a/2/x b/1/x b0/1/x c/1/x ");
    buf_done(&t.seen);
    tear_down();
}
END_TEST

START_TEST(a_collection_is_emptied_in_chunks)
{
    enum { ROWS = 1100 }; /* a chunk and some */
    uint64_t n;
    set_up();
    struct query *q = q_put(store, C_BATCHES);
    for (int i = 0; i < ROWS; i++) {
        if (i)
            q_next_row(q);
        q_text(q, F_BATCHES_HOST_ID, "h");
        q_text(q, F_BATCHES_STREAM, "s");
        q_int(q, F_BATCHES_SEQ, i);
        q_time(q, F_BATCHES_AT, NS_PER_S);
    }
    ck_assert_uint_eq(run(q), ROWS);
    store_clear(store, C_BATCHES, on_done, &n);
    turn();
    ck_assert_uint_eq(n, ROWS);
    store_clear(store, C_BATCHES, on_done, &n);
    turn();
    ck_assert_uint_eq(n, 0);
    tear_down();
}
END_TEST

UNIT_MAIN("store/walk", every_row_comes_once_in_the_order_of_its_key_whatever_the_page,
          an_empty_collection_is_one_empty_page, a_walk_over_keys_reads_nothing_else,
          pages_grow_with_small_rows_and_shrink_with_large_ones,
          rows_that_stay_come_once_though_others_come_and_go, a_collection_is_emptied_in_chunks)
