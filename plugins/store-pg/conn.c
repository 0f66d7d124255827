/* SPDX-License-Identifier: Apache-2.0 */
/* One connection. libpq may close its socket inside any call that reads or writes, and open another one with
 * the same number; so while it connects the socket is watched anew at each step, and a connection that
 * broke is unwatched before anybody else gets to run. libpq looks up names with getaddrinfo(), which can
 * block: hostaddr= in the conninfo avoids that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pg_priv.h"

static const uint64_t ATTEMPT_NS = 10000000000;  /* without progress */
static const uint64_t PAUSE_MIN_NS = 100000000;
static const uint64_t PAUSE_MAX_NS = 5000000000;

static void on_socket(void *arg, int fd, uint32_t what);
static void on_timer(void *arg);

static void unwatch(struct conn *c)
{
    if (c->watch)
        c->self->loop->unwatch(c->watch);
    c->watch = NULL;
}

static bool watch(struct conn *c, uint32_t what)
{
    unwatch(c);
    c->watch = c->self->loop->watch(c->self->host, PQsocket(c->pg), what, on_socket, c);
    return c->watch != NULL;
}

static void timer_off(struct conn *c)
{
    if (c->timer)
        c->self->loop->untimer(c->timer);
    c->timer = NULL;
}

static void timer_on(struct conn *c, uint64_t ns)
{
    timer_off(c);
    c->timer = c->self->loop->timer(c->self->host, ns, 0, on_timer, c);
}

static void let_go(struct conn *c)
{
    timer_off(c);
    unwatch(c);
    PQfinish(c->pg);
    c->pg = NULL;
    c->state = CONN_OFF;
}

/** Between half and the whole of the pause: processes that lost the same server do not return at once. */
static uint64_t jittered(phx_self *self, uint64_t ns)
{
    self->seed ^= self->seed << 13;
    self->seed ^= self->seed >> 7;
    self->seed ^= self->seed << 17;
    return ns / 2 + self->seed % (ns / 2);
}

void conn_lose(struct conn *c, const char *why)
{
    char kept[WHY_MAX]; /* `why` may be libpq's, and go with the connection */
    snprintf(kept, sizeof(kept), "%s", why);
    let_go(c);
    if (c->keeps) {
        c->state = CONN_WAITING;
        timer_on(c, jittered(c->self, c->pause_ns));
        c->pause_ns = c->pause_ns * 2 < PAUSE_MAX_NS ? c->pause_ns * 2 : PAUSE_MAX_NS;
    }
    c->uses->down(c->arg, kept);
}

/** libpq's message, on one line. When it could not connect, it has named the server. */
static void lose_by_libpq(struct conn *c)
{
    char why[WHY_MAX];
    int n = snprintf(why, sizeof(why), "PostgreSQL: ");
    if (c->state == CONN_UP)
        n = snprintf(why, sizeof(why), "lost the connection to PostgreSQL at \"%s\" port %s: ", PQhost(c->pg),
                     PQport(c->pg));
    const char *m = PQerrorMessage(c->pg);
    for (bool space = true; *m && n < WHY_MAX - 1; m++) {
        bool blank = *m == '\n' || *m == '\t' || *m == ' ';
        if (!blank || !space)
            why[n++] = blank ? ' ' : *m;
        space = blank;
    }
    while (n > 0 && why[n - 1] == ' ')
        n--;
    why[n] = 0;
    conn_lose(c, why);
}

/** Two connections with one process of the server behind them: a pooler hands it out by transaction. */
static bool is_shared(const struct conn *c)
{
    for (int i = 0; i < CONNS_MAX && c->self->conns[i]; i++) {
        const struct conn *other = c->self->conns[i];
        if (other != c && other->state == CONN_UP && strcmp(other->backend, c->backend) == 0)
            return true;
    }
    return false;
}

static void is_up(struct conn *c)
{
    timer_off(c);
    if (is_shared(c)) {
        conn_lose(c, "a pooler gives several connections one session of PostgreSQL: set pool_mode=session "
                     "there (LISTEN and prepared statements need it), or connect to PostgreSQL itself");
        return;
    }
    if (c->pipeline && !PQenterPipelineMode(c->pg)) {
        lose_by_libpq(c);
        return;
    }
    c->state = CONN_UP;
    c->pause_ns = PAUSE_MIN_NS;
    c->uses->up(c->arg);
}

static void set_session(struct conn *c)
{
    char sql[640];
    snprintf(sql, sizeof(sql),
             "%s;SELECT pg_backend_pid(),pg_backend_pid()||' '||pg_postmaster_start_time()", c->settings);
    c->state = CONN_SETTING;
    if (PQsetnonblocking(c->pg, 1) != 0 || !PQsendQuery(c->pg, sql) || !watch(c, PHX_READ))
        lose_by_libpq(c);
    else
        conn_flush(c);
}

