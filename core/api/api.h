/* SPDX-License-Identifier: Apache-2.0 */
/** @file api.h
 * The one object that the files of phoenix-api share. main.c makes it, starts the parts in the order
 * of parts.def and stops them in the reverse order. Handlers find it with request_api(). All [loop].
 *
 * Each part that has state hides it behind its pointer here and has, in its own header,
 *     int  X_start(struct api *api, struct err *err);   before the server listens; the store is open
 *     void X_stop(struct api *api);                     the store is closed, no answer is on its way: free
 * A part that needs another one calls functions of that one's header. The hooks between parts:
 *     taskq.c  -> scheduler_task_changed(api, experiment_id)   a task of it came to an end, or failed
 *              -> loads_task_changed(api, task row)            the same for tasks of type loadsim
 *     agents.c -> scheduler_host_changed(api, host_id)         what runs on the host is other than before
 *              -> loads_reported(api, host_id, loads)          "loads" of a heartbeat; may be []
 */
#ifndef PHOENIX_API_API_H
#define PHOENIX_API_API_H
#include "core/base/settings.h"
#include "core/http/http.h"
#include "core/loop/loop.h"
#include "core/plugin/plugin.h"
#include "core/store/store.h"

struct api {
    struct loop *loop;
    const struct settings *settings;
    struct registry *registry;
    struct store *store;
    struct http_server *http;    /**< NULL until the parts have started */
    int64_t started_ns;          /**< wall */
    bool draining;               /**< asked to end: long polls are answered at once, no new work begins */
    /* the parts, each owned by the file of its name */
    struct leases *leases;       /**< what one process of several does */
    struct waiters *waiters;     /**< hosts that poll, and the claims for them */
    struct taskq *taskq;         /**< reports, leases, retries */
    struct agents *agents;       /**< who lives, what runs on them */
    struct admission *admission; /**< who gets in when there is not room for all */
    struct ingest *ingest;       /**< samples and logs on their way to the store */
    struct retention *retention;
    struct pipelines *pipelines; /**< templates */
    struct loads *loads;
    struct scheduler *scheduler;
    struct censuses *censuses;   /**< what series are made of: reading and merging */
    struct peers *peers;         /**< other processes on the same store; NULL until all parts have started */
};

static inline struct api *request_api(struct request *rq)
{
    return request_app(rq);
}
#endif
