/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything comes from counters in memory, except the depth of the queue: that is counted in the store,
 * but only if the queue has changed since it was counted last. Scraping an idle API costs no statement.
 */
#include "core/api/metrics.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "core/api/admission.h"
#include "core/api/agents.h"
#include "core/api/handlers.h"
#include "core/api/ingest.h"
#include "core/api/routes.h"
#include "core/api/scheduler.h"
#include "core/api/taskq.h"
#include "core/api/waiters.h"
#include "core/base/clock.h"
#include "core/base/limits.h"

enum metric {
#define METRIC(id, name, kind, label, unit, help) M_##id,
#include "core/tables/metrics.def"
    M_COUNT
};
struct metric_info {
    const char *name, *kind, *label, *unit, *help;
};
#define COUNTER "counter"
#define GAUGE "gauge"
static const struct metric_info infos[] = {
#define METRIC(id, name, kind, label, unit, help) { name, kind, label, unit, help },
#include "core/tables/metrics.def"
};

/* ---- values without labels */

static void fill_process(double *v)
{
    struct rusage ru;
    struct rlimit nofile;
    unsigned long long vsize = 0, rss = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%llu %llu", &vsize, &rss) == 2) {
        v[M_VSIZE] = (double)vsize * (double)sysconf(_SC_PAGESIZE);
        v[M_RSS] = (double)rss * (double)sysconf(_SC_PAGESIZE);
    }
    if (f) {
        fclose(f);
    }
    if (getrusage(RUSAGE_SELF, &ru) == 0) {
        v[M_CPU] = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
                   (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
    }
    if (getrlimit(RLIMIT_NOFILE, &nofile) == 0) {
        v[M_FDS_MAX] = (double)nofile.rlim_cur;
    }
    DIR *fds = opendir("/proc/self/fd");
    for (struct dirent *e = fds ? readdir(fds) : NULL; e; e = readdir(fds)) {
        v[M_FDS] += e->d_name[0] != '.';
    }
    if (fds) {
        v[M_FDS]--; /* the folder's own */
        closedir(fds);
    }
}

static void fill_work(struct api *api, double *v)
{
    struct taskq_stats t;
    struct waiters_stats w;
    struct agents_stats a;
    const struct ingest_stats *in = ingest_stats(api);
    taskq_stats(api, &t);
    waiters_stats(api, &w);
    agents_stats(api, &a);
    const struct {
        enum metric m;
        uint64_t value;
    } values[] = {
        { M_TASKS_ENQUEUED, t.enqueued_total },
        { M_TASKS_DELIVERED, t.delivered_total },
        { M_TASKS_REDELIVERED, t.redelivered_total },
        { M_TASKS_RELEASED, t.released_total },
        { M_TASKS_RETRIED, t.retried_total },
        { M_TASKS_COMPLETED, t.completed_total },
        { M_TASKS_FAILED, t.failed_total },
        { M_TASKS_EXPIRED, t.expired_total },
        { M_TASKS_STALE, t.stale_total },
        { M_POLLS, w.polls_total },
        { M_POLLS_PARKED, w.parked },
        { M_POLLS_TIMED_OUT, w.timeouts_total },
        { M_POLLS_SUPERSEDED, w.superseded_total },
        { M_POLLS_GONE, w.gone_total },
        { M_HEARTBEATS, a.heartbeats_total },
        { M_HEARTBEATS_FULL, a.full_total },
        { M_HEARTBEATS_FLUSHED, a.flushed_total },
        { M_SAMPLES, in->samples_total },
        { M_SAMPLES_UNKNOWN, in->values_unknown_total },
        { M_LOG_LINES, in->log_lines_total },
        { M_BATCHES, in->batches_total },
        { M_BATCHES_REPEATED, in->repeated_total },
        { M_BATCHES_REFUSED, in->refused_total },
        { M_BATCH_BYTES, in->bytes_in_flight },
        { M_EXPERIMENTS, scheduler_live(api->scheduler) },
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        v[values[i].m] = (double)values[i].value;
    }
}

static void fill(struct api *api, double *v)
{
    struct http_stats http;
    struct store_stats store;
    struct admission_stats room;
    admission_stats(api, &room);
    http_server_stats(api->http, &http);
    store_stats(api->store, &store);
    v[M_UP_SECONDS] = (double)(clock_wall() - api->started_ns) / NS_PER_S;
    v[M_START_TIME] = (double)api->started_ns / NS_PER_S;
    v[M_HTTP_OPEN] = (double)http.connections_open;
    v[M_HTTP_CONNECTIONS] = (double)http.connections_total;
    v[M_HTTP_REFUSED] = (double)http.refused_total;
    v[M_HTTP_GONE] = (double)http.gone_total;
    v[M_STORE_UP] = store_ok(api->store);
    v[M_STORE_QUERIES] = (double)store.queries_total;
    v[M_STORE_STATEMENTS] = (double)store.statements_total;
    v[M_STORE_ROWS] = (double)store.rows_total;
    v[M_STORE_FAILED] = (double)store.failed_total;
    v[M_STORE_IN_FLIGHT] = (double)store.inflight;
    v[M_HTTP_BODIES] = (double)http.body_bytes;
    v[M_LOOP_LAG] = (double)room.lag_ns / NS_PER_S;
    v[M_IS_SHORT] = room.is_short;
    v[M_STORE_AWAY] = room.is_store_away;
    v[M_HOST_BUCKETS] = (double)room.buckets;
    fill_work(api, v);
    fill_process(v);
}

/* ---- families with labels */

