/* SPDX-License-Identifier: Apache-2.0 */
/* Money a month, at the price of one more unit (so that it adds up over hosts): what each arm would
 * cost if it went on as in the bucket at hand. Prices are data; see cost.md and etc/prices. */
#include <phoenix/plugin.h>
#include <stdbool.h>
#include <stdlib.h>

#define MONTH_S (30.4375 * 86400)
#define GIB 1073741824.0

enum { POINTS, SERIES, BYTES, CPU, RSS, METERS };

/* What a price is for, as it stands in a price table, and how many measured units are in one of it. */
static const struct {
    const char *price;
    double units;
} meters[METERS] = {
    [POINTS] = { "prices.samples_million", 1e6 },
    [SERIES] = { "prices.series_thousand_month", 1e3 },
    [BYTES] = { "prices.gb_ingested", 1e9 },
    [CPU] = { "prices.core_month", 1 },
    [RSS] = { "prices.gib_ram_month", GIB },
};

struct phx_self {
    double price[METERS]; /* of one measured unit */
    bool priced;          /* without a table nothing is known, which is not the same as free */
};

static const phx_kpi_input points = {
    .size = sizeof points, .reduce = PHX_INCREASE, .name = "points_total", .unit = "1"
};
static const phx_kpi_input series = {
    .size = sizeof series, .reduce = PHX_MEAN, .name = "series", .unit = "1"
};
static const phx_kpi_input bytes = {
    .size = sizeof bytes, .reduce = PHX_INCREASE, .name = "bytes_total", .unit = "By"
};
static const phx_kpi_input cpu = {
    .size = sizeof cpu, .reduce = PHX_INCREASE, .name = "cpu_seconds_total", .unit = "s"
};
static const phx_kpi_input rss = {
    .size = sizeof rss, .reduce = PHX_MEAN, .name = "rss_bytes", .unit = "By"
};
/* In the order of the meters. */
static const phx_kpi_input *const inputs[] = { &points, &series, &bytes, &cpu, &rss, NULL };

static phx_status create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    phx_self *self = calloc(1, sizeof *self);
    if (!self) return PHX_E_NOMEM;
    for (int m = 0; m < METERS; m++) {
        self->price[m] = host->cfg_num(cfg, meters[m].price, 0) / meters[m].units;
        self->priced = self->priced || self->price[m] > 0;
    }
    *ret = self;
    return PHX_OK;
}

static void destroy(phx_self *self)
{
    free(self);
}

static phx_status cells(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    double seconds = (double)w->bucket_ns / 1e9, month = MONTH_S / seconds;
    if (!self->priced) return PHX_E_CONFIG;
    for (uint64_t i = 0; i < w->n; i++) {
        double flow = w->in[POINTS][i] * self->price[POINTS] + w->in[BYTES][i] * self->price[BYTES];
        double stock = w->in[SERIES][i] * self->price[SERIES] + w->in[RSS][i] * self->price[RSS];
        double cores = w->in[CPU][i] / seconds;
        phx_status st = out->cell(out, i, flow * month + stock + cores * self->price[CPU], 1);
        if (st != PHX_OK) return st;
    }
    return PHX_OK;
}

static const phx_kpi_ops ops = {
    .size = sizeof ops,
    .estimand = PHX_TOTAL,
    .better = PHX_LOWER_IS_BETTER,
    .unit = "{money}/mo",
    .inputs = inputs,
    .cells = cells,
};

/* A price table, whole: the files of etc/prices are configs of this component. */
#define TEXT(help) "{\"type\":\"string\",\"maxLength\":500,\"description\":\"" help "\"}"
#define PRICE(help) "{\"type\":\"number\",\"minimum\":0,\"maximum\":1e9,\"description\":\"" help "\"}"
static const char schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"id\":" TEXT("name of the table") ","
    "\"vendor\":" TEXT("whose prices") ","
    "\"currency\":" TEXT("ISO 4217") ","
    "\"as_of\":" TEXT("date of the prices") ","
    "\"evidence\":" TEXT("vendor_page, vendor_doc, second-hand, contract or example") ","
    "\"source\":" TEXT("where they were read") ","
    "\"note\":" TEXT("what the table leaves out") ","
    "\"prices\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"samples_million\":" PRICE("a million samples ingested") ","
    "\"series_thousand_month\":" PRICE("a thousand series that are active for a month") ","
    "\"gb_ingested\":" PRICE("a gigabyte (1e9) of exposition ingested") ","
    "\"core_month\":" PRICE("a core of the monitored host for a month") ","
    "\"gib_ram_month\":" PRICE("a GiB of the monitored host's memory for a month") "}}}}";

static const phx_component component = {
    .size = sizeof component,
    .kind = PHX_KPI,
    .name = "cost",
    .summary = "money a month by a price table",
    .schema = schema,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
};
static const phx_component *const all[] = { &component, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.kpi-cost",
    .version = "0.1.0",
    .summary = "money a month by a price table",
    .license = "Apache-2.0",
    .vendor = "Phoenix",
    .components = all,
};
