/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store-pg/fake_admin.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct {
    char *sql;
    admin_fn *done;
    void *arg;
} waits;

void admin_run(phx_self *self, const char *sql, const char *const *values, int n_values, admin_fn *done,
               void *arg)
{
    ck_assert_ptr_null(waits.sql);
    waits.sql = strdup(sql);
    waits.done = done;
    waits.arg = arg;
}

const char *asked(void)
{
    return waits.sql;
}

static void answer(const char *sql, PGresult *r, const char *why)
{
    ck_assert_msg(waits.sql && strncmp(waits.sql, sql, strlen(sql)) == 0, "asked %s, not %s",
                  waits.sql ? waits.sql : "nothing", sql);
    free(waits.sql);
    waits.sql = NULL;
    waits.done(waits.arg, r, why);
    PQclear(r);
}

void answer_done(const char *sql)
{
    answer(sql, PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK), "");
}

void answer_rows(const char *sql, int columns, const char *const *values)
{
    PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    char column[] = "column";
    PGresAttDesc columns_of[8] = { 0 };
    for (int i = 0; i < columns; i++)
        columns_of[i].name = column;
    ck_assert(PQsetResultAttrs(r, columns, columns_of));
    for (int i = 0; values[i]; i++) {
        bool null = strcmp(values[i], "-") == 0;
        ck_assert(PQsetvalue(r, i / columns, i % columns, null ? NULL : (char *)values[i],
                             null ? -1 : (int)strlen(values[i])));
    }
    answer(sql, r, "");
}

/* libpq has no way to make a result with a code: the answer is read by these instead. */
static const char *error_code, *error_message;

char *PQresultErrorField(const PGresult *r, int field)
{
    return (char *)(field == PG_DIAG_SQLSTATE          ? error_code
                    : field == PG_DIAG_MESSAGE_PRIMARY ? error_message
                                                       : NULL);
}

void answer_error(const char *sql, const char *code, const char *message)
{
    error_code = code;
    error_message = message;
    answer(sql, PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR), "");
}

void answer_lost(const char *why)
{
    answer("", NULL, why);
}

static phx_wall clock_of_test(const phx_host *host)
{
    return 1795521600000000000; /* 2026-11-24 12:00 */
}

static const phx_host host = {
    .size = sizeof(host), .name = "phoenix-api", .version = "0.1.0", .wall = clock_of_test
};

phx_self *self_new(void)
{
    phx_self *self = calloc(1, sizeof(*self));
    self->host = &host;
    self->schema = schema_new();
    return self;
}

void self_end(phx_self *self)
{
    ck_assert_ptr_null(waits.sql);
    for (uint32_t i = 0; i < self->n_decls; i++)
        decl_free(self->decls[i]);
    schema_free(self->schema);
    free(self);
}

static void on_op_done(phx_op *op, phx_status status, uint64_t n, phx_str why)
{
    struct fake_op *f = (struct fake_op *)op;
    ck_assert(!f->done);
    f->done = true;
    f->status = status;
    memcpy(f->why, why.p, why.n);
}

static const phx_reply reply = { .size = sizeof(reply), .done = on_op_done };

struct fake_op *op_new(void)
{
    struct fake_op *f = calloc(1, sizeof(*f));
    f->op.reply = &reply;
    return f;
}

void say(phx_op *op, phx_status status, uint64_t n, const char *why)
{
    op->reply->done(op, status, n, (phx_str){ why, strlen(why) });
}
