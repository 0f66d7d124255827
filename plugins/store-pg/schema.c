/* SPDX-License-Identifier: Apache-2.0 */
/* The least that lets the driver open; to be replaced. */
#include "pg_priv.h"

struct opening {
    phx_self *self;
    schema_done_fn *done;
    void *arg;
};
static struct opening opening;

static void on_version(void *arg, const PGresult *r, const char *why)
{
    bool ok = r && PQresultStatus(r) == PGRES_TUPLES_OK;
    opening.done(opening.arg, ok ? PHX_OK : PHX_E_UNAVAILABLE, why);
}

void schema_open(phx_self *self, schema_done_fn *done, void *arg)
{
    opening = (struct opening){ self, done, arg };
    admin_run(self, "SELECT version()", NULL, 0, on_version, NULL);
}

void schema_ensure(phx_self *self, phx_op *op, const phx_req *req)
{
    say(op, PHX_E_UNSUPPORTED, 0, "not yet");
}

void decl_free(struct decl *d)
{
}
