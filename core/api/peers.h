/* SPDX-License-Identifier: Apache-2.0 */
/** @file peers.h
 * The other processes on the same store. What one of them says (store_signal) is carried to the part
 * that it is about; and because a signal is only a hint and may be lost, every few seconds the parts look
 * at the store themselves. One process, the holder of the lease "singletons", does for all what must be
 * done once: stepping experiments, ending leases of tasks, retention, patience with loads.
 *
 * When the store is not shared nobody says anything, nothing is looked at, and this process leads. [loop]
 */
#ifndef PHOENIX_API_PEERS_H
#define PHOENIX_API_PEERS_H
#include "core/api/api.h"

/** Hear what others say; after store_open(), before the loop turns. */
void peers_listen(struct api *api);
int peers_start(struct api *api, struct err *err);
void peers_stop(struct api *api);
/** Does this process do what one does for all? Reads the clock: ask before each piece of work. */
bool peers_lead(const struct api *api);
#endif
