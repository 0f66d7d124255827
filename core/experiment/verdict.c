/* SPDX-License-Identifier: Apache-2.0 */
/* From criteria to a decision. The order of the rules is the order of what must not be overlooked:
 * harm that was seen, data that cannot carry a verdict, harm and failure that are proved, success. */
#include "core/experiment/analysis_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct tally {
    unsigned n, met, weak;
    int breached, limit_breached, refuted, unmet; /* the first of its kind; -1: none */
};

static void tally_up(const struct look *l, struct tally *t)
{
    const struct analysis_spec *spec = l->in->spec;
    *t = (struct tally){
        .n = spec->n_criteria, .breached = -1, .limit_breached = -1, .refuted = -1, .unmet = -1
    };
    for (int i = (int)spec->n_criteria - 1; i >= 0; i--) {
        const struct criterion *cr = &spec->criteria[i];
        const struct judgement *j = &l->judgements[i];
        bool limit = cr->rule == RULE_NEVER_BELOW || cr->rule == RULE_NEVER_ABOVE;
        t->weak += j->weak_promote;
        if (j->state == CRITERION_MET) t->met++;
        else t->unmet = i;
        if (j->state != CRITERION_FAILED) continue;
        if (!cr->guardrail) t->refuted = i;
        else if (limit) t->limit_breached = i;
        else t->breached = i;
    }
}

static void decide(struct verdict *v, enum decision d, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void decide(struct verdict *v, enum decision d, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    v->decision = d;
    vsnprintf(v->text, sizeof v->text, fmt, ap);
    va_end(ap);
}

/* The first sentence of it; NULL: none is broken. */
static const char *broken_parity(const struct look *l)
{
    for (unsigned k = 0; k < PARITY_COUNT; k++)
        if (l->parity[k].is_broken) return l->parity[k].text;
    return NULL;
}

static bool data_is_void(const struct look *l, struct verdict *v)
{
    const struct analysis_input *in = l->in;
    if (!in->ended && l->cells->grid.n < (size_t)in->spec->min_batches) return false;
    if (l->cells->n_hosts == 0)
        decide(v, DECISION_INVALID, "no agent has reported a sample of either arm in this time");
    else if (l->coverage < in->spec->min_coverage)
        decide(v, DECISION_INVALID, "only %.0f %% of the (host, bucket) pairs are whole; %.0f %% are needed",
               100 * l->coverage, 100 * in->spec->min_coverage);
    else if (broken_parity(l))
        decide(v, DECISION_INVALID, "the arms did not see the same input: %s", broken_parity(l));
    else return false;
    return true;
}

static bool promote_is_allowed(const struct look *l, const struct tally *t, struct verdict *v)
{
    const struct analysis_spec *spec = l->in->spec;
    enum decision wait = l->in->ended ? DECISION_INCONCLUSIVE : DECISION_KEEP_RUNNING;
    if (t->weak > 0)
        decide(
            v, wait,
            "every criterion is met, but the effect drifts or most batches go the other way: see the flags");
    else if (l->evidence < spec->min_evidence)
        decide(v, wait, "every criterion is met, but the evidence is %s and %s is asked for",
               evidence__name(l->evidence), evidence__name(spec->min_evidence));
    else return true;
    return false;
}

/* Measuring ends a little before or after its planned end: a bucket does not matter. */
static bool long_enough(const struct look *l)
{
    return l->elapsed_ns + l->in->spec->bucket_ns >= l->in->spec->min_duration_ns;
}

static void decide_by_rules(const struct look *l, struct verdict *v)
{
    const struct analysis_spec *spec = l->in->spec;
    struct tally t;
    tally_up(l, &t);
    bool over = l->in->ended || (spec->max_duration_ns > 0 && l->elapsed_ns >= spec->max_duration_ns);
    const char *unmet = t.unmet >= 0 ? l->judgements[t.unmet].text : "";
    v->breached = t.limit_breached >= 0;
    if (t.limit_breached >= 0) {
        decide(v, DECISION_REJECT, "%s", l->judgements[t.limit_breached].text);
    } else if (data_is_void(l, v)) {
        return;
    } else if (t.breached >= 0) {
        v->breached = true;
        decide(v, DECISION_REJECT, "%s", l->judgements[t.breached].text);
    } else if (t.refuted >= 0 && long_enough(l)) {
        decide(v, DECISION_REJECT, "%s", l->judgements[t.refuted].text);
    } else if (t.met == t.n && t.n > 0 && long_enough(l)) {
        if (promote_is_allowed(l, &t, v))
            decide(v, DECISION_PROMOTE, "all %u criteria are met, %s", t.n, l->evidence_text);
    } else if (over) {
        decide(v, DECISION_INCONCLUSIVE, "%s",
               t.n == 0   ? "there is no criterion to decide by"
               : unmet[0] ? unmet
                          : "it was ended before its least duration");
    } else {
        decide(v, DECISION_KEEP_RUNNING, "%s",
               unmet[0] ? unmet : "every criterion is met; the least duration is not over");
    }
}

void look__decide(const struct look *l, struct verdict *ret, struct json *reasons)
{
    *ret = (struct verdict){ 0 };
    decide_by_rules(l, ret);
    bool final = ret->decision == DECISION_PROMOTE || ret->decision == DECISION_REJECT;
    ret->certain = final && l->in->spec->early_stop;
    snprintf(ret->evidence, sizeof ret->evidence, "%s", l->evidence_text);
    json_add_str(reasons, ret->text);
    for (unsigned i = 0; i < l->in->spec->n_criteria; i++)
        if (strcmp(l->judgements[i].text, ret->text) != 0) json_add_str(reasons, l->judgements[i].text);
    for (unsigned k = 0; k < PARITY_COUNT; k++)
        if (l->parity[k].text[0] && !strstr(ret->text, l->parity[k].text))
            json_add_str(reasons, l->parity[k].text);
}
