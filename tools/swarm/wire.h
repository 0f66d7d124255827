/* SPDX-License-Identifier: Apache-2.0 */
/** @file wire.h
 * Answers of HTTP/1.1 servers, read from whatever bytes are there so far. Pure. Bodies have a
 * Content-Length (phoenix-api sends no others); a status that has no body (204, 304) ends with its head.
 */
#ifndef PHOENIX_SWARM_WIRE_H
#define PHOENIX_SWARM_WIRE_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"

enum { WIRE_HEAD_MAX = 16 << 10 };
enum wire { WIRE_MORE, WIRE_BAD, WIRE_DONE };

struct answer {
    int status;             /**< 200 to 599 */
    bool closes;            /**< the server will hang up */
    int64_t retry_after_ns; /**< 0: not said; at most a day */
    int64_t interval_ns;    /**< X-Phoenix-Heartbeat-Interval; 0: not said, or not sound */
    struct str body;        /**< within the input */
    size_t total;           /**< bytes of head and body */
};
/** @p in holds all bytes since the request. MORE: call again when there are more. BAD: no HTTP/1.x, a
 *  head over WIRE_HEAD_MAX, a body over @p max_body or of unknown length. */
enum wire answer_parse(struct str in, size_t max_body, struct answer *ret);
#endif
