/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "collector/collect.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "collector/expose.h"
#include "core/base/clock.h"

/* Time constant of the recent mean. One interval longer than this weighs half. */
static const double MEAN_S = 3;

int collect_init(struct collector *c, const char *root, struct err *err)
{
    long hz = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE), cpus = sysconf(_SC_NPROCESSORS_ONLN);
    c->hz = hz > 0 ? (uint64_t)hz : 100;
    c->page_bytes = page > 0 ? (uint64_t)page : 4096;
    c->cpus = cpus > 0 ? (double)cpus : 1;
    c->started_wall_ns = clock_wall();
    buf_init(&c->text, COLLECT_TEXT_BYTES);
    int rc = procfs_open(&c->fs, root, err);
    if (rc) return rc;
    struct str text = procfs_read_host(&c->fs, "sys/kernel/hostname"), name = { "", 0 };
    (void)str_split(&text, '\n', &name);
    (void)str_copy(c->host_name, sizeof c->host_name, name);
    return 0;
}

void collect_done(struct collector *c)
{
    procfs_close(&c->fs);
    table_done(&c->table);
    sums_done(&c->sums);
    buf_done(&c->text);
}

static void scan_host(struct collector *c)
{
    struct host *h = &c->host;
    h->has_cpu = proctext_host_cpu(procfs_read_host(&c->fs, "stat"), &h->cpu);
    h->has_memory = proctext_host_memory(procfs_read_host(&c->fs, "meminfo"), &h->memory);
    h->has_load = proctext_load(procfs_read_host(&c->fs, "loadavg"), h->load);
    h->has_uptime = proctext_uptime(procfs_read_host(&c->fs, "uptime"), &h->uptime);
    memset(h->states, 0, sizeof h->states);
}

/* Ticks used since the last scan; a counter that went back used none. */
static double rate(const struct collector *c, uint64_t now, uint64_t then, double seconds)
{
    return now > then && seconds > 0 ? (double)(now - then) / (double)c->hz / seconds : 0;
}

/* Seconds since the process started, by the host's own clock. */
static double age(const struct collector *c, const struct proc_stat *s)
{
    double up = (double)c->host.uptime / 100, start = (double)s->start / (double)c->hz;
    return c->host.has_uptime && up > start ? up - start : 0;
}

static void set_new(struct collector *c, struct proc *p, const struct proc_stat *s)
{
    double seconds = age(c, s);
    if (seconds < 0.1) seconds = 0.1; /* one tick in the first moment is not a busy process */
    p->cpu_user = rate(c, s->user, 0, seconds);
    p->cpu_system = rate(c, s->system, 0, seconds);
    p->cpu = p->cpu_mean = p->cpu_past = p->cpu_user + p->cpu_system;
    p->rss_mean = p->rss_past = (double)p->rss;
}

static void set_known(struct collector *c, struct proc *p, const struct proc_stat *s, int64_t now_ns)
{
    double seconds = (double)(now_ns - p->seen_ns) / (double)NS_PER_S;
    uint64_t used = s->user + s->system, before = p->stat.user + p->stat.system;
    p->cpu_user = rate(c, s->user, p->stat.user, seconds);
    p->cpu_system = rate(c, s->system, p->stat.system, seconds);
    p->cpu = p->cpu_user + p->cpu_system;
    p->cpu_ticks = used > before ? used - before : 0;
    double weight = seconds > 0 ? seconds / (MEAN_S + seconds) : 0;
    p->cpu_past = p->cpu_mean;
    p->rss_past = p->rss_mean;
    p->cpu_mean += weight * (p->cpu - p->cpu_mean);
    p->rss_mean += weight * ((double)p->rss - p->rss_mean);
}

static void set_name(struct collector *c, struct proc *p)
{
    select_name(&c->pipeline, str_of(c->host_name), p);
    p->labels_len =
        (uint16_t)expose_labels(p->labels, p->pid, (struct str){ p->stat.name, p->stat.name_len });
}

