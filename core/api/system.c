/* SPDX-License-Identifier: Apache-2.0 */
/* What operators and their tools ask: does the process live, can it work, what does it speak. */
#include "config.h"
#include "core/api/api.h"
#include "core/api/handlers.h"
#include "core/api/routes.h"
#include "core/base/clock.h"
#include "core/base/limits.h"

#define PING_NS (2 * NS_PER_S)

static void reply_status(struct request *rq, const char *status)
{
    struct buf body;
    buf_init(&body, 256);
    buf_addf(&body, "{\"status\":\"%s\"}", status);
    reply_json(rq, 200, &body);
    buf_done(&body);
}

void on_healthz(struct request *rq)
{
    reply_status(rq, "ok");
}

static void on_pong(void *arg, const struct result *res)
{
    struct request *rq = arg;
    if (res->rc == 0) {
        reply_status(rq, "ready");
        return;
    }
    struct err err = { 0 };
    err_set(&err, ERR_UNAVAILABLE, "the store does not answer: %s", res->err.msg);
    reply_error(rq, &err);
}

void on_readyz(struct request *rq)
{
    struct api *api = request_api(rq);
    struct err err = { 0 };
    if (api->draining) {
        err_set(&err, ERR_UNAVAILABLE, "the API is stopping");
        reply_error(rq, &err);
        return;
    }
    struct query *q = q_ping(api->store);
    q_deadline(q, PING_NS);
    store_run(q, on_pong, rq);
}

void on_openapi(struct request *rq)
{
    struct buf body;
    buf_init(&body, LIMIT_JSON_BYTES);
    openapi_write(routes, routes_count(), PACKAGE_VERSION, &body);
    reply_json(rq, 200, &body);
    buf_done(&body);
}
