/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that ends the process instead of failing. */
#include "core/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void mem_die(size_t n)
{
    char text[80]; /* stdio may itself want memory */
    int len = snprintf(text, sizeof text, "phoenix: out of memory: could not get %zu bytes\n", n);
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)len);
    (void)ignored;
    abort();
}

void *mem_alloc(size_t n)
{
    return mem_calloc(1, n);
}

/* glibc's calloc() passes by the thread's cache of small pieces, where what was freed last is found. */
enum { CACHED_MAX = 1024 };

void *mem_calloc(size_t n, size_t size)
{
    size_t bytes;
    bool is_small = !__builtin_mul_overflow(n, size, &bytes) && bytes > 0 && bytes <= CACHED_MAX;
    void *p = is_small ? malloc(bytes) : calloc(n ? n : 1, size ? size : 1);
    if (!p)
        mem_die(n * size);
    return is_small ? memset(p, 0, bytes) : p;
}

void *mem_realloc(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        mem_die(SIZE_MAX);
    void *q = realloc(p, bytes ? bytes : 1);
    if (!q)
        mem_die(bytes);
    return q;
}

char *mem_strdup(const char *s)
{
    return s ? mem_strndup(str_of(s)) : NULL;
}

char *mem_strndup(struct str s)
{
    char *z = mem_alloc(s.n + 1);
    if (s.n)
        memcpy(z, s.p, s.n);
    return z;
}

void mem_freep(void *pp)
{
    void **p = pp;
    free(*p);
    *p = NULL;
}
