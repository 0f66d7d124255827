/* SPDX-License-Identifier: Apache-2.0 */
/** @file sketch.h
 * How many different things there are: exact while they are few, HyperLogLog beyond. Sketches of parts merge
 * to the sketch of the whole, whatever is in both counting once. Pure; any thread.
 *
 * A sketch of precision p holds up to 2^p / 8 hashes of 64 bits, or 2^p registers of a byte, in the same
 * memory. Exact means: but for two things of one hash, which among n happens with n² / 2^65. Beyond, the
 * standard error is 1.04 / sqrt(2^p): 1.6 % for p = 12, 3.3 % for p = 10. The estimate from the registers is
 * O. Ertl's (2017), which needs no special case for few things and none for many.
 *
 * As text: 'x' or 'h', a character for p, then 11 characters for each hash, ascending, or one for each
 * register: a register is below 64, and so a digit of base64.
 */
#ifndef PHOENIX_BASE_SKETCH_H
#define PHOENIX_BASE_SKETCH_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/buf.h"

enum { SKETCH_P_MIN = 4, SKETCH_P_MAX = 14 };
struct sketch {
    unsigned p;
    bool is_dense;
    uint32_t n;      /**< hashes; not dense */
    uint64_t *cells; /**< ascending hashes, or registers of a byte; NULL: nothing was added */
};
/** The hash of a thing, the same on all hosts. Who chooses the text can spoil the estimate of a sketch. */
uint64_t sketch_hash(struct str s);
void sketch_init(struct sketch *s, unsigned p);
void sketch_done(struct sketch *s); /**< NULL allowed; empties */
void sketch_add(struct sketch *s, uint64_t hash);
/** Add all of @p other, which has the same precision. */
void sketch_merge(struct sketch *s, const struct sketch *other);
/** Rounded to a whole number, 10^15 at most. */
uint64_t sketch_count(const struct sketch *s);
/** Relative standard error of the count; 0: it is exact. */
double sketch_error(const struct sketch *s);
void sketch_write(const struct sketch *s, struct buf *out);
/** Read what sketch_write() wrote into @p s, uninitialised. False, and nothing to free, for anything else
 * and for another precision than @p p. */
bool sketch_read(struct sketch *s, unsigned p, struct str text) MUST_CHECK;
/** Most bytes that sketch_write() needs. */
#define SKETCH_TEXT_MAX(p) (2 + (1U << (p)) / 8 * 11)
#endif
