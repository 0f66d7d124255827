/* SPDX-License-Identifier: Apache-2.0 */
/* One file a process is read, its stat. The kernel cuts names there to 15 bytes; the command line has the
 * rest, as the collectors know it. Between two looks only pid, start and CPU time are kept. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/agent/rank.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

enum { K_MAX = 10000, COMM_MAX = 15, NAME_BYTES = 64 };
struct past {
    uint64_t pid, start, ticks;
};
struct one {
    struct past past;
    double cpu, rss; /* ticks a second, pages */
    char name[NAME_BYTES];
};
struct rank {
    size_t k;
    bool by_cpu, by_memory;
    int64_t every_ns, looked_mono; /* 0: not yet */
    struct json *critical;         /* globs */
    struct past *before;           /* by pid */
    size_t n_before;
};
struct look {
    struct rank *rank;
    int dir; /* of /proc */
    double now_ticks, interval_s;
    struct one *all;
    const struct one **order; /* for sorting */
    size_t n, cap;
    const char **names;
    size_t n_names;
};

/* ------------------------------------------------------------------------------------ what is asked */

static bool take_by(struct rank *r, const struct json *by)
{
    for (size_t i = 0; i < json_len(by); i++) {
        struct str name = json_text(json_at(by, i));
        if (str_eqz(name, "cpu"))
            r->by_cpu = true;
        else if (str_eqz(name, "memory"))
            r->by_memory = true;
        else
            return false;
    }
    if (!by)
        r->by_cpu = r->by_memory = true;
    return r->by_cpu || r->by_memory;
}

struct rank *rank_new(struct str text, struct err *err)
{
    CLEANUP_JSON struct json *doc = json_parse(text, NULL, err);
    if (!doc)
        return NULL;
    struct rank *r = mem_alloc(sizeof *r);
    int64_t k = json_get_int(doc, "k", 20);
    r->every_ns = json_get_duration(doc, "every", 10 * NS_PER_S);
    r->k = (size_t)k;
    const struct json *critical = json_get(doc, "critical");
    if (k < 1 || k > K_MAX || r->every_ns < 100 * NS_PER_MS || !take_by(r, json_get(doc, "by")) ||
        json_len(critical) > LIMIT_CRITICAL_PROCESSES) {
        err_set(err, ERR_INVAL, "the ranking that the collector's backend asks for is out of range");
        rank_free(r);
        return NULL;
    }
    r->critical = critical ? json_ref(critical) : json_array();
    return r;
}

void rank_free(struct rank *r)
{
    if (!r)
        return;
    json_free(r->critical);
    free(r->before);
    free(r);
}

int64_t rank_every(const struct rank *r)
{
    return r->every_ns;
}

/* ---------------------------------------------------------------------------------------- one process */

static size_t read_file(int dir, uint64_t pid, const char *name, char *out, size_t cap)
{
    char path[48];
    snprintf(path, sizeof path, "%llu/%s", (unsigned long long)pid, name);
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, cap - 1) : 0;
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/** The name in full, if the first word of the command line goes on where the kernel's name was cut. */
static void name_extend(const struct look *l, struct one *p)
{
    char text[4096];
    if (strlen(p->name) < COMM_MAX || read_file(l->dir, p->past.pid, "cmdline", text, sizeof text) == 0)
        return;
    const char *slash = strrchr(text, '/'), *base = slash ? slash + 1 : text;
    if (str_starts(str_of(base), p->name))
        str_copy(p->name, sizeof p->name, str_of(base));
}

/** "7 (name) S ...": a name may hold anything, also ") ". */
static bool stat_parse(const char *text, struct one *p)
{
    unsigned long long user, system, start;
    long long rss;
    const char *from = strchr(text, '('), *to = strrchr(text, ')');
    if (!from || !to || to < from ||
        sscanf(to + 1,
               " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu %*s %*s %*s %*s %*s %*s %llu %*s %lld",
               &user, &system, &start, &rss) != 4)
        return false;
    str_copy(p->name, sizeof p->name, (struct str){ from + 1, (size_t)(to - from - 1) });
    p->past.ticks = user + system;
    p->past.start = start;
    p->rss = rss > 0 ? (double)rss : 0;
    return true;
}

