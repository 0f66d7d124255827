/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of an answer, typed. A null is the default of its type; another type is our bug. */
#include <assert.h>
#include "core/base/json.h"
#include "core/store/store.h"

static const phx_cell *cell_of(const struct row *r, int field)
{
    assert(field >= 0 && (uint32_t)field < r->n);
    return &r->cells[field];
}

static const phx_cell *text_cell(const struct row *r, int field)
{
    const phx_cell *c = cell_of(r, field);
    assert(c->type == 0 || c->type == PHX_TEXT || c->type == PHX_JSON || c->type == PHX_BYTES);
    return c;
}

const char *row_text(const struct row *r, int field)
{
    const phx_cell *c = text_cell(r, field);
    return c->type ? c->s.p : "";
}

struct str row_str(const struct row *r, int field)
{
    const phx_cell *c = text_cell(r, field);
    return c->type ? (struct str){ c->s.p, c->s.n } : (struct str){ "", 0 };
}

static int64_t whole(const struct row *r, int field)
{
    const phx_cell *c = cell_of(r, field);
    assert(c->type == 0 || c->type == PHX_INT || c->type == PHX_BOOL || c->type == PHX_TIME);
    return c->type ? c->i : 0;
}

int64_t row_int(const struct row *r, int field) { return whole(r, field); }
int64_t row_time(const struct row *r, int field) { return whole(r, field); }

double row_real(const struct row *r, int field)
{
    const phx_cell *c = cell_of(r, field);
    assert(c->type == 0 || c->type == PHX_REAL);
    return c->type ? c->r : 0;
}

bool row_is_null(const struct row *r, int field)
{
    return cell_of(r, field)->type == 0;
}

struct json *row_json(const struct row *r, int field)
{
    const phx_cell *c = text_cell(r, field);
    return c->type ? json_parse((struct str){ c->s.p, c->s.n }, NULL, NULL) : NULL;
}
