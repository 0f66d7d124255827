/* SPDX-License-Identifier: Apache-2.0 */
/* Collections for the tests of steps and statements. */
#include "tests/unit/store-pg/ops.h"
#include <stdlib.h>

static const phx_field task_fields[] = {
    { "id", PHX_TEXT, PHX_F_NOT_NULL },      { "host", PHX_TEXT, PHX_F_NOT_NULL },
    { "priority", PHX_INT, PHX_F_NOT_NULL }, { "status", PHX_TEXT, 0 },
    { "note", PHX_JSON, 0 },
};
static const phx_cell pending = { .type = PHX_TEXT, .s = { "pending", 7 } };
static const phx_cond is_pending = { TASK_STATUS, PHX_EQ, 1, 0, &pending };
static const int32_t by_host[] = { TASK_HOST, -TASK_PRIORITY - 1 };
static const phx_index task_indexes[] = { { "tasks_pending", by_host, 2, 1, &is_pending } };
const phx_collection tasks = { .size = sizeof(tasks), .name = "tasks", .n_fields = N_TASK, .n_key = 1,
                               .fields = task_fields, .n_indexes = 1, .indexes = task_indexes,
                               .time_field = UINT32_MAX };
static const phx_field log_fields[] = { { "host", PHX_TEXT, PHX_F_NOT_NULL },
                                        { "seq", PHX_INT, PHX_F_NOT_NULL },
                                        { "line", PHX_TEXT, 0 } };
const phx_collection logs = { .size = sizeof(logs), .flags = PHX_C_APPEND, .name = "logs",
                              .n_fields = N_LOG, .n_key = 2, .fields = log_fields,
                              .time_field = UINT32_MAX };

struct decl *decl_find(const phx_self *self, const phx_collection *c)
{
    return self->decls[c == &logs];
}

phx_self *ops_self(void)
{
    phx_self *self = calloc(1, sizeof(*self));
    self->decls[0] = decl_new(&tasks);
    self->decls[1] = decl_new(&logs);
    return self;
}

void ops_self_free(phx_self *self)
{
    decl_free(self->decls[0]);
    decl_free(self->decls[1]);
    free(self);
}

struct steps *ops_steps(phx_self *self, const phx_req *const *reqs)
{
    struct steps *s = malloc(sizeof(*s));
    steps_init(s);
    for (; *reqs; reqs++) {
        struct job *j = calloc(1, sizeof(*j));
        j->req = *reqs;
        steps_add(s, self, j);
    }
    steps_finish(s);
    return s;
}

void ops_steps_free(struct steps *s)
{
    struct job *jobs[64];
    unsigned n = 0;
    for (const struct step *p = s->first; p; p = p->next) {
        for (uint32_t i = 0; i < p->n; i++) {
            unsigned k = 0;
            while (k < n && jobs[k] != p->parts[i].job)
                k++;
            if (k == n)
                jobs[n++] = p->parts[i].job;
        }
    }
    while (n > 0)
        free(jobs[--n]);
    steps_free(s);
    free(s);
}

const struct step *ops_step(const struct steps *s, unsigned i)
{
    const struct step *p = s->first;
    while (p && i-- > 0)
        p = p->next;
    return p;
}
