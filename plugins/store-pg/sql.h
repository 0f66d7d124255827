/* SPDX-License-Identifier: Apache-2.0 */
/** @file sql.h
 * What the files that write statements share.
 */
#ifndef PHOENIX_STORE_PG_SQL_H
#define PHOENIX_STORE_PG_SQL_H
#include "pg_ops.h"

/** Makes the planner believe in one row, see sql_keyed.c. */
#define FEW " BETWEEN 1 AND 1000000000"

/* ---- sql.c: words */
extern const char *const sql_comparisons[]; /**< by PHX_EQ ... PHX_GE */
void sql_add(struct build *b, const char *z);
void sql_number(struct build *b, const char *before, uint32_t n); /**< "u.c" and 7 */
void sql_param(struct build *b);                                  /**< $n of the value that is put next */
void sql_value(struct build *b, uint32_t type, const phx_cell *c);
void sql_int(struct build *b, uint64_t v);
/** "t.a,t.b,t.rev" of what @p r asks for; append-only rows have no revision. */
void sql_columns(struct build *b, const struct decl *d, const phx_req *r);
/** RETURNING of a change: the number of its row, and the row if it is wanted. */
void sql_returning(struct build *b, const struct step *s, const char *number);
bool sql_compares_rev(const phx_req *r);
uint32_t sql_rows(const struct step *s); /**< of all parts */

/* ---- sql_keyed.c */
void sql_get(struct build *b, const struct step *s);
void sql_put(struct build *b, const struct step *s); /**< UPSERT, INSERT, APPEND */
void sql_put_if(struct build *b, const struct step *s);
void sql_update_keyed(struct build *b, const struct step *s);
void sql_delete_keyed(struct build *b, const struct step *s);

/* ---- sql_one.c */
void sql_scan(struct build *b, const struct step *s);
void sql_update(struct build *b, const struct step *s);
void sql_delete(struct build *b, const struct step *s);
#endif
