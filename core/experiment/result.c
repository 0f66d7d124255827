/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a look as a JSON document. What is unknown is null, with the reason beside it. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "phoenix/stat.h"

#define COVERAGE_HOSTS 20 /* the worst are listed */

const char *evidence__name(enum evidence e)
{
    static const char *const names[] = { "within-host", "small-fleet", "fleet", "census" };
    return names[e];
}

const char *rule__name(enum rule r)
{
    static const char *const names[] = { "reduction_at_least", "ratio_at_most", "at_least", "at_most",
                                         "never_below",        "never_above" };
    return names[r];
}

const char *estimand__name(uint32_t estimand)
{
    static const char *const names[] = { "none", "log_ratio", "total", "diff", "event" };
    return estimand <= PHX_EVENT ? names[estimand] : names[0];
}

static void set_count(struct json *j, const char *key, size_t n)
{
    json_set_int(j, key, (int64_t)n);
}

static struct json *flags_json(const struct effect *e)
{
    struct json *list = json_array();
    for (unsigned i = 0; i < FLAG_COUNT; i++)
        if (e->flags & 1u << i) json_add_str(list, flag__names[i]);
    return list;
}

static struct json *drops_json(const struct drops *d)
{
    struct json *j = json_object();
    char name[32];
    for (unsigned s = CELL_MISSING; s < CELL_STATE_COUNT; s++)
        for (unsigned who = 0; who <= ARM_COUNT; who++)
            if (d->n[s][who]) set_count(j, drop__name((enum cell_state)s, who, name), d->n[s][who]);
    return j;
}

/* ---- KPIs */
static void effect_write(struct json *j, const struct look *l, const struct effect *e)
{
    const struct analysis_spec *spec = l->in->spec;
    struct band_facts f = band_facts__of(spec);
    struct band b = effect__band(e, &f, spec->alpha);
    double low = e->theta - b.below, high = e->theta + b.above;
    bool ratio = e->estimand != PHX_DIFF;
    json_set_real(j, "baseline", e->level[ARM_BASELINE]);
    json_set_real(j, "candidate", e->level[ARM_CANDIDATE]);
    json_set_real(j, "reduction", ratio ? -expm1(e->theta) : NAN);
    json_set_real(j, "reduction_low", ratio && isfinite(high) ? -expm1(high) : NAN);
    json_set_real(j, "reduction_high", ratio && isfinite(low) ? -expm1(low) : NAN);
    json_set_real(j, "theta", e->theta);
    json_set_real(j, "low", isfinite(low) ? low : NAN);
    json_set_real(j, "high", isfinite(high) ? high : NAN);
    json_set_real(j, "level", 1 - 2 * spec->alpha);
    set_count(j, "n", e->n_pairs);
    set_count(j, "hosts", e->n_hosts);
    set_count(j, "batches", e->n_batches);
    set_count(j, "batch_buckets", e->batch_buckets);
    json_set_real(j, "tau", e->tau);
    json_set_real(j, "sd_batches", e->n_batches >= 2 ? e->s : NAN);
    json_set_real(j, "sd_hosts", e->n_hosts >= 2 ? e->s_hosts : NAN);
    json_set_real(j, "time_part", isfinite(b.time) ? b.time : NAN);
    json_set_real(j, "host_part", isfinite(b.host) ? b.host : NAN);
    json_set_real(j, "e_value", exp(fmin(effect__ln_e(e), 690)));
    json_set(j, "flags", flags_json(e));
    if (e->flags & FLAG_DOMINATED) json_set_str(j, "dominated_by", e->dominant);
    if (e->n_batches < f.min_batches) {
        char why[160];
        snprintf(why, sizeof why, "no interval yet: %zu batches of %zu buckets, %zu are needed", e->n_batches,
                 e->batch_buckets, f.min_batches);
        json_set_str(j, "reason", why);
    }
}

static void event_write(struct json *j, const struct look *l, const struct event_effect *e)
{
    double lo, hi, n = e->trials[ARM_CANDIDATE], k = e->successes[ARM_CANDIDATE];
    phx_clopper_pearson(k, n, 2 * l->in->spec->alpha, &lo, &hi);
    double base = e->trials[ARM_BASELINE];
    json_set_real(j, "baseline", base > 0 ? e->successes[ARM_BASELINE] / base : NAN);
    json_set_real(j, "candidate", k / n);
    json_set_real(j, "low", lo);
    json_set_real(j, "high", hi);
    json_set_real(j, "level", 1 - 2 * l->in->spec->alpha);
    json_set_real(j, "n", n);
    json_set_real(j, "successes", k);
    set_count(j, "hosts", e->n_hosts);
    set_count(j, "buckets", e->n_buckets);
    json_set(j, "flags", json_array());
}

/* What the KPI was told, and its digest: two results compare only if these are equal. */
static void config_write(struct json *j, const struct json *about)
{
    char hex[SHA256_HEX_LEN + 1];
    struct buf text CLEANUP_BUF;
    buf_init(&text, LIMIT_JSON_BYTES);
    json_write(about, &text);
    sha256_hex(buf_str(&text), hex);
    json_set(j, "config", json_copy(about));
    json_set_str(j, "config_sha256", hex);
}

