/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL storage driver: metadata, config, open and close. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pg_ops.h"

void say(phx_op *op, phx_status status, uint64_t n, const char *why)
{
    op->reply->done(op, status, n, (phx_str){ why, strlen(why) });
}

void note(phx_self *self, uint32_t level, const char *fmt, ...)
{
    char line[WHY_MAX + 80];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    self->host->log(self->host, level, (phx_str){ line, strlen(line) });
}

static phx_status fail(const phx_host *host, phx_status status, const char *why)
{
    host->fail(host, status, (phx_str){ why, strlen(why) });
    return status;
}

static void self_free(phx_self *self)
{
    if (!self)
        return;
    for (int i = 0; i < N_LANES; i++)
        lane_free(self->lanes[i]);
    signals_free(self->signals);
    admin_free(self->admin);
    schema_free(self->schema);
    for (uint32_t i = 0; i < self->n_decls; i++)
        decl_free(self->decls[i]);
    free(self->conninfo);
    free(self);
}

/** libpq's words about a wrong one may quote a part of it, and so of the password: they are not repeated. */
static bool conninfo_ok(const char *conninfo)
{
    PQconninfoOption *o = PQconninfoParse(conninfo, NULL);
    PQconninfoFree(o);
    return o != NULL;
}

/** Indexes serve every statement of ours, also on tables that nobody has analysed yet; a plan that reads a
 *  small table whole would be kept while the table grows. */
static void settings_make(phx_self *self, const phx_cfg *cfg)
{
    self->statement_ns = (uint64_t)self->host->cfg_int(cfg, "statement_timeout", 30000000000);
    snprintf(self->settings, sizeof(self->settings),
             "SET client_min_messages=warning;SET timezone='UTC';SET jit=off;SET enable_seqscan=off;"
             "SET enable_hashjoin=off;SET enable_mergejoin=off;SET idle_in_transaction_session_timeout='60s';"
             "SET statement_timeout=%" PRIu64,
             self->statement_ns / 1000000);
    snprintf(self->relaxed_settings, sizeof(self->relaxed_settings), "%s;SET synchronous_commit=off",
             self->settings);
}

static phx_status create(const phx_host *host, const phx_cfg *cfg, phx_self **ret)
{
    const char *conninfo = host->cfg_str(cfg, "conninfo", "");
    if (!conninfo_ok(conninfo))
        return fail(host, PHX_E_CONFIG,
                    "conninfo is not a connection string of PostgreSQL, like \"host=db dbname=phoenix "
                    "user=phoenix\" or \"postgresql://phoenix@db/phoenix\"");
    phx_self *self = calloc(1, sizeof(*self));
    if (!self)
        return PHX_E_NOMEM;
    self->host = host;
    self->loop = host->iface(host, PHX_LOOP);
    self->seed = host->mono(host) | 1;
    self->wait_ns = (uint64_t)host->cfg_int(cfg, "wait", 10000000000);
    self->conninfo = strdup(conninfo);
    self->admin = admin_new(self);
    self->schema = schema_new();
    settings_make(self, cfg);
    bool ok = self->conninfo && self->admin && self->schema;
    for (int i = 0; i < N_LANES; i++)
        ok = (self->lanes[i] = lane_new(self, i)) && ok;
    if (!ok) {
        self_free(self);
        return PHX_E_NOMEM;
    }
    *ret = self;
    return PHX_OK;
}

static void all_stop(phx_self *self)
{
    for (int i = 0; i < N_LANES; i++)
        lane_stop(self->lanes[i]);
    signals_stop(self->signals);
    if (self->look)
        self->loop->untimer(self->look);
    self->look = NULL;
}

void all_hurry(phx_self *self)
{
    for (int i = 0; i < N_LANES; i++)
        lane_hurry(self->lanes[i]);
    signals_hurry(self->signals);
}

static void opened(phx_self *self, phx_status status, const char *why)
{
    phx_op *op = self->open_op;
    self->open_op = NULL;
    if (status)
        all_stop(self);
    else
        signals_opened(self->signals);
    say(op, status, 0, why);
}

static void on_schema(void *arg, phx_status status, const char *why)
{
    opened(arg, status, why);
}

void open_step(phx_self *self, phx_status status, const char *why)
{
    if (!self->open_op)
        return;
    if (status)
        opened(self, status, why);
    else if (--self->n_opening == 0)
        schema_open(self, on_schema, self);
}

/** All connections at once: what cannot be reached, or takes no more connections, is said now. */
static void do_open(phx_self *self, phx_op *op)
{
    self->open_op = op;
    self->n_opening = N_LANES;
    for (int i = 0; i < N_LANES; i++)
        lane_start(self->lanes[i]);
    signals_start(self->signals);
}

static void do_close(phx_self *self, phx_op *op)
{
    all_stop(self);
    admin_stop(self->admin);
    say(op, PHX_OK, 0, "");
}

static const phx_storage_ops ops = {
    .size = sizeof(ops),
    .max_inflight = MAX_INFLIGHT,
    .open = do_open,
    .submit = route_submit,
    .cancel = route_cancel,
    .close = do_close,
};
static const void *extension(const char *id)
{
    return strcmp(id, PHX_STORAGE_WATCH) == 0 ? &watch_ops : NULL;
}

static const char *const needs[] = { PHX_LOOP, NULL };
static const phx_component pg = {
    .size = sizeof(pg),
    .kind = PHX_STORAGE,
    .name = "pg",
    .summary = "PostgreSQL: a store that several processes share",
    .schema = "{\"type\":\"object\",\"required\":[\"conninfo\"],\"properties\":{"
              "\"conninfo\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":4000,"
              "\"description\":\"libpq's connection string; secret\"},"
              "\"statement_timeout\":{\"type\":\"string\",\"default\":\"30s\","
              "\"description\":\"a statement that takes longer is ended by the server\"},"
              "\"wait\":{\"type\":\"string\",\"default\":\"10s\","
              "\"description\":\"how long operations wait while a lost connection is made again\"}}}",
    .ops = &ops,
    .create = create,
    .destroy = self_free,
    .extension = extension,
    .needs = needs,
};
static const phx_component *const components[] = { &pg, NULL };
PHX_PLUGIN = {
    PHX_PLUGIN_HEAD,
    .id = "org.phoenix.store-pg",
    .version = "0.1.0",
    .summary = "PostgreSQL storage driver",
    .license = "Apache-2.0",
    .vendor = "The Phoenix authors",
    .components = components,
};
