/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that Phoenix adds stand here as YAML, and are merged into the document: what the document says
 * otherwise in the first of them is refused, in the second it wins. */
#include "plugins/collector/otelcol/compose.h"
#include <phoenix/helpers.h>
#include <stdlib.h>
#include "plugins/collector/otelcol/extras.h"
#include "plugins/collector/otelcol/values.h"
#include "plugins/collector/otelcol/write.h"

static const char OWN[] = "extensions:\n"
                          "  health_check: {endpoint: '${env:PHX_ADDRESS}:${env:PHX_HEALTH_PORT}'}\n"
                          "exporters:\n"
                          "  prometheus: {endpoint: '${env:PHX_ADDRESS}:${env:PHX_EXPORT_PORT}'}\n"
                          "service:\n"
                          "  extensions: [health_check]\n"
                          "  telemetry:\n"
                          "    metrics:\n"
                          "      readers:\n"
                          "        - pull:\n"
                          "            exporter:\n"
                          "              prometheus:\n"
                          "                host: '${env:PHX_ADDRESS}'\n"
                          "                port: '${env:PHX_TELEMETRY_PORT}'\n"
                          "                without_scope_info: true\n"
                          "                without_type_suffix: true\n"
                          "                without_units: true\n";
static const char DEFAULTS[] = "exporters: {prometheus: {metric_expiration: 30s, without_scope_info: true}}\n"
                               "service: {telemetry: {logs: {encoding: json}, metrics: {level: normal}}}\n";
static const char OTLP_HTTP[] = "http: {endpoint: '${env:PHX_ADDRESS}:${env:PHX_OTLP_HTTP_PORT}'}\n";
static const char OTLP_GRPC[] = "grpc: {endpoint: '${env:PHX_ADDRESS}:${env:PHX_OTLP_GRPC_PORT}'}\n";
static const char RANK[] = "{k: 20, by: [cpu, memory], critical: [], every: 10s}\n";

/* Each part is a document of its own that lives until all is written: its nodes hang in the pipeline. */
enum part { PART_OWN, PART_DEFAULTS, PART_HTTP, PART_GRPC, PART_RANK, N_PARTS };
struct composer {
    struct doc_first first;
    struct doc doc, parts[N_PARTS];
    struct doc_node *extras;
    struct values values;
    bool out_of_memory;
};

static void add_part(struct composer *c, enum part which, const char *text, struct doc_node *into,
                     enum merge how, const struct place *place)
{
    struct doc *part = &c->parts[which];
    if (doc_parse(part, text, strlen(text), &c->first.faults))
        tree_merge(into, part->root, how, place, &c->first.faults);
}

static struct doc_node *make(struct composer *c, enum doc_kind kind, const char *key, const char *text)
{
    struct doc_node *node = tree_make(&c->doc, kind, key, text);
    if (!node) c->out_of_memory = true;
    return node;
}

/* A member that is a map or a list; made if it is absent or null. NULL: it is something else. */
static struct doc_node *want(struct composer *c, struct doc_node *map, const char *key, enum doc_kind kind,
                             const struct place *place)
{
    struct doc_node *node = tree_get(map, key);
    if (!node) {
        node = make(c, kind, key, NULL);
        if (node) tree_add(map, node);
    } else if (doc_is_null(node)) {
        node->kind = kind;
    } else if (node->kind != kind) {
        place_fault(&c->first.faults, place, node, "%s must be a %s", key, kind == DOC_MAP ? "map" : "list");
        return NULL;
    }
    return node;
}

/* ------------------------------------------------------------------------------------ receivers */

static void bind_otlp(struct composer *c, struct doc_node *receiver, const struct place *place)
{
    bool is_bare = !doc_get(receiver, "protocols") || doc_is_null(doc_get(receiver, "protocols"));
    struct doc_node *protocols = want(c, receiver, "protocols", DOC_MAP, place);
    struct place here = { place, "protocols" };
    if (!protocols) return;
    bool http = is_bare || doc_get(protocols, "http"), grpc = is_bare || doc_get(protocols, "grpc");
    if (http) add_part(c, PART_HTTP, OTLP_HTTP, protocols, MERGE_OWN, &here);
    if (grpc) add_part(c, PART_GRPC, OTLP_GRPC, protocols, MERGE_OWN, &here);
    struct doc_node *mark = http ? make(c, DOC_SCALAR, "otlp_http", "true") : NULL;
    if (!mark) return;
    mark->plain = true;
    tree_add(c->extras, mark);
}

static bool scrapes_processes(const struct doc_node *receiver)
{
    return (tree_is_type(receiver, "hostmetrics") || tree_is_type(receiver, "host_metrics")) &&
           doc_get(doc_get(receiver, "scrapers"), "process");
}

static void take_receivers(struct composer *c, struct doc_node *root)
{
    struct doc_node *receivers = want(c, root, "receivers", DOC_MAP, NULL);
    struct doc_node *ranked = make(c, DOC_LIST, "ranked", NULL);
    struct place top = { NULL, "receivers" };
    bool has_otlp = false;
    for (struct doc_node *r = receivers ? receivers->child : NULL, *next; r && ranked; r = next) {
        next = r->next;
        struct place here = { &top, r->key };
        if (tree_is_type(r, "otlp") && has_otlp) {
            place_fault(&c->first.faults, &here, r, "an instance has the ports of one OTLP receiver only");
        } else if (tree_is_type(r, "otlp")) {
            has_otlp = true;
            struct doc_node *map = want(c, receivers, r->key, DOC_MAP, &top);
            if (map) bind_otlp(c, map, &here);
        } else if (scrapes_processes(r)) {
            struct doc_node *id = make(c, DOC_SCALAR, NULL, r->key);
            if (id) tree_add(ranked, id);
        }
    }
    if (ranked && doc_get(c->extras, "rank")) {
        if (!ranked->child)
            place_fault(&c->first.faults, NULL, c->extras,
                        "rank needs a hostmetrics receiver with the process scraper");
        tree_add(c->extras, ranked);
    }
}

