/* SPDX-License-Identifier: Apache-2.0 */
/** @file listen.h
 * Addresses to listen on, and listening sockets, for a server of this process or of another.
 */
#ifndef PHOENIX_HTTP_LISTEN_H
#define PHOENIX_HTTP_LISTEN_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/err.h"

#define HTTP_ADDRESS_MAX 46 /* bytes of a numeric address and its NUL */
struct endpoint {
    char address[HTTP_ADDRESS_MAX]; /**< numeric, without brackets */
    uint16_t port;                  /**< 0: any */
};
/** "127.0.0.1:8080", "[::1]:8080". @p key names the setting. @errors CONFIG */
int endpoint_parse(const char *key, const char *text, struct endpoint *ret, struct err *err) MUST_CHECK;
bool endpoint_is_numeric(const struct endpoint *e); /**< else one cannot listen on it */
#define ENDPOINT_URL_MAX 64
const char *endpoint_url(const struct endpoint *e, char out[ENDPOINT_URL_MAX]); /**< "http://[::1]:8080" */

/** A listening socket, not blocking, closed by exec. @p port 0: any. @p is_one_of_many: others of this user
 *  may listen on the same port, and the kernel deals the connections out. Negative: an error. */
int http_listen(const char *address, uint16_t port, bool is_one_of_many, struct err *err) MUST_CHECK;
/** Where a socket listens. False: it is none of IPv4 or IPv6. */
bool http_listen_name(int fd, char address[HTTP_ADDRESS_MAX], uint16_t *ret_port);
#endif
