/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin: its components and their parameters. Each profile is a description of the kind that `custom`
 * takes, with its parameters filled in; so what a profile does can be said, and copied and changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "phoenix/helpers.h"
#include "plugins/otlpgen/describe.h"
#include "plugins/otlpgen/gen.h"

/* ---- what all profiles share */

/* What the host's environment says its operator says: that may be any address, as that of a bridge. */
static bool find_endpoint(const phx_host *host, const phx_cfg *cfg, struct endpoint *ret, char *why,
                          size_t n_why)
{
    const char *asked = host->cfg_str(cfg, "endpoint", ""), *given = getenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    if (asked[0]) return endpoint_parse(asked, getenv("PHOENIX_LOAD_TARGETS"), ret, why, n_why);
    if (given && given[0]) return endpoint_parse(given, "*", ret, why, n_why);
    return endpoint_parse("http://127.0.0.1:4318", NULL, ret, why, n_why);
}

/* The host's name tells apart what several hosts send to one place; a description may say otherwise. */
static bool name_host(struct plan *p)
{
    char name[PLAN_NAME_BYTES + 1] = "";
    for (unsigned i = 0; i < p->n_resource; i++)
        if (!strcmp(p->resource[i][0], "host.name")) return true;
    if (p->n_resource == PLAN_LABELS || gethostname(name, sizeof name - 1) || !name[0]) return true;
    char **pair = p->resource[p->n_resource++];
    pair[0] = strdup("host.name");
    pair[1] = strdup(name);
    return pair[0] && pair[1];
}

static phx_status create_described(const phx_host *host, const phx_cfg *cfg, const char *text, phx_self **ret)
{
    struct gen_conf conf = {
        .batch = (uint64_t)host->cfg_int(cfg, "batch", 5000),
        .connections = (unsigned)host->cfg_int(cfg, "connections", 2),
        .flush_s = host->cfg_num(cfg, "flush_s", 0.2),
        .retry_s = host->cfg_num(cfg, "retry_s", 10),
        .timeout_ms = (long)(host->cfg_num(cfg, "timeout_s", 10) * 1000),
    };
    char why[400];
    struct doc_first first;
    if (!find_endpoint(host, cfg, &conf.endpoint, why, sizeof why))
        return phx_failf(host, PHX_E_CONFIG, "%s", why);
    doc_first_init(&first);
    if (!describe(text, strlen(text), &conf.plan, &first.faults))
        return phx_failf(host, PHX_E_CONFIG, "description:%s", first.text);
    if (!name_host(&conf.plan)) {
        plan_done(&conf.plan);
        return PHX_E_NOMEM;
    }
    return gen_new(host, &conf, ret);
}

#define INT(name, dflt, min, max, help)                                                                  \
    "\"" name "\":{\"type\":\"integer\",\"default\":" dflt ",\"minimum\":" min ",\"maximum\":" max      \
    ",\"description\":\"" help "\"},"
#define NUM(name, dflt, min, max, help)                                                                  \
    "\"" name "\":{\"type\":\"number\",\"default\":" dflt ",\"minimum\":" min ",\"maximum\":" max       \
    ",\"description\":\"" help "\"},"
#define SHARED                                                                                           \
    INT("batch", "5000", "1", "50000", "points of a request, at most")                                   \
    INT("connections", "2", "1", "8", "requests under way at once, at most")                             \
    NUM("flush_s", "0.2", "0", "10", "seconds that a point waits for others to fill a request")          \
    NUM("timeout_s", "10", "0.1", "300", "seconds until a request without an answer has failed")         \
    NUM("retry_s", "10", "0", "300", "seconds that a request is tried again when it is told to wait")    \
    "\"endpoint\":{\"type\":\"string\",\"default\":\"\",\"maxLength\":512,\"description\":"              \
    "\"OTLP/HTTP, as http://127.0.0.1:4318; empty: that of the host (its collectors, if they take OTLP)\"}"
#define SCHEMA(rows) "{\"type\":\"object\",\"properties\":{" rows SHARED "}"
#define COMPONENT(id, text, its_schema, make)                                                            \
    {                                                                                                    \
        .size = sizeof(phx_component), .kind = PHX_LOAD, .name = id, .summary = text,                    \
        .schema = its_schema, .ops = &GEN_OPS, .create = make, .destroy = gen_free, .needs = NEEDS       \
    }
static const char *const NEEDS[] = { PHX_LOOP, NULL };

/* ---- otlp-steady and otlp-spike: a service as people instrument it */

static const char SERVICE_METRICS[] =
    "resource: {service.name: phoenix-load}\n"
    "metrics:\n"
    "  - name: http.server.requests\n"
    "    type: sum\n"
    "    unit: '{request}'\n"
    "    labels:\n"
    "      instance: {count: %lld, prefix: i-}\n"
    "      zone: {values: [a, b, c], depends_on: instance}\n"
    "      route: [/, /cart, /checkout, /search]\n"
    "      status: ['200', '404', '500']\n"
    "  - name: http.server.request.duration\n"
    "    type: histogram\n"
    "    unit: s\n"
    "    labels:\n"
    "      instance: {count: %lld, prefix: i-}\n"
    "      zone: {values: [a, b, c], depends_on: instance}\n"
    "      route: [/, /cart, /checkout, /search]\n"
    "  - name: process.cpu.utilization\n"
    "    type: gauge\n"
    "    max: 1\n"
    "    labels:\n"
    "      instance: {count: %lld, prefix: i-}\n"
    "      zone: {values: [a, b, c], depends_on: instance}\n";

