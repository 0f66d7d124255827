/* SPDX-License-Identifier: Apache-2.0 */
/* One criterion at one look: met, failed, open or unknown, and a sentence that says why.
 *
 * Risks: to promote, every criterion must be met, so each may use the whole alpha (Berger 1982). To
 * reject, one failed criterion is enough, so their risk is shared. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "phoenix/stat.h"

struct case_of {
    const struct look *l;
    const struct criterion *cr;
    const struct kpi_result *k;
    double alpha_meet, alpha_fail;
    struct judgement *j;
};

static void say(struct judgement *j, enum criterion_state state, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct judgement *j, enum criterion_state state, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    j->state = state;
    vsnprintf(j->text, sizeof j->text, fmt, ap);
    va_end(ap);
}

/* ---- inference on theta */

/* "needs about 12m more"; or that no time would do, and hosts would. */
static void say_what_it_needs(const struct case_of *c, const struct effect *e, double target)
{
    const struct analysis_spec *spec = c->l->in->spec;
    struct band_facts f = band_facts__of(spec);
    struct band b = effect__band(e, &f, c->alpha_meet);
    size_t n = strlen(c->j->text), room = sizeof c->j->text - n;
    double gap = fabs(e->theta - target);
    char *at = c->j->text + n;
    if (b.host >= gap) {
        snprintf(at, room, "; more time will not help, more hosts would");
        return;
    }
    size_t need = effect__batches_for(e, &f, c->alpha_meet, gap - b.host);
    if (need == 0 || need <= e->n_batches) return;
    char text[32];
    int64_t ns = (int64_t)((need - e->n_batches) * e->batch_buckets) * spec->bucket_ns;
    snprintf(at, room, "; as things stand it needs about %s more", format_duration(ns, text));
}

/* Whether theta is proved to be at most the target (sign > 0) or at least (sign < 0). */
static enum criterion_state band_state(const struct case_of *c, const struct effect *e, double target,
                                       int sign, double alpha_meet)
{
    struct band_facts f = band_facts__of(c->l->in->spec);
    struct band meet = effect__band(e, &f, alpha_meet), fail = effect__band(e, &f, c->alpha_fail);
    double over = sign * (e->theta - target);
    if (over + (sign > 0 ? meet.above : meet.below) <= 0) return CRITERION_MET;
    return over - (sign > 0 ? fail.below : fail.above) > 0 ? CRITERION_FAILED : CRITERION_OPEN;
}

/* What it drifts towards must be good too, and most batches must agree with their mean. */
static void weigh_flags(const struct case_of *c, const struct effect *e, double target, int sign)
{
    if (c->j->state != CRITERION_MET) return;
    if (e->flags & FLAG_DRIFT && sign * (e->late - target) > 0) c->j->weak_promote = true;
    if (e->flags & FLAG_SKEW_CONFLICT) c->j->weak_promote = true;
}

static bool too_few(const struct case_of *c, const struct effect *e)
{
    size_t need = (size_t)c->l->in->spec->min_batches;
    if (e->n_batches >= need) return false;
    say(c->j, CRITERION_OPEN, "%s: %zu batches of %zu buckets so far, a decision needs %zu", c->cr->kpi,
        e->n_batches, e->batch_buckets, need);
    return true;
}

static const char *outcome(enum criterion_state s, bool guardrail)
{
    static const char *const success[] = { "open", "proved", "refuted", "unknown" };
    static const char *const guard[] = { "open", "passed", "breached", "unknown" };
    return guardrail ? guard[s] : success[s];
}

static void judge_reduction(struct case_of *c)
{
    const struct effect *e = &c->k->effect;
    double target = log1p(-c->cr->value);
    if (too_few(c, e)) return;
    struct band_facts f = band_facts__of(c->l->in->spec);
    struct band b = effect__band(e, &f, c->alpha_meet);
    enum criterion_state s = band_state(c, e, target, 1, c->alpha_meet);
    say(c->j, s, "%s: reduced by %.1f %% (%.1f to %.1f %%), at least %.1f %% is asked for: %s", c->cr->kpi,
        -100 * expm1(e->theta), -100 * expm1(e->theta + b.above), -100 * expm1(e->theta - b.below),
        100 * c->cr->value, outcome(s, c->cr->guardrail));
    if (s == CRITERION_OPEN) say_what_it_needs(c, e, target);
    weigh_flags(c, e, target, 1);
}

static const char *ratio_text(const struct effect *e, const struct band *b, char out[96])
{
    if (e->why[0]) snprintf(out, 96, "has no ratio");
    else if (isinf(b->above)) snprintf(out, 96, "%.3f of the baseline (no interval yet)", exp(e->theta));
    else
        snprintf(out, 96, "%.3f of the baseline (%.3f to %.3f)", exp(e->theta), exp(e->theta - b->below),
                 exp(e->theta + b->above));
    return out;
}

