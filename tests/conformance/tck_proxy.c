/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy between a driver and its server that cuts a connection at any byte, or lets nothing through. One
 * thread, poll(), loopback only. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "tests/conformance/tck.h"

enum { LINKS = 64, CHUNK = 16 << 10, TICK_MS = 10 };

/** One direction: what was read from `from` and not yet written to the other side. */
struct half {
    char data[CHUNK];
    size_t at, n;
};
struct link {
    int fds[2]; /* 0: the driver's, 1: the server's; -1: no link */
    struct half halves[2];
};
struct proxy {
    const char *target;
    int listener;
    pthread_t thread;
    atomic_bool stop, hold, cut_all;
    atomic_long budget; /* bytes until the cut; negative: no cut */
    atomic_uint cuts;
    struct link links[LINKS];
};

/* ---- sockets */

static int connect_target(const char *target)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct sockaddr_in in = { .sin_family = AF_INET };
    const char *colon = strrchr(target, ':');
    char host[32];
    bool local = target[0] == '/';
    if (local) {
        snprintf(un.sun_path, sizeof(un.sun_path), "%s", target);
    } else {
        snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - target) : 0, target);
        if (!colon || inet_pton(AF_INET, host, &in.sin_addr) != 1)
            return -1;
        in.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    }
    int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *to = local ? (struct sockaddr *)&un : (struct sockaddr *)&in;
    socklen_t size = local ? sizeof(un) : sizeof(in);
    if (fd >= 0 && connect(fd, to, size) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int listen_somewhere(int *ret_port)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&in, size) == 0 && listen(fd, LINKS) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&in, &size) == 0);
    *ret_port = ntohs(in.sin_port);
    return fd;
}

/* ---- links */

static void link_close(struct link *l)
{
    for (int i = 0; i < 2; i++) {
        if (l->fds[i] >= 0)
            close(l->fds[i]);
        l->fds[i] = -1;
        l->halves[i].at = l->halves[i].n = 0;
    }
}

static void link_accept(struct proxy *p)
{
    int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct link *l = p->links;
    while (l < p->links + LINKS && l->fds[0] >= 0)
        l++;
    if (fd < 0)
        return;
    if (l == p->links + LINKS || (l->fds[1] = connect_target(p->target)) < 0) {
        close(fd);
        return;
    }
    l->fds[0] = fd;
}

/** Bytes of @p n that may still pass; -1: all, and there is no cut ahead. */
static long spend(struct proxy *p, size_t n)
{
    long left = atomic_load(&p->budget);
    do {
        if (left < 0)
            return -1;
    } while (!atomic_compare_exchange_weak(&p->budget, &left, left <= (long)n ? -1 : left - (long)n));
    return left <= (long)n ? left : -1;
}

/** Move bytes from side @p i to the other. False: the link is over. */
static bool half_move(struct proxy *p, struct link *l, int i, short ready, short other_ready)
{
    struct half *h = &l->halves[i];
    if (h->n == 0 && (ready & (POLLIN | POLLHUP | POLLERR))) {
        ssize_t n = read(l->fds[i], h->data, CHUNK);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        long pass = spend(p, (size_t)n);
        if (pass >= 0) { /* what comes before the cut gets through if it can */
            ssize_t ignored = write(l->fds[!i], h->data, (size_t)pass);
            (void)ignored;
            atomic_fetch_add(&p->cuts, 1);
            return false;
        }
        h->at = 0;
        h->n = (size_t)n;
        other_ready |= POLLOUT;
    }
    if (h->n && (other_ready & POLLOUT)) {
        ssize_t n = write(l->fds[!i], h->data + h->at, h->n);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        h->at += (size_t)n;
        h->n -= (size_t)n;
    }
    return true;
}

static void link_turn(struct proxy *p, struct link *l, const struct pollfd *polled)
{
    for (int i = 0; i < 2; i++) {
        if (half_move(p, l, i, polled[i].revents, polled[!i].revents))
            continue;
        link_close(l);
        return;
    }
}

static short wanted(const struct link *l, int side)
{
    short in = l->halves[side].n ? 0 : POLLIN, out = l->halves[!side].n ? POLLOUT : 0;
    return (short)(in | out);
}

static void links_close(struct proxy *p)
{
    for (int k = 0; k < LINKS; k++)
        link_close(&p->links[k]);
}

static void turn(struct proxy *p)
{
    struct pollfd polled[1 + 2 * LINKS];
    bool hold = atomic_load(&p->hold);
    if (atomic_exchange(&p->cut_all, false))
        links_close(p);
    polled[0] = (struct pollfd){ .fd = p->listener, .events = POLLIN };
    for (int k = 0; k < LINKS; k++)
        for (int i = 0; i < 2; i++)
            polled[1 + 2 * k + i] = (struct pollfd){ .fd = hold ? -1 : p->links[k].fds[i],
                                                     .events = wanted(&p->links[k], i) };
    if (poll(polled, 1 + 2 * LINKS, TICK_MS) <= 0)
        return;
    for (int k = 0; k < LINKS; k++)
        if (polled[1 + 2 * k].fd >= 0)
            link_turn(p, &p->links[k], &polled[1 + 2 * k]);
    if (polled[0].revents & POLLIN)
        link_accept(p);
}

static void *run(void *arg)
{
    struct proxy *p = arg;
    while (!atomic_load(&p->stop))
        turn(p);
    links_close(p);
    close(p->listener);
    return NULL;
}

/* ---- */

struct proxy *proxy_start(struct tck *t)
{
    struct proxy *p = calloc(1, sizeof(*p));
    sigset_t all, before;
    p->target = t->proxy_target;
    p->budget = -1;
    for (int k = 0; k < LINKS; k++)
        p->links[k].fds[0] = p->links[k].fds[1] = -1;
    p->listener = listen_somewhere(&t->port);
    t->config = t->proxy_config;
    sigfillset(&all);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    CHECK(pthread_create(&p->thread, NULL, run, p) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p;
}

void proxy_stop(struct proxy *p)
{
    atomic_store(&p->stop, true);
    pthread_join(p->thread, NULL);
    free(p);
}

void proxy_cut_after(struct proxy *p, long bytes)
{
    atomic_store(&p->budget, bytes);
}

void proxy_cut_all(struct proxy *p)
{
    atomic_store(&p->cut_all, true);
}

void proxy_hold(struct proxy *p, bool hold)
{
    atomic_store(&p->hold, hold);
}

unsigned proxy_cuts(const struct proxy *p)
{
    return atomic_load(&p->cuts);
}
