/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the server at the start and for a collection, and what is refused. */
#include "tests/unit/store-pg/fake_admin.h"
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS(columns, ...) columns, (const char *const[]){ __VA_ARGS__, NULL }
#define NO_ROWS 1, (const char *const[]){ NULL }

static const char look_open[] = "SELECT current_setting('server_version_num')",
                  look_version[] = "SELECT version,program",
                  look_table[] = "WITH t AS (SELECT to_regclass($1)";

static void answer_lock(void)
{
    answer_done("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    answer_rows("SELECT pg_advisory_xact_lock(1349021304)", ROWS(1, ""));
    answer_done("SET LOCAL lock_timeout='3s'");
}

/* ---- opening */

static struct {
    bool done;
    phx_status status;
    char why[WHY_MAX];
} opened;

static void on_opened(void *arg, phx_status status, const char *why)
{
    ck_assert(!opened.done);
    opened.done = true;
    opened.status = status;
    snprintf(opened.why, sizeof(opened.why), "%s", why);
}

static phx_self *opening(void)
{
    phx_self *self = self_new();
    memset(&opened, 0, sizeof(opened));
    schema_open(self, on_opened, NULL);
    return self;
}

static void check_opened(phx_self *self, phx_status status, const char *part_of_why)
{
    ck_assert(opened.done);
    ck_assert_int_eq(opened.status, status);
    ck_assert_msg(strstr(opened.why, part_of_why), "%s", opened.why);
    self_end(self);
}

START_TEST(an_empty_database_is_made_ours)
{
    phx_self *self = opening();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "f", "phoenix", "15.18"));
    answer_lock();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "f", "phoenix", "15.18"));
    answer_done("CREATE TABLE phoenix_schema(");
    answer_done("COMMIT");
    answer_rows(look_version, NO_ROWS);
    answer_lock();
    answer_rows(look_version, NO_ROWS);
    answer_done("CREATE SEQUENCE phoenix_rev");
    answer_done("CREATE FUNCTION phoenix_must");
    answer_done("INSERT INTO phoenix_schema VALUES(1,E'phoenix-api 0.1.0',now())");
    answer_done("COMMIT");
    check_opened(self, PHX_OK, "");
}
END_TEST

START_TEST(who_waited_for_the_lock_finds_all_made)
{
    phx_self *self = opening();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "f", "phoenix", "15.18"));
    answer_lock();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "t", "phoenix", "15.18"));
    answer_done("COMMIT");
    answer_rows(look_version, ROWS(3, "1", "phoenix-api 0.1.0", "phoenix"));
    check_opened(self, PHX_OK, "");
}
END_TEST

START_TEST(a_newer_schema_is_refused_with_both_versions)
{
    phx_self *self = opening();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "t", "phoenix", "15.18"));
    answer_rows(look_version, ROWS(3, "7", "phoenix-api 0.9.0", "phoenix"));
    check_opened(self, PHX_E_CONFIG,
                 "database \"phoenix\" has schema version 7, made by phoenix-api 0.9.0; this program "
                 "(phoenix-api 0.1.0) knows up to 1: start the newer program");
}
END_TEST

START_TEST(an_old_server_or_another_encoding_is_refused)
{
    phx_self *self = opening();
    answer_rows(look_open, ROWS(5, "120022", "UTF8", "f", "phoenix", "12.22"));
    check_opened(self, PHX_E_UNSUPPORTED, "PostgreSQL 12.22; 13 or newer");
    self = opening();
    answer_rows(look_open, ROWS(5, "150018", "SQL_ASCII", "f", "phoenix", "15.18"));
    check_opened(self, PHX_E_CONFIG, "encoding SQL_ASCII");
}
END_TEST

START_TEST(what_fails_in_the_middle_is_undone)
{
    phx_self *self = opening();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "f", "phoenix", "15.18"));
    answer_lock();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "f", "phoenix", "15.18"));
    answer_error("CREATE TABLE phoenix_schema(", "42501", "permission denied for schema public");
    answer_done("ROLLBACK");
    check_opened(self, PHX_E_CONFIG, "permission denied for schema public: the role must own the database");
}
END_TEST

