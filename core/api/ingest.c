/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/ingest.h"
#include <stdlib.h>
#include "core/api/admission.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

enum { IN_FLIGHT_MAX = 64 << 20 }; /* bytes of memory; logs may have half */

struct ingest {
    struct ingest_stats stats;
};

/** In the request's arena. */
struct batch {
    struct request *rq;
    struct ingest *in;
    size_t bytes;
};

struct ingest_stats *ingest_stats(struct api *api)
{
    return &api->ingest->stats;
}

bool ingest_has_room(const struct api *api, enum traffic t)
{
    uint64_t max = t == TRAFFIC_LOGS ? IN_FLIGHT_MAX / 2 : IN_FLIGHT_MAX;
    return api->ingest->stats.bytes_in_flight < max;
}

static void on_stored(void *arg, const struct result *res)
{
    struct batch *b = arg;
    bool repeated = res->rc == ERR_CONFLICT && res->failed == 0;
    b->in->stats.bytes_in_flight -= b->bytes;
    if (res->rc && !repeated) {
        reply_error(b->rq, &res->err);
        return;
    }
    b->in->stats.batches_total += !repeated;
    b->in->stats.repeated_total += repeated;
    int64_t interval = admission_batch_interval(request_api(b->rq));
    char text[32];
    if (interval) {
        reply_header(b->rq, "X-Phoenix-Batch-Interval", format_duration(interval, text));
    }
    reply_empty(b->rq, 202);
}

void ingest_store(struct request *rq, struct query *rows, struct str stream, int64_t seq)
{
    ingest_store_all(rq, &rows, rows ? 1 : 0, stream, seq);
}

void ingest_store_all(struct request *rq, struct query *const *rows, size_t n, struct str stream,
                      int64_t seq)
{
    struct api *api = request_api(rq);
    struct batch *b = arena_alloc(request_arena(rq), sizeof *b);
    *b = (struct batch){ .rq = rq, .in = api->ingest, .bytes = request_body(rq).n };
    for (size_t i = 0; i < n; i++) {
        b->bytes += arena_size(q_arena(rows[i])); /* rows take several times what their text did */
    }
    struct query *all = q_batch(api->store), *number = q_insert(api->store, C_BATCHES);
    q_text(number, F_BATCHES_HOST_ID, request_host_id(rq));
    q_str(number, F_BATCHES_STREAM, stream);
    q_int(number, F_BATCHES_SEQ, seq);
    q_time(number, F_BATCHES_AT, loop_wall(api->loop));
    q_add(all, number);
    for (size_t i = 0; i < n; i++) {
        q_add(all, rows[i]);
    }
    q_flags(all, PHX_RELAXED);
    q_lane(all, LANE_BULK);
    b->in->stats.bytes_in_flight += b->bytes;
    store_run(all, on_stored, b);
}

int ingest_start(struct api *api, struct err *err)
{
    api->ingest = mem_alloc(sizeof *api->ingest);
    return 0;
}

void ingest_stop(struct api *api)
{
    free(api->ingest);
    api->ingest = NULL;
}
