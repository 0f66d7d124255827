/* SPDX-License-Identifier: Apache-2.0 */
/* A sample line is NAME [{LABEL="VALUE",...}] VALUE [TIMESTAMP]. In a value, backslash escapes the
 * next character; nothing else is special, so braces, quotes and newlines in names of processes
 * cannot forge a line or a label. */
#include <math.h>
#include "core/agent/expo.h"

struct cursor {
    const char *p, *end;
};
struct line {
    struct str name, process; /* process: value of process_executable_name, escaped; n 0: none */
    struct str value;
    bool has_labels;
};

static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
}

static struct str take_name(struct cursor *c)
{
    const char *from = c->p;
    while (c->p < c->end && is_name_char(*c->p, c->p == from))
        c->p++;
    return (struct str){ from, (size_t)(c->p - from) };
}

static void skip_blank(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
}

static bool take_char(struct cursor *c, char want)
{
    if (c->p >= c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

static bool take_quoted(struct cursor *c, struct str *ret)
{
    if (!take_char(c, '"'))
        return false;
    const char *from = c->p;
    while (c->p < c->end && *c->p != '"')
        c->p += *c->p == '\\' && c->p + 1 < c->end ? 2 : 1;
    *ret = (struct str){ from, (size_t)(c->p - from) };
    return take_char(c, '"');
}

static bool take_labels(struct cursor *c, struct line *line)
{
    while (skip_blank(c), !take_char(c, '}')) {
        struct str label = take_name(c), value;
        skip_blank(c);
        if (label.n == 0 || !take_char(c, '='))
            return false;
        skip_blank(c);
        if (!take_quoted(c, &value))
            return false;
        line->has_labels = true;
        if (str_eqz(label, "process_executable_name"))
            line->process = value;
        skip_blank(c);
        if (!take_char(c, ',') && (c->p >= c->end || *c->p != '}'))
            return false;
    }
    return true;
}

static bool line_parse(struct str text, struct line *ret)
{
    struct cursor c = { text.p, text.p + text.n };
    *ret = (struct line){ .name = take_name(&c) };
    if (ret->name.n == 0)
        return false;
    skip_blank(&c);
    if (take_char(&c, '{') && !take_labels(&c, ret))
        return false;
    skip_blank(&c);
    const char *from = c.p;
    while (c.p < c.end && *c.p != ' ' && *c.p != '\t')
        c.p++;
    ret->value = (struct str){ from, (size_t)(c.p - from) };
    return ret->value.n > 0;
}

/** The collector's own counters, which are no series of the pipeline. */
static bool take_own(const struct line *line, struct expo *e)
{
    if (str_starts(line->name, "process_") && !line->has_labels)
        return true;
    if (!str_starts(line->name, "phoenix_collector_"))
        return false;
    static const char *const own[] = { "points_total", "points_in_total", "dropped_total", "bytes_total" };
    double *const to[] = { &e->points, &e->points_in, &e->dropped, &e->bytes };
    struct str rest = { line->name.p + 18, line->name.n - 18 };
    for (unsigned i = 0; i < 4; i++)
        if (str_eqz(rest, own[i]) && !line->has_labels && !parse_real(line->value, to[i]))
            e->malformed = true;
    return true;
}

void expo_scan(struct str text, struct names *critical, struct expo *ret)
{
    *ret = (struct expo){ .points = NAN, .points_in = NAN, .dropped = NAN, .bytes = NAN };
    struct str row;
    struct line line;
    while (str_split(&text, '\n', &row)) {
        row = str_trim(row);
        if (row.n == 0 || row.p[0] == '#')
            continue;
        if (!line_parse(row, &line)) {
            ret->malformed = true;
            continue;
        }
        if (take_own(&line, ret))
            continue;
        ret->series++;
        if (critical && line.process.n > 0)
            names_see(critical, line.process);
    }
}