static struct json *kpi_json(const struct look *l, const struct kpi_result *k)
{
    const phx_kpi_ops *ops = k->def->ops;
    bool event = ops->estimand == PHX_EVENT;
    const char *why = event ? k->event.why : k->effect.why;
    struct json *j = json_object();
    json_set_str(j, "name", k->def->name);
    json_set_str(j, "unit", ops->unit);
    json_set_str(j, "estimand", estimand__name(event ? ops->estimand : k->effect.estimand));
    json_set_str(j, "better", ops->better == PHX_HIGHER_IS_BETTER ? "higher" : "lower");
    json_set_str(j, "status", why[0] ? "unknown" : "ok");
    json_set_str(j, "reason", why[0] ? why : NULL);
    if (k->def->about) config_write(j, k->def->about);
    if (why[0]) set_count(j, "n", 0);
    else if (event) event_write(j, l, &k->event);
    else effect_write(j, l, &k->effect);
    json_set(j, "dropped", drops_json(&k->drops));
    return j;
}

/* ---- criteria and coverage */
static struct json *criterion_json(const struct criterion *cr, const struct judgement *g)
{
    static const char *const success[] = { "open", "proved", "refuted", "unknown" };
    static const char *const guard[] = { "open", "passed", "breached", "unknown" };
    struct json *j = json_object();
    json_set_str(j, "kpi", cr->kpi);
    json_set_str(j, "role", cr->guardrail ? "guardrail" : "success");
    json_set_str(j, "rule", rule__name(cr->rule));
    json_set_real(j, "target", cr->value);
    if (!isnan(cr->or_diff)) json_set_real(j, "or_diff_at_most", cr->or_diff);
    json_set_str(j, "state", cr->guardrail ? guard[g->state] : success[g->state]);
    json_set_str(j, "text", g->text);
    return j;
}

struct covered {
    size_t host, whole[ARM_COUNT], pairs;
};

static int by_pairs(const void *a, const void *b)
{
    const struct covered *x = a, *y = b;
    if (x->pairs != y->pairs) return x->pairs < y->pairs ? -1 : 1;
    return x->host < y->host ? -1 : x->host > y->host;
}

static struct json *coverage_json(const struct cells *c)
{
    struct covered *all = mem_calloc(c->n_hosts + 1, sizeof *all);
    for (size_t h = 0; h < c->n_hosts; h++) {
        all[h].host = h;
        for (size_t b = 0; b < c->grid.n; b++) {
            bool ok[ARM_COUNT];
            for (int arm = 0; arm < ARM_COUNT; arm++) {
                ok[arm] = c->state[arm][h * c->grid.n + b] == CELL_OK;
                all[h].whole[arm] += ok[arm];
            }
            all[h].pairs += ok[ARM_BASELINE] && ok[ARM_CANDIDATE];
        }
    }
    qsort(all, c->n_hosts, sizeof *all, by_pairs);
    struct json *list = json_array();
    for (size_t i = 0; i < c->n_hosts && i < COVERAGE_HOSTS; i++) {
        struct json *j = json_object();
        json_set_str(j, "host_id", c->index.hosts[all[i].host]);
        json_set_real(j, "baseline", (double)all[i].whole[ARM_BASELINE] / (double)c->grid.n);
        json_set_real(j, "candidate", (double)all[i].whole[ARM_CANDIDATE] / (double)c->grid.n);
        json_set_real(j, "pairs", (double)all[i].pairs / (double)c->grid.n);
        json_add(list, j);
    }
    free(all);
    return list;
}

static struct json *verdict_json(const struct verdict *v, struct json *reasons)
{
    struct json *j = json_object();
    json_set_str(j, "decision", decision_name(v->decision));
    json_set_str(j, "reason", v->text);
    json_set_str(j, "evidence", v->evidence);
    json_set_bool(j, "certain", v->certain);
    json_set(j, "reasons", reasons);
    return j;
}

struct json *look__result(const struct look *l, const struct verdict *v, struct json *reasons)
{
    const struct analysis_input *in = l->in;
    struct json *j = json_object(), *kpis = json_array(), *criteria = json_array();
    json_set_str(j, "experiment_id", in->experiment_id);
    json_set_time(j, "calculated_at", in->now_ns);
    json_set_str(j, "engine", ANALYSIS_ENGINE);
    json_set_time(j, "from", in->from_ns);
    json_set_time(j, "to", in->to_ns);
    json_set_bool(j, "final", in->ended);
    json_set(j, "verdict", verdict_json(v, reasons));
    for (size_t i = 0; i < in->n_kpis; i++) json_add(kpis, kpi_json(l, &l->kpis[i]));
    json_set(j, "kpis", kpis);
    for (unsigned i = 0; i < in->spec->n_criteria; i++)
        json_add(criteria, criterion_json(&in->spec->criteria[i], &l->judgements[i]));
    json_set(j, "criteria", criteria);
    json_set_duration(j, "bucket", in->spec->bucket_ns);
    set_count(j, "buckets", l->cells->grid.n);
    set_count(j, "hosts", in->n_hosts);
    set_count(j, "hosts_seen", l->cells->n_hosts);
    json_set_real(j, "pairs_whole", l->coverage);
    json_set(j, "coverage", coverage_json(l->cells));
    json_set_str(j, "input_parity", l->parity[PARITY_POINTS].text);
    if (l->parity[PARITY_OTLP].text[0]) json_set_str(j, "otlp_parity", l->parity[PARITY_OTLP].text);
    return j;
}
