/* SPDX-License-Identifier: Apache-2.0 */
/* The native collector's backend: text in, words out. Nothing here starts, opens or reads anything. */
#include "phoenix/plugin.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static phx_str text_of(const char *z)
{
    return (phx_str){ z, strlen(z) };
}

__attribute__((format(printf, 3, 4)))
static phx_status fail(phx_self *self, phx_status status, const char *fmt, ...)
{
    char why[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    if (PHX_HAS(self->host, phx_host, fail)) self->host->fail(self->host, status, text_of(why));
    return status;
}

/* The first fault of a document, for the one sentence that fail() carries. */
struct first_fault {
    char text[320];
};

static void on_first_fault(void *arg, unsigned line, unsigned column, const char *text)
{
    struct first_fault *first = arg;
    if (!first->text[0]) (void)snprintf(first->text, sizeof first->text, "%u:%u: %s", line, column, text);
}

static phx_status native_render(phx_self *self, phx_str text, const phx_sink *out)
{
    struct first_fault first = { "" };
    struct doc_faults faults = { on_first_fault, &first, 0 };
    struct pipeline pipeline;
    if (!pipeline_parse(&pipeline, text.p, text.n, &faults))
        return fail(self, PHX_E_CONFIG, "the pipeline is not a native one: %s", first.text);
    size_t len = 0;
    char *yaml = pipeline_write(&pipeline, &len);
    if (!yaml) return fail(self, PHX_E_NOMEM, "out of memory");
    phx_status status = out->put(out, "file", PHX_LIT(CONFIG_NAME), (phx_str){ yaml, len });
    free(yaml);
    return status;
}

struct report {
    const phx_sink *out;
    phx_status status;
};

static void on_fault(void *arg, unsigned line, unsigned column, const char *text)
{
    struct report *report = arg;
    char where[32];
    (void)snprintf(where, sizeof where, "%u:%u", line, column);
    phx_status status = report->out->put(report->out, "error", text_of(where), text_of(text));
    if (status && !report->status) report->status = status;
}

static phx_status native_check(phx_self *self, phx_str config, const phx_sink *out)
{
    struct report report = { out, PHX_OK };
    struct doc_faults faults = { on_fault, &report, 0 };
    struct pipeline pipeline;
    (void)pipeline_parse(&pipeline, config.p, config.n, &faults);
    return report.status;
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

/* Words go out until one is refused; what follows is then left out. */
struct words {
    const phx_sink *out;
    phx_status status;
};

__attribute__((format(printf, 4, 5)))
static void put(struct words *w, const char *what, const char *key, const char *fmt, ...)
{
    char text[4352]; /* a path may have PATH_MAX bytes */
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (w->status) return;
    if (n < 0 || (size_t)n >= sizeof text) w->status = PHX_E_LIMIT;
    else w->status = w->out->put(w->out, what, text_of(key), (phx_str){ text, (size_t)n });
}

static void put_plan(struct words *w, const struct deploy *d)
{
    const char *open = strchr(d->address, ':') ? "[" : "", *close = *open ? "]" : "";
    unsigned port = (unsigned)d->port;
    put(w, "arg", "", "%s/phoenix-collector", d->libexec_dir);
    put(w, "arg", "", "--config=%s/%s", d->dir, d->config);
    put(w, "arg", "", "--listen=%s%s%s:%u", open, d->address, close, port);
    put(w, "verify-arg", "", "%s/phoenix-collector", d->libexec_dir);
    put(w, "verify-arg", "", "--config=%s/%s", d->dir, d->config);
    put(w, "verify-arg", "", "--validate");
    put(w, "ready", "http", "http://%s%s%s:%u/healthz", open, d->address, close, port);
    put(w, "metrics", "prometheus", "http://%s%s%s:%u/metrics", open, d->address, close, port);
    put(w, "stop-signal", "", "TERM");
}

static phx_status native_launch(phx_self *self, phx_str text, const phx_sink *out)
{
    struct first_fault first = { "" };
    struct doc_faults faults = { on_first_fault, &first, 0 };
    struct doc doc;
    if (!doc_parse(&doc, text.p, text.n, &faults))
        return fail(self, PHX_E_INVAL, "the deploy document is not JSON: %s", first.text);
    struct deploy deploy;
    struct words words = { out, PHX_OK };
    if (deploy_read(&deploy, doc.root)) put_plan(&words, &deploy);
    else
        words.status = fail(self, PHX_E_INVAL, "the deploy document lacks one of dir, libexec_dir, address, "
                                               "port, files[0].name, or it is out of range");
    doc_done(&doc);
    return words.status;
}

/* The collector reads its config once, at its start: any difference is a restart. */
static phx_status native_reload(phx_self *self, phx_str old, phx_str text, const phx_sink *out)
{
    if (old.n == text.n && !memcmp(old.p, text.p, text.n)) return PHX_OK;
    return out->put(out, "restart", PHX_LIT(""), PHX_LIT(""));
}

static uint32_t judge(const struct doc_node *seen, char why[160])
{
    bool alive = false, ready = false;
    uint64_t failures = 0, signo = 0, code = 0;
    (void)doc_bool(doc_get(seen, "alive"), &alive);
    (void)doc_bool(doc_get(seen, "ready"), &ready);
    (void)doc_uint(doc_get(seen, "probe_failures"), &failures);
    if (!alive) {
        if (doc_uint(doc_get(seen, "signal"), &signo) && signo)
            (void)snprintf(why, 160, "it was ended by signal %llu", (unsigned long long)signo);
        else if (doc_uint(doc_get(seen, "exit_code"), &code))
            (void)snprintf(why, 160, "it ended with status %llu", (unsigned long long)code);
        else
            (void)snprintf(why, 160, "it does not run");
        return PHX_DOWN;
    }
    if (!ready) {
        (void)snprintf(why, 160, "it has not answered /healthz yet");
        return PHX_STARTING;
    }
    if (!failures) return PHX_UP;
    (void)snprintf(why, 160, "%llu probes in a row failed", (unsigned long long)failures);
    return PHX_DEGRADED;
}

static phx_status native_health(phx_self *self, phx_str text, const phx_sink *out, uint32_t *state)
{
    struct first_fault first = { "" };
    struct doc_faults faults = { on_first_fault, &first, 0 };
    struct doc doc;
    if (!doc_parse(&doc, text.p, text.n, &faults))
        return fail(self, PHX_E_INVAL, "what was seen is not JSON: %s", first.text);
    char why[160] = "";
    *state = judge(doc.root, why);
    doc_done(&doc);
    return why[0] ? out->put(out, "reason", PHX_LIT(""), text_of(why)) : PHX_OK;
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
