/* SPDX-License-Identifier: Apache-2.0 */
/** @file run.h
 * The pace of a load: an open loop of steps. The clock and the sleep are arguments, so that hours of
 * load are tested in no time. Single-threaded.
 */
#ifndef PHOENIX_LOADHOST_RUN_H
#define PHOENIX_LOADHOST_RUN_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/err.h"
#include "phoenix/plugin.h"

struct run_conf {
    const phx_load_ops *ops;
    phx_self *self;
    int64_t duration_ns;
    uint64_t seed;
    uint64_t max_rate;  /**< units a second; at most one second of it may come at once */
    uint64_t max_total; /**< units in all; 0: no limit */
};
enum run_state { RUN_RUNNING, RUN_COMPLETED, RUN_STOPPED, RUN_FAILED };
/** Totals since the start. */
struct run_status {
    enum run_state state;
    uint64_t offered, delivered;
    int64_t elapsed_ns;
    phx_status failure; /**< RUN_FAILED: what the profile answered, */
    const char *reason; /**< or what the host holds against it; static; NULL: see failure */
    /** What the profile tells of itself; negative: nothing. */
    double rejected, failed, late, rate;
    char told[200]; /**< why the last unit was not delivered; "": nothing was said */
};
/** The world outside. */
struct run_env {
    int64_t (*now)(void *arg);                    /**< monotonic */
    /** Sleep until then, or until something happened; true: the load shall stop. */
    bool (*wait)(void *arg, int64_t until_ns);
    /** A change that somebody wants; false: none. What came of it goes to changed(), once. */
    bool (*change)(void *arg, phx_load_change *ret);
    void (*changed)(void *arg, phx_status status);
    void (*report)(void *arg, const struct run_status *status); /**< once a second */
    void *arg;
};
/** start(), steps until the duration is over or wait() says stop, stop(). The last status is not
 *  reported but returned. */
struct run_status run_load(const struct run_conf *conf, const struct run_env *env);
/** "running", "completed", "stopped", "failed". */
const char *run_state_name(enum run_state state);
/** What may be delivered now: a bucket that holds one second of max_rate, within max_total. */
uint64_t run_quota(const struct run_conf *conf, int64_t elapsed_ns, uint64_t delivered);
#endif
