/* SPDX-License-Identifier: Apache-2.0 */
/* A queue is bounded by memory and not by requests: what a body costs beside its bytes is counted too, so
 * many small ones take no more than few large ones. A body in two queues counts in both: none of them may
 * lean on the other to let go of it. */
#include "core/agent/tee_queue.h"
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>
#include "core/base/mem.h"

enum { MALLOC_COST = 32 }; /* of two small blocks, about */
struct tee_item {
    struct tee_item *prev, *next;
    struct tee_body *body;
};

/* ------------------------------------------------------------------------------------- bodies */

static const char *put_header(char **at, const char *name, const char *value)
{
    size_t n = strlen(name) + strlen(value) + 3;
    const char *made = *at;
    snprintf(*at, n, "%s: %s", name, value);
    *at += n;
    return made;
}

struct tee_body *tee_body_new(enum tee_signal signal, const char *type, const char *encoding,
                              struct str bytes)
{
    static const char type_name[] = "Content-Type", encoding_name[] = "Content-Encoding";
    size_t n = sizeof(struct tee_body) + sizeof type_name + strlen(type) + 2;
    if (encoding)
        n += sizeof encoding_name + strlen(encoding) + 2;
    struct tee_body *b = malloc(n + bytes.n); /* not zeroed: it may be large */
    if (!b)
        mem_die(n + bytes.n);
    char *at = (char *)(b + 1);
    *b = (struct tee_body){ .n_refs = 1,
                            .signal = signal,
                            .bytes = { (char *)b + n, bytes.n },
                            .cost = n + bytes.n + sizeof(struct tee_item) + MALLOC_COST };
    b->headers[0] = put_header(&at, type_name, type);
    if (encoding)
        b->headers[1] = put_header(&at, encoding_name, encoding);
    memcpy((char *)b + n, bytes.p, bytes.n);
    return b;
}

struct tee_body *tee_body_ref(struct tee_body *b)
{
    b->n_refs++;
    return b;
}

void tee_body_unref(struct tee_body *b)
{
    if (--b->n_refs == 0)
        free(b);
}

/* -------------------------------------------------------------------------------------- queue */

static void count(struct tee_count *c, const struct tee_body *b)
{
    c->requests++;
    c->bytes += b->bytes.n;
}

void tee_queue_init(struct tee_queue *q, size_t max_bytes)
{
    *q = (struct tee_queue){ .max_bytes = max_bytes };
}

bool tee_queue_has_room(const struct tee_queue *q, const struct tee_body *b)
{
    return q->held <= q->max_bytes && b->cost <= q->max_bytes - q->held;
}

bool tee_queue_offer(struct tee_queue *q, struct tee_body *b)
{
    count(&q->stats.offered, b);
    if (!tee_queue_has_room(q, b)) {
        count(&q->stats.dropped, b);
        return false;
    }
    struct tee_item *item = mem_alloc(sizeof *item);
    item->body = tee_body_ref(b);
    DL_APPEND(q->first, item);
    q->held += b->cost;
    count(&q->stats.waiting, b);
    return true;
}

struct tee_body *tee_queue_first(const struct tee_queue *q)
{
    return q->first ? q->first->body : NULL;
}

void tee_queue_settle(struct tee_queue *q, struct tee_count *as)
{
    struct tee_item *item = q->first;
    count(as, item->body);
    q->stats.waiting.requests--;
    q->stats.waiting.bytes -= item->body->bytes.n;
    q->held -= item->body->cost;
    DL_DELETE(q->first, item);
    tee_body_unref(item->body);
    free(item);
}

void tee_queue_done(struct tee_queue *q)
{
    while (q->first)
        tee_queue_settle(q, &q->stats.dropped);
}
