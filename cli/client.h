/* SPDX-License-Identifier: Apache-2.0 */
/** @file client.h
 * The HTTP API, one call after the other, on libcurl. The only file of cli/ that knows libcurl.
 */
#ifndef PHOENIX_CLI_CLIENT_H
#define PHOENIX_CLI_CLIENT_H
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/json.h"

struct client;
/** @p url: of the API, as "http://127.0.0.1:8080". */
struct client *client_new(const char *url, struct err *err) MUST_CHECK;
void client_free(struct client *c); /**< NULL allowed */
/** Called about once a second while a call waits. */
void client_on_tick(struct client *c, void (*fn)(void *arg), void *arg);

/** A path and a query, escaped as they are built. */
struct target {
    struct buf text;
    bool has_query;
};
/** Path made of @p fmt, in which each %s is escaped: target_init(&t, "/api/v1/tasks/%s", id). */
void target_init(struct target *t, const char *fmt, const char *arg);
void target_query(struct target *t, const char *key, const char *value); /**< NULL value: nothing */
void target_done(struct target *t);

/**
 * One call. @p body NULL: none. The reply's document is *ret (NULL if it has none); caller frees.
 * @errors the problem that the API answered: its type as code, its detail and remedy;
 *         UNAVAILABLE, TIMEOUT, LIMIT
 */
int client_call(struct client *c, const char *method, struct target *t, const struct json *body,
                int64_t timeout_ns, struct json **ret, struct err *err) MUST_CHECK;
/** client_call() for a GET with the usual timeout. Takes (frees) the target. */
struct json *client_get(struct client *c, struct target *t, struct err *err) MUST_CHECK;
/** All pages of a list, up to @p limit rows, as one document. Takes the target. */
struct json *client_list(struct client *c, struct target *t, const char *member, int64_t limit,
                         struct err *err) MUST_CHECK;
/** The error of an answer with @p status and problem document @p doc (NULL: it had none). Each fault
 *  becomes a line of @p faults: "/config/duration: must be …". */
int problem_to_err(int status, const struct json *doc, struct buf *faults, struct err *err);
/** The faults of the last call, "" if there were none. */
const char *client_faults(const struct client *c);
#define CALL_TIMEOUT_NS (INT64_C(30) * 1000000000)
#endif
