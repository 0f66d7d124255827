/* SPDX-License-Identifier: Apache-2.0 */
/* The streaming writer. One bit a level says whether the next value needs a comma. */
#include <assert.h>
#include <math.h>

#include "core/base/clock.h"
#include "core/base/json.h"

void jw_init(struct jw *w, struct buf *out)
{
    *w = (struct jw){ .out = out };
}

/* Before each value: the comma, unless a key has just been written. */
static void before_value(struct jw *w)
{
    uint64_t bit = UINT64_C(1) << w->depth;
    if (!w->after_key && (w->comma & bit))
        buf_addc(w->out, ',');
    w->after_key = false;
    w->comma |= bit;
}

void jw_open(struct jw *w, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    assert(w->depth < 63);
    before_value(w);
    buf_addc(w->out, bracket);
    w->depth++;
    w->comma &= ~(UINT64_C(1) << w->depth);
}

void jw_close(struct jw *w, char bracket)
{
    assert(bracket == '}' || bracket == ']');
    assert(w->depth > 0 && !w->after_key);
    w->depth--;
    buf_addc(w->out, bracket);
}

/* The short escape of a control character, or 0. */
static char short_escape(unsigned char c)
{
    switch (c) {
    case '\b': return 'b';
    case '\t': return 't';
    case '\n': return 'n';
    case '\f': return 'f';
    case '\r': return 'r';
    case '"':
    case '\\': return (char)c;
    default: return 0;
    }
}

static void add_escaped(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char s = short_escape(c);
    if (s) {
        buf_add(out, (char[]){ '\\', s }, 2);
    } else {
        buf_add(out, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
    }
}

static void add_quoted(struct buf *out, struct str s)
{
    buf_addc(out, '"');
    while (s.n) {
        size_t plain = 0, step;
        while (plain < s.n) {
            unsigned char c = (unsigned char)s.p[plain];
            if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F)
                break;
            step = c < 0x80 ? 1 : utf8_len((struct str){ s.p + plain, s.n - plain });
            if (step == 0)
                break;
            plain += step;
        }
        buf_add(out, s.p, plain);
        s.p += plain;
        s.n -= plain;
        if (s.n == 0)
            break;
        if ((unsigned char)s.p[0] < 0x80)
            add_escaped(out, (unsigned char)s.p[0]);
        else
            buf_adds(out, "\xEF\xBF\xBD"); /* U+FFFD */
        s.p++;
        s.n--;
    }
    buf_addc(out, '"');
}

void jw_key(struct jw *w, const char *key)
{
    before_value(w);
    add_quoted(w->out, str_of(key));
    buf_addc(w->out, ':');
    w->after_key = true;
}

void jw_str(struct jw *w, struct str s)
{
    before_value(w);
    add_quoted(w->out, s);
}

void jw_strz(struct jw *w, const char *z)
{
    if (z)
        jw_str(w, str_of(z));
    else
        jw_null(w);
}

void jw_int(struct jw *w, int64_t v)
{
    before_value(w);
    buf_add_int(w->out, v);
}

void jw_uint(struct jw *w, uint64_t v)
{
    if (v <= INT64_MAX)
        jw_int(w, (int64_t)v);
    else
        jw_real(w, (double)v); /* our readers know no integers beyond int64 */
}

void jw_real(struct jw *w, double v)
{
    if (!isfinite(v)) {
        jw_null(w);
        return;
    }
    before_value(w);
    buf_add_real(w->out, v);
}

void jw_bool(struct jw *w, bool v)
{
    before_value(w);
    buf_adds(w->out, v ? "true" : "false");
}

void jw_null(struct jw *w)
{
    before_value(w);
    buf_adds(w->out, "null");
}

void jw_time(struct jw *w, int64_t wall_ns)
{
    char text[32];
    if (wall_ns == 0)
        jw_null(w);
    else
        jw_strz(w, rfc3339_format(wall_ns, text));
}

void jw_members(struct jw *w, struct str object)
{
    if (object.n <= 2)
        return; /* {} */
    before_value(w);
    buf_add(w->out, object.p + 1, object.n - 2);
}

void jw_raw(struct jw *w, struct str json)
{
    before_value(w);
    buf_add_str(w->out, json);
}

void jw_kstr(struct jw *w, const char *key, const char *z)
{
    jw_key(w, key);
    jw_strz(w, z);
}

void jw_kint(struct jw *w, const char *key, int64_t v)
{
    jw_key(w, key);
    jw_int(w, v);
}

void jw_kreal(struct jw *w, const char *key, double v)
{
    jw_key(w, key);
    jw_real(w, v);
}

void jw_kbool(struct jw *w, const char *key, bool v)
{
    jw_key(w, key);
    jw_bool(w, v);
}

void jw_ktime(struct jw *w, const char *key, int64_t wall_ns)
{
    jw_key(w, key);
    jw_time(w, wall_ns);
}
