/* SPDX-License-Identifier: Apache-2.0 */
/** @file ops.h
 * Declared collections, and short ways to write requests on them. */
#ifndef PHOENIX_TESTS_PG_OPS_H
#define PHOENIX_TESTS_PG_OPS_H
#include <string.h>
#include "plugins/store-pg/pg_ops.h"

/* tasks(id | host, priority, status?, note json?); those that are "pending" have an index.
 * logs(host, seq | line?) is append-only. */
enum { TASK_ID, TASK_HOST, TASK_PRIORITY, TASK_STATUS, TASK_NOTE, N_TASK };
enum { LOG_HOST, LOG_SEQ, LOG_LINE, N_LOG };
extern const phx_collection tasks, logs;

#define TEXT(z) ((phx_cell){ .type = PHX_TEXT, .s = { z, strlen(z) } })
#define INT(v) ((phx_cell){ .type = PHX_INT, .i = v })
#define NONE ((phx_cell){ 0 })
#define CELLS(...)                                              \
    .cells = (const phx_cell[]){ __VA_ARGS__ },                 \
    .n_cells = sizeof((const phx_cell[]){ __VA_ARGS__ }) / sizeof(phx_cell)
#define COND(f, o, ...)                                                                                \
    {                                                                                                  \
        .field = f, .op = o, .n_cells = sizeof((const phx_cell[]){ __VA_ARGS__ }) / sizeof(phx_cell),  \
        .cell = (const phx_cell[]) { __VA_ARGS__ }                                                     \
    }
#define CONDS(...)                                              \
    .conds = (const phx_cond[]){ __VA_ARGS__ },                 \
    .n_conds = sizeof((const phx_cond[]){ __VA_ARGS__ }) / sizeof(phx_cond)
#define SETS(...)                                             \
    .sets = (const phx_set[]){ __VA_ARGS__ },                 \
    .n_sets = sizeof((const phx_set[]){ __VA_ARGS__ }) / sizeof(phx_set)
#define ORDER(...)                                              \
    .order = (const int32_t[]){ __VA_ARGS__ },                  \
    .n_order = sizeof((const int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t)
#define REQ(what, ...) (&(phx_req){ .size = sizeof(phx_req), .code = what, __VA_ARGS__ })
#define BATCH(...)                                                                 \
    REQ(PHX_BATCH, .batch = (const phx_req *const[]){ __VA_ARGS__ },               \
        .n_batch = sizeof((const phx_req *const[]){ __VA_ARGS__ }) / sizeof(void *))

/** An instance that knows both collections, nothing else. */
phx_self *ops_self(void);
void ops_self_free(phx_self *self);
/** The steps of these requests, each an operation. NULL ends them. */
struct steps *ops_steps(phx_self *self, const phx_req *const *reqs);
void ops_steps_free(struct steps *s);
const struct step *ops_step(const struct steps *s, unsigned i); /**< NULL: there are fewer */
#endif
