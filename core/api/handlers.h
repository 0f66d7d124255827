/* SPDX-License-Identifier: Apache-2.0 */
/** @file handlers.h  One handler for each row of routes.def: on_experiment_create() and so on. */
#ifndef PHOENIX_API_HANDLERS_H
#define PHOENIX_API_HANDLERS_H
#include "core/http/http.h"

#define ROUTE(id, method, path, scope, traffic, body, query, reply, status, flags, max_body, summary) \
    route_fn on_##id;
#include "core/tables/routes.def"
#endif
