/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite storage driver: metadata, config, and the way from the host's loop to the lane.
 *
 * open and close travel on the lane like everything else, so they are ordered with the operations and
 * the loop never waits for a disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sqlite_priv.h"

static void fail(const phx_host *host, phx_status status, const char *why)
{
    host->fail(host, status, (phx_str){ why, strlen(why) });
}

static void self_free(phx_self *self)
{
    if (!self)
        return;
    pthread_cond_destroy(&self->came);
    pthread_mutex_destroy(&self->mutex);
    free(self->path);
    free(self->sql.p);
    free(self);
}

static phx_status create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    const char *path = host->cfg_str(cfg, "path", "");
    if (path[0] != '/') {
        fail(host, PHX_E_CONFIG, "path is not absolute");
        return PHX_E_CONFIG;
    }
    /* Statistics that nobody reads cost a lock at each allocation. Refused once SQLite runs, without harm. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    phx_self *self = calloc(1, sizeof(*self));
    if (!self)
        return PHX_E_NOMEM;
    pthread_mutex_init(&self->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->came, &monotonic);
    pthread_condattr_destroy(&monotonic);
    self->host = host;
    self->work = host->iface(host, PHX_WORK);
    self->path = strdup(path);
    self->durable = strcmp(host->cfg_str(cfg, "synchronous", "full"), "full") == 0;
    self->cache_mib = host->cfg_int(cfg, "cache_mib", 64);
    self->queue_tail = &self->queue;
    self->lock_fd = -1;
    if (!self->path || !self->work) {
        phx_status rc = self->path ? PHX_E_UNSUPPORTED : PHX_E_NOMEM;
        self_free(self);
        return rc;
    }
    *ret = self;
    return PHX_OK;
}

static void answer(phx_op *op, phx_status status, const char *why)
{
    op->reply->done(op, status, 0, (phx_str){ why, strlen(why) });
}

static void open_work(void *arg)
{
    phx_self *self = arg;
    self->open_status = db_open(self);
    if (self->open_status)
        db_close(self);
}

static void on_opened(void *arg, phx_status status)
{
    phx_self *self = arg;
    phx_op *op = self->open_op;
    self->open_op = NULL;
    if (status)
        answer(op, status, "the lane did not run");
    else
        answer(op, self->open_status, self->open_status ? self->why : "");
}

static void do_open(phx_self *self, phx_op *op)
{
    self->lane = self->work->open(self->host, "sqlite", 0);
    if (!self->lane) {
        answer(op, PHX_E_UNAVAILABLE, "could not start a worker thread");
        return;
    }
    self->open_op = op;
    phx_status rc = self->work->run(self->lane, open_work, on_opened, self);
    if (rc) {
        self->open_op = NULL;
        answer(op, rc, "the lane took no work");
    }
}

static void close_work(void *arg)
{
    db_close(arg);
}

static void on_lane_closed(void *arg)
{
    phx_self *self = arg;
    self->lane = NULL;
    answer(self->close_op, PHX_OK, "");
}

static void on_closed(void *arg, phx_status status)
{
    phx_self *self = arg;
    self->work->close(self->lane, on_lane_closed, self);
}

static void do_close(phx_self *self, phx_op *op)
{
    self->close_op = op;
    if (!self->lane)
        answer(op, PHX_OK, "");
    else if (self->work->run(self->lane, close_work, on_closed, self))
        on_closed(self, PHX_E_INTERNAL);
}

static const phx_storage_ops ops = {
    .size = sizeof(ops),
    .max_inflight = MAX_INFLIGHT,
    .open = do_open,
    .submit = lane_submit,
    .cancel = lane_cancel,
    .close = do_close,
};
static const char *const needs[] = { PHX_WORK, NULL };
static const phx_component sqlite = {
    .size = sizeof(sqlite),
    .kind = PHX_STORAGE,
    .name = "sqlite",
    .summary = "the embedded store: one SQLite file, for one process",
    .schema = "{\"type\":\"object\",\"required\":[\"path\"],\"properties\":{"
              "\"path\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":4000,"
              "\"description\":\"database file, absolute; its folder must exist\"},"
              "\"synchronous\":{\"type\":\"string\",\"enum\":[\"full\",\"normal\"],\"default\":\"full\","
              "\"description\":\"full: what was answered survives a power failure; normal: a crash of the "
              "program only\"},"
              "\"cache_mib\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":65536,\"default\":64,"
              "\"description\":\"memory for pages of the database, in MiB\"}}}",
    .ops = &ops,
    .create = create,
    .destroy = self_free,
    .needs = needs,
};
static const phx_component *const components[] = { &sqlite, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.store-sqlite",
    .version = "0.1.0",
    .summary = "SQLite storage driver",
    .license = "Apache-2.0",
    .vendor = "The Phoenix authors",
    .components = components,
};
