/* SPDX-License-Identifier: Apache-2.0 */
/** @file walk.h
 * Every row of a collection in the order of its key, a page at a time: for whoever reads all of it. Rows
 * that are there from the begin to the end come exactly once; others may or may not. All [loop].
 *
 *   struct walk *w = walk_new(st, C_SAMPLES, 2000, 0);
 *   walk_next(w, on_page, arg);      in on_page: the rows; unless walk_over(w), walk_next() again
 */
#ifndef PHOENIX_STORE_WALK_H
#define PHOENIX_STORE_WALK_H
#include "core/store/store.h"

enum { WALK_KEYS_ONLY = 1 }; /**< the other fields of a row are null */
struct walk;
/** A page has at most @p page_rows rows, and fewer when rows are large: some MiB. */
struct walk *walk_new(struct store *st, enum collection c, uint64_t page_rows, unsigned flags);
/** Not while a page is under way. NULL allowed. */
void walk_free(struct walk *w);
/** Read the next page; not when walk_over(), and one at a time. done() as by store_run(): the page may be
 *  short, and only the last one is empty. In done() the next page may be asked for before the rows are
 *  used. */
void walk_next(struct walk *w, query_done_fn *done, void *arg);
/** Was that the last page? */
bool walk_over(const struct walk *w);
#endif
