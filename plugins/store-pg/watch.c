/* SPDX-License-Identifier: Apache-2.0 */
/* Signals between processes, by LISTEN and NOTIFY. One connection of its own does both: a notification in
 * somebody's transaction would hold a lock of the whole database through its fsync, and one behind a mass of
 * samples would be late. What is signalled while a notification is on its way travels with the next
 * one, each key once. A payload has a line for each signal, "topic TAB key"; "*" says: look at everything. An
 * empty one is a sign of life to oneself: a connection that is half dead listens in silence for hours. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include "pg_ops.h"

static const uint64_t LIFE_NS = 15000000000; /* two of them without a sign: dead */
enum { PAYLOAD_MAX = 7900, PENDING_MAX = 4096 };

struct pending {
    UT_hash_handle hh;
    size_t n;
    char line[];
};

struct signals {
    phx_self *self;
    const phx_storage_watcher *watcher;
    struct conn conn;
    char settings[400];
    struct pending *pending;
    bool all;      /**< more than can be told one by one */
    bool sign_due; /**< of life */
    bool sending, posted, is_open;
    bool was_up;   /**< once */
    bool is_down;  /**< and it has been said */
    int silent;    /**< signs of life that are missing */
    phx_timer *life;
};

static void forget(struct signals *s)
{
    struct pending *p, *next;
    HASH_ITER(hh, s->pending, p, next) {
        HASH_DEL(s->pending, p);
        free(p);
    }
}

/** The next payload, and its signals out of the set. False: there is none to send. */
static bool payload_take(struct signals *s, char payload[PAYLOAD_MAX + 1])
{
    size_t n = 0;
    struct pending *p, *next;
    if (s->all)
        payload[n++] = '*';
    HASH_ITER(hh, s->pending, p, next) {
        if (n + p->n + 1 > PAYLOAD_MAX)
            break;
        memcpy(payload + n, p->line, p->n);
        n += p->n;
        payload[n++] = '\n';
        HASH_DEL(s->pending, p);
        free(p);
    }
    payload[n] = 0;
    bool any = n > 0 || s->sign_due;
    s->all = s->sign_due = false;
    return any;
}

static void send_next(struct signals *s)
{
    char payload[PAYLOAD_MAX + 1];
    const char *values[] = { payload };
    if (s->conn.state != CONN_UP || s->sending || !payload_take(s, payload))
        return;
    s->sending = true;
    if (PQsendQueryParams(s->conn.pg, "SELECT pg_notify('phoenix',$1)", 1, NULL, values, NULL, NULL, 0))
        conn_flush(&s->conn);
    else
        conn_lose(&s->conn, PQerrorMessage(s->conn.pg));
}

static void on_turn(void *arg)
{
    struct signals *s = arg;
    s->posted = false;
    send_next(s);
}

static void send_soon(struct signals *s)
{
    if (!s->posted)
        s->posted = s->self->loop->post(s->self->host, on_turn, s) == PHX_OK;
}

/* ---- what others say */

static void resync(struct signals *s)
{
    if (s->is_open)
        s->watcher->resync(s->watcher->ctx);
}

static void heard(struct signals *s, const char *payload)
{
    for (const char *line = payload, *end; *line && s->is_open; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        const char *tab = memchr(line, '\t', (size_t)(end - line));
        if (*line == '*')
            resync(s);
        else if (tab)
            s->watcher->changed(s->watcher->ctx, (phx_str){ line, (size_t)(tab - line) },
                                (phx_str){ tab + 1, (size_t)(end - tab - 1) });
    }
}

static void on_input(void *arg)
{
    struct signals *s = arg;
    PGnotify *n;
    while (s->sending && PQstatus(s->conn.pg) == CONNECTION_OK && !PQisBusy(s->conn.pg)) {
        PGresult *r = PQgetResult(s->conn.pg);
        s->sending = r != NULL;
        if (r && PQresultStatus(r) == PGRES_FATAL_ERROR)
            note(s->self, PHX_WARN, "a signal to other processes was not sent: %s", PQresultErrorMessage(r));
        PQclear(r);
    }
    while (s->conn.state == CONN_UP && (n = PQnotifies(s->conn.pg))) {
        if (n->be_pid == s->conn.backend_pid)
            s->silent = 0;
        else
            heard(s, n->extra);
        PQfreemem(n);
    }
    send_next(s);
}