START_TEST(a_lock_and_a_standby_are_explained)
{
    phx_self *self = opening();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "f", "phoenix", "15.18"));
    answer_done("BEGIN");
    answer_error("SELECT pg_advisory_xact_lock", "55P03", "canceling statement due to lock timeout");
    answer_done("ROLLBACK");
    check_opened(self, PHX_E_BUSY, "another session");
    self = opening();
    answer_rows(look_open, ROWS(5, "150018", "UTF8", "f", "phoenix", "15.18"));
    answer_error("BEGIN", "25006", "cannot set transaction read-write mode during recovery");
    answer_done("ROLLBACK");
    check_opened(self, PHX_E_UNAVAILABLE, "is it a standby?");
}
END_TEST

/* ---- ENSURE */

static const phx_field thing_fields[] = { { "id", PHX_TEXT, PHX_F_NOT_NULL }, { "n", PHX_INT, 0 } };
static const int32_t by_n[] = { 1 };
static const phx_index thing_indexes[] = { { "things_n", by_n, 1, 0, NULL } };
static const phx_collection things = { .size = sizeof(things),
                                       .name = "things",
                                       .n_fields = 2,
                                       .n_key = 1,
                                       .fields = thing_fields,
                                       .n_indexes = 1,
                                       .indexes = thing_indexes,
                                       .time_field = UINT32_MAX };
static const phx_field log_fields[] = { { "id", PHX_TEXT, PHX_F_NOT_NULL },
                                        { "at", PHX_TIME, PHX_F_NOT_NULL },
                                        { "v", PHX_REAL, 0 } };
static const phx_collection logs = { .size = sizeof(logs),
                                     .flags = PHX_C_APPEND,
                                     .name = "logs",
                                     .n_fields = 3,
                                     .n_key = 1,
                                     .fields = log_fields,
                                     .time_field = 1 };

static phx_req req;

static struct fake_op *ensure(phx_self *self, const phx_collection *c)
{
    struct fake_op *op = op_new();
    req = (phx_req){ .size = sizeof(req), .code = PHX_ENSURE, .collection = c };
    schema_ensure(self, &op->op, &req);
    return op;
}

static void check_answer(struct fake_op *op, phx_status status, const char *part_of_why)
{
    ck_assert(op->done);
    ck_assert_msg(op->status == status, "%d %s", op->status, op->why);
    ck_assert_msg(strstr(op->why, part_of_why), "%s", op->why);
    free(op);
}

static char *mark_of(const char *sql)
{
    return create_mark(sql);
}

#define THINGS "t", "things", "r", "-", "c", "id", "25", "0", "c", "n", "20", "-", "c", "rev", "20", "-"

START_TEST(a_table_that_is_missing_is_made_in_one_transaction)
{
    phx_self *self = self_new();
    struct fake_op *op = ensure(self, &things);
    answer_rows(look_table, ROWS(4, "v", "-", "-", "-"));
    answer_lock();
    answer_rows(look_table, ROWS(4, "v", "-", "-", "-"));
    answer_done("CREATE TABLE \"things\"(");
    answer_done("CREATE INDEX \"things_n\" ON \"things\"(\"n\")");
    answer_done("COMMENT ON INDEX \"things_n\" IS E'made by Phoenix, ");
    ck_assert(!op->done);
    answer_done("COMMIT");
    check_answer(op, PHX_OK, "");
    ck_assert_ptr_nonnull(decl_find(self, &things));
    self_end(self);
}
END_TEST

START_TEST(what_is_right_costs_one_query)
{
    phx_self *self = self_new();
    struct fake_op *op = ensure(self, &things);
    char *mark = mark_of("CREATE INDEX \"things_n\" ON \"things\"(\"n\")");
    answer_rows(look_table, ROWS(4, THINGS, "i", "things_n", mark, "-", "v", "-", "-", "-"));
    check_answer(op, PHX_OK, "");
    free(mark);
    self_end(self);
}
END_TEST

