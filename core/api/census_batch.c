/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/agent/census: of each arm on each host the newest census. */
#include <stdio.h>

#include "core/api/handlers.h"
#include "core/api/ingest.h"
#include "core/base/clock.h"
#include "core/experiment/census.h"

enum { CENSUSES_MAX = 64 /* as type_census_batch says */ };
#define AHEAD_NS (24 * 3600 * NS_PER_S)

static struct query *put(struct request *rq, const struct json *census)
{
    CLEANUP_BUF struct buf text;
    buf_init(&text, request_body(rq).n * 2 + 4096); /* escapes may be longer than they came */
    json_write(census, &text);
    struct query *q = q_put(request_api(rq)->store, C_CENSUS);
    q_text(q, F_CENSUS_EXPERIMENT_ID, json_get_str(census, "experiment_id", ""));
    q_text(q, F_CENSUS_HOST_ID, request_host_id(rq));
    q_text(q, F_CENSUS_VARIANT, json_get_str(census, "variant", ""));
    q_time(q, F_CENSUS_AT, json_get_int(census, "ts", 0));
    q_str(q, F_CENSUS_CENSUS, buf_str(&text));
    return q;
}

/** Older ones would be deleted as soon as they are stored; a clock that runs ahead would keep them for
 * ever. */
static bool check(struct request *rq, const struct json *censuses, struct faults *faults)
{
    const struct api *api = request_api(rq);
    int64_t now = loop_wall(api->loop);
    for (size_t i = 0; i < json_len(censuses); i++) {
        char at[64];
        int64_t ts = json_get_int(json_at(censuses, i), "ts", 0);
        snprintf(at, sizeof at, "/censuses/%zu", i);
        if (ts < now - api->settings->retention || ts > now + AHEAD_NS)
            fault_add(faults, at, "must not be older than the retention, nor more than a day ahead");
        if (!census_check(json_at(censuses, i), at, faults))
            return false;
    }
    return faults->n == 0;
}

void on_agent_census(struct request *rq)
{
    const struct json *body = request_json(rq), *censuses = json_get(body, "censuses");
    struct query *rows[CENSUSES_MAX];
    struct faults faults = { 0 };
    size_t n = json_len(censuses);
    if (!check(rq, censuses, &faults)) {
        reply_faults(rq, &faults);
        return;
    }
    for (size_t i = 0; i < n; i++)
        rows[i] = put(rq, json_at(censuses, i));
    ingest_store_all(rq, rows, n, json_text(json_get(body, "stream")), json_get_int(body, "seq", 0));
}
