/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers, randomness, digests. */
#include "core/base/ids.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/base/clock.h"

static const char hex_digits[] = "0123456789abcdef";

void random_bytes(void *p, size_t n)
{
    char *at = p;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            perror("phoenix: cannot get random bytes from the kernel");
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t v;
    random_bytes(&v, sizeof v);
    return v;
}

/* 48 bits of milliseconds and 12 bits below them, as one number that only grows in this process: the
 * clock's own fraction, or one more than last time when the clock has not moved (RFC 9562, 6.2). */
static uint64_t next_tick(void)
{
    static _Atomic uint64_t last;
    int64_t ns = clock_wall();
    uint64_t fraction = (uint64_t)(ns % NS_PER_MS) * 4096 / (uint64_t)NS_PER_MS;
    uint64_t tick = (uint64_t)(ns / NS_PER_MS) << 12 | fraction;
    uint64_t seen = atomic_load(&last), mine;
    do
        mine = tick > seen ? tick : seen + 1;
    while (!atomic_compare_exchange_weak(&last, &seen, mine));
    return mine;
}

void uuid7_new(char out[UUID_LEN + 1])
{
    uint64_t tick = next_tick();
    uint64_t high = (tick >> 12) << 16 | UINT64_C(0x7000) | (tick & 0xFFF);
    uint64_t low = (random_u64() & (UINT64_MAX >> 2)) | UINT64_C(1) << 63;
    unsigned at = 0;
    for (unsigned i = 0; i < 32; i++) {
        uint64_t half = i < 16 ? high : low;
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = hex_digits[half >> (60 - 4 * (i % 16)) & 15];
    }
    out[at] = '\0';
}

bool uuid_valid(struct str s)
{
    if (s.n != UUID_LEN)
        return false;
    for (unsigned i = 0; i < UUID_LEN; i++) {
        char c = s.p[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}

void sha256_hex(struct str s, char out[SHA256_HEX_LEN + 1])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_Digest(s.n ? s.p : "", s.n, digest, &n, EVP_sha256(), NULL) != 1 || n * 2 != SHA256_HEX_LEN)
        abort(); /* libcrypto without SHA-256: nothing that we store could be trusted */
    for (unsigned i = 0; i < n; i++) {
        out[2 * i] = hex_digits[digest[i] >> 4];
        out[2 * i + 1] = hex_digits[digest[i] & 15];
    }
    out[SHA256_HEX_LEN] = '\0';
}
