/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/post.h"
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tools/swarm/swarm.h"

enum { ANSWER_MAX = 64 << 10, BODY_MAX = 256 << 10, TEXT_MAX = 300 << 10 };
#define TIMEOUT_NS (10 * NS_PER_S) /* as the agent */

struct sender {
    struct conn conn;
    struct swarm *swarm;
    struct senders *pool;
    struct post *post;   /* NULL: idle */
    struct sender *next; /* idle */
    unsigned target;
};

static void send_next(struct senders *x);

/* Repeated at once when a kept connection turns out to be closed, as HTTP clients do; but not an enqueue,
 * of which nobody would know then whether it became two. */
static void on_reply(struct conn *c, const struct reply *reply)
{
    struct sender *s = CONTAINER_OF(c, struct sender, conn);
    struct senders *x = s->pool;
    struct post *p = s->post;
    struct reply told = *reply;
    s->post = NULL;
    s->next = x->idle;
    x->idle = s;
    if (told.outcome == OUTCOME_STALE && p->kind != KIND_ENQUEUE) {
        p->next = x->first;
        x->first = p;
        if (!p->next)
            x->last = &p->next;
    } else {
        told.outcome = told.outcome == OUTCOME_STALE ? OUTCOME_RESET : told.outcome;
        swarm_answered(s->swarm, (enum kind)p->kind, s->target, told.outcome);
        p->is_out = false;
        p->ops->done(p, &told);
    }
    send_next(x);
}

void senders_init(struct senders *x, struct swarm *s, unsigned target, unsigned n)
{
    *x = (struct senders){ .all = mem_calloc(n, sizeof *x->all), .last = &x->first, .n = n };
    for (unsigned i = n; i-- > 0;) {
        struct sender *one = &x->all[i];
        conn_init(&one->conn, &s->engine, ANSWER_MAX, on_reply);
        one->swarm = s;
        one->pool = x;
        one->target = target;
        one->next = x->idle;
        x->idle = one;
    }
}

void senders_drop(struct senders *x)
{
    for (unsigned i = 0; i < x->n; i++) {
        struct sender *s = &x->all[i];
        bool was_out = s->post != NULL;
        conn_close(&s->conn);
        if (was_out)
            on_reply(&s->conn, &(struct reply){ .outcome = OUTCOME_RESET });
    }
}

void senders_done(struct senders *x)
{
    for (unsigned i = 0; i < x->n; i++)
        conn_close(&x->all[i].conn);
    free(x->all);
}

static void write_request(const struct target *t, struct post *p, struct buf *text)
{
    static struct buf path, body; /* kept: one request is written at a time */
    if (!path.max) {
        buf_init(&path, 1024);
        buf_init(&body, BODY_MAX);
    }
    buf_reset(&path);
    buf_reset(&body);
    const char *host = p->ops->write(p, &path, &body);
    buf_addf(text, "POST /api/v1%s HTTP/1.1\r\nHost: %s\r\n", buf_cstr(&path), t->authority);
    if (*host)
        buf_addf(text, "X-Agent-Host-ID: %s\r\n", host);
    buf_addf(text, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.len);
    buf_add_str(text, buf_str(&body));
}

static void send_next(struct senders *x)
{
    static struct buf text;
    if (!text.max)
        buf_init(&text, TEXT_MAX);
    while (x->first && x->idle) {
        struct post *p = x->first;
        struct sender *s = x->idle;
        const struct target *t = &s->swarm->targets[s->target];
        x->first = p->next;
        if (!x->first)
            x->last = &x->first;
        x->idle = s->next;
        s->post = p;
        buf_reset(&text);
        write_request(t, p, &text);
        conn_ask(&s->conn, &t->route, buf_str(&text), TIMEOUT_NS);
    }
}

void post_send(struct senders *x, struct post *p)
{
    p->is_out = true;
    p->next = NULL;
    *x->last = p;
    x->last = &p->next;
    send_next(x);
}
