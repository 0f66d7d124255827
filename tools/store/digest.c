/* SPDX-License-Identifier: Apache-2.0 */
/* A row is written as its cells: the type, then 8 bytes of a number, or a length and the bytes. Two things
 * are levelled, because not all drivers keep them: a time's part below microseconds (databases from before
 * there was a rule have one), and the sign of zero. */
#include "tools/store/digest.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/mem.h"

struct hasher {
    EVP_MD_CTX *sha;
    struct buf bytes; /* of one call, kept */
};

/** libcrypto without SHA-256: nothing could be verified. */
static void must(int ok)
{
    if (ok != 1)
        abort();
}

struct hasher *hasher_new(void)
{
    struct hasher *h = mem_alloc(sizeof *h);
    h->sha = EVP_MD_CTX_new();
    buf_init(&h->bytes, SIZE_MAX);
    must(h->sha && EVP_DigestInit_ex(h->sha, EVP_sha256(), NULL));
    return h;
}

static void add_u64(struct buf *b, uint64_t v)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(v >> (8 * i));
    buf_add(b, bytes, sizeof bytes);
}

static void add_cell(struct buf *b, const phx_cell *c)
{
    uint64_t bits;
    double r = c->r == 0 ? 0 : c->r;
    buf_addc(b, (char)c->type);
    switch (c->type) {
    case 0: break;
    case PHX_INT:
    case PHX_BOOL: add_u64(b, (uint64_t)c->i); break;
    case PHX_TIME: add_u64(b, (uint64_t)(c->i / NS_PER_US)); break;
    case PHX_REAL:
        memcpy(&bits, &r, sizeof bits);
        add_u64(b, bits);
        break;
    default:
        add_u64(b, c->s.n);
        buf_add(b, c->s.p, c->s.n);
    }
}

void hasher_add(struct hasher *h, const struct row *rows, size_t n)
{
    buf_reset(&h->bytes);
    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < rows[i].n; k++)
            add_cell(&h->bytes, &rows[i].cells[k]);
    must(EVP_DigestUpdate(h->sha, buf_cstr(&h->bytes), h->bytes.len));
}

void hasher_end(struct hasher *h, char ret[SHA256_HEX_LEN + 1])
{
    unsigned char sha[EVP_MAX_MD_SIZE];
    if (!h)
        return;
    must(EVP_DigestFinal_ex(h->sha, sha, NULL));
    for (int i = 0; i < SHA256_HEX_LEN / 2; i++)
        snprintf(ret + 2 * i, 3, "%02x", sha[i]);
    EVP_MD_CTX_free(h->sha);
    buf_done(&h->bytes);
    free(h);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return a->rows == b->rows && strcmp(a->sha256, b->sha256) == 0;
}
