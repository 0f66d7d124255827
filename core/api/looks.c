/* SPDX-License-Identifier: Apache-2.0 */
/* A look: the samples of an experiment so far, through the KPI calculators, to a verdict. They come from
 * the store, where agents' batches are, or from Prometheus, which may be away: then there is no look this
 * time, and the experiment goes on. Figures are computed on a lane; nothing is shared meanwhile.
 */
#include <math.h>

#include "core/api/kpi_config.h"
#include "core/api/prom.h"
#include "core/api/scheduler_priv.h"
#include "core/base/clock.h"
#include "core/base/measures.h"
#include "core/base/mem.h"
#include "core/loop/lane.h"

struct looks {
    struct api *api;
    struct lane *lane;
    struct prom *prom; /* NULL: samples come from the store */
    size_t n;
    struct kpi_def *kpis;
    struct instance **instances;
    struct json *prices; /* NULL until a KPI wants them */
};

struct look {
    struct looks *looks;
    struct step *step;
    void (*next)(struct step *step, const struct err *err);
    struct analysis_spec spec;
    struct analysis_input in;
    struct prom_ask ask;
    struct err err;
    int rc;
};

static const int64_t INTERVAL_MIN_NS = 2 * NS_PER_S, INTERVAL_MAX_NS = 60 * NS_PER_S;
/* Between two tries to read the samples of an experiment that has ended. */
static const int64_t RETRY_MAX_NS = 5 * NS_PER_S;
/* Samples are found by Prometheus' clock, and carry the host's; it may be another. */
static const int64_t CLOCKS_NS = 60 * NS_PER_S;

int64_t looks_interval(const struct spec *spec)
{
    int64_t ns = spec->duration_ns / 30;
    if (ns < INTERVAL_MIN_NS) return INTERVAL_MIN_NS;
    return ns < INTERVAL_MAX_NS ? ns : INTERVAL_MAX_NS;
}

int64_t looks_sample_interval(const struct looks *l, const struct spec *spec)
{
    int64_t shown = l->prom ? l->api->settings->prometheus_interval : 0;
    return spec->sample_interval_ns > shown ? spec->sample_interval_ns : shown;
}

/* Agents close a batch each second; Prometheus shows the last tick after its next scrape. */
static int64_t lag(const struct looks *l)
{
    int64_t shown = l->prom ? 2 * l->api->settings->prometheus_interval : 0;
    return shown > ANALYZE_AFTER_NS ? shown : ANALYZE_AFTER_NS;
}

int64_t looks_due(const struct looks *l, const struct step *step)
{
    int64_t end = step->facts.phase_since_ns + lag(l);
    if (step->doc.phase == PHASE_RUNNING) return step->run->look_ns;
    if (step->doc.phase != PHASE_ANALYZING) return 0;
    return end > step->run->retry_ns ? end : step->run->retry_ns;
}

const struct kpi_def *looks_kpis(const struct looks *l, size_t *ret_n)
{
    *ret_n = l->n;
    return l->kpis;
}

/* ---- the calculators */

static int add_kpi(struct looks *l, const struct component *c, struct err *err)
{
    const struct json *config;
    int rc = kpi_config(l->api, c, &l->prices, &config, err);
    if (rc != 0) return rc;
    struct instance *i = instance_new(l->api->registry, c, config, INSTANCE_PURE, err);
    if (!i) return err->code;
    l->instances[l->n] = i;
    l->kpis[l->n++] =
        (struct kpi_def){ .name = c->name, .ops = c->abi->ops, .self = instance_self(i), .about = config };
    return 0;
}

int looks_start(struct api *api, struct looks **ret, struct err *err)
{
    struct looks *l = mem_alloc(sizeof *l);
    size_t n = registry_count(api->registry);
    l->api = api;
    l->kpis = mem_calloc(n + 1, sizeof *l->kpis);
    l->instances = mem_calloc(n + 1, sizeof *l->instances);
    l->lane = lane_open(api->loop, "analysis", err);
    int rc = l->lane ? 0 : err->code;
    if (rc == 0 && strcmp(api->settings->metrics_source, "prometheus") == 0) {
        l->prom = prom_new(api, err);
        rc = l->prom ? 0 : err->code;
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct component *c = registry_at(api->registry, i);
        if (strcmp(c->kind, PHX_KPI) == 0) rc = add_kpi(l, c, err);
        if (rc != 0) err_prefix(err, "KPI \"%s\": ", c->name);
    }
    if (rc != 0) looks_stop(l);
    else *ret = l;
    return rc;
}

