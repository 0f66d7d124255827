/* SPDX-License-Identifier: Apache-2.0 */
/** @file fetch.h
 * HTTP client: libcurl's multi interface on the loop. [loop]
 */
#ifndef PHOENIX_LOOP_FETCH_H
#define PHOENIX_LOOP_FETCH_H
#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/loop/loop.h"

struct fetcher; /**< connections and their cache */
struct fetcher *fetcher_new(struct loop *l, const char *user_agent, struct err *err);
void fetcher_free(struct fetcher *f); /**< cancels all; NULL allowed */

enum { FETCH_HEADERS = 2 };
struct fetch_req { /**< borrowed until fetch_start() returns, but `body` and `want_headers` until done */
    const char *method, *url;
    const char *const *headers; /**< "Name: value", NULL-terminated; NULL: none */
    struct str body;
    int64_t timeout_ns;     /**< whole transfer; required */
    int64_t connect_ns;     /**< 0: 5 s */
    size_t max_reply;       /**< bytes; required; more is an error LIMIT */
    const char *const *want_headers; /**< names of headers of the answer to hand over, at most
                                      *   FETCH_HEADERS, NULL-terminated; NULL: none */
};
struct fetch_reply { /**< borrowed until the callback returns */
    int32_t rc;             /**< 0, or TIMEOUT, UNAVAILABLE, LIMIT, CANCELLED */
    const char *why;        /**< when rc != 0 */
    int status;             /**< HTTP */
    struct str body;
    int64_t retry_after_ns; /**< from Retry-After, 0: none */
    int64_t took_ns;
    struct str headers[FETCH_HEADERS]; /**< values of want_headers, trimmed; { NULL, 0 }: did not come */
};
typedef void fetch_done_fn(void *arg, const struct fetch_reply *reply);
struct fetch;
/** NULL: nothing was started, @p err says why. Otherwise done() comes exactly once, later. */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_req *req, fetch_done_fn *done, void *arg,
                          struct err *err);
/** done() comes soon with CANCELLED. */
void fetch_cancel(struct fetch *x);
#endif
