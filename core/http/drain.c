/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a server, as gentle as HTTP/1.1 allows. A client may send its next request on a connection
 * that is kept alive at any time, also in the moment in which we close it; then it gets no answer. So who
 * has just had an answer is waited for, and told by the next one that the connection closes. Who has been
 * silent for QUIET (or, who has connected and asked nothing yet, for FRESH) is told by the end of our side;
 * what comes nevertheless is read and thrown away, not executed, for LEAVE, so that the client sees an end
 * and not a reset.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <poll.h>
#include <sys/socket.h>
#include "core/base/clock.h"
#include "core/http/http_priv.h"

#define TICK_NS (20 * NS_PER_MS)
#define QUIET_NS (250 * NS_PER_MS)
#define FRESH_NS NS_PER_S
#define LEAVE_NS (200 * NS_PER_MS)

static bool is_readable(int fd)
{
    struct pollfd now = { .fd = fd, .events = POLLIN };
    return poll(&now, 1, 0) > 0;
}

/* Whoever connects after this is refused, as by a server that is not there. */
static void close_listener(struct http_server *s)
{
    bool accepts = !s->is_full && !s->is_paused;
    if (!s->listener || s->leaves_queue || (accepts && is_readable(evconnlistener_get_fd(s->listener))))
        return;
    s->listener = NULL;
    evhttp_del_accept_socket(s->evhttp, s->bound);
}

static bool is_quiet(const struct conn *c, int64_t now)
{
    return !c->rq && !c->is_flushing && !c->is_dead && !wire_in_request(&c->wire) &&
           now - c->idle_ns >= (c->served > 0 ? QUIET_NS : FRESH_NS) && !is_readable(c->fd);
}

static void on_tick(void *arg)
{
    struct http_server *s = arg;
    int64_t now = clock_mono();
    close_listener(s);
    for (size_t fd = 0; fd < s->n_by_fd; fd++) {
        struct conn *c = s->by_fd[fd];
        if (!c || !is_quiet(c, now))
            continue;
        shutdown(c->fd, SHUT_WR);
        c->is_dead = true;
        conn__deadline(c, &s->leaving);
    }
    if (http_server_pending(s) > 0)
        timer_set(s->drain, TICK_NS);
}

void drain__init(struct http_server *s)
{
    deadline__init(&s->leaving, s->loop, LEAVE_NS);
    s->drain = timer_new(s->loop, on_tick, s);
}

void http_server_drain(struct http_server *s, bool is_last)
{
    s->is_draining = true;
    s->leaves_queue = s->conf.listen_fd > 0 && !is_last;
    server__accept(s);
    on_tick(s);
}

size_t http_server_pending(const struct http_server *s)
{
    size_t open = (size_t)s->stats.connections_open;
    bool accepts = s->listener && !s->leaves_queue;
    if (!s->is_draining)
        return s->n_pending + s->n_flushing;
    return (s->n_pending > open ? s->n_pending : open) + accepts; /* some answers are owed to nobody */
}
