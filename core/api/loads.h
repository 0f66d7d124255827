/* SPDX-License-Identifier: Apache-2.0 */
/** @file loads.h
 * Load simulations: load profiles that run on hosts, for an experiment or by themselves. All [loop].
 */
#ifndef PHOENIX_API_LOADS_H
#define PHOENIX_API_LOADS_H
#include "core/api/api.h"
#include "core/experiment/spec.h"

int loads_start(struct api *api, struct err *err);
/** Write what is in memory only; before the store closes. */
void loads_flush(struct api *api);
/** How many have news that are not stored yet. */
size_t loads_unsaved(const struct api *api);
void loads_stop(struct api *api);

/** The component's name for a profile or one of its aliases ("high-card"); NULL: unknown. */
const char *load_profile_name(struct api *api, const char *name);
/** Check a reference to a profile: it is known, and its parameters fit the profile's schema. Faults
 *  are added with pointers below @p pointer ("/config/load_profile"). */
void load_check(struct api *api, const struct spec_ref *ref, const char *pointer, struct faults *faults);

/** Whether this process leads has changed. */
void loads_lead(struct api *api);
/** Another process stored this one. */
void loads_peer_wrote(struct api *api, const char *id);
/** Compare what is in memory with the store: of several processes. */
void loads_look(struct api *api);

/** The "loads" of a full heartbeat. Borrowed. */
void loads_reported(struct api *api, const char *host_id, const struct json *loads);
/** A task of type loadsim came to an end, or failed. */
void loads_task_changed(struct api *api, const struct row *task);
#endif
