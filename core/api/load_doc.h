/* SPDX-License-Identifier: Apache-2.0 */
/** @file load_doc.h
 * A load simulation as stored and as shown, and what may happen to it on a host. Pure but for the
 * queries that it makes.
 */
#ifndef PHOENIX_API_LOAD_DOC_H
#define PHOENIX_API_LOAD_DOC_H
#include "core/base/ids.h"
#include "core/store/store.h"

struct load {
    char id[UUID_LEN + 1];
    char experiment_id[UUID_LEN + 1]; /**< "": none */
    char profile[64];
    /** duration, seed, parameters, target_hosts, adjusted, adjusted_task, started_at and completed_at (ns or
     *  absent), and hosts: { HOST: { status, since (ns), task, seen, offered, ..., adjust, adjust_task,
     *  reason } }. Owned. */
    struct json *spec;
    int64_t created_ns, updated_ns;
    uint64_t rev; /**< 0: it was made here, and its revision is not known yet */
};
enum load_status { LOAD_STARTING, LOAD_RUNNING, LOAD_STOPPING, LOAD_COMPLETED, LOAD_FAILED, LOAD_STOPPED };
const char *load_status_name(enum load_status s);
bool load_status_parse(const char *name, enum load_status *ret);
bool load_status_final(enum load_status s);

int load_read(const struct row *r, struct load *ret, struct err *err) MUST_CHECK;
void load_done(struct load *l);
struct query *load_insert(struct store *st, const struct load *l);
/** Store what changes in its life, if the stored revision is still l->rev, or with 0, if nobody has changed
 *  it since load_insert(). Answers the row, and with it the new revision; CONFLICT or no row: it is not the
 *  one that l was read from. */
struct query *load_save(struct store *st, const struct load *l);
void load_write(const struct load *l, struct jw *w);

/** Of the whole, from its hosts: running while one runs, failed when one has failed. */
enum load_status load_status(const struct load *l);
/** False: it does not run on that host. */
bool load_host_status(const struct load *l, const char *host, enum load_status *ret);
/** A final status stays. Keeps started_at and completed_at. @p reason NULL: none. True if it changed. */
bool load_host_set(struct load *l, const char *host, enum load_status s, const char *reason, int64_t now_ns);
/** An entry of "loads" of that host's heartbeat; NULL: it is not in the list, which means nothing when it was
 *  heard before another one that had it. True if it changed. */
bool load_host_reported(struct load *l, const char *host, const struct json *entry, int64_t heard_ns);

/** What somebody said of loads on one host: a heartbeat's list, or the state of one load by a task, a user
 *  or time. Owned; a list by `next`. */
struct load_news {
    struct load_news *next;
    char *host;
    struct json *report;        /**< "loads" of a heartbeat; NULL: of the load `load_id` alone */
    int64_t heard_ns;           /**< of a report: wall time, so that it is not held against what came later */
    char load_id[UUID_LEN + 1];
    enum load_status status;
    char *reason;               /**< NULL: none */
    const char *adjust;         /**< not NULL: of a change, not of the status; static */
    char task[UUID_LEN + 1];    /**< with it: what does the change on this host; a newer one is greater */
    struct json *change;        /**< with "pending": what it is; else NULL */
};
struct load_news *load_news_report(const char *host, const struct json *loads, int64_t heard_ns);
struct load_news *load_news_status(const char *host, const char *load_id, enum load_status s,
                                   const char *reason);
/** A change that was asked for: "pending", and @p change; or its end: "done", or "failed" and @p why. */
struct load_news *load_news_adjust(const char *host, const char *load_id, const char *task, const char *how,
                                   const char *why, const struct json *change);
struct load_news *load_news_copy(const struct load_news *n);
void load_news_free(struct load_news *list);
/** News of a change. Of each host the newest task counts, and its end more than its beginning, so that news
 *  may come in any order. True if the load changed. */
bool load_host_adjusted(struct load *l, const struct load_news *n, int64_t now_ns);
/** Apply the whole list, in order. Doing so again changes nothing. True if the load changed. */
bool load_news_apply(struct load *l, const struct load_news *list, int64_t now_ns);

/** When the next host is overdue; INT64_MAX: none is waited for. */
int64_t load_next_deadline(const struct load *l);
/** The host is overdue at @p now_ns: why, and *ret_task to cancel ("": none). NULL: it is not. */
const char *load_host_overdue(const struct load *l, const char *host, int64_t now_ns, const char **ret_task);
#endif
