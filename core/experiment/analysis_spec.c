/* SPDX-License-Identifier: Apache-2.0 */
/* The `analysis` section of an experiment: a field table for the shape, rules for the sense. What could
 * never lead to a verdict is refused before anything runs, with the number to change. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "core/base/clock.h"
#include "phoenix/stat.h"

#define MINUTE_NS (60 * NS_PER_S)
#define HOUR_NS (60 * MINUTE_NS)
#define BUCKET_SAMPLES 4 /* fewer would beat against the sampling */
#define BUCKETS_WANTED 60
#define TRIALS_MAX 100000

/* ---- shape */
static const char *const scopes[] = { "sample", "fleet", NULL };
static const char *const evidences[] = { "within-host", "small-fleet", "fleet", "census", NULL };

static const struct field criterion_fields[] = {
    { .name = "kpi", .kind = F_STRING, .flags = F_REQUIRED, .min = 1, .max = 63, .help = "name of the KPI" },
    { .name = "reduction_at_least",
      .kind = F_REAL,
      .rmin = 0,
      .rmax = 1,
      .help = "success: share that the candidate saves" },
    { .name = "ratio_at_most", .kind = F_REAL, .rmin = 0, .rmax = 1000, .help = "candidate / baseline" },
    { .name = "or_diff_at_most",
      .kind = F_REAL,
      .rmin = 0,
      .rmax = 1e18,
      .help = "with ratio_at_most: or candidate - baseline, in the KPI's unit" },
    { .name = "at_least",
      .kind = F_REAL,
      .help = "events: share of trials; differences: candidate - baseline" },
    { .name = "at_most", .kind = F_REAL, .help = "as at_least" },
    { .name = "never_below",
      .kind = F_REAL,
      .help = "limit on every cell of the candidate, without statistics" },
    { .name = "never_above", .kind = F_REAL, .help = "as never_below" },
    { .name = NULL }
};
static const struct schema criterion_schema = { .name = "criterion",
                                                .help = "A KPI and exactly one rule",
                                                .fields = criterion_fields };
static const struct field criterion_item = { .kind = F_OBJECT, .sub = &criterion_schema };

static const struct field spec_fields[] = {
    { .name = "alpha",
      .kind = F_REAL,
      .rmin = 0.0001,
      .rmax = 0.25,
      .help = "one-sided risk of a wrong promote; 0.05" },
    { .name = "alpha_stop",
      .kind = F_REAL,
      .rmin = 0.0001,
      .rmax = 0.25,
      .help = "one-sided risk of a wrong statistical stop; 0.05" },
    { .name = "scope",
      .kind = F_ENUM,
      .values = scopes,
      .help = "whether the verdict is about these hosts or about hosts like them" },
    { .name = "fleet_size", .kind = F_INT, .min = 1, .max = INT32_MAX, .help = "hosts of the whole fleet" },
    { .name = "bucket",
      .kind = F_DURATION,
      .min = 1,
      .max = 24 * HOUR_NS,
      .help = "width of a time bucket; at least four sample intervals" },
    { .name = "min_batches",
      .kind = F_INT,
      .min = 5,
      .max = 100000,
      .help = "batches before any statistical decision; 10" },
    { .name = "min_duration",
      .kind = F_DURATION,
      .min = 1,
      .max = INT64_MAX,
      .help = "no promote and no reject for want of benefit before" },
    { .name = "max_duration",
      .kind = F_DURATION,
      .min = 1,
      .max = INT64_MAX,
      .help = "inconclusive after it" },
    { .name = "min_evidence", .kind = F_ENUM, .values = evidences, .help = "least evidence for a promote" },
    { .name = "min_coverage",
      .kind = F_REAL,
      .rmin = 0.1,
      .rmax = 1,
      .help = "share of (host, bucket) pairs that must be whole; 0.8" },
    { .name = "early_stop",
      .kind = F_BOOL,
      .help = "end measuring as soon as the decision is certain; false" },
    { .name = "success",
      .kind = F_ARRAY,
      .item = &criterion_item,
      .min = 1,
      .max = 16,
      .help = "all must be proved for a promote" },
    { .name = "guardrails",
      .kind = F_ARRAY,
      .item = &criterion_item,
      .max = 16,
      .help = "all must be passed for a promote; one breach is a reject" },
    { .name = NULL }
};
const struct schema analysis_schema = { .name = "analysis",
                                        .help = "How the verdict is reached",
                                        .fields = spec_fields };

