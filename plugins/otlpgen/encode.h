/* SPDX-License-Identifier: Apache-2.0 */
/** @file encode.h
 * Points of a plan as an ExportMetricsServiceRequest. Point k is one of the slot k modulo the number of
 * series, at the time that the schedule has for it; so all series have their turn, and the same points
 * have the same bytes whoever asks. Memory is that of the plan: none for a series, none for a point.
 */
#ifndef PHOENIX_OTLPGEN_ENCODE_H
#define PHOENIX_OTLPGEN_ENCODE_H
#include "plugins/otlpgen/plan.h"
#include "plugins/otlpgen/schedule.h"

struct encoder;
/** @p plan is lent. @p start_ns: wall time of the schedule's 0. NULL: out of memory. */
struct encoder *encoder_new(const struct plan *plan, uint64_t seed, int64_t start_ns);
void encoder_free(struct encoder *e); /**< NULL allowed */
/** No request of @p n points has more bytes. */
size_t encoder_bound(const struct encoder *e, size_t n);
/** Write points @p first ... @p first + @p n - 1 to the end of the @p cap bytes at @p room, which are
 *  encoder_bound(n) or more. Answers where they begin. */
const uint8_t *encode(const struct encoder *e, const struct schedule *s, uint64_t first, size_t n,
                      uint8_t *room, size_t cap);
#endif
