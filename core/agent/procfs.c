/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "core/agent/procfs.h"

/** The first bytes of a file of /proc, NUL-terminated. */
static bool read_text(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, out, cap - 1);
    close(fd);
    if (n <= 0)
        return false;
    out[n] = '\0';
    return true;
}

/* The kernel's clock of a whole process counts nanoseconds; utime and stime of /proc/PID/stat count
 * ticks of 10 ms, more than a light collector uses between two samples. */
static bool cpu_seconds(pid_t pid, double *ret_s)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return false;
    *ret_s = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    return true;
}

bool process_usage_read(pid_t pid, struct process_usage *ret)
{
    char path[64], text[256];
    unsigned long pages;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (!read_text(path, text, sizeof text) || sscanf(text, "%*u %lu", &pages) != 1)
        return false;
    ret->rss_bytes = (double)pages * (double)sysconf(_SC_PAGESIZE);
    return cpu_seconds(pid, &ret->cpu_s);
}

static void cpu_read(struct host_cpu *io_last, struct host_usage *ret)
{
    char text[512];
    uint64_t v[8] = { 0 }; /* user nice system idle iowait irq softirq steal */
    ret->cpu_percent = -1;
    if (!read_text("/proc/stat", text, sizeof text) ||
        sscanf(text, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6],
               &v[7]) < 4)
        return;
    struct host_cpu now = { 0 };
    for (unsigned i = 0; i < 8; i++)
        now.total += v[i];
    now.busy = now.total - v[3] - v[4];
    if (io_last->total > 0 && now.total > io_last->total)
        ret->cpu_percent = 100.0 * ((double)now.busy - (double)io_last->busy) /
                           (double)(now.total - io_last->total);
    *io_last = now;
}

static void memory_read(struct host_usage *ret)
{
    char text[2048];
    unsigned long total, available;
    if (!read_text("/proc/meminfo", text, sizeof text))
        return;
    const char *t = strstr(text, "MemTotal:"), *a = strstr(text, "MemAvailable:");
    if (!t || !a || sscanf(t, "MemTotal: %lu", &total) != 1 ||
        sscanf(a, "MemAvailable: %lu", &available) != 1 || total == 0 || available > total)
        return;
    ret->memory_total = (uint64_t)total * 1024;
    ret->memory_bytes = (uint64_t)(total - available) * 1024;
    ret->memory_percent = 100.0 * (double)ret->memory_bytes / (double)ret->memory_total;
}

void host_usage_read(const char *dir, struct host_cpu *io_last, struct host_usage *ret)
{
    *ret = (struct host_usage){ 0 };
    cpu_read(io_last, ret);
    memory_read(ret);
    struct statvfs fs;
    if (statvfs(dir, &fs) == 0 && fs.f_blocks > 0) {
        uint64_t used = fs.f_blocks - fs.f_bfree;
        ret->disk_bytes = used * fs.f_frsize;
        ret->disk_percent = 100.0 * (double)used / (double)(used + fs.f_bavail);
    }
}
