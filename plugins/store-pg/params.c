/* SPDX-License-Identifier: Apache-2.0 */
/* Values in PostgreSQL's binary form: numbers big-endian, times in microseconds since 2000, arrays with one
 * dimension. All values of a statement stand in one buffer that is used again for the next one. */
#include <stdlib.h>
#include <string.h>
#include "pg_ops.h"

static const int64_t Y2000_US = 946684800000000; /* from 1970, where the host's times begin */

void params_reset(struct params *p)
{
    p->size = 0;
    p->n = 0;
    p->failed = p->too_big = false;
}

void params_free(struct params *p)
{
    free(p->data);
    free(p->types);
    free(p->at);
    free(p->lengths);
    free(p->values);
    free(p->formats);
    memset(p, 0, sizeof(*p));
}

/** Room for @p n more bytes; NULL: there is none. */
static char *room(struct params *p, size_t n)
{
    if (p->failed || n > PARAMS_BYTES || p->size + n > PARAMS_BYTES) {
        p->too_big = p->too_big || !p->failed;
        p->failed = true;
        return NULL;
    }
    if (p->size + n > p->cap) {
        size_t cap = (p->size + n) * 2;
        char *data = realloc(p->data, cap);
        if (!data) {
            p->failed = true;
            return NULL;
        }
        p->data = data;
        p->cap = cap;
    }
    char *at = p->data + p->size;
    p->size += n;
    return at;
}

static void put_be(char *at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (char)(v >> (8 * (bytes - 1 - i)));
}

static void put(struct params *p, uint64_t v, unsigned bytes)
{
    char *at = room(p, bytes);
    if (at)
        put_be(at, v, bytes);
}

static void put_bytes(struct params *p, phx_str s)
{
    char *at = room(p, s.n);
    if (at && s.n)
        memcpy(at, s.p, s.n);
}

static int64_t to_us(phx_wall ns)
{
    return ns / 1000 - (ns % 1000 < 0) - Y2000_US;
}

static void put_value(struct params *p, uint32_t type, const phx_cell *c)
{
    uint64_t bits;
    switch (type) {
    case PHX_INT:
        put(p, (uint64_t)c->i, 8);
        break;
    case PHX_TIME:
        put(p, (uint64_t)to_us(c->i), 8);
        break;
    case PHX_REAL:
        memcpy(&bits, &c->r, sizeof(bits));
        put(p, bits, 8);
        break;
    case PHX_BOOL:
        put(p, (uint64_t)c->i, 1);
        break;
    default:
        put_bytes(p, c->s);
    }
}

static bool grow(void *arrays, size_t item, uint32_t n)
{
    void **array = arrays;
    void *more = realloc(*array, item * n);
    if (more)
        *array = more;
    return more != NULL;
}

static bool slot(struct params *p, Oid type)
{
    if (p->n == p->n_cap) {
        uint32_t cap = p->n_cap ? p->n_cap * 2 : 64;
        if (!grow(&p->types, sizeof(*p->types), cap) || !grow(&p->at, sizeof(*p->at), cap) ||
            !grow(&p->lengths, sizeof(*p->lengths), cap) || !grow(&p->values, sizeof(*p->values), cap) ||
            !grow(&p->formats, sizeof(*p->formats), cap)) {
            p->failed = true;
            return false;
        }
        p->n_cap = cap;
    }
    p->types[p->n] = type;
    p->at[p->n] = p->size;
    p->formats[p->n] = 1;
    return true;
}

void params_cell(struct params *p, uint32_t type, const phx_cell *c)
{
    if (!slot(p, decl_oid(type)))
        return;
    if (c->type)
        put_value(p, type, c);
    p->lengths[p->n] = (int)(p->size - p->at[p->n]);
    if (!c->type)
        p->at[p->n] = SIZE_MAX;
    p->n++;
}

void params_int(struct params *p, uint32_t type, int64_t v)
{
    params_cell(p, type, &(phx_cell){ .type = type, .i = v });
}

enum { HEAD_NULLS = 4, HEAD_BYTES = 20 };

void params_array(struct params *p, uint32_t type, uint32_t n)
{
    if (!slot(p, decl_array_oid(type)))
        return;
    p->head = p->size;
    put(p, n ? 1 : 0, 4);
    put(p, 0, 4); /* nulls in it: not yet */
    put(p, decl_oid(type), 4);
    if (n) {
        put(p, n, 4);
        put(p, 1, 4); /* the first one's number */
    }
}

void params_put(struct params *p, uint32_t type, const phx_cell *c)
{
    if (!c->type) {
        put(p, UINT32_MAX, 4);
        if (!p->failed)
            put_be(p->data + p->head + HEAD_NULLS, 1, 4);
        return;
    }
    size_t before = p->size + 4;
    put(p, 0, 4);
    put_value(p, type, c);
    if (!p->failed)
        put_be(p->data + before - 4, p->size - before, 4);
}

void params_array_end(struct params *p)
{
    if (p->failed)
        return;
    p->lengths[p->n] = (int)(p->size - p->head);
    p->n++;
}

bool params_finish(struct params *p)
{
    for (uint32_t i = 0; i < p->n && !p->failed; i++)
        p->values[i] = p->at[i] == SIZE_MAX ? NULL : p->data + p->at[i];
    return !p->failed;
}