static void scan_process(struct collector *c, uint32_t pid, int64_t now_ns)
{
    struct proc_stat s;
    if (!proctext_stat(procfs_read(&c->fs, pid, "stat"), &s)) {
        c->totals.unreadable++;
        return;
    }
    bool fresh;
    struct proc *p = table_touch(&c->table, pid, s.start, &fresh);
    if (!p) {
        c->totals.skipped++;
        return;
    }
    bool renamed = fresh || p->stat.name_len != s.name_len || memcmp(p->stat.name, s.name, s.name_len);
    p->rss = s.resident_pages * c->page_bytes;
    if (fresh) set_new(c, p, &s);
    else set_known(c, p, &s, now_ns);
    p->stat = s;
    p->seen_ns = now_ns;
    p->scans++;
    if (renamed) set_name(c, p);
    unsigned letter = (unsigned)(s.state | 0x20) - 'a';
    if (letter < sizeof c->host.states / sizeof c->host.states[0]) c->host.states[letter]++;
}

/* What only exported processes need, also those in a sum. Each process is asked once, so that it is known
 * how many points it would have brought. */
static void scan_detail(struct collector *c, struct proc *p)
{
    if (!p->kept && p->merged == MERGED_NOT && p->tried_detail) return;
    if (!p->tried_detail || p->has_io) p->has_io = proctext_io(procfs_read(&c->fs, p->pid, "io"), &p->io);
    if (!p->tried_detail || p->has_fds) p->has_fds = (p->fds = procfs_count_fds(&c->fs, p->pid)) >= 0;
    if (!p->tried_detail) c->totals.unreadable += !p->has_io + !p->has_fds;
    p->tried_detail = true;
}

static void scan(struct collector *c, int64_t now_ns)
{
    scan_host(c);
    table_begin(&c->table);
    procfs_rewind(&c->fs);
    for (uint32_t pid; (pid = procfs_next_pid(&c->fs)) != 0;) scan_process(c, pid, now_ns);
    table_sweep(&c->table);
    select_run(&c->pipeline, &c->table, now_ns);
    sums_begin(&c->sums);
    for (uint32_t i = 0; i < c->table.n; i++) {
        scan_detail(c, &c->table.procs[i]);
        sums_take(&c->sums, &c->table.procs[i]);
    }
}

static void count(struct collector *c)
{
    struct totals *t = &c->totals;
    uint64_t of_host = expose_host_points(c), in = of_host, out = of_host;
    t->kept = t->critical_seen = 0;
    for (uint32_t i = 0; i < c->table.n; i++) {
        const struct proc *p = &c->table.procs[i];
        uint64_t points = expose_process_points(p);
        in += points;
        if (!p->kept) continue;
        out += points;
        t->kept++;
        t->critical_seen += p->class == CLASS_CRITICAL;
    }
    for (uint32_t i = 0; i < c->sums.n; i++)
        if (c->sums.sums[i].members) out += expose_process_points(&c->sums.sums[i].total);
    t->scans++;
    t->processes = c->table.n;
    t->points_in += in;
    t->points += out;
    t->series = out;
}

struct str collect_text(struct collector *c, int64_t now_ns)
{
    int64_t min_ns = (int64_t)c->pipeline.min_interval_ms * NS_PER_MS;
    if (!c->scanned_ns || now_ns - c->scanned_ns >= min_ns) {
        int64_t start = clock_mono();
        c->scanned_ns = now_ns;
        scan(c, now_ns);
        count(c);
        buf_reset(&c->text);
        expose_pipeline(c, &c->text);
        c->totals.bytes += c->text.len;
        c->totals.took_ns = clock_mono() - start;
        expose_own(c, &c->text);
    }
    return c->text.failed ? (struct str){ NULL, 0 } : buf_str(&c->text);
}