/* ---- the connection */

static void on_life(void *arg)
{
    struct signals *s = arg;
    if (s->conn.state != CONN_UP)
        return;
    if (++s->silent > 2) {
        conn_lose(&s->conn, "PostgreSQL does not deliver notifications any more");
        return;
    }
    s->sign_due = true;
    send_next(s);
}

static void on_up(void *arg)
{
    struct signals *s = arg;
    s->silent = 0;
    s->is_down = false;
    if (!s->was_up)
        open_step(s->self, PHX_OK, "");
    else
        all_hurry(s->self);
    s->was_up = true;
    resync(s); /* what was said meanwhile was not heard */
    send_next(s);
}

static void on_down(void *arg, const char *why)
{
    struct signals *s = arg;
    if (s->sending)
        s->all = true; /* what was on its way may be lost, and is forgotten here */
    s->sending = false;
    if (!s->was_up)
        open_step(s->self, PHX_E_UNAVAILABLE, why);
    else if (!s->is_down)
        note(s->self, PHX_WARN, "%s (listen); trying again", why);
    s->is_down = true;
}

static const struct conn_uses uses = { .up = on_up, .input = on_input, .down = on_down };

void signals_start(struct signals *s)
{
    if (!s)
        return;
    s->self->n_opening++;
    s->life = s->self->loop->timer(s->self->host, LIFE_NS, LIFE_NS, on_life, s);
    conn_start(&s->conn);
}

static void on_opened(void *arg)
{
    struct signals *s = arg;
    s->is_open = s->life != NULL;
    resync(s);
}

void signals_opened(struct signals *s)
{
    if (s)
        s->self->loop->post(s->self->host, on_opened, s);
}

void signals_hurry(struct signals *s)
{
    if (s)
        conn_hurry(&s->conn);
}

void signals_stop(struct signals *s)
{
    if (!s)
        return;
    s->is_open = s->was_up = s->sending = false;
    conn_stop(&s->conn);
    if (s->life)
        s->self->loop->untimer(s->life);
    s->life = NULL;
}

void signals_free(struct signals *s)
{
    if (!s)
        return;
    signals_stop(s);
    forget(s);
    free(s);
}

/* ---- the extension */

static void watch(phx_self *self, const phx_storage_watcher *watcher)
{
    struct signals *s = calloc(1, sizeof(*s));
    if (!s)
        return;
    s->self = self;
    s->watcher = watcher;
    snprintf(s->settings, sizeof(s->settings), "%s;LISTEN phoenix", self->relaxed_settings);
    s->conn = (struct conn){
        .self = self, .role = "listen", .settings = s->settings, .keeps = true, .uses = &uses, .arg = s
    };
    self->signals = s;
}

static void signal(phx_self *self, phx_str topic, phx_str key)
{
    struct signals *s = self->signals;
    struct pending *p;
    char line[PHX_SIGNAL_MAX + 1];
    size_t n = topic.n + key.n + 1;
    if (!s || s->all || n > sizeof(line))
        return;
    memcpy(line, topic.p, topic.n);
    line[topic.n] = '\t';
    memcpy(line + topic.n + 1, key.p, key.n);
    HASH_FIND(hh, s->pending, line, n, p);
    if (!p && HASH_COUNT(s->pending) < PENDING_MAX && (p = malloc(sizeof(*p) + n))) {
        p->n = n;
        memcpy(p->line, line, n);
        HASH_ADD_KEYPTR(hh, s->pending, p->line, n, p);
    } else if (!p) {
        forget(s);
        s->all = true;
    }
    send_soon(s);
}

const phx_storage_watch_ops watch_ops = { .size = sizeof(watch_ops), .watch = watch, .signal = signal };
