/* SPDX-License-Identifier: Apache-2.0 */
/* Each step may only take processes away, and never critical ones. */
#include "config.h"
#include "collector/select.h"
#include <stdio.h>
#include "core/base/clock.h"

static bool matches(const struct globs *globs, struct str name)
{
    for (size_t i = 0; i < globs->n; i++)
        if (glob_match(str_of(globs->at[i]), name)) return true;
    return false;
}

static enum priority_class class_of(const struct pipeline *p, struct str name)
{
    const struct globs *const classes[] = { &p->critical, &p->high, &p->medium };
    unsigned i = 0;
    while (i < CLASS_LOW && !matches(classes[i], name)) i++;
    return (enum priority_class)i;
}

/* The remainder of a signed division, its sign dropped: a configuration language without a modulo can
 * say this, too, so that another collector may draw the same processes. */
static uint32_t draw_of(struct str host, struct str name, uint32_t pid)
{
    char key[256];
    int n = snprintf(key, sizeof key, "%.*s|%.*s|%u", (int)host.n, host.p, (int)name.n, name.p, pid);
    int64_t rest = (int64_t)str_hash((struct str){ key, (size_t)n }) % 100;
    return (uint32_t)(rest < 0 ? -rest : rest);
}

void select_name(const struct pipeline *p, struct str host, struct proc *proc)
{
    struct str name = { proc->stat.name, proc->stat.name_len };
    proc->class = class_of(p, name);
    proc->draw = draw_of(host, name, proc->pid);
}

static bool is_critical(const struct proc *p)
{
    return p->class == CLASS_CRITICAL;
}

/* ---------------------------------------------------------------------------------------- topk */

typedef double rank_fn(const struct proc *p);
static double rank_cpu(const struct proc *p)
{
    return p->cpu_mean;
}
static double rank_memory(const struct proc *p)
{
    return (double)p->rss;
}

/* Does a come before b? A total order: of equals, who was kept stays, so that series do not flap. */
static bool before(rank_fn *rank, const struct proc *a, const struct proc *b)
{
    double va = rank(a), vb = rank(b);
    if (va > vb || va < vb) return va > vb;
    if (a->was_chosen != b->was_chosen) return a->was_chosen;
    return a->pid < b->pid;
}

/* heap[0] is the last of those chosen so far. */
static void sift_down(const struct table *t, rank_fn *rank, uint32_t *heap, uint32_t n, uint32_t i)
{
    for (;;) {
        uint32_t last = i, left = 2 * i + 1, right = left + 1;
        if (left < n && before(rank, &t->procs[heap[last]], &t->procs[heap[left]])) last = left;
        if (right < n && before(rank, &t->procs[heap[last]], &t->procs[heap[right]])) last = right;
        if (last == i) return;
        uint32_t swap = heap[i];
        heap[i] = heap[last];
        heap[last] = swap;
        i = last;
    }
}

/* The first k of those that are in, by one rank: a heap of k with the last one on top. */
static uint32_t choose(const struct table *t, rank_fn *rank, uint64_t k, uint32_t *heap)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        const struct proc *p = &t->procs[i];
        if (!p->kept) continue;
        if (n < k) {
            heap[n++] = i;
            if (n == k)
                for (uint32_t j = n / 2; j-- > 0;) sift_down(t, rank, heap, n, j);
        } else if (before(rank, p, &t->procs[heap[0]])) {
            heap[0] = i;
            sift_down(t, rank, heap, n, 0);
        }
    }
    return n;
}

/* Set `chosen` of all that are among the first k by one of the ranks. */
static void mark_ranked(const struct step *s, struct table *t)
{
    rank_fn *const ranks[] = { s->by_cpu ? rank_cpu : NULL, s->by_memory ? rank_memory : NULL };
    for (uint32_t i = 0; i < t->n; i++) t->procs[i].chosen = false;
    for (unsigned r = 0; r < 2; r++) {
        uint32_t n = ranks[r] ? choose(t, ranks[r], s->k, t->scratch) : 0;
        for (uint32_t i = 0; i < n; i++) t->procs[t->scratch[i]].chosen = true;
    }
}

