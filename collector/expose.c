/* SPDX-License-Identifier: Apache-2.0 */
/* A family of processes is a row of PROCESS: its head, which processes have it, and its points. Each
 * line is written into room that was made for the longest one, so a point costs a few copies. */
#include "config.h"
#include "collector/expose_priv.h"
#include <string.h>

enum { LINE_MAX_BYTES = 512 }; /* name, labels, one more label, value */

static char *put(char *p, struct str s)
{
    memcpy(p, s.p, s.n);
    return p + s.n;
}

static char *put_uint(char *p, uint64_t v)
{
    char digits[20];
    unsigned n = 0;
    do digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n) *p++ = digits[--n];
    return p;
}

/* v / 10^places: hundredths as "1.05". */
static char *put_fixed(char *p, uint64_t v, unsigned places)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < places; i++) unit *= 10;
    p = put_uint(p, v / unit);
    if (!places) return p;
    *p++ = '.';
    for (v %= unit; unit /= 10;) *p++ = (char)('0' + v / unit % 10);
    return p;
}

static struct number from_double(double v)
{
    if (!(v > 0)) return (struct number){ 0, 6 };
    return (struct number){ v < 1e12 ? (uint64_t)(v * 1e6 + 0.5) : UINT64_C(1000000000000000000), 6 };
}

struct number expose__ticks(uint64_t ticks, uint64_t hz)
{
    return (struct number){ ticks / hz * 100 + ticks % hz * 100 / hz, 2 };
}

void expose__sample(struct buf *out, struct str name, struct str labels, struct str more, struct number n)
{
    char *start = buf_room(out, LINE_MAX_BYTES), *p = start;
    if (!p) return;
    p = put(p, name);
    if (labels.n || more.n) {
        *p++ = '{';
        p = put(p, labels);
        if (labels.n && more.n) *p++ = ',';
        p = put(p, more);
        *p++ = '}';
    }
    *p++ = ' ';
    p = put_fixed(p, n.v, n.places);
    *p++ = '\n';
    *p = '\0'; /* buf_room() has room for it */
    out->len += (size_t)(p - start);
}

void expose__head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_adds(out, "# HELP ");
    buf_adds(out, name);
    buf_addc(out, ' ');
    buf_adds(out, help);
    buf_adds(out, "\n# TYPE ");
    buf_adds(out, name);
    buf_addc(out, ' ');
    buf_adds(out, type);
    buf_addc(out, '\n');
}

/* --------------------------------------------------------------------------------------- labels */

/* Bytes of the well-formed UTF-8 sequence at p; 0: there is none. */
static size_t sequence(const char *p, size_t n)
{
    for (size_t len = 1; len <= 4 && len <= n; len++)
        if (utf8_valid((struct str){ p, len })) return len;
    return 0;
}

static char *put_name(char *p, struct str name)
{
    p = put(p, STR("process_executable_name=\""));
    for (size_t i = 0; i < name.n;) {
        size_t len = sequence(name.p + i, name.n - i);
        char c = name.p[i];
        if (!len) p = put(p, STR("\xef\xbf\xbd"));
        else if (c == '\n') p = put(p, STR("\\n"));
        else {
            if (c == '"' || c == '\\') *p++ = '\\';
            p = put(p, (struct str){ name.p + i, len });
        }
        i += len ? len : 1;
    }
    *p++ = '"';
    return p;
}

size_t expose_name(char out[LABELS_MAX], struct str name)
{
    return (size_t)(put_name(out, name) - out);
}

size_t expose_labels(char out[LABELS_MAX], uint32_t pid, struct str name)
{
    char *p = put(out, STR("process_pid=\""));
    p = put_uint(p, pid);
    p = put_name(put(p, STR("\",")), name);
    return (size_t)(p - out);
}

/* ------------------------------------------------------------------------------------ processes */

struct point {
    struct str more; /* one more label */
    struct number n;
};
typedef void points_fn(const struct collector *c, const struct proc *p, struct point *ret);
typedef bool has_fn(const struct proc *p);

static bool has_always(const struct proc *p)
{
    return true;
}
static bool has_rate(const struct proc *p)
{
    return p->scans > 1;
}
/* The ages of several have no sum. */
static bool has_age(const struct proc *p)
{
    return p->pid != 0;
}
static bool has_io(const struct proc *p)
{
    return p->has_io;
}
static bool has_fds(const struct proc *p)
{
    return p->has_fds;
}

