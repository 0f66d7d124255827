/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request: what a handler sees of it, and the steps before the handler. Each step either goes on or
 * answers and ends; after an answer the request must not be touched.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdlib.h>
#include <strings.h>
#include <utlist.h>
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/http/http_priv.h"

#define SPARE_REQUESTS 64

/* ---- life */

static struct request *request_new(struct conn *c, struct evhttp_request *req)
{
    struct http_server *s = c->server;
    struct request *rq = s->spare;
    if (rq) {
        s->spare = rq->next;
        s->n_spare--;
        *rq = (struct request){ 0 };
    } else {
        rq = mem_alloc(sizeof *rq);
    }
    rq->server = s;
    rq->conn = c;
    rq->req = req;
    rq->loop = s->loop;
    rq->app = s->app;
    rq->started_ns = clock_mono();
    rq->is_http10 = req->major == 1 && req->minor == 0;
    DL_APPEND(s->pending, rq);
    s->n_pending++;
    c->rq = rq;
    c->is_begun = true;
    return rq;
}

static void request_drop_memory(struct request *rq)
{
    json_free(rq->json);
    arena_free(rq->arena);
    rq->json = NULL;
    rq->arena = NULL;
    rq->extra = NULL;
    rq->query = rq->params = NULL;
    rq->n_query = rq->n_params = 0;
    rq->body = (struct str){ "", 0 };
}

/* What is bounded for all: its place in its class, and the bytes of its body. */
static void request_release(struct request *rq)
{
    traffic__leave(rq);
    if (rq->conn)
        conn__release(rq->conn, rq->held);
    rq->held = 0;
}

static void log_request(struct request *rq, int status, int64_t took_ns)
{
    struct log_ctx ctx = { .req = request_id(rq), .host = rq->host_id };
    log_event(EV_HTTP_REQUEST, &ctx, "route=%s status=%d us=%lld", rq->route ? rq->route->id : "-", status,
              (long long)(took_ns / 1000));
}

void request__finish(struct request *rq, int status)
{
    struct http_server *s = rq->server;
    int64_t took_ns = clock_mono() - rq->started_ns;
    if (log_enabled(EV_HTTP_REQUEST))
        log_request(rq, status, took_ns);
    request_drop_memory(rq);
    request_release(rq);
    free(rq->host_id);
    free(rq->id);
    if (rq->conn) {
        rq->conn->rq = NULL;
        rq->conn->idle_ns = rq->started_ns + took_ns;
    }
    if (!s) {
        free(rq);
        return;
    }
    struct route_stats *stats = &s->route_stats[rq->route ? (size_t)(rq->route - s->routes) : s->n_routes];
    stats->answers[status / 100]++;
    stats->duration_ns += (uint64_t)took_ns;
    DL_DELETE(s->pending, rq);
    s->n_pending--;
    if (s->n_spare == SPARE_REQUESTS) {
        free(rq);
        return;
    }
    rq->next = s->spare;
    s->spare = rq;
    s->n_spare++;
}

void request__detach(struct request *rq)
{
    rq->conn = NULL;
    rq->req = NULL;
    rq->body = (struct str){ "", 0 }; /* evhttp frees it */
    rq->server->stats.gone_total++;
    if (!rq->is_parked)
        return; /* the answer that is still owed goes nowhere */
    rq->is_parked = false;
    rq->on_gone(rq->gone_arg);
    request__finish(rq, 0);
}

/* ---- what the handler sees */

void *request_app(struct request *rq)
{
    return rq->app;
}

struct loop *request_loop(struct request *rq)
{
    return rq->loop;
}

struct arena *request_arena(struct request *rq)
{
    if (!rq->arena)
        rq->arena = arena_new();
    return rq->arena;
}

const struct route *request_route(struct request *rq)
{
    return rq->route;
}

static bool is_sane_id(const char *id)
{
    size_t n = strlen(id);
    if (n == 0 || n > 64)
        return false;
    for (size_t i = 0; i < n; i++)
        if (id[i] <= ' ' || id[i] > '~' || id[i] == '"' || id[i] == '\\')
            return false;
    return true;
}

const char *request_id(struct request *rq)
{
    if (!rq->id) {
        rq->id = mem_alloc(UUID_LEN + 1);
        uuid7_new(rq->id);
    }
    return rq->id;
}

const char *request_param(struct request *rq, const char *name)
{
    for (unsigned i = 0; i < rq->n_params; i++)
        if (strcmp(rq->params[i].name, name) == 0)
            return rq->params[i].value;
    return NULL;
}

const char *request_query(struct request *rq, const char *name)
{
    for (unsigned i = 0; i < rq->n_query; i++)
        if (strcmp(rq->query[i].name, name) == 0)
            return rq->query[i].value;
    return NULL;
}

const char *request_header(struct request *rq, const char *name)
{
    return rq->req ? evhttp_find_header(evhttp_request_get_input_headers(rq->req), name) : NULL;
}

const char *request_host_id(struct request *rq)
{
    return rq->host_id ? rq->host_id : "";
}

