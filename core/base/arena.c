/* SPDX-License-Identifier: Apache-2.0 */
/* Arena: blocks of a page in a list, the newest first; large pieces get a block of their own. */
#include "core/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/pages.h"

#define ALIGNMENT _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t used, cap;
    bool is_page;
    max_align_t data[];
};
#define BLOCK_BYTES (PAGE_BYTES - sizeof(struct block))

struct cleanup {
    struct cleanup *next;
    void (*fn)(void *);
    void *arg;
};

struct arena {
    struct block *blocks;
    struct cleanup *cleanups;
    size_t size;
};

struct arena *arena_new(void)
{
    return mem_alloc(sizeof(struct arena));
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct cleanup *c = a->cleanups; c; c = c->next)
        c->fn(c->arg);
    while (a->blocks) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        if (b->is_page)
            page_give(b, sizeof *b + b->used);
        else
            free(b);
    }
    free(a);
}

static struct block *block_new(struct arena *a, size_t cap)
{
    bool is_page = cap == BLOCK_BYTES;
    struct block *b = is_page ? page_take() : mem_alloc(sizeof *b + cap);
    b->is_page = is_page;
    b->cap = cap;
    a->size += cap;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 2)
        mem_die(n);
    n = (n + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    struct block *b = a->blocks;
    if (n > BLOCK_BYTES / 4 && (!b || b->cap - b->used < n)) {
        struct block *own = block_new(a, n);
        own->used = n;
        if (b) { /* behind the newest, which still has room for small pieces */
            own->next = b->next;
            b->next = own;
        } else {
            a->blocks = own;
        }
        return own->data;
    }
    if (!b || b->cap - b->used < n) {
        b = block_new(a, BLOCK_BYTES);
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = (char *)b->data + b->used;
    b->used += n;
    return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        mem_die(SIZE_MAX);
    return arena_alloc(a, bytes);
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, str_of(s)) : NULL;
}

char *arena_strndup(struct arena *a, struct str s)
{
    char *z = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(z, s.p, s.n);
    return z;
}

struct str arena_str(struct arena *a, struct str s)
{
    return (struct str){ arena_strndup(a, s), s.n };
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    size_t cap = n < 0 ? 1 : (size_t)n + 1;
    char *z = arena_alloc(a, cap);
    va_start(ap, fmt);
    if (n > 0)
        vsnprintf(z, cap, fmt, ap);
    va_end(ap);
    return z;
}

void arena_on_free(struct arena *a, void (*fn)(void *), void *arg)
{
    struct cleanup *c = arena_alloc(a, sizeof *c);
    *c = (struct cleanup){ .next = a->cleanups, .fn = fn, .arg = arg };
    a->cleanups = c;
}

size_t arena_size(const struct arena *a)
{
    return a->size;
}
