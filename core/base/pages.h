/* SPDX-License-Identifier: Apache-2.0 */
/** @file pages.h
 * Pages for what lives briefly, apart from the heap: pieces of requests in flight that lay between objects
 * which stay would leave holes there that nothing fills again. Any thread.
 */
#ifndef PHOENIX_BASE_PAGES_H
#define PHOENIX_BASE_PAGES_H
#include <stddef.h>

enum { PAGE_BYTES = 4096 };
void *page_take(void) __attribute__((returns_nonnull)); /**< zeroed */
/** Only the first @p used bytes were written to. */
void page_give(void *page, size_t used);
/** Give half of those back to the system that are kept and that nobody needed since the last call. */
void pages_trim(void);
/** Pages that were given and are kept in memory for the next who takes; at most 512. */
size_t pages_kept(void);
#endif
