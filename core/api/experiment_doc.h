/* SPDX-License-Identifier: Apache-2.0 */
/** @file experiment_doc.h
 * An experiment as it is stored, and as the API shows it. All [loop].
 */
#ifndef PHOENIX_API_EXPERIMENT_DOC_H
#define PHOENIX_API_EXPERIMENT_DOC_H
#include "core/base/arena.h"
#include "core/base/ids.h"
#include "core/base/json.h"
#include "core/experiment/machine.h"
#include "core/store/store.h"

/** A stored experiment. Lives in the arena it was read into; `spec` and `state` may be changed.
 *
 * spec:  { description, config, metadata }, never changed after creation.
 * state: { phase_since, started, running_since, ended (wall ns), failed, error, out { host: why },
 *          arms { baseline { pipeline, files, config_hash }, candidate { … } }, verdict, kpis } */
struct exp_doc {
    char id[UUID_LEN + 1];
    const char *name;
    enum phase phase;
    struct json *spec, *state;
    uint64_t rev;
    int64_t created_ns, updated_ns;
};
/** @errors INTERNAL: the stored record makes no sense */
int exp_doc_read(const struct row *row, struct arena *arena, struct exp_doc *ret, struct err *err) MUST_CHECK;
/** The query that stores it, if the stored revision is still doc->rev (0: it must be new). */
struct query *exp_doc_put(struct store *st, const struct exp_doc *doc);
/** As GET /experiments/{id} shows it. */
void exp_doc_write(const struct exp_doc *doc, struct jw *w);
/** The query that stores an event. @p type: "created", "phase", "host_out", "look". */
struct query *exp_event(struct store *st, const char *experiment_id, int64_t at_ns, const char *type,
                        const char *from, const char *to, const char *actor, const char *message);
void exp_event_write(const struct row *row, struct jw *w);
#endif
