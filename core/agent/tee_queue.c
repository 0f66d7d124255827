/* SPDX-License-Identifier: Apache-2.0 */
/* A queue is bounded by memory and not by requests: what a body costs beside its bytes is counted too, so
 * many small ones take no more than few large ones. A body in two queues counts in both: none of them may
 * lean on the other to let go of it. */
#include "core/agent/tee_queue.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <utlist.h>
#include "core/base/mem.h"

struct tee_item {
    struct tee_item *prev, *next;
    struct tee_body *body;
};
enum { LARGE = 64 << 10, BESIDE = sizeof(struct tee_item) + 32 }; /* what malloc() takes of both, about */

/* ------------------------------------------------------------------------------------- bodies */

static const char *put_header(char **at, const char *name, const char *value)
{
    size_t n = strlen(name) + strlen(value) + 3;
    const char *made = *at;
    snprintf(*at, n, "%s: %s", name, value);
    *at += n;
    return made;
}

/** Not zeroed. Large ones are of pages that are all made at once: to fault them in one by one would take as
 *  long as all the rest. */
static void *block_take(size_t n)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    void *p = n < LARGE ? malloc(n) : mmap(NULL, n, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (!p || p == MAP_FAILED)
        mem_die(n);
    return p;
}

static void block_give(void *p, size_t n)
{
    if (n < LARGE)
        free(p);
    else
        munmap(p, n);
}

struct tee_body *tee_body_new(enum tee_signal signal, const char *type, const char *encoding, size_t n)
{
    static const char type_name[] = "Content-Type", encoding_name[] = "Content-Encoding";
    size_t before = sizeof(struct tee_body) + sizeof type_name + strlen(type) + 2;
    if (encoding)
        before += sizeof encoding_name + strlen(encoding) + 2;
    struct tee_body *b = block_take(before + n);
    char *at = (char *)(b + 1);
    *b = (struct tee_body){ .n_refs = 1,
                            .signal = signal,
                            .bytes = (char *)b + before,
                            .n = n,
                            .cost = before + n + BESIDE };
    b->headers[0] = put_header(&at, type_name, type);
    if (encoding)
        b->headers[1] = put_header(&at, encoding_name, encoding);
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
        block_give(b, b->cost - BESIDE);
}

/* -------------------------------------------------------------------------------------- queue */

static void count(struct tee_count *c, const struct tee_body *b)
{
    c->requests++;
    c->bytes += b->n;
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
    q->stats.waiting.bytes -= item->body->n;
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
