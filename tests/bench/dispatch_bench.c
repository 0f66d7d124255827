/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch_bench PORT [RATE [SECONDS]]: from the moment a task is due to be enqueued to the answer on the
 * parked poll. Hosts park their polls; RATE times a second a load simulation is started on the next host.
 * Open loop: the due times are fixed beforehand, so a server that stands still makes all that was due
 * meanwhile late, instead of making this client wait. The host then lets its task fail, and polls again.
 * One thread, raw sockets, requests that fit a socket's buffer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HOSTS = 100, OPERATORS = 20, PEERS = HOSTS + OPERATORS };
enum phase { AWAY, JOINING, POLLING, ACKING, FAILING, ENQUEUING };

/** A connection: of a host's agent, or of an operator. */
struct peer {
    int fd;
    enum phase phase; /**< what it waits for the answer to; AWAY: nothing */
    char host[16];    /**< of an agent */
    int64_t due;      /**< of the task that it will get; 0: none is due */
    char task[40];
    long epoch;
    char in[16384];   /**< the answer so far */
    size_t n;
};
static struct peer peers[PEERS];
static int64_t *times;
static size_t n_times;

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void die(const char *what, const char *text)
{
    fprintf(stderr, "dispatch_bench: %s: %s\n", what, text);
    exit(1);
}

static void peer_connect(struct peer *p, uint16_t port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect", strerror(errno));
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

__attribute__((format(printf, 4, 5))) static void ask(struct peer *p, enum phase phase, const char *line,
                                                      const char *body_format, ...)
{
    char body[1024], text[2048], host[64] = "";
    va_list ap;
    va_start(ap, body_format);
    int n = vsnprintf(body, sizeof body, body_format, ap);
    va_end(ap);
    if (p->host[0])
        snprintf(host, sizeof host, "X-Agent-Host-ID: %s\r\n", p->host);
    n = n > 0 ? snprintf(text, sizeof text,
                         "%s HTTP/1.1\r\nHost: bench\r\n%sContent-Type: application/json\r\n"
                         "Content-Length: %d\r\n\r\n%s", line, host, n, body)
              : snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: bench\r\n%s\r\n", line, host);
    if (p->phase != AWAY)
        die("the server is too slow for this rate", line);
    p->phase = phase;
    if (send(p->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        die("send", strerror(errno));
}

static void park(struct peer *p)
{
    ask(p, POLLING, "GET /api/v1/agent/tasks?wait=60s", "%s", "");
}

static void report(struct peer *p, enum phase phase, const char *word)
{
    char line[128];
    snprintf(line, sizeof line, "POST /api/v1/agent/tasks/%s/status", p->task);
    ask(p, phase, line, "{\"status\":\"%s\",\"epoch\":%ld%s}", word, p->epoch,
        phase == FAILING ? ",\"error_message\":\"bench\"" : "");
}

/** The poll was answered: with the one task that was due, or with nothing at its end. */
static void task_came(struct peer *p, const char *body)
{
    const char *id = strstr(body, "\"id\":\""), *epoch = strstr(body, "\"epoch\":");
    if (!id || !epoch) {
        park(p);
        return;
    }
    times[n_times++] = now_ns() - p->due;
    snprintf(p->task, sizeof p->task, "%.36s", id + 6);
    p->epoch = strtol(epoch + 8, NULL, 10);
    report(p, ACKING, "running");
}

static void answered(struct peer *p, int status, const char *body)
{
    enum phase was = p->phase;
    if (status < 200 || status > 299)
        die("refused", p->in);
    p->phase = AWAY;
    switch (was) {
    case JOINING:
    case FAILING: park(p); break;
    case POLLING: task_came(p, body); break;
    case ACKING: report(p, FAILING, "failed"); break;
    case AWAY:
    case ENQUEUING: break;
    }
}

static void hear(struct peer *p)
{
    ssize_t got = recv(p->fd, p->in + p->n, sizeof p->in - 1 - p->n, MSG_DONTWAIT);
    if (got <= 0)
        die("recv", got < 0 ? strerror(errno) : "the server hung up");
    p->n += (size_t)got;
    p->in[p->n] = '\0';
    const char *end = strstr(p->in, "\r\n\r\n"), *length = strstr(p->in, "Content-Length: ");
    if (!end)
        return;
    size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
    if (p->n < (size_t)(end + 4 - p->in) + body)
        return;
    p->n = 0;
    answered(p, (int)strtol(p->in + 9, NULL, 10), end + 4);
}

/** Hear what comes until @p until. */
static void listen_until(int64_t until)
{
    struct pollfd fds[PEERS];
    for (int i = 0; i < PEERS; i++)
        fds[i] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
    for (int64_t left; (left = until - now_ns()) > 0;) {
        struct timespec wait = { left / 1000000000, left % 1000000000 };
        if (ppoll(fds, PEERS, &wait, NULL) < 0)
            die("poll", strerror(errno));
        for (int i = 0; i < PEERS; i++)
            if (fds[i].revents)
                hear(&peers[i]);
    }
}

static void join_all(uint16_t port)
{
    for (int i = 0; i < PEERS; i++) {
        struct peer *p = &peers[i];
        peer_connect(p, port);
        if (i >= HOSTS)
            continue;
        snprintf(p->host, sizeof p->host, "bench-%d", i);
        ask(p, JOINING, "POST /api/v1/agent/heartbeat",
            "{\"host_id\":\"%s\",\"status\":\"healthy\",\"hostname\":\"%s\",\"pipelines\":[],\"loads\":[],"
            "\"capabilities\":{\"collectors\":[\"native\"],\"loads\":[\"steady\"]}}", p->host, p->host);
    }
    listen_until(now_ns() + 1000000000);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print(const char *name, size_t percent)
{
    double ms = (double)times[(n_times - 1) * percent / 100] / 1e6;
    printf("dispatch_%s %.2f ms 5 %s\n", name, ms, ms <= 5 ? "ok" : "short");
}

static long number(const char *text, long least, long most, const char *what)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || n < least || n > most)
        die("usage", what);
    return n;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        die("usage", "dispatch_bench PORT [RATE [SECONDS]]");
    long port = number(argv[1], 1, 65535, "PORT is 1 to 65535");
    long rate = number(argc > 2 ? argv[2] : "50", 1, 1000, "RATE is 1 to 1000");
    long seconds = number(argc > 3 ? argv[3] : "10", 1, 40, "SECONDS is 1 to 40: less than a poll waits");
    size_t total = (size_t)(rate * seconds);
    times = calloc(total, sizeof *times);
    if (!times)
        die("calloc", "out of memory");
    join_all((uint16_t)port);
    int64_t start = now_ns();
    for (size_t i = 0; i < total; i++) {
        struct peer *agent = &peers[i % HOSTS];
        int64_t due = start + (int64_t)i * 1000000000 / rate;
        listen_until(due);
        agent->due = due;
        ask(&peers[HOSTS + i % OPERATORS], ENQUEUING, "POST /api/v1/loadsimulations",
            "{\"profile\":\"steady\",\"target_hosts\":[\"%s\"],\"duration\":\"1m\"}", agent->host);
    }
    listen_until(now_ns() + 1000000000);
    if (n_times != total)
        die("lost", "not every task came");
    qsort(times, n_times, sizeof *times, by_value);
    print("p50", 50);
    print("p99", 99);
    fprintf(stderr, "of %zu the slowest took %.2f ms\n", n_times, (double)times[n_times - 1] / 1e6);
    free(times);
    return 0;
}
