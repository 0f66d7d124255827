/* SPDX-License-Identifier: Apache-2.0 */
/** @file workers.h
 * Several phoenix-api processes on one machine, under a parent that does nothing but this.
 *
 * The parent opens a listening socket for each worker, all on one address (SO_REUSEPORT: the kernel deals
 * connections out), and never closes one while it runs. A worker inherits its socket. So when a worker ends,
 * for whatever reason, whoever connects meanwhile waits in the socket's queue for the next one, and nobody is
 * refused or reset.
 *
 *  - A worker that ended unasked is started again, after 0.1 s, doubled up to 5 s while it keeps ending.
 *  - If all end before any has become ready, the parent ends with their status.
 *  - SIGTERM, SIGINT: all are told to end, then the parent ends. A second one ends them at once.
 *  - SIGHUP: each worker is replaced in turn: a successor is started on the same socket, and when it is ready
 *    the predecessor is told to end. Successors read the settings anew, except for what the parent holds: the
 *    sockets and their number. One that does not become ready ends the restart; its predecessor goes on.
 *
 * Between parent and worker is a lifeline, a pair of sockets: the worker writes a byte when it is ready, and
 * drains for good when the parent's end closes, as it also does when the parent is killed.
 */
#ifndef PHOENIX_API_WORKERS_H
#define PHOENIX_API_WORKERS_H
#include "core/api/listen.h"

/** Be the parent until the end; answers the exit status. @p argv is what workers are started with. */
int workers_run(const struct settings *s, const struct handed *h, char **argv);
#endif
