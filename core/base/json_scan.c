/* SPDX-License-Identifier: Apache-2.0 */
/* The strict pull scanner. It allocates nothing and looks at each byte once: strings eight bytes at a
 * time while nothing in them is special, then by a table. `expect` is the whole state of the grammar
 * beside the bits that say which open levels are objects. */
#include <assert.h>
#include <endian.h>

#include "core/base/json.h"
#include "core/base/json_priv.h"
#include "core/base/number.h"

enum expect { WANT_VALUE, WANT_VALUE_OR_END, WANT_KEY, WANT_KEY_OR_END, WANT_COMMA_OR_END, WANT_NOTHING };

enum { PLAIN, QUOTE, BACKSLASH, CONTROL, MULTI };
static const uint8_t classes[256] = {
    [0x00 ... 0x1F] = CONTROL, ['"'] = QUOTE, ['\\'] = BACKSLASH, [0x80 ... 0xFF] = MULTI,
};

const char js__too_deep[] = "nested too deep";

void js_init(struct js *s, struct str text, unsigned max_depth)
{
    *s = (struct js){ .p = text.p, .start = text.p, .end = text.p + text.n };
    s->max_depth = max_depth < 128 ? max_depth : 128;
    s->expect = WANT_VALUE;
}

static enum js_token fail(struct js *s, const char *at, const char *why)
{
    s->p = at;
    s->why = why;
    return JS_ERROR;
}

static bool level_is_object(const struct js *s)
{
    unsigned level = s->depth - 1;
    return s->in_object[level >> 6] >> (level & 63) & 1;
}

static void value_is_done(struct js *s)
{
    s->expect = s->depth ? WANT_COMMA_OR_END : WANT_NOTHING;
}

static inline const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of the four digits at p, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* One past the escape that starts with the backslash at p, or NULL with s->why. */
static const char *escape_end(struct js *s, const char *p)
{
    if (s->end - p < 2 || !strchr("\"\\/bfnrtu", p[1]) || p[1] == '\0') {
        s->why = "unknown escape in a string";
        return NULL;
    }
    if (p[1] != 'u')
        return p + 2;
    int32_t unit = hex4(p + 2, s->end);
    if (unit < 0) {
        s->why = "\\u wants four hexadecimal digits";
    } else if (unit == 0) {
        s->why = "\\u0000 is not allowed";
    } else if (unit >= 0xD800 && unit <= 0xDBFF) {
        bool more = s->end - p >= 12 && p[6] == '\\' && p[7] == 'u';
        int32_t low = more ? hex4(p + 8, s->end) : -1;
        if (low >= 0xDC00 && low <= 0xDFFF)
            return p + 12;
        s->why = "half a surrogate pair";
    } else if (unit >= 0xDC00 && unit <= 0xDFFF) {
        s->why = "half a surrogate pair";
    } else {
        return p + 6;
    }
    return NULL;
}

/* How many of eight bytes, the first one lowest, come before a control character, a quote, a backslash or
 * one beyond ASCII. A borrow can make a wrong mark only above a right one. */
static inline unsigned plain_bytes(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
    uint64_t special = ((w - ones * 0x20) | (quote - ones) | (slash - ones) | w) & high;
    return special ? (unsigned)__builtin_ctzll(special) / 8 : 8;
}

/* From after the opening quote; sets text and escaped. */
static bool scan_string(struct js *s, const char *p)
{
    _Static_assert(JS_ERROR == 0, "fail() is also false");
    const char *first = p;
    s->escaped = false;
    for (;;) {
        for (unsigned n = 8; n == 8 && s->end - p >= 8; p += n) {
            uint64_t word;
            memcpy(&word, p, 8);
            n = plain_bytes(le64toh(word));
        }
        while (p < s->end && classes[(unsigned char)*p] == PLAIN)
            p++;
        if (p == s->end)
            return fail(s, p, "a string does not end");
        const char *next = p;
        switch (classes[(unsigned char)*p]) {
        case QUOTE:
            s->text = (struct str){ first, (size_t)(p - first) };
            s->p = p + 1;
            return true;
        case BACKSLASH:
            s->escaped = true;
            next = escape_end(s, p);
            if (!next)
                return fail(s, p, s->why);
            break;
        case MULTI:
            next += utf8_len((struct str){ p, (size_t)(s->end - p) });
            if (next == p)
                return fail(s, p, "a string is not UTF-8");
            break;
        default:
            return fail(s, p, "control character in a string");
        }
        p = next;
    }
}

static enum js_token scan_literal(struct js *s, const char *p, const char *word, enum js_token token)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - p) < n || memcmp(p, word, n) != 0)
        return fail(s, p, "expected a value");
    s->p = p + n;
    value_is_done(s);
    return token;
}

