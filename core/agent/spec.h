/* SPDX-License-Identifier: Apache-2.0 */
/** @file spec.h
 * What a task wants of a collector: the checked form of its config, and the deploy document made of
 * it. Pure but for spec_load() and spec_store().
 */
#ifndef PHOENIX_AGENT_SPEC_H
#define PHOENIX_AGENT_SPEC_H
#include "core/agent/plan.h"
#include "core/base/ids.h"
#include "core/base/json.h"

struct spec {
    char id[101];                     /**< also the name of the folder */
    char task_id[UUID_LEN + 1];       /**< who asked last */
    char experiment_id[UUID_LEN + 1]; /**< "" if none */
    char variant[64], backend[64], pipeline[64], config_hash[80];
    int64_t interval_ns; /**< sampling; 0: none */
    int64_t census_ns;   /**< between two censuses; 0: none is taken */
    int64_t ready_ns;    /**< time to become healthy */
    char **critical;     /**< globs; owned */
    size_t n_critical;
};
/** Check the document { "task_id", "experiment_id", "config": {…} }. Also compares the hash.
 *  Errors: INVALID, LIMIT. */
int spec_parse(struct spec *s, const struct json *doc, struct err *err) MUST_CHECK;
void spec_done(struct spec *s);
enum { SPEC_PORTS = 6 };
struct spec_place {
    const char *host_id, *dir, *libexec_dir, *address;
    const uint16_t *ports; /**< SPEC_PORTS */
    const char *processes; /**< JSON array of the names that rank; NULL: none were ranked */
};
/** The deploy document of @p s, for the backend; @p doc as above. */
void spec_deploy(const struct spec *s, const struct json *doc, const struct spec_place *place,
                 struct buf *out);
/** The files of the task into a plan. */
int spec_files(const struct json *doc, struct plan *plan, struct err *err) MUST_CHECK;
/** "sha256:HEX" over names and contents of @p files (an array), as doc/protocol.md says. */
void spec_hash(const struct json *files, char out[80]);
/** Keep the document in the collector's folder, and read it back. */
int spec_store(const char *dir, const struct json *doc, struct err *err) MUST_CHECK;
struct json *spec_load(const char *dir, struct err *err) MUST_CHECK;
#endif
