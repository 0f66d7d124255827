/* SPDX-License-Identifier: Apache-2.0 */
/** @file router.h
 * From a path to a route: a tree of segments; a literal beats a parameter, with backtracking. Pure.
 */
#ifndef PHOENIX_HTTP_ROUTER_H
#define PHOENIX_HTTP_ROUTER_H
#include "core/http/gate.h"
#include "core/http/http.h"

#define ROUTER_PARAMS 3 /* at most, in one path */
struct router;
/** @p routes must outlive it. @errors CONFIG: a path twice, a bad path, too many parameters */
struct router *router_new(const struct route *routes, size_t n, struct err *err) MUST_CHECK;
void router_free(struct router *r);

struct router_match {
    const struct route *route;          /**< NULL: none for this path and method */
    unsigned methods;                   /**< of the path, or-ed; 0: no such path */
    struct str param[ROUTER_PARAMS];    /**< values in the order of the path */
    struct str param_name[ROUTER_PARAMS];
    unsigned n_params;
};
void router_match(const struct router *r, const struct gate_target *t, unsigned method,
                  struct router_match *ret);
/** "GET, HEAD, POST" into @p out. */
const char *router_allow(unsigned methods, char out[40]);
#endif
