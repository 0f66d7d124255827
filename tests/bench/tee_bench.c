/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of the tee's bench.
 *
 *   tee_bench --config=FILE --listen=ADDRESS:PORT     a collector that takes OTLP and says what came
 *   tee_bench send URL URL SIZE RATE COUNT            COUNT bodies to each URL, open loop
 *
 * A body begins with the time at which it was due, so the receiver knows how old it is. "delay 40" in
 * FILE: the answer to each takes 40 ms. GET /seen and the sender's output are JSON: requests, bytes, and
 * the p50 and p99 of the age at which the last byte was there, or the answer was. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/yaml.h"
#include "core/http/http.h"
#include "core/http/listen.h"
#include "core/loop/fetch.h"

enum { AGES_MAX = 100000 };
struct ages {
    size_t n;
    double ms[AGES_MAX];
    uint64_t requests, bytes, failed;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ages_add(struct ages *a, int64_t due_ns)
{
    if (a->n < AGES_MAX)
        a->ms[a->n++] = (double)(clock_mono() - due_ns) / (double)NS_PER_MS;
}

static double quantile(struct ages *a, double q)
{
    qsort(a->ms, a->n, sizeof a->ms[0], by_value);
    return a->n ? a->ms[(size_t)(q * (double)(a->n - 1))] : NAN;
}

static void ages_write(struct ages *a, struct buf *out)
{
    buf_addf(out, "{\"requests\":%llu,\"bytes\":%llu,\"failed\":%llu,\"p50\":%.4f,\"p99\":%.4f}",
             (unsigned long long)a->requests, (unsigned long long)a->bytes, (unsigned long long)a->failed,
             quantile(a, 0.5), quantile(a, 0.99));
}

/* -------------------------------------------------------------------------------------- sink */

static struct ages seen;
static int64_t delay_ns;

struct late {
    struct request *rq;
    struct timer *timer;
};

static void on_late(void *arg)
{
    struct late *x = arg;
    reply_empty(x->rq, 200);
    timer_free(x->timer);
    free(x);
}

static void on_post(struct request *rq)
{
    struct str body = request_body(rq);
    int64_t due_ns = 0;
    if (body.n >= sizeof due_ns)
        memcpy(&due_ns, body.p, sizeof due_ns);
    ages_add(&seen, due_ns);
    seen.requests++;
    seen.bytes += body.n;
    if (delay_ns == 0) {
        reply_empty(rq, 200);
        return;
    }
    struct late *x = mem_alloc(sizeof *x);
    x->rq = rq;
    x->timer = timer_new(request_loop(rq), on_late, x);
    timer_set(x->timer, delay_ns);
}

static void on_get(struct request *rq)
{
    CLEANUP_BUF struct buf out;
    buf_init(&out, 1024);
    if (strcmp(request_route(rq)->path, "/seen") == 0)
        ages_write(&seen, &out);
    else
        buf_adds(&out, "phoenix_collector_points_total 1\n");
    reply_text(rq, 200, "text/plain", &out);
}

static const struct route routes[] = {
    { .id = "post", .method = HTTP_POST, .path = "/v1/metrics", .handler = on_post, .flags = ROUTE_RAW_BODY },
    { .id = "health", .method = HTTP_GET, .path = "/healthz", .handler = on_get },
    { .id = "metrics", .method = HTTP_GET, .path = "/metrics", .handler = on_get },
    { .id = "seen", .method = HTTP_GET, .path = "/seen", .handler = on_get },
};

static int config_read(const char *path, struct err *err)
{
    CLEANUP_BUF struct buf text;
    buf_init(&text, 4096);
    int rc = file_read(path, 4096, &text, err);
    const char *delay = rc == 0 ? strstr(buf_cstr(&text), "delay ") : NULL;
    if (delay)
        delay_ns = strtol(delay + 6, NULL, 10) * NS_PER_MS;
    return rc;
}

static int sink(struct loop *l, const char *config, const char *listen, struct err *err)
{
    struct endpoint at;
    if (config_read(config, err) != 0 || endpoint_parse("--listen", listen, &at, err) != 0)
        return err->code;
    struct http_conf conf = { .address = at.address,
                              .port = at.port,
                              .max_body = 64 << 20,
                              .request_timeout_ns = 60 * NS_PER_S,
                              .idle_timeout_ns = 600 * NS_PER_S,
                              .max_connections = 64,
                              .server_name = "sink" };
    if (!http_server_new(l, &conf, routes, sizeof routes / sizeof routes[0], NULL, err))
        return err->code;
    return loop_run(l, err);
}

/* ------------------------------------------------------------------------------------- sender */

struct target {
    const char *url;
    struct ages ages;
};
struct sender {
    struct loop *loop;
    struct fetcher *fetcher;
    struct timer *timer;
    struct target to[2];
    size_t size, n_sent, n_wanted, n_done;
    int64_t first_ns, interval_ns;
};
struct shot {
    struct sender *sender;
    struct target *to;
    int64_t due_ns;
    char bytes[];
};

static void on_answer(void *arg, const struct fetch_reply *reply)
{
    struct shot *x = arg;
    struct sender *s = x->sender;
    ages_add(&x->to->ages, x->due_ns);
    x->to->ages.requests++;
    x->to->ages.bytes += s->size;
    x->to->ages.failed += reply->rc != 0 || reply->status != 200;
    free(x);
    if (++s->n_done == s->n_wanted)
        loop_stop(s->loop);
}

static void shoot(struct sender *s)
{
    static const char *const headers[] = { "Content-Type: application/x-protobuf", NULL };
    struct err err = { 0 };
    struct shot *x = mem_alloc(sizeof *x + s->size);
    x->sender = s;
    x->to = &s->to[(s->n_sent ^ s->n_sent >> 1) & 1]; /* A B B A: neither is always behind the other */
    x->due_ns = s->first_ns + (int64_t)s->n_sent++ * s->interval_ns;
    memcpy(x->bytes, &x->due_ns, sizeof x->due_ns);
    struct fetch_req req = { .method = "POST",
                             .url = x->to->url,
                             .headers = headers,
                             .body = { x->bytes, s->size },
                             .timeout_ns = 30 * NS_PER_S,
                             .max_reply = 65536 };
    if (!fetch_start(s->fetcher, &req, on_answer, x, &err))
        mem_die(0);
}

static void on_tick(void *arg)
{
    struct sender *s = arg;
    int64_t now = clock_mono();
    while (s->n_sent < s->n_wanted && s->first_ns + (int64_t)s->n_sent * s->interval_ns <= now)
        shoot(s);
    if (s->n_sent < s->n_wanted)
        timer_set(s->timer, s->first_ns + (int64_t)s->n_sent * s->interval_ns - now);
}

static int send_all(struct loop *l, char **argv, struct err *err)
{
    static struct sender s;
    s.loop = l;
    s.fetcher = fetcher_new(l, "tee_bench", err);
    if (!s.fetcher)
        return err->code;
    s.to[0].url = argv[2];
    s.to[1].url = argv[3];
    s.size = strtoul(argv[4], NULL, 10);
    s.interval_ns = NS_PER_S / (2 * strtol(argv[5], NULL, 10));
    s.n_wanted = 2 * strtoul(argv[6], NULL, 10);
    s.first_ns = clock_mono() + 10 * NS_PER_MS;
    s.timer = timer_new(l, on_tick, &s);
    timer_set(s.timer, 10 * NS_PER_MS);
    int rc = loop_run(l, err);
    CLEANUP_BUF struct buf out;
    buf_init(&out, 4096);
    buf_adds(&out, "[");
    ages_write(&s.to[0].ages, &out);
    buf_adds(&out, ",");
    ages_write(&s.to[1].ages, &out);
    puts(buf_cstr(&out));
    puts("]");
    return rc;
}

int main(int argc, char **argv)
{
    struct err err = { 0 };
    struct loop *l = loop_new(&err);
    int rc = err.code;
    if (l && argc == 7 && strcmp(argv[1], "send") == 0 && strtoul(argv[4], NULL, 10) >= sizeof(int64_t))
        rc = send_all(l, argv, &err);
    else if (l && argc == 3 && strncmp(argv[1], "--config=", 9) == 0 && strncmp(argv[2], "--listen=", 9) == 0)
        rc = sink(l, argv[1] + 9, argv[2] + 9, &err);
    else
        rc = err_set(&err, ERR_USAGE, "see the top of tee_bench.c");
    if (rc != 0)
        fprintf(stderr, "tee_bench: %s\n", err.msg);
    return rc == 0 ? 0 : 1;
}
