/* SPDX-License-Identifier: Apache-2.0 */
/** @file wire.h
 * Looks at the bytes of a connection before evhttp does, and refuses what evhttp's parser would let
 * through or hide: bare LF, folded headers, NUL and other control bytes, names that are no tokens,
 * doubled or odd Content-Length, transfer codings other than chunked, sloppy chunk sizes, trailers.
 *
 * Incremental: bytes may come in any portions. Pure; a few bytes of state for each connection.
 */
#ifndef PHOENIX_HTTP_WIRE_H
#define PHOENIX_HTTP_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/base/err.h"

struct wire_limits {
    uint32_t max_head;  /**< bytes of request line and headers */
    uint32_t max_lines; /**< header lines */
    uint64_t max_body;  /**< bytes, all chunks together */
};
#define WIRE_WORD 24
struct wire {
    uint8_t state;
    bool has_length, is_chunked, takes_body, is_http10;
    uint8_t word_n;        /* WIRE_WORD + 1: did not fit */
    char word[WIRE_WORD];  /* method, header name or value that frames the body */
    uint8_t wanted;        /* what the value of this header line means */
    uint32_t head_bytes, lines;
    uint64_t left;         /* of the body or of the chunk */
    uint64_t body_bytes;
    uint64_t announced;    /**< bytes of bodies, as heads and chunks say; set to 0 by who has counted them */
    uint32_t complete;     /**< requests whose last byte was seen */
    int32_t code;          /**< not 0: refused for ever: INVAL, LIMIT, UNSUPPORTED; BUSY by the server */
    const char *why;       /**< static text, when code is set */
};
/** All zeroes is the state of a new connection. False once the connection is refused. */
bool wire_feed(struct wire *w, const struct wire_limits *max, const char *p, size_t n);
/** The last byte seen belongs to a request that is not complete. */
bool wire_in_request(const struct wire *w);
#endif
