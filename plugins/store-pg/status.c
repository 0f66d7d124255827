/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL's five-letter codes mean to the host (PostgreSQL manual, appendix A). Pure. */
#include <stdio.h>
#include <string.h>
#include "pg_priv.h"

/* The first row whose code is the beginning of the server's. UNAVAILABLE: it may be well again by itself, or
 * on another server. CONFIG: somebody must do something. */
#define POOLER "a connection pooler in transaction mode is in between; use its session mode"
static const struct {
    const char *code;
    phx_status status;
    const char *remedy;
} meanings[] = {
    { "53100", PHX_E_UNAVAILABLE, "make room on the database server" }, /* disk_full */
    { "53300", PHX_E_UNAVAILABLE, "raise max_connections" },            /* too_many_connections */
    { "26000", PHX_E_UNAVAILABLE, POOLER },                             /* no such prepared statement */
    { "42P05", PHX_E_UNAVAILABLE, POOLER },                             /* there is one already */
    { "PX409", PHX_E_CONFLICT, NULL },    /* phoenix_must() */
    { "23505", PHX_E_CONFLICT, NULL },    /* unique_violation */
    { "40", PHX_E_BUSY, NULL },           /* deadlock, serialization */
    { "55P03", PHX_E_BUSY, NULL },        /* lock_not_available */
    { "57014", PHX_E_TIMEOUT, NULL },     /* query_canceled: statement_timeout */
    { "53", PHX_E_UNAVAILABLE, NULL },    /* disk full, too many connections, out of memory */
    { "57", PHX_E_UNAVAILABLE, NULL },    /* shut down, crash, starting up */
    { "58", PHX_E_UNAVAILABLE, NULL },    /* I/O */
    { "08", PHX_E_UNAVAILABLE, NULL },    /* connection */
    { "25006", PHX_E_UNAVAILABLE, "a standby; use target_session_attrs=read-write" },
    { "42501", PHX_E_CONFIG, NULL },      /* insufficient_privilege */
    { "54", PHX_E_LIMIT, NULL },
    { "0A", PHX_E_UNSUPPORTED, NULL },
    { "22", PHX_E_INVAL, NULL },
    { "23", PHX_E_INVAL, NULL },
};
enum { N_MEANINGS = sizeof(meanings) / sizeof(meanings[0]) };

phx_status pg_status(const PGresult *r, char *why)
{
    const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    if (!code) { /* libpq's own: the connection was lost, or memory ended */
        snprintf(why, WHY_MAX, "PostgreSQL: %.*s", (int)strcspn(PQresultErrorMessage(r), "\n"),
                 PQresultErrorMessage(r));
        return PHX_E_UNAVAILABLE;
    }
    snprintf(why, WHY_MAX, "PostgreSQL: %s (%s)", message ? message : "no message", code);
    size_t i = 0;
    while (i < N_MEANINGS && strncmp(code, meanings[i].code, strlen(meanings[i].code)) != 0)
        i++;
    size_t n = strlen(why);
    if (i < N_MEANINGS && meanings[i].remedy && n < WHY_MAX)
        snprintf(why + n, WHY_MAX - n, ": %s", meanings[i].remedy);
    return i < N_MEANINGS ? meanings[i].status : PHX_E_INTERNAL;
}
