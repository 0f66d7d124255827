/* SPDX-License-Identifier: Apache-2.0 */
/** @file templates.h
 * Pipeline templates: data files DATA_DIR/otel-templates/COLLECTOR/NAME.yaml, rendered once, here, by the
 * collector backend's plugin. The bytes that are tested are the bytes that are promoted.
 *
 * A template: name, collector, summary, parameters (JSON Schema properties), pipeline (a document), and the
 * names of others that it extends. A scalar of the pipeline that is exactly "${param}" is
 * replaced by the parameter's typed value; text is never pasted into text. An element or member that is
 * exactly { when: VALUE, then: PART } is PART, or is left out if VALUE is false, 0 or empty. All [loop].
 */
#ifndef PHOENIX_API_TEMPLATES_H
#define PHOENIX_API_TEMPLATES_H
#include "core/base/err.h"
#include "core/base/ids.h"
#include "core/base/json.h"
#include "core/base/schema.h"

struct api;
/** What to render. Everything is borrowed until template_render() returns. */
struct render_ask {
    const char *collector;         /**< backend: "native"; NULL: that */
    const char *name;              /**< template: "topk" */
    const struct json *parameters; /**< object as the user gave it; NULL: none */
    /** Values for parameters that the template declares and the user did not give, such as
     *  { "critical": ["sshd"] }; others are ignored. Those left get the template's default. */
    const struct json *extra;
    /** Where the template's reference stands in the user's document, for the pointers of faults:
     *  "/candidate_template" makes "/candidate_template/parameters/k". "" for the root. */
    const char *pointer;
};
/** The collector's config, ready for tasks. */
struct rendered {
    struct json *files;    /**< [{"name","content"}], in the plugin's order */
    struct json *warnings; /**< ["path: text"] */
    char config_hash[sizeof "sha256:" + SHA256_HEX_LEN]; /**< as doc/protocol.md says */
};
/**
 * Validate the parameters, fill in what is missing, render, and let the backend check what it rendered.
 *
 * @param faults Reset first. Filled when the answer is ERR_INVALID: give it to reply_faults().
 * @errors NOTFOUND no such template; INVALID faults of the parameters or of the reference, or the backend
 *         refuses what parameters make of the template; CONFIG the template's file is wrong; UNSUPPORTED no
 *         such backend; or what the backend's plugin said
 * @owner  the caller ends *ret with rendered_done(), also after an error
 */
int template_render(struct api *api, const struct render_ask *ask, struct rendered *ret,
                    struct faults *faults, struct err *err) MUST_CHECK;
void rendered_done(struct rendered *r); /**< a zeroed one is fine; leaves it zeroed */
#endif
