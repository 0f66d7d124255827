/* SPDX-License-Identifier: Apache-2.0 */
/* Did both arms see the same input? Every reduction is void if one of them was given less to begin with.
 *
 * Two things enter an arm: points, of which every collector tells, and OTLP of applications, which only the
 * agent's tee sees whole. What it could not deliver is skew. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PARITY_MARGIN 0.01 /* what entered the arms may differ by so much */
#define PARITY_ALPHA 0.025

/** Sums of what was delivered and offered, over all cells that have them. */
struct share {
    bool is_measured;
    double delivered, offered;
};

static struct share share_of(const struct look *l, const struct series *s, int arm)
{
    struct share sum = { 0 };
    for (size_t i = 0; i < l->cells->n_hosts * l->cells->grid.n; i++) {
        if (isnan(s->value[arm][i])) continue;
        sum.is_measured = true;
        sum.delivered += s->value[arm][i];
        sum.offered += s->weight[arm][i];
    }
    return sum;
}

static double missed_percent(const struct share *s)
{
    return s->offered > s->delivered ? 100 * (1 - s->delivered / s->offered) : 0;
}

/** Before there are statistics: an arm without OTLP, or with nothing of it. True: that is all to be said. */
static bool otlp_is_plain(struct parity *p, const struct share *b, const struct share *c)
{
    if (!b->is_measured && !c->is_measured)
        p->text[0] = '\0';
    else if (!b->is_measured || !c->is_measured)
        snprintf(p->text, sizeof p->text, "only the %s takes OTLP of applications: there is no skew of it",
                 b->is_measured ? "baseline" : "candidate");
    else if (b->delivered <= 0 && c->delivered <= 0)
        snprintf(p->text, sizeof p->text, "no OTLP of applications reached either arm");
    else if (b->delivered <= 0 || c->delivered <= 0)
        p->is_broken = snprintf(p->text, sizeof p->text, "OTLP of applications reached the %s only",
                                b->delivered > 0 ? "baseline" : "candidate") > 0;
    else return false;
    return true;
}

/** The ratio and its interval, and whether that lies outside of the margin. */
static void judge(const struct look *l, struct parity *p, const char *known)
{
    struct band_facts f = band_facts__of(l->in->spec);
    const struct effect *e = &p->effect;
    f.scope = SCOPE_SAMPLE;
    struct band b = effect__band(e, &f, PARITY_ALPHA);
    if (e->why[0]) {
        snprintf(p->text, sizeof p->text, "input parity could not be checked: %s", e->why);
    } else if (isinf(b.time)) {
        snprintf(p->text, sizeof p->text, "input parity is not known yet: %zu batches of %zu", e->n_batches,
                 f.min_batches);
    } else {
        p->is_broken =
            e->theta - b.below > log1p(PARITY_MARGIN) || e->theta + b.above < log1p(-PARITY_MARGIN);
        snprintf(p->text, sizeof p->text, "%s, candidate to baseline: %.4f (%.4f to %.4f)", known,
                 exp(e->theta), exp(e->theta - b.below), exp(e->theta + b.above));
    }
}

static void add_missed(struct parity *p, const struct share *b, const struct share *c)
{
    size_t n = strlen(p->text);
    snprintf(p->text + n, sizeof p->text - n,
             "; of what was offered the baseline missed %.2f %%, the candidate %.2f %%", missed_percent(b),
             missed_percent(c));
}

static void check_otlp(const struct look *l, const struct series *s, struct parity *p)
{
    struct share b = share_of(l, s, ARM_BASELINE), c = share_of(l, s, ARM_CANDIDATE);
    if (otlp_is_plain(p, &b, &c)) return;
    judge(l, p, "OTLP bytes that reached the arms");
    add_missed(p, &b, &c);
}

void look__check_parity(struct look *l)
{
    size_t min_batches = (size_t)l->in->spec->min_batches;
    for (unsigned k = 0; k < PARITY_COUNT; k++) {
        const struct series *s = &l->cells->series[l->in->n_kpis + k];
        effect__compute(l->cells, s, PHX_TOTAL, min_batches, &l->parity[k].effect);
        if (k == PARITY_OTLP) check_otlp(l, s, &l->parity[k]);
        else judge(l, &l->parity[k], "points that entered");
    }
}
