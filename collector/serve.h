/* SPDX-License-Identifier: Apache-2.0 */
/** @file serve.h
 * The smallest HTTP/1.1 server that a scraper needs: GET and HEAD of /metrics and /healthz, keep-alive,
 * a fixed number of connections, everything else refused. The collector's footprint is part of what an
 * experiment measures, so it brings neither libevent nor core/http along.
 */
#ifndef PHOENIX_COLLECTOR_SERVE_H
#define PHOENIX_COLLECTOR_SERVE_H
#include <stdint.h>
#include "core/base/err.h"
#include "core/base/str.h"

/** The text of a page; borrowed until the next call. { NULL, 0 }: it could not be made (500). */
typedef struct str serve_page_fn(void *arg, int64_t now_ns);

struct serve;
/** Listen on "127.0.0.1:PORT" or "[::1]:PORT"; port 0: any. Errors: CONFIG, IO. */
struct serve *serve_new(struct str listen, serve_page_fn *metrics, void *arg, struct err *err);
uint16_t serve_port(const struct serve *s);
/** Serve until SIGTERM or SIGINT; then answers under way get a second. Errors: IO. */
int serve_run(struct serve *s, struct err *err) MUST_CHECK;
void serve_free(struct serve *s); /**< NULL allowed */
#endif