static enum js_token scan_number(struct js *s, const char *p)
{
    const char *end = p;
    enum number_kind kind = number_scan(p, s->end, &end, &s->i, &s->r);
    if (kind == NUMBER_BAD)
        return fail(s, p, "not a number");
    if (kind == NUMBER_RANGE)
        return fail(s, p, "number out of range");
    s->text = (struct str){ p, (size_t)(end - p) };
    s->p = end;
    value_is_done(s);
    return kind == NUMBER_INT ? JS_INT : JS_REAL;
}

static enum js_token open_level(struct js *s, const char *p, bool object)
{
    if (s->depth >= s->max_depth)
        return fail(s, p, js__too_deep);
    unsigned level = s->depth++;
    uint64_t bit = UINT64_C(1) << (level & 63);
    if (object)
        s->in_object[level >> 6] |= bit;
    else
        s->in_object[level >> 6] &= ~bit;
    s->expect = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    s->p = p + 1;
    return object ? JS_OBJECT : JS_ARRAY;
}

static enum js_token close_level(struct js *s, const char *p)
{
    bool object = level_is_object(s);
    if (*p != (object ? '}' : ']'))
        return fail(s, p, object ? "expected ',' or '}'" : "expected ',' or ']'");
    s->depth--;
    s->p = p + 1;
    value_is_done(s);
    return object ? JS_OBJECT_END : JS_ARRAY_END;
}

static enum js_token scan_value(struct js *s, const char *p)
{
    switch (*p) {
    case '{': return open_level(s, p, true);
    case '[': return open_level(s, p, false);
    case '"':
        if (!scan_string(s, p + 1))
            return JS_ERROR;
        value_is_done(s);
        return JS_STRING;
    case 't': return scan_literal(s, p, "true", JS_TRUE);
    case 'f': return scan_literal(s, p, "false", JS_FALSE);
    case 'n': return scan_literal(s, p, "null", JS_NULL);
    case '-':
    case '0' ... '9': return scan_number(s, p);
    default: return fail(s, p, "expected a value");
    }
}

static enum js_token scan_key(struct js *s, const char *p)
{
    if (*p != '"')
        return fail(s, p, "expected a key in double quotes");
    if (!scan_string(s, p + 1))
        return JS_ERROR;
    p = skip_space(s->p, s->end);
    if (p == s->end || *p != ':')
        return fail(s, p, "expected ':'");
    s->p = p + 1;
    s->expect = WANT_VALUE;
    return JS_KEY;
}

enum js_token js_next(struct js *s)
{
    if (s->why)
        return JS_ERROR;
    const char *p = skip_space(s->p, s->end);
    if (p == s->end) {
        s->p = p;
        return s->expect == WANT_NOTHING ? JS_END : fail(s, p, "the text ends too early");
    }
    switch (s->expect) {
    case WANT_COMMA_OR_END:
        if (*p != ',')
            return close_level(s, p);
        p = skip_space(p + 1, s->end);
        if (p == s->end)
            return fail(s, p, "the text ends too early");
        return level_is_object(s) ? scan_key(s, p) : scan_value(s, p);
    case WANT_KEY_OR_END: return *p == '}' ? close_level(s, p) : scan_key(s, p);
    case WANT_VALUE_OR_END: return *p == ']' ? close_level(s, p) : scan_value(s, p);
    case WANT_VALUE: return scan_value(s, p);
    default: return fail(s, p, "text after the end of the document");
    }
}

bool js_skip(struct js *s)
{
    unsigned depth = s->depth;
    enum js_token token = js_next(s);
    if (token != JS_OBJECT && token != JS_ARRAY)
        return token >= JS_STRING;
    while (s->depth > depth)
        if (js_next(s) == JS_ERROR)
            return false;
    return true;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* @p raw has passed the scanner: escapes are complete, surrogates come in pairs. */
struct str js_unescape(struct str raw, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *p = raw.p, *end = raw.p + raw.n;
    char *q = out;
    while (p < end) {
        if (*p != '\\') {
            *q++ = *p++;
            continue;
        }
        assert(end - p >= 2);
        if (p[1] != 'u') {
            const char *at = strchr(from, p[1]);
            *q++ = at ? to[at - from] : p[1];
            p += 2;
            continue;
        }
        uint32_t c = (uint32_t)hex4(p + 2, end);
        p += 6;
        if (c >= 0xD800 && c <= 0xDBFF) {
            c = 0x10000 + ((c - 0xD800) << 10) + ((uint32_t)hex4(p + 2, end) - 0xDC00);
            p += 6;
        }
        q = put_utf8(q, c);
    }
    return (struct str){ out, (size_t)(q - out) };
}

void js_where(const struct js *s, unsigned *ret_line, unsigned *ret_column)
{
    unsigned line = 1;
    const char *line_start = s->start;
    for (const char *p = s->start; p < s->p; p++) {
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    }
    *ret_line = line;
    *ret_column = (unsigned)(s->p - line_start) + 1;
}
