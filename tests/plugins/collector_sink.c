/* SPDX-License-Identifier: Apache-2.0 */
/* A backend for tests of what only matters to the agent: it runs LIBEXEC/phoenix-collector, whatever that
 * is, and says that it takes OTLP where it serves its metrics, unless its file says "no otlp". */
#include <phoenix/helpers.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/collector/common/doc.h"
#include "plugins/collector/common/seen.h"
#include "plugins/collector/common/words.h"

struct phx_self {
    const phx_host *host;
};

static phx_status sink_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret) return PHX_E_NOMEM;
    (*ret)->host = host;
    return PHX_OK;
}

static void sink_destroy(phx_self *self)
{
    free(self);
}

static phx_status sink_render(phx_self *self, phx_str text, const phx_sink *out)
{
    return out->put(out, "file", PHX_LIT("collector.yaml"), text);
}

static phx_status sink_check(phx_self *self, phx_str config, const phx_sink *out)
{
    return PHX_OK;
}

static phx_status sink_launch(phx_self *self, phx_str text, const phx_sink *out)
{
    struct doc_first first;
    struct doc doc;
    struct words w = { out, PHX_OK };
    uint64_t port = 0;
    doc_first_init(&first);
    if (!doc_parse(&doc, text.p, text.n, &first.faults))
        return phx_failf(self->host, PHX_E_INVAL, "the deploy document is not JSON: %s", first.text);
    const char *address = doc_text(doc.root, "address", "");
    const struct doc_node *files = doc_get(doc.root, "files");
    const char *content = doc_text(files ? files->child : NULL, "content", "");
    (void)doc_uint(doc_get(doc.root, "port"), &port);
    words_put(&w, "arg", "", "%s/phoenix-collector", doc_text(doc.root, "libexec_dir", ""));
    words_put(&w, "arg", "", "--config=%s/collector.yaml", doc_text(doc.root, "dir", ""));
    words_put(&w, "arg", "", "--listen=%s:%u", address, (unsigned)port);
    words_put(&w, "ready", "http", "http://%s:%u/healthz", address, (unsigned)port);
    words_put(&w, "metrics", "prometheus", "http://%s:%u/metrics", address, (unsigned)port);
    if (!strstr(content, "no otlp")) words_put(&w, "otlp", "http", "http://%s:%u", address, (unsigned)port);
    doc_done(&doc);
    return w.status;
}

static phx_status sink_reload(phx_self *self, phx_str old, phx_str text, const phx_sink *out)
{
    return out->put(out, "restart", PHX_LIT(""), PHX_LIT(""));
}

static phx_status sink_health(phx_self *self, phx_str text, const phx_sink *out, uint32_t *state)
{
    return seen_health(self->host, text, out, state);
}

static const phx_collector_ops OPS = {
    .size = sizeof OPS,
    .render = sink_render,
    .check = sink_check,
    .launch = sink_launch,
    .reload = sink_reload,
    .health = sink_health,
};
static const phx_component SINK = {
    .size = sizeof SINK,
    .kind = PHX_COLLECTOR,
    .name = "sink",
    .summary = "a program that stands in for a collector that takes OTLP",
    .ops = &OPS,
    .create = sink_create,
    .destroy = sink_destroy,
};
static const phx_component *const COMPONENTS[] = { &SINK, NULL };

PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.test-sink",
    .version = "0.1.0",
    .summary = "for tests",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = COMPONENTS,
};
