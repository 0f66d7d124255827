/* SPDX-License-Identifier: Apache-2.0 */
/** @file gen.h
 * A load of points: the plan's schedule says what is due, and what is due is sent at once, as long as the
 * host's quota, a free connection and the other side allow it. What could not be sent within a second of
 * that is let go: an open loop does not shift load. All [loop].
 */
#ifndef PHOENIX_OTLPGEN_GEN_H
#define PHOENIX_OTLPGEN_GEN_H
#include "phoenix/plugin.h"
#include "plugins/otlpgen/endpoint.h"
#include "plugins/otlpgen/plan.h"

struct gen_conf {
    struct plan plan; /**< taken */
    struct endpoint endpoint;
    uint64_t batch;       /**< points of a request, at most */
    unsigned connections;
    double flush_s;       /**< a point waits so long for others */
    double retry_s;       /**< a request is posted again for so long */
    long timeout_ms;      /**< of each time it is posted */
};
/** Also when it fails, @p conf is taken. */
phx_status gen_new(const phx_host *host, struct gen_conf *conf, phx_self **ret);
void gen_free(phx_self *self);
extern const phx_load_ops GEN_OPS;
#endif
