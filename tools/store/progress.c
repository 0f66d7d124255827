/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/store/progress.h"
#include "core/base/clock.h"

enum { BAR = 20, BAR_EVERY_MS = 100, LINE_EVERY_MS = 2000 };

static int share(uint64_t done, uint64_t total)
{
    return done >= total ? 100 : (int)((double)done / (double)total * 100);
}

static void add_left(const struct progress *p, double rate, struct buf *out)
{
    char text[32];
    if (p->done >= p->total || rate <= 0)
        return;
    int64_t seconds = (int64_t)((double)(p->total - p->done) / rate) + 1;
    buf_addf(out, ", %s left", format_duration(seconds * NS_PER_S, text));
}

void progress_text(const struct progress *p, int64_t elapsed_ns, struct buf *out)
{
    double rate = elapsed_ns > 0 ? (double)p->done * (double)NS_PER_S / (double)elapsed_ns : 0;
    buf_addf(out, "%-7s", p->phase);
    if (p->total == 0) {
        buf_addf(out, " %llu rows, %.0f/s", (unsigned long long)p->done, rate);
        return;
    }
    int percent = share(p->done, p->total);
    buf_adds(out, " [");
    for (int i = 0; i < BAR; i++)
        buf_addc(out, i < percent * BAR / 100 ? '#' : '-');
    buf_addf(out, "] %3d %%  %llu of %llu rows, %.0f/s", percent, (unsigned long long)p->done,
             (unsigned long long)p->total, rate);
    add_left(p, rate, out);
    if (p->collection && p->part_total)
        buf_addf(out, "; %s %d %%", p->collection, share(p->part_done, p->part_total));
}

static void draw(struct progress *p, bool is_last)
{
    struct buf line CLEANUP_BUF;
    buf_init(&line, 4096);
    p->drawn_ns = clock_mono();
    progress_text(p, p->drawn_ns - p->started_ns, &line);
    if (p->kind == PROGRESS_BAR)
        fprintf(p->out, "\r\033[K%s%s", buf_cstr(&line), is_last ? "\n" : "");
    else
        fprintf(p->out, "%s\n", buf_cstr(&line));
    fflush(p->out);
}

void progress_begin(struct progress *p, const char *phase, uint64_t total)
{
    p->phase = phase;
    p->collection = NULL;
    p->done = 0;
    p->total = total;
    p->started_ns = p->drawn_ns = clock_mono();
}

void progress_part(struct progress *p, const char *collection, uint64_t total)
{
    p->collection = collection;
    p->part_done = 0;
    p->part_total = total;
}

void progress_add(struct progress *p, uint64_t rows)
{
    int64_t every = (p->kind == PROGRESS_BAR ? BAR_EVERY_MS : LINE_EVERY_MS) * NS_PER_MS;
    p->done += rows;
    p->part_done += rows;
    if (p->kind != PROGRESS_NONE && clock_mono() - p->drawn_ns >= every)
        draw(p, false);
}

void progress_end(struct progress *p)
{
    p->collection = NULL;
    if (p->kind != PROGRESS_NONE)
        draw(p, true);
}
