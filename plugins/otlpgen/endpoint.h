/* SPDX-License-Identifier: Apache-2.0 */
/** @file endpoint.h
 * Where the points go. Who may start a load chooses that, so it is the host's own addresses only, unless the
 * operator of the host allows more (environment variable PHOENIX_LOAD_TARGETS: host names or addresses,
 * comma-separated; "*" is any; and the endpoint that the environment gives).
 */
#ifndef PHOENIX_OTLPGEN_ENDPOINT_H
#define PHOENIX_OTLPGEN_ENDPOINT_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct endpoint {
    char url[640];
    bool anywhere; /**< the operator has allowed this one: its address may be any */
};
/** Base URL to the URL of metrics. @p targets: what the operator allows; NULL: nothing more. False: @p
 * why is a sentence. */
bool endpoint_parse(const char *base, const char *targets, struct endpoint *ret, char *why, size_t n_why);
/** The address that is about to be connected to is this host's own. */
bool endpoint_is_loopback(const struct sockaddr *address);
#endif
