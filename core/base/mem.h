/* SPDX-License-Identifier: Apache-2.0 */
/** @file mem.h
 * Allocation that cannot fail: out of memory on small bounded sizes ends the process with a message.
 * Sizes that a client controls are checked against a limit before they get here.
 */
#ifndef PHOENIX_BASE_MEM_H
#define PHOENIX_BASE_MEM_H
#include <stddef.h>
#include "core/base/str.h"

void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));  /**< zeroed */
void *mem_calloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc(void *p, size_t n, size_t size); /**< overflow-checked; not zeroed */
char *mem_strdup(const char *s);                   /**< NULL stays NULL */
char *mem_strndup(struct str s);                   /**< NUL-terminated copy */
_Noreturn void mem_die(size_t n);
/** free() and forget, for `CLEANUP_FREE char *p = NULL;`. */
void mem_freep(void *pp);
#define CLEANUP_FREE __attribute__((cleanup(mem_freep)))
#endif
