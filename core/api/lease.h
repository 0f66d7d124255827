/* SPDX-License-Identifier: Apache-2.0 */
/** @file lease.h
 * What only one process of several does at a time: whoever holds the lease of that name does it. All [loop].
 *
 * Processes share nothing but the store, least of all a clock. So a lease is a row whose `beat` its holder
 * moves, and time is what each process measures by itself (CLOCK_BOOTTIME), with ttl = setting lease.ttl:
 *  - the holder renews every 5/16 ttl, and gives up when no renewal sent within the last 3/4 ttl succeeded;
 *  - others look as often, and take the lease, on condition that the beat is still the one they saw, when
 *    it has not moved for a whole ttl, or at once when it was given up.
 * A beat is seen after it was sent, so the holder gives up at least ttl/4 before anybody takes the lease.
 * A holder that was killed is replaced within ttl and 5/8 ttl more: 13 s by default. It costs a process one
 * statement in 2.5 s, whatever the number of its leases, and none when the store is not shared.
 *
 * A holder that the kernel stopped goes on where it stood. It finds out when it asks lease_held(), and by
 * lost() at its next tick; what it had sent before arrives nevertheless. So a lease saves work, and
 * correctness stands elsewhere: whatever is written under a lease is fenced by the revisions, epochs or
 * states of the records themselves.
 */
#ifndef PHOENIX_API_LEASE_H
#define PHOENIX_API_LEASE_H
#include "core/api/api.h"

/** For everything that runs once in the fleet. Another name only for what must run elsewhere. */
#define LEASE_SINGLETONS "singletons"

int leases_start(struct api *api, struct err *err);
void leases_stop(struct api *api);
/** The process ends: lost() for what is held, which others take at their next look. Nothing is gained any
 *  more. The store must still be open. */
void leases_release(struct api *api);

struct lease;
/** Ask for a lease. @p gained and @p lost (NULL allowed) come later, from the loop, in turns, also when the
 *  store is not shared: then gained() comes at the end of this turn, and lost() at the end of the process.
 *  Both may call lease_free(). */
struct lease *lease_new(struct api *api, const char *name, loop_fn *gained, loop_fn *lost, void *arg);
/** Gives it up if it is held; lost() does not come. NULL allowed. */
void lease_free(struct lease *l);
/** Is it ours now? Reads the clock: true only if nobody else can have it. Ask before each piece of work. */
bool lease_held(const struct lease *l);
#endif