/* ------------------------------------------------------------------------------------ pipelines */

static bool is_metrics(const struct doc_node *pipeline)
{
    return tree_is_type(pipeline, "metrics");
}

/* What leaves through a connector comes out of another pipeline. */
static bool feeds_connector(const struct doc_node *root, const struct doc_node *pipeline)
{
    const struct doc_node *exporters = doc_get(pipeline, "exporters"), *connectors = doc_get(root, "connecto"
                                                                                                   "rs");
    for (const struct doc_node *id = exporters ? exporters->child : NULL; id; id = id->next)
        if (id->kind == DOC_SCALAR && doc_get(connectors, id->text)) return true;
    return false;
}

static bool somebody_exports(const struct doc_node *pipelines)
{
    for (const struct doc_node *p = pipelines->child; p; p = p->next)
        if (tree_lists(doc_get(p, "exporters"), "prometheus")) return true;
    return false;
}

static void export_metrics(struct composer *c, struct doc_node *root)
{
    static const struct place top = { NULL, "service" }, all = { &top, "pipelines" };
    struct doc_node *service = want(c, root, "service", DOC_MAP, NULL);
    struct doc_node *pipelines = service ? want(c, service, "pipelines", DOC_MAP, &top) : NULL;
    if (!pipelines || somebody_exports(pipelines)) return;
    for (struct doc_node *p = pipelines->child; p; p = p->next) {
        struct place here = { &all, p->key };
        if (!is_metrics(p) || p->kind != DOC_MAP || feeds_connector(root, p)) continue;
        struct doc_node *exporters = want(c, p, "exporters", DOC_LIST, &here);
        struct doc_node *id = exporters ? make(c, DOC_SCALAR, NULL, "prometheus") : NULL;
        if (id) tree_add(exporters, id);
    }
}

/* --------------------------------------------------------------------------------------- whole */

static void take_extras(struct composer *c, struct doc_node *root)
{
    static const struct place place = { NULL, "phoenix" }, rank = { &place, "rank" };
    c->extras = want(c, root, "phoenix", DOC_MAP, NULL);
    if (!c->extras) return;
    (void)tree_take(root, "phoenix");
    c->values.lets_all = true;
    values_resolve(&c->values, c->extras);
    c->values.lets_all = false;
    extras_check(c->extras, &place, &c->first.faults);
    if (doc_get(c->extras, "rank") && !c->first.faults.n)
        add_part(c, PART_RANK, RANK, tree_get(c->extras, "rank"), MERGE_DEFAULT, &rank);
}

static void list_secrets(struct composer *c)
{
    struct doc_node *list = c->values.n_secrets ? make(c, DOC_LIST, "secrets", NULL) : NULL;
    for (unsigned i = 0; list && i < c->values.n_secrets; i++) {
        struct doc_node *name = make(c, DOC_SCALAR, NULL, c->values.secrets[i]);
        if (name) tree_add(list, name);
    }
    if (list) tree_add(c->extras, list);
}

static void build(struct composer *c, struct doc_node *root)
{
    if (root->kind != DOC_MAP) {
        place_fault(&c->first.faults, NULL, root, "it must be a map");
        return;
    }
    c->values.faults = &c->first.faults;
    take_extras(c, root);
    if (!c->extras) return;
    values_resolve(&c->values, root);
    take_receivers(c, root);
    export_metrics(c, root);
    const struct doc_node *health = doc_get(doc_get(root, "extensions"), "health_check");
    if (health)
        place_fault(&c->first.faults, NULL, health, "health_check is for Phoenix to set: leave it out");
    add_part(c, PART_OWN, OWN, root, MERGE_OWN, NULL);
    add_part(c, PART_DEFAULTS, DEFAULTS, root, MERGE_DEFAULT, NULL);
    list_secrets(c);
}

static phx_status put_files(struct composer *c, const phx_sink *out)
{
    size_t n = 0, extras_n = 0;
    char *config = write_yaml(c->doc.root, &n), *extras = write_json(c->extras, &extras_n);
    phx_status status = PHX_E_NOMEM;
    if (config && extras) status = out->put(out, "file", phx_text(CONFIG_FILE), (phx_str){ config, n });
    if (status == PHX_OK)
        status = out->put(out, "file", phx_text(EXTRAS_FILE), (phx_str){ extras, extras_n });
    free(config);
    free(extras);
    return status;
}

phx_status compose(const phx_host *host, phx_str pipeline, const phx_sink *out)
{
    struct composer c = { .out_of_memory = false };
    doc_first_init(&c.first);
    phx_status status = PHX_OK;
    if (doc_parse(&c.doc, pipeline.p, pipeline.n, &c.first.faults)) build(&c, c.doc.root);
    if (c.out_of_memory || c.values.out_of_memory) status = phx_failf(host, PHX_E_NOMEM, "out of memory");
    else if (c.first.faults.n)
        status = phx_failf(host, PHX_E_CONFIG, "the pipeline is not one of a collector: %s", c.first.text);
    else status = put_files(&c, out);
    doc_done(&c.doc);
    for (unsigned i = 0; i < N_PARTS; i++) doc_done(&c.parts[i]);
    return status;
}
