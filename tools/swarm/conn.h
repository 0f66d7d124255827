/* SPDX-License-Identifier: Apache-2.0 */
/** @file conn.h
 * A client's connection: one request at a time, opened when it is needed, kept while the server keeps it.
 * Buffers exist only while something is under way, so that a parked poll costs sizeof(struct conn).
 */
#ifndef PHOENIX_SWARM_CONN_H
#define PHOENIX_SWARM_CONN_H
#include <sys/socket.h>
#include "core/base/buf.h"
#include "tools/swarm/engine.h"
#include "tools/swarm/wire.h"

/** How a request ended. Names in outcome_names. */
enum outcome {
    OUTCOME_2XX,
    OUTCOME_3XX,
    OUTCOME_409,
    OUTCOME_429,
    OUTCOME_4XX,     /**< the others */
    OUTCOME_503,
    OUTCOME_5XX,     /**< the others */
    OUTCOME_RESET,   /**< the connection ended before the answer did */
    OUTCOME_REFUSED, /**< there was no connection */
    OUTCOME_TIMEOUT,
    OUTCOME_BAD,     /**< no HTTP, or too large */
    OUTCOME_STALE,   /**< a kept connection turned out to be closed: not counted, asked again */
    OUTCOME_COUNT
};
extern const char *const outcome_names[OUTCOME_COUNT];

struct reply {
    enum outcome outcome;
    struct answer answer; /**< status 0: there was none. The body is lent until the callback returns */
};
/** Where to connect to, and from: @p source is an IPv4 address in host order, 0: any. */
struct route {
    struct sockaddr_storage to;
    socklen_t to_len;
    uint32_t source;
};
struct conn;
typedef void conn_reply_fn(struct conn *c, const struct reply *reply);

struct conn {
    struct watched watched;
    struct engine *engine;
    conn_reply_fn *fn;
    struct alarm timeout;
    struct buf out, in; /**< what the kernel did not take yet; what came of an answer that is not whole */
    uint32_t max_body;
    int fd; /**< -1: closed */
    uint8_t fails; /**< an outcome that the timeout brings; 0: OUTCOME_TIMEOUT */
    bool is_asked, is_used; /**< waits for an answer; had one before on this connection */
};
void conn_init(struct conn *c, struct engine *e, uint32_t max_body, conn_reply_fn *fn);
/** Send a request. fn is called once, later, unless conn_close() comes first. Not while one is out. */
void conn_ask(struct conn *c, const struct route *route, struct str text, int64_t timeout_ns);
/** Only connect, and wait for an answer to what the caller will write to c->fd. False: no connection. */
bool conn_expect(struct conn *c, const struct route *route, int64_t timeout_ns);
void conn_close(struct conn *c); /**< forgets a request that is out */
static inline bool conn_is_open(const struct conn *c) { return c->fd >= 0; }
#endif
