/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing by the hash of the labels, which are the identity: names that differ only in bytes that
 * are not UTF-8 are exported alike and must not become two series. A process that calls itself "_other"
 * belongs to the rest. */
#include "config.h"
#include "collector/sums.h"
#include <stdlib.h>
#include <string.h>
#include "collector/expose.h"
#include "core/base/mem.h"

enum { SUMS_FIRST = 64 };

void sums_done(struct sums *s)
{
    free(s->sums);
    free(s->slots);
    *s = (struct sums){ 0 };
}

void sums_begin(struct sums *s)
{
    s->scan++;
    for (uint32_t i = 0; i < s->n; i++) {
        struct proc *t = &s->sums[i].total;
        s->sums[i].members = 0;
        t->rss = t->stat.virtual_bytes = 0;
        t->stat.threads = 0;
        t->fds = 0;
        t->has_io = t->has_fds = false;
        t->cpu_user = t->cpu_system = 0;
        t->scans = 0;
    }
}

static bool is_labelled(const struct sum *sum, uint64_t key, struct str labels)
{
    return sum->key == key && str_eq((struct str){ sum->total.labels, sum->total.labels_len }, labels);
}

/* The slot of the sum with these labels, or the empty one where it belongs. Half of the slots are empty. */
static uint32_t *slot_of(const struct sums *s, uint64_t key, struct str labels)
{
    for (uint64_t i = key ^ key >> 32;; i++) {
        uint32_t *slot = &s->slots[i & (s->cap * 2 - 1)];
        if (!*slot || is_labelled(&s->sums[*slot - 1], key, labels)) return slot;
    }
}

static void rebuild_slots(struct sums *s)
{
    memset(s->slots, 0, (size_t)s->cap * 2 * sizeof *s->slots);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct proc *t = &s->sums[i].total;
        *slot_of(s, s->sums[i].key, (struct str){ t->labels, t->labels_len }) = i + 1;
    }
}

/* Forget the sums that neither this scan nor the one before met: their processes are gone. */
static void forget_empty(struct sums *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->scan - s->sums[i].scan > 1) continue;
        if (n != i) s->sums[n] = s->sums[i];
        n++;
    }
    s->n = n;
}

static void make_room(struct sums *s)
{
    forget_empty(s);
    if (s->n >= s->cap / 2) {
        s->cap = s->cap ? s->cap * 2 : SUMS_FIRST;
        s->sums = mem_realloc(s->sums, s->cap, sizeof *s->sums);
        s->slots = mem_realloc(s->slots, (size_t)s->cap * 2, sizeof *s->slots);
    }
    rebuild_slots(s);
}

static struct sum *sum_of(struct sums *s, struct str labels)
{
    if (s->n == s->cap) make_room(s);
    uint64_t key = str_hash(labels);
    uint32_t *slot = slot_of(s, key, labels);
    if (!*slot) {
        struct sum *fresh = &s->sums[s->n];
        memset(fresh, 0, sizeof *fresh);
        fresh->key = key;
        fresh->total.labels_len = (uint16_t)labels.n;
        memcpy(fresh->total.labels, labels.p, labels.n);
        *slot = ++s->n;
    }
    struct sum *sum = &s->sums[*slot - 1];
    sum->scan = s->scan;
    return sum;
}

/* ------------------------------------------------------------------------------------- what it takes */

/* What it used since it was counted last; a counter that went back used nothing. */
static uint64_t more(uint64_t now, uint64_t *io_counted)
{
    uint64_t used = now > *io_counted ? now - *io_counted : 0;
    *io_counted = now;
    return used;
}

static void count_used(struct proc *p, struct used *ret)
{
    *ret = (struct used){
        .user = more(p->stat.user, &p->counted.user),
        .system = more(p->stat.system, &p->counted.system),
        .wait = more(p->stat.wait, &p->counted.wait),
        .minor_faults = more(p->stat.minor_faults, &p->counted.minor_faults),
        .major_faults = more(p->stat.major_faults, &p->counted.major_faults),
        .read_bytes = more(p->io.read_bytes, &p->counted.read_bytes),
        .write_bytes = more(p->io.write_bytes, &p->counted.write_bytes),
    };
}

static void add_used(struct proc *total, const struct used *u)
{
    total->stat.user += u->user;
    total->stat.system += u->system;
    total->stat.wait += u->wait;
    total->stat.minor_faults += u->minor_faults;
    total->stat.major_faults += u->major_faults;
    total->io.read_bytes += u->read_bytes;
    total->io.write_bytes += u->write_bytes;
}

static void add_member(struct sum *sum, const struct proc *p)
{
    struct proc *t = &sum->total;
    sum->members++;
    t->rss += p->rss;
    t->stat.virtual_bytes += p->stat.virtual_bytes;
    t->stat.threads += p->stat.threads;
    t->has_io |= p->has_io;
    if (p->has_fds) t->fds += p->fds;
    t->has_fds |= p->has_fds;
    if (p->scans < 2) return; /* no rate yet */
    t->cpu_user += p->cpu_user;
    t->cpu_system += p->cpu_system;
    t->scans = p->scans;
}

void sums_take(struct sums *s, struct proc *p)
{
    char text[LABELS_MAX];
    bool was_dropped = !p->was_chosen && p->was_merged == MERGED_NOT && p->scans > 1;
    bool leaves_rest = p->kept && p->was_merged == MERGED_REST;
    struct used used;
    if (!p->kept && p->merged == MERGED_NOT) return;
    count_used(p, &used);
    if (p->merged == MERGED_NOT && !leaves_rest) return;
    struct str name = STR("_other");
    if (p->merged == MERGED_BY_NAME) name = (struct str){ p->stat.name, p->stat.name_len };
    struct sum *sum = sum_of(s, (struct str){ text, expose_name(text, name) });
    if (!was_dropped) add_used(&sum->total, &used); /* what it used while nobody looked is nobody's */
    if (p->merged != MERGED_NOT) add_member(sum, p);
}
