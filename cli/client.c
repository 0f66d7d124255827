/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking calls to the API. A command line does one thing at a time, so libcurl's easy interface is
 * all it needs; its progress callback is the clock of a long-poll. */
#include "cli/client.h"

#include <curl/curl.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

struct client {
    CURL *curl;
    char *url;
    struct buf reply, faults;
    void (*tick)(void *arg);
    void *tick_arg;
    int64_t next_tick;
};

/* ---- targets */

static void add_escaped(struct buf *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text))
            buf_addc(out, *text);
        else
            buf_addf(out, "%%%02X", (unsigned char)*text);
    }
}

void target_init(struct target *t, const char *fmt, const char *arg)
{
    const char *hole = strstr(fmt, "%s");
    buf_init(&t->text, 65536);
    t->has_query = false;
    buf_add(&t->text, fmt, hole ? (size_t)(hole - fmt) : strlen(fmt));
    if (!hole)
        return;
    add_escaped(&t->text, strcmp(arg, ".") == 0 || strcmp(arg, "..") == 0 ? "" : arg);
    buf_adds(&t->text, hole + 2);
}

void target_query(struct target *t, const char *key, const char *value)
{
    if (!value)
        return;
    buf_addf(&t->text, "%c%s=", t->has_query ? '&' : '?', key);
    add_escaped(&t->text, value);
    t->has_query = true;
}

void target_done(struct target *t)
{
    buf_done(&t->text);
}

/* ---- libcurl */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct client *c = arg;
    buf_add(&c->reply, p, size * n);
    return c->reply.failed ? 0 : size * n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
    struct client *c = arg;
    int64_t now = clock_mono();
    if (c->tick && now >= c->next_tick) {
        c->next_tick = now + NS_PER_S;
        c->tick(c->tick_arg);
    }
    return 0;
}

struct client *client_new(const char *url, struct err *err)
{
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        err_set(err, ERR_CONFIG, "api.url must start with http:// or https://, not \"%.100s\"", url);
        return NULL;
    }
    struct client *c = mem_alloc(sizeof *c);
    c->url = mem_strdup(url);
    for (size_t n = strlen(c->url); n && c->url[n - 1] == '/'; n--)
        c->url[n - 1] = '\0';
    buf_init(&c->reply, LIMIT_JSON_BYTES);
    buf_init(&c->faults, 65536);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    c->curl = curl_easy_init();
    if (!c->curl)
        mem_die(sizeof c->curl);
    return c;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    curl_global_cleanup();
    buf_done(&c->reply);
    buf_done(&c->faults);
    mem_freep(&c->url);
    mem_freep(&c);
}

void client_on_tick(struct client *c, void (*fn)(void *arg), void *arg)
{
    c->tick = fn;
    c->tick_arg = arg;
}

static struct curl_slist *headers(const char *method)
{
    char key[64] = "Idempotency-Key: ";
    struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
    list = curl_slist_append(list, "Content-Type: application/json");
    list = curl_slist_append(list, "Expect:");
    if (strcmp(method, "POST") == 0) {
        uuid7_new(key + strlen(key));
        list = curl_slist_append(list, key);
    }
    return list;
}

static void prepare(struct client *c, const char *method, const char *url, const struct buf *body,
                    int64_t timeout_ns)
{
    CURL *e = c->curl;
    curl_easy_reset(e);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    if (body->len || strcmp(method, "POST") == 0) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, buf_cstr(body));
    }
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, c);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "phoenix-cli");
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(timeout_ns / NS_PER_MS));
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static int transport_error(struct client *c, CURLcode rc, struct err *err)
{
    if (c->reply.failed)
        return err_set(err, ERR_LIMIT, "the answer has more than %d bytes", LIMIT_JSON_BYTES);
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(err, ERR_TIMEOUT, "%s did not answer in time", c->url);
    int code = err_set(err, ERR_UNAVAILABLE, "could not reach %s: %s", c->url, curl_easy_strerror(rc));
    err_remedy(err, "see whether phoenix-api runs there; --api-url or PHOENIX_API_URL names another place");
    return code;
}

/* ---- answers */

const char *client_faults(const struct client *c)
{
    return buf_cstr(&c->faults);
}

