/* SPDX-License-Identifier: Apache-2.0 */
/* Days, their names, and which parts of a table are made and dropped. It is 2026-11-24, noon. */
#include "tests/unit/store-pg/fake_admin.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY INT64_C(86400000000000)
#define NOON INT64_C(1795521600000000000)
#define ROWS(...) 2, (const char *const[]){ __VA_ARGS__, NULL }
#define NONE 2, (const char *const[]){ NULL }

static const phx_field fields[] = { { "host", PHX_TEXT, PHX_F_NOT_NULL },
                                    { "ts", PHX_TIME, PHX_F_NOT_NULL } };
static const phx_collection samples = { .size = sizeof(samples),
                                        .flags = PHX_C_APPEND,
                                        .name = "samples",
                                        .n_fields = 2,
                                        .n_key = 2,
                                        .fields = fields,
                                        .time_field = 1 };
static const char look[] = "SELECT c.relname,greatest(c.reltuples,0) FROM pg_inherits";

static struct {
    unsigned times;
    phx_status status;
    uint64_t n;
    char why[WHY_MAX];
} end;

static void on_made(void *arg, phx_status status, const char *why)
{
    end.times++;
    end.status = status;
    snprintf(end.why, sizeof(end.why), "%s", why);
}

static void on_dropped(void *arg, phx_status status, uint64_t n, const char *why)
{
    on_made(arg, status, why);
    end.n = n;
}

static void answer_lock(void)
{
    answer_done("BEGIN");
    answer_done("SELECT pg_advisory_xact_lock");
    answer_done("SET LOCAL lock_timeout");
}

static void make(phx_self *self, struct decl *d, int64_t t1, int64_t t2)
{
    const phx_cell cells[] = { { .type = PHX_TEXT },
                               { .type = PHX_TIME, .i = t1 },
                               { .type = PHX_TEXT },
                               { .type = PHX_TIME, .i = t2 } };
    memset(&end, 0, sizeof(end));
    partition_make(self, d, cells, 4, on_made, NULL);
}

START_TEST(days_begin_at_midnight_utc)
{
    ck_assert_int_eq(day_of(0), 0);
    ck_assert_int_eq(day_of(DAY - 1), 0);
    ck_assert_int_eq(day_of(DAY), 1);
    ck_assert_int_eq(day_of(-1), -1);
    ck_assert_int_eq(day_of(-DAY), -1);
    ck_assert_int_eq(day_of(-DAY - 1), -2);
}
END_TEST

START_TEST(the_name_of_a_part_says_its_day)
{
    char name[DAY_NAME_MAX];
    int64_t day;
    day_name("samples", day_of(NOON), name);
    ck_assert_str_eq(name, "samples_20261124");
    ck_assert(day_parse("samples", name, &day));
    ck_assert_int_eq(day, day_of(NOON));
    static const char *const others[] = { "samples",          "samples_2026112",  "samples_202611240",
                                          "samples_20260231", "samplesx20261124", "sample_s20261124",
                                          "samples_2026112a", "samples_default" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ck_assert_msg(!day_parse("samples", others[i], &day), "%s", others[i]);
}
END_TEST

START_TEST(the_parts_of_the_rows_and_of_tomorrow_are_made)
{
    phx_self *self = self_new();
    struct decl *d = decl_new(&samples);
    make(self, d, NOON, NOON - DAY);
    answer_rows(look, ROWS("samples_20261124", "5"));
    answer_lock();
    answer_rows(look, ROWS("samples_20261124", "5"));
    answer_done("CREATE TABLE \"samples_20261125\" (LIKE \"samples\" INCLUDING DEFAULTS)");
    answer_done("ALTER TABLE \"samples\" ATTACH PARTITION \"samples_20261125\" FOR VALUES FROM "
                "('2026-11-25 00:00:00+00') TO ('2026-11-26 00:00:00+00')");
    answer_done("CREATE TABLE \"samples_20261123\"");
    answer_done("ALTER TABLE \"samples\" ATTACH PARTITION \"samples_20261123\" FOR VALUES FROM "
                "('2026-11-23 00:00:00+00') TO ('2026-11-24 00:00:00+00')");
    ck_assert_uint_eq(end.times, 0);
    answer_done("COMMIT");
    ck_assert_uint_eq(end.times, 1);
    ck_assert_int_eq(end.status, PHX_OK);
    decl_free(d);
    self_end(self);
}
END_TEST

START_TEST(absurd_times_make_no_tables)
{
    static const int64_t bad[] = { INT64_MIN, 0, NOON - 402 * DAY, NOON + 3 * DAY, INT64_MAX };
    phx_self *self = self_new();
    struct decl *d = decl_new(&samples);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        make(self, d, NOON, bad[i]);
        ck_assert_uint_eq(end.times, 1);
        ck_assert_int_eq(end.status, PHX_E_INVAL);
        ck_assert_ptr_null(asked());
    }
    make(self, d, NOON, 0);
    ck_assert_str_eq(end.why,
                     "\"ts\" of a row of \"samples\" is on 1970-01-01; it must be in the last 400 days, "
                     "or at most 2 days ahead");
    make(self, d, NOON - 400 * DAY, NOON + 2 * DAY);
    answer_lost("");
    ck_assert_int_eq(end.status, PHX_E_UNAVAILABLE);
    decl_free(d);
    self_end(self);
}
END_TEST

