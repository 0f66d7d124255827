/* SPDX-License-Identifier: Apache-2.0 */
/** @file clock.h
 * The two clocks, in nanoseconds, and RFC 3339 text. Any thread.
 */
#ifndef PHOENIX_BASE_CLOCK_H
#define PHOENIX_BASE_CLOCK_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)
int64_t clock_wall(void); /**< since 1970-01-01T00:00:00Z, whole microseconds: what stores keep */
int64_t clock_mono(void); /**< CLOCK_BOOTTIME: goes on while the machine sleeps */
/** "2026-11-23T08:15:30.123Z": UTC, milliseconds. @p out holds at least 32 bytes. */
const char *rfc3339_format(int64_t wall_ns, char out[32]);
/** RFC 3339 date-time with any offset and 0 to 9 fraction digits. */
bool rfc3339_parse(struct str s, int64_t *ret_wall_ns);
#endif
