/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from and to text.
 *
 * Most numbers take the fast path: a whole number below 2^53, times or divided by a power of ten that
 * a double holds exactly (10^0 to 10^22), is one correctly rounded operation (Clinger, 1990). All
 * others go through strtod_l() and snprintf() in the "C" locale. */
#include "core/base/number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static const double exact_pow10[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
#define EXACT_INT (UINT64_C(1) << 53)
#define MAX_DIGITS 19 /* as many decimal digits always fit into 64 bits */

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void c_locale_make(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c_locale == (locale_t)0)
        mem_die(sizeof(locale_t));
}

static double slow_read(const char *p, size_t n)
{
    char text[NUMBER_TEXT_MAX + 1];
    memcpy(text, p, n);
    text[n] = '\0';
    pthread_once(&c_locale_once, c_locale_make);
    return strtod_l(text, NULL, c_locale);
}

/* What the digits of one number add up to, while it is being read. */
struct decimal {
    uint64_t m;      /* the significant digits, as long as there are no more than MAX_DIGITS */
    unsigned digits; /* how many there are, without leading zeros */
    int exp10;       /* of the last digit of m */
    bool neg, whole;
};

static const char *digits_scan(const char *p, const char *end, struct decimal *d)
{
    uint64_t m = d->m;
    unsigned digits = d->digits;
    for (; p < end && (unsigned char)(*p - '0') < 10; p++) {
        if (digits < MAX_DIGITS)
            m = m * 10 + (unsigned)(*p - '0');
        digits += m != 0;
    }
    d->m = m;
    d->digits = digits;
    return p;
}

static const char *exponent_scan(const char *p, const char *end, struct decimal *d)
{
    bool neg = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || *p < '0' || *p > '9')
        return NULL;
    int e = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if (e < 100000)
            e = e * 10 + (*p - '0');
    d->exp10 += neg ? -e : e;
    d->whole = false;
    return p;
}

/* The end of the number, or NULL when it is none. */
static const char *decimal_scan(const char *p, const char *end, struct decimal *d)
{
    if (p < end && *p == '-') {
        d->neg = true;
        p++;
    }
    const char *first = p;
    p = digits_scan(p, end, d);
    if (p == first || (*first == '0' && p - first > 1))
        return NULL;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = digits_scan(p, end, d);
        if (p == fraction)
            return NULL;
        d->whole = false;
        d->exp10 = p - fraction > 100000 ? -100000 : -(int)(p - fraction);
    }
    if (p < end && (*p == 'e' || *p == 'E'))
        p = exponent_scan(p + 1, end, d);
    return p;
}

static enum number_kind whole_value(const struct decimal *d, int64_t *ret_i, double *ret_r)
{
    uint64_t limit = (uint64_t)INT64_MAX + (d->neg ? 1 : 0);
    if (d->digits > MAX_DIGITS || d->m > limit)
        return NUMBER_RANGE;
    *ret_i = d->neg ? (int64_t)(0 - d->m) : (int64_t)d->m;
    *ret_r = d->neg ? -(double)d->m : (double)d->m;
    return NUMBER_INT;
}

enum number_kind number_scan(const char *p, const char *end, const char **ret_end, int64_t *ret_i,
                             double *ret_r)
{
    struct decimal d = { .whole = true };
    const char *q = decimal_scan(p, end, &d);
    if (!q)
        return NUMBER_BAD;
    *ret_end = q;
    if (d.whole)
        return whole_value(&d, ret_i, ret_r);
    if (d.digits <= MAX_DIGITS && d.m <= EXACT_INT && d.exp10 >= -22 && d.exp10 <= 22) {
        double v = d.exp10 < 0 ? (double)d.m / exact_pow10[-d.exp10] : (double)d.m * exact_pow10[d.exp10];
        *ret_r = d.neg ? -v : v;
        return NUMBER_REAL;
    }
    if (q - p > NUMBER_TEXT_MAX)
        return NUMBER_RANGE;
    *ret_r = slow_read(p, (size_t)(q - p));
    return isfinite(*ret_r) ? NUMBER_REAL : NUMBER_RANGE;
}

size_t number_print_int(int64_t v, char out[NUMBER_OUT_MAX])
{
    char reversed[NUMBER_OUT_MAX];
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    size_t n = 0, len = 0;
    do
        reversed[n++] = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (v < 0)
        out[len++] = '-';
    while (n)
        out[len++] = reversed[--n];
    out[len] = '\0';
    return len;
}

/* With up to 15 digits in all, the decimal that gives v back is the only one and so the shortest. */
static size_t print_few_decimals(double v, char out[NUMBER_OUT_MAX])
{
    double a = fabs(v);
    for (int places = 1; places <= 6; places++) {
        double scaled = rint(a * exact_pow10[places]);
        if (scaled >= 1e15 || a < 1e-4)
            return 0;
        if (scaled / exact_pow10[places] != a)
            continue;
        uint64_t m = (uint64_t)scaled, unit = (uint64_t)exact_pow10[places];
        return (size_t)snprintf(out, NUMBER_OUT_MAX, "%s%llu.%0*llu", v < 0 ? "-" : "",
                                (unsigned long long)(m / unit), places, (unsigned long long)(m % unit));
    }
    return 0;
}

size_t number_print(double v, char out[NUMBER_OUT_MAX])
{
    if (v == 0)
        return (size_t)snprintf(out, NUMBER_OUT_MAX, signbit(v) ? "-0.0" : "0");
    if (fabs(v) < 1e15 && rint(v) == v)
        return number_print_int((int64_t)v, out);
    size_t n = print_few_decimals(v, out);
    if (n)
        return n;
    pthread_once(&c_locale_once, c_locale_make);
    locale_t before = uselocale(c_locale);
    for (int precision = 15; precision <= 17; precision++) {
        n = (size_t)snprintf(out, NUMBER_OUT_MAX, "%.*g", precision, v);
        if (precision == 17 || strtod(out, NULL) == v)
            break;
    }
    uselocale(before);
    return n;
}
