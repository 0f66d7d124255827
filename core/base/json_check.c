/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a whole document: what the scanner lets through, within the limits, and no key twice in
 * one object. The keys of the open objects stand on one stack; when an object ends, its keys are sorted
 * and neighbours compared. Sorting, unlike hashing, has no input that makes it slow. */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/json_priv.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

struct key {
    struct str text; /* without escapes */
    const char *at;  /* where it stands */
};

struct check {
    struct js js;
    struct arena *unescaped;
    struct key *keys;
    size_t n, cap;
    size_t first[JSON_MAX_DEPTH]; /* by level: its first key */
};

static int by_text(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order = str_cmp(x->text, y->text);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static void push_key(struct check *c)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 32;
        c->keys = mem_realloc(c->keys, c->cap, sizeof *c->keys);
    }
    struct str text = c->js.text;
    if (c->js.escaped) {
        if (!c->unescaped)
            c->unescaped = arena_new();
        text = js_unescape(text, arena_alloc(c->unescaped, text.n));
    }
    c->keys[c->n++] = (struct key){ .text = text, .at = c->js.text.p };
}

/* The keys of the object that just ended leave the stack. NULL, or the one that came again. */
static const struct key *pop_keys(struct check *c)
{
    size_t first = c->first[c->js.depth], n = c->n - first;
    c->n = first;
    if (n < 2)
        return NULL;
    struct key *keys = c->keys + first;
    qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 1; i < n; i++)
        if (str_eq(keys[i - 1].text, keys[i].text))
            return &keys[i];
    return NULL;
}

static int fail_at(struct check *c, enum err_code code, struct err *err, const char *why)
{
    unsigned line, column;
    js_where(&c->js, &line, &column);
    return err_set(err, code, "line %u:%u: %s", line, column, why);
}

static int fail_twice(struct check *c, const struct key *twice, struct err *err)
{
    char why[96], shown[64];
    str_copy(shown, sizeof shown, twice->text);
    snprintf(why, sizeof why, "the key \"%s\" stands twice in one object", shown);
    c->js.p = twice->at - 1;
    return fail_at(c, ERR_INVAL, err, why);
}

static int check_tokens(struct check *c, size_t max_nodes, struct err *err)
{
    size_t nodes = 0;
    for (;;) {
        const struct key *twice;
        switch (js_next(&c->js)) {
        case JS_ERROR:
            return fail_at(c, c->js.why == js__too_deep ? ERR_LIMIT : ERR_INVAL, err, c->js.why);
        case JS_END:
            return 0;
        case JS_KEY:
            push_key(c);
            continue;
        case JS_OBJECT_END:
            twice = pop_keys(c);
            if (twice)
                return fail_twice(c, twice, err);
            continue;
        case JS_ARRAY_END:
            continue;
        case JS_OBJECT:
            c->first[c->js.depth - 1] = c->n;
            break;
        default:
            break;
        }
        if (++nodes > max_nodes)
            return fail_at(c, ERR_LIMIT, err, "too many values");
    }
}

int json_check(struct str text, const struct json_limits *limits, struct err *err)
{
    struct json_limits l = json__limits(limits);
    if (text.n > l.max_bytes)
        return err_set(err, ERR_LIMIT, "a JSON text of %zu bytes is over the limit of %zu", text.n,
                       l.max_bytes);
    struct check c = { .n = 0 };
    js_init(&c.js, text, (unsigned)l.max_depth);
    int rc = check_tokens(&c, l.max_nodes, err);
    arena_free(c.unescaped);
    free(c.keys);
    return rc;
}

struct json_limits json__limits(const struct json_limits *limits)
{
    struct json_limits l = limits ? *limits : (struct json_limits){ 0 };
    if (!l.max_bytes)
        l.max_bytes = LIMIT_JSON_BYTES;
    if (!l.max_depth)
        l.max_depth = LIMIT_JSON_DEPTH;
    if (l.max_depth > JSON_MAX_DEPTH)
        l.max_depth = JSON_MAX_DEPTH;
    if (!l.max_nodes)
        l.max_nodes = LIMIT_JSON_NODES;
    return l;
}