/* ---- faults */
struct check {
    const struct spec_facts *facts;
    struct faults *faults;
    char at[96]; /* of the criterion at hand */
};

static void fault(struct check *c, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void fault(struct check *c, const char *path, const char *fmt, ...)
{
    char pointer[128], msg[192];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    snprintf(pointer, sizeof pointer, "%s%s", c->facts->pointer ? c->facts->pointer : "", path);
    fault_add(c->faults, pointer, "%s", msg);
}

static bool shape_is_fine(struct check *c, const struct json *doc)
{
    struct faults own = { 0 };
    if (schema_check(&analysis_schema, doc, &own)) return true;
    for (unsigned i = 0; i < own.n && i < FAULTS_MAX; i++) fault(c, own.at[i].pointer, "%s", own.at[i].msg);
    return false;
}

/* ---- criteria */
static const struct kpi_def *find_kpi(const struct spec_facts *f, const char *name)
{
    for (size_t i = 0; i < f->n_kpis; i++)
        if (strcmp(f->kpis[i].name, name) == 0) return &f->kpis[i];
    return NULL;
}

static bool needs_critical_list(const struct kpi_def *k)
{
    const phx_kpi_input *const *in = k ? k->ops->inputs : NULL;
    for (; in && *in; in++)
        if (strcmp((*in)->name, measure_name(MEASURE_CRITICAL_ALIVE)) == 0) return true;
    return false;
}

/* Exactly one rule, with its value. */
static bool read_rule(struct check *c, const struct json *doc, struct criterion *ret)
{
    unsigned n = 0;
    for (enum rule r = RULE_REDUCTION_AT_LEAST; r <= RULE_NEVER_ABOVE; r++)
        if (json_get(doc, rule__name(r))) {
            ret->rule = r;
            ret->value = json_get_real(doc, rule__name(r), NAN);
            n++;
        }
    if (n != 1) {
        fault(c, c->at,
              "a criterion has exactly one of reduction_at_least, ratio_at_most, at_least, at_most, "
              "never_below, never_above; this one has %u",
              n);
        return false;
    }
    ret->or_diff = json_get_real(doc, "or_diff_at_most", NAN);
    if (!isnan(ret->or_diff) && ret->rule != RULE_RATIO_AT_MOST)
        fault(c, c->at, "or_diff_at_most goes with ratio_at_most only");
    return true;
}

static void name_the_known(struct check *c, const char *name)
{
    char list[120] = "";
    size_t n = 0;
    for (size_t i = 0; i < c->facts->n_kpis && n < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", c->facts->kpis[i].name);
    fault(c, c->at, "no KPI \"%.40s\" is loaded; there are: %s", name, list);
}

/* How many trials in a row without a loss prove the share; the plan must have as many. */
static void check_trials(struct check *c, const struct criterion *cr, double alpha)
{
    size_t have = c->facts->n_hosts * c->facts->n_critical, need = 1;
    while (need < TRIALS_MAX && phx_binom_ln_e((double)need, (double)need, cr->value, 1) < -log(alpha))
        need++;
    if (have >= need) return;
    fault(c, c->at,
          "a share of %.4g cannot be proved with %zu trials (%zu hosts x %zu names): it takes %zu, "
          "so %zu hosts; or use never_below",
          cr->value, have, c->facts->n_hosts, c->facts->n_critical, need,
          (need + c->facts->n_critical - 1) / c->facts->n_critical);
}

static void check_event(struct check *c, const struct criterion *cr, const struct kpi_def *k, double alpha)
{
    if (!(cr->value > 0) || !(cr->value < 1))
        fault(c, c->at,
              "a share strictly between 0 and 1 can be proved; for 0 or 1 use never_below or never_above");
    else if (cr->rule == RULE_AT_LEAST && needs_critical_list(k) && c->facts->n_critical > 0 &&
             c->facts->n_hosts > 0)
        check_trials(c, cr, alpha);
}

static void check_rule(struct check *c, const struct criterion *cr, const struct kpi_def *k, double alpha)
{
    uint32_t estimand = k ? k->ops->estimand : 0;
    bool ratio = estimand == PHX_LOG_RATIO || estimand == PHX_TOTAL;
    bool wants_ratio = cr->rule == RULE_REDUCTION_AT_LEAST || cr->rule == RULE_RATIO_AT_MOST;
    bool limit = cr->rule == RULE_NEVER_BELOW || cr->rule == RULE_NEVER_ABOVE;
    if (k && wants_ratio && !ratio)
        fault(c, c->at, "\"%s\" is no ratio: use at_least, at_most, never_below or never_above", cr->kpi);
    if (k && !wants_ratio && !limit && ratio)
        fault(c, c->at, "\"%s\" is a ratio of the arms: use reduction_at_least or ratio_at_most", cr->kpi);
    if (k && wants_ratio && k->ops->better == PHX_HIGHER_IS_BETTER)
        fault(c, c->at, "more of \"%s\" is better: a limit on its growth makes no sense", cr->kpi);
    if (cr->guardrail && cr->rule == RULE_REDUCTION_AT_LEAST)
        fault(c, c->at, "reduction_at_least is a success criterion, no guardrail");
    if (!cr->guardrail && cr->rule == RULE_RATIO_AT_MOST)
        fault(c, c->at, "ratio_at_most is a guardrail; as a success criterion say reduction_at_least");
    if (cr->rule == RULE_REDUCTION_AT_LEAST && !(cr->value > 0 && cr->value < 1))
        fault(c, c->at, "a reduction is a share above 0 and below 1");
    if (cr->rule == RULE_RATIO_AT_MOST && !(cr->value > 1))
        fault(c, c->at, "the margin is not above zero: ratio_at_most must be above 1, for instance 1.1");
    if (!isnan(cr->or_diff) && !(cr->or_diff > 0)) fault(c, c->at, "or_diff_at_most must be above zero");
    if (estimand == PHX_EVENT && (cr->rule == RULE_AT_LEAST || cr->rule == RULE_AT_MOST))
        check_event(c, cr, k, alpha);
    if (needs_critical_list(k) && c->facts->n_critical == 0)
        fault(c, c->at, "\"%s\" needs a list of critical processes, and the experiment has none", cr->kpi);
}

/* Two criteria on one KPI that nothing could meet, or that say one thing twice. */
static void check_pair(struct check *c, const struct criterion *a, const struct criterion *b)
{
    if (strcmp(a->kpi, b->kpi) != 0) return;
    if (a->rule == b->rule) {
        fault(c, c->at, "\"%s\" has %s twice", a->kpi, rule__name(a->rule));
        return;
    }
    const struct criterion *lo = NULL, *hi = NULL;
    for (int i = 0; i < 2; i++) {
        const struct criterion *x = i ? a : b;
        if (x->rule == RULE_AT_LEAST || x->rule == RULE_NEVER_BELOW) lo = x;
        if (x->rule == RULE_AT_MOST || x->rule == RULE_NEVER_ABOVE) hi = x;
    }
    if (lo && hi && lo->value > hi->value)
        fault(c, c->at, "\"%s\" cannot be %s %.4g and %s %.4g", a->kpi, rule__name(lo->rule), lo->value,
              rule__name(hi->rule), hi->value);
}

static void read_criteria(struct check *c, const struct json *list, bool guardrail, struct analysis_spec *s)
{
    for (size_t i = 0; i < json_len(list) && s->n_criteria < ANALYSIS_CRITERIA_MAX; i++) {
        struct criterion *cr = &s->criteria[s->n_criteria];
        *cr = (struct criterion){ .guardrail = guardrail };
        str_copy(cr->kpi, sizeof cr->kpi, json_text(json_get(json_at(list, i), "kpi")));
        snprintf(c->at, sizeof c->at, "/%s/%zu", guardrail ? "guardrails" : "success", i);
        if (!read_rule(c, json_at(list, i), cr)) continue;
        const struct kpi_def *k = find_kpi(c->facts, cr->kpi);
        if (!k && c->facts->n_kpis > 0) name_the_known(c, cr->kpi);
        check_rule(c, cr, k, s->alpha);
        for (unsigned j = 0; j < s->n_criteria; j++) check_pair(c, &s->criteria[j], cr);
        s->n_criteria++;
    }
}

static void add(struct analysis_spec *s, const char *kpi, enum rule rule, double value, double or_diff,
                bool guardrail)
{
    struct criterion *cr = &s->criteria[s->n_criteria++];
    *cr = (struct criterion){ .rule = rule, .value = value, .or_diff = or_diff, .guardrail = guardrail };
    snprintf(cr->kpi, sizeof cr->kpi, "%s", kpi);
}

static void default_guardrails(const struct spec_facts *f, struct analysis_spec *s)
{
    add(s, "collector-cpu", RULE_RATIO_AT_MOST, 1.10, 0.05, true);
    add(s, "collector-memory", RULE_RATIO_AT_MOST, 1.10, 32 << 20, true);
    if (f->n_critical > 0) add(s, "critical-processes", RULE_NEVER_BELOW, 1, NAN, true);
}

/* ---- the rest */

/* A minute, or less in short runs so that there are enough buckets for a verdict; whole seconds. */
static int64_t default_bucket(const struct spec_facts *f)
{
    int64_t least = BUCKET_SAMPLES * f->sample_interval_ns, want = MINUTE_NS;
    if (f->duration_ns > 0 && f->duration_ns / BUCKETS_WANTED < want)
        want = f->duration_ns / BUCKETS_WANTED / NS_PER_S * NS_PER_S;
    if (want < NS_PER_S) want = NS_PER_S;
    return least > want ? least : want;
}

static int enum_of(const struct json *doc, const char *key, const char *const *values, int dflt)
{
    const char *v = json_get_str(doc, key, NULL);
    for (int i = 0; v && values[i]; i++)
        if (strcmp(values[i], v) == 0) return i;
    return dflt;
}

static void read_scalars(const struct json *doc, const struct spec_facts *f, struct analysis_spec *s)
{
    int64_t duration = f->duration_ns;
    s->alpha = json_get_real(doc, "alpha", 0.05);
    s->alpha_stop = json_get_real(doc, "alpha_stop", 0.05);
    s->fleet_size = json_get_int(doc, "fleet_size", 0);
    s->scope = (enum scope)enum_of(doc, "scope", scopes, s->fleet_size > 0 ? SCOPE_FLEET : SCOPE_SAMPLE);
    s->bucket_ns = json_get_duration(doc, "bucket", default_bucket(f));
    s->min_batches = json_get_int(doc, "min_batches", 10);
    s->max_duration_ns = json_get_duration(doc, "max_duration", duration > 0 ? duration : 72 * HOUR_NS);
    int64_t least = 2 * HOUR_NS < s->max_duration_ns ? 2 * HOUR_NS : s->max_duration_ns;
    s->min_duration_ns = json_get_duration(doc, "min_duration", least);
    s->min_evidence = (enum evidence)enum_of(doc, "min_evidence", evidences,
                                             s->scope == SCOPE_FLEET ? EVIDENCE_FLEET : EVIDENCE_WITHIN_HOST);
    s->min_coverage = json_get_real(doc, "min_coverage", 0.8);
    s->early_stop = json_get_bool(doc, "early_stop", false);
}

static void check_evidence(struct check *c, const struct analysis_spec *s)
{
    int64_t hosts = (int64_t)c->facts->n_hosts;
    int64_t least[] = { 1, 2, 5, s->fleet_size };
    if (s->fleet_size > 0 && s->scope == SCOPE_SAMPLE)
        fault(c, "/fleet_size", "it goes with scope \"fleet\"");
    if (s->scope == SCOPE_SAMPLE && s->min_evidence > EVIDENCE_WITHIN_HOST)
        fault(c, "/min_evidence",
              "with scope \"sample\" the verdict is about these hosts only: set scope to \"fleet\"");
    else if (s->min_evidence == EVIDENCE_CENSUS && s->fleet_size == 0)
        fault(c, "/min_evidence", "a census needs fleet_size");
    else if (hosts > 0 && hosts < least[s->min_evidence])
        fault(c, "/min_evidence",
              "evidence \"%s\" takes at least %lld hosts, the experiment has %lld: add hosts, or "
              "lower min_evidence",
              evidences[s->min_evidence], (long long)least[s->min_evidence], (long long)hosts);
    if (s->fleet_size > 0 && hosts > s->fleet_size)
        fault(c, "/fleet_size", "smaller than the %lld hosts of the experiment", (long long)hosts);
}

static void check_times(struct check *c, const struct analysis_spec *s)
{
    const struct spec_facts *f = c->facts;
    char text[32];
    if (f->sample_interval_ns > 0 && s->bucket_ns < BUCKET_SAMPLES * f->sample_interval_ns)
        fault(c, "/bucket", "shorter than four sample intervals (%s)",
              format_duration(BUCKET_SAMPLES * f->sample_interval_ns, text));
    if (s->min_duration_ns > s->max_duration_ns)
        fault(c, "/min_duration", "longer than max_duration (%s)", format_duration(s->max_duration_ns, text));
    else if (f->duration_ns > 0 && s->min_duration_ns > f->duration_ns)
        fault(c, "/min_duration", "longer than the experiment's duration (%s)",
              format_duration(f->duration_ns, text));
}

bool analysis_spec_parse(const struct json *doc, const struct spec_facts *facts, struct analysis_spec *ret,
                         struct faults *faults)
{
    unsigned before = faults->n;
    struct check c = { .facts = facts, .faults = faults };
    struct analysis_spec s = { 0 };
    if (doc && !shape_is_fine(&c, doc)) return false;
    read_scalars(doc, facts, &s);
    if (json_get(doc, "success")) read_criteria(&c, json_get(doc, "success"), false, &s);
    else add(&s, "cardinality", RULE_REDUCTION_AT_LEAST, 0.10, NAN, false);
    if (json_get(doc, "guardrails")) read_criteria(&c, json_get(doc, "guardrails"), true, &s);
    else default_guardrails(facts, &s);
    check_evidence(&c, &s);
    check_times(&c, &s);
    if (faults->n > before) return false;
    *ret = s;
    return true;
}

struct json *analysis_spec_json(const struct analysis_spec *s)
{
    struct json *j = json_object(), *list[2] = { json_array(), json_array() };
    json_set_real(j, "alpha", s->alpha);
    json_set_real(j, "alpha_stop", s->alpha_stop);
    json_set_str(j, "scope", scopes[s->scope]);
    if (s->fleet_size > 0) json_set_int(j, "fleet_size", s->fleet_size);
    json_set_duration(j, "bucket", s->bucket_ns);
    json_set_int(j, "min_batches", s->min_batches);
    json_set_duration(j, "min_duration", s->min_duration_ns);
    json_set_duration(j, "max_duration", s->max_duration_ns);
    json_set_str(j, "min_evidence", evidence__name(s->min_evidence));
    json_set_real(j, "min_coverage", s->min_coverage);
    json_set_bool(j, "early_stop", s->early_stop);
    for (unsigned i = 0; i < s->n_criteria; i++) {
        const struct criterion *cr = &s->criteria[i];
        struct json *o = json_object();
        json_set_str(o, "kpi", cr->kpi);
        json_set_real(o, rule__name(cr->rule), cr->value);
        if (!isnan(cr->or_diff)) json_set_real(o, "or_diff_at_most", cr->or_diff);
        json_add(list[cr->guardrail], o);
    }
    json_set(j, "success", list[0]);
    json_set(j, "guardrails", list[1]);
    return j;
}
