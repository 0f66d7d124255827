/* SPDX-License-Identifier: Apache-2.0 */
/* Plain scalars: the core schema of YAML 1.2 (chapter 10.3). */
#include "core/base/number.h"
#include "core/base/yaml_priv.h"

static bool is_one_of(struct str s, const char *const *words)
{
    for (; *words; words++)
        if (str_eqz(s, *words))
            return true;
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 0x1F and 0o17; nothing else has another base. */
static enum yaml_plain resolve_based(struct str s, struct json **ret)
{
    unsigned bits = s.p[1] == 'x' ? 4 : 3;
    uint64_t v = 0;
    if (s.n < 3)
        return YAML_TEXT;
    for (size_t i = 2; i < s.n; i++) {
        char c = s.p[i];
        unsigned digit = is_digit(c) ? (unsigned)(c - '0')
                       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (unsigned)((c | 0x20) - 'a' + 10) : 99;
        if (digit >> bits)
            return YAML_TEXT;
        if (v >> (63 - bits))
            return YAML_REFUSED;
        v = v << bits | digit;
    }
    *ret = json_new_int((int64_t)v);
    return YAML_VALUE;
}

/* Copy @p s, a number of YAML, as JSON writes it: no plus, no leading zeros, digits on both sides of
 * the point. False when it is no number, or too long for one. */
static bool normalise(struct str s, char *out, size_t cap, size_t *ret_len)
{
    size_t i = 0, n = 0, whole = 0, fraction = 0;
    if (s.n == 0 || s.n + 4 > cap)
        return false;
    if (s.p[i] == '-')
        out[n++] = '-';
    if (s.p[i] == '-' || s.p[i] == '+')
        i++;
    for (; i + 1 < s.n && s.p[i] == '0' && is_digit(s.p[i + 1]); i++)
        whole++;
    for (; i < s.n && is_digit(s.p[i]); whole++)
        out[n++] = s.p[i++];
    if (whole == 0)
        out[n++] = '0';
    if (i < s.n && s.p[i] == '.') {
        out[n++] = s.p[i++];
        for (; i < s.n && is_digit(s.p[i]); fraction++)
            out[n++] = s.p[i++];
        if (fraction == 0)
            out[n++] = '0';
    }
    if (whole + fraction == 0)
        return false;
    while (i < s.n) /* the exponent, which is as in JSON */
        out[n++] = s.p[i++];
    *ret_len = n;
    return true;
}

static enum yaml_plain resolve_number(struct str s, struct json **ret)
{
    char text[NUMBER_TEXT_MAX];
    const char *end = NULL;
    size_t n;
    int64_t i;
    double r;
    if (!normalise(s, text, sizeof text, &n))
        return YAML_TEXT;
    enum number_kind kind = number_scan(text, text + n, &end, &i, &r);
    if (kind == NUMBER_BAD || end != text + n)
        return YAML_TEXT;
    if (kind == NUMBER_RANGE)
        return YAML_REFUSED;
    *ret = kind == NUMBER_INT ? json_new_int(i) : json_new_real(r);
    return YAML_VALUE;
}

enum yaml_plain yaml__resolve(struct str s, struct json **ret)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const trues[] = { "true", "True", "TRUE", NULL };
    static const char *const falses[] = { "false", "False", "FALSE", NULL };
    static const char *const specials[] = { ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf",
                                            "+.INF", "-.inf", "-.Inf", "-.INF", NULL };
    *ret = NULL;
    if (is_one_of(s, nulls))
        return YAML_VALUE;
    if (is_one_of(s, trues) || is_one_of(s, falses)) {
        *ret = json_new_bool(is_one_of(s, trues));
        return YAML_VALUE;
    }
    if (is_one_of(s, specials))
        return YAML_REFUSED;
    if (str_starts(s, "0x") || str_starts(s, "0o"))
        return resolve_based(s, ret);
    if (is_digit(s.p[0]) || s.p[0] == '-' || s.p[0] == '+' || s.p[0] == '.')
        return resolve_number(s, ret);
    return YAML_TEXT;
}
