/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text under construction. Pure. */
#include <stdlib.h>
#include <string.h>
#include "shape.h"

void text_add_n(struct text *t, const char *p, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        size_t cap = (t->n + n + 1) * 2;
        char *more = t->failed ? NULL : realloc(t->p, cap);
        if (!more) {
            t->failed = true;
            return;
        }
        t->p = more;
        t->cap = cap;
    }
    if (n)
        memcpy(t->p + t->n, p, n);
    t->n += n;
    t->p[t->n] = '\0';
}

void text_add(struct text *t, const char *z)
{
    text_add_n(t, z, strlen(z));
}

void text_name(struct text *t, const char *name)
{
    text_add(t, "\"");
    for (const char *p = name; *p; p++)
        text_add_n(t, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    text_add(t, "\"");
}

/** In E'' a backslash means the same whatever standard_conforming_strings says. */
void text_literal(struct text *t, phx_str s)
{
    text_add(t, "E'");
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' || s.p[i] == '\'')
            text_add_n(t, &s.p[i], 1);
        text_add_n(t, &s.p[i], 1);
    }
    text_add(t, "'");
}

char *text_take(struct text *t)
{
    char *p = t->p;
    if (t->failed) {
        free(p);
        p = NULL;
    }
    *t = (struct text){ 0 };
    return p;
}
