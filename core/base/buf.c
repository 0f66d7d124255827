/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer. All writes go through buf_room(), so that the limit holds everywhere. */
#include "core/base/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/number.h"

enum { FIRST_CAP = 256 };

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){ .max = max_bytes };
}

void buf_done(struct buf *b)
{
    if (!b)
        return;
    free(b->data);
    *b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

char *buf_room(struct buf *b, size_t n)
{
    if (b->failed || n > b->max || b->len > b->max - n) {
        b->failed = true;
        return NULL;
    }
    size_t need = b->len + n + 1; /* the NUL */
    if (need > b->cap) {
        size_t cap = b->cap > SIZE_MAX / 2 ? need : b->cap * 2;
        if (cap > b->max && b->max < SIZE_MAX)
            cap = b->max + 1;
        if (cap < FIRST_CAP)
            cap = FIRST_CAP;
        b->cap = cap < need ? need : cap;
        b->data = mem_realloc(b->data, b->cap, 1);
        b->data[b->len] = '\0';
    }
    return b->data + b->len;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    char *room = buf_room(b, n);
    if (!room || n == 0)
        return;
    memcpy(room, p, n);
    room[n] = '\0';
    b->len += n;
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_adds(struct buf *b, const char *z)
{
    buf_add(b, z, strlen(z));
}

void buf_add_utf8(struct buf *b, struct str s)
{
    while (s.n) {
        size_t good = 0, step;
        while ((step = utf8_len((struct str){ s.p + good, s.n - good })) != 0)
            good += step;
        buf_add(b, s.p, good);
        if (good == s.n)
            return;
        buf_adds(b, "\xEF\xBF\xBD");
        s.p += good + 1;
        s.n -= good + 1;
    }
}

void buf_addc(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *room = n < 0 ? NULL : buf_room(b, (size_t)n);
    if (room) {
        vsnprintf(room, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    } else {
        b->failed = true;
    }
    va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_vaddf(b, fmt, ap);
    va_end(ap);
}

void buf_add_real(struct buf *b, double v)
{
    char text[NUMBER_OUT_MAX];
    if (isfinite(v))
        buf_add(b, text, number_print(v, text));
    else
        buf_adds(b, isnan(v) ? "NaN" : v < 0 ? "-Inf" : "+Inf"); /* as Prometheus text has them */
}

void buf_add_int(struct buf *b, int64_t v)
{
    char text[NUMBER_OUT_MAX];
    buf_add(b, text, number_print_int(v, text));
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
    } else {
        memmove(b->data, b->data + n, b->len - n);
        b->len -= n;
    }
    if (b->data)
        b->data[b->len] = '\0';
}

struct str buf_str(const struct buf *b)
{
    return (struct str){ buf_cstr(b), b->len };
}

const char *buf_cstr(const struct buf *b)
{
    return b->data ? b->data : "";
}

char *buf_take(struct buf *b, size_t *ret_len)
{
    char *data = b->data ? b->data : mem_alloc(1);
    if (ret_len)
        *ret_len = b->len;
    *b = (struct buf){ .max = b->max };
    return data;
}
