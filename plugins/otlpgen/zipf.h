/* SPDX-License-Identifier: Apache-2.0 */
/** @file zipf.h
 * Numbers 0 ... n-1 of which number k comes with a probability proportional to 1/(k+1)^s. Needs no table,
 * so n may be large. Pure.
 */
#ifndef PHOENIX_OTLPGEN_ZIPF_H
#define PHOENIX_OTLPGEN_ZIPF_H
#include <stdint.h>

struct zipf {
    uint64_t n;
    double s, from, to, cut;
};
struct zipf zipf_make(uint64_t n, double s); /**< s above 0; n at least 1 */
/** The same @p random gives the same number. */
uint64_t zipf_draw(const struct zipf *z, uint64_t random);

/** Next state and 64 random bits of a stream: splitmix64. */
uint64_t random_next(uint64_t *state);
/** In [0, 1). */
static inline double random_unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}
#endif
