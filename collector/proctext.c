/* SPDX-License-Identifier: Apache-2.0 */
/* Hand parsers: each walks a cursor over the text and stops at the first thing that is not as the
 * kernel writes it. */
#include "config.h"
#include "collector/proctext.h"

struct cursor {
    const char *p, *end;
};

static void skip_spaces(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t')) c->p++;
}

static bool read_uint(struct cursor *c, uint64_t *ret)
{
    skip_spaces(c);
    const char *start = c->p;
    uint64_t value = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        unsigned digit = (unsigned)(*c->p - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *ret = value;
    return c->p > start;
}

/* Numbers that we do not need; some are negative. */
static bool skip_fields(struct cursor *c, unsigned n)
{
    for (; n; n--) {
        uint64_t ignored;
        skip_spaces(c);
        if (c->p < c->end && *c->p == '-') c->p++;
        if (!read_uint(c, &ignored)) return false;
    }
    return true;
}

/* "12.34" as 1234. */
static bool read_hundredths(struct cursor *c, uint64_t *ret)
{
    uint64_t whole;
    if (!read_uint(c, &whole) || whole > UINT64_MAX / 100 - 1) return false;
    if (c->end - c->p < 3 || c->p[0] != '.') return false;
    unsigned tens = (unsigned)(c->p[1] - '0'), ones = (unsigned)(c->p[2] - '0');
    if (tens > 9 || ones > 9) return false;
    c->p += 3;
    *ret = whole * 100 + tens * 10 + ones;
    return true;
}

/* A number that the file ends in may have been cut: only one with something behind it counts. */
static bool read_last(struct cursor *c, uint64_t *ret)
{
    return read_uint(c, ret) && c->p < c->end;
}

bool proctext_stat(struct str text, struct proc_stat *ret)
{
    if (!text.n) return false;
    const char *open = memchr(text.p, '(', text.n);
    const char *close = memrchr(text.p, ')', text.n); /* the name itself may hold ") R 1" */
    if (!open || !close || close < open) return false;
    size_t n = (size_t)(close - open - 1);
    if (n > PROC_NAME_MAX) n = PROC_NAME_MAX;
    memcpy(ret->name, open + 1, n);
    ret->name[n] = 0;
    ret->name_len = (uint8_t)n;

    struct cursor c = { close + 1, text.p + text.n };
    skip_spaces(&c);
    if (c.p == c.end) return false;
    ret->state = *c.p++;
    uint64_t threads;
    /* fields as numbered in proc(5): minflt 10, majflt 12, utime 14, threads 20, start 22 */
    if (!skip_fields(&c, 6) || !read_uint(&c, &ret->minor_faults)) return false;
    if (!skip_fields(&c, 1) || !read_uint(&c, &ret->major_faults)) return false;
    if (!skip_fields(&c, 1) || !read_uint(&c, &ret->user) || !read_uint(&c, &ret->system)) return false;
    if (!skip_fields(&c, 4) || !read_uint(&c, &threads) || threads > UINT32_MAX) return false;
    ret->threads = (uint32_t)threads;
    if (!skip_fields(&c, 1) || !read_uint(&c, &ret->start) || !read_uint(&c, &ret->virtual_bytes) ||
        !read_last(&c, &ret->resident_pages))
        return false;
    if (!skip_fields(&c, 17) || !read_last(&c, &ret->wait)) ret->wait = 0; /* delayacct_blkio_ticks 42 */
    return true;
}

/* The value behind "KEY" at the start of a line. */
static bool find_line(struct str text, const char *key, struct cursor *ret)
{
    size_t n = strlen(key);
    const char *p = text.p, *end = text.p + text.n;
    while (p < end) {
        if ((size_t)(end - p) >= n && !memcmp(p, key, n)) {
            *ret = (struct cursor){ p + n, end };
            return true;
        }
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        if (!newline) return false;
        p = newline + 1;
    }
    return false;
}

bool proctext_io(struct str text, struct proc_io *ret)
{
    struct cursor c;
    return find_line(text, "rchar:", &c) && read_last(&c, &ret->read_bytes) &&
           find_line(text, "wchar:", &c) && read_last(&c, &ret->write_bytes);
}

bool proctext_host_cpu(struct str text, struct host_cpu *ret)
{
    struct cursor c;
    if (!find_line(text, "cpu ", &c)) return false;
    for (unsigned i = 0; i < CPU_STATES; i++)
        if (!read_last(&c, &ret->ticks[i])) return false;
    return find_line(text, "processes ", &c) && read_last(&c, &ret->processes_created);
}

static bool read_kib(struct str text, const char *key, uint64_t *ret)
{
    struct cursor c;
    uint64_t kib;
    if (!find_line(text, key, &c) || !read_last(&c, &kib) || kib > UINT64_MAX / 1024) return false;
    *ret = kib * 1024;
    return true;
}

bool proctext_host_memory(struct str text, struct host_memory *ret)
{
    return read_kib(text, "MemTotal:", &ret->total) && read_kib(text, "MemFree:", &ret->free) &&
           read_kib(text, "MemAvailable:", &ret->available) && read_kib(text, "Buffers:", &ret->buffered) &&
           read_kib(text, "Cached:", &ret->cached) &&
           read_kib(text, "SReclaimable:", &ret->slab_reclaimable) &&
           read_kib(text, "SUnreclaim:", &ret->slab_unreclaimable);
}

bool proctext_load(struct str text, uint64_t ret[3])
{
    struct cursor c = { text.p, text.p + text.n };
    return read_hundredths(&c, &ret[0]) && read_hundredths(&c, &ret[1]) && read_hundredths(&c, &ret[2]);
}

bool proctext_uptime(struct str text, uint64_t *ret)
{
    struct cursor c = { text.p, text.p + text.n };
    return read_hundredths(&c, ret);
}
