/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file phoenix/stat.h
 * The statistics that Phoenix decides with, header-only and not ABI: a plugin compiles its own copy.
 *
 * Pure functions, no allocation, no state, any thread. Not a number in, not a number out. Relative
 * accuracy 1e-10 or better where the result is not subnormal; tests/unit/experiment/test_stat.c holds
 * the vectors. doc/statistics.md has the formulas with their sources.
 */
#ifndef PHOENIX_STAT_H
#define PHOENIX_STAT_H
#include <float.h>
#include <math.h>
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

/* ---- sums and moments */

/** Compensated sum (Neumaier 1974). Start with zeros. */
typedef struct phx_sum {
    double sum, rest;
} phx_sum;

static inline void phx_sum_add(phx_sum *s, double x)
{
    double t = s->sum + x;
    s->rest += fabs(s->sum) >= fabs(x) ? (s->sum - t) + x : (x - t) + s->sum;
    s->sum = t;
}

static inline double phx_sum_value(const phx_sum *s)
{
    return s->sum + s->rest;
}

/** Running mean and variance (Welford 1962). Start with zeros. */
typedef struct phx_moments {
    double n, mean, m2;
} phx_moments;

static inline void phx_moments_add(phx_moments *m, double x)
{
    double d = x - m->mean;
    m->n += 1;
    m->mean += d / m->n;
    m->m2 += d * (x - m->mean);
}

/** Sample variance (divisor n - 1); NAN below two values. */
static inline double phx_moments_var(const phx_moments *m)
{
    return m->n >= 2 ? m->m2 / (m->n - 1) : (double)NAN;
}

static inline double phx_mean(const double *x, size_t n)
{
    phx_sum s = { 0, 0 };
    for (size_t i = 0; i < n; i++) phx_sum_add(&s, x[i]);
    return n ? phx_sum_value(&s) / (double)n : (double)NAN;
}

/** Sample variance in two passes (divisor n - 1); NAN below two values. */
static inline double phx_var(const double *x, size_t n)
{
    if (n < 2) return (double)NAN;
    double mean = phx_mean(x, n);
    phx_sum s = { 0, 0 };
    for (size_t i = 0; i < n; i++) phx_sum_add(&s, (x[i] - mean) * (x[i] - mean));
    return phx_sum_value(&s) / (double)(n - 1);
}

/** Autocorrelation at lag k; NAN when nothing varies. */
static inline double phx_autocorr(const double *x, size_t n, size_t k)
{
    double mean = phx_mean(x, n);
    phx_sum num = { 0, 0 }, den = { 0, 0 };
    for (size_t i = 0; i < n; i++) {
        phx_sum_add(&den, (x[i] - mean) * (x[i] - mean));
        if (i + k < n) phx_sum_add(&num, (x[i] - mean) * (x[i + k] - mean));
    }
    double d = phx_sum_value(&den);
    return d > 0 ? phx_sum_value(&num) / d : (double)NAN;
}

/** Integrated autocorrelation time, Geyer's (1992) initial positive sequence; at least 1. */
static inline double phx_tau(const double *x, size_t n)
{
    double tau = -1, mean = phx_mean(x, n), den = phx_var(x, n) * (double)(n ? n - 1 : 0);
    if (!(den > 0)) return den >= 0 || n < 2 ? 1 : (double)NAN;
    for (size_t k = 0; 2 * k < n; k++) {
        phx_sum pair = { 0, 0 };
        for (size_t lag = 2 * k; lag <= 2 * k + 1; lag++)
            for (size_t i = 0; i + lag < n; i++) phx_sum_add(&pair, (x[i] - mean) * (x[i + lag] - mean));
        double gamma = phx_sum_value(&pair) / den;
        if (!(gamma > 0)) break;
        tau += 2 * gamma;
    }
    return tau > 1 ? tau : 1;
}

/* ---- gamma and beta */

/** ln Gamma(x), x > 0. Unlike lgamma() it touches no global. Stirling's series above 15. */
static inline double phx_lngamma(double x)
{
    static const double c[] = { 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360,
                                1.0 / 156 };
    double shift = 1;
    if (!(x > 0)) return (double)NAN;
    if (isinf(x)) return x;
    for (; x < 15; x += 1) shift *= x;
    double w = 1 / (x * x), s = 0;
    for (int i = 6; i >= 0; i--) s = s * w + c[i];
    return (x - 0.5) * log(x) - x + 0.91893853320467274178 /* ln(2 pi)/2 */ + s / x - log(shift);
}

static inline double phx_lnbeta(double a, double b)
{
    return phx_lngamma(a) + phx_lngamma(b) - phx_lngamma(a + b);
}

