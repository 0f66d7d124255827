/* SPDX-License-Identifier: Apache-2.0 */
/** @file bench_store.h
 * What the parts of store_bench share: one open store, one loop, and calls that block.
 *
 * A part prints `name value unit`, a figure a line; the script that calls it knows the bars.
 */
#ifndef PHOENIX_BENCH_STORE_H
#define PHOENIX_BENCH_STORE_H
#include <stdio.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/store/store.h"

struct bench {
    struct loop *loop;
    struct store *store;
    struct json *config; /**< of a task */
    const char *suffix;  /**< of the figures' names: which driver, which mode */
};
_Noreturn void bench_die(const char *what, const struct err *err);
/** For the answer of a query: end if it failed. */
void bench_must(const struct result *res);
/** Run the loop until loop_stop(). */
void bench_wait(struct bench *b);
/** Send, wait, and end if it failed; how many rows it changed. */
uint64_t bench_run(struct bench *b, struct query *q);
double bench_seconds(int64_t since_mono_ns);
/** Name of the i-th host: "host-00042". Lives for ever. */
struct str bench_host(unsigned i);
enum { BENCH_HOSTS_MAX = 100000 };
/** Print NAME_SUFFIX. */
void bench_print(const struct bench *b, const char *name, double value, const char *unit);

/* Parts. @p arg: see each. */
void bench_lives(struct bench *b, const char *arg);      /**< bench_lives.c; "BATCH" or "BATCH HOSTS LIVES" */
void bench_single(struct bench *b, const char *arg);     /**< bench_lives.c; one PUT at a time */
void bench_heartbeats(struct bench *b, const char *arg); /**< bench_rows.c; */
void bench_samples(struct bench *b, const char *arg);    /**< bench_rows.c; thousands of rows to store */
void bench_window(struct bench *b, const char *arg);     /**< bench_rows.c; read an hour of one experiment */
void bench_expire(struct bench *b, const char *arg);     /**< bench_rows.c; drop what bench_samples stored */
#endif
