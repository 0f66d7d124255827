/* SPDX-License-Identifier: Apache-2.0 */
/* One look at an experiment: cells, effects, criteria, decision. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/clock.h"
#include "core/base/mem.h"

#define FULL_CYCLE_NS (24 * 3600 * NS_PER_S)
#define FLEET_HOSTS 5 /* from so many hosts on one may speak of hosts like these */

static const char *const decision_names[] = { "keep_running", "promote", "reject", "inconclusive",
                                              "invalid" };

const char *decision_name(enum decision d)
{
    return decision_names[d];
}

static double coverage_of(const struct cells *c)
{
    size_t n = c->n_hosts * c->grid.n, whole = 0, possible = n + c->n_absent * c->grid.n;
    for (size_t i = 0; i < n; i++)
        whole += c->state[ARM_BASELINE][i] == CELL_OK && c->state[ARM_CANDIDATE][i] == CELL_OK;
    return possible ? (double)whole / (double)possible : 0;
}

static void compute_kpis(struct look *l)
{
    for (size_t i = 0; i < l->in->n_kpis; i++) {
        struct kpi_result *k = &l->kpis[i];
        k->def = &l->in->kpis[i];
        k->series = &l->cells->series[i];
        if (k->def->ops->estimand == PHX_EVENT) event__compute(l->cells, k->series, &k->event);
        else
            effect__compute(l->cells, k->series, k->def->ops->estimand, (size_t)l->in->spec->min_batches,
                            &k->effect);
        series__drops(l->cells, k->series, &k->drops);
    }
}

/* What may be said rests on the KPI with the fewest hosts among those that decide. */
static void find_evidence(struct look *l)
{
    const struct analysis_spec *spec = l->in->spec;
    size_t hosts = l->cells->n_hosts;
    bool constant = spec->n_criteria > 0;
    for (unsigned i = 0; i < spec->n_criteria; i++)
        for (size_t k = 0; k < l->in->n_kpis; k++) {
            const struct kpi_result *r = &l->kpis[k];
            if (r->def->ops->estimand == PHX_EVENT || strcmp(r->def->name, spec->criteria[i].kpi) != 0)
                continue;
            if (r->effect.why[0] == 0 && r->effect.n_hosts < hosts) hosts = r->effect.n_hosts;
            if (!(r->effect.flags & FLAG_DETERMINISTIC)) constant = false;
        }
    if (spec->scope == SCOPE_SAMPLE || hosts <= 1) l->evidence = EVIDENCE_WITHIN_HOST;
    else if (spec->fleet_size > 0 && (int64_t)hosts >= spec->fleet_size) l->evidence = EVIDENCE_CENSUS;
    else l->evidence = hosts < FLEET_HOSTS ? EVIDENCE_SMALL_FLEET : EVIDENCE_FLEET;
    snprintf(l->evidence_text, sizeof l->evidence_text, "%s%s%s", evidence__name(l->evidence),
             l->elapsed_ns < FULL_CYCLE_NS ? ", partial-cycle" : "", constant ? ", deterministic" : "");
}

int analysis_run(const struct analysis_input *in, struct json **ret_result, struct verdict *ret_verdict,
                 struct err *err)
{
    if (!in->spec || in->spec->bucket_ns <= 0 || in->sample_interval_ns <= 0 || in->to_ns < in->from_ns)
        return err_set(err, ERR_INVAL, "an analysis needs a spec, a span of time and a sample interval");
    struct cells cells;
    int rc = cells__make(in, &cells, err);
    if (rc) return rc;
    struct look l = { .in = in,
                      .cells = &cells,
                      .kpis = mem_calloc(in->n_kpis + 1, sizeof *l.kpis),
                      .judgements = mem_calloc(in->spec->n_criteria + 1, sizeof *l.judgements),
                      .elapsed_ns = in->to_ns - in->from_ns };
    l.coverage = coverage_of(&cells);
    look__check_parity(&l);
    compute_kpis(&l);
    find_evidence(&l);
    look__judge(&l);
    struct json *reasons = json_array();
    look__decide(&l, ret_verdict, reasons);
    *ret_result = look__result(&l, ret_verdict, reasons);
    free(l.judgements);
    free(l.kpis);
    cells__done(&cells);
    return 0;
}