START_TEST(a_missing_column_and_an_index_made_otherwise_are_made)
{
    phx_self *self = self_new();
    struct fake_op *op = ensure(self, &things);
#define OLD                                                                                                \
    "t", "things", "r", "-", "c", "id", "25", "0", "c", "rev", "20", "-", "i", "things_n", "other", "-"
    answer_rows(look_table, ROWS(4, OLD));
    answer_lock();
    answer_rows(look_table, ROWS(4, OLD));
    answer_done("ALTER TABLE \"things\" ADD COLUMN \"n\" bigint");
    answer_done("DROP INDEX \"things_n\"");
    answer_done("CREATE INDEX \"things_n\"");
    answer_done("COMMENT ON INDEX \"things_n\"");
    answer_done("COMMIT");
    check_answer(op, PHX_OK, "");
    self_end(self);
}
END_TEST

START_TEST(retention_has_an_index_to_delete_by)
{
    phx_self *self = self_new();
    struct fake_op *op = ensure(self, &logs);
    answer_rows(look_table, NO_ROWS);
    answer_lock();
    answer_rows(look_table, NO_ROWS);
    answer_done("CREATE TABLE \"logs\"(");
    answer_done("CREATE INDEX \"logs_by_time\" ON \"logs\"(\"at\")");
    answer_done("COMMENT ON INDEX \"logs_by_time\"");
    answer_done("COMMIT");
    check_answer(op, PHX_OK, "");
    self_end(self);
}
END_TEST

static void refused(const char *part_of_why, int columns, const char *const *rows)
{
    phx_self *self = self_new();
    struct fake_op *op = ensure(self, &things);
    answer_rows(look_table, columns, rows);
    ck_assert_ptr_null(decl_find(self, &things));
    check_answer(op, PHX_E_CONFIG, part_of_why);
    self_end(self);
}

START_TEST(a_table_that_is_not_ours_is_refused)
{
    refused(
        "table \"things\" has a column \"later\", which this program (phoenix-api 0.1.0) does not know: a "
        "newer one made it",
        ROWS(4, THINGS, "c", "later", "25", "-"));
    refused(
        "column \"n\" has another type than bigint",
        ROWS(4, "t", "things", "r", "-", "c", "id", "25", "0", "c", "n", "23", "-", "c", "rev", "20", "-"));
    refused("the primary key differs at \"n\"", ROWS(4, "t", "things", "r", "-", "c", "id", "25", "0", "c",
                                                     "n", "20", "1", "c", "rev", "20", "-"));
    refused("the primary key differs at \"id\"", ROWS(4, "t", "things", "r", "-", "c", "id", "25", "-", "c",
                                                      "n", "20", "-", "c", "rev", "20", "-"));
    refused("has no column \"rev\"",
            ROWS(4, "t", "things", "r", "-", "c", "id", "25", "0", "c", "n", "20", "-"));
    refused("\"things\" is there, but is no ordinary table", ROWS(4, "t", "things", "v", "-"));
}
END_TEST

START_TEST(one_change_runs_after_the_other)
{
    phx_self *self = self_new();
    struct fake_op *a = ensure(self, &things), *b = ensure(self, &logs);
    answer_rows(look_table, NO_ROWS);
    answer_error("BEGIN", "57P01", "terminating connection due to administrator command");
    ck_assert(!a->done);
    answer_done("ROLLBACK");
    ck_assert(!b->done);
    check_answer(a, PHX_E_UNAVAILABLE, "administrator");
    answer_rows(look_table, ROWS(4, "t", "logs", "f", "-"));
    check_answer(b, PHX_E_CONFIG, "no ordinary table");
    self_end(self);
}
END_TEST

