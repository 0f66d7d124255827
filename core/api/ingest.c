/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/ingest.h"
#include <stdlib.h>
#include "core/base/ids.h"
#include "core/base/mem.h"

enum { IN_FLIGHT_MAX = 64 << 20, RETRY_MIN_S = 5, RETRY_SPREAD_S = 26 };

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

bool ingest_admit(struct request *rq)
{
    struct ingest *in = request_api(rq)->ingest;
    if (in->stats.bytes_in_flight + request_body(rq).n <= IN_FLIGHT_MAX) {
        return true;
    }
    char after[16];
    struct err err = { 0 };
    snprintf(after, sizeof after, "%u", RETRY_MIN_S + (unsigned)(random_u64() % RETRY_SPREAD_S));
    reply_header(rq, "Retry-After", after);
    err_set(&err, ERR_BUSY, "%llu bytes of batches wait to be stored",
            (unsigned long long)in->stats.bytes_in_flight);
    in->stats.refused_total++;
    reply_error(rq, &err);
    return false;
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
    reply_empty(b->rq, 202);
}

void ingest_store(struct request *rq, struct query *rows, struct str stream, int64_t seq)
{
    struct api *api = request_api(rq);
    struct batch *b = arena_alloc(request_arena(rq), sizeof *b);
    *b = (struct batch){ .rq = rq, .in = api->ingest, .bytes = request_body(rq).n };
    struct query *all = q_batch(api->store), *number = q_insert(api->store, C_BATCHES);
    q_text(number, F_BATCHES_HOST_ID, request_host_id(rq));
    q_str(number, F_BATCHES_STREAM, stream);
    q_int(number, F_BATCHES_SEQ, seq);
    q_time(number, F_BATCHES_AT, loop_wall(api->loop));
    q_add(all, number);
    if (rows) {
        q_add(all, rows);
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
