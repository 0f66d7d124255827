/* SPDX-License-Identifier: Apache-2.0 */
/** @file listen.h
 * Listening sockets, for a server of this process or of another.
 */
#ifndef PHOENIX_HTTP_LISTEN_H
#define PHOENIX_HTTP_LISTEN_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/err.h"

#define HTTP_ADDRESS_MAX 46 /* bytes of a numeric address and its NUL */
/** A listening socket, not blocking, closed by exec. @p port 0: any. @p is_one_of_many: others of this user
 *  may listen on the same port, and the kernel deals the connections out. Negative: an error. */
int http_listen(const char *address, uint16_t port, bool is_one_of_many, struct err *err) MUST_CHECK;
/** Where a socket listens. False: it is none of IPv4 or IPv6. */
bool http_listen_name(int fd, char address[HTTP_ADDRESS_MAX], uint16_t *ret_port);
#endif