static void judge_ratio(struct case_of *c)
{
    const struct effect *e = &c->k->effect;
    struct band_facts f = band_facts__of(c->l->in->spec);
    struct band b = effect__band(e, &f, c->alpha_meet);
    double target = log(c->cr->value);
    char text[96];
    if (too_few(c, e)) return;
    enum criterion_state s = band_state(c, e, target, 1, c->alpha_meet);
    say(c->j, s, "%s: %s, at most %.3f is allowed: %s", c->cr->kpi, ratio_text(e, &b, text), c->cr->value,
        outcome(s, c->cr->guardrail));
    if (s == CRITERION_OPEN) say_what_it_needs(c, e, target);
    weigh_flags(c, e, target, 1);
}

/* A ratio of two small things says little, so a small difference will do as well. Met if one of them
 * is (so each gets half of the risk), failed only if both are. */
static void judge_ratio_or_diff(struct case_of *c)
{
    const struct effect *e = &c->k->effect;
    struct effect diff;
    struct band_facts f = band_facts__of(c->l->in->spec);
    double target = log(c->cr->value), alpha = c->alpha_meet / 2;
    char text[96];
    effect__compute(c->l->cells, c->k->series, PHX_DIFF, f.min_batches, &diff);
    if (diff.why[0]) {
        say(c->j, CRITERION_UNKNOWN, "%s: unknown: %s", c->cr->kpi, diff.why);
        return;
    }
    if (e->n_batches < f.min_batches && too_few(c, &diff)) return;
    struct band b = effect__band(e, &f, alpha);
    enum criterion_state r = band_state(c, e, target, 1, alpha);
    enum criterion_state d = band_state(c, &diff, c->cr->or_diff, 1, alpha), s = CRITERION_OPEN;
    if (r == CRITERION_MET || d == CRITERION_MET) s = CRITERION_MET;
    else if (r == d || (e->why[0] && d == CRITERION_FAILED)) s = d;
    say(c->j, s, "%s: %s and %+.4g %s; at most %.3f, or %.4g more, is allowed: %s", c->cr->kpi,
        ratio_text(e, &b, text), diff.theta, c->k->def->ops->unit, c->cr->value, c->cr->or_diff,
        outcome(s, c->cr->guardrail));
    if (s == CRITERION_OPEN) say_what_it_needs(c, &diff, c->cr->or_diff);
    if (d == CRITERION_MET) weigh_flags(c, &diff, c->cr->or_diff, 1);
    else weigh_flags(c, e, target, 1);
}

static void judge_difference(struct case_of *c)
{
    const struct effect *e = &c->k->effect;
    int sign = c->cr->rule == RULE_AT_MOST ? 1 : -1;
    if (too_few(c, e)) return;
    enum criterion_state s = band_state(c, e, c->cr->value, sign, c->alpha_meet);
    say(c->j, s, "%s: differs by %.4g, at %s %.4g is asked for: %s", c->cr->kpi, e->theta,
        sign > 0 ? "most" : "least", c->cr->value, outcome(s, c->cr->guardrail));
    if (s == CRITERION_OPEN) say_what_it_needs(c, e, c->cr->value);
    weigh_flags(c, e, c->cr->value, sign);
}

static void judge_event(struct case_of *c)
{
    const struct event_effect *e = &c->k->event;
    int sign = c->cr->rule == RULE_AT_LEAST ? 1 : -1;
    double n = e->trials[ARM_CANDIDATE], k = e->successes[ARM_CANDIDATE];
    enum criterion_state s = CRITERION_OPEN;
    if (phx_binom_ln_e(k, n, c->cr->value, sign) >= -log(c->alpha_meet)) s = CRITERION_MET;
    else if (phx_binom_ln_e(k, n, c->cr->value, -sign) >= -log(c->alpha_fail)) s = CRITERION_FAILED;
    say(c->j, s, "%s: %.0f of %.0f, a share of at %s %.4g is asked for: %s", c->cr->kpi, k, n,
        sign > 0 ? "least" : "most", c->cr->value, outcome(s, c->cr->guardrail));
}

/* ---- plain limits: no inference, what was seen is what counts */
struct seen {
    size_t cells, beyond, longest; /* of buckets in a row on one host */
    size_t buckets;                /* most that one host shows */
    double worst;
    const char *host;
};

static void look_at_cells(const struct case_of *c, struct seen *ret)
{
    const struct cells *cells = c->l->cells;
    const double *value = c->k->series->value[ARM_CANDIDATE], *weight = c->k->series->weight[ARM_CANDIDATE];
    bool floor_rule = c->cr->rule == RULE_NEVER_BELOW;
    *ret = (struct seen){ .worst = NAN };
    for (size_t h = 0; h < cells->n_hosts; h++) {
        size_t in_a_row = 0, buckets = 0;
        for (size_t b = 0; b < cells->grid.n; b++) {
            size_t at = h * cells->grid.n + b;
            if (isnan(value[at])) continue;
            double v = weight ? value[at] / weight[at] : value[at];
            bool beyond = floor_rule ? v < c->cr->value : v > c->cr->value;
            buckets++;
            in_a_row = beyond ? in_a_row + 1 : 0;
            ret->beyond += beyond;
            if (in_a_row > ret->longest) {
                ret->longest = in_a_row;
                ret->host = cells->index.hosts[h];
            }
            if (!(floor_rule ? v >= ret->worst : v <= ret->worst)) ret->worst = v;
        }
        ret->cells += buckets;
        if (buckets > ret->buckets) ret->buckets = buckets;
    }
}