static void cpu_time(const struct collector *c, const struct proc *p, struct point *ret)
{
    ret[0] = (struct point){ STR("state=\"user\""), expose__ticks(p->stat.user, c->hz) };
    ret[1] = (struct point){ STR("state=\"system\""), expose__ticks(p->stat.system, c->hz) };
    ret[2] = (struct point){ STR("state=\"wait\""), expose__ticks(p->stat.wait, c->hz) };
}
static void cpu_utilization(const struct collector *c, const struct proc *p, struct point *ret)
{
    ret[0] = (struct point){ STR("state=\"user\""), from_double(p->cpu_user / c->cpus) };
    ret[1] = (struct point){ STR("state=\"system\""), from_double(p->cpu_system / c->cpus) };
}
static void memory_usage(const struct collector *c, const struct proc *p, struct point *ret)
{
    ret->n.v = p->rss;
}
static void memory_virtual(const struct collector *c, const struct proc *p, struct point *ret)
{
    ret->n.v = p->stat.virtual_bytes;
}
static void threads(const struct collector *c, const struct proc *p, struct point *ret)
{
    ret->n.v = p->stat.threads;
}
static void open_fds(const struct collector *c, const struct proc *p, struct point *ret)
{
    ret->n.v = (uint64_t)p->fds;
}
static void disk_io(const struct collector *c, const struct proc *p, struct point *ret)
{
    ret[0] = (struct point){ STR("direction=\"read\""), { p->io.read_bytes, 0 } };
    ret[1] = (struct point){ STR("direction=\"write\""), { p->io.write_bytes, 0 } };
}
static void paging_faults(const struct collector *c, const struct proc *p, struct point *ret)
{
    ret[0] = (struct point){ STR("type=\"major\""), { p->stat.major_faults, 0 } };
    ret[1] = (struct point){ STR("type=\"minor\""), { p->stat.minor_faults, 0 } };
}
static void uptime(const struct collector *c, const struct proc *p, struct point *ret)
{
    uint64_t start = expose__ticks(p->stat.start, c->hz).v;
    ret->n = (struct number){ c->host.has_uptime && c->host.uptime > start ? c->host.uptime - start : 0, 2 };
}

enum { MAX_POINTS = 3 };
static const struct {
    const char *name, *type;
    unsigned n_points;
    has_fn *has;
    points_fn *points;
    const char *help;
} PROCESS[] = {
    { "process_cpu_time_seconds_total", "counter", 3, has_always, cpu_time,
      "CPU time by state (process.cpu.time)" },
    { "process_cpu_utilization_ratio", "gauge", 2, has_rate, cpu_utilization,
      "CPU time of the last interval as a share of all CPUs (process.cpu.utilization)" },
    { "process_memory_usage_bytes", "gauge", 1, has_always, memory_usage,
      "Resident memory (process.memory.usage)" },
    { "process_memory_virtual_bytes", "gauge", 1, has_always, memory_virtual,
      "Virtual memory (process.memory.virtual)" },
    { "process_threads", "gauge", 1, has_always, threads, "Threads (process.threads)" },
    { "process_open_file_descriptors", "gauge", 1, has_fds, open_fds,
      "Open descriptors (process.open_file_descriptors)" },
    { "process_disk_io_bytes_total", "counter", 2, has_io, disk_io,
      "Bytes read and written, page cache included (process.disk.io)" },
    { "process_paging_faults_total", "counter", 2, has_always, paging_faults,
      "Page faults (process.paging.faults)" },
    { "process_uptime_seconds", "gauge", 1, has_age, uptime,
      "Time since the process started (process.uptime)" },
};
enum { N_PROCESS = sizeof PROCESS / sizeof PROCESS[0] };

uint64_t expose_process_points(const struct proc *p)
{
    uint64_t n = 0;
    for (unsigned f = 0; f < N_PROCESS; f++) n += PROCESS[f].has(p) ? PROCESS[f].n_points : 0;
    return n;
}

static void expose_lines(const struct collector *c, unsigned f, const struct proc *p, struct buf *out)
{
    if (!PROCESS[f].has(p)) return;
    struct point points[MAX_POINTS] = { { { "", 0 }, { 0, 0 } } };
    PROCESS[f].points(c, p, points);
    struct str name = str_of(PROCESS[f].name), labels = { p->labels, p->labels_len };
    for (unsigned k = 0; k < PROCESS[f].n_points; k++)
        expose__sample(out, name, labels, points[k].more, points[k].n);
}

static void expose_family(const struct collector *c, unsigned f, struct buf *out)
{
    expose__head(out, PROCESS[f].name, PROCESS[f].type, PROCESS[f].help);
    for (uint32_t i = 0; i < c->table.n; i++)
        if (c->table.procs[i].kept) expose_lines(c, f, &c->table.procs[i], out);
    for (uint32_t i = 0; i < c->sums.n; i++)
        if (c->sums.sums[i].members) expose_lines(c, f, &c->sums.sums[i].total, out);
}

void expose__processes(const struct collector *c, struct buf *out)
{
    for (unsigned f = 0; f < N_PROCESS; f++) expose_family(c, f, out);
}
