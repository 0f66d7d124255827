/* SPDX-License-Identifier: Apache-2.0 */
/** @file experiment_new.h
 * A new experiment, of a user's document or of a preview. [loop]
 */
#ifndef PHOENIX_API_EXPERIMENT_NEW_H
#define PHOENIX_API_EXPERIMENT_NEW_H
#include "core/api/api.h"
#include "core/api/experiment_doc.h"

/** Everything is borrowed until experiment_new() returns, but the texts: they stay in the document. */
struct experiment_ask {
    const char *name, *description;
    const struct json *config;   /**< has passed type_experiment_config */
    const char *pointer;         /**< where it stands in the user's document: "/config", "" */
    const struct json *metadata; /**< NULL: none */
};
/**
 * Check all that can be wrong now, not at the start: templates and their parameters, load profile,
 * analysis. Faults are added with pointers below ask->pointer.
 *
 * @param ret lives in @p arena; not stored yet (experiment_new_batch() does that)
 * @return true if there is no fault
 */
bool experiment_new(struct api *api, const struct experiment_ask *ask, struct arena *arena,
                    struct exp_doc *ret, struct faults *faults) MUST_CHECK;
/** A batch that stores it, and the event that tells of it; more may be added. */
struct query *experiment_new_batch(struct api *api, const struct exp_doc *doc);
#endif
