/* SPDX-License-Identifier: Apache-2.0 */
/* A reading is a row of range queries, each for a span that should fill an answer by a quarter; one whose
 * answer is too large all the same is asked again by halves. The answers are taken apart on the lane, since
 * megabytes would hold up the loop. */
#include "core/api/prom.h"

#include <stdlib.h>
#include <utlist.h>
#include "config.h"
#include "core/api/prom_query.h"
#include "core/api/prom_rows.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/fetch.h"

enum { SAMPLE_BYTES = 32, URL_MAX = 400, WORDS_MAX = 120 };
#define SPAN_MIN_NS NS_PER_S

struct reading {
    struct prom *prom;
    struct reading *prev, *next;
    const struct prom_ask *ask;
    prom_done_fn *done;
    void *arg;
    int64_t at_ns, span_ns;  /* the span that is asked for */
    int64_t deadline_mono;
    struct fetch *call;
    struct buf body, answer;
    struct prom_rows *rows;
    struct err err;
    int rc;
};
struct prom {
    struct loop *loop;
    struct fetcher *fetcher;
    char url[URL_MAX + 32];
    int64_t timeout_ns, interval_ns;
    struct reading *readings;
    bool is_away, is_draining;
};

static void read_on(struct reading *r);

struct prom *prom_new(const struct api *api, struct err *err)
{
    const struct settings *set = api->settings;
    struct str url = str_of(set->prometheus_url);
    while (url.n > 0 && url.p[url.n - 1] == '/') url.n--;
    if ((!str_starts(url, "http://") && !str_starts(url, "https://")) || url.n > URL_MAX) {
        err_set(err, ERR_CONFIG, "prometheus.url: \"%s\" is not an http or https URL", set->prometheus_url);
        return NULL;
    }
    struct prom *p = mem_alloc(sizeof *p);
    p->loop = api->loop;
    p->fetcher = fetcher_new(api->loop, "phoenix-api/" PACKAGE_VERSION, err);
    if (!p->fetcher) {
        free(p);
        return NULL;
    }
    p->timeout_ns = set->prometheus_timeout;
    p->interval_ns = set->prometheus_interval;
    str_copy(p->url, sizeof p->url, url);
    str_copy(p->url + url.n, sizeof p->url - url.n, STR("/api/v1/query"));
    return p;
}

void prom_free(struct prom *p)
{
    if (!p) return;
    fetcher_free(p->fetcher);
    free(p);
}

/* ---- the end of a reading */

static void free_rows(void *rows)
{
    prom_rows_free(rows);
}

static void note_end(struct reading *r)
{
    struct prom *p = r->prom;
    struct log_ctx ctx = { .exp = r->ask->experiment_id };
    bool is_away = r->rc != 0;
    if (is_away && !p->is_away && !p->is_draining)
        log_error(EV_PROMETHEUS_AWAY, &ctx, &r->err, "could not read samples from %s", p->url);
    if (!is_away && p->is_away) log_event(EV_PROMETHEUS_BACK, &ctx, "%s", p->url);
    p->is_away = is_away;
}

static void on_end(void *arg)
{
    struct reading *r = arg;
    size_t n = 0;
    const struct sample *samples = NULL;
    if (r->rc == 0) samples = prom_rows_samples(r->rows, &n);
    if (r->rc == 0 && n == 0 && prom_rows_foreign(r->rows) > 0)
        r->rc = err_set(&r->err, ERR_INVALID,
                        "Prometheus has series of the experiment, but none of its hosts: scrape the "
                        "Pushgateway with honor_labels: true");
    note_end(r);
    DL_DELETE(r->prom->readings, r);
    buf_done(&r->body);
    buf_done(&r->answer);
    r->done(r->arg, samples, n, r->rc ? &r->err : NULL);
}

static void read_end(struct reading *r, int rc)
{
    r->rc = rc;
    loop_defer(r->prom->loop, on_end, r);
}

/* ---- answers */

