/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a task: enqueue, claim, complete. Four streams at a time; each enqueues a batch, claims as
 * many, completes what it claimed. And the latency of a durable write that waits for nobody. */
#include <string.h>
#include "core/base/ids.h"
#include "tests/bench/bench_store.h"

enum { STREAMS = 4, SINGLES = 2000, PER_HOST = 4 };

struct lives {
    struct bench *b;
    unsigned batch, hosts, wanted;
    unsigned enqueued, completed;
    unsigned running;   /* streams */
    int64_t claim_ns;   /* summed, of all claims */
    unsigned claimed;
};

struct stream {
    struct lives *l;
    unsigned first_host; /* of the batch */
    int64_t sent;
};

static void enqueue(struct stream *s);

static struct query *task_insert(struct lives *l, struct str host, int64_t now)
{
    char id[UUID_LEN + 1];
    struct query *q = q_insert(l->b->store, C_TASKS);
    uuid7_new(id);
    q_text(q, F_TASKS_ID, id);
    q_str(q, F_TASKS_HOST_ID, host);
    q_text(q, F_TASKS_EXPERIMENT_ID, "0191f0c4-7a3b-7000-8000-000000000001");
    q_text(q, F_TASKS_TYPE, "collector");
    q_text(q, F_TASKS_ACTION, "start");
    q_json(q, F_TASKS_CONFIG, l->b->config);
    q_int(q, F_TASKS_PRIORITY, 1);
    q_text(q, F_TASKS_STATUS, "pending");
    q_time(q, F_TASKS_RUN_AT, now);
    q_int(q, F_TASKS_EPOCH, 0);
    q_int(q, F_TASKS_RETRY_COUNT, 0);
    q_int(q, F_TASKS_MAX_ATTEMPTS, 4);
    q_time(q, F_TASKS_CREATED_AT, now);
    q_time(q, F_TASKS_UPDATED_AT, now);
    return q;
}

static void on_completed(void *arg, const struct result *res)
{
    struct stream *s = arg;
    bench_must(res);
    s->l->completed += (unsigned)res->n;
    enqueue(s);
}

static void on_claimed(void *arg, const struct result *res)
{
    struct stream *s = arg;
    struct lives *l = s->l;
    bench_must(res);
    l->claim_ns += clock_mono() - s->sent;
    l->claimed += (unsigned)res->n_rows;
    struct query *batch = q_batch(l->b->store);
    int64_t now = clock_wall();
    for (size_t i = 0; i < res->n_rows; i++) {
        struct query *q = q_update(l->b->store, C_TASKS);
        q_where_text(q, F_TASKS_ID, PHX_EQ, row_text(&res->rows[i], F_TASKS_ID));
        q_where_int(q, F_TASKS_EPOCH, PHX_EQ, row_int(&res->rows[i], F_TASKS_EPOCH));
        q_set_text(q, F_TASKS_STATUS, "completed");
        q_set_time(q, F_TASKS_COMPLETED_AT, now);
        q_set_time(q, F_TASKS_UPDATED_AT, now);
        q_set_null(q, F_TASKS_LEASE_UNTIL);
        q_flags(q, PHX_NO_ROWS);
        q_add(batch, q);
    }
    store_run(batch, on_completed, s);
}

/* As taskq_claim.c does, but from the hosts of this stream's batch only, and durable. */
static void on_enqueued(void *arg, const struct result *res)
{
    struct stream *s = arg;
    struct lives *l = s->l;
    bench_must(res);
    struct query *q = q_update(l->b->store, C_TASKS);
    unsigned n = l->batch < l->hosts ? l->batch : l->hosts;
    struct str *hosts = arena_calloc(q_arena(q), n, sizeof *hosts);
    for (unsigned i = 0; i < n; i++)
        hosts[i] = bench_host((s->first_host + i) % l->hosts);
    int64_t now = clock_wall();
    q_where_text(q, F_TASKS_STATUS, PHX_EQ, "pending");
    q_where_in(q, F_TASKS_HOST_ID, hosts, n);
    q_where_int(q, F_TASKS_RUN_AT, PHX_LE, now);
    q_per_key(q, PER_HOST);
    q_limit(q, l->batch);
    q_order_desc(q, F_TASKS_PRIORITY);
    q_order(q, F_TASKS_ID);
    q_set_text(q, F_TASKS_STATUS, "assigned");
    q_inc(q, F_TASKS_EPOCH, 1);
    q_set_time(q, F_TASKS_ASSIGNED_AT, now);
    q_set_time(q, F_TASKS_LEASE_UNTIL, now + 10 * NS_PER_S);
    q_set_time(q, F_TASKS_UPDATED_AT, now);
    s->sent = clock_mono();
    store_run(q, on_claimed, s);
}

