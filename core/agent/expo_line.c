/* SPDX-License-Identifier: Apache-2.0 */
/* In a value, backslash escapes the next character; nothing else is special, so braces, quotes and
 * newlines in names of processes cannot forge a line or a label. */
#include "core/agent/expo_line.h"

static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
}

static struct str take_name(struct expo_line *l)
{
    const char *from = l->p;
    while (l->p < l->end && is_name_char(*l->p, l->p == from))
        l->p++;
    return (struct str){ from, (size_t)(l->p - from) };
}

static void skip_blank(struct expo_line *l)
{
    while (l->p < l->end && (*l->p == ' ' || *l->p == '\t'))
        l->p++;
}

static bool take_char(struct expo_line *l, char want)
{
    if (l->p >= l->end || *l->p != want)
        return false;
    l->p++;
    return true;
}

static bool take_quoted(struct expo_line *l, struct str *ret)
{
    if (!take_char(l, '"'))
        return false;
    const char *from = l->p;
    while (l->p < l->end && *l->p != '"')
        l->p += *l->p == '\\' && l->p + 1 < l->end ? 2 : 1;
    *ret = (struct str){ from, (size_t)(l->p - from) };
    return take_char(l, '"');
}

bool expo_line_open(struct str text, struct expo_line *l, struct str *ret_name)
{
    *l = (struct expo_line){ .p = text.p, .end = text.p + text.n };
    *ret_name = take_name(l);
    skip_blank(l);
    l->in_labels = ret_name->n > 0 && take_char(l, '{');
    return ret_name->n > 0;
}

enum expo_found expo_line_label(struct expo_line *l, struct expo_label *ret)
{
    skip_blank(l);
    if (!l->in_labels || take_char(l, '}'))
        return EXPO_NO_MORE;
    ret->name = take_name(l);
    skip_blank(l);
    if (ret->name.n == 0 || !take_char(l, '='))
        return EXPO_MALFORMED;
    skip_blank(l);
    if (!take_quoted(l, &ret->value))
        return EXPO_MALFORMED;
    skip_blank(l);
    if (!take_char(l, ',') && (l->p >= l->end || *l->p != '}'))
        return EXPO_MALFORMED;
    return EXPO_LABEL;
}

bool expo_line_value(struct expo_line *l, struct str *ret)
{
    skip_blank(l);
    const char *from = l->p;
    while (l->p < l->end && *l->p != ' ' && *l->p != '\t')
        l->p++;
    *ret = (struct str){ from, (size_t)(l->p - from) };
    return ret->n > 0;
}

struct str expo_unescape(struct str raw, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '\\' && i + 1 < raw.n)
            c = raw.p[++i] == 'n' ? '\n' : raw.p[i];
        out[n++] = c;
    }
    return (struct str){ out, n };
}
