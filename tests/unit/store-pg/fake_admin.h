/* SPDX-License-Identifier: Apache-2.0 */
/** @file fake_admin.h
 * The maintenance connection without a server: what is asked for is kept, until the test answers it. */
#ifndef PHOENIX_TESTS_FAKE_ADMIN_H
#define PHOENIX_TESTS_FAKE_ADMIN_H
#include "plugins/store-pg/shape.h"

/** What was asked and is not answered yet; NULL: nothing. There is never more than one. */
const char *asked(void);
/** It must be this (the beginning counts); then it is answered as done. */
void answer_done(const char *sql);
/** The same, answered with rows of text: n columns, values row by row, NULL at the end; "-" is null. */
void answer_rows(const char *sql, int columns, const char *const *values);
/** Answered with an error. @p code: the server's five letters. */
void answer_error(const char *sql, const char *code, const char *message);
/** The connection is lost. */
void answer_lost(const char *why);

/** An instance whose clock says 2026-11-24 12:00 UTC. */
phx_self *self_new(void);
void self_end(phx_self *self);

/** An operation and what it was answered with. */
struct fake_op {
    phx_op op;
    bool done;
    phx_status status;
    char why[400];
};
struct fake_op *op_new(void);
#endif
