/* SPDX-License-Identifier: Apache-2.0 */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "core/agent/ports.h"

int ports_parse(struct ports *p, struct str range, struct err *err)
{
    struct str rest = range, low, high;
    uint64_t a, b;
    if (!str_split(&rest, '-', &low) || !str_split(&rest, '-', &high) || rest.n > 0 ||
        !parse_uint(low, &a) || !parse_uint(high, &b) || a < 1 || b > UINT16_MAX || a > b)
        return err_set(err, ERR_CONFIG, "agent.ports: \"%.*s\" is not a range of ports like 42000-42999",
                       (int)range.n, range.p);
    *p = (struct ports){ .low = (uint16_t)a, .high = (uint16_t)b, .next = (uint16_t)a };
    return 0;
}

bool port_is_free(const char *address, uint16_t port)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo want = { .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
    struct addrinfo *found = NULL;
    if (getaddrinfo(address, service, &want, &found) != 0)
        return false;
    bool is_free = false;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        /* as servers do: a port whose last connections are in TIME_WAIT counts as free */
        int on = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        is_free = bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0;
        close(fd);
    }
    freeaddrinfo(found);
    return is_free;
}

uint16_t ports_pick(struct ports *p, const char *address, port_used_fn *used, void *arg, struct err *err)
{
    unsigned n = (unsigned)(p->high - p->low) + 1;
    for (unsigned i = 0; i < n; i++) {
        uint16_t port = p->next;
        p->next = port == p->high ? p->low : (uint16_t)(port + 1);
        if (!used(arg, port) && port_is_free(address, port))
            return port;
    }
    err_set(err, ERR_UNAVAILABLE, "no port of %u-%u is free on %s", p->low, p->high, address);
    err_remedy(err, "widen agent.ports");
    return 0;
}
