/* SPDX-License-Identifier: Apache-2.0 */
/** @file gate.h
 * What a parsed request must hold before it is routed: headers that stand at most once, and a target
 * that means one thing only. Pure. Framing and bytes were judged before, by wire.h.
 */
#ifndef PHOENIX_HTTP_GATE_H
#define PHOENIX_HTTP_GATE_H
#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/base/str.h"

struct evkeyvalq; /* libevent's list of headers */
/** Headers that the server itself reads; borrowed; NULL: absent. */
struct gate_headers {
    const char *host, *authorization, *content_type, *content_encoding, *content_length, *agent_host,
        *if_match, *idempotency_key, *request_id, *connection;
};
/** @errors INVAL: a header that must stand once does not, Host is missing in HTTP/1.1 */
int gate_headers(const struct evkeyvalq *headers, bool is_http11, struct gate_headers *ret,
                 struct err *err) MUST_CHECK;

/** A request target, split and decoded once. */
struct gate_target {
    struct str segment[LIMIT_HTTP_SEGMENTS]; /**< without slashes; none for "/" */
    unsigned n;
    struct str query; /**< raw; empty if absent */
};
/** Segments of @p uri borrow from it, or from @p scratch where they had to be decoded; @p scratch may
 *  be NULL when @p uri has no '%'. Refused: absolute form, fragments, empty, "." and ".." segments,
 *  encoded slashes, control bytes, text that is not UTF-8. */
int gate_target(struct str uri, struct arena *scratch, struct gate_target *ret, struct err *err) MUST_CHECK;

struct gate_param {
    const char *name, *value; /**< decoded */
};
/** Split and decode a query. Refused: control bytes, bad UTF-8, a name given twice, an empty name. */
int gate_query(struct str query, struct arena *a, struct gate_param ret[LIMIT_HTTP_QUERY], unsigned *ret_n,
               struct err *err) MUST_CHECK;
#endif
