/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file phoenix/storage.h
 * Help for storage drivers: is a request sound? Header-only, not part of the ABI.
 *
 * A driver calls phx_req_check() first, and from then on may rely on counts, positions and types.
 * It does not know which collections were declared: that is the driver's to look up.
 */
#ifndef PHOENIX_STORAGE_H
#define PHOENIX_STORAGE_H
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include "phoenix/plugin.h"
#ifdef __cplusplus
extern "C" {
#endif

/** Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL. */
static inline bool phx_text_ok(phx_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    const unsigned char *end = p + s.n;
    while (p < end) {
        unsigned char c = *p++;
        if (c < 0x80) {
            if (c == 0)
                return false;
            continue;
        }
        int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        if (c < 0xC2 || c > 0xF4 || end - p < more)
            return false;
        if ((c == 0xE0 && p[0] < 0xA0) || (c == 0xED && p[0] > 0x9F) || (c == 0xF0 && p[0] < 0x90) ||
            (c == 0xF4 && p[0] > 0x8F))
            return false;
        for (; more > 0; more--, p++)
            if ((*p & 0xC0) != 0x80)
                return false;
    }
    return true;
}

/** A value that a field of type @p type can hold; null counts when @p nullable. */
static inline bool phx_cell_ok(uint32_t type, const phx_cell *c, bool nullable, const char **why)
{
    if (c->type == 0) {
        *why = "a value that must not be null is null";
        return nullable;
    }
    *why = "a value is not of the field's type";
    if (c->type != type)
        return false;
    switch (type) {
    case PHX_TEXT:
    case PHX_JSON:
        *why = "a text is not UTF-8, or has a NUL in it";
        return phx_text_ok(c->s);
    case PHX_REAL:
        *why = "a number is not finite";
        return isfinite(c->r);
    case PHX_BOOL:
        *why = "a boolean is neither 0 nor 1";
        return c->i == 0 || c->i == 1;
    case PHX_INT:
    case PHX_TIME:
    case PHX_BYTES:
        return true;
    default:
        *why = "a field has an unknown type";
        return false;
    }
}

static inline bool phx_conds_ok(const phx_req *r, const char **why)
{
    for (uint32_t i = 0; i < r->n_conds; i++) {
        const phx_cond *c = &r->conds[i];
        *why = "a condition names no field of the collection";
        if (c->field >= r->collection->n_fields)
            return false;
        if (c->op == PHX_IS_NULL || c->op == PHX_NOT_NULL)
            continue;
        *why = "a condition has an unknown operator";
        if (c->op < PHX_EQ || c->op > PHX_IN)
            return false;
        uint32_t type = r->collection->fields[c->field].type;
        *why = "JSON can only be tested for null";
        if (type == PHX_JSON)
            return false;
        uint32_t n = c->op == PHX_IN ? c->n_cells : 1;
        for (uint32_t k = 0; k < n; k++)
            if (!phx_cell_ok(type, &c->cell[k], false, why))
                return false;
    }
    return true;
}

/** The first PHX_IN condition, which per_key counts by; NULL: there is none. */
static inline const phx_cond *phx_first_in(const phx_req *r)
{
    for (uint32_t i = 0; i < r->n_conds; i++)
        if (r->conds[i].op == PHX_IN)
            return &r->conds[i];
    return NULL;
}

static inline bool phx_order_ok(const phx_req *r, const char **why)
{
    *why = "the order names no field of the collection, or JSON";
    for (uint32_t i = 0; i < r->n_order; i++) {
        int32_t o = r->order[i];
        uint32_t f = (uint32_t)(o < 0 ? -(o + 1) : o);
        if (f >= r->collection->n_fields || r->collection->fields[f].type == PHX_JSON)
            return false;
    }
    return true;
}

static inline bool phx_sets_ok(const phx_req *r, const char **why)
{
    *why = "an update sets nothing";
    if (r->n_sets == 0)
        return false;
    for (uint32_t i = 0; i < r->n_sets; i++) {
        const phx_set *s = &r->sets[i];
        *why = "an update sets no field of the collection, or a part of the key";
        if (s->field >= r->collection->n_fields || s->field < r->collection->n_key)
            return false;
        const phx_field *f = &r->collection->fields[s->field];
        *why = "an update sets a field in an unknown way";
        if (s->op != PHX_SET && s->op != PHX_ADD)
            return false;
        *why = "only integers can be added to";
        if (s->op == PHX_ADD && (f->type != PHX_INT || s->cell.type != PHX_INT))
            return false;
        if (!phx_cell_ok(f->type, &s->cell, !(f->flags & PHX_F_NOT_NULL), why))
            return false;
        *why = "an update sets a field twice";
        for (uint32_t k = 0; k < i; k++)
            if (r->sets[k].field == s->field)
                return false;
    }
    return true;
}

static inline bool phx_cells_ok(const phx_req *r, uint32_t per_row, const char **why)
{
    *why = "the number of values is not that of the fields";
    if (r->n_cells == 0 || r->n_cells % per_row != 0)
        return false;
    for (uint32_t i = 0; i < r->n_cells; i++) {
        const phx_field *f = &r->collection->fields[i % per_row];
        if (!phx_cell_ok(f->type, &r->cells[i], !(f->flags & PHX_F_NOT_NULL), why))
            return false;
    }
    return true;
}

static inline bool phx_only_ok(const phx_req *r, const char **why)
{
    *why = "a request asks for fields that the collection does not have, or not in ascending order";
    for (uint64_t i = 0; i < r->n_only; i++)
        if (r->only[i] >= r->collection->n_fields || (i > 0 && r->only[i] <= r->only[i - 1]))
            return false;
    *why = "distinct values are named by the order alone";
    return r->n_only == 0 || !(r->flags & PHX_DISTINCT);
}

/** Is field @p f answered? For drivers that go through the fields of a row. */
static inline bool phx_wants(const phx_req *r, uint32_t f)
{
    for (uint64_t i = 0; i < r->n_only; i++)
        if (r->only[i] == f)
            return true;
    return r->n_only == 0;
}

/** One request that is no BATCH. */
static inline bool phx_single_ok(const phx_req *r, const char **why)
{
    if (r->code == PHX_PING)
        return true;
    *why = "the request names no collection";
    if (!r->collection || r->collection->n_key == 0 || r->collection->n_key > r->collection->n_fields)
        return false;
    const phx_collection *c = r->collection;
    bool append = (c->flags & PHX_C_APPEND) != 0;
    *why = "rows of an append-only collection have no revision and are never changed";
    if (append && (r->code == PHX_UPDATE || (r->if_rev && r->if_rev != PHX_REV_NEW)))
        return false;
    switch (r->code) {
    case PHX_ENSURE:
        return true;
    case PHX_GET:
        *why = "the key has another number of values";
        return r->n_cells == c->n_key && phx_cells_ok(r, c->n_key, why) && phx_only_ok(r, why);
    case PHX_PUT:
        *why = "only an append-only collection takes several rows at once";
        return (append || r->n_cells == c->n_fields) && phx_cells_ok(r, c->n_fields, why);
    case PHX_DELETE:
        *why = "a record that must not exist cannot be deleted";
        if (r->if_rev == PHX_REV_NEW)
            return false;
        if (r->n_cells)
            return r->n_cells == c->n_key && !r->n_conds && phx_cells_ok(r, c->n_key, why);
        *why = "a delete has neither key nor condition, or a revision but no key";
        return r->n_conds && !r->if_rev && phx_conds_ok(r, why) && phx_order_ok(r, why);
    case PHX_SCAN:
        *why = "a scan of distinct values names none in its order";
        if ((r->flags & PHX_DISTINCT) && r->n_order == 0)
            return false;
        return phx_conds_ok(r, why) && phx_order_ok(r, why) && phx_only_ok(r, why);
    case PHX_UPDATE:
        *why = "an update of a record that must not exist";
        if (r->if_rev == PHX_REV_NEW)
            return false;
        *why = "a limit for each key needs an IN condition";
        if (r->per_key && !phx_first_in(r))
            return false;
        return phx_sets_ok(r, why) && phx_conds_ok(r, why) && phx_order_ok(r, why) && phx_only_ok(r, why);
    default:
        *why = "unknown request";
        return false;
    }
}

/** PHX_OK, or INVAL, UNSUPPORTED with a static text in @p why. For a BATCH, @p ret_member is the
 *  position of the member that is at fault. */
static inline phx_status phx_req_check(const phx_req *r, uint64_t *ret_member, const char **why)
{
    *ret_member = 0;
    *why = "the request has flags that this driver does not know";
    if (r->flags & ~(uint32_t)(PHX_RELAXED | PHX_DISTINCT | PHX_NO_ROWS))
        return PHX_E_UNSUPPORTED;
    if (r->code != PHX_BATCH)
        return phx_single_ok(r, why) ? PHX_OK : PHX_E_INVAL;
    for (uint32_t i = 0; i < r->n_batch; i++) {
        const phx_req *m = r->batch[i];
        *ret_member = i;
        *why = "a batch holds PUT, DELETE and UPDATE only";
        if (m->code != PHX_PUT && m->code != PHX_DELETE && m->code != PHX_UPDATE)
            return PHX_E_INVAL;
        if (!phx_single_ok(m, why))
            return PHX_E_INVAL;
    }
    return PHX_OK;
}

#ifdef __cplusplus
}
#endif
#endif