/** Continued fraction of the incomplete beta function by Lentz's method; for x below a/(a+b). */
static inline double phx_beta_cf_(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 20000; m++) {
        double f[2] = { m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) };
        double step = 1;
        for (int j = 0; j < 2; j++) {
            d = 1 + f[j] * d;
            c = 1 + f[j] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            if (fabs(c) < tiny) c = tiny;
            step = c * d;
            h *= step;
        }
        if (fabs(step - 1) < 1e-16) break;
    }
    return h;
}

/** ln of the regularised incomplete beta function; y = 1 - x is given too, so that nothing cancels. */
static inline double phx_ln_beta_inc_xy_(double a, double b, double x, double y)
{
    if (!(a > 0) || !(b > 0) || !(x >= 0) || !(y >= 0)) return (double)NAN;
    if (x == 0) return -INFINITY;
    if (y == 0) return 0;
    double ln_front = a * log(x) + b * log(y) - phx_lnbeta(a, b);
    if (x <= (a + 1) / (a + b + 2)) return ln_front - log(a) + log(phx_beta_cf_(a, b, x));
    return log1p(-exp(ln_front - log(b) + log(phx_beta_cf_(b, a, y))));
}

/** Regularised incomplete beta function I_x(a, b). */
static inline double phx_beta_inc(double a, double b, double x)
{
    return exp(phx_ln_beta_inc_xy_(a, b, x, 1 - x));
}

/** x with I_x(a, b) = p, by bisection. */
static inline double phx_beta_inv(double p, double a, double b)
{
    if (!(p >= 0) || !(p <= 1) || !(a > 0) || !(b > 0)) return (double)NAN;
    if (p == 0 || p == 1) return p;
    double lo = 0, hi = 1;
    for (int i = 0; i < 1100; i++) {
        double mid = lo + (hi - lo) / 2;
        if (mid <= lo || mid >= hi) break;
        if (phx_beta_inc(a, b, mid) < p) lo = mid;
        else hi = mid;
    }
    return lo + (hi - lo) / 2;
}

/* ---- normal and t */

static inline double phx_norm_cdf(double z)
{
    return erfc(-z * 0.70710678118654752440) / 2;
}

static inline double phx_poly_(const double *c, int n, double x)
{
    double r = 0;
    while (n-- > 0) r = r * x + c[n];
    return r;
}

/** z with Phi(z) = p: algorithm AS 241, PPND16 (Wichura 1988). */
static inline double phx_norm_q(double p)
{
    static const double a[] = { 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3 };
    static const double b[] = { 1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
                                2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
                                5.2264952788528545610e3 };
    static const double c[] = { 1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                                3.64784832476320460504e0, 1.27045825245236838258e0,
                                2.41780725177450611770e-1, 2.27238449892691845833e-2,
                                7.74545014278341407640e-4 };
    static const double d[] = { 1, 2.05319162663775882187e0, 1.67638483018380384940e0,
                                6.89767334985100004550e-1, 1.48103976427480074590e-1,
                                1.51986665636164571966e-2, 5.47593808499534494600e-4,
                                1.05075007164441684324e-9 };
    static const double e[] = { 6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
                                2.96560571828504891230e-1, 2.65321895265761230930e-2,
                                1.24266094738807843860e-3, 2.71155556874348757815e-5,
                                2.01033439929228813265e-7 };
    static const double f[] = { 1, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
                                1.48753612908506148525e-2, 7.86869131145613259100e-4,
                                1.84631831751005468180e-5, 1.42151175831644588870e-7,
                                2.04426310338993978564e-15 };
    if (!(p >= 0) || !(p <= 1)) return (double)NAN;
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q * phx_poly_(a, 8, r) / phx_poly_(b, 8, r);
    }
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    double z = r <= 5 ? phx_poly_(c, 8, r - 1.6) / phx_poly_(d, 8, r - 1.6)
                      : phx_poly_(e, 8, r - 5) / phx_poly_(f, 8, r - 5);
    return q < 0 ? -z : z;
}

/** Upper tail of Student's t. */
static inline double phx_t_sf(double t, double df)
{
    if (!(df > 0) || isnan(t)) return (double)NAN;
    double x = df / (df + t * t), y = t * t / (df + t * t);
    double tail = isinf(t) ? 0 : exp(phx_ln_beta_inc_xy_(df / 2, 0.5, x, y)) / 2;
    return t >= 0 ? tail : 1 - tail;
}

static inline double phx_t_cdf(double t, double df)
{
    return phx_t_sf(-t, df);
}

