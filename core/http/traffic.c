/* SPDX-License-Identifier: Apache-2.0 */
/* The table of classes, and how many requests of each are worked on. */
#include "core/http/http_priv.h"

static const struct traffic_info infos[] = {
#define CLASS(id, name_, max_, min_s, max_s, what_) \
    { .name = name_, .max = max_, .retry_min_s = min_s, .retry_max_s = max_s, .what = what_ },
#include "core/tables/classes.def"
};

const struct traffic_info *traffic_info(enum traffic t)
{
    return &infos[t];
}

unsigned traffic_retry_s(enum traffic t, uint64_t random)
{
    const struct traffic_info *i = &infos[t];
    return i->retry_min_s + (unsigned)(random % (i->retry_max_s - i->retry_min_s + 1));
}

bool traffic__enter(struct request *rq)
{
    enum traffic t = rq->route->traffic;
    struct http_traffic_stats *stats = &rq->server->traffic[t];
    if (infos[t].max > 0 && stats->in_progress >= infos[t].max)
        return false;
    stats->in_progress++;
    rq->is_counted = true;
    return true;
}

void traffic__leave(struct request *rq)
{
    if (rq->is_counted && rq->server)
        rq->server->traffic[rq->route->traffic].in_progress--;
    rq->is_counted = false;
}

void traffic__refused(struct request *rq, int status)
{
    struct http_traffic_stats *stats = &rq->server->traffic[rq->route ? rq->route->traffic : TRAFFIC_SYSTEM];
    stats->too_fast_total += status == 429;
    stats->short_total += status == 503;
}

void http_traffic_stats(const struct http_server *s, enum traffic t, struct http_traffic_stats *ret)
{
    *ret = s->traffic[t];
}
