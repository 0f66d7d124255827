/* SPDX-License-Identifier: Apache-2.0 */
/* Append-only tables in parts, one a day (UTC). A part is made when the first row of its day comes and there
 * is none: the insert fails, the part is made, the insert is repeated. Retention drops whole parts, and makes
 * tomorrow's in passing, so that nobody fails at midnight.
 *
 * A part is made as a table of its own and then attached: that needs no lock that would wait for a dump. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "shape.h"

static const int64_t DAY_NS = 86400000000000;
enum {
    DAYS_BACK = 400, /* the longest retention is 365 days */
    DAYS_AHEAD = 2,  /* for clocks that go wrong; more would let one host make tables without end */
    DAY_SUFFIX = 9
};

int64_t day_of(phx_wall t)
{
    return t / DAY_NS - (t % DAY_NS < 0);
}

static void calendar(int64_t day, struct tm *ret)
{
    time_t t = (time_t)(day * (DAY_NS / 1000000000));
    gmtime_r(&t, ret);
}

void day_name(const char *table, int64_t day, char ret[DAY_NAME_MAX])
{
    struct tm tm;
    calendar(day, &tm);
    snprintf(ret, DAY_NAME_MAX, "%s_%04d%02d%02d", table, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

bool day_parse(const char *table, const char *name, int64_t *ret)
{
    size_t n = strlen(table);
    char again[DAY_NAME_MAX];
    struct tm tm = { 0 };
    if (strlen(name) != n + DAY_SUFFIX || strncmp(name, table, n) != 0 || name[n] != '_' ||
        strspn(name + n + 1, "0123456789") != DAY_SUFFIX - 1)
        return false;
    long digits = strtol(name + n + 1, NULL, 10);
    tm.tm_year = (int)(digits / 10000) - 1900;
    tm.tm_mon = (int)(digits / 100 % 100) - 1;
    tm.tm_mday = (int)(digits % 100);
    *ret = timegm(&tm) / (DAY_NS / 1000000000);
    day_name(table, *ret, again); /* no 31st of February */
    return strcmp(again, name) == 0;
}

bool partition_missing(const PGresult *r)
{
    /* 23514 is also a check constraint's; we have none, and PostgreSQL has no code for this alone. */
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
    return state && strcmp(state, "23514") == 0 && !constraint;
}

/* ---- one change of the parts of a table */

struct parts {
    struct decl *decl;
    int64_t today, drop_before;   /* days */
    int64_t *days;                /* that must be there */
    uint32_t n_days;
    double n_rows;                /* in what is dropped, as the server's statistics say */
    schema_done_fn *made;
    void (*dropped)(void *arg, phx_status, uint64_t n, const char *why);
    void *arg;
};

static const char look[] = "SELECT c.relname,greatest(c.reltuples,0) FROM pg_inherits i JOIN pg_class c ON "
                           "c.oid=i.inhrelid WHERE i.inhparent=to_regclass($1)";

static void add_bound(struct text *t, int64_t day)
{
    char z[48];
    struct tm tm;
    calendar(day, &tm);
    snprintf(z, sizeof(z), "('%04d-%02d-%02d 00:00:00+00')", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    text_add(t, z);
}

static char *create_part(const struct decl *d, const char *name)
{
    struct text t = { 0 };
    text_add(&t, "CREATE TABLE ");
    text_name(&t, name);
    text_add(&t, " (LIKE ");
    text_add(&t, d->table);
    text_add(&t, " INCLUDING DEFAULTS)");
    return text_take(&t);
}

static char *attach_part(const struct decl *d, const char *name, int64_t day)
{
    struct text t = { 0 };
    text_add(&t, "ALTER TABLE ");
    text_add(&t, d->table);
    text_add(&t, " ATTACH PARTITION ");
    text_name(&t, name);
    text_add(&t, " FOR VALUES FROM ");
    add_bound(&t, day);
    text_add(&t, " TO ");
    add_bound(&t, day + 1);
    return text_take(&t);
}

static char *drop_part(const char *name)
{
    struct text t = { 0 };
    text_add(&t, "DROP TABLE ");
    text_name(&t, name);
    return text_take(&t);
}

static void plan_day(struct ddl *d, const PGresult *r, int64_t day)
{
    const struct parts *p = d->arg;
    char name[DAY_NAME_MAX];
    day_name(p->decl->c.name, day, name);
    for (int i = 0; i < PQntuples(r); i++)
        if (strcmp(PQgetvalue(r, i, 0), name) == 0)
            return;
    ddl_add(d, create_part(p->decl, name));
    ddl_add(d, attach_part(p->decl, name, day));
}

static void plan(struct ddl *d, const PGresult *r)
{
    struct parts *p = d->arg;
    int64_t day;
    p->n_rows = 0;
    for (int i = 0; i < PQntuples(r); i++) {
        const char *name = PQgetvalue(r, i, 0);
        if (!day_parse(p->decl->c.name, name, &day) || day >= p->drop_before)
            continue;
        p->n_rows += strtod(PQgetvalue(r, i, 1), NULL);
        if (d->n_sql == 0) /* rows that arrive wait behind us; a dump may take hours, and we can come again */
            ddl_add(d, strdup("SET LOCAL lock_timeout='500ms'"));
        ddl_add(d, drop_part(name));
    }
    for (uint32_t i = 0; i < p->n_days; i++)
        plan_day(d, r, p->days[i]);
}

static void on_done(struct ddl *d)
{
    struct parts *p = d->arg;
    if (p->made)
        p->made(p->arg, d->status, d->why);
    else
        p->dropped(p->arg, d->status, d->status ? 0 : (uint64_t)p->n_rows, d->why);
    free(p->days);
    free(p);
}

static struct parts *parts_new(phx_self *self, struct decl *decl, void *arg)
{
    struct parts *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->days = malloc((DAYS_BACK + DAYS_AHEAD + 2) * sizeof(*p->days));
    if (!p->days) {
        free(p);
        return NULL;
    }
    p->decl = decl;
    p->arg = arg;
    p->today = day_of(self->host->wall(self->host));
    p->drop_before = INT64_MIN;
    return p;
}

static void run(phx_self *self, struct parts *p)
{
    ddl_run(&(struct ddl){
        .self = self,
        .look = look,
        .values = { p->decl->table },
        .n_values = 1,
        .plan = plan,
        .done = on_done,
        .arg = p,
    });
}

/** False: there is no part for such a day. */
static bool want_day(struct parts *p, int64_t day)
{
    if (day < p->today - DAYS_BACK || day > p->today + DAYS_AHEAD)
        return false;
    for (uint32_t i = p->n_days; i > 0; i--)
        if (p->days[i - 1] == day)
            return true;
    p->days[p->n_days++] = day;
    return true;
}

static void refuse_day(struct parts *p, phx_wall t)
{
    char why[WHY_MAX], when[16];
    struct tm tm;
    calendar(day_of(t), &tm);
    strftime(when, sizeof(when), "%Y-%m-%d", &tm);
    snprintf(why, sizeof(why),
             "\"%s\" of a row of \"%s\" is on %s; it must be in the last %d days, or at most %d days ahead",
             p->decl->c.fields[p->decl->c.time_field].name, p->decl->c.name, when, DAYS_BACK, DAYS_AHEAD);
    p->made(p->arg, PHX_E_INVAL, why);
    free(p->days);
    free(p);
}

void partition_make(phx_self *self, struct decl *d, const phx_cell *cells, uint32_t n_cells,
                    schema_done_fn *done, void *arg)
{
    struct parts *p = parts_new(self, d, arg);
    if (!p) {
        done(arg, PHX_E_NOMEM, "out of memory");
        return;
    }
    p->made = done;
    want_day(p, p->today + 1);
    for (uint32_t i = d->c.time_field; i < n_cells; i += d->c.n_fields) {
        if (!want_day(p, day_of(cells[i].i))) {
            refuse_day(p, cells[i].i);
            return;
        }
    }
    run(self, p);
}

bool partition_expires(const struct decl *d, const phx_req *r)
{
    return d->partitioned && r->code == PHX_DELETE && r->n_cells == 0 && r->n_conds == 1 &&
           r->conds[0].op == PHX_LT && r->conds[0].field == d->c.time_field;
}

void partition_drop(phx_self *self, struct decl *d, phx_wall before,
                    void (*done)(void *arg, phx_status, uint64_t n, const char *why), void *arg)
{
    struct parts *p = parts_new(self, d, arg);
    if (!p) {
        done(arg, PHX_E_NOMEM, 0, "out of memory");
        return;
    }
    p->dropped = done;
    p->drop_before = day_of(before);
    want_day(p, p->today + 1);
    run(self, p);
}
