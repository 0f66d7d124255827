/* SPDX-License-Identifier: Apache-2.0 */
/* A server that speaks as much of the protocol as an agent hears, and answers at once. Only for --self-test:
 * it trusts its client. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tools/swarm/engine.h"
#include "tools/swarm/selftest.h"

enum { HOSTS_MAX = 1000, REQUEST_MAX = 64 << 10 };

struct peer {
    struct watched watched;
    int fd;
    struct buf in;
};
static struct stub {
    struct engine engine;
    struct watched listener;
    int fd;
    const struct stub_plan *plan;
    struct peer *parked[HOSTS_MAX];
    struct buf waiting[HOSTS_MAX]; /* tasks for a host that does not poll now, with commas between */
    unsigned tasks, heartbeats;
} stub;

static void answer(struct peer *p, const char *status, const char *body)
{
    char text[8192];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                     strlen(body),
                     strncmp(status, "503", 3) == 0 ? "Retry-After: 1\r\n" : "", body);
    if (send(p->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        fprintf(stderr, "stub: send: %s\n", strerror(errno));
}

/* The number at the end of a host's name. */
static unsigned host_of(const char *text, const char *before)
{
    const char *at = strstr(text, before);
    at = at ? strchr(at + strlen(before), '-') : NULL;
    return at ? (unsigned)strtoul(at + 1, NULL, 10) % HOSTS_MAX : 0;
}

static void deliver(unsigned host)
{
    struct peer *p = stub.parked[host];
    struct buf *tasks = &stub.waiting[host];
    char body[4096];
    if (!p || tasks->len == 0)
        return;
    stub.parked[host] = NULL;
    snprintf(body, sizeof body, "[%s]", buf_cstr(tasks));
    buf_reset(tasks);
    answer(p, "200 OK", body);
}

static void add_task(unsigned host, unsigned number, long long seed, int epoch)
{
    struct buf *tasks = &stub.waiting[host];
    buf_addf(tasks,
             "%s{\"id\":\"00000000-0000-4000-8000-%012x\",\"type\":\"loadsim\",\"epoch\":%d,\"config\":"
             "{\"id\":\"00000000-0000-4000-8000-%012x\",\"seed\":%lld}}",
             tasks->len ? "," : "", number, epoch,
             number, seed);
}

static void on_enqueue(struct peer *p, const char *body)
{
    const struct stub_plan *plan = stub.plan;
    const char *seed = strstr(body, "\"seed\":");
    unsigned host = host_of(body, "\"target_hosts\":[\""), number = ++stub.tasks;
    long long value = seed ? strtoll(seed + 7, NULL, 10) : 0;
    bool is_special = plan->every && number % plan->every == 0;
    if (number == plan->stall_at) {
        struct timespec wait = { .tv_sec = plan->stall_ns / NS_PER_S, .tv_nsec = plan->stall_ns % NS_PER_S };
        (void)nanosleep(&wait, NULL);
    }
    answer(p, "201 Created", "{}");
    if (is_special && plan->with_these == STUB_LOSES)
        return;
    add_task(host, number, value, 1);
    if (is_special && plan->with_these == STUB_REPEATS)
        add_task(host, number, value, 2);
    if (is_special && plan->with_these == STUB_DOUBLES)
        add_task(host, number + 1000000, value, 1);
    deliver(host);
}

static void on_poll(struct peer *p, const char *head)
{
    unsigned host = host_of(head, "X-Agent-Host-ID: ");
    if (strstr(head, "wait=0")) {
        answer(p, "200 OK", "[]");
        return;
    }
    stub.parked[host] = p;
    deliver(host);
}

static void on_request(struct peer *p, const char *head, const char *body)
{
    if (strncmp(head, "GET", 3) == 0)
        on_poll(p, head);
    else if (strstr(head, "/loadsimulations"))
        on_enqueue(p, body);
    else if (strstr(head, "/heartbeat") && stub.heartbeats++ < stub.plan->refuse_first)
        answer(p, "503 Service Unavailable", "");
    else
        answer(p, "204 No Content", "");
}

static void peer_end(struct peer *p)
{
    for (unsigned i = 0; i < HOSTS_MAX; i++)
        if (stub.parked[i] == p)
            stub.parked[i] = NULL;
    close(p->fd);
    p->fd = -1; /* not freed: the engine may still have an event of it */
    buf_done(&p->in);
}

static void on_bytes(struct watched *w, uint32_t events)
{
    struct peer *p = CONTAINER_OF(w, struct peer, watched);
    while (p->fd >= 0) {
        char *room = buf_room(&p->in, 4096);
        ssize_t n = room ? recv(p->fd, room, 4096, MSG_DONTWAIT) : 0;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            peer_end(p);
            return;
        }
        p->in.len += (size_t)n;
        p->in.data[p->in.len] = '\0';
        const char *end = strstr(p->in.data, "\r\n\r\n"), *length = strstr(p->in.data, "Content-Length: ");
        size_t body = end && length && length < end ? strtoul(length + 16, NULL, 10) : 0;
        if (end && p->in.len >= (size_t)(end - p->in.data) + 4 + body) {
            on_request(p, p->in.data, end + 4);
            buf_reset(&p->in); /* one request at a time: nothing can follow */
        }
    }
}

static void on_listener(struct watched *w, uint32_t events)
{
    for (int fd; (fd = accept4(stub.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct peer *p = mem_alloc(sizeof *p);
        *p = (struct peer){ .watched.fn = on_bytes, .fd = fd };
        buf_init(&p->in, REQUEST_MAX);
        if (engine_watch(&stub.engine, fd, &p->watched) != 0)
            _exit(1);
    }
}

void stub_serve(int listener, const struct stub_plan *plan)
{
    stub = (struct stub){ .fd = listener, .plan = plan, .listener.fn = on_listener };
    for (unsigned i = 0; i < HOSTS_MAX; i++)
        buf_init(&stub.waiting[i], 4000);
    if (engine_init(&stub.engine) != 0 || engine_watch(&stub.engine, listener, &stub.listener) != 0)
        _exit(1);
    engine_run(&stub.engine);
    _exit(0);
}
