/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server with a few routes, for tests that speak to it over sockets. Prints "port N" when it
 * listens and ends on SIGTERM.
 *
 * http_fixture [max_connections [request_timeout_ms]]
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/http/http.h"

struct waiter {
    struct waiter *prev, *next;
    struct request *rq;
};
static struct waiter *waiters;
static unsigned n_waiters, n_gone;
static struct http_server *server;

static void on_beat(struct request *rq)
{
    reply_empty(rq, 204);
}

static void on_echo(struct request *rq)
{
    reply_tree(rq, 200, request_json(rq));
}

static void on_raw(struct request *rq)
{
    struct buf body CLEANUP_BUF;
    buf_init(&body, 64 << 20);
    buf_add_str(&body, request_body(rq));
    reply_text(rq, 200, "application/octet-stream", &body);
}

static void on_item(struct request *rq)
{
    struct json *j CLEANUP_JSON = json_object();
    json_set_str(j, "id", request_param(rq, "id"));
    json_set_str(j, "q", request_query(rq, "q"));
    reply_tree(rq, 200, j);
}

static void on_gone(void *arg)
{
    struct waiter *w = arg;
    DL_DELETE(waiters, w);
    free(w);
    n_waiters--;
    n_gone++;
}

static void on_wait(struct request *rq)
{
    struct waiter *w = mem_alloc(sizeof *w);
    w->rq = rq;
    DL_APPEND(waiters, w);
    n_waiters++;
    request_park(rq, on_gone, w);
}

static void on_wake(struct request *rq)
{
    for (struct waiter *w, *next = waiters; (w = next);) {
        next = w->next;
        struct json *none CLEANUP_JSON = json_array();
        reply_tree(w->rq, 200, none);
        free(w);
        n_waiters--;
    }
    waiters = NULL;
    reply_empty(rq, 204);
}

/* What the tests look at: heap in use, waiters, and how many hung up. */
static void on_state(struct request *rq)
{
    struct json *j CLEANUP_JSON = json_object();
    struct http_stats stats;
    http_server_stats(server, &stats);
    json_set_int(j, "heap", (int64_t)mallinfo2().uordblks);
    json_set_int(j, "waiters", n_waiters);
    json_set_int(j, "gone", n_gone);
    json_set_int(j, "open", (int64_t)stats.connections_open);
    json_set_int(j, "refused", (int64_t)stats.refused_total);
    reply_tree(rq, 200, j);
}

static void on_busy(struct request *rq)
{
    struct err err = { 0 };
    err_set(&err, ERR_BUSY, "the queue is full");
    err_remedy(&err, "come again");
    reply_error(rq, &err);
}

static const struct field echo_fields[] = {
    { .name = "name", .kind = F_NAME, .flags = F_REQUIRED },
    { .name = "count", .kind = F_INT, .min = 1, .max = 10, .dflt = "3" },
    { .name = NULL },
};
static const struct schema echo_type = { .name = "echo", .fields = echo_fields };
static const struct field item_fields[] = {
    { .name = "q", .kind = F_STRING, .max = 20 },
    { .name = "limit", .kind = F_INT, .min = 1, .max = 100 },
    { .name = NULL },
};
static const struct schema item_query = { .name = "item_query", .fields = item_fields };

static const struct route routes[] = {
    { .id = "beat",
      .method = HTTP_POST,
      .path = "/api/v1/agent/heartbeat",
      .scope = SCOPE_AGENT,
      .handler = on_beat,
      .body = &echo_type,
      .status = 204,
      .flags = ROUTE_RAW_BODY,
      .max_body = 262144,
      .summary = "beat" },
    { .id = "poll",
      .method = HTTP_GET,
      .path = "/api/v1/agent/tasks",
      .scope = SCOPE_AGENT,
      .handler = on_wait,
      .status = 200,
      .summary = "wait" },
    { .id = "echo",
      .method = HTTP_POST,
      .path = "/echo",
      .scope = SCOPE_PUBLIC,
      .handler = on_echo,
      .body = &echo_type,
      .reply = &echo_type,
      .status = 200,
      .summary = "echo" },
    { .id = "raw",
      .method = HTTP_POST,
      .path = "/raw",
      .scope = SCOPE_PUBLIC,
      .handler = on_raw,
      .body = &echo_type,
      .status = 200,
      .flags = ROUTE_RAW_BODY,
      .summary = "raw" },
    { .id = "item",
      .method = HTTP_GET,
      .path = "/items/{id}",
      .scope = SCOPE_PUBLIC,
      .handler = on_item,
      .query = &item_query,
      .status = 200,
      .summary = "item" },
    { .id = "item_put",
      .method = HTTP_PUT,
      .path = "/items/{id}",
      .scope = SCOPE_PUBLIC,
      .handler = on_item,
      .status = 200,
      .summary = "item" },
    { .id = "wake",
      .method = HTTP_POST,
      .path = "/wake",
      .scope = SCOPE_PUBLIC,
      .handler = on_wake,
      .status = 204,
      .summary = "answer those who wait" },
    { .id = "state",
      .method = HTTP_GET,
      .path = "/state",
      .scope = SCOPE_PUBLIC,
      .handler = on_state,
      .status = 200,
      .summary = "state" },
    { .id = "busy",
      .method = HTTP_GET,
      .path = "/busy",
      .scope = SCOPE_PUBLIC,
      .handler = on_busy,
      .status = 200,
      .summary = "busy" },
};

static void on_term(void *arg)
{
    loop_stop(arg);
}

int main(int argc, char **argv)
{
    uint64_t max_connections = 19000, timeout_ms = 2000;
    if (argc > 1 && !parse_uint(str_of(argv[1]), &max_connections))
        return EXIT_FAILURE;
    if (argc > 2 && !parse_uint(str_of(argv[2]), &timeout_ms))
        return EXIT_FAILURE;
    struct err err = { 0 };
    struct loop *l = loop_new(&err);
    struct http_conf conf = { .address = "127.0.0.1", .max_body = 1 << 20, .idle_timeout_ns = 75 * NS_PER_S,
                              .request_timeout_ns = (int64_t)timeout_ms * NS_PER_MS,
                              .max_connections = (unsigned)max_connections, .server_name = "fixture" };
    server = l ? http_server_new(l, &conf, routes, sizeof routes / sizeof *routes, NULL, &err) : NULL;
    if (!server || loop_on_signal(l, SIGTERM, on_term, l, &err) < 0) {
        fprintf(stderr, "http_fixture: %s\n", err.msg);
        return EXIT_FAILURE;
    }
    printf("port %u\n", http_server_port(server));
    fflush(stdout);
    int rc = loop_run(l, &err);
    http_server_free(server);
    loop_free(l);
    return rc == 0 && n_waiters == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
