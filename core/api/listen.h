/* SPDX-License-Identifier: Apache-2.0 */
/** @file listen.h
 * Where phoenix-api listens, and what of that it was given: by the parent of workers (workers.h), or by
 * systemd's socket activation (LISTEN_FDS, LISTEN_PID).
 */
#ifndef PHOENIX_API_LISTEN_H
#define PHOENIX_API_LISTEN_H
#include <stdbool.h>
#include "core/base/settings.h"
#include "core/http/listen.h"

/** Where a listening socket is. @errors CONFIG: it is not of TCP */
int endpoint_of(int fd, struct endpoint *ret, struct err *err) MUST_CHECK;

/** What this process was given. */
struct handed {
    int worker;             /**< its number, from 0; -1: it is not a worker */
    int lifeline;           /**< to the parent, see workers.h; -1: none */
    int listen_fd;          /**< a socket for `listen`; 0: none */
    int admin_fd;           /**< a socket for `admin.listen`; 0: none */
    unsigned n_sockets;     /**< from systemd, listen_fd and on */
};
/** "PARENT/NUMBER/SOCKETS": descriptor 3 is the lifeline, 4 for `listen`, 5, if SOCKETS is 2, for
 *  `admin.listen`. What a worker's own settings say of these does not count. */
#define HANDED_ENV "PHOENIX_WORKER_OF"
/** Read the environment, mark the descriptors close-on-exec. @errors CONFIG: a socket is not of TCP */
int handed_read(const struct settings *s, struct handed *ret, struct err *err) MUST_CHECK;
/** Refuse addresses that others can reach, unless listen.insecure says so. */
int listen_check(const struct settings *s, const struct handed *h, struct err *err) MUST_CHECK;
/** How many connections there may be beside the operators', for which a twentieth is kept: at most @p wanted.
 *  Raises the limit of open descriptors as far as that takes. */
unsigned listen_connections(unsigned wanted);
static inline unsigned listen_connections_admin(unsigned wanted)
{
    return wanted / 20 > 16 ? wanted / 20 : 16;
}
#endif