static enum err_code code_of_status(int status, const char *type)
{
    const char *last = strrchr(type, ':');
    const struct err_info *row;
    for (unsigned i = 0; last && (row = err_info_at(i)) != NULL; i++)
        if (strcmp(row->type, last + 1) == 0)
            return (enum err_code)row->code;
    for (unsigned i = 0; (row = err_info_at(i)) != NULL; i++)
        if (row->http_status == status)
            return (enum err_code)row->code;
    return ERR_INTERNAL;
}

int problem_to_err(int status, const struct json *doc, struct buf *faults, struct err *err)
{
    const char *detail = json_get_str(doc, "detail", json_get_str(doc, "title", NULL));
    enum err_code code = code_of_status(status, json_get_str(doc, "type", ""));
    const struct json *list = json_get(doc, "errors");
    if (detail)
        err_set(err, code, "%s", detail);
    else
        err_set(err, code, "the API answered %d without a reason", status);
    if (json_get_str(doc, "remedy", NULL))
        err_remedy(err, "%s", json_get_str(doc, "remedy", NULL));
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *fault = json_at(list, i);
        buf_addf(faults, "%s: %s\n", json_get_str(fault, "pointer", ""), json_get_str(fault, "message", ""));
    }
    return code;
}

static int read_answer(struct client *c, struct json **ret, struct err *err)
{
    long status = 0;
    struct json *doc = NULL;
    struct err bad = { 0 };
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    if (c->reply.len)
        doc = json_parse(buf_str(&c->reply), NULL, &bad);
    if (status < 200 || status > 299) {
        int rc = problem_to_err((int)status, doc, &c->faults, err);
        json_free(doc);
        return rc;
    }
    if (c->reply.len && !doc)
        return err_set(err, ERR_INTERNAL, "%s did not answer JSON: %s", c->url, bad.msg);
    *ret = doc;
    return 0;
}

int client_call(struct client *c, const char *method, struct target *t, const struct json *body,
                int64_t timeout_ns, struct json **ret, struct err *err)
{
    struct buf url CLEANUP_BUF, text CLEANUP_BUF;
    *ret = NULL;
    buf_init(&url, 1 << 20);
    buf_init(&text, LIMIT_JSON_BYTES);
    buf_addf(&url, "%s%s", c->url, buf_cstr(&t->text));
    if (body)
        json_write(body, &text);
    if (url.failed || text.failed || t->text.failed)
        return err_set(err, ERR_LIMIT, "the request is too large");
    buf_reset(&c->reply);
    buf_reset(&c->faults);
    prepare(c, method, buf_cstr(&url), &text, timeout_ns);
    struct curl_slist *list = headers(method);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, list);
    CURLcode rc = curl_easy_perform(c->curl);
    curl_slist_free_all(list);
    return rc == CURLE_OK ? read_answer(c, ret, err) : transport_error(c, rc, err);
}

struct json *client_get(struct client *c, struct target *t, struct err *err)
{
    struct json *doc = NULL;
    int rc = client_call(c, "GET", t, NULL, CALL_TIMEOUT_NS, &doc, err);
    target_done(t);
    if (rc == 0 && !doc)
        err_set(err, ERR_INTERNAL, "%s answered nothing", c->url);
    return doc;
}

struct json *client_list(struct client *c, struct target *t, const char *member, int64_t limit,
                         struct err *err)
{
    struct json *all = json_object(), *rows = json_array();
    char *token = NULL;
    bool more = true;
    json_set(all, member, rows);
    while (more) {
        struct target page;
        char text[24];
        int64_t left = limit - (int64_t)json_len(rows);
        snprintf(text, sizeof text, "%lld", (long long)(left < LIMIT_LIST_PAGE ? left : LIMIT_LIST_PAGE));
        target_init(&page, buf_cstr(&t->text), NULL);
        page.has_query = t->has_query;
        target_query(&page, "limit", text);
        target_query(&page, "page_token", token);
        mem_freep(&token);
        struct json *doc CLEANUP_JSON = client_get(c, &page, err);
        if (!doc) {
            json_free(all);
            all = NULL;
            break;
        }
        const struct json *part = json_get(doc, member);
        for (size_t i = 0; i < json_len(part); i++)
            json_add(rows, json_ref(json_at(part, i)));
        token = mem_strdup(json_get_str(doc, "next_page_token", NULL));
        more = token && json_len(part) && (int64_t)json_len(rows) < limit;
    }
    mem_freep(&token);
    target_done(t);
    return all;
}
