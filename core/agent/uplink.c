/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/uplink.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

struct uplink {
    struct fetcher *fetcher;
    char base[512], host_header[128];
    bool is_away;
};

struct uplink *uplink_new(struct fetcher *f, const char *url, const char *host_id, struct err *err)
{
    struct str s = str_of(url);
    while (s.n > 0 && s.p[s.n - 1] == '/')
        s.n--;
    if ((!str_starts(s, "http://") && !str_starts(s, "https://")) || s.n > 400) {
        err_set(err, ERR_CONFIG, "api.url: \"%s\" is not an http or https URL", url);
        return NULL;
    }
    struct uplink *u = mem_alloc(sizeof *u);
    u->fetcher = f;
    str_copy(u->base, sizeof u->base, s);
    snprintf(u->host_header, sizeof u->host_header, "X-Agent-Host-ID: %s", host_id);
    return u;
}

void uplink_free(struct uplink *u)
{
    free(u);
}

struct fetch *uplink_start(struct uplink *u, const struct uplink_call *call, fetch_done_fn *done, void *arg,
                           struct err *err)
{
    char url[1024];
    const char *const headers[] = { u->host_header,
                                    call->body.n > 0 ? "Content-Type: application/json" : NULL, NULL };
    snprintf(url, sizeof url, "%s%s", u->base, call->path);
    struct fetch_req req = {
        .method = call->method,
        .url = url,
        .headers = headers,
        .body = call->body,
        .timeout_ns = call->timeout_ns ? call->timeout_ns : 10 * NS_PER_S,
        .max_reply = call->max_reply ? call->max_reply : 64 << 10,
        .want_headers = call->want_headers,
    };
    return fetch_start(u->fetcher, &req, done, arg, err);
}

static bool is_later(int status)
{
    /* 401, 403: a credential or a proxy that is being mended must not cost samples */
    return status >= 500 || status == 408 || status == 429 || status == 401 || status == 403 ||
           status < 200;
}

enum uplink_verdict uplink_judge(struct uplink *u, const struct fetch_reply *reply)
{
    bool away = reply->rc != 0 || is_later(reply->status);
    if (away && reply->rc == ERR_CANCELLED)
        return UPLINK_AWAY;
    if (away && !u->is_away && reply->rc != 0)
        log_event(EV_API_AWAY, NULL, "%s: %s", u->base, reply->why ? reply->why : "no answer");
    else if (away && !u->is_away)
        log_event(EV_API_AWAY, NULL, "%s answers %d", u->base, reply->status);
    else if (!away && u->is_away)
        log_event(EV_API_BACK, NULL, "%s", u->base);
    u->is_away = away;
    if (away)
        return UPLINK_AWAY;
    return reply->status < 300 ? UPLINK_OK : UPLINK_REFUSED;
}