static void judge_limit(struct case_of *c)
{
    const struct analysis_spec *spec = c->l->in->spec;
    const struct cells *cells = c->l->cells;
    const char *side = c->cr->rule == RULE_NEVER_BELOW ? "below" : "above";
    struct seen seen;
    look_at_cells(c, &seen);
    size_t possible = (cells->n_hosts + cells->n_absent) * cells->grid.n;
    bool enough =
        seen.buckets >= (size_t)spec->min_batches && (double)seen.cells >= CELL_COVERAGE * (double)possible;
    if (seen.cells == 0)
        say(c->j, CRITERION_UNKNOWN, "%s: unknown: no data: the candidate has no cell of this KPI",
            c->cr->kpi);
    else if (seen.longest >= 2)
        say(c->j, CRITERION_FAILED,
            "%s: %s %.4g in %zu buckets in a row on host \"%s\" (%.4g at worst): breached", c->cr->kpi, side,
            c->cr->value, seen.longest, seen.host, seen.worst);
    else if (seen.beyond > 0)
        say(c->j, CRITERION_OPEN, "%s: %s %.4g in %zu of %zu cells, never twice in a row: open", c->cr->kpi,
            side, c->cr->value, seen.beyond, seen.cells);
    else if (!enough)
        say(c->j, CRITERION_OPEN,
            "%s: never %s %.4g in %zu of %zu cells; %lld buckets and %.0f %% of the cells "
            "are needed",
            c->cr->kpi, side, c->cr->value, seen.cells, possible, (long long)spec->min_batches,
            100 * CELL_COVERAGE);
    else
        say(c->j, CRITERION_MET, "%s: never %s %.4g in %zu cells: passed", c->cr->kpi, side, c->cr->value,
            seen.cells);
}

/* ---- one criterion */
static void judge(struct case_of *c)
{
    if (!c->k) {
        say(c->j, CRITERION_UNKNOWN, "%s: unknown: no KPI of this name is loaded", c->cr->kpi);
        return;
    }
    bool event = c->k->def->ops->estimand == PHX_EVENT;
    const char *why = event ? c->k->event.why : c->k->effect.why;
    bool limit = c->cr->rule == RULE_NEVER_BELOW || c->cr->rule == RULE_NEVER_ABOVE;
    bool fits = limit || (c->cr->rule >= RULE_AT_LEAST && (event || c->k->def->ops->estimand == PHX_DIFF)) ||
                (c->cr->rule < RULE_AT_LEAST && !event && c->k->def->ops->estimand != PHX_DIFF);
    bool or_diff = c->cr->rule == RULE_RATIO_AT_MOST && !isnan(c->cr->or_diff) && !event;
    if (limit || or_diff) why = c->k->series->why; /* they can do without a ratio */
    if (why[0]) say(c->j, CRITERION_UNKNOWN, "%s: unknown: %s", c->cr->kpi, why);
    else if (!fits) say(c->j, CRITERION_UNKNOWN, "%s: unknown: the rule does not fit this KPI", c->cr->kpi);
    else if (limit) judge_limit(c);
    else if (event) judge_event(c);
    else if (c->cr->rule == RULE_REDUCTION_AT_LEAST) judge_reduction(c);
    else if (or_diff) judge_ratio_or_diff(c);
    else if (c->cr->rule == RULE_RATIO_AT_MOST) judge_ratio(c);
    else judge_difference(c);
}

static const struct kpi_result *find_kpi(const struct look *l, const char *name)
{
    for (size_t i = 0; i < l->in->n_kpis; i++)
        if (strcmp(l->kpis[i].def->name, name) == 0) return &l->kpis[i];
    return NULL;
}

void look__judge(struct look *l)
{
    const struct analysis_spec *spec = l->in->spec;
    unsigned n_guard = 0;
    for (unsigned i = 0; i < spec->n_criteria; i++) n_guard += spec->criteria[i].guardrail;
    for (unsigned i = 0; i < spec->n_criteria; i++) {
        const struct criterion *cr = &spec->criteria[i];
        struct case_of c = { .l = l,
                             .cr = cr,
                             .k = find_kpi(l, cr->kpi),
                             .alpha_meet = spec->alpha,
                             .alpha_fail = cr->guardrail ? spec->alpha_stop / n_guard
                                                         : spec->alpha / (spec->n_criteria - n_guard),
                             .j = &l->judgements[i] };
        judge(&c);
    }
}
