/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/gate.h"
#include <event2/keyvalq_struct.h>
#include <stddef.h>
#include <strings.h>
#include <sys/queue.h>

/* ---- headers */

static const struct single {
    const char *name;
    size_t n, offset;
} singles[] = {
#define SINGLE(name, member) { name, sizeof name - 1, offsetof(struct gate_headers, member) }
    SINGLE("Host", host),
    SINGLE("Authorization", authorization),
    SINGLE("Content-Type", content_type),
    SINGLE("Content-Encoding", content_encoding),
    SINGLE("Content-Length", content_length),
    SINGLE("X-Agent-Host-ID", agent_host),
    SINGLE("If-Match", if_match),
    SINGLE("Idempotency-Key", idempotency_key),
    SINGLE("X-Request-ID", request_id),
    SINGLE("Connection", connection),
#undef SINGLE
};

static const struct single *single_of(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
        if (singles[i].n == n && strcasecmp(singles[i].name, name) == 0)
            return &singles[i];
    return NULL;
}

int gate_headers(const struct evkeyvalq *headers, bool is_http11, struct gate_headers *ret, struct err *err)
{
    *ret = (struct gate_headers){ 0 };
    const struct evkeyval *h;
    TAILQ_FOREACH(h, headers, next)
    {
        const struct single *s = single_of(h->key);
        if (!s)
            continue;
        const char **slot = (const char **)((char *)ret + s->offset);
        if (*slot)
            return err_set(err, ERR_INVAL, "header %s is there twice", s->name);
        *slot = h->value;
    }
    if (is_http11 && !ret->host)
        return err_set(err, ERR_INVAL, "header Host is missing");
    return 0;
}

/* ---- target */

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode into @p out (at least s.n + 1 bytes, NUL-terminated). False: bad escape, control byte, bad
 * UTF-8. Only a query turns '+' into a space. */
static bool percent_decode(struct str s, bool plus_is_space, char *out, struct str *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int c = (unsigned char)s.p[i];
        if (c == '%') {
            int high = i + 2 < s.n ? hex_of(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex_of(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = high * 16 + low;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7f)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    *ret = (struct str){ out, n };
    return utf8_valid(*ret);
}

static bool segment_ok(struct str s)
{
    if (s.n == 0 || str_eqz(s, ".") || str_eqz(s, ".."))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '/' || s.p[i] == '\\')
            return false;
    return true;
}

static int add_segment(struct str raw, struct arena *scratch, struct gate_target *t, struct err *err)
{
    if (t->n == LIMIT_HTTP_SEGMENTS)
        return err_set(err, ERR_NOTFOUND, "the path is too deep");
    struct str s = raw;
    if (memchr(raw.p, '%', raw.n) && !percent_decode(raw, false, arena_alloc(scratch, raw.n + 1), &s))
        return err_set(err, ERR_INVAL, "the path is not percent-encoded UTF-8");
    if (!segment_ok(s))
        return err_set(err, ERR_INVAL, "the path has an empty, dotted or unprintable segment");
    t->segment[t->n++] = s;
    return 0;
}

int gate_target(struct str uri, struct arena *scratch, struct gate_target *ret, struct err *err)
{
    ret->n = 0;
    ret->query = (struct str){ "", 0 };
    if (uri.n == 0 || uri.p[0] != '/')
        return err_set(err, ERR_INVAL, "the target is not a path");
    if (memchr(uri.p, '#', uri.n))
        return err_set(err, ERR_INVAL, "the target has a fragment");
    const char *mark = memchr(uri.p, '?', uri.n);
    struct str path = { uri.p + 1, (mark ? (size_t)(mark - uri.p) : uri.n) - 1 };
    if (mark)
        ret->query = (struct str){ mark + 1, uri.n - (size_t)(mark - uri.p) - 1 };
    if (path.n == 0)
        return 0;
    for (;;) {
        const char *slash = memchr(path.p, '/', path.n);
        struct str segment = { path.p, slash ? (size_t)(slash - path.p) : path.n };
        int rc = add_segment(segment, scratch, ret, err);
        if (rc != 0 || !slash)
            return rc;
        path.n -= segment.n + 1;
        path.p += segment.n + 1;
    }
}

/* ---- query */

int gate_query(struct str query, struct arena *a, struct gate_param ret[LIMIT_HTTP_QUERY], unsigned *ret_n,
               struct err *err)
{
    unsigned n = 0;
    for (struct str pair; str_split(&query, '&', &pair);) {
        if (pair.n == 0)
            continue;
        if (n == LIMIT_HTTP_QUERY)
            return err_set(err, ERR_INVAL, "the query has too many parameters");
        const char *equals = memchr(pair.p, '=', pair.n);
        struct str name = { pair.p, equals ? (size_t)(equals - pair.p) : pair.n }, value = { "", 0 };
        if (equals)
            value = (struct str){ equals + 1, pair.n - name.n - 1 };
        if (!percent_decode(name, true, arena_alloc(a, name.n + 1), &name) || name.n == 0 ||
            !percent_decode(value, true, arena_alloc(a, value.n + 1), &value))
            return err_set(err, ERR_INVAL, "the query is not percent-encoded UTF-8");
        for (unsigned i = 0; i < n; i++)
            if (str_eqz(name, ret[i].name))
                return err_set(err, ERR_INVAL, "parameter \"%s\" is there twice", name.p);
        ret[n++] = (struct gate_param){ name.p, value.p };
    }
    *ret_n = n;
    return 0;
}
