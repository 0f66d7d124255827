/* SPDX-License-Identifier: Apache-2.0 */
/* The strict parsers: the whole text must be the value, and nothing overflows. */
#include <stdio.h>

#include "core/base/number.h"
#include "core/base/str.h"

/* Digits at the start of *s, cut off. */
static bool take_uint(struct str *s, uint64_t *ret)
{
    uint64_t v = 0;
    size_t n = 0;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(s->p[n] - '0'), &v))
            return false;
    s->p += n;
    s->n -= n;
    *ret = v;
    return n > 0;
}

bool parse_uint(struct str s, uint64_t *ret)
{
    uint64_t v;
    if (!take_uint(&s, &v) || s.n)
        return false;
    *ret = v;
    return true;
}

bool parse_int(struct str s, int64_t *ret)
{
    bool neg = s.n && s.p[0] == '-';
    uint64_t v;
    if (neg) {
        s.p++;
        s.n--;
    }
    if (!parse_uint(s, &v) || v > (uint64_t)INT64_MAX + (neg ? 1 : 0))
        return false;
    *ret = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool parse_real(struct str s, double *ret)
{
    const char *end;
    int64_t i;
    double r;
    if (s.n == 0)
        return false;
    enum number_kind kind = number_scan(s.p, s.p + s.n, &end, &i, &r);
    if ((kind != NUMBER_INT && kind != NUMBER_REAL) || end != s.p + s.n)
        return false;
    *ret = r;
    return true;
}

bool parse_bool(struct str s, bool *ret)
{
    if (!str_eqz(s, "true") && !str_eqz(s, "false"))
        return false;
    *ret = s.n == 4;
    return true;
}

struct unit {
    const char *name;
    uint64_t size;
};

/* Largest first. */
static const struct unit time_units[] = {
    { "d", UINT64_C(86400000000000) }, { "h", UINT64_C(3600000000000) }, { "m", UINT64_C(60000000000) },
    { "s", UINT64_C(1000000000) },     { "ms", 1000000 },                { "us", 1000 },
    { "ns", 1 },
};
#define TIME_UNITS (sizeof time_units / sizeof time_units[0])

bool parse_duration(struct str s, int64_t *ret_ns)
{
    uint64_t total = 0;
    unsigned next = 0; /* units come largest first, each once: "1m1h" is a slip */
    if (s.n == 0)
        return false;
    while (s.n) {
        uint64_t v;
        size_t letters = 0;
        if (!take_uint(&s, &v))
            return false;
        while (letters < s.n && s.p[letters] >= 'a' && s.p[letters] <= 'z')
            letters++;
        while (next < TIME_UNITS && !str_eqz((struct str){ s.p, letters }, time_units[next].name))
            next++;
        if (next == TIME_UNITS || __builtin_mul_overflow(v, time_units[next].size, &v) ||
            __builtin_add_overflow(total, v, &total))
            return false;
        s.p += letters;
        s.n -= letters;
        next++;
    }
    if (total > INT64_MAX)
        return false;
    *ret_ns = (int64_t)total;
    return true;
}

const char *format_duration(int64_t ns, char out[32])
{
    uint64_t rest = ns < 0 ? 0 : (uint64_t)ns;
    size_t len = 0;
    if (rest == 0)
        snprintf(out, 32, "0s");
    for (unsigned u = 0; u < TIME_UNITS; u++) {
        uint64_t count = rest / time_units[u].size;
        rest %= time_units[u].size;
        if (count)
            len += (size_t)snprintf(out + len, 32 - len, "%llu%s", (unsigned long long)count,
                                    time_units[u].name);
    }
    return out;
}

bool parse_size(struct str s, uint64_t *ret_bytes)
{
    static const struct unit units[] = {
        { "", 1 },           { "B", 1 },
        { "k", 1 << 10 },    { "K", 1 << 10 },    { "KiB", 1 << 10 }, { "kB", 1000 },
        { "M", 1 << 20 },    { "MiB", 1 << 20 },  { "MB", 1000000 },
        { "G", 1 << 30 },    { "GiB", 1 << 30 },  { "GB", 1000000000 },
        { "T", UINT64_C(1) << 40 }, { "TiB", UINT64_C(1) << 40 }, { "TB", UINT64_C(1000000000000) },
    };
    uint64_t v;
    if (!take_uint(&s, &v))
        return false;
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (str_eqz(s, units[i].name))
            return !__builtin_mul_overflow(v, units[i].size, ret_bytes);
    return false;
}
