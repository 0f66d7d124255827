/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/expect.h"
#include <stdio.h>

const char *figure_name(const struct figure *f, char out[64])
{
    snprintf(out, 64, "%s%s%s", f->group ? f->group : "", f->group ? "." : "", f->name);
    return out;
}

const struct figure *figure_find(const struct figures *f, struct str name)
{
    char full[64];
    for (size_t i = 0; i < f->n; i++) {
        const struct figure *x = &f->all[i];
        bool is_short = x->group && strcmp(x->group, "dispatch") == 0 && str_eqz(name, x->name);
        if (is_short || str_eqz(name, figure_name(x, full)))
            return x;
    }
    return NULL;
}

static bool is_op(char c)
{
    return c == '<' || c == '>' || c == '=' || c == '!';
}

static bool op_valid(const char *op)
{
    static const char *const known[] = { "<", "<=", ">", ">=", "=", "!=" };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(op, known[i]) == 0)
            return true;
    return false;
}

static bool read_value(struct str text, bool is_time, double *ret)
{
    int64_t ns;
    if (!is_time)
        return parse_real(text, ret);
    if (!parse_duration(text, &ns))
        return false;
    *ret = (double)ns;
    return true;
}

int condition_next(struct str *rest, const struct figures *f, struct condition *ret, struct err *err)
{
    struct str text;
    size_t begin = 0, end;
    if (!str_split(rest, ',', &text))
        return err_set(err, ERR_USAGE, "a condition is wanted");
    text = str_trim(text);
    while (begin < text.n && !is_op(text.p[begin]))
        begin++;
    for (end = begin; end < text.n && is_op(text.p[end]);)
        end++;
    struct str name = str_trim((struct str){ text.p, begin });
    struct str value = str_trim((struct str){ text.p + end, text.n - end });
    if (!str_copy(ret->op, sizeof ret->op, (struct str){ text.p + begin, end - begin }) || !op_valid(ret->op))
        return err_set(err, ERR_USAGE, "\"%.*s\": one of < <= > >= = != is wanted", (int)text.n, text.p);
    ret->figure = figure_find(f, name);
    if (!ret->figure)
        return err_set(err, ERR_USAGE, "\"%.*s\" is no figure of the report", (int)name.n, name.p);
    if (!read_value(value, ret->figure->is_time, &ret->value))
        return err_set(err, ERR_USAGE, "\"%.*s\": %s is wanted", (int)text.n, text.p,
                       ret->figure->is_time ? "a time such as 25ms" : "a number");
    return 0;
}

bool condition_holds(const struct condition *c)
{
    double v = c->figure->value;
    if (!c->figure->is_known)
        return false;
    switch (c->op[0]) {
    case '<': return c->op[1] ? v <= c->value : v < c->value;
    case '>': return c->op[1] ? v >= c->value : v > c->value;
    case '=': return v == c->value;
    default: return v != c->value;
    }
}