static phx_status create_service(const phx_host *host, const phx_cfg *cfg, const char *phases, phx_self **ret)
{
    char text[2048];
    long long n = host->cfg_int(cfg, "instances", 20);
    int length = snprintf(text, sizeof text, "%s", phases);
    (void)snprintf(text + length, sizeof text - (size_t)length, SERVICE_METRICS, n, n, n);
    return create_described(host, cfg, text, ret);
}

static phx_status create_steady(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    char phases[128];
    (void)snprintf(phases, sizeof phases, "phases: [{duration: 24h, rate: %.3f}]\n",
                   host->cfg_num(cfg, "rate", 1000));
    return create_service(host, cfg, phases, ret);
}

static phx_status create_spike(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    char phases[512];
    double rate = host->cfg_num(cfg, "rate", 1000), factor = host->cfg_num(cfg, "factor", 20);
    (void)snprintf(phases, sizeof phases,
                   "phases:\n  - {duration: %.3f, rate: %.3f}\n  - {duration: %.3f, rate: %.3f}\n"
                   "  - {duration: %.3f, rate: %.3f}\n",
                   host->cfg_num(cfg, "before_s", 30), rate, host->cfg_num(cfg, "during_s", 10),
                   rate * factor, host->cfg_num(cfg, "after_s", 20), rate);
    return create_service(host, cfg, phases, ret);
}

#define INSTANCES INT("instances", "20", "1", "100000", "instances of the service; each has 17 series")
static const phx_component STEADY =
    COMPONENT("otlp-steady", "a service's metrics by OTLP, at a constant rate",
              SCHEMA(NUM("rate", "1000", "0", "1000000", "points a second") INSTANCES) "}", create_steady);
static const phx_component SPIKE =
    COMPONENT("otlp-spike", "a service's metrics by OTLP, that are twenty times as many for a while",
              SCHEMA(NUM("rate", "1000", "0", "100000", "points a second when it is calm")
                     NUM("factor", "20", "0", "50", "how many times as many in the spike")
                     NUM("before_s", "30", "0.1", "3600", "seconds of calm before")
                     NUM("during_s", "10", "0.1", "3600", "seconds of spike")
                     NUM("after_s", "20", "0.1", "3600", "seconds of calm after; then it starts over")
                     INSTANCES) "}", create_spike);

/* ---- otlp-high-cardinality: a label that should not be one */

static const char USERS[] =
    "phases: [{duration: 24h, rate: %.3f}]\n"
    "resource: {service.name: phoenix-load}\n"
    "metrics:\n"
    "  - name: app.user.requests\n"
    "    type: sum\n"
    "    unit: '{request}'\n"
    "    per_second: 0.5\n"
    "    churn: %.3f\n"
    "    labels:\n"
    "      user.id: {count: %lld, prefix: user-}\n"
    "      endpoint: {count: 50, prefix: /api/v1/r, distribution: zipf, exponent: 1.1}\n"
    "      region: {values: [eu, us, ap], depends_on: user.id}\n";

static phx_status create_cardinality(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    char text[1024];
    (void)snprintf(text, sizeof text, USERS, host->cfg_num(cfg, "rate", 5000),
                   host->cfg_num(cfg, "churn", 600), (long long)host->cfg_int(cfg, "series", 100000));
    return create_described(host, cfg, text, ret);
}

static const phx_component CARDINALITY =
    COMPONENT("otlp-high-cardinality", "one metric by OTLP with a series for each user; users change",
              SCHEMA(NUM("rate", "5000", "0", "1000000", "points a second, of one series after the other")
                     INT("series", "100000", "1", "10000000", "series at any time")
                     NUM("churn", "600", "0", "10000000", "series replaced by new ones each minute")) "}",
              create_cardinality);

/* ---- custom */

static phx_status create_custom(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    return create_described(host, cfg, host->cfg_str(cfg, "description", ""), ret);
}

static const phx_component CUSTOM =
    COMPONENT("custom", "metrics by OTLP as a description in YAML says: phases, rates, labels, churn",
              SCHEMA("\"description\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":65536,"
                     "\"description\":"
                     "\"phases and metrics in YAML; the page of the profile has the words\"},")
              ",\"required\":[\"description\"]}", create_custom);

static const phx_component *const COMPONENTS[] = { &CARDINALITY, &SPIKE, &STEADY, &CUSTOM, NULL };

PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.otlpgen",
    .version = "0.1.0",
    .summary = "load made of metrics, sent by OTLP/HTTP",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = COMPONENTS,
};
