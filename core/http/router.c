/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/router.h"
#include <stdio.h>
#include <stdlib.h>
#include "core/base/mem.h"

#define METHODS 5 /* bits of enum http_method */

struct node {
    struct node *next, *first; /* sibling; child, literals before the parameter */
    struct str segment;        /* borrowed from the route's path */
    bool is_param;
    const struct route *route[METHODS];
};
struct router {
    struct node root;
};

static bool is_param(struct str s)
{
    return s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}';
}

static struct node *child_for(struct node *parent, struct str segment)
{
    struct node **at = &parent->first;
    for (; *at; at = &(*at)->next) {
        bool same = is_param(segment) ? (*at)->is_param : !(*at)->is_param && str_eq((*at)->segment, segment);
        if (same)
            return *at;
        if ((*at)->is_param) /* it stays last */
            break;
    }
    struct node *n = mem_alloc(sizeof *n);
    n->segment = segment;
    n->is_param = is_param(segment);
    n->next = *at;
    *at = n;
    return n;
}

static unsigned method_index(unsigned method)
{
    return (unsigned)__builtin_ctz(method);
}

static int add_route(struct node *root, const struct route *route, struct err *err)
{
    if (route->path[0] != '/')
        return err_set(err, ERR_CONFIG, "route %s: the path does not start with a slash", route->id);
    struct str rest = str_of(route->path + 1), segment;
    struct node *at = root;
    unsigned params = 0;
    while (rest.n > 0 && str_split(&rest, '/', &segment)) {
        params += is_param(segment);
        at = child_for(at, segment);
    }
    if (params > ROUTER_PARAMS)
        return err_set(err, ERR_CONFIG, "route %s: the path has too many parameters", route->id);
    const struct route **slot = &at->route[method_index(route->method)];
    if (*slot)
        return err_set(err, ERR_CONFIG, "routes %s and %s have the same path", (*slot)->id, route->id);
    *slot = route;
    return 0;
}

struct router *router_new(const struct route *routes, size_t n, struct err *err)
{
    struct router *r = mem_alloc(sizeof *r);
    for (size_t i = 0; i < n; i++) {
        if (add_route(&r->root, &routes[i], err) < 0) {
            router_free(r);
            return NULL;
        }
    }
    return r;
}

static void free_children(struct node *n) /* as deep as the longest path of the table */
{
    for (struct node *c = n->first, *next; c; c = next) {
        next = c->next;
        free_children(c);
        free(c);
    }
}

void router_free(struct router *r)
{
    if (!r)
        return;
    free_children(&r->root);
    free(r);
}

static unsigned methods_of(const struct node *n)
{
    unsigned methods = 0;
    for (unsigned i = 0; i < METHODS; i++)
        if (n->route[i])
            methods |= 1U << i;
    return methods;
}

/* The node of segments i.., or NULL. Recursion is as deep as the table's longest path. */
static const struct node *find(const struct node *n, const struct gate_target *t, unsigned i)
{
    if (i == t->n)
        return methods_of(n) ? n : NULL;
    for (const struct node *c = n->first; c; c = c->next) {
        if (!c->is_param && !str_eq(c->segment, t->segment[i]))
            continue;
        const struct node *found = find(c, t, i + 1);
        if (found)
            return found;
    }
    return NULL;
}

static void take_params(const struct route *route, const struct gate_target *t, struct router_match *m)
{
    struct str rest = str_of(route->path + 1), segment;
    for (unsigned i = 0; str_split(&rest, '/', &segment); i++) {
        if (!is_param(segment))
            continue;
        m->param_name[m->n_params] = (struct str){ segment.p + 1, segment.n - 2 };
        m->param[m->n_params++] = t->segment[i];
    }
}

void router_match(const struct router *r, const struct gate_target *t, unsigned method,
                  struct router_match *ret)
{
    ret->route = NULL;
    ret->methods = ret->n_params = 0;
    const struct node *n = find(&r->root, t, 0);
    if (!n)
        return;
    ret->methods = methods_of(n);
    if (!(ret->methods & method))
        return;
    ret->route = n->route[method_index(method)];
    take_params(ret->route, t, ret);
}

const char *router_allow(unsigned methods, char out[40])
{
    static const char *const names[METHODS] = { "GET, HEAD", "POST", "PUT", "DELETE", "PATCH" };
    size_t n = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < METHODS; i++)
        if (methods & (1U << i))
            n += (size_t)snprintf(out + n, 40 - n, "%s%s", n ? ", " : "", names[i]);
    return out;
}
