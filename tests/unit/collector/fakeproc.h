/* SPDX-License-Identifier: Apache-2.0 */
/** @file fakeproc.h  A tree that looks like /proc, in a folder of this test. */
#ifndef PHOENIX_TESTS_FAKEPROC_H
#define PHOENIX_TESTS_FAKEPROC_H
#include <check.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char fake_root[64];

static inline void fake_write_bytes(const char *name, const char *text, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", fake_root, name);
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(text, 1, n, out), n);
    ck_assert_int_eq(fclose(out), 0);
}

static inline void fake_write(const char *name, const char *text)
{
    fake_write_bytes(name, text, strlen(text));
}

static inline void fake_uptime(double seconds)
{
    char text[64];
    snprintf(text, sizeof text, "%.2f 1000.00\n", seconds);
    fake_write("uptime", text);
}

static inline void fake_make(void)
{
    snprintf(fake_root, sizeof fake_root, "/tmp/phoenix-proc-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(fake_root));
    fake_write("stat", "cpu  100 20 300 4000 50 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 1 2\nctxt 5\n"
                       "btime 1700000000\nprocesses 4242\nprocs_running 1\n");
    fake_write("meminfo", "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\n"
                          "Buffers:          10 kB\nCached:          200 kB\nSwapCached: 1 kB\n"
                          "SReclaimable:     30 kB\nSUnreclaim:      40 kB\n");
    fake_write("loadavg", "0.10 1.05 12.00 1/200 4242\n");
    fake_uptime(1000);
}

struct fake {
    unsigned pid;
    const char *name;
    unsigned long user, system, pages, start;
    unsigned threads;
};

static inline void fake_stat(const struct fake *f)
{
    char name[32], text[512];
    snprintf(name, sizeof name, "%u/stat", f->pid);
    snprintf(text, sizeof text,
             "%u (%s) S 1 1 1 0 -1 4194560 11 12 13 14 %lu %lu 17 18 20 0 %u 0 %lu 4096000 %lu "
             "18446744073709551615 1\n",
             f->pid, f->name, f->user, f->system, f->threads ? f->threads : 1, f->start, f->pages);
    fake_write(name, text);
}

/* A process with everything but descriptors. */
static inline void fake_process(const struct fake *f)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%u", fake_root, f->pid);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    fake_stat(f);
    snprintf(path, sizeof path, "%u/io", f->pid);
    fake_write(path, "rchar: 1000\nwchar: 2000\nsyscr: 1\nsyscw: 2\nread_bytes: 3\nwrite_bytes: 4\n");
}

static inline void fake_descriptors(unsigned pid, unsigned n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%u/fd", fake_root, pid);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%u/fd/%u", pid, i);
        fake_write(path, "");
    }
}

static inline int fake_on_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static inline void fake_end(unsigned pid)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%u", fake_root, pid);
    nftw(path, fake_on_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fake_remove(void)
{
    nftw(fake_root, fake_on_entry, 16, FTW_DEPTH | FTW_PHYS);
}
#endif
