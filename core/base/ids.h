/* SPDX-License-Identifier: Apache-2.0 */
/** @file ids.h
 * Identifiers and digests. Any thread.
 */
#ifndef PHOENIX_BASE_IDS_H
#define PHOENIX_BASE_IDS_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"

#define UUID_LEN 36
/** UUIDv7 (RFC 9562): sorts by time, also within one millisecond of one process. */
void uuid7_new(char out[UUID_LEN + 1]);
bool uuid_valid(struct str s); /**< 8-4-4-4-12 lower-case hex */
/** From getrandom(2); ends the process if the kernel has none. */
void random_bytes(void *p, size_t n);
uint64_t random_u64(void);
#define SHA256_HEX_LEN 64
void sha256_hex(struct str s, char out[SHA256_HEX_LEN + 1]); /**< libcrypto */
#endif
