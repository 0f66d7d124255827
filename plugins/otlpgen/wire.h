/* SPDX-License-Identifier: Apache-2.0 */
/** @file wire.h
 * Protobuf, written from the end to the front: the length of a message is known when its head is written, so
 * nothing is measured before and nothing moved after, and every number has its shortest form. (protobuf-c
 * would want generated code and a few allocations for each point.) The caller sees to the room.
 */
#ifndef PHOENIX_OTLPGEN_WIRE_H
#define PHOENIX_OTLPGEN_WIRE_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };
#define WIRE_TAG(field, type) ((field) << 3 | (type))

/** @p at is the first byte written; the next go before it. */
struct wire {
    uint8_t *at;
};

static inline void wire_bytes(struct wire *w, const void *p, size_t n)
{
    w->at -= n;
    memcpy(w->at, p, n);
}

static inline void wire_varint(struct wire *w, uint64_t v)
{
    unsigned n = 1;
    for (uint64_t rest = v; rest >= 0x80; rest >>= 7) n++;
    w->at -= n;
    for (unsigned i = 0; i + 1 < n; i++, v >>= 7) w->at[i] = (uint8_t)(v | 0x80);
    w->at[n - 1] = (uint8_t)v;
}

/** Eight bytes as they are on the wire: little-endian, whatever this machine is. */
static inline void wire_raw64(struct wire *w, uint64_t v)
{
    w->at -= 8;
    for (unsigned i = 0; i < 8; i++) w->at[i] = (uint8_t)(v >> (8 * i));
}

static inline void wire_raw_double(struct wire *w, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    wire_raw64(w, bits);
}

static inline void wire_tag(struct wire *w, unsigned field, unsigned type)
{
    wire_varint(w, WIRE_TAG(field, type));
}

static inline void wire_uint(struct wire *w, unsigned field, uint64_t v)
{
    wire_varint(w, v);
    wire_tag(w, field, WIRE_VARINT);
}

static inline void wire_fixed64(struct wire *w, unsigned field, uint64_t v)
{
    wire_raw64(w, v);
    wire_tag(w, field, WIRE_FIXED64);
}

static inline void wire_double(struct wire *w, unsigned field, double v)
{
    wire_raw_double(w, v);
    wire_tag(w, field, WIRE_FIXED64);
}

/** The head of a message or a packed list, whose content was written since @p end was where we are now. */
static inline void wire_head(struct wire *w, unsigned field, const uint8_t *end)
{
    wire_varint(w, (uint64_t)(end - w->at));
    wire_tag(w, field, WIRE_BYTES);
}

static inline void wire_text(struct wire *w, unsigned field, const char *text)
{
    const uint8_t *end = w->at;
    wire_bytes(w, text, strlen(text));
    wire_head(w, field, end);
}

/** opentelemetry.proto.common.v1.KeyValue with a text, as element of the list @p field. */
static inline void wire_attribute(struct wire *w, unsigned field, const char *key, const char *text)
{
    const uint8_t *end = w->at;
    wire_text(w, 1, text); /* AnyValue.string_value */
    wire_head(w, 2, end);
    wire_text(w, 1, key);
    wire_head(w, field, end);
}
#endif
