/* SPDX-License-Identifier: Apache-2.0 */
/** @file buf.h
 * A growing byte buffer with a limit. A write that would pass the limit sets `failed`, after which
 * nothing more is added: check once, at the end. Data is kept NUL-terminated.
 */
#ifndef PHOENIX_BASE_BUF_H
#define PHOENIX_BASE_BUF_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include "core/base/err.h"
#include "core/base/str.h"

struct buf {
    char *data; /**< NULL until the first write */
    size_t len, cap, max;
    bool failed; /**< the limit was hit */
};
void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b); /**< frees; NULL allowed */
void buf_reset(struct buf *b); /**< empties, keeps the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_adds(struct buf *b, const char *z);
void buf_add_utf8(struct buf *b, struct str s); /**< bytes that are not UTF-8 become U+FFFD */
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap);
/** Shortest text that reads back as the same double. */
void buf_add_real(struct buf *b, double v);
void buf_add_int(struct buf *b, int64_t v);
/** Room for @p n more bytes at data + len, to be committed by raising len; NULL over the limit. */
char *buf_room(struct buf *b, size_t n);
void buf_consume(struct buf *b, size_t n); /**< drop the first n bytes */
struct str buf_str(const struct buf *b);
const char *buf_cstr(const struct buf *b); /**< "" when empty */
/** Hand the bytes over (malloc'd, NUL-terminated; caller frees) and empty the buffer. */
char *buf_take(struct buf *b, size_t *ret_len);
#define CLEANUP_BUF __attribute__((cleanup(buf_done)))
#endif