static int by_pid(const void *a, const void *b)
{
    const struct past *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static double cpu_rate(const struct look *l, const struct past *now)
{
    const struct rank *r = l->rank;
    double age_s = (l->now_ticks - (double)now->start) / (double)sysconf(_SC_CLK_TCK);
    const struct past *before =
        r->n_before ? bsearch(now, r->before, r->n_before, sizeof *r->before, by_pid) : NULL;
    if (r->looked_mono == 0)
        return (double)now->ticks / (age_s > 1 ? age_s : 1);
    bool is_same = before && before->start == now->start && before->ticks <= now->ticks;
    return (double)(now->ticks - (is_same ? before->ticks : 0)) / l->interval_s;
}

static void take_process(struct look *l, uint64_t pid)
{
    char text[1024];
    struct one p = { .past = { .pid = pid } };
    if (read_file(l->dir, pid, "stat", text, sizeof text) == 0 || !stat_parse(text, &p))
        return; /* it is gone, or not ours to see */
    name_extend(l, &p);
    p.cpu = cpu_rate(l, &p.past);
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1024;
        l->all = mem_realloc(l->all, l->cap, sizeof *l->all);
    }
    l->all[l->n++] = p;
}

/* ------------------------------------------------------------------------------------------ the order */

static int by_cpu(const void *a, const void *b)
{
    const struct one *x = *(const struct one *const *)a, *y = *(const struct one *const *)b;
    return (x->cpu < y->cpu) - (x->cpu > y->cpu);
}

static int by_rss(const void *a, const void *b)
{
    const struct one *x = *(const struct one *const *)a, *y = *(const struct one *const *)b;
    return (x->rss < y->rss) - (x->rss > y->rss);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void take_first(struct look *l, int (*compare)(const void *, const void *))
{
    qsort(l->order, l->n, sizeof *l->order, compare);
    for (size_t i = 0; i < l->n && i < l->rank->k; i++)
        if (compare == by_cpu ? l->order[i]->cpu > 0 : l->order[i]->rss > 0)
            l->names[l->n_names++] = l->order[i]->name;
}

static void take_critical(struct look *l)
{
    for (size_t i = 0; i < l->n; i++)
        for (size_t j = 0; j < json_len(l->rank->critical); j++)
            if (glob_match(json_text(json_at(l->rank->critical, j)), str_of(l->all[i].name))) {
                l->names[l->n_names++] = l->all[i].name;
                break;
            }
}

static void write_names(struct look *l, struct buf *out)
{
    struct jw w;
    l->order = mem_calloc(l->n + 1, sizeof *l->order);
    l->names = mem_calloc(3 * l->n + 1, sizeof *l->names);
    for (size_t i = 0; i < l->n; i++)
        l->order[i] = &l->all[i];
    if (l->rank->by_cpu)
        take_first(l, by_cpu);
    if (l->rank->by_memory)
        take_first(l, by_rss);
    take_critical(l);
    qsort(l->names, l->n_names, sizeof *l->names, by_name);
    jw_init(&w, out);
    jw_open(&w, '[');
    for (size_t i = 0; i < l->n_names; i++)
        if (i == 0 || strcmp(l->names[i], l->names[i - 1]) != 0)
            jw_strz(&w, l->names[i]);
    jw_close(&w, ']');
    free(l->order);
    free(l->names);
}

static void keep_past(struct look *l)
{
    struct rank *r = l->rank;
    r->before = mem_realloc(r->before, l->n + 1, sizeof *r->before);
    r->n_before = l->n;
    for (size_t i = 0; i < l->n; i++)
        r->before[i] = l->all[i].past;
    qsort(r->before, r->n_before, sizeof *r->before, by_pid);
}

static double uptime_ticks(int dir)
{
    char text[64];
    int fd = openat(dir, "uptime", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return strtod(text, NULL) * (double)sysconf(_SC_CLK_TCK);
}

int rank_look(struct rank *r, const char *proc, struct buf *out, struct err *err)
{
    uint64_t pid;
    DIR *dir = opendir(proc);
    if (!dir)
        return err_errno(err, ERR_IO, errno, "cannot look at the processes of this host");
    int64_t now = clock_mono();
    struct look l = { .rank = r, .dir = dirfd(dir), .now_ticks = uptime_ticks(dirfd(dir)) };
    l.interval_s = (double)(now - r->looked_mono + 1) / (double)NS_PER_S;
    for (struct dirent *entry; l.n < RANK_PROCESSES_MAX && (entry = readdir(dir));)
        if (parse_uint(str_of(entry->d_name), &pid))
            take_process(&l, pid);
    closedir(dir);
    write_names(&l, out);
    keep_past(&l);
    r->looked_mono = now;
    free(l.all);
    return 0;
}
