/* SPDX-License-Identifier: Apache-2.0 */
/** @file ingest.h
 * Numbered batches of samples and logs on their way into the store: a batch counts once, because its
 * number is inserted together with its rows. Bounded: over the limit admission.c answers 503, and the
 * agent's spool keeps what the API cannot take.
 */
#ifndef PHOENIX_API_INGEST_H
#define PHOENIX_API_INGEST_H
#include "core/api/api.h"

int ingest_start(struct api *api, struct err *err);
void ingest_stop(struct api *api);
/** Is there memory for another batch of this class? */
bool ingest_has_room(const struct api *api, enum traffic t);
/** Store @p rows (NULL: none) with the number of the batch; answers 202 when that is committed, and
 *  also when the batch was stored before. Takes @p rows. */
void ingest_store(struct request *rq, struct query *rows, struct str stream, int64_t seq);
/** The same for several queries. */
void ingest_store_all(struct request *rq, struct query *const *rows, size_t n, struct str stream,
                      int64_t seq);

struct ingest_stats {
    uint64_t samples_total, values_unknown_total, log_lines_total, batches_total, repeated_total,
        refused_total;
    uint64_t bytes_in_flight;
};
struct ingest_stats *ingest_stats(struct api *api); /**< the parts count in it */
#endif
