/* SPDX-License-Identifier: Apache-2.0 */
/* Slots are replaced in turn, at even times: replacement number j, at (j + 1) * 60 / churn seconds, is
 * that of slot j modulo the number of slots. So the generation of a slot and its birth follow from the
 * time. */
#include "plugins/otlpgen/series.h"
#include <math.h>

static const double CURVE_S = 120; /* a gauge goes up and down in this time, with its own pace */

uint64_t series_replaced(const struct plan_metric *m, double t_s)
{
    return m->churn > 0 && t_s > 0 ? (uint64_t)(t_s * m->churn / 60) : 0;
}

static double birth_of(const struct plan_metric *m, uint64_t slot, uint64_t generation)
{
    if (!generation) return 0;
    return (double)((generation - 1) * m->series + slot + 1) * 60 / m->churn;
}

static uint64_t draw(const struct plan_label *l, uint64_t random)
{
    if (l->zipf.n) return zipf_draw(&l->zipf, random);
    return random_next(&random) % l->count;
}

/* Labels that span are the digits of the slot, the last one turning fastest. */
static void number_labels(const struct plan_metric *m, uint64_t salt, struct series *s)
{
    uint64_t rest = s->slot;
    for (unsigned i = m->n_labels; i-- > 0;) {
        const struct plan_label *l = &m->labels[i];
        if (l->role != LABEL_SPANS) continue;
        s->number[i] = rest % l->count;
        rest /= l->count;
    }
    if (m->churned >= 0)
        s->number[m->churned] += s->generation * m->labels[m->churned].count;
    for (unsigned i = 0; i < m->n_labels; i++) {
        const struct plan_label *l = &m->labels[i];
        if (l->role == LABEL_SPANS) continue;
        uint64_t from = l->role == LABEL_DEPENDS ? s->number[l->of] : s->slot ^ (s->generation << 40);
        uint64_t state = salt + i;
        state = random_next(&state) ^ from;
        s->number[i] = draw(l, state);
    }
}

void series_at(const struct plan_metric *m, uint64_t salt, uint64_t slot, double t_s, struct series *ret)
{
    uint64_t replaced = series_replaced(m, t_s);
    ret->slot = slot;
    ret->generation = replaced > slot ? (replaced - slot - 1) / m->series + 1 : 0;
    ret->born_s = fmin(birth_of(m, slot, ret->generation), t_s); /* rounding */
    ret->age_s = t_s - ret->born_s;
    uint64_t state = salt ^ slot ^ (ret->generation << 40), random = random_next(&state);
    ret->pace = 0.5 + (double)(random >> 32) * 0x1p-32;
    ret->phase = (double)(random & UINT32_MAX) * 0x1p-32;
    number_labels(m, salt, ret);
}

double series_gauge(const struct plan_metric *m, const struct series *s, double t_s)
{
    double x = t_s * s->pace / CURVE_S + s->phase;
    x -= floor(x);
    return m->least + (m->most - m->least) * (x < 0.5 ? 2 * x : 2 - 2 * x);
}

uint64_t series_sum(const struct plan_metric *m, const struct series *s)
{
    return (uint64_t)(s->age_s * s->pace * m->per_second);
}

/* A value inside bucket i, which has its upper bound. */
static double typical(const struct plan_metric *m, unsigned i)
{
    if (!m->n_bounds) return 1;
    if (i == m->n_bounds) return m->bounds[i - 1] + fabs(m->bounds[i - 1]) / 2 + 1e-9;
    double below = i ? m->bounds[i - 1] : fmin(m->bounds[0], 0);
    return below + (m->bounds[i] - below) / 2;
}

/* Each bucket grows by itself, so none ever shrinks; the count is what they add up to. */
uint64_t series_histogram(const struct plan_metric *m, const struct series *s, uint64_t *ret_buckets,
                          double *ret_sum)
{
    double observed = s->age_s * s->pace * m->per_second;
    uint64_t count = 0;
    *ret_sum = 0;
    for (unsigned i = 0; i <= m->n_bounds; i++) {
        ret_buckets[i] = (uint64_t)(observed * m->weights[i]);
        count += ret_buckets[i];
        *ret_sum += (double)ret_buckets[i] * typical(m, i);
    }
    return count;
}