static void looks_free(void *arg)
{
    struct looks *l = arg;
    prom_free(l->prom);
    for (size_t i = 0; i < l->n; i++) instance_free(l->instances[i]);
    free(l->instances);
    free(l->kpis);
    json_free(l->prices);
    free(l);
}

void looks_stop(struct looks *l)
{
    if (l->lane) lane_close(l->lane, looks_free, l);
    else looks_free(l);
}

void looks_drain(struct looks *l)
{
    if (l->prom) prom_drain(l->prom);
}

/* ---- one look */

static void copy_samples(struct look *look, const struct result *res)
{
    struct step *step = look->step;
    struct sample *samples = arena_calloc(step->arena, res->n_rows + 1, sizeof *samples);
    double *values = arena_calloc(step->arena, res->n_rows + 1, MEASURE_COUNT * sizeof *values);
    size_t n = 0;
    for (size_t i = 0; i < res->n_rows; i++) {
        const struct row *r = &res->rows[i];
        int host = facts__host(&step->spec, row_text(r, F_SAMPLES_HOST_ID));
        enum arm arm;
        if (host < 0 || !arm_parse(row_text(r, F_SAMPLES_VARIANT), &arm)) continue;
        double *v = values + n * MEASURE_COUNT;
        for (int m = 0; m < MEASURE_COUNT; m++)
            v[m] = row_is_null(r, F_SAMPLES_UP + m) ? NAN : row_real(r, F_SAMPLES_UP + m);
        samples[n++] = (struct sample){ .host_id = step->spec.hosts[host], .arm = (int)arm,
                                        .ts_ns = row_time(r, F_SAMPLES_TS), .v = v };
    }
    look->in.samples = samples;
    look->in.n_samples = n;
}

static void analyse(void *arg)
{
    struct look *look = arg;
    look->rc = analysis_run(&look->in, &look->step->result, &look->step->verdict, &look->err);
}

/* An analysis that cannot be made is a result too, or the experiment would never end. */
static void invalid_result(struct step *step, const char *why)
{
    struct json *verdict = json_object(), *reasons = json_array();
    step->verdict = (struct verdict){ .decision = DECISION_INVALID };
    str_copy(step->verdict.text, sizeof step->verdict.text, str_of(why));
    json_add_str(reasons, why);
    json_set_str(verdict, "decision", decision_name(DECISION_INVALID));
    json_set_str(verdict, "reason", "no_analysis");
    json_set(verdict, "reasons", reasons);
    step->result = json_object();
    json_set_str(step->result, "experiment_id", step->doc.id);
    json_set_time(step->result, "calculated_at", step->facts.now_ns);
    json_set(step->result, "verdict", verdict);
    json_set(step->result, "kpis", json_array());
    json_set(step->result, "criteria", json_array());
}

static void on_analysed(void *arg, int32_t status)
{
    struct look *look = arg;
    if (status != 0) err_set(&look->err, ERR_CANCELLED, "the analysis was cancelled");
    else if (look->rc != 0) invalid_result(look->step, look->err.msg);
    if (status == 0) json_set_str(look->step->result, "source", look->looks->prom ? "prometheus" : "store");
    look->next(look->step, status != 0 ? &look->err : NULL);
}

static void on_samples(void *arg, const struct result *res)
{
    struct look *look = arg;
    if (res->rc != 0) {
        look->next(look->step, &res->err);
        return;
    }
    copy_samples(look, res);
    lane_run(look->looks->lane, analyse, on_analysed, look);
}

