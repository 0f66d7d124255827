/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/collector/otelcol/check.h"
#include <stdio.h>
#include <string.h>
#include "plugins/collector/common/words.h"
#include "plugins/collector/otelcol/values.h"

struct checker {
    struct words words;
    struct doc_faults errors, warnings;
    const struct doc_node *root;
};

static void on_warning(void *arg, unsigned line, unsigned column, const char *text)
{
    char where[32];
    (void)snprintf(where, sizeof where, "%u:%u", line, column);
    words_put(arg, "warning", where, "%s", text);
}

/* ---------------------------------------------------------------------------------- the service */

/* Where the ids of a list may be defined. */
struct reference {
    const char *list, *section, *or_section;
    bool is_needed;
};

static bool is_defined(const struct checker *c, const struct reference *r, const char *id)
{
    return strchr(id, '$') || doc_get(doc_get(c->root, r->section), id) ||
           (r->or_section && doc_get(doc_get(c->root, r->or_section), id));
}

static void check_references(struct checker *c, const struct doc_node *owner, const struct place *place,
                             const struct reference *r)
{
    const struct doc_node *list = doc_get(owner, r->list);
    struct place here = { place, r->list };
    if (list && list->kind != DOC_LIST && !doc_is_null(list)) {
        place_fault(&c->errors, &here, list, "must be a list");
        return;
    }
    if (r->is_needed && (!list || !list->child))
        place_fault(&c->errors, place, owner, "it has no %s", r->list);
    for (const struct doc_node *id = list ? list->child : NULL; id; id = id->next)
        if (id->kind != DOC_SCALAR || !is_defined(c, r, id->text))
            place_fault(&c->errors, &here, id, "\"%.64s\" is not defined in %s", id->text ? id->text : "",
                        r->section);
}

static bool is_id_of(const struct doc_node *id, const char *type)
{
    size_t n = strlen(type);
    return id->kind == DOC_SCALAR && !strncmp(id->text, type, n) && (!id->text[n] || id->text[n] == '/');
}

static void check_processors(struct checker *c, const struct doc_node *pipeline, const struct place *place)
{
    const struct doc_node *list = doc_get(pipeline, "processors");
    for (const struct doc_node *id = list ? list->child : NULL; id; id = id->next) {
        if (id != list->child && is_id_of(id, "memory_limiter"))
            place_fault(&c->warnings, place, id,
                        "memory_limiter guards only what comes after it: put it first");
        if (is_id_of(id, "probabilistic_sampler") && tree_is_type(pipeline, "metrics"))
            place_fault(&c->errors, place, id, "probabilistic_sampler takes traces and logs, not metrics");
    }
}

static void check_pipeline(struct checker *c, const struct doc_node *pipeline, const struct place *place)
{
    static const struct reference references[] = { { "receivers", "receivers", "connectors", true },
                                                   { "processors", "processors", NULL, false },
                                                   { "exporters", "exporters", "connectors", true } };
    static const char *const signals[] = { "metrics", "traces", "logs", "profiles" };
    unsigned i = 0;
    while (i < 4 && !tree_is_type(pipeline, signals[i])) i++;
    if (i == 4)
        place_fault(&c->errors, place, pipeline, "a pipeline is of metrics, traces, logs or profiles");
    for (i = 0; i < sizeof references / sizeof references[0]; i++)
        check_references(c, pipeline, place, &references[i]);
    check_processors(c, pipeline, place);
}

static void check_telemetry(struct checker *c, const struct doc_node *service, const struct place *place)
{
    const struct doc_node *metrics = doc_get(doc_get(service, "telemetry"), "metrics");
    const struct doc_node *address = doc_get(metrics, "address");
    if (address)
        place_fault(&c->errors, place, address,
                    "telemetry.metrics.address is of collectors before 0.123: name a reader instead");
}

static void check_service(struct checker *c)
{
    static const struct reference extensions = { "extensions", "extensions", NULL, false };
    static const struct place place = { NULL, "service" }, all = { &place, "pipelines" };
    const struct doc_node *service = doc_get(c->root, "service"), *pipelines = doc_get(service, "pipelines");
    if (!pipelines || !pipelines->child) {
        place_fault(&c->errors, &place, service ? service : c->root, "there are no pipelines");
        return;
    }
    check_references(c, service, &place, &extensions);
    check_telemetry(c, service, &place);
    for (const struct doc_node *p = pipelines->child; p && p->key; p = p->next) {
        struct place here = { &all, p->key };
        check_pipeline(c, p, &here);
    }
}

/* ------------------------------------------------------------------------------- texts and ports */

static void check_dollars(struct checker *c, const struct place *place, const struct doc_node *node)
{
    const char *text = node->text;
    for (enum dollar d; (d = values_dollar(&text)) != DOLLAR_NONE;) {
        if (d == DOLLAR_OLD)
            place_fault(&c->warnings, place, node,
                        "$NAME is not replaced: write ${env:NAME}, or $$ for a $");
        if (d == DOLLAR_FOREIGN)
            place_fault(&c->warnings, place, node, "${...} of something that Phoenix does not set");
    }
}

/* Only what listens; where exporters send is a remote port. */
static void check_port(struct checker *c, const struct place *place, const struct doc_node *node)
{
    const char *colon = strrchr(node->text, ':');
    bool is_endpoint =
        place->key && !strcmp(place->key, "endpoint") && colon && colon[1] >= '0' && colon[1] <= '9';
    bool is_port = place->key && !strcmp(place->key, "port") && node->text[0] >= '0' && node->text[0] <= '9';
    if (is_endpoint || is_port)
        place_fault(&c->warnings, place, node,
                    "a fixed port, on which two instances collide: use ${env:PHX_..._PORT}");
}

static void check_scalars(struct checker *c, const struct place *place, const struct doc_node *node,
                          bool listens)
{
    if (node->kind == DOC_SCALAR) {
        check_dollars(c, place, node);
        if (listens) check_port(c, place, node);
        return;
    }
    for (const struct doc_node *child = node->child; child; child = child->next) {
        struct place here = { place, child->key };
        check_scalars(c, child->key ? &here : place, child, listens);
    }
}

/* --------------------------------------------------------------------------------------- whole */

static void check_sections(struct checker *c)
{
    static const struct {
        const char *name;
        bool listens;
    } known[] = { { "receivers", true },  { "extensions", true },  { "processors", false },
                  { "exporters", false }, { "connectors", false }, { "service", true } };
    for (const struct doc_node *section = c->root->child; section; section = section->next) {
        struct place here = { NULL, section->key };
        unsigned i = 0;
        while (i < 6 && strcmp(known[i].name, section->key)) i++;
        if (i == 6) place_fault(&c->errors, &here, section, "is no section of a collector's config");
        else if (section->kind != DOC_MAP && !doc_is_null(section))
            place_fault(&c->errors, &here, section, "must be a map");
        else check_scalars(c, &here, section, known[i].listens);
    }
}

phx_status check_config(phx_str config, const phx_sink *out)
{
    struct checker c = { .words = { out, PHX_OK } };
    struct doc doc;
    c.errors = (struct doc_faults){ .put = words_fault, .arg = &c.words };
    c.warnings = (struct doc_faults){ .put = on_warning, .arg = &c.words };
    if (!doc_parse(&doc, config.p, config.n, &c.errors)) return c.words.status;
    c.root = doc.root;
    if (c.root->kind == DOC_MAP) {
        check_sections(&c);
        check_service(&c);
    } else {
        place_fault(&c.errors, NULL, c.root, "must be a map");
    }
    doc_done(&doc);
    return c.words.status;
}
