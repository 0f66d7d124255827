/* SPDX-License-Identifier: Apache-2.0 */
/* A declaration as CREATE statements. Names have been checked by schema_ensure(); they are quoted all the
 * same. Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shape.h"

static void add_column(struct text *t, const struct decl *d, uint32_t i)
{
    const phx_field *f = &d->c.fields[i];
    text_add(t, d->quoted[i]);
    text_add(t, " ");
    text_add(t, decl_type(f->type));
    text_add(t, f->type == PHX_TEXT ? " COLLATE \"C\"" : "");
    text_add(t, f->flags & PHX_F_NOT_NULL ? " NOT NULL" : "");
}

/* Rows that change: half of each page is left free, so that a new version of a row finds room beside the
 * old one and no index hears of it; and the dead are cleared by number, not by share of the table. */
static const char storage[] = " WITH (fillfactor=50,autovacuum_vacuum_scale_factor=0,"
                              "autovacuum_vacuum_threshold=5000,autovacuum_vacuum_cost_delay=0)";

char *create_table(const struct decl *d)
{
    struct text t = { 0 };
    text_add(&t, "CREATE TABLE ");
    text_add(&t, d->table);
    text_add(&t, "(");
    for (uint32_t i = 0; i < d->c.n_fields; i++) {
        add_column(&t, d, i);
        text_add(&t, ",");
    }
    text_add(&t, d->append ? "PRIMARY KEY(" : "\"rev\" bigint NOT NULL,PRIMARY KEY(");
    for (uint32_t i = 0; i < d->c.n_key; i++) {
        text_add(&t, i ? "," : "");
        text_add(&t, d->quoted[i]);
    }
    text_add(&t, "))");
    if (d->partitioned) {
        text_add(&t, " PARTITION BY RANGE (");
        text_add(&t, d->quoted[d->c.time_field]);
        text_add(&t, ")");
    } else if (!d->append) {
        text_add(&t, storage);
    }
    return text_take(&t);
}

/** What a field that must not be null is in rows that are older than the field. */
static const char *zero_of(uint32_t type)
{
    switch (type) {
    case PHX_BOOL:
        return "false";
    case PHX_TIME:
        return "'epoch'";
    case PHX_JSON:
        return "'null'";
    case PHX_INT:
    case PHX_REAL:
        return "0";
    default:
        return "''";
    }
}

char *create_column(const struct decl *d, uint32_t field)
{
    struct text t = { 0 };
    text_add(&t, "ALTER TABLE ");
    text_add(&t, d->table);
    text_add(&t, " ADD COLUMN ");
    add_column(&t, d, field);
    if (d->c.fields[field].flags & PHX_F_NOT_NULL) {
        text_add(&t, " DEFAULT ");
        text_add(&t, zero_of(d->c.fields[field].type));
    }
    return text_take(&t);
}

static const char *const comparisons[] = { [PHX_EQ] = "=",  [PHX_NE] = "<>", [PHX_LT] = "<",
                                           [PHX_LE] = "<=", [PHX_GT] = ">",  [PHX_GE] = ">=" };

static void add_where(struct text *t, const struct decl *d, const phx_cond *w)
{
    char number[24];
    text_add(t, d->quoted[w->field]);
    if (w->op == PHX_IS_NULL || w->op == PHX_NOT_NULL) {
        text_add(t, w->op == PHX_IS_NULL ? " IS NULL" : " IS NOT NULL");
        return;
    }
    text_add(t, comparisons[w->op]);
    if (w->cell->type == PHX_TEXT) {
        text_literal(t, w->cell->s);
    } else if (w->cell->type == PHX_BOOL) {
        text_add(t, w->cell->i ? "true" : "false");
    } else {
        snprintf(number, sizeof(number), "%lld", (long long)w->cell->i);
        text_add(t, number);
    }
}

char *create_index(const struct decl *d, const phx_index *ix)
{
    struct text t = { 0 };
    text_add(&t, "CREATE INDEX ");
    text_name(&t, ix->name);
    text_add(&t, " ON ");
    text_add(&t, d->table);
    for (uint32_t i = 0; i < ix->n; i++) {
        int32_t f = ix->fields[i];
        text_add(&t, i ? "," : "(");
        text_add(&t, d->quoted[f < 0 ? -(f + 1) : f]);
        text_add(&t, f < 0 ? " DESC" : "");
    }
    text_add(&t, ")");
    for (uint32_t i = 0; i < ix->n_where; i++) {
        text_add(&t, i ? " AND " : " WHERE ");
        add_where(&t, d, &ix->where[i]);
    }
    return text_take(&t);
}

/** A name as a string. */
static void add_label(struct text *t, const char *name)
{
    text_literal(t, (phx_str){ name, strlen(name) });
}

/** The key's parts and the measure name a row of the view; its id is made of them. */
static void add_id(struct text *t, const struct decl *d)
{
    text_add(t, "md5(concat_ws('/',v.metric_name");
    for (uint32_t i = 0; i < d->c.n_key; i++) {
        text_add(t, i == d->c.time_field ? ",extract(epoch from t." : ",t.");
        text_add(t, d->quoted[i]);
        text_add(t, i == d->c.time_field ? ")" : "");
    }
    text_add(t, "))::uuid AS \"id\"");
}

char *create_view(const struct decl *d)
{
    struct text t = { 0 };
    const char *comma = "";
    text_add(&t, "CREATE OR REPLACE VIEW ");
    text_name(&t, d->c.view);
    text_add(&t, " AS SELECT ");
    add_id(&t, d);
    for (uint32_t i = 0; i < d->c.n_key; i++) {
        text_add(&t, ",t.");
        text_add(&t, d->quoted[i]);
        text_add(&t, i == d->c.time_field ? " AS \"timestamp\"" : "");
    }
    text_add(&t, ",v.metric_name,v.value,'{}'::jsonb AS \"labels\" FROM ");
    text_add(&t, d->table);
    text_add(&t, " t CROSS JOIN LATERAL (VALUES ");
    for (uint32_t i = d->c.n_key; i < d->c.n_fields; i++) {
        if (d->c.fields[i].type != PHX_REAL)
            continue;
        text_add(&t, comma);
        text_add(&t, "(");
        add_label(&t, d->c.fields[i].name);
        text_add(&t, ",t.");
        text_add(&t, d->quoted[i]);
        text_add(&t, ")");
        comma = ",";
    }
    text_add(&t, ") v(metric_name,value) WHERE v.value IS NOT NULL");
    return text_take(&t);
}

char *create_mark(const char *made)
{
    char mark[64];
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a; nobody gains anything by a collision */
    for (const char *p = made; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    snprintf(mark, sizeof(mark), "made by Phoenix, %016" PRIx64, hash);
    return strdup(mark);
}

char *create_comment(const char *kind, const char *name, const char *mark)
{
    struct text t = { 0 };
    text_add(&t, "COMMENT ON ");
    text_add(&t, kind);
    text_add(&t, " ");
    text_name(&t, name);
    text_add(&t, " IS ");
    add_label(&t, mark);
    return text_take(&t);
}