/* ------------------------------------------------------------------------------------ adaptive */

enum {
    SCANS_FOR_A_PAST = 3,        /* before that, everything about a process is new */
    ANOMALY_TICKS = 5,           /* less CPU time than this is the clock's grain */
    ANOMALY_RSS = 8 * 1024 * 1024
};
#define ANOMALY_CPU 0.01

static bool over(const struct step *s, const struct proc *p, double share)
{
    return (s->cpu_percent > 0 && p->cpu_mean * 100 >= s->cpu_percent * share) ||
           (s->memory_mib > 0 && (double)p->rss >= s->memory_mib * 1048576 * share) ||
           (s->threads > 0 && p->stat.threads >= (double)s->threads * share);
}

static bool is_anomaly(const struct step *s, const struct proc *p)
{
    if (!(s->anomaly_factor > 0) || p->scans <= SCANS_FOR_A_PAST) return false;
    bool cpu =
        p->cpu_ticks >= ANOMALY_TICKS && p->cpu >= ANOMALY_CPU && p->cpu > p->cpu_past * s->anomaly_factor;
    bool memory = p->rss >= ANOMALY_RSS && (double)p->rss > p->rss_past * s->anomaly_factor;
    return cpu || memory;
}

static bool adaptive_keeps(const struct step *s, struct proc *p, int64_t now_ns)
{
    if (over(s, p, 1) || is_anomaly(s, p) || (p->quiet_ns && over(s, p, s->release))) {
        p->quiet_ns = now_ns + (int64_t)(s->hold_s * NS_PER_S);
        return true;
    }
    if (p->quiet_ns && now_ns < p->quiet_ns) return true;
    p->quiet_ns = 0;
    return false;
}

/* ----------------------------------------------------------------------------------- the steps */

static bool priority_keeps(const struct step *s, const struct proc *p)
{
    if (p->class == CLASS_MEDIUM && (double)p->rss < s->memory_mib * 1048576) return s->keep == CLASS_LOW;
    return p->class <= s->keep;
}

/* Does the step let it go on? What ranks was marked before. */
static bool step_keeps(const struct step *s, struct proc *p, int64_t now_ns)
{
    switch (s->kind) {
    case STEP_TOPK: return p->chosen;
    case STEP_ADAPTIVE: return adaptive_keeps(s, p, now_ns);
    case STEP_HYBRID: return adaptive_keeps(s, p, now_ns) || p->chosen;
    case STEP_PRIORITY: return priority_keeps(s, p);
    case STEP_SAMPLE: return p->draw < s->percent;
    default: return true;
    }
}

static void step_choose(const struct step *s, struct table *t, int64_t now_ns)
{
    if (s->kind == STEP_TOPK || s->kind == STEP_HYBRID) mark_ranked(s, t);
    for (uint32_t i = 0; i < t->n; i++) {
        struct proc *p = &t->procs[i];
        bool keeps = step_keeps(s, p, now_ns);
        p->kept = p->kept && (keeps || is_critical(p));
    }
}

static void step_aggregate(struct table *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        struct proc *p = &t->procs[i];
        if (!p->kept || is_critical(p)) continue;
        p->kept = false;
        p->merged = MERGED_BY_NAME;
    }
}

static void step_rollup(struct table *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        struct proc *p = &t->procs[i];
        if (!p->kept && p->merged == MERGED_NOT) p->merged = MERGED_REST;
    }
}

void select_run(const struct pipeline *pipeline, struct table *t, int64_t now_ns)
{
    for (uint32_t i = 0; i < t->n; i++) {
        struct proc *p = &t->procs[i];
        p->was_chosen = p->kept || p->merged == MERGED_BY_NAME;
        p->was_merged = p->merged;
        p->merged = MERGED_NOT;
        p->kept = true;
    }
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        const struct step *s = &pipeline->steps[i];
        if (s->kind == STEP_AGGREGATE) step_aggregate(t);
        else if (s->kind == STEP_ROLLUP) step_rollup(t);
        else step_choose(s, t, now_ns);
    }
}
