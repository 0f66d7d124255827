/* SPDX-License-Identifier: Apache-2.0 */
/** @file ledger.h
 * Was every task that the API took executed, and once? Each enqueue has a number, which travels in the
 * task (as its `seed`, together with a mark of this run), so eight bytes for each are enough to know.
 */
#ifndef PHOENIX_SWARM_LEDGER_H
#define PHOENIX_SWARM_LEDGER_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"
#include "tools/swarm/tally.h"

enum { LEDGER_MAX = 64 << 20 };

struct ledger {
    struct entry *entries;
    uint32_t n, run;     /**< numbers 0 to n-1; the mark of the run, 31 bits */
    uint64_t open;       /**< taken by the API, end not reported */
    struct tally *tally; /**< counts what is heard here */
};
enum delivery { DELIVERY_NEW, DELIVERY_AGAIN, DELIVERY_DONE, DELIVERY_FOREIGN };

/** @p n at most LEDGER_MAX; @p run: any number that other runs do not have. */
void ledger_init(struct ledger *l, uint32_t n, uint32_t run, struct tally *tally);
void ledger_done(struct ledger *l);
int64_t ledger_seed(const struct ledger *l, uint32_t number); /**< for the task's config */

/** How the enqueue ended: taken, refused, or nobody knows. */
void ledger_enqueued(struct ledger *l, uint32_t number, enum outcome outcome);
/** A poll brought a task. NEW: do it; AGAIN: it was there before, its end was not taken yet; DONE: its end
 *  was taken. @p is_right_host: whether it was enqueued for the host that got it. */
enum delivery ledger_delivered(struct ledger *l, int64_t seed, struct str task_id, bool is_right_host,
                               uint32_t *ret_number);
void ledger_executed(struct ledger *l, uint32_t number);
bool ledger_is_executed(const struct ledger *l, uint32_t number);
/** The API took the report of its end. */
void ledger_ended(struct ledger *l, uint32_t number, bool is_failed);
#endif
