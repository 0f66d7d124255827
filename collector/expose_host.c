/* SPDX-License-Identifier: Apache-2.0 */
/* Host totals, and what the collector says of itself. A part of the host that could not be read has no
 * lines: absent is not zero. */
#include "config.h"
#include "collector/expose_priv.h"
#include <time.h>
#include "core/base/clock.h"

/* One series: a family of its own starts where `type` is set. */
struct line {
    const char *name, *type, *help;
    const char *more;
    struct number n;
};
enum { MAX_HOST_LINES = 32 };

static unsigned host_cpu_lines(const struct collector *c, struct line *ret)
{
    static const char *const states[CPU_STATES] = {
        [CPU_USER] = "state=\"user\"", [CPU_NICE] = "state=\"nice\"",
        [CPU_SYSTEM] = "state=\"system\"", [CPU_IDLE] = "state=\"idle\"",
        [CPU_WAIT] = "state=\"wait\"", [CPU_INTERRUPT] = "state=\"interrupt\"",
        [CPU_SOFTIRQ] = "state=\"softirq\"", [CPU_STEAL] = "state=\"steal\"",
    };
    for (unsigned i = 0; i < CPU_STATES; i++)
        ret[i] = (struct line){ "system_cpu_time_seconds_total", i ? NULL : "counter",
                                "CPU time of all CPUs by state (system.cpu.time)", states[i],
                                expose__ticks(c->host.cpu.ticks[i], c->hz) };
    ret[CPU_STATES] = (struct line){ "system_processes_created_total", "counter",
                                     "Processes created since boot (system.processes.created)", "",
                                     { c->host.cpu.processes_created, 0 } };
    return CPU_STATES + 1;
}

static unsigned host_memory_lines(const struct collector *c, struct line *ret)
{
    const struct host_memory *m = &c->host.memory;
    uint64_t used = m->total > m->available ? m->total - m->available : 0;
    const struct {
        const char *state;
        uint64_t bytes;
    } rows[] = {
        { "state=\"used\"", used },
        { "state=\"free\"", m->free },
        { "state=\"buffered\"", m->buffered },
        { "state=\"cached\"", m->cached + m->slab_reclaimable }, /* as other collectors do */
        { "state=\"slab_reclaimable\"", m->slab_reclaimable },
        { "state=\"slab_unreclaimable\"", m->slab_unreclaimable },
    };
    unsigned n = sizeof rows / sizeof rows[0];
    for (unsigned i = 0; i < n; i++)
        ret[i] = (struct line){ "system_memory_usage_bytes", i ? NULL : "gauge",
                                "Memory by state; used is what is not available (system.memory.usage)",
                                rows[i].state, { rows[i].bytes, 0 } };
    ret[n] = (struct line){ "system_memory_limit_bytes", "gauge",
                            "Memory of the host (system.memory.limit)", "", { m->total, 0 } };
    return n + 1;
}

static unsigned host_load_lines(const struct collector *c, struct line *ret)
{
    static const struct {
        const char *name, *help;
    } rows[] = {
        { "system_cpu_load_average_1m", "Load average of 1 minute (system.cpu.load_average.1m)" },
        { "system_cpu_load_average_5m", "Load average of 5 minutes (system.cpu.load_average.5m)" },
        { "system_cpu_load_average_15m", "Load average of 15 minutes (system.cpu.load_average.15m)" },
    };
    for (unsigned i = 0; i < 3; i++)
        ret[i] = (struct line){ rows[i].name, "gauge", rows[i].help, "", { c->host.load[i], 2 } };
    return 3;
}

static unsigned host_process_lines(const struct collector *c, struct line *ret)
{
    static const struct {
        const char *status;
        char letter;
    } rows[] = {
        { "status=\"running\"", 'r' },  { "status=\"sleeping\"", 's' }, { "status=\"blocked\"", 'd' },
        { "status=\"idle\"", 'i' },     { "status=\"stopped\"", 't' },  { "status=\"zombies\"", 'z' },
    };
    unsigned n = sizeof rows / sizeof rows[0];
    for (unsigned i = 0; i < n; i++)
        ret[i] = (struct line){ "system_processes_count", i ? NULL : "gauge",
                                "Processes by status (system.processes.count)", rows[i].status,
                                { c->host.states[rows[i].letter - 'a'], 0 } };
    return n;
}

