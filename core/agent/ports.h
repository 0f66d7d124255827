/* SPDX-License-Identifier: Apache-2.0 */
/** @file ports.h
 * Local ports for collectors: a range from the settings, tried by binding.
 */
#ifndef PHOENIX_AGENT_PORTS_H
#define PHOENIX_AGENT_PORTS_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/err.h"
#include "core/base/str.h"

struct ports {
    uint16_t low, high;
    uint16_t next; /**< where the next search starts */
};
typedef bool port_used_fn(void *arg, uint16_t port);
/** "42000-42999". Errors: CONFIG. */
int ports_parse(struct ports *p, struct str range, struct err *err) MUST_CHECK;
/** Whether @p port can be bound on @p address (numeric) now. */
bool port_is_free(const char *address, uint16_t port);
/** A free port that used() does not know; 0 and an error (UNAVAILABLE) if there is none. */
uint16_t ports_pick(struct ports *p, const char *address, port_used_fn *used, void *arg, struct err *err);
#endif
