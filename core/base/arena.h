/* SPDX-License-Identifier: Apache-2.0 */
/** @file arena.h
 * Memory that lives as long as one request or one operation and is freed at once.
 */
#ifndef PHOENIX_BASE_ARENA_H
#define PHOENIX_BASE_ARENA_H
#include <stddef.h>
#include "core/base/err.h"
#include "core/base/str.h"

struct arena;
struct arena *arena_new(void); /**< allocates nothing but itself until used */
void arena_free(struct arena *a); /**< runs the clean-ups, newest first; NULL allowed */
void *arena_alloc(struct arena *a, size_t n); /**< zeroed, aligned for any type */
void *arena_calloc(struct arena *a, size_t n, size_t size);
char *arena_strdup(struct arena *a, const char *s); /**< NULL stays NULL */
char *arena_strndup(struct arena *a, struct str s); /**< NUL-terminated */
struct str arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** Call fn(arg) when the arena is freed. */
void arena_on_free(struct arena *a, void (*fn)(void *), void *arg);
size_t arena_size(const struct arena *a); /**< bytes held, for limits and tests */
#endif
