/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL's five-letter codes mean to the host (PostgreSQL manual, appendix A). Pure. */
#include <stdio.h>
#include <string.h>
#include "pg_priv.h"

/* The first row whose code is the beginning of the server's. UNAVAILABLE: it may be well again by itself, or
 * on another server. CONFIG: somebody must do something. */
static const struct {
    const char *code;
    phx_status status;
} meanings[] = {
    { "PX409", PHX_E_CONFLICT },    /* phoenix_must() */
    { "23505", PHX_E_CONFLICT },    /* unique_violation */
    { "40", PHX_E_BUSY },           /* deadlock, serialization */
    { "55P03", PHX_E_BUSY },        /* lock_not_available */
    { "57014", PHX_E_TIMEOUT },     /* query_canceled: statement_timeout */
    { "53", PHX_E_UNAVAILABLE },    /* disk full, too many connections, out of memory */
    { "57", PHX_E_UNAVAILABLE },    /* shut down, crash, starting up */
    { "58", PHX_E_UNAVAILABLE },    /* I/O */
    { "08", PHX_E_UNAVAILABLE },    /* connection */
    { "25006", PHX_E_UNAVAILABLE }, /* read_only_sql_transaction: a standby now */
    { "42501", PHX_E_CONFIG },      /* insufficient_privilege */
    { "54", PHX_E_LIMIT },
    { "0A", PHX_E_UNSUPPORTED },
    { "22", PHX_E_INVAL },
    { "23", PHX_E_INVAL },
};

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
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (strncmp(code, meanings[i].code, strlen(meanings[i].code)) == 0)
            return meanings[i].status;
    return PHX_E_INTERNAL;
}
