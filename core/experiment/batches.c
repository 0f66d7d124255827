/* SPDX-License-Identifier: Apache-2.0 */
/* How long a batch must be so that batch means are as good as independent. */
#include "core/experiment/analysis_priv.h"

#include <math.h>
#include "phoenix/stat.h"

#define BATCH_TAUS BATCH_LEAST /* batch length in autocorrelation times */
#define FIRST_LOOK 40          /* buckets: ten batches of the least length */
#define LOOK_GROWTH 1.5
#define WHITE_SDS 2.2 /* what noise without memory passes now and then by chance: 1.4 % */

/* Short series of independent values show some autocorrelation by chance, and batches that only grow
 * would hold on to it for ever. So what does not stand out from chance counts as none: the sample
 * autocorrelation of independent values has standard deviation 1/sqrt(n), the sum of two sqrt(2/n). */
static double tau_beyond_chance(const double *x, size_t n)
{
    double tau = phx_tau(x, n);
    if (!(tau > 1)) return 1;
    double first = phx_autocorr(x, n, 1);
    double next = phx_autocorr(x, n, 2) + phx_autocorr(x, n, 3);
    bool white = first < WHITE_SDS / sqrt((double)n) && next < WHITE_SDS * sqrt(2 / (double)n);
    return white ? 1 : tau;
}

/* Looked at after 40, 60, 90, 135 ... buckets whatever the time of the analysis, so that the length
 * depends on the data alone: a later analysis of the same experiment never has shorter batches. */
size_t batch__length(const double *x, size_t n, double *ret_tau)
{
    size_t length = BATCH_LEAST;
    *ret_tau = 1;
    for (double look = FIRST_LOOK; look <= (double)n; look *= LOOK_GROWTH) {
        double tau = tau_beyond_chance(x, (size_t)look);
        size_t want = (size_t)ceil(BATCH_TAUS * tau - 1e-9);
        if (want > length) length = want;
        if (tau > *ret_tau) *ret_tau = tau;
    }
    return length;
}