struct str request_body(struct request *rq)
{
    if (!rq->body.p && rq->req) {
        struct evbuffer *input = evhttp_request_get_input_buffer(rq->req);
        size_t n = evbuffer_get_length(input);
        rq->body = (struct str){ n > 0 ? (const char *)evbuffer_pullup(input, -1) : "", n };
    }
    return rq->body;
}

size_t request_body_size(const struct request *rq)
{
    return rq->req ? evbuffer_get_length(evhttp_request_get_input_buffer(rq->req)) : 0;
}

void request_body_copy(const struct request *rq, void *out)
{
    if (rq->req)
        evbuffer_copyout(evhttp_request_get_input_buffer(rq->req), out, request_body_size(rq));
}

void request_drop_body(struct request *rq)
{
    if (!rq->req)
        return;
    struct evbuffer *input = evhttp_request_get_input_buffer(rq->req);
    evbuffer_drain(input, evbuffer_get_length(input));
    rq->body = (struct str){ "", 0 };
}

const struct json *request_json(struct request *rq)
{
    return rq->json;
}

/* ---- parking */

/* evhttp reads Connection after the answer to decide whether to close; the rest is not needed. */
static void trim_headers(struct request *rq)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(rq->req);
    const char *said = evhttp_find_header(headers, "Connection");
    char connection[16] = "";
    if (said)
        str_copy(connection, sizeof connection, str_of(said));
    evhttp_clear_headers(headers);
    if (connection[0])
        evhttp_add_header(headers, "Connection", connection);
}

void request_park(struct request *rq, loop_fn *on_gone, void *arg)
{
    if (!rq->conn) { /* it hung up before: tell so from the loop, as if it came now */
        loop_defer(rq->loop, on_gone, arg);
        request__finish(rq, 0);
        return;
    }
    request_drop_body(rq);
    trim_headers(rq);
    request_drop_memory(rq);
    request_release(rq);
    rq->is_parked = true;
    rq->on_gone = on_gone;
    rq->gone_arg = arg;
    conn__listen(rq->conn);
}

/* ---- steps before the handler. Each answers and returns false, or goes on. */

static bool refuse(struct request *rq, enum err_code code, const char *why)
{
    struct err err = { 0 };
    err_set(&err, code, "%s", why);
    reply_error(rq, &err);
    return false;
}

/* Who sends this is broken or hostile: no second request from there. */
static bool refuse_and_close(struct request *rq, const struct err *err)
{
    rq->must_close = true;
    rq->server->stats.refused_total++;
    reply_error(rq, err);
    return false;
}

static bool wants_close(const struct request *rq, const char *connection)
{
    if (rq->is_http10)
        return !connection || strncasecmp(connection, "keep-alive", 10) != 0;
    return connection && strcasecmp(connection, "close") == 0;
}

static bool step_gate(struct request *rq, struct gate_headers *ret)
{
    struct err err = { 0 };
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(rq->req);
    if (gate_headers(headers, !rq->is_http10, ret, &err) < 0)
        return refuse_and_close(rq, &err);
    rq->client_closes = wants_close(rq, ret->connection);
    if (ret->request_id && is_sane_id(ret->request_id)) {
        rq->id = mem_strdup(ret->request_id);
        rq->echoes_id = true;
    }
    return true;
}

static unsigned method_of(struct request *rq)
{
    switch (evhttp_request_get_command(rq->req)) {
    case EVHTTP_REQ_HEAD:
        rq->is_head = true;
        return HTTP_GET;
    case EVHTTP_REQ_GET:
        return HTTP_GET;
    case EVHTTP_REQ_POST:
        return HTTP_POST;
    case EVHTTP_REQ_PUT:
        return HTTP_PUT;
    case EVHTTP_REQ_DELETE:
        return HTTP_DELETE;
    case EVHTTP_REQ_PATCH:
        return HTTP_PATCH;
    default:
        return 0;
    }
}

static void take_params(struct request *rq, const struct router_match *m)
{
    if (m->n_params == 0)
        return;
    struct arena *a = request_arena(rq);
    struct gate_param *params = arena_calloc(a, m->n_params, sizeof *params);
    for (unsigned i = 0; i < m->n_params; i++)
        params[i] = (struct gate_param){ arena_strndup(a, m->param_name[i]), arena_strndup(a, m->param[i]) };
    rq->params = params;
    rq->n_params = (uint8_t)m->n_params;
}

static bool step_route(struct request *rq, struct str *ret_query)
{
    struct str uri = str_of(evhttp_request_get_uri(rq->req));
    struct gate_target target;
    struct router_match match;
    struct err err = { 0 };
    if (gate_target(uri, memchr(uri.p, '%', uri.n) ? request_arena(rq) : NULL, &target, &err) < 0)
        return refuse_and_close(rq, &err);
    *ret_query = target.query;
    router_match(rq->server->router, &target, method_of(rq), &match);
    if (!match.methods)
        return refuse(rq, ERR_NOTFOUND, "there is nothing at this path");
    if (!match.route) {
        char allow[40];
        reply_header(rq, "Allow", router_allow(match.methods, allow));
        return refuse(rq, ERR_METHOD, "the path is there, the method is not");
    }
    rq->route = match.route;
    take_params(rq, &match);
    return true;
}