START_TEST(as_many_days_as_there_may_be_fit)
{
    enum { N = 403 };
    phx_self *self = self_new();
    struct decl *d = decl_new(&samples);
    phx_cell cells[2 * N] = { 0 };
    for (int i = 0; i < N; i++)
        cells[2 * i + 1] = (phx_cell){ .type = PHX_TIME, .i = NOON + (2 - i) * DAY };
    memset(&end, 0, sizeof(end));
    partition_make(self, d, cells, 2 * N, on_made, NULL);
    ck_assert_uint_eq(end.times, 0);
    answer_lost("");
    ck_assert_int_eq(end.status, PHX_E_UNAVAILABLE);
    decl_free(d);
    self_end(self);
}
END_TEST

START_TEST(retention_drops_whole_days_only)
{
    phx_self *self = self_new();
    struct decl *d = decl_new(&samples);
    memset(&end, 0, sizeof(end));
    partition_drop(self, d, NOON - DAY, on_dropped, NULL);
#define PARTS                                                                                              \
    ROWS("samples_20261120", "100", "samples_20261122", "11", "samples_20261123", "7", "samples_20261125", \
         "0", "keep_this_20200101", "9")
    answer_rows(look, PARTS);
    answer_lock();
    answer_rows(look, PARTS);
    answer_done("SET LOCAL lock_timeout='500ms'");
    answer_done("DROP TABLE \"samples_20261120\"");
    answer_done("DROP TABLE \"samples_20261122\"");
    answer_done("COMMIT");
    ck_assert_int_eq(end.status, PHX_OK);
    ck_assert_uint_eq(end.n, 111);
    decl_free(d);
    self_end(self);
}
END_TEST

START_TEST(retention_makes_tomorrow_in_passing)
{
    phx_self *self = self_new();
    struct decl *d = decl_new(&samples);
    memset(&end, 0, sizeof(end));
    partition_drop(self, d, NOON - DAY, on_dropped, NULL);
    answer_rows(look, NONE);
    answer_lock();
    answer_rows(look, NONE);
    answer_done("CREATE TABLE \"samples_20261125\"");
    answer_done("ALTER TABLE \"samples\" ATTACH PARTITION \"samples_20261125\"");
    answer_error("COMMIT", "53100", "no space left on device");
    answer_done("ROLLBACK");
    ck_assert_int_eq(end.status, PHX_E_UNAVAILABLE);
    ck_assert_uint_eq(end.n, 0);
    decl_free(d);
    self_end(self);
}
END_TEST

START_TEST(a_delete_by_time_alone_is_retention)
{
    const phx_cell before = { .type = PHX_TIME, .i = NOON };
    phx_cond conds[] = { { 1, PHX_LT, 1, 0, &before }, { 0, PHX_EQ, 1, 0, &before } };
    phx_req r = { .size = sizeof(r), .code = PHX_DELETE, .conds = conds, .n_conds = 1 };
    struct decl *d = decl_new(&samples);
    ck_assert(partition_expires(d, &r));
    r.n_conds = 2;
    ck_assert(!partition_expires(d, &r));
    r.n_conds = 1;
    r.code = PHX_SCAN;
    ck_assert(!partition_expires(d, &r));
    r.code = PHX_DELETE;
    conds[0].op = PHX_LE;
    ck_assert(!partition_expires(d, &r));
    conds[0].op = PHX_LT;
    conds[0].field = 0;
    ck_assert(!partition_expires(d, &r));
    conds[0].field = 1;
    d->partitioned = false;
    ck_assert(!partition_expires(d, &r));
    decl_free(d);
}
END_TEST

UNIT_MAIN("store-pg/partition", days_begin_at_midnight_utc, the_name_of_a_part_says_its_day,
          the_parts_of_the_rows_and_of_tomorrow_are_made, absurd_times_make_no_tables,
          as_many_days_as_there_may_be_fit, retention_drops_whole_days_only,
          retention_makes_tomorrow_in_passing, a_delete_by_time_alone_is_retention)
