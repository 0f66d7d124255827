/* SPDX-License-Identifier: Apache-2.0 */
/** @file backoff.h
 * When a task that failed is tried again. Pure.
 */
#ifndef PHOENIX_API_BACKOFF_H
#define PHOENIX_API_BACKOFF_H
#include <stdint.h>

/** The delay after @p failures attempts failed before this one: 1 s * 2^failures, at most 60 s, up to a
 *  quarter less by chance, so that a fleet that failed together does not come back together.
 *  @p random: any number. */
int64_t backoff_ns(int64_t failures, uint64_t random);
#endif