/* What Prometheus says is wrong, in its own words. */
static int refuse(struct reading *r, const struct fetch_reply *reply)
{
    const struct json_limits limits = { .max_bytes = 64 << 10, .max_depth = 8, .max_nodes = 1000 };
    CLEANUP_JSON struct json *doc = json_parse(reply->body, &limits, NULL);
    const char *words = json_get_str(doc, "error", "");
    enum err_code code = reply->status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
    return err_set(&r->err, code, "Prometheus answers %d%s%.*s", reply->status, *words ? ": " : "", WORDS_MAX,
                   words);
}

static void parse(void *arg)
{
    struct reading *r = arg;
    r->rc = prom_rows_add(r->rows, buf_str(&r->answer), &r->err);
}

static void on_parsed(void *arg, int32_t status)
{
    struct reading *r = arg;
    if (status != 0) r->rc = err_set(&r->err, ERR_CANCELLED, "the analysis was cancelled");
    r->at_ns += r->span_ns;
    if (r->rc != 0 || r->at_ns >= r->ask->to_ns) read_end(r, r->rc);
    else read_on(r);
}

static void on_answer(void *arg, const struct fetch_reply *reply)
{
    struct reading *r = arg;
    r->call = NULL;
    if (reply->rc == ERR_LIMIT && r->span_ns > SPAN_MIN_NS) {
        r->span_ns /= 2;
        read_on(r);
    } else if (reply->rc != 0) {
        read_end(r, err_set(&r->err, (enum err_code)reply->rc, "Prometheus: %s", reply->why));
    } else if (reply->status != 200) {
        read_end(r, refuse(r, reply));
    } else {
        buf_reset(&r->answer);
        buf_add_str(&r->answer, reply->body);
        lane_run(r->ask->lane, parse, on_parsed, r);
    }
}

/* ---- questions */

static void read_on(struct reading *r)
{
    static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded", NULL };
    struct prom *p = r->prom;
    int64_t left_ns = r->deadline_mono - clock_mono(), end_ns = r->at_ns + r->span_ns;
    if (end_ns > r->ask->to_ns) end_ns = r->ask->to_ns;
    if (p->is_draining || left_ns <= 0) {
        read_end(r, p->is_draining ? err_set(&r->err, ERR_CANCELLED, "the program is ending")
                                   : err_set(&r->err, ERR_TIMEOUT, "Prometheus needs longer than "
                                                                   "prometheus.timeout for the experiment"));
        return;
    }
    buf_reset(&r->body);
    prom_query_arms(r->ask->experiment_id, r->at_ns, end_ns, &r->body);
    struct fetch_req req = { .method = "POST",
                             .url = p->url,
                             .headers = headers,
                             .body = buf_str(&r->body),
                             .timeout_ns = left_ns,
                             .max_reply = LIMIT_PROMETHEUS_BYTES };
    r->call = fetch_start(p->fetcher, &req, on_answer, r, &r->err);
    if (!r->call) read_end(r, r->err.code);
}

void prom_read(struct prom *p, const struct prom_ask *ask, prom_done_fn *done, void *arg)
{
    struct reading *r = arena_alloc(ask->arena, sizeof *r);
    *r = (struct reading){ .prom = p, .ask = ask, .done = done, .arg = arg, .at_ns = ask->from_ns };
    size_t tick_bytes = (ask->n_hosts + 1) * ARM_COUNT * (MEASURE_COUNT + 1) * SAMPLE_BYTES;
    int64_t ticks = (int64_t)(LIMIT_PROMETHEUS_BYTES / 4 / tick_bytes);
    r->span_ns = ticks * p->interval_ns > SPAN_MIN_NS ? ticks * p->interval_ns : SPAN_MIN_NS;
    r->deadline_mono = clock_mono() + p->timeout_ns;
    buf_init(&r->body, 8192);
    buf_init(&r->answer, LIMIT_PROMETHEUS_BYTES + 1);
    r->rows = prom_rows_new(ask->hosts, ask->n_hosts);
    arena_on_free(ask->arena, free_rows, r->rows);
    DL_APPEND(p->readings, r);
    read_on(r);
}

void prom_drain(struct prom *p)
{
    struct reading *r;
    p->is_draining = true;
    DL_FOREACH(p->readings, r) {
        if (r->call) fetch_cancel(r->call);
    }
}
