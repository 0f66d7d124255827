/* SPDX-License-Identifier: Apache-2.0 */
/* A reading goes: is there such an experiment? -> a page of rows, by host and arm -> on the lane: parsed
 * and added -> the next page ... -> the answer, also made on the lane. Arms are compared on the same
 * hosts: a host that told of one arm only is left out, unless one arm is all that was asked for. */
#include "core/api/censuses.h"
#include <stdlib.h>

#include "core/api/handlers.h"
#include "core/api/kpi_config.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/experiment/census.h"
#include "core/loop/lane.h"

enum { READINGS_MAX = 4, PAGE_ROWS = 64, LIMIT_DEFAULT = 20 };
#define ANSWER_MAX (16 << 20)

struct censuses {
    struct api *api;
    struct lane *lane;
    struct json *prices;        /* NULL: not read, or not needed */
    const struct json *config;  /* of the KPI that knows what things cost */
    struct instance *cost;      /* NULL: there is none */
    unsigned flows;             /* that cost something */
    unsigned n_readings;
};
/** The rows of one host. */
struct telling {
    struct str census[ARM_COUNT];
};
struct reading {
    struct censuses *part;
    struct request *rq;
    const char *experiment_id, *host;
    bool is_cost;
    struct census_view view;
    struct census_sum *sum;
    unsigned hosts, left_out;
    char after[64]; /* host */
    bool is_last;   /* page */
    struct arena *page; /* what the lane works on */
    struct telling *tellings;
    size_t n_tellings;
    struct buf answer;
    struct err err;
};

/* ---- the end of a reading */

static void reading_end(struct reading *r)
{
    struct request *rq = r->rq;
    struct err err = r->err;
    r->part->n_readings--;
    census_sum_free(r->sum);
    arena_free(r->page);
    if (err.code != 0)
        reply_error(rq, &err);
    else
        reply_json(rq, 200, &r->answer);
    buf_done(&r->answer);
    free(r);
}

/* ---- on the lane */

static void write_head(const struct reading *r, const char *reason, struct jw *w)
{
    jw_kstr(w, "experiment_id", r->experiment_id);
    jw_kstr(w, "state", reason ? "no_data" : "measured");
    jw_kstr(w, "reason", reason);
    jw_kint(w, "hosts", r->hosts);
    jw_kint(w, "hosts_left_out", r->left_out);
}

static const char *no_data_reason(const struct reading *r)
{
    if (r->hosts > 0)
        return NULL;
    if (r->left_out > 0)
        return r->is_cost ? "no host has told yet what flows in both arms: rates are known from the second "
                            "census on, and only of what the collector counts"
                          : "no host has told of both arms yet";
    return "no census has come yet: agents take one when an arm answers first, and then each census.interval";
}

static struct census_pricer pricer_of(const struct censuses *part)
{
    return (struct census_pricer){ .ops = instance_component(part->cost)->abi->ops,
                                   .self = instance_self(part->cost) };
}

static int write_cost(struct reading *r, struct jw *w)
{
    struct census_pricer pricer = pricer_of(r->part);
    jw_kstr(w, "prices", json_get_str(r->part->config, "id", NULL));
    jw_kstr(w, "currency", json_get_str(r->part->config, "currency", NULL));
    census_sum_times(r->sum, w);
    return census_write_cost(r->sum, &pricer, r->view.limit, w, &r->err);
}

static void write_answer(struct reading *r)
{
    struct jw w;
    const char *reason = no_data_reason(r);
    jw_init(&w, &r->answer);
    jw_open(&w, '{');
    write_head(r, reason, &w);
    if (!reason && r->is_cost) {
        if (write_cost(r, &w) != 0)
            return; /* it stands in r->err, which is what is answered */
    } else if (!reason) {
        census_sum_times(r->sum, &w);
        census_write_series(r->sum, &r->view, &w);
    }
    jw_close(&w, '}');
}

static bool is_wanted(const struct reading *r, struct json *const census[ARM_COUNT])
{
    unsigned flows = r->is_cost ? r->part->flows : 0;
    for (int a = 0; a < ARM_COUNT; a++)
        if (r->view.has_arm[a] && (!census[a] || !census_has_flows(census[a], flows)))
            return false;
    return true;
}

static void add_host(struct reading *r, const struct telling *t)
{
    struct json *census[ARM_COUNT];
    for (int a = 0; a < ARM_COUNT; a++)
        census[a] = r->view.has_arm[a] && t->census[a].n > 0 ? json_parse(t->census[a], NULL, NULL) : NULL;
    bool is_in = is_wanted(r, census);
    r->hosts += is_in;
    r->left_out += !is_in;
    for (int a = 0; a < ARM_COUNT; a++) {
        if (is_in && census[a])
            census_sum_add(r->sum, (enum arm)a, census[a]);
        json_free(census[a]);
    }
}

static void work(void *arg)
{
    struct reading *r = arg;
    for (size_t i = 0; i < r->n_tellings; i++)
        add_host(r, &r->tellings[i]);
    if (r->is_last)
        write_answer(r);
}

/* ---- pages */

static void next_page(struct reading *r);

static void on_worked(void *job, int32_t status)
{
    struct reading *r = job;
    if (status != 0 || r->part->api->draining)
        err_set(&r->err, ERR_CANCELLED, "the API is being stopped");
    if (r->err.code != 0 || r->is_last)
        reading_end(r);
    else
        next_page(r);
}

/** Rows of one host stand together. The last host of a full page may go on in the next: it is read again. */
static size_t whole_hosts(const struct result *res)
{
    size_t n = res->n_rows;
    if (n < PAGE_ROWS)
        return n;
    struct str last = row_str(&res->rows[n - 1], F_CENSUS_HOST_ID);
    while (n > 0 && str_eq(row_str(&res->rows[n - 1], F_CENSUS_HOST_ID), last))
        n--;
    return n;
}

