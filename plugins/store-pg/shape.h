/* SPDX-License-Identifier: Apache-2.0 */
/** @file shape.h
 * What the files that make tables share: text.c, decl.c, create.c (texts, pure), ddl.c (one change at a
 * time), schema.c, partition.c (which changes).
 */
#ifndef PHOENIX_STORE_PG_SHAPE_H
#define PHOENIX_STORE_PG_SHAPE_H
#include "pg_priv.h"

/* ---- text.c. When memory ends, `failed` is set and the rest is left out. */
struct text {
    char *p;
    size_t n, cap;
    bool failed;
};
void text_add(struct text *t, const char *z);
void text_add_n(struct text *t, const char *p, size_t n);
void text_name(struct text *t, const char *name); /**< an identifier, quoted */
void text_literal(struct text *t, phx_str s);     /**< a string, quoted; without NUL */
/** What was built, the caller's now; NULL: out of memory, or nothing was added. Empty again after this. */
char *text_take(struct text *t);

/* ---- create.c: CREATE statements, the caller's. NULL: out of memory. */
char *create_table(const struct decl *d);
/** ALTER TABLE ... ADD COLUMN for one that must not be null: with a default, for the rows that are there. */
char *create_column(const struct decl *d, uint32_t field);
char *create_index(const struct decl *d, const phx_index *ix);
/** The view that decl's collection names: CREATE OR REPLACE, so that what was granted on it stays. */
char *create_view(const struct decl *d);
/** What stands in the comment of a thing that was made by the statement @p made, to know it again. */
char *create_mark(const char *made);
/** COMMENT ON @p kind ("INDEX", "VIEW") @p name IS @p mark. */
char *create_comment(const char *kind, const char *name, const char *mark);

/* ---- ddl.c: changes to the database's shape. One runs at a time in this process, and one in all
 * processes. A change first looks without a lock: as a rule everything is there already, and that is all.
 * Else, in one transaction: the lock, another look, what is missing. So a change is whole or not at all. */
struct ddl;
struct schema *schema_new(void);    /**< NULL: out of memory */
void schema_free(struct schema *s); /**< changes under way are not answered any more */
/** Read what the look answered (rows as text) and say with ddl_add() which statements are wanted; none: all
 *  is well. Or ddl_refuse(). Called twice if something is missing, and starts from nothing each time. */
typedef void ddl_plan_fn(struct ddl *d, const PGresult *r);
/** The end: d->status, d->why. What d->arg points to is the callee's; @p d is freed after the call. */
typedef void ddl_done_fn(struct ddl *d);
enum { DDL_VALUES = 2 };
struct ddl {
    phx_self *self;
    const char *look;                 /**< one statement; lives as long as the change */
    const char *values[DDL_VALUES];   /**< of the look, also lent; all of them are sent that it uses */
    int n_values;
    ddl_plan_fn *plan;
    ddl_done_fn *done;
    void *arg;
    phx_status status;
    char why[WHY_MAX];
    /* ddl.c's own */
    struct ddl *next;
    char **sql;                       /**< what the plan wants */
    uint32_t n_sql, at;
    bool locked;
};
/** Start it, or queue it; copied. `done` may come before this returns. */
void ddl_run(const struct ddl *d);
/** One more statement; taken. NULL: out of memory, and refused; the plan need not look. */
void ddl_add(struct ddl *d, char *sql);
/** End it with this status and sentence; what was said first stays. */
void ddl_refuse(struct ddl *d, phx_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- partition.c, without a server */
enum { DAY_NAME_MAX = 80 };
/** Day of a time since 1970-01-01; before it, negative. */
int64_t day_of(phx_wall t);
/** TABLE_YYYYMMDD. */
void day_name(const char *table, int64_t day, char ret[DAY_NAME_MAX]);
/** The day of a partition's name; false: it is no such name. */
bool day_parse(const char *table, const char *name, int64_t *ret);
#endif
