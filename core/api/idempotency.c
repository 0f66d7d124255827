/* SPDX-License-Identifier: Apache-2.0 */
/* The key is scoped by the route; what is remembered is the hash of the body and the object it made. */
#include "core/api/idempotency.h"
#include "core/base/ids.h"

enum { KEY_MAX = 128 };

/** In the request's arena. */
struct attempt {
    struct request *rq;
    idempotency_fn *next;
    const char *key;
};

static const char *header_key(struct request *rq)
{
    return request_header(rq, "Idempotency-Key");
}

bool idempotency_is(struct request *rq)
{
    return header_key(rq) != NULL;
}

static const char *scoped_key(struct request *rq)
{
    return arena_printf(request_arena(rq), "%s:%s", request_route(rq)->id, header_key(rq));
}

static bool key_valid(struct str key)
{
    bool ok = key.n >= 1 && key.n <= KEY_MAX;
    for (size_t i = 0; ok && i < key.n; i++) {
        ok = key.p[i] > ' ' && key.p[i] < 0x7f;
    }
    return ok;
}

static void on_found(void *arg, const struct result *res)
{
    struct attempt *a = arg;
    char hash[SHA256_HEX_LEN + 1];
    if (res->rc == ERR_NOTFOUND || (!res->rc && !res->n_rows)) {
        a->next(a->rq, NULL);
        return;
    }
    if (res->rc) {
        reply_error(a->rq, &res->err);
        return;
    }
    sha256_hex(request_body(a->rq), hash);
    if (strcmp(hash, row_text(&res->rows[0], F_IDEMPOTENCY_BODY_HASH)) != 0) {
        struct err err = { 0 };
        err_set(&err, ERR_INVALID, "Idempotency-Key \"%s\" was used with another body", header_key(a->rq));
        reply_error(a->rq, &err);
        return;
    }
    a->next(a->rq, row_text(&res->rows[0], F_IDEMPOTENCY_OBJECT_ID));
}

static void on_no_key(void *arg)
{
    struct attempt *a = arg;
    a->next(a->rq, NULL);
}

void idempotency_begin(struct request *rq, idempotency_fn *next)
{
    struct api *api = request_api(rq);
    struct attempt *a = arena_alloc(request_arena(rq), sizeof *a);
    a->rq = rq;
    a->next = next;
    if (!header_key(rq)) {
        loop_defer(api->loop, on_no_key, a);
        return;
    }
    if (!key_valid(str_of(header_key(rq)))) {
        struct err err = { 0 };
        err_set(&err, ERR_INVALID, "Idempotency-Key must be 1 to %d visible ASCII characters", KEY_MAX);
        reply_error(rq, &err);
        return;
    }
    a->key = scoped_key(rq);
    struct query *q = q_get(api->store, C_IDEMPOTENCY);
    q_text(q, F_IDEMPOTENCY_KEY, a->key);
    store_run(q, on_found, a);
}

struct query *idempotency_insert(struct request *rq, const char *object_id)
{
    struct api *api = request_api(rq);
    char hash[SHA256_HEX_LEN + 1];
    if (!header_key(rq)) {
        return NULL;
    }
    sha256_hex(request_body(rq), hash);
    struct query *q = q_insert(api->store, C_IDEMPOTENCY);
    q_text(q, F_IDEMPOTENCY_KEY, scoped_key(rq));
    q_text(q, F_IDEMPOTENCY_BODY_HASH, hash);
    q_text(q, F_IDEMPOTENCY_OBJECT_ID, object_id);
    q_time(q, F_IDEMPOTENCY_AT, loop_wall(api->loop));
    return q;
}