static void copy_rows(struct reading *r, const struct result *res, size_t n)
{
    struct str host = { 0 };
    struct telling *t = NULL;
    r->tellings = arena_calloc(r->page, n + 1, sizeof *r->tellings);
    r->n_tellings = 0;
    for (size_t i = 0; i < n; i++) {
        const struct row *row = &res->rows[i];
        enum arm arm;
        if (!t || !str_eq(row_str(row, F_CENSUS_HOST_ID), host))
            t = &r->tellings[r->n_tellings++];
        host = row_str(row, F_CENSUS_HOST_ID);
        if (arm_parse(row_text(row, F_CENSUS_VARIANT), &arm))
            t->census[arm] = arena_str(r->page, row_str(row, F_CENSUS_CENSUS));
    }
    str_copy(r->after, sizeof r->after, host);
}

static void on_page(void *arg, const struct result *res)
{
    struct reading *r = arg;
    if (res->rc != 0) {
        r->err = res->err;
        reading_end(r);
        return;
    }
    r->is_last = res->n_rows < PAGE_ROWS;
    arena_free(r->page);
    r->page = arena_new();
    copy_rows(r, res, whole_hosts(res));
    lane_run(r->part->lane, work, on_worked, r);
}

static void next_page(struct reading *r)
{
    struct query *q = q_scan(r->part->api->store, C_CENSUS);
    q_where_text(q, F_CENSUS_EXPERIMENT_ID, PHX_EQ, r->experiment_id);
    if (r->host)
        q_where_text(q, F_CENSUS_HOST_ID, PHX_EQ, r->host);
    else if (r->after[0])
        q_where_text(q, F_CENSUS_HOST_ID, PHX_GT, r->after);
    q_order(q, F_CENSUS_HOST_ID);
    q_order(q, F_CENSUS_VARIANT);
    q_limit(q, PAGE_ROWS);
    store_run(q, on_page, r);
}

/* ---- the start of a reading */

static void on_experiment(void *arg, const struct result *res)
{
    struct reading *r = arg;
    if (res->rc == 0) {
        next_page(r);
        return;
    }
    r->err = res->err;
    if (res->rc == ERR_NOTFOUND) {
        err_set(&r->err, ERR_NOTFOUND, "there is no experiment \"%s\"", r->experiment_id);
        err_remedy(&r->err, "phoenix experiment list shows those there are");
    }
    reading_end(r);
}

static void reading_begin(struct request *rq, bool is_cost)
{
    struct censuses *part = request_api(rq)->censuses;
    const char *variant = request_query(rq, "variant"), *limit = request_query(rq, "limit");
    struct err err = { 0 };
    int64_t n;
    if (part->n_readings == READINGS_MAX)
        err_set(&err, ERR_BUSY, "%d such requests are being answered", READINGS_MAX);
    if (is_cost && !part->cost) {
        err_set(&err, ERR_UNSUPPORTED, "the KPI \"cost\", which knows the prices, is not loaded");
        err_remedy(&err, "phoenix plugin list shows what is, and what was refused");
    }
    if (err.code != 0) {
        reply_error(rq, &err);
        return;
    }
    struct reading *r = mem_alloc(sizeof *r);
    part->n_readings++;
    *r = (struct reading){ .part = part,
                           .rq = rq,
                           .experiment_id = request_query(rq, "experiment"),
                           .host = request_query(rq, "host"),
                           .is_cost = is_cost,
                           .view = { .metric = request_query(rq, "metric"), .limit = LIMIT_DEFAULT },
                           .sum = census_sum_new() };
    for (int a = 0; a < ARM_COUNT; a++)
        r->view.has_arm[a] = !variant || strcmp(variant, arm_name((enum arm)a)) == 0;
    if (limit && parse_int(str_of(limit), &n))
        r->view.limit = (unsigned)n;
    buf_init(&r->answer, ANSWER_MAX);
    struct query *q = q_get(part->api->store, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, r->experiment_id);
    q_only(q, F_EXPERIMENTS_ID);
    store_run(q, on_experiment, r);
}

void on_cardinality(struct request *rq)
{
    reading_begin(rq, false);
}

void on_cost_flow(struct request *rq)
{
    reading_begin(rq, true);
}

/* ---- the part */

static void part_free(void *arg)
{
    struct censuses *part = arg;
    instance_free(part->cost);
    json_free(part->prices);
    free(part);
}

/** An instance of its own: that of the analyses is at work on another lane. */
static int cost_start(struct censuses *part, struct err *err)
{
    struct registry *registry = part->api->registry;
    const struct component *c = registry_find(registry, PHX_KPI, "cost", NULL);
    if (!c)
        return 0;
    int rc = kpi_config(part->api, c, &part->prices, &part->config, err);
    part->cost = rc == 0 ? instance_new(registry, c, part->config, INSTANCE_PURE, err) : NULL;
    if (!part->cost)
        return err->code;
    struct census_pricer pricer = pricer_of(part);
    part->flows = census_flows_priced(&pricer);
    return 0;
}

int censuses_start(struct api *api, struct err *err)
{
    struct censuses *part = mem_alloc(sizeof *part);
    part->api = api;
    part->lane = lane_open(api->loop, "census", err);
    int rc = part->lane ? cost_start(part, err) : err->code;
    if (rc != 0 && part->lane)
        lane_close(part->lane, part_free, part);
    else if (rc != 0)
        part_free(part);
    else
        api->censuses = part;
    return rc;
}

void censuses_stop(struct api *api)
{
    lane_close(api->censuses->lane, part_free, api->censuses);
    api->censuses = NULL;
}
