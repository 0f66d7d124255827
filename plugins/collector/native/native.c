/* SPDX-License-Identifier: Apache-2.0 */
/* The native collector's backend: text in, words out. Nothing here starts, opens or reads anything. */
#include <phoenix/helpers.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/collector/common/seen.h"
#include "plugins/collector/common/words.h"
#include "plugins/collector/native/pipeline.h"

#define CONFIG_NAME "collector.yaml"

struct phx_self {
    const phx_host *host;
};

static phx_status native_create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret) return PHX_E_NOMEM;
    (*ret)->host = host;
    return PHX_OK;
}

static void native_destroy(phx_self *self)
{
    free(self);
}

static phx_status native_render(phx_self *self, phx_str text, const phx_sink *out)
{
    struct doc_first first;
    doc_first_init(&first);
    struct pipeline pipeline;
    if (!pipeline_parse(&pipeline, text.p, text.n, &first.faults))
        return phx_failf(self->host, PHX_E_CONFIG, "the pipeline is not a native one: %s", first.text);
    size_t len = 0;
    char *yaml = pipeline_write(&pipeline, &len);
    if (!yaml) return phx_failf(self->host, PHX_E_NOMEM, "out of memory");
    phx_status status = out->put(out, "file", PHX_LIT(CONFIG_NAME), (phx_str){ yaml, len });
    free(yaml);
    return status;
}

static phx_status native_check(phx_self *self, phx_str config, const phx_sink *out)
{
    struct words words = { out, PHX_OK };
    struct doc_faults faults = { words_fault, &words, 0 };
    struct pipeline pipeline;
    (void)pipeline_parse(&pipeline, config.p, config.n, &faults);
    return words.status;
}

/* What launch() needs of a deploy document; borrowed from it. */
struct deploy {
    const char *dir, *libexec_dir, *address, *config;
    uint64_t port;
};

static bool deploy_read(struct deploy *d, const struct doc_node *root)
{
    const struct doc_node *files = doc_get(root, "files");
    *d = (struct deploy){
        .dir = doc_text(root, "dir", ""),
        .libexec_dir = doc_text(root, "libexec_dir", ""),
        .address = doc_text(root, "address", ""),
        .config = doc_text(files ? files->child : NULL, "name", ""),
    };
    return d->dir[0] == '/' && d->libexec_dir[0] == '/' && d->address[0] && d->config[0] &&
           !strchr(d->config, '/') && doc_uint(doc_get(root, "port"), &d->port) && d->port > 0 &&
           d->port <= UINT16_MAX;
}

static void put_plan(struct words *w, const struct deploy *d)
{
    const char *open = strchr(d->address, ':') ? "[" : "", *close = *open ? "]" : "";
    unsigned port = (unsigned)d->port;
    words_put(w, "arg", "", "%s/phoenix-collector", d->libexec_dir);
    words_put(w, "arg", "", "--config=%s/%s", d->dir, d->config);
    words_put(w, "arg", "", "--listen=%s%s%s:%u", open, d->address, close, port);
    words_put(w, "verify-arg", "", "%s/phoenix-collector", d->libexec_dir);
    words_put(w, "verify-arg", "", "--config=%s/%s", d->dir, d->config);
    words_put(w, "verify-arg", "", "--validate");
    words_put(w, "ready", "http", "http://%s%s%s:%u/healthz", open, d->address, close, port);
    words_put(w, "metrics", "prometheus", "http://%s%s%s:%u/metrics", open, d->address, close, port);
    words_put(w, "stop-signal", "", "TERM");
}

static phx_status native_launch(phx_self *self, phx_str text, const phx_sink *out)
{
    struct doc_first first;
    doc_first_init(&first);
    struct doc doc;
    if (!doc_parse(&doc, text.p, text.n, &first.faults))
        return phx_failf(self->host, PHX_E_INVAL, "the deploy document is not JSON: %s", first.text);
    struct deploy deploy;
    struct words words = { out, PHX_OK };
    if (deploy_read(&deploy, doc.root)) put_plan(&words, &deploy);
    else
        words.status = phx_failf(self->host, PHX_E_INVAL,
                                 "the deploy document lacks one of dir, libexec_dir, address, port, "
                                 "files[0].name, or it is out of range");
    doc_done(&doc);
    return words.status;
}

/* The collector reads its config once, at its start: any difference is a restart. */
static phx_status native_reload(phx_self *self, phx_str old, phx_str text, const phx_sink *out)
{
    if (old.n == text.n && !memcmp(old.p, text.p, text.n)) return PHX_OK;
    return out->put(out, "restart", PHX_LIT(""), PHX_LIT(""));
}

static phx_status native_health(phx_self *self, phx_str text, const phx_sink *out, uint32_t *state)
{
    return seen_health(self->host, text, out, state);
}

static const phx_collector_ops OPS = {
    .size = sizeof OPS,
    .render = native_render,
    .check = native_check,
    .launch = native_launch,
    .reload = native_reload,
    .health = native_health,
};
static const phx_component NATIVE = {
    .size = sizeof NATIVE,
    .kind = PHX_COLLECTOR,
    .name = "native",
    .summary = "phoenix-collector: processes and host totals from /proc, as Prometheus text",
    .ops = &OPS,
    .create = native_create,
    .destroy = native_destroy,
};
static const phx_component *const COMPONENTS[] = { &NATIVE, NULL };

PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.collector-native",
    .version = "0.1.0",
    .summary = "the collector backend that comes with Phoenix",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = COMPONENTS,
};
