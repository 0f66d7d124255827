/* SPDX-License-Identifier: Apache-2.0 */
/* Events: k of n trials. A trial is one thing to be seen on one host (a critical process), not one
 * scrape of it: a process that is lost is lost once, however often that is noticed. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/mem.h"

#define WORST_SHARE 0.05 /* of a host's buckets that may be worse than what it is judged by */

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Trials of one host and arm, and how many were lost but for the worst buckets. False: no cell. */
static bool host_trials(const struct cells *c, const struct series *s, size_t h, int arm, double *scratch,
                        double *ret_trials, double *ret_lost)
{
    size_t n = 0;
    *ret_trials = 0;
    for (size_t b = 0; b < c->grid.n; b++) {
        size_t at = h * c->grid.n + b;
        if (isnan(s->value[arm][at])) continue;
        scratch[n++] = s->weight[arm][at] - s->value[arm][at];
        *ret_trials = fmax(*ret_trials, s->weight[arm][at]);
    }
    if (n == 0) return false;
    qsort(scratch, n, sizeof *scratch, descending);
    *ret_lost = scratch[(size_t)(WORST_SHARE * (double)n)];
    return true;
}

void event__compute(const struct cells *c, const struct series *s, struct event_effect *ret)
{
    *ret = (struct event_effect){ 0 };
    double *scratch = mem_calloc(c->grid.n + 1, sizeof *scratch), trials, lost;
    bool any[ARM_COUNT] = { false, false };
    for (size_t h = 0; h < c->n_hosts && !s->why[0]; h++)
        for (int arm = 0; arm < ARM_COUNT; arm++) {
            if (!host_trials(c, s, h, arm, scratch, &trials, &lost)) continue;
            any[arm] = true;
            ret->n_hosts += arm == ARM_CANDIDATE;
            ret->trials[arm] += trials;
            ret->successes[arm] += trials - lost;
        }
    for (size_t b = 0; b < c->grid.n; b++)
        for (size_t h = 0; h < c->n_hosts; h++)
            if (!isnan(s->value[ARM_CANDIDATE][h * c->grid.n + b])) {
                ret->n_buckets++;
                break;
            }
    free(scratch);
    if (s->why[0]) snprintf(ret->why, sizeof ret->why, "%s", s->why);
    else if (!any[ARM_CANDIDATE])
        snprintf(ret->why, sizeof ret->why, "no data: the candidate has no cell of this KPI");
}
