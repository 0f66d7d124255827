/* SPDX-License-Identifier: Apache-2.0 */
/* Rejection-inversion (Hörmann and Derflinger 1996): draw under a curve that lies close above the steps of
 * the distribution and whose integral has an inverse; draw again when the draw is above the step. Of three
 * draws at most one is wasted, whatever n and s are. */
#include "plugins/otlpgen/zipf.h"
#include <math.h>

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* (e^x - 1)/x and log(1+x)/x, which are 1 at 0: what makes s = 1 no special case. */
static double expm1_over(double x)
{
    return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double log1p_over(double x)
{
    return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

static double step(const struct zipf *z, double x)
{
    return exp(-z->s * log(x));
}

static double integral(const struct zipf *z, double x)
{
    double l = log(x);
    return expm1_over((1 - z->s) * l) * l;
}

static double integral_inverse(const struct zipf *z, double y)
{
    double t = y * (1 - z->s);
    if (t < -1) t = -1; /* rounding */
    return exp(log1p_over(t) * y);
}

struct zipf zipf_make(uint64_t n, double s)
{
    struct zipf z = { .n = n, .s = s };
    z.from = integral(&z, 1.5) - 1;
    z.to = integral(&z, (double)n + 0.5);
    z.cut = 2 - integral_inverse(&z, integral(&z, 2.5) - step(&z, 2));
    return z;
}

uint64_t zipf_draw(const struct zipf *z, uint64_t random)
{
    for (;;) {
        double y = z->to + random_unit(random_next(&random)) * (z->from - z->to);
        double x = integral_inverse(z, y), k = floor(x + 0.5);
        if (k < 1) k = 1;
        if (k > (double)z->n) k = (double)z->n;
        if (k - x <= z->cut || y >= integral(z, k + 0.5) - step(z, k)) return (uint64_t)k - 1;
    }
}