/** t with upper tail @p q. */
static inline double phx_t_isf(double q, double df)
{
    if (!(q > 0) || !(q < 1) || !(df > 0)) return (double)NAN;
    if (q > 0.5) return -phx_t_isf(1 - q, df);
    if (q < 0.25) {
        double x = phx_beta_inv(2 * q, df / 2, 0.5);
        return sqrt(df * (1 - x) / x);
    }
    double y = phx_beta_inv(1 - 2 * q, 0.5, df / 2);
    return sqrt(df * y / (1 - y));
}

/** Welch's test of two means from summaries; answers the two-sided p. */
static inline double phx_welch(const phx_moments *a, const phx_moments *b, double *ret_t, double *ret_df)
{
    double va = phx_moments_var(a) / a->n, vb = phx_moments_var(b) / b->n;
    double t = (a->mean - b->mean) / sqrt(va + vb);
    double df = (va + vb) * (va + vb) / (va * va / (a->n - 1) + vb * vb / (b->n - 1));
    if (ret_t) *ret_t = t;
    if (ret_df) *ret_df = df;
    return 2 * phx_t_sf(fabs(t), df);
}

/* ---- k successes of n */

/** P(X >= k), X binomial. */
static inline double phx_binom_upper(double k, double n, double p)
{
    if (isnan(k) || isnan(n) || !(p >= 0) || !(p <= 1)) return (double)NAN;
    return k <= 0 ? 1 : k > n ? 0 : phx_beta_inc(k, n - k + 1, p);
}

/** P(X <= k), X binomial. */
static inline double phx_binom_lower(double k, double n, double p)
{
    if (isnan(k) || isnan(n) || !(p >= 0) || !(p <= 1)) return (double)NAN;
    return k < 0 ? 0 : k >= n ? 1 : exp(phx_ln_beta_inc_xy_(n - k, k + 1, 1 - p, p));
}

/** Clopper-Pearson limits, each wrong with at most alpha/2. */
static inline void phx_clopper_pearson(double k, double n, double alpha, double *ret_lo, double *ret_hi)
{
    *ret_lo = k <= 0 ? 0 : phx_beta_inv(alpha / 2, k, n - k + 1);
    *ret_hi = k >= n ? 1 : phx_beta_inv(1 - alpha / 2, k + 1, n - k);
}

/** ln e-value, one-sided beta-binomial mixture (prior 1/2, 1/2): evidence that p > p0 (@p side > 0)
 *  or p < p0 (@p side < 0). May be looked at after each trial: reject when it reaches ln(1/alpha). */
static inline double phx_binom_ln_e(double k, double n, double p0, int side)
{
    const double c = 0.5;
    double ln = phx_lnbeta(c + k, c + n - k) - phx_lnbeta(c, c);
    double num, den;
    if (side > 0) {
        num = phx_ln_beta_inc_xy_(c + n - k, c + k, 1 - p0, p0);
        den = phx_ln_beta_inc_xy_(c, c, 1 - p0, p0);
    } else {
        num = phx_ln_beta_inc_xy_(c + k, c + n - k, p0, 1 - p0);
        den = phx_ln_beta_inc_xy_(c, c, p0, 1 - p0);
    }
    ln += num - den;
    if (k > 0) ln -= k * log(p0);
    if (n > k) ln -= (n - k) * log1p(-p0);
    return ln;
}

/** ln e-value of the sign test: k positive of n, either direction. */
static inline double phx_sign_ln_e(double k, double n)
{
    return phx_lnbeta(5 + k, 5 + n - k) - phx_lnbeta(5, 5) + n * 0.69314718055994530942;
}

/* ---- t-mixture confidence sequence (Lai 1976; Lindon and others, arXiv:2210.08589) */

/** Half-width for the mean of m values with sample sd s, prior precision g, two-sided level a. Valid
 *  at all looks at once. Infinite while there are too few values. */
static inline double phx_tmix_half(double m, double s, double g, double a)
{
    if (!(m >= 2) || !(s >= 0) || !(g > 0) || !(a > 0)) return m >= 0 && m < 2 ? INFINITY : (double)NAN;
    double nu = m - 1, r = g / (g + m);
    double ln_k = (log(r) + 2 * log(a)) / (nu + 1), k = exp(ln_k);
    return k > r ? s / sqrt(m) * sqrt(nu * -expm1(ln_k) / (k - r)) : INFINITY;
}

/** ln e-value against "the mean is theta0". */
static inline double phx_tmix_ln_e(double m, double mean, double s, double theta0, double g)
{
    if (!(m >= 2)) return 0;
    double nu = m - 1, r = g / (g + m), t2 = m * (mean - theta0) * (mean - theta0) / (s * s);
    if (isinf(t2)) return -log(r) * nu / 2; /* the limit */
    return log(r) / 2 + (nu + 1) / 2 * (log1p(t2 / nu) - log1p(r * t2 / nu));
}

#ifdef __cplusplus
}
#endif
#endif
