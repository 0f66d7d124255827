/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/agent/metrics: rows of metric_samples, a column for each measure. */
#include "core/api/handlers.h"
#include "core/api/ingest.h"
#include "core/api/samples_scan.h"
#include "core/base/clock.h"

enum { FIRST_MEASURE = F_SAMPLES_VARIANT + 1 };
#define DAY_NS (24 * 3600 * NS_PER_S)

struct rows {
    struct query *q;
    const char *host;
};

static void on_sample(void *arg, const struct samples_batch *batch, const struct sample *s)
{
    struct rows *rows = arg;
    if (batch->n_samples > 0) {
        q_next_row(rows->q);
    }
    q_str(rows->q, F_SAMPLES_EXPERIMENT_ID, s->experiment_id);
    q_time(rows->q, F_SAMPLES_TS, s->ts);
    q_text(rows->q, F_SAMPLES_HOST_ID, rows->host);
    q_str(rows->q, F_SAMPLES_VARIANT, s->variant);
    for (unsigned i = 0; i < batch->n_measures; i++) {
        if (batch->measure[i] >= 0 && s->has[i]) {
            q_real(rows->q, FIRST_MEASURE + batch->measure[i], s->value[i]);
        }
    }
}

/** A store may keep a table for each day. What is older than the retention would be deleted as soon as it is
 *  stored, and a clock that runs ahead would leave tables that nobody ever drops. */
static int check_times(struct api *api, const struct samples_batch *batch, struct faults *faults)
{
    int64_t now = loop_wall(api->loop);
    if (batch->n_samples == 0 || (batch->oldest_ts >= now - api->settings->retention - DAY_NS &&
                                  batch->newest_ts <= now + DAY_NS)) {
        return 0;
    }
    fault_add(faults, "/samples", "must not be older than the retention, nor more than a day ahead");
    return ERR_INVALID;
}

void on_agent_metrics(struct request *rq)
{
    struct api *api = request_api(rq);
    struct samples_batch batch;
    struct faults faults = { 0 };
    struct err err = { 0 };
    struct rows rows = { .q = q_put(api->store, C_SAMPLES), .host = request_host_id(rq) };
    int rc = samples_scan(request_body(rq), on_sample, &rows, &batch, &faults, &err);
    rc = rc ? rc : check_times(api, &batch, &faults);
    if (rc || batch.n_samples == 0) {
        q_free(rows.q);
        rows.q = NULL;
    }
    if (rc == ERR_INVALID) {
        reply_faults(rq, &faults);
        return;
    }
    if (rc) {
        reply_error(rq, &err);
        return;
    }
    ingest_stats(api)->samples_total += batch.n_samples;
    ingest_stats(api)->values_unknown_total += batch.n_unknown * batch.n_samples;
    ingest_store(rq, rows.q, batch.stream, batch.seq);
}