static unsigned host_lines(const struct collector *c, struct line ret[MAX_HOST_LINES])
{
    unsigned n = 0;
    if (c->host.has_cpu) n += host_cpu_lines(c, ret + n);
    if (c->host.has_load) n += host_load_lines(c, ret + n);
    if (c->host.has_memory) n += host_memory_lines(c, ret + n);
    n += host_process_lines(c, ret + n);
    if (c->host.has_uptime)
        ret[n++] = (struct line){ "system_uptime_seconds", "gauge", "Time since boot (system.uptime)", "",
                                  { c->host.uptime, 2 } };
    return n;
}

static void write_lines(struct buf *out, const struct line *lines, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (lines[i].type) expose__head(out, lines[i].name, lines[i].type, lines[i].help);
        expose__sample(out, str_of(lines[i].name), STR(""), str_of(lines[i].more), lines[i].n);
    }
}

uint64_t expose_host_points(const struct collector *c)
{
    struct line lines[MAX_HOST_LINES];
    return host_lines(c, lines);
}

void expose_pipeline(const struct collector *c, struct buf *out)
{
    struct line lines[MAX_HOST_LINES];
    write_lines(out, lines, host_lines(c, lines));
    expose__processes(c, out);
}

/* ------------------------------------------------------------------------------------------ own */

static struct number from_ns(int64_t ns)
{
    return (struct number){ ns > 0 ? (uint64_t)ns / 1000 : 0, 6 };
}

static int64_t own_cpu_ns(void)
{
    struct timespec ts = { 0, 0 };
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void expose_own(const struct collector *c, struct buf *out)
{
    const struct totals *t = &c->totals;
    const struct {
        const char *name, *type;
        struct number n;
        const char *help;
    } rows[] = {
        { "phoenix_collector_points_in_total",
          "counter",
          { t->points_in, 0 },
          "Points that entered the pipeline" },
        { "phoenix_collector_points_total", "counter", { t->points, 0 }, "Points that were exported" },
        { "phoenix_collector_dropped_total",
          "counter",
          { t->points_in - t->points, 0 },
          "Points that the pipeline dropped on purpose" },
        { "phoenix_collector_bytes_total",
          "counter",
          { t->bytes, 0 },
          "Bytes of exposition, without these own metrics" },
        { "phoenix_collector_scans_total", "counter", { t->scans, 0 }, "Scans of /proc" },
        { "phoenix_collector_unreadable_total",
          "counter",
          { t->unreadable, 0 },
          "Files below /proc that were not ours to read, or gone, or cut" },
        { "phoenix_collector_skipped_total",
          "counter",
          { t->skipped, 0 },
          "Processes above the limit of the table" },
        { "phoenix_collector_series",
          "gauge",
          { t->series, 0 },
          "Series of this exposition, without these own metrics" },
        { "phoenix_collector_processes", "gauge", { t->processes, 0 }, "Processes seen by this scan" },
        { "phoenix_collector_processes_kept", "gauge", { t->kept, 0 }, "Processes in this exposition" },
        { "phoenix_collector_critical_seen",
          "gauge",
          { t->critical_seen, 0 },
          "Critical processes in this exposition" },
        { "phoenix_collector_scan_seconds", "gauge", from_ns(t->took_ns), "Time that this scan took" },
        { "process_cpu_seconds_total", "counter", from_ns(own_cpu_ns()),
          "CPU time of the collector itself" },
        { "process_start_time_seconds", "gauge", from_ns(c->started_wall_ns),
          "When the collector started, since 1970" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        write_lines(out, &(struct line){ rows[i].name, rows[i].type, rows[i].help, "", rows[i].n }, 1);
}
