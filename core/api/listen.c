/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, inherited sockets, and the limit of descriptors. */
#include "core/api/listen.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "core/base/log.h"
#include "core/base/str.h"

enum {
    WORKERS_MAX = 64, /* as the setting */
    FIRST_FD = 3,
    OTHER_FDS = 48    /* the store, plugins, files */
};

/* ---- addresses */

int endpoint_of(int fd, struct endpoint *ret, struct err *err)
{
    int listens = 0;
    socklen_t len = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || !listens ||
        !http_listen_name(fd, ret->address, &ret->port)) {
        return err_set(err, ERR_CONFIG, "descriptor %d was handed over, but is no TCP socket that listens",
                       fd);
    }
    return 0;
}

static bool is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static int check_reach(const char *key, const struct endpoint *e, const struct settings *s, struct err *err)
{
    if (is_loopback(e->address) || s->listen_insecure) {
        return 0;
    }
    err_set(err, ERR_CONFIG, "%s is %s, which others can reach, and the API has no credentials yet", key,
            e->address);
    err_remedy(err, "listen on 127.0.0.1, or set listen.insecure");
    return ERR_CONFIG;
}

int listen_check(const struct settings *s, const struct handed *h, struct err *err)
{
    struct endpoint e;
    int rc = h->listen_fd ? endpoint_of(h->listen_fd, &e, err) : endpoint_parse("listen", s->listen, &e, err);
    if (rc == 0) {
        rc = check_reach("listen", &e, s, err);
    }
    if (rc == 0 && s->admin_listen[0]) {
        rc = endpoint_parse("admin.listen", s->admin_listen, &e, err);
        rc = rc ? rc : check_reach("admin.listen", &e, s, err);
    }
    return rc;
}

/* ---- what was handed over */

/* HANDED_ENV; of another parent: it came through the environment of somebody else. Answers the number of
 * sockets, 0: none of this. */
static int handed_by_parent(int *ret_worker)
{
    const char *text = getenv(HANDED_ENV);
    struct str rest = str_of(text ? text : ""), part;
    int64_t v[3]; /* parent, worker, sockets */
    for (int i = 0; i < 3; i++) {
        if (!str_split(&rest, '/', &part) || !parse_int(part, &v[i])) {
            return 0;
        }
    }
    bool is_ours = v[0] == (int64_t)getppid() && v[1] >= 0 && v[1] < WORKERS_MAX && v[2] >= 1 && v[2] <= 2;
    *ret_worker = is_ours ? (int)v[1] : -1;
    return is_ours ? (int)v[2] : 0;
}

/* sd_listen_fds(3) */
static unsigned handed_by_systemd(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    int64_t for_pid, n;
    bool is_ours = pid && fds && parse_int(str_of(pid), &for_pid) && for_pid == (int64_t)getpid() &&
                   parse_int(str_of(fds), &n) && n > 0 && n <= WORKERS_MAX;
    return is_ours ? (unsigned)n : 0;
}

int handed_read(const struct settings *s, struct handed *ret, struct err *err)
{
    *ret = (struct handed){ .worker = -1, .lifeline = -1 };
    int n = handed_by_parent(&ret->worker), n_fds;
    if (n > 0) {
        ret->lifeline = FIRST_FD;
        ret->listen_fd = FIRST_FD + 1;
        ret->admin_fd = n > 1 ? FIRST_FD + 2 : 0;
        n_fds = 1 + n;
    } else {
        ret->n_sockets = handed_by_systemd();
        ret->listen_fd = ret->n_sockets ? FIRST_FD : 0;
        n_fds = (int)ret->n_sockets;
    }
    for (int fd = FIRST_FD; fd < FIRST_FD + n_fds; fd++) {
        struct endpoint e;
        if (fd != ret->lifeline && endpoint_of(fd, &e, err)) {
            return ERR_CONFIG;
        }
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    if (ret->n_sockets > (unsigned)s->workers) {
        return err_set(err, ERR_CONFIG, "%u sockets were handed over for %d workers", ret->n_sockets,
                       (int)s->workers);
    }
    return 0;
}

/* ---- descriptors */

unsigned listen_connections(unsigned wanted)
{
    rlim_t others = OTHER_FDS + listen_connections_admin(wanted), needed = wanted + others;
    struct rlimit is;
    if (getrlimit(RLIMIT_NOFILE, &is) != 0 || is.rlim_cur >= needed) {
        return wanted;
    }
    struct rlimit more = { .rlim_cur = needed < is.rlim_max ? needed : is.rlim_max, .rlim_max = is.rlim_max };
    if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
        is = more;
    }
    if (is.rlim_cur >= needed) {
        return wanted;
    }
    unsigned possible = is.rlim_cur > others + 16 ? (unsigned)(is.rlim_cur - others) : 16;
    log_event(EV_CONNECTIONS_LIMITED, NULL, "%u connections instead of %u: %llu descriptors are allowed, "
              "%llu would be needed", possible, wanted, (unsigned long long)is.rlim_cur,
              (unsigned long long)needed);
    return possible;
}
