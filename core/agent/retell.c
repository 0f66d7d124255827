/* SPDX-License-Identifier: Apache-2.0 */
/* A collector that reads only the processes that it is told: the ranking looks, and when the names have
 * changed the backend says which file to write and which signal takes it up. */
#include <stdlib.h>
#include "core/agent/collector.h"
#include "core/agent/ranking.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"

static void on_looked(void *arg, struct str names);

static int ranking_make(struct collector *c, struct err *err)
{
    if (!c->ranking)
        c->ranking = ranking_new(supervisor__conf(c->sup)->loop, c->rank, on_looked, c, err);
    return c->ranking ? 0 : err->code;
}

int retell_first(struct collector *c, struct err *err)
{
    retell_end(c);
    free(c->rank);
    c->rank = mem_strdup(c->plan->rank);
    int rc = ranking_make(c, err);
    if (rc == 0)
        c->names = ranking_now(c->ranking, err);
    return rc != 0 || c->names ? rc : err->code;
}

void retell_begin(struct collector *c)
{
    struct err err = { 0 };
    if (!c->rank)
        return;
    if (ranking_make(c, &err) == 0)
        ranking_start(c->ranking);
    else
        log_error(EV_COLLECTOR_NAMES, NULL, &err, "collector %s", c->spec.id);
}

void retell_end(struct collector *c)
{
    ranking_free(c->ranking);
    c->ranking = NULL;
}

/** What the backend wants changed, as a plan of files and a signal. */
static int ask_change(struct collector *c, const char *names, struct plan *change, struct err *err)
{
    struct instance *backend = supervisor__backend(c->sup, c->spec.backend, err);
    CLEANUP_JSON struct json *doc = backend ? spec_load(c->dir, err) : NULL;
    if (!doc)
        return err->code;
    CLEANUP_BUF struct buf old, deploy;
    buf_init(&old, LIMIT_JSON_BYTES);
    buf_init(&deploy, LIMIT_JSON_BYTES);
    launch_deploy(c, doc, c->names, &old);
    launch_deploy(c, doc, names, &deploy);
    return plan_change(change, backend, buf_str(&old), buf_str(&deploy), err);
}

static void on_looked(void *arg, struct str names)
{
    struct collector *c = arg;
    struct err err = { 0 };
    if (c->step != STEP_UP || (c->names && str_eqz(names, c->names)))
        return;
    char *told = mem_strndup(names);
    struct plan *change = plan_new();
    int rc = ask_change(c, told, change, &err);
    if (rc == 0)
        rc = launch_files(c, change, &err);
    if (rc != 0)
        log_error(EV_COLLECTOR_NAMES, NULL, &err, "collector %s", c->spec.id);
    else if (change->signal)
        child_signal(c->child, change->signal);
    plan_free(change);
    free(c->names);
    c->names = told; /* also when it could not be told: the next change tries again, not each look */
}
