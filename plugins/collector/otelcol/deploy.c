/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/collector/otelcol/deploy.h"
#include <phoenix/helpers.h>
#include <stdlib.h>
#include "plugins/collector/common/words.h"
#include "plugins/collector/otelcol/compose.h"
#include "plugins/collector/otelcol/extras.h"
#include "plugins/collector/otelcol/write.h"

#define NAMES_FILE "names.yaml"
/* An empty list of names would let all processes in. No process has this name: it is too long for one. */
#define NOBODY "no process has been ranked yet"

/* Ports of an instance, in the order of the deploy document. */
enum port { PORT_EXPORT, PORT_TELEMETRY, PORT_HEALTH, PORT_HTTP, PORT_GRPC, N_PORTS };
static const char *const PORT_VARIABLES[N_PORTS] = {
    "PHX_EXPORT_PORT", "PHX_TELEMETRY_PORT", "PHX_HEALTH_PORT", "PHX_OTLP_HTTP_PORT", "PHX_OTLP_GRPC_PORT",
};

/* A deploy document and the file of extras in it; texts are borrowed from the two. */
struct deploy {
    struct doc doc, extras;
    const char *dir;
    char address[72]; /* as in a URL */
    unsigned ports[N_PORTS];
};

static bool read_ports(struct deploy *d, const struct doc_node *list)
{
    unsigned n = 0;
    const struct doc_node *item = list && list->kind == DOC_LIST ? list->child : NULL;
    for (uint64_t port; item && n < N_PORTS && doc_uint(item, &port) && port && port <= UINT16_MAX;
         item = item->next)
        d->ports[n++] = (unsigned)port;
    return n == N_PORTS;
}

static bool read_extras(struct deploy *d, const struct doc_node *files)
{
    struct doc_faults faults = { 0 };
    const struct doc_node *file = files ? files->child : NULL;
    while (file && strcmp(doc_text(file, "name", ""), EXTRAS_FILE)) file = file->next;
    const char *text = file ? doc_text(file, "content", "") : "{}";
    return doc_parse(&d->extras, text, strlen(text), &faults) && d->extras.root->kind == DOC_MAP;
}

static void deploy_done(struct deploy *d)
{
    doc_done(&d->doc);
    doc_done(&d->extras);
}

/* What is read must be ended with deploy_done(), whether it was good or not. */
static phx_status deploy_read(const phx_host *host, struct deploy *d, phx_str text)
{
    struct doc_first first;
    doc_first_init(&first);
    *d = (struct deploy){ .dir = "" };
    if (!doc_parse(&d->doc, text.p, text.n, &first.faults))
        return phx_failf(host, PHX_E_INVAL, "the deploy document is not JSON: %s", first.text);
    const struct doc_node *root = d->doc.root;
    const char *address = doc_text(root, "address", "");
    d->dir = doc_text(root, "dir", "");
    bool is_v6 = strchr(address, ':');
    (void)snprintf(d->address, sizeof d->address, is_v6 ? "[%s]" : "%s", address);
    if (d->dir[0] != '/' || !address[0] || !read_ports(d, doc_get(root, "ports")))
        return phx_failf(host, PHX_E_INVAL, "the deploy document lacks one of dir, address and %d ports",
                         N_PORTS);
    if (!read_extras(d, doc_get(root, "files")))
        return phx_failf(host, PHX_E_INVAL, "the file " EXTRAS_FILE " of the deploy document is not JSON");
    return PHX_OK;
}

/* --------------------------------------------------------------------------------------- launch */

static void put_json(struct words *w, const char *what, const struct doc_node *node)
{
    size_t n;
    char *text = write_json(node, &n);
    if (!text) w->status = PHX_E_NOMEM;
    if (!w->status) w->status = w->out->put(w->out, what, PHX_LIT(""), (phx_str){ text, n });
    free(text);
}

static bool has_rank(const struct deploy *d)
{
    return doc_get(d->extras.root, "rank") && doc_get(d->extras.root, "ranked");
}

/* One argument for all gates: those of the document, and what makes a new list of names cheap. */
static void put_gates(struct words *w, const char *word, const struct deploy *d)
{
    char text[2048];
    size_t n = 0;
    const struct doc_node *gates = doc_get(d->extras.root, "gates");
    text[0] = 0;
    if (has_rank(d)) n = (size_t)snprintf(text, sizeof text, "service.partialReload");
    for (const struct doc_node *gate = gates ? gates->child : NULL; gate && n < sizeof text;
         gate = gate->next)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? "," : "", gate->text ? gate->text : "");
    if (n >= sizeof text) w->status = PHX_E_LIMIT;
    else if (n) words_put(w, word, "", "--feature-gates=%s", text);
}

static void put_configs(struct words *w, const char *word, const struct deploy *d)
{
    words_put(w, word, "", "--config=%s/" CONFIG_FILE, d->dir);
    if (has_rank(d)) words_put(w, word, "", "--config=%s/" NAMES_FILE, d->dir);
    put_gates(w, word, d);
}

