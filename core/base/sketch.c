/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/sketch.h"
#include <math.h>
#include <stdlib.h>
#include "core/base/mem.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
enum { HASH_DIGITS = 11 }; /* 66 bits */
#define COUNT_MAX 1e15     /* a double carries it, and sums of it */

static uint32_t hashes_max(unsigned p)
{
    return (1U << p) / 8;
}

static uint8_t *registers(const struct sketch *s)
{
    return (uint8_t *)s->cells;
}

/** FNV leaves the upper bits of short texts alike; the finaliser of MurmurHash3 spreads them. */
uint64_t sketch_hash(struct str s)
{
    uint64_t h = str_hash(s);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

void sketch_init(struct sketch *s, unsigned p)
{
    *s = (struct sketch){ .p = p };
}

void sketch_done(struct sketch *s)
{
    if (!s)
        return;
    free(s->cells);
    sketch_init(s, s->p);
}

/* ---- adding */

/** The first p bits name the register, the position of the first 1 in the rest is what it may be raised
 * to. */
static void register_raise(struct sketch *s, uint64_t hash)
{
    uint64_t rest = hash << s->p | UINT64_C(1) << (s->p - 1);
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1), *r = &registers(s)[hash >> (64 - s->p)];
    if (rank > *r)
        *r = rank;
}

static void become_dense(struct sketch *s)
{
    struct sketch was = *s;
    s->is_dense = true;
    s->n = 0;
    s->cells = mem_calloc(1, (size_t)1 << s->p);
    for (uint32_t i = 0; i < was.n; i++)
        register_raise(s, was.cells[i]);
    free(was.cells);
}

/** Where the hash is, or would have to be. */
static uint32_t place_of(const struct sketch *s, uint64_t hash)
{
    uint32_t low = 0, high = s->n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (s->cells[mid] < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void sketch_add(struct sketch *s, uint64_t hash)
{
    if (!s->cells)
        s->cells = mem_calloc(hashes_max(s->p), sizeof *s->cells);
    uint32_t at = s->is_dense ? 0 : place_of(s, hash);
    if (!s->is_dense && at < s->n && s->cells[at] == hash)
        return;
    if (!s->is_dense && s->n == hashes_max(s->p))
        become_dense(s);
    if (s->is_dense) {
        register_raise(s, hash);
        return;
    }
    memmove(s->cells + at + 1, s->cells + at, (s->n - at) * sizeof *s->cells);
    s->cells[at] = hash;
    s->n++;
}

void sketch_merge(struct sketch *s, const struct sketch *other)
{
    if (!other->is_dense) {
        for (uint32_t i = 0; i < other->n; i++)
            sketch_add(s, other->cells[i]);
        return;
    }
    if (!s->is_dense)
        become_dense(s);
    for (size_t i = 0; i < (size_t)1 << s->p; i++)
        if (registers(other)[i] > registers(s)[i])
            registers(s)[i] = registers(other)[i];
}

/* ---- counting: Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6, without
 * its term for registers that are full: nobody counts to 2^50 */

static double sigma(double x)
{
    double y = 1, z = x, before;
    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double estimate(const struct sketch *s)
{
    const double m = (double)(1U << s->p);
    unsigned with[64] = { 0 }; /* how many registers have that rank */
    for (size_t i = 0; i < (size_t)1 << s->p; i++)
        with[registers(s)[i]]++;
    double z = 0;
    for (unsigned k = 63; k >= 1; k--)
        z = 0.5 * (z + with[k]);
    z += m * sigma(with[0] / m);
    return m * m / (2 * M_LN2 * z);
}

uint64_t sketch_count(const struct sketch *s)
{
    if (!s->is_dense)
        return s->n;
    double n = estimate(s);
    return n < COUNT_MAX ? (uint64_t)llround(n) : (uint64_t)COUNT_MAX; /* full registers: infinity */
}

double sketch_error(const struct sketch *s)
{
    return s->is_dense ? 1.04 / sqrt((double)(1U << s->p)) : 0;
}

/* ---- text */

void sketch_write(const struct sketch *s, struct buf *out)
{
    buf_addc(out, s->is_dense ? 'h' : 'x');
    buf_addc(out, digits[s->p]);
    for (uint32_t i = 0; i < s->n; i++)
        for (int bits = 60; bits >= 0; bits -= 6)
            buf_addc(out, digits[s->cells[i] >> bits & 63]);
    for (size_t i = 0; s->is_dense && i < (size_t)1 << s->p; i++)
        buf_addc(out, digits[registers(s)[i]]);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static bool read_hashes(struct sketch *s, struct str text)
{
    s->n = (uint32_t)(text.n / HASH_DIGITS);
    for (uint32_t i = 0; i < s->n; i++) {
        for (unsigned k = 0; k < HASH_DIGITS; k++) {
            int v = value_of(text.p[i * HASH_DIGITS + k]);
            if (v < 0 || (k == 0 && v > 15)) /* 66 digits' bits, 64 of the hash */
                return false;
            s->cells[i] = s->cells[i] << 6 | (unsigned)v;
        }
        if (i > 0 && s->cells[i] <= s->cells[i - 1])
            return false;
    }
    return true;
}

static bool read_registers(struct sketch *s, struct str text)
{
    s->is_dense = true;
    for (size_t i = 0; i < text.n; i++) {
        int v = value_of(text.p[i]);
        if (v < 0 || v > (int)(64 - s->p + 1))
            return false;
        registers(s)[i] = (uint8_t)v;
    }
    return true;
}

bool sketch_read(struct sketch *s, unsigned p, struct str text)
{
    sketch_init(s, p);
    if (text.n < 2 || (text.p[0] != 'x' && text.p[0] != 'h') || value_of(text.p[1]) != (int)p)
        return false;
    bool is_dense = text.p[0] == 'h';
    text = (struct str){ text.p + 2, text.n - 2 };
    if (is_dense ? text.n != (size_t)1 << p
                 : text.n % HASH_DIGITS != 0 || text.n / HASH_DIGITS > hashes_max(p))
        return false;
    s->cells = mem_calloc(hashes_max(p), sizeof *s->cells);
    if (is_dense ? read_registers(s, text) : read_hashes(s, text))
        return true;
    sketch_done(s);
    return false;
}