static void line(struct buf *out, const char *name, const char *labels, double value)
{
    buf_adds(out, name);
    buf_adds(out, labels);
    buf_addc(out, ' ');
    buf_add_real(out, value);
    buf_addc(out, '\n');
}

static void write_answers(struct buf *out, struct api *api)
{
    char labels[128];
    for (size_t i = 0; i < routes_count(); i++) {
        for (unsigned c = 1; c <= 5; c++) {
            uint64_t n = http_route_answers(api->http, i, c);
            if (n) {
                snprintf(labels, sizeof labels, "{route=\"%s\",code=\"%uxx\"}", routes[i].id, c);
                line(out, infos[M_HTTP_ANSWERS].name, labels, (double)n);
            }
        }
    }
}

static void write_seconds(struct buf *out, struct api *api)
{
    char labels[128];
    for (size_t i = 0; i < routes_count(); i++) {
        uint64_t ns = http_route_duration_ns(api->http, i);
        if (ns) {
            snprintf(labels, sizeof labels, "{route=\"%s\"}", routes[i].id);
            line(out, infos[M_HTTP_SECONDS].name, labels, (double)ns / NS_PER_S);
        }
    }
}

static void write_in_progress(struct buf *out, struct api *api)
{
    char labels[64];
    for (int t = 0; t < TRAFFIC_COUNT; t++) {
        struct http_traffic_stats stats;
        http_traffic_stats(api->http, (enum traffic)t, &stats);
        snprintf(labels, sizeof labels, "{class=\"%s\"}", traffic_info((enum traffic)t)->name);
        line(out, infos[M_IN_PROGRESS].name, labels, (double)stats.in_progress);
    }
}

static void write_shed(struct buf *out, struct api *api)
{
    char labels[64];
    for (int t = 0; t < TRAFFIC_COUNT; t++) {
        struct http_traffic_stats stats;
        const char *class = traffic_info((enum traffic)t)->name;
        http_traffic_stats(api->http, (enum traffic)t, &stats);
        snprintf(labels, sizeof labels, "{class=\"%s\",code=\"429\"}", class);
        line(out, infos[M_SHED].name, labels, (double)stats.too_fast_total);
        snprintf(labels, sizeof labels, "{class=\"%s\",code=\"503\"}", class);
        line(out, infos[M_SHED].name, labels, (double)stats.short_total);
    }
}

static void write_lanes(struct buf *out, struct api *api, enum metric m)
{
    static const char *const names[] = { "urgent", "normal", "bulk" }; /* as enum store_lane */
    char labels[64];
    for (int i = 0; i < LANE_COUNT; i++) {
        struct store_lane_stats stats;
        store_lane_stats(api->store, (enum store_lane)i, &stats);
        snprintf(labels, sizeof labels, "{lane=\"%s\"}", names[i]);
        line(out, infos[m].name, labels,
             m == M_LANE_DEPTH ? (double)stats.pending
             : m == M_LANE_AGE ? (double)stats.oldest_ns / NS_PER_S
                               : (double)stats.refused_total);
    }
}

static void write_agents(struct buf *out, struct api *api)
{
    struct agents_stats a;
    agents_stats(api, &a);
    line(out, infos[M_AGENTS].name, "{status=\"healthy\"}", (double)a.healthy);
    line(out, infos[M_AGENTS].name, "{status=\"degraded\"}", (double)a.degraded);
    line(out, infos[M_AGENTS].name, "{status=\"lost\"}", (double)a.lost);
}

static void write_queue(struct buf *out, struct api *api)
{
    struct taskq_depth d;
    taskq_depth(api, &d);
    line(out, infos[M_QUEUE].name, "{status=\"pending\"}", (double)d.pending);
    line(out, infos[M_QUEUE].name, "{status=\"assigned\"}", (double)d.assigned);
    line(out, infos[M_QUEUE].name, "{status=\"running\"}", (double)d.running);
}

/* ---- the answer */

static void metrics_answer(void *arg)
{
    struct request *rq = arg;
    struct api *api = request_api(rq);
    double v[M_COUNT] = { 0 };
    struct buf out;
    buf_init(&out, LIMIT_JSON_BYTES);
    fill(api, v);
    for (int m = 0; m < M_COUNT; m++) {
        const struct metric_info *i = &infos[m];
        buf_addf(&out, "# HELP %s %s\n# TYPE %s %s\n", i->name, i->help, i->name, i->kind);
        switch (m) {
        case M_HTTP_ANSWERS: write_answers(&out, api); break;
        case M_HTTP_SECONDS: write_seconds(&out, api); break;
        case M_AGENTS: write_agents(&out, api); break;
        case M_IN_PROGRESS: write_in_progress(&out, api); break;
        case M_SHED: write_shed(&out, api); break;
        case M_LANE_DEPTH:
        case M_LANE_AGE:
        case M_LANE_REFUSED: write_lanes(&out, api, (enum metric)m); break;
        case M_QUEUE: write_queue(&out, api); break;
        default: line(&out, i->name, "", v[m]);
        }
    }
    reply_text(rq, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
    buf_done(&out);
}

void on_metrics(struct request *rq)
{
    taskq_count(request_api(rq), metrics_answer, rq);
}

void metrics_dump(FILE *out)
{
    fprintf(out, "| metric | kind | labels | unit | meaning |\n|---|---|---|---|---|\n");
    for (int m = 0; m < M_COUNT; m++) {
        const struct metric_info *i = &infos[m];
        const char *label = i->label ? i->label : "";
        fprintf(out, "| `%s` | %s | %s%s | %s | %s |\n", i->name, i->kind, label,
                m == M_HTTP_ANSWERS || m == M_SHED ? ", code" : "", i->unit, i->help);
    }
}
