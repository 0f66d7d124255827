/* SPDX-License-Identifier: Apache-2.0 */
/** @file census_round.h
 * When censuses of an experiment's arms are due, and the rows that tell them. [loop]
 */
#ifndef PHOENIX_AGENT_CENSUS_ROUND_H
#define PHOENIX_AGENT_CENSUS_ROUND_H
#include "core/agent/outbox.h"

enum { CENSUS_ARMS_MAX = 4 };
/** What an arm had counted at its last census: flows are since then. */
struct census_meter {
    char id[101];
    int64_t tick_ns; /**< wall; 0: there was none */
    double points, bytes, cpu_s;
};
/** Zeroed: nothing is due. */
struct census_round {
    int64_t interval_ns; /**< 0: none is taken */
    int64_t due_ns;      /**< monotonic */
    bool is_due;         /**< at this tick, for all arms */
    struct census_meter meters[CENSUS_ARMS_MAX];
    unsigned n_meters;
};
/** A tick begins. */
void census_round_begin(struct census_round *c);
/** The arm @p id is read at this tick. As soon as one is there that had no census yet all get one, for it may
 *  be a short run. */
void census_round_arm(struct census_round *c, const char *id);
/** The members of a census (census_write()) of an exposition, as an object. */
void census_round_take(struct str exposition, struct buf *ret);

struct census_row {
    const char *experiment_id, *variant, *id; /**< id: of the collector */
    int64_t tick_ns;                          /**< wall */
    const double *values;                     /**< MEASURE_COUNT, NAN: not measured */
    struct str members;                       /**< as census_round_take() gave it */
};
void census_round_write(struct census_round *c, const struct census_row *row, struct outbox *out);
#endif
