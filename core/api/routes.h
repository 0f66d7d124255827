/* SPDX-License-Identifier: Apache-2.0 */
/** @file routes.h
 * routes.def, compiled, and the tables that this program prints for the manual.
 */
#ifndef PHOENIX_API_ROUTES_H
#define PHOENIX_API_ROUTES_H
#include <stdio.h>
#include "core/http/http.h"

extern const struct route routes[];
size_t routes_count(void);
/** Print a table of the manual: routes, openapi, metrics, tasks or phases. False: no such table. */
bool routes_dump(const char *table, FILE *out);
#endif
