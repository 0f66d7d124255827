/* SPDX-License-Identifier: Apache-2.0 */
/** @file digest.h
 * What a collection holds, in one line: how many rows, and SHA-256 over all of them in the order of their
 * keys. Two stores that hold the same have the same, whatever their drivers. Revisions do not count: they
 * are a store's own.
 */
#ifndef PHOENIX_TOOLS_STORE_DIGEST_H
#define PHOENIX_TOOLS_STORE_DIGEST_H
#include "core/base/ids.h"
#include "core/store/store.h"

struct digest {
    uint64_t rows;
    char sha256[SHA256_HEX_LEN + 1];
};
bool digest_equal(const struct digest *a, const struct digest *b);

struct hasher;
struct hasher *hasher_new(void);
void hasher_add(struct hasher *h, const struct row *rows, size_t n);
/** The hash so far, in hex; frees. NULL allowed: nothing is written. */
void hasher_end(struct hasher *h, char ret[SHA256_HEX_LEN + 1]);
#endif
