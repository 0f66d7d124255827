/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "collector/table.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/mem.h"

enum { TABLE_FIRST = 256 };

void table_done(struct table *t)
{
    free(t->procs);
    free(t->slots);
    free(t->scratch);
    *t = (struct table){ 0 };
}

void table_begin(struct table *t)
{
    t->scan++;
}

/* The slot of a pid, or the empty one where it belongs. At most half of the slots are taken. */
static uint32_t *slot_of(const struct table *t, uint32_t pid)
{
    uint32_t i = pid * UINT32_C(0x9e3779b1);
    for (i ^= i >> 15;; i++) {
        uint32_t *slot = &t->slots[i & t->slot_mask];
        if (!*slot || t->procs[*slot - 1].pid == pid) return slot;
    }
}

static void rebuild_slots(struct table *t)
{
    memset(t->slots, 0, ((size_t)t->slot_mask + 1) * sizeof *t->slots);
    for (uint32_t i = 0; i < t->n; i++) *slot_of(t, t->procs[i].pid) = i + 1;
}

static void grow(struct table *t)
{
    uint32_t cap = t->cap ? t->cap * 2 : TABLE_FIRST;
    t->procs = mem_realloc(t->procs, cap, sizeof *t->procs);
    t->scratch = mem_realloc(t->scratch, cap, sizeof *t->scratch);
    t->slots = mem_realloc(t->slots, (size_t)cap * 2, sizeof *t->slots);
    t->cap = cap;
    t->slot_mask = cap * 2 - 1;
    rebuild_slots(t);
}

struct proc *table_touch(struct table *t, uint32_t pid, uint64_t start, bool *ret_new)
{
    if (t->n == t->cap) grow(t);
    uint32_t *slot = slot_of(t, pid);
    bool known = *slot != 0;
    if (!known && t->n >= TABLE_MAX) return NULL;
    if (!known) *slot = ++t->n;
    struct proc *p = &t->procs[*slot - 1];
    *ret_new = !known || p->stat.start != start;
    if (*ret_new) {
        memset(p, 0, offsetof(struct proc, labels)); /* not the labels: labels_len says there are none */
        p->pid = pid;
        p->stat.start = start;
    }
    p->scan = t->scan;
    return p;
}

void table_sweep(struct table *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->procs[i].scan != t->scan) continue;
        if (n != i) t->procs[n] = t->procs[i];
        n++;
    }
    if (n == t->n) return;
    t->n = n;
    rebuild_slots(t);
}
