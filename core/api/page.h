/* SPDX-License-Identifier: Apache-2.0 */
/** @file page.h
 * Lists in pages: limit= and page_token= in, next_page_token out. A token is the key of the last row
 * shown, in base64url; rows that come or go meanwhile neither repeat nor hide others.
 *
 *   struct page page;
 *   if (!page_read(rq, &page)) return;                    422 has been answered
 *   page_apply(&page, q, F_TASKS_ID, true);               condition, order, limit
 *   ... in the callback:
 *   for (size_t i = 0; i < page_rows(&page, res); i++) ...
 *   page_write_next(&page, res, F_TASKS_ID, &w);          "next_page_token": "..." or null
 */
#ifndef PHOENIX_API_PAGE_H
#define PHOENIX_API_PAGE_H
#include "core/http/http.h"
#include "core/store/store.h"

enum { PAGE_KEY_MAX = 256, PAGE_DEFAULT = 100 };
struct page {
    unsigned limit;
    char after[PAGE_KEY_MAX]; /**< "": from the start */
};
bool page_read(struct request *rq, struct page *ret);
/** @p key: a text field that is unique in what the query finds. Adds its order: call it last. */
void page_apply(const struct page *p, struct query *q, int key, bool newest_first);
size_t page_rows(const struct page *p, const struct result *res);
void page_write_next(const struct page *p, const struct result *res, int key, struct jw *w);

/** For rows that were filtered or joined after the query. */
void page_token_make(struct str key, char *out, size_t cap);
bool page_token_read(struct str token, char *out, size_t cap);
#endif