/* No samples for now. An experiment that has ended waits for them, but not for ever. */
static void on_no_samples(struct look *look, const struct err *err)
{
    struct step *step = look->step;
    int64_t patience_ns = look->looks->api->settings->prometheus_patience;
    bool is_over = step->doc.phase == PHASE_ANALYZING &&
                   clock_wall() >= step->facts.phase_since_ns + lag(look->looks) + patience_ns;
    if (is_over) {
        look->rc = err_set(&look->err, ERR_UNAVAILABLE, "no samples could be read: %s", err->msg);
        on_analysed(look, 0);
        return;
    }
    step->run->retry_ns = clock_wall() + (patience_ns / 4 < RETRY_MAX_NS ? patience_ns / 4 : RETRY_MAX_NS);
    step->unseen = true;
    look->next(step, NULL);
}

static void on_prom_samples(void *arg, const struct sample *samples, size_t n, const struct err *err)
{
    struct look *look = arg;
    struct err none = { 0 };
    if (!err && n == 0 && look->in.ended) { /* while it runs, they may be on their way */
        err_set(&none, ERR_UNAVAILABLE,
                "Prometheus has no series of the experiment: see feature.pushgateway of the agents, and "
                "whether Prometheus scrapes their Pushgateway");
        err = &none;
    }
    if (err) {
        on_no_samples(look, err);
        return;
    }
    look->in.samples = samples;
    look->in.n_samples = n;
    lane_run(look->looks->lane, analyse, on_analysed, look);
}

static bool prepare(struct look *look)
{
    struct step *step = look->step;
    const struct json *state = step->doc.state;
    bool ended = step->doc.phase == PHASE_ANALYZING;
    int64_t sample_interval_ns = looks_sample_interval(look->looks, &step->spec);
    struct faults faults = { 0 };
    struct spec_facts facts = { .pointer = "/config/analysis",
                                .kpis = look->looks->kpis,
                                .n_kpis = look->looks->n,
                                .sample_interval_ns = sample_interval_ns,
                                .duration_ns = step->spec.duration_ns,
                                .n_hosts = step->spec.n_hosts,
                                .n_critical = json_len(step->spec.critical) };
    look->in = (struct analysis_input){ .experiment_id = step->doc.id,
                                        .spec = &look->spec,
                                        .kpis = look->looks->kpis,
                                        .n_kpis = look->looks->n,
                                        .from_ns = json_get_int(state, "running_since", 0),
                                        .to_ns = ended ? json_get_int(state, "ended", 0) : step->facts.now_ns,
                                        .sample_interval_ns = sample_interval_ns,
                                        .n_hosts = step->spec.n_hosts,
                                        .now_ns = step->facts.now_ns,
                                        .ended = ended };
    if (analysis_spec_parse(step->spec.analysis, &facts, &look->spec, &faults)) return true;
    err_set(&look->err, ERR_CONFIG, "the stored analysis section is not valid any more: %s",
            faults.at[0].msg);
    return false;
}

void looks_take(struct looks *l, struct step *step, void (*next)(struct step *step, const struct err *err))
{
    struct look *look = arena_alloc(step->arena, sizeof *look);
    *look = (struct look){ .looks = l, .step = step, .next = next };
    if (!prepare(look)) {
        look->rc = look->err.code;
        on_analysed(look, 0);
        return;
    }
    /* one bucket more at each end: counters at the edges need their neighbours */
    int64_t from_ns = look->in.from_ns - look->spec.bucket_ns, to_ns = look->in.to_ns + look->spec.bucket_ns;
    if (l->prom) {
        look->ask = (struct prom_ask){ .experiment_id = step->doc.id,
                                       .hosts = step->spec.hosts,
                                       .n_hosts = step->spec.n_hosts,
                                       .from_ns = from_ns - CLOCKS_NS,
                                       .to_ns = to_ns + lag(l) + CLOCKS_NS,
                                       .lane = l->lane,
                                       .arena = step->arena };
        prom_read(l->prom, &look->ask, on_prom_samples, look);
        return;
    }
    struct query *q = q_scan(l->api->store, C_SAMPLES);
    q_where_text(q, F_SAMPLES_EXPERIMENT_ID, PHX_EQ, step->doc.id);
    q_where_int(q, F_SAMPLES_TS, PHX_GE, from_ns);
    q_where_int(q, F_SAMPLES_TS, PHX_LE, to_ns);
    store_run(q, on_samples, look);
}
