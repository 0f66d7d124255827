/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_sink PORT: takes what is posted, looks at none of it, and answers 200. SIGTERM
 * prints how many requests and bytes of bodies came. One thread, so that it needs one core at most. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 64, HEAD_MAX = 8192, CHUNK = 1 << 20 };
struct connection {
    char head[HEAD_MAX + 1];
    size_t n_head;
    unsigned long long left; /* of the body */
};
static struct pollfd fds[CONNECTIONS + 1];
static struct connection connections[CONNECTIONS + 1];
static char chunk[CHUNK];
static unsigned n = 1;
static unsigned long long requests, bytes;
static volatile sig_atomic_t ends;

static void on_signal(int signo)
{
    ends = signo;
}

static void drop(unsigned i)
{
    close(fds[i].fd);
    n--;
    fds[i] = fds[n];
    connections[i] = connections[n];
}

static bool answer(int fd)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    requests++;
    return write(fd, text, sizeof text - 1) == (ssize_t)(sizeof text - 1);
}

/* What of the bytes belongs to a head; false: this is no HTTP that we take. */
static bool take_head(struct connection *c, const char *p, size_t n_p, size_t *ret_used)
{
    size_t before = c->n_head, room = HEAD_MAX - before, take = n_p < room ? n_p : room;
    memcpy(c->head + before, p, take);
    c->head[before + take] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        c->n_head += take;
        *ret_used = take;
        return c->n_head < HEAD_MAX;
    }
    *end = 0;
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    if (!length) return false;
    c->left = strtoull(length + 17, NULL, 10);
    *ret_used = (size_t)(end + 4 - c->head) - before;
    c->n_head = 0;
    return true;
}

static bool serve(unsigned i)
{
    struct connection *c = &connections[i];
    ssize_t got = read(fds[i].fd, chunk, sizeof chunk);
    if (got <= 0) return got < 0 && errno == EINTR;
    for (size_t at = 0; at < (size_t)got;) {
        size_t rest = (size_t)got - at, used = rest;
        bool had_head = c->left > 0;
        if (!had_head && !take_head(c, chunk + at, rest, &used)) return false;
        if (had_head) {
            if (used > c->left) used = (size_t)c->left;
            c->left -= used;
            bytes += used;
            if (!c->left && !answer(fds[i].fd)) return false;
        }
        at += used;
    }
    return true;
}

static bool open_port(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fds[0] = (struct pollfd){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN };
    (void)setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    return fds[0].fd >= 0 && !bind(fds[0].fd, (struct sockaddr *)&at, sizeof at) && !listen(fds[0].fd, 16);
}

int main(int argc, char **argv)
{
    if (argc != 2 || !open_port((int)strtol(argv[1], NULL, 10))) return perror("otlp_sink"), 1;
    (void)sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_signal }, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    while (!ends) {
        if (poll(fds, n, -1) < 0) continue;
        for (unsigned i = n; i-- > 1;)
            if (fds[i].revents && !serve(i)) drop(i);
        if (!(fds[0].revents & POLLIN)) continue;
        int fd = accept(fds[0].fd, NULL, NULL);
        if (fd >= 0 && n <= CONNECTIONS) {
            connections[n] = (struct connection){ .left = 0 };
            fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
        } else if (fd >= 0) close(fd);
    }
    printf("%llu %llu\n", requests, bytes);
    return 0;
}