START_TEST(a_lost_connection_ends_all_that_wait)
{
    phx_self *self = self_new();
    struct fake_op *a = ensure(self, &things), *b = ensure(self, &logs);
    answer_rows(look_table, NO_ROWS);
    answer_lost("the server went away");
    check_answer(a, PHX_E_UNAVAILABLE, "the server went away");
    check_answer(b, PHX_E_UNAVAILABLE, "the server went away");
    a = ensure(self, &logs);
    answer_lost("still away");
    check_answer(a, PHX_E_UNAVAILABLE, "still away");
    self_end(self);
}
END_TEST

START_TEST(what_a_name_meant_before_stays_for_those_who_use_it)
{
    phx_self *self = self_new();
    phx_collection shorter = things;
    shorter.n_fields = 1;
    shorter.n_indexes = 0;
    struct fake_op *op = ensure(self, &shorter);
    answer_rows(look_table, ROWS(4, "t", "things", "r", "-", "c", "id", "25", "0", "c", "rev", "20", "-"));
    check_answer(op, PHX_OK, "");
    struct decl *before = decl_find(self, &shorter);
    op = ensure(self, &things);
    char *mark = mark_of("CREATE INDEX \"things_n\" ON \"things\"(\"n\")");
    answer_rows(look_table, ROWS(4, THINGS, "i", "things_n", mark, "-"));
    check_answer(op, PHX_OK, "");
    ck_assert_ptr_null(decl_find(self, &shorter));
    ck_assert_ptr_ne(decl_find(self, &things), before);
    ck_assert_str_eq(before->columns, "\"id\"");
    free(mark);
    self_end(self);
}
END_TEST

static void bad(phx_collection c)
{
    phx_self *self = self_new();
    check_answer(ensure(self, &c), PHX_E_INVAL, "has a bad name, type or index");
    self_end(self);
}

START_TEST(a_bad_declaration_is_refused_without_a_word_to_the_server)
{
    static const char *const names[] = {
        "",          "Things",   "1things",
        "th ings",   "th\"ings", "pg_things",
        "phoenix_x", "rev",      "a23456789_123456789_123456789_123456789_123456789_1234_"
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        phx_collection c = things;
        c.name = names[i];
        bad(c);
    }
    phx_collection c = things;
    c.flags = 8;
    bad(c);
    static const phx_field untyped[] = { { "id", 0, 0 }, { "n", PHX_INT, 0 } };
    c = things;
    c.fields = untyped;
    bad(c);
    static const int32_t far[] = { -3 };
    static const phx_cell real = { .type = PHX_REAL, .r = 1 }, null = { 0 };
    static const phx_cond in = { 1, PHX_IN, 0, 0, &null }, no_value = { 1, PHX_EQ, 1, 0, &null },
                          of_real = { 1, PHX_EQ, 1, 0, &real };
    static const phx_index bad_indexes[] = {
        { "x", far, 1, 0, NULL }, { "x\"", by_n, 1, 0, NULL },    { "x", by_n, 0, 0, NULL },
        { "x", by_n, 1, 1, &in }, { "x", by_n, 1, 1, &no_value }, { "x", by_n, 1, 1, &of_real }
    };
    c = things;
    for (size_t i = 0; i < sizeof bad_indexes / sizeof bad_indexes[0]; i++) {
        c.indexes = &bad_indexes[i];
        bad(c);
    }
    c = things;
    c.view = "people"; /* without a time, and without a real */
    bad(c);
}
END_TEST

UNIT_MAIN("store-pg/schema", an_empty_database_is_made_ours, who_waited_for_the_lock_finds_all_made,
          a_newer_schema_is_refused_with_both_versions, an_old_server_or_another_encoding_is_refused,
          what_fails_in_the_middle_is_undone, a_lock_and_a_standby_are_explained,
          a_table_that_is_missing_is_made_in_one_transaction, what_is_right_costs_one_query,
          a_missing_column_and_an_index_made_otherwise_are_made, retention_has_an_index_to_delete_by,
          a_table_that_is_not_ours_is_refused, one_change_runs_after_the_other,
          a_lost_connection_ends_all_that_wait, what_a_name_meant_before_stays_for_those_who_use_it,
          a_bad_declaration_is_refused_without_a_word_to_the_server)