static void on_set(struct conn *c)
{
    while (!PQisBusy(c->pg)) {
        PGresult *r = PQgetResult(c->pg);
        if (!r) {
            is_up(c);
            return;
        }
        ExecStatusType s = PQresultStatus(r);
        if (s == PGRES_TUPLES_OK) {
            c->backend_pid = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
            snprintf(c->backend, sizeof(c->backend), "%s", PQgetvalue(r, 0, 1));
        }
        bool failed = s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK;
        PQclear(r);
        if (failed) {
            lose_by_libpq(c);
            return;
        }
    }
}

static void poll_connect(struct conn *c)
{
    unwatch(c);
    PostgresPollingStatusType s = PQconnectPoll(c->pg);
    if (s == PGRES_POLLING_FAILED) {
        lose_by_libpq(c);
        return;
    }
    timer_on(c, ATTEMPT_NS);
    if (s == PGRES_POLLING_OK)
        set_session(c);
    else if (!watch(c, s == PGRES_POLLING_READING ? PHX_READ : PHX_WRITE))
        conn_lose(c, "the loop takes no more sockets");
}

void conn_flush(struct conn *c)
{
    int rc = PQflush(c->pg);
    if (rc < 0 && PQstatus(c->pg) == CONNECTION_BAD)
        return; /* what the server said last is read first; then it is lost */
    c->self->loop->rewatch(c->watch, rc == 1 ? PHX_READ | PHX_WRITE : PHX_READ);
}

static void on_socket(void *arg, int fd, uint32_t what)
{
    struct conn *c = arg;
    if (c->state == CONN_CONNECTING) {
        poll_connect(c);
        return;
    }
    bool read = PQconsumeInput(c->pg) == 1;
    if (read && (what & PHX_WRITE))
        conn_flush(c);
    PGconn *pg = c->pg;
    if (c->state == CONN_SETTING)
        on_set(c);
    else
        c->uses->input(c->arg);
    if (c->pg == pg && PQstatus(pg) == CONNECTION_BAD)
        lose_by_libpq(c);
}

static void on_notice(void *arg, const PGresult *r)
{
    struct conn *c = arg;
    const char *m = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    note(c->self, PHX_WARN, "PostgreSQL says: %s", m ? m : "(nothing)");
}

static void begin(struct conn *c)
{
    char name[64];
    snprintf(name, sizeof(name), "phoenix-api/%s", c->role);
    /* What stands before dbname the user's conninfo may say otherwise. tcp_user_timeout also ends an
     * attempt at a host that does not answer, so that the next one of several is tried. */
    const char *const keys[] = { "connect_timeout",  "keepalives_idle", "keepalives_interval",
                                 "keepalives_count", "tcp_user_timeout", "dbname",
                                 "application_name", "client_encoding", NULL };
    const char *const values[] = { "10", "15", "5", "3", "8000", c->self->conninfo, name, "UTF8", NULL };
    c->pg = PQconnectStartParams(keys, values, 1);
    c->state = CONN_CONNECTING;
    if (!c->pg) {
        conn_lose(c, "out of memory");
        return;
    }
    PQsetNoticeReceiver(c->pg, on_notice, c);
    if (PQstatus(c->pg) == CONNECTION_BAD) {
        lose_by_libpq(c);
        return;
    }
    timer_on(c, ATTEMPT_NS);
    if (!watch(c, PHX_WRITE))
        conn_lose(c, "the loop takes no more sockets");
}

static void on_timer(void *arg)
{
    struct conn *c = arg;
    timer_off(c);
    if (c->state == CONN_WAITING) {
        begin(c);
        return;
    }
    char why[WHY_MAX];
    snprintf(why, sizeof(why), "PostgreSQL: connection to server at \"%s\", port %s: no answer in 10 s",
             PQhost(c->pg), PQport(c->pg));
    conn_lose(c, why);
}

static void enlist(struct conn *c)
{
    int i = 0;
    while (i < CONNS_MAX - 1 && c->self->conns[i] && c->self->conns[i] != c)
        i++;
    c->self->conns[i] = c;
}

/** On the loop's next turn, so that down() never comes from inside conn_start(). */
void conn_start(struct conn *c)
{
    enlist(c);
    c->pause_ns = PAUSE_MIN_NS;
    c->state = CONN_WAITING;
    timer_on(c, 0);
}

void conn_hurry(struct conn *c)
{
    if (c->state == CONN_WAITING)
        timer_on(c, 0);
}

void conn_stop(struct conn *c)
{
    let_go(c);
}