static bool step_scope(struct request *rq, const char *agent_host)
{
    if (rq->route->scope != SCOPE_AGENT)
        return true;
    if (!agent_host)
        return refuse(rq, ERR_UNAUTHORIZED, "header X-Agent-Host-ID is missing");
    struct str host = str_of(agent_host);
    if (!name_valid(host, true))
        return refuse(rq, ERR_UNAUTHORIZED, "header X-Agent-Host-ID is not a host name");
    rq->host_id = mem_strndup(host);
    return true;
}

static bool step_admit(struct request *rq)
{
    if (!traffic__enter(rq))
        return refuse(rq, ERR_BUSY, "too many requests of this kind are under way");
    return !rq->server->conf.admit || rq->server->conf.admit(rq);
}

/* The value of a parameter as the JSON that the field expects; what does not parse stays text, and
 * the schema says what is wrong with it. */
static struct json *query_value(const struct schema *schema, const struct gate_param *p)
{
    struct str text = str_of(p->value);
    int64_t i;
    double r;
    bool b;
    for (const struct field *f = schema->fields; f->name; f++) {
        if (strcmp(f->name, p->name) != 0)
            continue;
        if (f->kind == F_INT && parse_int(text, &i))
            return json_new_int(i);
        if (f->kind == F_REAL && parse_real(text, &r))
            return json_new_real(r);
        if (f->kind == F_BOOL && parse_bool(text, &b))
            return json_new_bool(b);
        break;
    }
    return json_new_str(text);
}

static const struct field no_fields[] = { { .name = NULL } };
static const struct schema no_schema = { .name = "none", .fields = no_fields };

static bool takes_nothing(const struct schema *s)
{
    return !s || (!s->fields[0].name && !s->open);
}

static bool step_query(struct request *rq, struct str raw)
{
    if (raw.n == 0 && takes_nothing(rq->route->query))
        return true;
    const struct schema *schema = rq->route->query ? rq->route->query : &no_schema;
    struct gate_param at[LIMIT_HTTP_QUERY];
    unsigned n = 0;
    struct err err = { 0 };
    if (gate_query(raw, request_arena(rq), at, &n, &err) < 0) {
        reply_error(rq, &err);
        return false;
    }
    struct json *doc CLEANUP_JSON = json_object();
    for (unsigned i = 0; i < n; i++)
        json_set(doc, at[i].name, query_value(schema, &at[i]));
    struct faults faults;
    if (!schema_check(schema, doc, &faults)) {
        reply_faults(rq, &faults);
        return false;
    }
    struct gate_param *kept = arena_calloc(request_arena(rq), n + 1, sizeof *kept);
    memcpy(kept, at, n * sizeof *kept);
    rq->query = kept;
    rq->n_query = (uint8_t)n;
    return true;
}

static bool is_json_type(const char *type)
{
    static const char want[] = "application/json";
    size_t n = sizeof want - 1;
    return type && strncasecmp(type, want, n) == 0 && (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

static bool step_json(struct request *rq, const char *content_type)
{
    const struct schema *schema = rq->route->body;
    struct err err = { 0 };
    struct str body = request_body(rq);
    if (body.n > 0 && !is_json_type(content_type))
        return refuse(rq, ERR_MEDIA_TYPE, "the body is not application/json");
    rq->json = json_parse(body.n > 0 ? body : STR("{}"), NULL, &err);
    if (!rq->json) {
        reply_error(rq, &err);
        return false;
    }
    struct faults faults;
    if (!schema_check(schema, rq->json, &faults)) {
        reply_faults(rq, &faults);
        return false;
    }
    schema_defaults(schema, rq->json);
    return true;
}

static bool step_body(struct request *rq, const char *content_type)
{
    size_t n = request_body_size(rq);
    if (rq->route->max_body > 0 && n > rq->route->max_body)
        return refuse(rq, ERR_LIMIT, "the body is too large for this path");
    if (rq->route->flags & ROUTE_RAW_BODY)
        return true;
    if (!takes_nothing(rq->route->body))
        return step_json(rq, content_type);
    return n == 0 || refuse(rq, ERR_INVAL, "there is a body where none is taken");
}

void request__start(struct conn *c, struct evhttp_request *req)
{
    struct request *rq = request_new(c, req);
    struct gate_headers headers = { 0 };
    struct str query;
    rq->held = evbuffer_get_length(evhttp_request_get_input_buffer(req));
    bool is_known = step_gate(rq, &headers) && step_route(rq, &query) && step_scope(rq, headers.agent_host);
    if (is_known && step_admit(rq) && step_query(rq, query) && step_body(rq, headers.content_type))
        rq->route->handler(rq);
}
