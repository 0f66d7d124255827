/* SPDX-License-Identifier: Apache-2.0 */
/* The prepared statements of a session. A PREPARE is not undone by a rollback, but it is skipped when
 * something before it in the pipeline failed: then it is dropped here and prepared again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include "pg_ops.h"

struct prepared {
    UT_hash_handle hh;
    uint32_t id;
    char sql[];
};

struct prepared *prepared_get(struct prepared_set *set, const char *sql, bool *ret_new)
{
    struct prepared *p;
    size_t n = strlen(sql);
    HASH_FIND(hh, set->first, sql, n, p);
    *ret_new = !p;
    if (p || !(p = malloc(sizeof(*p) + n + 1)))
        return p;
    p->id = ++set->last_id;
    memcpy(p->sql, sql, n + 1);
    HASH_ADD_KEYPTR(hh, set->first, p->sql, n, p);
    set->n++;
    return p;
}

void prepared_name(const struct prepared *p, char ret[PREPARED_NAME])
{
    snprintf(ret, PREPARED_NAME, "p%u", p->id);
}

void prepared_drop(struct prepared_set *set, struct prepared *p)
{
    HASH_DEL(set->first, p);
    set->n--;
    free(p);
}

void prepared_drop_all(struct prepared_set *set)
{
    struct prepared *p, *next;
    HASH_ITER(hh, set->first, p, next)
        prepared_drop(set, p);
}
