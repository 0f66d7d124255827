/* SPDX-License-Identifier: Apache-2.0 */
/* The maintenance connection: statements that make and change tables, one after the other. It is made when it
 * is wanted and closed when it has been idle. A command that meets a lost connection fails; whoever
 * gave it knows what to do about it. */
#include <stdlib.h>
#include <string.h>
#include "pg_priv.h"

static const uint64_t IDLE_NS = 30000000000;

struct command {
    struct command *next;
    char *sql;
    char **values;
    int n_values;
    admin_fn *done;
    void *arg;
};

struct admin {
    phx_self *self;
    struct conn conn;
    struct command *first, **tail; /**< the first one is on its way when `sent` */
    PGresult *result;              /**< of the one that was sent */
    phx_timer *idle;
    bool sent;
};

static void command_free(struct command *c)
{
    for (int i = 0; i < c->n_values; i++)
        free(c->values[i]);
    free(c->values);
    free(c->sql);
    free(c);
}

static struct command *command_new(const char *sql, const char *const *values, int n)
{
    struct command *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->sql = strdup(sql);
    c->values = calloc((size_t)n + 1, sizeof(*c->values));
    bool ok = c->sql && c->values;
    for (; ok && c->n_values < n; c->n_values++) {
        const char *v = values[c->n_values];
        c->values[c->n_values] = v ? strdup(v) : NULL;
        ok = !v || c->values[c->n_values];
    }
    if (ok)
        return c;
    command_free(c);
    return NULL;
}

static struct command *take(struct admin *a)
{
    struct command *c = a->first;
    a->first = c->next;
    if (!a->first)
        a->tail = &a->first;
    return c;
}

static void send_first(struct admin *a)
{
    struct command *c = a->first;
    if (a->conn.state != CONN_UP || a->sent || !c)
        return;
    const char *const *values = (const char *const *)c->values;
    if (!PQsendQueryParams(a->conn.pg, c->sql, c->n_values, NULL, values, NULL, NULL, 0)) {
        conn_lose(&a->conn, PQerrorMessage(a->conn.pg));
        return;
    }
    a->sent = true;
    conn_flush(&a->conn);
}

static void idle_off(struct admin *a)
{
    if (a->idle)
        a->self->loop->untimer(a->idle);
    a->idle = NULL;
}

static void on_idle(void *arg)
{
    struct admin *a = arg;
    idle_off(a);
    conn_stop(&a->conn);
}

/** The one that was sent has its answer. */
static void answer_first(struct admin *a)
{
    struct command *c = take(a);
    PGresult *r = a->result;
    a->sent = false;
    a->result = NULL;
    c->done(c->arg, r, r ? "" : "no result");
    PQclear(r);
    command_free(c);
    if (a->first)
        send_first(a);
    else if (!a->idle)
        a->idle = a->self->loop->timer(a->self->host, IDLE_NS, 0, on_idle, a);
}

static void on_up(void *arg)
{
    send_first(arg);
}

static void on_input(void *arg)
{
    struct admin *a = arg;
    while (a->conn.state == CONN_UP && a->sent && PQstatus(a->conn.pg) == CONNECTION_OK &&
           !PQisBusy(a->conn.pg)) {
        PGresult *r = PQgetResult(a->conn.pg);
        if (!r) {
            answer_first(a);
            continue;
        }
        PQclear(a->result);
        a->result = r;
    }
}

/** What waits was meant for the session that is gone: it fails; what its owners ask for next waits anew. */
static void on_down(void *arg, const char *why)
{
    struct admin *a = arg;
    struct command *lost = a->first;
    a->first = NULL;
    a->tail = &a->first;
    a->sent = false;
    PQclear(a->result);
    a->result = NULL;
    idle_off(a);
    for (struct command *next; lost; lost = next) {
        next = lost->next;
        lost->done(lost->arg, NULL, why);
        command_free(lost);
    }
}

static const struct conn_uses uses = { .up = on_up, .input = on_input, .down = on_down };

void admin_run(phx_self *self, const char *sql, const char *const *values, int n_values, admin_fn *done,
               void *arg)
{
    struct admin *a = self->admin;
    struct command *c = command_new(sql, values, n_values);
    if (!c) {
        done(arg, NULL, "out of memory");
        return;
    }
    c->done = done;
    c->arg = arg;
    *a->tail = c;
    a->tail = &c->next;
    idle_off(a);
    if (a->conn.state == CONN_OFF)
        conn_start(&a->conn);
    else
        send_first(a);
}

struct admin *admin_new(phx_self *self)
{
    struct admin *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->self = self;
    a->tail = &a->first;
    a->conn = (struct conn){
        .self = self,
        .role = "admin",
        .settings = "SET client_min_messages=warning;SET timezone='UTC';SET jit=off;SET lock_timeout='2min'",
        .uses = &uses,
        .arg = a,
    };
    return a;
}

void admin_stop(struct admin *a)
{
    idle_off(a);
    conn_stop(&a->conn);
    PQclear(a->result);
    a->result = NULL;
    a->sent = false;
    while (a->first)
        command_free(take(a));
}

void admin_free(struct admin *a)
{
    if (a)
        admin_stop(a);
    free(a);
}