static void enqueue(struct stream *s)
{
    struct lives *l = s->l;
    if (l->enqueued >= l->wanted) {
        if (--l->running == 0)
            loop_stop(l->b->loop);
        return;
    }
    struct query *batch = q_batch(l->b->store);
    int64_t now = clock_wall();
    s->first_host = l->enqueued % l->hosts;
    for (unsigned i = 0; i < l->batch; i++)
        q_add(batch, task_insert(l, bench_host(l->enqueued++ % l->hosts), now));
    store_run(batch, on_enqueued, s);
}

/* "BATCH [HOSTS [LIVES]]" */
void bench_lives(struct bench *b, const char *arg)
{
    struct lives l = { .b = b, .batch = 100, .hosts = 100, .wanted = 40000 };
    struct stream streams[STREAMS];
    char *end = NULL;
    if (*arg)
        l.batch = (unsigned)strtoul(arg, &end, 10);
    if (end && *end)
        l.hosts = (unsigned)strtoul(end, &end, 10);
    if (end && *end)
        l.wanted = (unsigned)strtoul(end, &end, 10);
    l.running = l.batch == 1 ? 1 : STREAMS; /* one by one means: nobody to share a commit with */
    int64_t start = clock_mono();
    for (unsigned i = 0, n = l.running; i < n; i++) {
        streams[i] = (struct stream){ .l = &l };
        enqueue(&streams[i]);
    }
    bench_wait(b);
    bench_print(b, l.batch == 1 ? "task_lives_one_by_one" : "task_lives", l.completed / bench_seconds(start),
                "1/s");
    bench_print(b, "claim", (double)l.claim_ns / 1e3 / (l.claimed ? l.claimed : 1), "us/task");
    if (l.completed != l.enqueued) {
        fprintf(stderr, "store_bench: %u tasks were enqueued, %u completed\n", l.enqueued, l.completed);
        exit(1);
    }
}

/* ---- one at a time */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void bench_single(struct bench *b, const char *arg)
{
    static int64_t latencies[SINGLES];
    (void)arg;
    for (unsigned i = 0; i < SINGLES; i++) {
        struct query *q = q_put(b->store, C_DEPLOYMENTS);
        q_str(q, F_DEPLOYMENTS_HOST_ID, bench_host(i % 100));
        q_text(q, F_DEPLOYMENTS_EXPERIMENT_ID, "0191f0c4-7a3b-7000-8000-000000000001");
        q_text(q, F_DEPLOYMENTS_VARIANT, "candidate");
        q_text(q, F_DEPLOYMENTS_PIPELINE, "topk");
        q_text(q, F_DEPLOYMENTS_CONFIG_HASH, "sha256:0");
        q_text(q, F_DEPLOYMENTS_STATUS, "running");
        q_time(q, F_DEPLOYMENTS_CREATED_AT, NS_PER_S);
        int64_t start = clock_mono();
        bench_run(b, q);
        latencies[i] = clock_mono() - start;
    }
    qsort(latencies, SINGLES, sizeof *latencies, by_value);
    bench_print(b, "put_p50", (double)latencies[SINGLES / 2] / 1e3, "us");
    bench_print(b, "put_p99", (double)latencies[SINGLES * 99 / 100] / 1e3, "us");
}
