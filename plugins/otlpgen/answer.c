/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/otlpgen/answer.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PARTIAL_SUCCESS = 1, REJECTED_POINTS = 1, ERROR_MESSAGE = 2 };

struct bytes {
    const uint8_t *p;
    size_t n;
};
struct field {
    unsigned number;
    uint64_t value;     /* varint */
    struct bytes bytes; /* length-delimited */
};

static bool take_varint(struct bytes *b, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; shift < 64 && b->n; shift += 7) {
        uint8_t byte = *b->p++;
        b->n--;
        *ret |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

/* The next field of a message; false: there is none, or this is none. */
static bool take_field(struct bytes *b, struct field *ret)
{
    uint64_t tag, skip = 0;
    *ret = (struct field){ 0 };
    if (!take_varint(b, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return false;
    ret->number = (unsigned)(tag >> 3);
    switch (tag & 7) {
    case 0: return take_varint(b, &ret->value);
    case 1: skip = 8; break;
    case 2:
        if (!take_varint(b, &skip)) return false;
        break;
    case 5: skip = 4; break;
    default: return false;
    }
    if (skip > b->n) return false;
    if ((tag & 7) == 2) ret->bytes = (struct bytes){ b->p, (size_t)skip };
    b->p += skip;
    b->n -= (size_t)skip;
    return true;
}

/* Text of the other side, for a line of ours. */
static void keep_text(struct answer *a, struct bytes text)
{
    size_t n = text.n < sizeof a->why - 1 ? text.n : sizeof a->why - 1;
    for (size_t i = 0; i < n; i++) a->why[i] = text.p[i] >= ' ' && text.p[i] < 127 ? (char)text.p[i] : '?';
    a->why[n] = 0;
}

static void read_partial_success(struct bytes message, uint64_t points, struct answer *a)
{
    struct field f;
    while (take_field(&message, &f)) {
        if (f.number == REJECTED_POINTS) a->rejected = f.value < points ? f.value : points;
        if (f.number == ERROR_MESSAGE && f.bytes.n) keep_text(a, f.bytes);
    }
}

struct answer answer_read(long status, const uint8_t *body, size_t n, uint64_t points)
{
    struct answer a = { .verdict = ANSWER_REFUSED };
    struct bytes rest = { body, n };
    struct field f;
    if (status >= 200 && status < 300) {
        a.verdict = ANSWER_TAKEN;
        while (take_field(&rest, &f))
            if (f.number == PARTIAL_SUCCESS && f.bytes.p) read_partial_success(f.bytes, points, &a);
        return a;
    }
    if (status == 429 || status == 502 || status == 503 || status == 504) a.verdict = ANSWER_LATER;
    (void)snprintf(a.why, sizeof a.why, "it answered with HTTP status %ld", status);
    return a;
}
