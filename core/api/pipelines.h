/* SPDX-License-Identifier: Apache-2.0 */
/** @file pipelines.h
 * Templates and collector backends, as the files of this resource share them; others want templates.h.
 * All [loop].
 */
#ifndef PHOENIX_API_PIPELINES_H
#define PHOENIX_API_PIPELINES_H
#include "core/api/api.h"
#include "core/api/templates.h"

/** One file, read at start. Everything is borrowed from `doc`. */
struct template {
    const char *name, *collector, *summary, *description;
    const struct json *parameters; /**< properties; NULL: takes none */
    const struct json *pipeline;
    struct schema *schema;         /**< of the parameters */
    struct json *schema_doc;       /**< the same, as JSON Schema */
    struct json *doc;
};
/** A collector backend that could be made. */
struct backend {
    const char *name;
    struct instance *instance;
};
struct pipelines {
    struct template *templates; /**< sorted by collector and name */
    size_t n_templates;
    struct backend *backends;
    size_t n_backends;
};
int pipelines_start(struct api *api, struct err *err);
void pipelines_stop(struct api *api);

/* ---- template_load.c */
/** Read DIR/COLLECTOR/NAME.yaml, merge what they extend, leave out the abstract ones. A bad file is logged
 *  and left out, too. */
void templates_load(struct pipelines *p, const char *dir);
void templates_free(struct pipelines *p);

/* ---- templates.c */
/** @p collector NULL: the native one's first, then any. NULL: @p err lists those there are. */
const struct template *template_find(const struct pipelines *p, const char *collector, const char *name,
                                     struct err *err);
void template_write(const struct template *t, struct jw *w);
/** The pipeline with each scalar "${name}" replaced by the value of that name, and each { when, then } by its
 *  second part, or by nothing. Caller frees. */
struct json *template_fill(const struct template *t, const struct json *values);
/** Each placeholder of @p node must be a member of @p parameters. CONFIG: says which is not, and its line. */
int template_check_placeholders(const struct json *node, const struct json *parameters,
                                struct err *err) MUST_CHECK;

/* ---- backends.c */
void backends_make(struct pipelines *p, struct api *api);
void backends_free(struct pipelines *p);
const struct backend *backend_find(const struct pipelines *p, const char *name, struct err *err);
/** What a call of a backend put. */
struct words {
    struct json *files;    /**< [{"name","content"}] */
    struct json *errors;   /**< [{"at","message"}] */
    struct json *warnings; /**< the same */
    size_t bytes;          /**< of all, limited */
};
void words_init(struct words *w);
void words_done(struct words *w);
/** Pipeline document to files. 0 or what the plugin said. */
int backend_render(const struct backend *b, const struct json *pipeline, struct words *ret,
                   struct err *err) MUST_CHECK;
/** Config text to errors and warnings. 0 also when there are errors. */
int backend_check(const struct backend *b, struct str config, struct words *ret, struct err *err) MUST_CHECK;
#endif
