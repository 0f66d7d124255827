/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets. They are made here and not by evhttp, whose queue is 128 long, and may be made by
 * another process than the one that accepts. */
#include "core/http/listen.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "core/base/str.h"

#define BACKLOG 4096 /* the kernel takes net.core.somaxconn if that is less */

int endpoint_parse(const char *key, const char *text, struct endpoint *ret, struct err *err)
{
    const char *colon = strrchr(text, ':');
    int64_t port = -1;
    struct str address = { text, colon ? (size_t)(colon - text) : 0 };
    if (address.n > 2 && address.p[0] == '[' && address.p[address.n - 1] == ']')
        address = (struct str){ address.p + 1, address.n - 2 };
    if (!colon || !address.n || !str_copy(ret->address, sizeof ret->address, address) ||
        !parse_int(str_of(colon + 1), &port) || port < 0 || port > 65535)
        return err_set(err, ERR_CONFIG, "%s is \"%s\", not ADDRESS:PORT", key, text);
    ret->port = (uint16_t)port;
    return 0;
}

const char *endpoint_url(const struct endpoint *e, char out[ENDPOINT_URL_MAX])
{
    bool v6 = strchr(e->address, ':') != NULL;
    snprintf(out, ENDPOINT_URL_MAX, "http://%s%s%s:%u", v6 ? "[" : "", e->address, v6 ? "]" : "", e->port);
    return out;
}

static bool sockaddr_of(const char *address, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_in *in = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        *ret_len = sizeof *in;
        return true;
    }
    if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        *ret_len = sizeof *in6;
        return true;
    }
    return false;
}

bool endpoint_is_numeric(const struct endpoint *e)
{
    struct sockaddr_storage at;
    socklen_t len;
    return sockaddr_of(e->address, e->port, &at, &len);
}

int http_listen(const char *address, uint16_t port, bool is_one_of_many, struct err *err)
{
    const int on = 1;
    struct sockaddr_storage at;
    socklen_t len;
    if (!sockaddr_of(address, port, &at, &len))
        return err_set(err, ERR_CONFIG, "\"%s\" is no numeric address to listen on", address);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, ERR_CONFIG, errno, "cannot listen on %s port %u", address, port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_one_of_many)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    /* Accepted sockets inherit these two. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, BACKLOG) != 0) {
        int rc = err_errno(err, ERR_CONFIG, errno, "cannot listen on %s port %u", address, port);
        close(fd);
        return rc;
    }
    return fd;
}

bool http_listen_name(int fd, char address[HTTP_ADDRESS_MAX], uint16_t *ret_port)
{
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof at;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&at;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&at;
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        return false;
    if (at.ss_family == AF_INET) {
        *ret_port = ntohs(in->sin_port);
        return inet_ntop(AF_INET, &in->sin_addr, address, HTTP_ADDRESS_MAX) != NULL;
    }
    *ret_port = ntohs(in6->sin6_port);
    return at.ss_family == AF_INET6 && inet_ntop(AF_INET6, &in6->sin6_addr, address, HTTP_ADDRESS_MAX);
}