static void put_environment(struct words *w, const struct deploy *d)
{
    const struct doc_node *root = d->doc.root, *secrets = doc_get(d->extras.root, "secrets");
    uint64_t memory_mib;
    words_put(w, "env", "PHX_ADDRESS", "%s", d->address);
    for (unsigned i = 0; i < N_PORTS; i++) words_put(w, "env", PORT_VARIABLES[i], "%u", d->ports[i]);
    words_put(w, "env", "PHX_HOST_ID", "%s", doc_text(root, "host_id", ""));
    words_put(w, "env", "PHX_EXPERIMENT", "%s", doc_text(root, "experiment_id", ""));
    words_put(w, "env", "PHX_VARIANT", "%s", doc_text(root, "variant", ""));
    if (doc_uint(doc_get(d->extras.root, "memory_mib"), &memory_mib))
        words_put(w, "env", "GOMEMLIMIT", "%lluMiB", (unsigned long long)memory_mib);
    unsigned n = 0;
    for (const struct doc_node *s = secrets ? secrets->child : NULL; s; s = s->next) {
        char variable[32];
        (void)snprintf(variable, sizeof variable, "PHX_SECRET_%u", ++n);
        words_put(w, "secret", variable, "%s", s->text ? s->text : "");
    }
}

/* The overlay of the config that lets the process scraper see the ranked names only. */
static void put_names(struct words *w, const struct deploy *d)
{
    const struct doc_node *processes = doc_get(d->doc.root, "processes");
    const struct doc_node *receivers = doc_get(d->extras.root, "ranked");
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        w->status = PHX_E_NOMEM;
        return;
    }
    fputs("receivers:\n", out);
    for (const struct doc_node *r = receivers->child; r; r = r->next) {
        fputs("  ", out);
        write_quoted(out, r->text ? r->text : "", NULL);
        fputs(":\n    scrapers:\n      process:\n        include:\n          match_type: strict\n"
              "          names:\n            - \"" NOBODY "\"\n",
              out);
        for (const struct doc_node *p = processes ? processes->child : NULL; p; p = p->next) {
            fputs("            - ", out);
            write_quoted(out, p->text ? p->text : "", "$"); /* the collector's own sign */
            putc('\n', out);
        }
    }
    bool ok = !ferror(out);
    if (fclose(out) || !ok) w->status = PHX_E_NOMEM;
    if (!w->status) w->status = w->out->put(w->out, "file", phx_text(NAMES_FILE), (phx_str){ text, n });
    free(text);
}

static void put_urls(struct words *w, const struct deploy *d)
{
    words_put(w, "ready", "http", "http://%s:%u/", d->address, d->ports[PORT_HEALTH]);
    words_put(w, "metrics", "prometheus", "http://%s:%u/metrics", d->address, d->ports[PORT_EXPORT]);
    words_put(w, "metrics", "self", "http://%s:%u/metrics", d->address, d->ports[PORT_TELEMETRY]);
    if (doc_get(d->extras.root, "otlp_http"))
        words_put(w, "otlp", "http", "http://%s:%u", d->address, d->ports[PORT_HTTP]);
}

phx_status deploy_launch(const phx_host *host, const char *const *programs, phx_str text,
                         const phx_sink *out)
{
    struct deploy d;
    struct words w = { out, deploy_read(host, &d, text) };
    if (!w.status) {
        for (; *programs; programs++) words_put(&w, "program", "", "%s", *programs);
        put_configs(&w, "arg", &d);
        words_put(&w, "verify-arg", "", "validate");
        put_configs(&w, "verify-arg", &d);
        put_environment(&w, &d);
        put_urls(&w, &d);
        words_put(&w, "stop-signal", "", "TERM");
        if (has_rank(&d)) {
            put_names(&w, &d);
            put_json(&w, "rank", doc_get(d.extras.root, "rank"));
        }
    }
    deploy_done(&d);
    return w.status;
}

/* --------------------------------------------------------------------------------------- reload */

/* Equal but for the list of ranked processes? */
static bool same_but_processes(struct deploy *a, struct deploy *b)
{
    struct doc_node *x = tree_take(a->doc.root, "processes"), *y = tree_take(b->doc.root, "processes");
    bool same = tree_equal(a->doc.root, b->doc.root);
    if (x) tree_add(a->doc.root, x);
    if (y) tree_add(b->doc.root, y);
    return same;
}

phx_status deploy_reload(const phx_host *host, phx_str old_text, phx_str text, const phx_sink *out)
{
    struct deploy old, d;
    struct words w = { out, PHX_OK };
    if (old_text.n == text.n && !memcmp(old_text.p, text.p, text.n)) return PHX_OK;
    phx_status old_status = deploy_read(host, &old, old_text);
    w.status = deploy_read(host, &d, text);
    if (!w.status) w.status = old_status;
    if (!w.status && !same_but_processes(&old, &d)) {
        words_put(&w, "restart", "", "%s", "");
    } else if (!w.status && has_rank(&d)) {
        put_names(&w, &d);
        words_put(&w, "signal", "", "HUP");
    }
    deploy_done(&old);
    deploy_done(&d);
    return w.status;
}
